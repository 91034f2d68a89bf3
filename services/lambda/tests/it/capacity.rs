//! Capacity providers: kept, told, refused to go while versions name them; how versions scale on them.

use crate::{Lambda, function};
use bytes::Bytes;
use model_lambda::operations::*;
use model_lambda::*;

const PROVIDER: &str = "arn:aws:lambda:us-east-1:000000000000:capacity-provider:p";

fn provider(name: &str) -> CreateCapacityProviderInput {
    CreateCapacityProviderInput {
        capacity_provider_name: name.to_owned(),
        vpc_config: CapacityProviderVpcConfig {
            subnet_ids: vec!["subnet-1".to_owned()],
            security_group_ids: vec!["sg-1".to_owned()],
        },
        permissions_config: CapacityProviderPermissionsConfig {
            capacity_provider_operator_role_arn: "arn:aws:iam::000000000000:role/operator".to_owned(),
        },
        ..Default::default()
    }
}

fn on_provider(name: &str) -> CreateFunctionInput {
    let config = LambdaManagedInstancesCapacityProviderConfig {
        capacity_provider_arn: PROVIDER.to_owned(),
        per_execution_environment_max_concurrency: Some(1),
        execution_environment_memory_gi_b_per_v_cpu: None,
    };
    CreateFunctionInput {
        capacity_provider_config: Some(CapacityProviderConfig {
            lambda_managed_instances_capacity_provider_config: config,
        }),
        publish: Some(true),
        ..function(name)
    }
}

fn named(name: &str) -> GetCapacityProviderInput {
    GetCapacityProviderInput { capacity_provider_name: name.to_owned() }
}

/// CreateCapacityProvider, API reference: states `Pending`, `Active`, `Deleting`; ResourceConflictException.
#[tokio::test]
async fn a_provider_is_made_told_and_goes() {
    let lambda = Lambda::new().await;
    let made = lambda.region.call::<CreateCapacityProvider>(provider("p")).await.unwrap().capacity_provider;
    assert_eq!(
        (made.capacity_provider_arn.as_str(), &made.state),
        (PROVIDER, &CapacityProviderState::Pending)
    );
    let again = lambda.region.refused::<CreateCapacityProvider>(provider("p")).await;
    assert_eq!((again.code.as_ref(), again.status), ("ResourceConflictException", 409));
    let told = lambda.region.call::<GetCapacityProvider>(named(PROVIDER)).await.unwrap().capacity_provider;
    assert_eq!(told.state, CapacityProviderState::Active);
    let change = UpdateCapacityProviderInput {
        capacity_provider_name: "p".to_owned(),
        capacity_provider_scaling_config: Some(CapacityProviderScalingConfig {
            max_v_cpu_count: Some(12),
            ..Default::default()
        }),
    };
    let changed = lambda.region.call::<UpdateCapacityProvider>(change).await.unwrap().capacity_provider;
    assert_eq!(changed.capacity_provider_scaling_config.unwrap().max_v_cpu_count, Some(12));
    let gone = DeleteCapacityProviderInput { capacity_provider_name: "p".to_owned() };
    let gone = lambda.region.call::<DeleteCapacityProvider>(gone).await.unwrap().capacity_provider;
    assert_eq!(gone.state, CapacityProviderState::Deleting);
    let absent = lambda.region.refused::<GetCapacityProvider>(named("p")).await;
    assert_eq!((absent.code.as_ref(), absent.status), ("ResourceNotFoundException", 404));
}

#[tokio::test]
async fn a_provider_stays_while_versions_name_it() {
    let lambda = Lambda::new().await;
    let refused = lambda.region.refused::<CreateFunction>(on_provider("f")).await;
    assert_eq!(refused.code.as_ref(), "ResourceNotFoundException");
    lambda.region.call::<CreateCapacityProvider>(provider("p")).await.unwrap();
    let made = lambda.create(on_provider("f")).await;
    assert!(made.capacity_provider_config.is_some());
    let list = ListFunctionVersionsByCapacityProviderInput {
        capacity_provider_name: "p".to_owned(),
        ..Default::default()
    };
    let used = lambda.region.call::<ListFunctionVersionsByCapacityProvider>(list).await.unwrap();
    let versions: Vec<_> = used.function_versions.iter().map(|one| one.function_arn.as_str()).collect();
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:f";
    assert_eq!(versions, [format!("{arn}:$LATEST"), format!("{arn}:1")]);
    let delete = || DeleteCapacityProviderInput { capacity_provider_name: "p".to_owned() };
    let refused = lambda.region.refused::<DeleteCapacityProvider>(delete()).await;
    assert_eq!(refused.code.as_ref(), "ResourceConflictException");
    let gone = DeleteFunctionInput { function_name: "f".to_owned(), ..Default::default() };
    lambda.region.call::<DeleteFunction>(gone).await.unwrap();
    lambda.region.call::<DeleteCapacityProvider>(delete()).await.unwrap();
}

