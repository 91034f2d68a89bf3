//! What hangs on a function: policies, tags, concurrency, settings of asynchronous invocations, mappings.

use crate::{Lambda, function};
use model_lambda::operations::*;
use model_lambda::*;

fn permission(id: &str, qualifier: Option<&str>) -> AddPermissionInput {
    AddPermissionInput {
        function_name: "f".to_owned(),
        statement_id: id.to_owned(),
        action: "lambda:InvokeFunction".to_owned(),
        principal: "s3.amazonaws.com".to_owned(),
        source_arn: Some("arn:aws:s3:::b".to_owned()),
        qualifier: qualifier.map(str::to_owned),
        ..Default::default()
    }
}

#[tokio::test]
async fn policies_are_added_told_and_removed() {
    let lambda = Lambda::new().await;
    lambda.create(function("f")).await;
    let policy = GetPolicyInput { function_name: "f".to_owned(), qualifier: None };
    let none = lambda.region.refused::<GetPolicy>(policy.clone()).await;
    assert_eq!(none.message, "The resource you requested does not exist.");
    lambda.region.call::<AddPermission>(permission("s3", None)).await.unwrap();
    let twice = lambda.region.refused::<AddPermission>(permission("s3", None)).await;
    assert_eq!(twice.code, "ResourceConflictException");
    let absent = lambda.region.refused::<AddPermission>(permission("s3", Some("live"))).await;
    assert_eq!(absent.code, "ResourceNotFoundException");
    let told = lambda.region.call::<GetPolicy>(policy.clone()).await.unwrap().policy.unwrap();
    assert!(told.contains(r#""Service":"s3.amazonaws.com""#), "{told}");
    let removal = RemovePermissionInput {
        function_name: "f".to_owned(),
        statement_id: "s3".to_owned(),
        ..Default::default()
    };
    lambda.region.call::<RemovePermission>(removal.clone()).await.unwrap();
    assert_eq!(lambda.region.refused::<GetPolicy>(policy).await.status, 404);
    assert_eq!(lambda.region.refused::<RemovePermission>(removal).await.status, 404);
}

#[tokio::test]
async fn tags_come_and_go() {
    let lambda = Lambda::new().await;
    let arn = lambda.create(function("f")).await.function_arn.unwrap();
    let tags = [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())];
    let revision = async || {
        let one = GetFunctionConfigurationInput { function_name: "f".to_owned(), ..Default::default() };
        lambda.region.call::<GetFunctionConfiguration>(one).await.unwrap().revision_id.unwrap()
    };
    let mut revisions = vec![revision().await];
    lambda
        .region
        .call::<TagResource>(TagResourceInput { resource: arn.clone(), tags: tags.into() })
        .await
        .unwrap();
    revisions.push(revision().await);
    let removal = UntagResourceInput { resource: arn.clone(), tag_keys: vec!["a".to_owned()] };
    lambda.region.call::<UntagResource>(removal).await.unwrap();
    revisions.push(revision().await);
    // TestLambdaTags::test_tag_lifecycle, recorded by LocalStack: each change is another revision.
    assert_eq!(revisions.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
    let told = lambda.region.call::<ListTags>(ListTagsInput { resource: arn.clone() }).await.unwrap();
    assert_eq!(told.tags.unwrap(), [("b".to_owned(), "2".to_owned())].into());
    let absent = lambda.region.refused::<ListTags>(ListTagsInput { resource: arn + "g" }).await;
    assert_eq!(absent.code, "ResourceNotFoundException");
}

#[tokio::test]
async fn concurrency_is_kept_up_to_the_accounts_rest() {
    let lambda = Lambda::new().await;
    lambda.create(function("f")).await;
    let put = |reserved| PutFunctionConcurrencyInput {
        function_name: "f".to_owned(),
        reserved_concurrent_executions: reserved,
    };
    let refused = lambda.region.refused::<PutFunctionConcurrency>(put(901)).await;
    assert!(refused.message.contains("below its minimum value of [100]"), "{}", refused.message);
    lambda.region.call::<PutFunctionConcurrency>(put(0)).await.unwrap();
    let input = InvokeInput { function_name: "f".to_owned(), ..Default::default() };
    let throttled = lambda.region.refused::<Invoke>(input).await;
    assert_eq!((throttled.status, throttled.message.as_str()), (429, "Rate Exceeded."));
    let free = DeleteFunctionConcurrencyInput { function_name: "f".to_owned() };
    lambda.region.call::<DeleteFunctionConcurrency>(free).await.unwrap();
    assert_eq!(lambda.invoke("f", "{}").await.function_error, None);
}

#[tokio::test]
async fn mappings_need_a_source_that_is_there() {
    let lambda = Lambda::new().await;
    lambda.create(function("f")).await;
    let input = |source: &str| CreateEventSourceMappingInput {
        event_source_arn: Some(source.to_owned()),
        function_name: "f".to_owned(),
        ..Default::default()
    };
    // This region has no queues at all.
    for source in ["arn:aws:sqs:us-east-1:000000000000:q", "arn:aws:s3:::b"] {
        let refused = lambda.region.refused::<CreateEventSourceMapping>(input(source)).await;
        assert_eq!(refused.code, "InvalidParameterValueException");
    }
    let absent = GetEventSourceMappingInput { uuid: "00000000-0000-0000-0000-000000000000".to_owned() };
    assert_eq!(lambda.region.refused::<GetEventSourceMapping>(absent).await.status, 404);
}
