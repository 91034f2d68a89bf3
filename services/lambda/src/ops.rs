//! The operations of the room, one line each.

pub mod account_settings;
pub mod aliases;
pub mod capacity_providers;
pub mod code_signing;
pub mod concurrency;
pub mod create_function;
pub mod delete_function;
pub mod durable;
pub mod event_invoke_config;
pub mod event_source_mappings;
pub mod function_scaling;
pub mod function_urls;
pub mod get_function;
pub mod invoke;
pub mod invoke_async;
pub mod invoke_with_response_stream;
pub mod layer_permissions;
pub mod layers;
pub mod package;
pub mod permissions;
pub mod provisioned_concurrency;
pub mod recursion;
pub mod runtime_management;
pub mod tags;
pub mod update_function;
pub mod versions;

use crate::errors::LambdaError;
use crate::policy::{self, OfFunction};
use crate::rules::names::{self, Named};
use model_lambda::operations as of;
use service::{Ctx, Operation};

/// Who takes on the roles of functions.
const PRINCIPAL: &str = "lambda.amazonaws.com";

/// All operations.
pub fn all() -> Vec<Operation> {
    listed().into_iter().map(rated).collect()
}

/// With how often AWS lets an account do it (Lambda developer guide, "Lambda quotas", API requests).
fn rated(operation: Operation) -> Operation {
    match operation.shape.name {
        "Invoke" | "InvokeWithResponseStream" | "InvokeAsync" => operation,
        "GetFunction" => operation.at_most(100, 100),
        _ => operation.at_most(15, 15),
    }
}

fn listed() -> Vec<Operation> {
    let mut all = of_functions();
    all.extend(of_settings());
    all.extend(of_layers());
    all.extend(of_capacity());
    all.extend(of_durable());
    all
}

