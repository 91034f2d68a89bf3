//! Code signing configurations, and the settings that stand beside them: loops, runtimes, what is kept ready.

use crate::{Lambda, function};
use model_lambda::operations::*;
use model_lambda::*;

const PROFILE: &str = "arn:aws:signer:us-east-1:000000000000:/signing-profiles/p/1234567890";

fn config(policy: CodeSigningPolicy) -> CreateCodeSigningConfigInput {
    CreateCodeSigningConfigInput {
        allowed_publishers: AllowedPublishers { signing_profile_version_arns: vec![PROFILE.to_owned()] },
        code_signing_policies: Some(CodeSigningPolicies { untrusted_artifact_on_deployment: Some(policy) }),
        ..Default::default()
    }
}

async fn made(lambda: &Lambda, policy: CodeSigningPolicy) -> String {
    let made = lambda.region.call::<CreateCodeSigningConfig>(config(policy)).await.unwrap();
    made.code_signing_config.code_signing_config_arn
}

#[tokio::test]
async fn code_without_a_signature_is_refused_where_one_is_wanted() {
    let lambda = Lambda::new().await;
    let (warns, enforces) =
        (made(&lambda, CodeSigningPolicy::Warn).await, made(&lambda, CodeSigningPolicy::Enforce).await);
    let mut input = function("f");
    input.code_signing_config_arn = Some(enforces.clone());
    let refused = lambda.region.refused::<CreateFunction>(input.clone()).await;
    assert_eq!(refused.code, "CodeVerificationFailedException");
    input.code_signing_config_arn = Some(warns.clone());
    lambda.create(input).await;
    let put = PutFunctionCodeSigningConfigInput {
        code_signing_config_arn: enforces.clone(),
        function_name: "f".to_owned(),
    };
    lambda.region.call::<PutFunctionCodeSigningConfig>(put).await.unwrap();
    let change = UpdateFunctionCodeInput {
        function_name: "f".to_owned(),
        zip_file: Some(crate::package("two")),
        ..Default::default()
    };
    let refused = lambda.region.refused::<UpdateFunctionCode>(change.clone()).await;
    assert_eq!(refused.code, "CodeVerificationFailedException");
    let users = ListFunctionsByCodeSigningConfigInput {
        code_signing_config_arn: enforces.clone(),
        ..Default::default()
    };
    let users = lambda.region.call::<ListFunctionsByCodeSigningConfig>(users).await.unwrap();
    assert_eq!(users.function_arns.unwrap(), ["arn:aws:lambda:us-east-1:000000000000:function:f"]);
    let deletion = DeleteCodeSigningConfigInput { code_signing_config_arn: enforces.clone() };
    let used = lambda.region.refused::<DeleteCodeSigningConfig>(deletion.clone()).await;
    assert_eq!(used.code, "ResourceConflictException");
    let off = DeleteFunctionCodeSigningConfigInput { function_name: "f".to_owned() };
    lambda.region.call::<DeleteFunctionCodeSigningConfig>(off).await.unwrap();
    lambda.region.call::<UpdateFunctionCode>(change).await.unwrap();
    lambda.region.call::<DeleteCodeSigningConfig>(deletion).await.unwrap();
    let absent = GetCodeSigningConfigInput { code_signing_config_arn: enforces };
    let absent = lambda.region.refused::<GetCodeSigningConfig>(absent).await;
    assert_eq!(absent.code, "ResourceNotFoundException");
}

#[tokio::test]
async fn loops_and_runtimes_are_settings() {
    let lambda = Lambda::new().await;
    lambda.create(function("f")).await;
    let put = PutFunctionRecursionConfigInput {
        function_name: "f".to_owned(),
        recursive_loop: RecursiveLoop::Allow,
    };
    lambda.region.call::<PutFunctionRecursionConfig>(put).await.unwrap();
    let get = GetFunctionRecursionConfigInput { function_name: "f".to_owned() };
    let told = lambda.region.call::<GetFunctionRecursionConfig>(get).await.unwrap();
    assert_eq!(told.recursive_loop, Some(RecursiveLoop::Allow));
    let put = PutRuntimeManagementConfigInput {
        function_name: "f".to_owned(),
        update_runtime_on: UpdateRuntimeOn::Manual,
        ..Default::default()
    };
    let refused = lambda.region.refused::<PutRuntimeManagementConfig>(put.clone()).await;
    assert_eq!(refused.code, "InvalidParameterValueException");
    let put = PutRuntimeManagementConfigInput { update_runtime_on: UpdateRuntimeOn::FunctionUpdate, ..put };
    lambda.region.call::<PutRuntimeManagementConfig>(put).await.unwrap();
    let get = GetRuntimeManagementConfigInput { function_name: "f".to_owned(), qualifier: None };
    let told = lambda.region.call::<GetRuntimeManagementConfig>(get).await.unwrap();
    assert_eq!(told.update_runtime_on, Some(UpdateRuntimeOn::FunctionUpdate));
}