#[tokio::test]
async fn a_version_runs_in_no_more_environments_than_it_may_have() {
    let lambda = Lambda::new().await;
    lambda.region.call::<CreateCapacityProvider>(provider("p")).await.unwrap();
    lambda.create(on_provider("f")).await;
    let scale = |most| PutFunctionScalingConfigInput {
        function_name: "f".to_owned(),
        qualifier: "1".to_owned(),
        function_scaling_config: Some(FunctionScalingConfig {
            min_execution_environments: Some(0),
            max_execution_environments: Some(most),
        }),
    };
    lambda.region.call::<PutFunctionScalingConfig>(scale(2)).await.unwrap();
    let get = GetFunctionScalingConfigInput { function_name: "f".to_owned(), qualifier: "1".to_owned() };
    let told = lambda.region.call::<GetFunctionScalingConfig>(get).await.unwrap();
    assert_eq!(told.applied_function_scaling_config.unwrap().max_execution_environments, Some(2));
    let invoke = || InvokeInput {
        function_name: "f:1".to_owned(),
        payload: Some(Bytes::from_static(b"{}")),
        ..Default::default()
    };
    let answer = lambda.region.call::<Invoke>(invoke()).await.unwrap();
    assert_eq!(answer.executed_version.as_deref(), Some("1"));
    let off = lambda.region.call::<PutFunctionScalingConfig>(scale(0)).await.unwrap();
    assert_eq!(off.function_state, Some(State::Deactivated));
    let refused = lambda.region.refused::<Invoke>(invoke()).await;
    assert_eq!((refused.code.as_ref(), refused.status), ("TooManyRequestsException", 429));
}

/// "$LATEST.PUBLISHED version in Lambda Managed Instances", Lambda developer guide.
#[tokio::test]
async fn what_was_published_last_has_a_name_instead_of_a_number() {
    let lambda = Lambda::new().await;
    lambda.region.call::<CreateCapacityProvider>(provider("p")).await.unwrap();
    lambda.create(CreateFunctionInput { publish: None, ..on_provider("f") }).await;
    let publish = || PublishVersionInput {
        function_name: "f".to_owned(),
        publish_to: Some(FunctionVersionLatestPublished::LatestPublished),
        ..Default::default()
    };
    let made = lambda.region.call::<PublishVersion>(publish()).await.unwrap();
    assert_eq!(made.version.as_deref(), Some("$LATEST.PUBLISHED"));
    assert!(made.function_arn.unwrap().ends_with(":function:f:$LATEST.PUBLISHED"));
    let again = lambda.region.call::<PublishVersion>(publish()).await.unwrap();
    assert_eq!(again.revision_id, made.revision_id);
    let invoke = async |name: &str| {
        let input = InvokeInput {
            function_name: name.to_owned(),
            payload: Some(Bytes::from_static(b"{}")),
            ..Default::default()
        };
        lambda.region.call::<Invoke>(input).await.unwrap().executed_version.unwrap()
    };
    assert_eq!(invoke("f").await, "$LATEST.PUBLISHED");
    assert_eq!(invoke("f:$LATEST.PUBLISHED").await, "$LATEST.PUBLISHED");
    assert_eq!(invoke("f:$LATEST").await, "$LATEST");
    let change = UpdateFunctionConfigurationInput {
        function_name: "f".to_owned(),
        timeout: Some(9),
        ..Default::default()
    };
    lambda.region.call::<UpdateFunctionConfiguration>(change).await.unwrap();
    let republished = lambda.region.call::<PublishVersion>(publish()).await.unwrap();
    assert_eq!(republished.timeout, Some(9));
    let numbered = PublishVersionInput { publish_to: None, ..publish() };
    assert_eq!(lambda.region.call::<PublishVersion>(numbered).await.unwrap().version.as_deref(), Some("1"));
    let listed = ListVersionsByFunctionInput { function_name: "f".to_owned(), ..Default::default() };
    let listed = lambda.region.call::<ListVersionsByFunction>(listed).await.unwrap().versions.unwrap();
    let names: Vec<_> = listed.iter().map(|version| version.version.as_deref().unwrap()).collect();
    assert_eq!(names, ["$LATEST", "1", "$LATEST.PUBLISHED"]);
    let deletion = DeleteFunctionInput {
        function_name: "f".to_owned(),
        qualifier: Some("$LATEST.PUBLISHED".to_owned()),
    };
    lambda.region.call::<DeleteFunction>(deletion).await.unwrap();
    assert_eq!(invoke("f").await, "$LATEST");
    lambda.create(function("other")).await;
    let other = PublishVersionInput { function_name: "other".to_owned(), ..publish() };
    let refused = lambda.region.refused::<PublishVersion>(other).await;
    assert_eq!(refused.code.as_ref(), "InvalidParameterValueException");
}

#[tokio::test]
async fn only_versions_on_a_provider_scale() {
    let lambda = Lambda::new().await;
    lambda.create(CreateFunctionInput { publish: Some(true), ..function("f") }).await;
    let get = GetFunctionScalingConfigInput { function_name: "f".to_owned(), qualifier: "1".to_owned() };
    let refused = lambda.region.refused::<GetFunctionScalingConfig>(get).await;
    assert_eq!(refused.code.as_ref(), "InvalidParameterValueException");
    let get = GetFunctionScalingConfigInput { function_name: "f".to_owned(), qualifier: "7".to_owned() };
    let absent = lambda.region.refused::<GetFunctionScalingConfig>(get).await;
    assert_eq!(absent.code.as_ref(), "ResourceNotFoundException");
}