fn of_functions() -> Vec<Operation> {
    vec![
        Operation::new::<of::AddPermission, _, _, _>(permissions::add).acts_on(policy::function),
        Operation::new::<of::CreateAlias, _, _, _>(aliases::create).acts_on(policy::function),
        Operation::new::<of::CreateEventSourceMapping, _, _, _>(event_source_mappings::create)
            .acts_on(policy::new_mapping),
        Operation::new::<of::CreateFunction, _, _, _>(create_function::create_function)
            .passes_role(PRINCIPAL, |input| Some(&input.role))
            .acts_on(policy::new_function),
        Operation::new::<of::DeleteAlias, _, _, _>(aliases::delete).acts_on(policy::function),
        Operation::new::<of::DeleteEventSourceMapping, _, _, _>(event_source_mappings::delete)
            .acts_on(policy::mapping),
        Operation::new::<of::DeleteFunction, _, _, _>(delete_function::delete_function)
            .acts_on(policy::function),
        Operation::new::<of::DeleteFunctionConcurrency, _, _, _>(concurrency::delete)
            .acts_on(policy::function),
        Operation::new::<of::DeleteFunctionEventInvokeConfig, _, _, _>(event_invoke_config::delete)
            .acts_on(policy::function),
        Operation::new::<of::GetAccountSettings, _, _, _>(account_settings::get).acts_on_everything(),
        Operation::new::<of::GetAlias, _, _, _>(aliases::get).acts_on(policy::function),
        Operation::new::<of::GetEventSourceMapping, _, _, _>(event_source_mappings::get)
            .acts_on(policy::mapping),
        Operation::new::<of::GetFunction, _, _, _>(get_function::get).acts_on(policy::function),
        Operation::new::<of::GetFunctionCodeSigningConfig, _, _, _>(code_signing::get_of_function)
            .acts_on(policy::function),
        Operation::new::<of::GetFunctionConcurrency, _, _, _>(concurrency::get).acts_on(policy::function),
        Operation::new::<of::GetFunctionConfiguration, _, _, _>(get_function::configuration)
            .acts_on(policy::function),
        Operation::new::<of::GetFunctionEventInvokeConfig, _, _, _>(event_invoke_config::get)
            .acts_on(policy::function),
        Operation::new::<of::GetFunctionRecursionConfig, _, _, _>(recursion::get).acts_on(policy::function),
        Operation::new::<of::GetPolicy, _, _, _>(permissions::get).acts_on(policy::function),
        Operation::new::<of::GetRuntimeManagementConfig, _, _, _>(runtime_management::get)
            .acts_on(policy::function),
        Operation::new::<of::Invoke, _, _, _>(invoke::invoke).acts_on(policy::invoke),
        Operation::new::<of::ListAliases, _, _, _>(aliases::list).acts_on(policy::function),
        Operation::new::<of::ListEventSourceMappings, _, _, _>(event_source_mappings::list)
            .acts_on_everything(),
        Operation::new::<of::ListFunctions, _, _, _>(get_function::list).acts_on_everything(),
        Operation::new::<of::ListTags, _, _, _>(tags::list).acts_on(policy::resource),
        Operation::new::<of::ListVersionsByFunction, _, _, _>(versions::list).acts_on(policy::function),
        Operation::new::<of::PublishVersion, _, _, _>(versions::publish_version).acts_on(policy::function),
        Operation::new::<of::PutFunctionConcurrency, _, _, _>(concurrency::put).acts_on(policy::function),
        Operation::new::<of::PutFunctionEventInvokeConfig, _, _, _>(event_invoke_config::put)
            .acts_on(policy::function),
        Operation::new::<of::RemovePermission, _, _, _>(permissions::remove).acts_on(policy::function),
        Operation::new::<of::TagResource, _, _, _>(tags::tag).acts_on(policy::resource),
        Operation::new::<of::UntagResource, _, _, _>(tags::untag).acts_on(policy::resource),
        Operation::new::<of::UpdateAlias, _, _, _>(aliases::update).acts_on(policy::function),
        Operation::new::<of::UpdateEventSourceMapping, _, _, _>(event_source_mappings::update)
            .acts_on(policy::mapping),
        Operation::new::<of::UpdateFunctionCode, _, _, _>(update_function::code).acts_on(policy::function),
        Operation::new::<of::UpdateFunctionConfiguration, _, _, _>(update_function::configuration)
            .passes_role(PRINCIPAL, |input| input.role.as_deref())
            .acts_on(policy::changed_function),
        Operation::new::<of::UpdateFunctionEventInvokeConfig, _, _, _>(event_invoke_config::update)
            .acts_on(policy::function),
    ]
}