#[tokio::test]
async fn environments_are_kept_ready() {
    let lambda = Lambda::new().await;
    lambda.create(function("f")).await;
    let put = |qualifier: &str, wanted| PutProvisionedConcurrencyConfigInput {
        function_name: "f".to_owned(),
        qualifier: qualifier.to_owned(),
        provisioned_concurrent_executions: wanted,
    };
    let latest = lambda.region.refused::<PutProvisionedConcurrencyConfig>(put("$LATEST", 2)).await;
    assert_eq!(latest.code, "InvalidParameterValueException");
    let version = PublishVersionInput { function_name: "f".to_owned(), ..Default::default() };
    lambda.region.call::<PublishVersion>(version).await.unwrap();
    let told = lambda.region.call::<PutProvisionedConcurrencyConfig>(put("1", 2)).await.unwrap();
    assert_eq!(told.status, Some(ProvisionedConcurrencyStatusEnum::InProgress));
    let get =
        GetProvisionedConcurrencyConfigInput { function_name: "f".to_owned(), qualifier: "1".to_owned() };
    loop {
        let told = lambda.region.call::<GetProvisionedConcurrencyConfig>(get.clone()).await.unwrap();
        if told.status == Some(ProvisionedConcurrencyStatusEnum::Ready) {
            assert_eq!(told.available_provisioned_concurrent_executions, Some(2));
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(lambda.runner.launched(), 2);
    let kind = lambda.runner.variable("AWS_LAMBDA_INITIALIZATION_TYPE");
    assert_eq!(kind.as_deref(), Some("provisioned-concurrency"));
    let input = InvokeInput { qualifier: Some("1".to_owned()), ..Default::default() };
    let input = InvokeInput { function_name: "f".to_owned(), ..input };
    lambda.region.call::<Invoke>(input).await.unwrap();
    assert_eq!(lambda.runner.launched(), 2, "one that was ready took it");
    let off =
        DeleteProvisionedConcurrencyConfigInput { function_name: "f".to_owned(), qualifier: "1".to_owned() };
    lambda.region.call::<DeleteProvisionedConcurrencyConfig>(off).await.unwrap();
    let absent = lambda.region.refused::<GetProvisionedConcurrencyConfig>(get).await;
    assert_eq!(absent.code, "ProvisionedConcurrencyConfigNotFoundException");
}

/// Recorded of AWS by LocalStack (test_lambda_provisioned_concurrency_moves_with_alias): while an alias moves, what its
/// former version kept is told, and that it is in progress.
#[tokio::test]
async fn what_is_kept_moves_with_its_alias() {
    let lambda = Lambda::new().await;
    lambda.create(function("f")).await;
    let publish = || PublishVersionInput { function_name: "f".to_owned(), ..Default::default() };
    lambda.region.call::<PublishVersion>(publish()).await.unwrap();
    let alias = CreateAliasInput {
        function_name: "f".to_owned(),
        name: "live".to_owned(),
        function_version: "1".to_owned(),
        ..Default::default()
    };
    lambda.region.call::<CreateAlias>(alias).await.unwrap();
    let put = PutProvisionedConcurrencyConfigInput {
        function_name: "f".to_owned(),
        qualifier: "live".to_owned(),
        provisioned_concurrent_executions: 1,
    };
    lambda.region.call::<PutProvisionedConcurrencyConfig>(put).await.unwrap();
    let told = async || {
        let get = GetProvisionedConcurrencyConfigInput {
            function_name: "f".to_owned(),
            qualifier: "live".to_owned(),
        };
        let told = lambda.region.call::<GetProvisionedConcurrencyConfig>(get).await.unwrap();
        (told.status.unwrap(), told.available_provisioned_concurrent_executions.unwrap())
    };
    while told().await != (ProvisionedConcurrencyStatusEnum::Ready, 1) {
        tokio::task::yield_now().await;
    }
    // The second version never begins.
    let variables = [("BEGIN".to_owned(), "hang".to_owned())].into();
    let change = UpdateFunctionConfigurationInput {
        function_name: "f".to_owned(),
        environment: Some(Environment { variables: Some(variables) }),
        timeout: Some(900),
        ..Default::default()
    };
    lambda.region.call::<UpdateFunctionConfiguration>(change).await.unwrap();
    lambda.region.call::<PublishVersion>(publish()).await.unwrap();
    let moved = UpdateAliasInput {
        function_name: "f".to_owned(),
        name: "live".to_owned(),
        function_version: Some("2".to_owned()),
        ..Default::default()
    };
    lambda.region.call::<UpdateAlias>(moved).await.unwrap();
    for _ in 0..5_000 {
        if lambda.runner.launched() == 2 {
            break;
        }
        lambda.region.host().clock.rest(std::time::Duration::from_millis(1)).await;
    }
    assert_eq!(lambda.runner.launched(), 2, "the worker heard of it");
    assert_eq!(told().await, (ProvisionedConcurrencyStatusEnum::InProgress, 1));
}
