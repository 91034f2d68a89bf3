//! Functions, versions and aliases: made, told, changed, gone.

use crate::{Lambda, function, package};
use model_lambda::operations::*;
use model_lambda::*;
use std::collections::BTreeMap;

fn get(name: &str, qualifier: Option<&str>) -> GetFunctionInput {
    GetFunctionInput { function_name: name.to_owned(), qualifier: qualifier.map(str::to_owned) }
}

#[tokio::test]
async fn a_function_is_made_told_and_removed() {
    let lambda = Lambda::new().await;
    let tags = BTreeMap::from([("team".to_owned(), "bards".to_owned())]);
    let made = lambda.create(CreateFunctionInput { tags: Some(tags.clone()), ..function("f") }).await;
    assert_eq!(made.function_arn.as_deref(), Some("arn:aws:lambda:us-east-1:000000000000:function:f"));
    assert_eq!(made.state, Some(State::Pending));
    assert_eq!(made.last_modified.as_deref(), Some("2026-01-01T00:00:00.000+0000"));

    let told = lambda.region.call::<GetFunction>(get("f", None)).await.unwrap();
    let configuration = told.configuration.unwrap();
    assert_eq!(configuration.state, Some(State::Active));
    assert_eq!(configuration.code_size, Some(package("one").len() as i64));
    assert_eq!(told.tags, Some(tags));

    let again = lambda.region.refused::<CreateFunction>(function("f")).await;
    assert_eq!(
        (again.code.as_ref(), again.message.as_str()),
        ("ResourceConflictException", "Function already exist: f")
    );

    let removal = DeleteFunctionInput { function_name: "f".to_owned(), qualifier: None };
    lambda.region.call::<DeleteFunction>(removal.clone()).await.unwrap();
    let gone = lambda.region.refused::<GetFunction>(get("f", None)).await;
    let expect = "Function not found: arn:aws:lambda:us-east-1:000000000000:function:f";
    assert_eq!((gone.status, gone.message.as_str()), (404, expect));
    let gone = lambda.region.refused::<DeleteFunction>(removal).await;
    assert_eq!(gone.code, "ResourceNotFoundException");
    let usage = lambda.region.call::<GetAccountSettings>(GetAccountSettingsInput {}).await.unwrap();
    assert_eq!(
        usage.account_usage.unwrap(),
        AccountUsage { total_code_size: Some(0), function_count: Some(0) }
    );
}