/// URLs, code signing, what is kept ready, runtimes, loops, the other forms of invoking.
fn of_settings() -> Vec<Operation> {
    vec![
        Operation::new::<of::CreateCodeSigningConfig, _, _, _>(code_signing::create).acts_on_everything(),
        Operation::new::<of::CreateFunctionUrlConfig, _, _, _>(function_urls::create)
            .acts_on(policy::new_url),
        Operation::new::<of::DeleteCodeSigningConfig, _, _, _>(code_signing::delete).acts_on(policy::signing),
        Operation::new::<of::DeleteFunctionCodeSigningConfig, _, _, _>(code_signing::delete_of_function)
            .acts_on(policy::function),
        Operation::new::<of::DeleteFunctionUrlConfig, _, _, _>(function_urls::delete)
            .acts_on(policy::function),
        Operation::new::<of::DeleteProvisionedConcurrencyConfig, _, _, _>(provisioned_concurrency::delete)
            .acts_on(policy::function),
        Operation::new::<of::GetCodeSigningConfig, _, _, _>(code_signing::get).acts_on(policy::signing),
        Operation::new::<of::GetFunctionUrlConfig, _, _, _>(function_urls::get).acts_on(policy::function),
        Operation::new::<of::GetProvisionedConcurrencyConfig, _, _, _>(provisioned_concurrency::get)
            .acts_on(policy::function),
        Operation::new::<of::InvokeAsync, _, _, _>(invoke_async::invoke_async).acts_on(policy::invoke),
        Operation::new::<of::InvokeWithResponseStream, _, _, _>(
            invoke_with_response_stream::invoke_with_response_stream,
        )
        .acts_on(policy::invoke),
        Operation::new::<of::ListCodeSigningConfigs, _, _, _>(code_signing::list).acts_on_everything(),
        Operation::new::<of::ListFunctionEventInvokeConfigs, _, _, _>(event_invoke_config::list)
            .acts_on(policy::function),
        Operation::new::<of::ListFunctionUrlConfigs, _, _, _>(function_urls::list).acts_on(policy::function),
        Operation::new::<of::ListFunctionsByCodeSigningConfig, _, _, _>(code_signing::functions)
            .acts_on(policy::signing),
        Operation::new::<of::ListProvisionedConcurrencyConfigs, _, _, _>(provisioned_concurrency::list)
            .acts_on(policy::function),
        Operation::new::<of::PutFunctionCodeSigningConfig, _, _, _>(code_signing::put_of_function)
            .acts_on(policy::function_and_signing),
        Operation::new::<of::PutFunctionRecursionConfig, _, _, _>(recursion::put).acts_on(policy::function),
        Operation::new::<of::PutProvisionedConcurrencyConfig, _, _, _>(provisioned_concurrency::put)
            .acts_on(policy::function),
        Operation::new::<of::PutRuntimeManagementConfig, _, _, _>(runtime_management::put)
            .acts_on(policy::function),
        Operation::new::<of::UpdateCodeSigningConfig, _, _, _>(code_signing::update).acts_on(policy::signing),
        Operation::new::<of::UpdateFunctionUrlConfig, _, _, _>(function_urls::update)
            .acts_on(policy::changed_url),
    ]
}

fn of_durable() -> Vec<Operation> {
    use durable::{callbacks, checkpoint, executions};
    vec![
        Operation::new::<of::CheckpointDurableExecution, _, _, _>(checkpoint::checkpoint)
            .acts_on(policy::execution),
        Operation::new::<of::GetDurableExecution, _, _, _>(executions::get).acts_on(policy::execution),
        Operation::new::<of::GetDurableExecutionHistory, _, _, _>(executions::history)
            .acts_on(policy::execution),
        Operation::new::<of::GetDurableExecutionState, _, _, _>(executions::state).acts_on(policy::execution),
        Operation::new::<of::ListDurableExecutionsByFunction, _, _, _>(executions::list)
            .acts_on(policy::function),
        Operation::new::<of::SendDurableExecutionCallbackFailure, _, _, _>(callbacks::failure)
            .acts_on(policy::callback),
        Operation::new::<of::SendDurableExecutionCallbackHeartbeat, _, _, _>(callbacks::heartbeat)
            .acts_on(policy::callback),
        Operation::new::<of::SendDurableExecutionCallbackSuccess, _, _, _>(callbacks::success)
            .acts_on(policy::callback),
        Operation::new::<of::StopDurableExecution, _, _, _>(executions::stop).acts_on(policy::execution),
    ]
}

fn of_capacity() -> Vec<Operation> {
    vec![
        Operation::new::<of::CreateCapacityProvider, _, _, _>(capacity_providers::create)
            .passes_role(PRINCIPAL, |input| {
                Some(&input.permissions_config.capacity_provider_operator_role_arn)
            })
            .acts_on(policy::provider),
        Operation::new::<of::DeleteCapacityProvider, _, _, _>(capacity_providers::delete)
            .acts_on(policy::provider),
        Operation::new::<of::GetCapacityProvider, _, _, _>(capacity_providers::get).acts_on(policy::provider),
        Operation::new::<of::GetFunctionScalingConfig, _, _, _>(function_scaling::get)
            .acts_on(policy::function),
        Operation::new::<of::ListCapacityProviders, _, _, _>(capacity_providers::list).acts_on_everything(),
        Operation::new::<of::ListFunctionVersionsByCapacityProvider, _, _, _>(
            capacity_providers::function_versions,
        )
        .acts_on(policy::provider),
        Operation::new::<of::PutFunctionScalingConfig, _, _, _>(function_scaling::put)
            .acts_on(policy::function),
        Operation::new::<of::UpdateCapacityProvider, _, _, _>(capacity_providers::update)
            .acts_on(policy::provider),
    ]
}

