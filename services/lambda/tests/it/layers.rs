//! Layers: published, listed, handed out, laid under functions, kept while a function has them.

use crate::{Lambda, function, package};
use model_lambda::operations::*;
use model_lambda::*;

fn publishing(name: &str, content: &str) -> PublishLayerVersionInput {
    PublishLayerVersionInput {
        layer_name: name.to_owned(),
        content: LayerVersionContentInput { zip_file: Some(package(content)), ..Default::default() },
        compatible_runtimes: Some(vec![Runtime::ProvidedAl2023]),
        ..Default::default()
    }
}

async fn publish(lambda: &Lambda, name: &str, content: &str) -> PublishLayerVersionOutput {
    lambda.region.call::<PublishLayerVersion>(publishing(name, content)).await.unwrap()
}

fn deletion(number: i64) -> DeleteLayerVersionInput {
    DeleteLayerVersionInput { layer_name: "lute".to_owned(), version_number: number }
}

/// TestLambdaLayer::test_layer_s3_content and test_layer_exceptions, recorded by LocalStack.
#[tokio::test]
async fn what_was_not_given_is_not_told() {
    let lambda = Lambda::new().await;
    let told = async |given: Option<Vec<Runtime>>| {
        let input = PublishLayerVersionInput { compatible_runtimes: given, ..publishing("lute", "strings") };
        let made = lambda.region.call::<PublishLayerVersion>(input).await.unwrap();
        assert_eq!(made.compatible_architectures, None);
        made.compatible_runtimes
    };
    assert_eq!(told(None).await, None);
    assert_eq!(told(Some(Vec::new())).await, Some(Vec::new()));
    assert_eq!(told(Some(vec![Runtime::Java17])).await, Some(vec![Runtime::Java17]));
}

#[tokio::test]
async fn versions_are_numbered_listed_and_never_reused() {
    let lambda = Lambda::new().await;
    for number in 1..=2 {
        let made = publish(&lambda, "lute", &format!("content {number}")).await;
        let arn = format!("arn:aws:lambda:us-east-1:000000000000:layer:lute:{number}");
        assert_eq!((made.version, made.layer_version_arn), (Some(number), Some(arn)));
    }
    lambda.region.call::<DeleteLayerVersion>(deletion(2)).await.unwrap();
    lambda.region.call::<DeleteLayerVersion>(deletion(2)).await.unwrap();
    assert_eq!(publish(&lambda, "lute", "content 3").await.version, Some(3));
    let listing = ListLayerVersionsInput { layer_name: "lute".to_owned(), ..Default::default() };
    let listed = lambda.region.call::<ListLayerVersions>(listing).await.unwrap().layer_versions.unwrap();
    assert_eq!(listed.iter().map(|one| one.version.unwrap()).collect::<Vec<_>>(), [3, 1]);
    let layers = lambda.region.call::<ListLayers>(ListLayersInput::default()).await.unwrap().layers.unwrap();
    assert_eq!(layers[0].latest_matching_version.as_ref().unwrap().version, Some(3));
    let other = ListLayersInput { compatible_runtime: Some(Runtime::Python311), ..Default::default() };
    assert_eq!(lambda.region.call::<ListLayers>(other).await.unwrap().layers.unwrap().len(), 0);
    let absent = GetLayerVersionInput { layer_name: "lute".to_owned(), version_number: 2 };
    assert_eq!(lambda.region.refused::<GetLayerVersion>(absent).await.code, "ResourceNotFoundException");
}

#[tokio::test]
async fn the_content_is_at_the_link() {
    let lambda = Lambda::new().await;
    let location = publish(&lambda, "lute", "content").await.content.unwrap().location.unwrap();
    let path = location.strip_prefix("http://localhost:4566").unwrap().to_owned();
    let host = [("host", "localhost:4566")];
    let answer = lambda.region.http("GET", &path, &host, bytes::Bytes::new()).await;
    let testkit::ReplyBody::Bytes(body) = answer.body else { panic!("bytes") };
    assert_eq!((answer.status, body), (200, package("content")));
    let forged = lambda.region.http("GET", &(path + "A"), &host, bytes::Bytes::new()).await;
    assert_eq!(forged.status, 404);
}

#[tokio::test]
async fn a_function_keeps_the_layers_that_it_has() {
    let lambda = Lambda::new().await;
    let [low, high] = ["low", "high"].map(|name| (name, format!("content of {name}")));
    let mut arns = Vec::new();
    for (name, content) in [low, high] {
        arns.push(publish(&lambda, name, &content).await.layer_version_arn.unwrap());
    }
    let mut input = function("f");
    input.layers = Some(arns.clone());
    let made = lambda.create(input).await;
    assert_eq!(made.layers.unwrap()[1].arn.as_ref(), Some(&arns[1]));
    for name in ["low", "high"] {
        let deletion = DeleteLayerVersionInput { layer_name: name.to_owned(), version_number: 1 };
        lambda.region.call::<DeleteLayerVersion>(deletion).await.unwrap();
    }
    lambda.invoke("f", "{}").await;
    let opt = lambda.runner.variable("ELYSIUM_LAYERS_ROOT").unwrap();
    // Both have the same file; the second lies over the first.
    assert_eq!(std::fs::read_to_string(format!("{opt}/bootstrap")).unwrap(), "content of high");
    let mut other = function("g");
    other.layers = Some(arns);
    let gone = lambda.region.refused::<CreateFunction>(other).await;
    assert!(gone.message.ends_with("layer:low:1 does not exist."), "{}", gone.message);
}

#[tokio::test]
async fn others_are_let_in_by_statements() {
    let lambda = Lambda::new().await;
    publish(&lambda, "lute", "content").await;
    let adding = AddLayerVersionPermissionInput {
        layer_name: "lute".to_owned(),
        version_number: 1,
        statement_id: "all".to_owned(),
        action: "lambda:GetLayerVersion".to_owned(),
        principal: "123456789012".to_owned(),
        ..Default::default()
    };
    let added = lambda.region.call::<AddLayerVersionPermission>(adding.clone()).await.unwrap();
    assert!(added.statement.unwrap().contains("arn:aws:iam::123456789012:root"));
    let twice = lambda.region.refused::<AddLayerVersionPermission>(adding).await;
    assert_eq!(twice.code, "ResourceConflictException");
    let asking = GetLayerVersionPolicyInput { layer_name: "lute".to_owned(), version_number: 1 };
    let policy = lambda.region.call::<GetLayerVersionPolicy>(asking.clone()).await.unwrap();
    assert_eq!(policy.revision_id, added.revision_id);
    let removal = RemoveLayerVersionPermissionInput {
        layer_name: "lute".to_owned(),
        version_number: 1,
        statement_id: "all".to_owned(),
        revision_id: Some("00000000-0000-0000-0000-000000000000".to_owned()),
    };
    let stale = lambda.region.refused::<RemoveLayerVersionPermission>(removal.clone()).await;
    assert_eq!(stale.code, "PreconditionFailedException");
    let removal = RemoveLayerVersionPermissionInput { revision_id: policy.revision_id, ..removal };
    lambda.region.call::<RemoveLayerVersionPermission>(removal).await.unwrap();
    assert_eq!(lambda.region.refused::<GetLayerVersionPolicy>(asking).await.status, 404);
}