#[tokio::test]
async fn packages_that_are_none_are_refused() {
    let lambda = Lambda::new().await;
    for (zip, expect) in [
        (&b"no zip"[..], "Could not unzip uploaded file."),
        (&b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"[..], "non-empty zip"),
    ] {
        let code = FunctionCode { zip_file: Some(zip.to_vec().into()), ..Default::default() };
        let refused =
            lambda.region.refused::<CreateFunction>(CreateFunctionInput { code, ..function("f") }).await;
        assert_eq!(refused.code, "InvalidParameterValueException");
        assert!(refused.message.contains(expect), "{}", refused.message);
    }
    let none = CreateFunctionInput { code: FunctionCode::default(), ..function("f") };
    let refused = lambda.region.refused::<CreateFunction>(none).await;
    assert_eq!(refused.message, "Please provide a source for function code.");
}

#[tokio::test]
async fn versions_are_published_once_and_aliases_follow_them() {
    let lambda = Lambda::new().await;
    lambda.create(function("f")).await;
    let publish = PublishVersionInput { function_name: "f".to_owned(), ..Default::default() };
    let first = lambda.region.call::<PublishVersion>(publish.clone()).await.unwrap();
    let same = lambda.region.call::<PublishVersion>(publish.clone()).await.unwrap();
    assert_eq!((first.version.as_deref(), same.version.as_deref()), (Some("1"), Some("1")));
    let change = UpdateFunctionCodeInput {
        function_name: "f".to_owned(),
        zip_file: Some(package("two")),
        ..Default::default()
    };
    lambda.region.call::<UpdateFunctionCode>(change).await.unwrap();
    let second = lambda.region.call::<PublishVersion>(publish).await.unwrap();
    assert_eq!(second.function_arn.as_deref(), Some("arn:aws:lambda:us-east-1:000000000000:function:f:2"));
    assert_ne!(first.code_sha256, second.code_sha256);

    let alias = CreateAliasInput {
        function_name: "f".to_owned(),
        name: "live".to_owned(),
        function_version: "1".to_owned(),
        ..Default::default()
    };
    lambda.region.call::<CreateAlias>(alias.clone()).await.unwrap();
    let twice = lambda.region.refused::<CreateAlias>(alias).await;
    assert_eq!(twice.code, "ResourceConflictException");
    let told =
        lambda.region.call::<GetFunction>(get("f", Some("live"))).await.unwrap().configuration.unwrap();
    assert_eq!(told.version.as_deref(), Some("1"));
    assert_eq!(told.function_arn.as_deref(), Some("arn:aws:lambda:us-east-1:000000000000:function:f:live"));
    let used = DeleteFunctionInput { function_name: "f".to_owned(), qualifier: Some("1".to_owned()) };
    assert_eq!(lambda.region.refused::<DeleteFunction>(used).await.code, "ResourceConflictException");

    let versions = ListVersionsByFunctionInput { function_name: "f".to_owned(), ..Default::default() };
    let versions = lambda.region.call::<ListVersionsByFunction>(versions).await.unwrap().versions.unwrap();
    let numbers: Vec<&str> = versions.iter().filter_map(|version| version.version.as_deref()).collect();
    assert_eq!(numbers, ["$LATEST", "1", "2"]);
}

#[tokio::test]
async fn listings_are_paged() {
    let lambda = Lambda::new().await;
    for name in ["a", "b", "c"] {
        lambda.create(function(name)).await;
    }
    let mut input = ListFunctionsInput { max_items: Some(2), ..Default::default() };
    let first = lambda.region.call::<ListFunctions>(input.clone()).await.unwrap();
    assert_eq!(first.functions.unwrap().len(), 2);
    input.marker = first.next_marker;
    let second = lambda.region.call::<ListFunctions>(input.clone()).await.unwrap();
    assert_eq!(second.functions.unwrap()[0].function_name.as_deref(), Some("c"));
    assert_eq!(second.next_marker, None);
    input.marker = Some("forged".to_owned());
    assert_eq!(lambda.region.refused::<ListFunctions>(input).await.code, "InvalidParameterValueException");
}

#[tokio::test]
async fn a_stale_revision_changes_nothing() {
    let lambda = Lambda::new().await;
    lambda.create(function("f")).await;
    let input = GetFunctionConfigurationInput { function_name: "f".to_owned(), ..Default::default() };
    let made = lambda.region.call::<GetFunctionConfiguration>(input).await.unwrap();
    let change = UpdateFunctionConfigurationInput {
        function_name: "f".to_owned(),
        timeout: Some(9),
        revision_id: made.revision_id,
        ..Default::default()
    };
    let changed = lambda.region.call::<UpdateFunctionConfiguration>(change.clone()).await.unwrap();
    assert_eq!((changed.timeout, changed.last_update_status), (Some(9), Some(LastUpdateStatus::InProgress)));
    let stale = lambda.region.refused::<UpdateFunctionConfiguration>(change).await;
    assert_eq!((stale.status, stale.code.as_ref()), (412, "PreconditionFailedException"));
}

/// Where the region keeps to AWS's delays, what is under way is told and not disturbed (LocalStack's
/// test_lambda_concurrent_code_updates, recorded on AWS; aws/aws-cli issue 6718 for PublishVersion).
#[tokio::test]
async fn changes_that_are_under_way_are_not_disturbed() {
    let lambda = Lambda::pacing(Vec::new(), service::Fidelity::Aws).await;
    lambda.create(function("f")).await;
    let told = async || {
        let get = GetFunctionConfigurationInput { function_name: "f".to_owned(), qualifier: None };
        let told = lambda.region.call::<GetFunctionConfiguration>(get).await.unwrap();
        (told.state.unwrap(), told.last_update_status)
    };
    let invoke = || InvokeInput { function_name: "f".to_owned(), ..Default::default() };
    assert_eq!(told().await, (State::Pending, None));
    let pending = lambda.region.refused::<Invoke>(invoke()).await;
    assert_eq!((pending.code.as_ref(), pending.status), ("ResourceConflictException", 409));
    assert!(
        pending.message.ends_with("The function is currently in the following state: Pending"),
        "{pending:?}"
    );
    lambda.region.advance(std::time::Duration::from_secs(5)).await;
    assert_eq!(told().await, (State::Active, Some(LastUpdateStatus::Successful)));
    lambda.region.call::<Invoke>(invoke()).await.unwrap();
    let change = |text: &str| UpdateFunctionConfigurationInput {
        function_name: "f".to_owned(),
        description: Some(text.to_owned()),
        ..Default::default()
    };
    lambda.region.call::<UpdateFunctionConfiguration>(change("one")).await.unwrap();
    assert_eq!(told().await, (State::Active, Some(LastUpdateStatus::InProgress)));
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:f";
    let expected = format!(
        "The operation cannot be performed at this time. An update is in progress for resource: {arn}"
    );
    let refused = lambda.region.refused::<UpdateFunctionConfiguration>(change("two")).await;
    assert_eq!(
        (refused.code.as_ref(), refused.message.as_str()),
        ("ResourceConflictException", expected.as_str())
    );
    let code = UpdateFunctionCodeInput {
        function_name: "f".to_owned(),
        zip_file: Some(package("two")),
        ..Default::default()
    };
    let refused = lambda.region.refused::<UpdateFunctionCode>(code.clone()).await;
    assert_eq!(refused.message, expected);
    let publish = PublishVersionInput { function_name: "f".to_owned(), ..Default::default() };
    assert_eq!(lambda.region.refused::<PublishVersion>(publish.clone()).await.message, expected);
    lambda.region.call::<Invoke>(invoke()).await.unwrap();
    lambda.region.advance(std::time::Duration::from_secs(5)).await;
    lambda.region.call::<UpdateFunctionCode>(code).await.unwrap();
    lambda.region.advance(std::time::Duration::from_secs(5)).await;
    lambda.region.call::<PublishVersion>(publish).await.unwrap();
}