fn of_layers() -> Vec<Operation> {
    vec![
        Operation::new::<of::AddLayerVersionPermission, _, _, _>(layer_permissions::add)
            .acts_on(policy::layer_version),
        Operation::new::<of::DeleteLayerVersion, _, _, _>(layers::delete).acts_on(policy::layer_version),
        Operation::new::<of::GetLayerVersion, _, _, _>(layers::get).acts_on(policy::layer_version),
        Operation::new::<of::GetLayerVersionByArn, _, _, _>(layers::get_by_arn).acts_on(policy::layer_by_arn),
        Operation::new::<of::GetLayerVersionPolicy, _, _, _>(layer_permissions::get)
            .acts_on(policy::layer_version),
        Operation::new::<of::ListLayerVersions, _, _, _>(layers::versions).acts_on_everything(),
        Operation::new::<of::ListLayers, _, _, _>(layers::list).acts_on_everything(),
        Operation::new::<of::PublishLayerVersion, _, _, _>(layers::publish).acts_on(policy::layer),
        Operation::new::<of::RemoveLayerVersionPermission, _, _, _>(layer_permissions::remove)
            .acts_on(policy::layer_version),
    ]
}

/// The function that an input names.
///
/// # Errors
/// Where the name is of another region or names two qualifiers.
pub fn named(ctx: &Ctx, input: &impl OfFunction) -> Result<Named, LambdaError> {
    let (name, qualifier) = input.function();
    names::parse(name, qualifier, ctx.account(), ctx.region())
}

/// Refuses a change of what is not the latest revision any more.
///
/// # Errors
/// Where the revision is another.
pub fn check_revision(given: Option<&String>, current: &str) -> Result<(), LambdaError> {
    check_revision_of("GetFunction/GetAlias", given, current)
}

/// As [`check_revision`], of what another operation tells.
///
/// # Errors
/// Where the revision is another.
pub fn check_revision_of(
    told_by: &'static str,
    given: Option<&String>,
    current: &str,
) -> Result<(), LambdaError> {
    match given {
        Some(given) if given != current => Err(LambdaError::StaleRevision(told_by)),
        _ => Ok(()),
    }
}

/// Items of a page where the request does not say.
const PAGE: usize = 50;

/// One page of a listing: how many items it has at most, and after which text it begins.
pub struct Page {
    /// At most.
    pub limit: usize,
    /// After this one.
    pub after: Option<String>,
}

impl Page {
    /// The page that a request asks for, of a listing with this filter.
    ///
    /// # Errors
    /// Where the marker is none of this listing.
    pub fn of(
        ctx: &Ctx,
        filter: &str,
        marker: Option<&String>,
        max: Option<i32>,
    ) -> Result<Self, LambdaError> {
        let after = match marker.filter(|marker| !marker.is_empty()) {
            Some(marker) => {
                let position = ctx.page_position(filter, marker);
                Some(position.ok_or_else(|| LambdaError::invalid("Invalid marker."))?)
            }
            None => None,
        };
        let limit = max.and_then(|max| usize::try_from(max).ok()).unwrap_or(PAGE).clamp(1, PAGE);
        Ok(Page { limit, after: after.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) })
    }

    /// Cuts what was found, one more than the limit, to the page; the marker of the next one.
    pub fn cut<T>(
        &self,
        ctx: &Ctx,
        filter: &str,
        found: &mut Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Option<String> {
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        found.last().filter(|_| more).map(|last| ctx.page_token(filter, key(last).as_bytes()))
    }
}
