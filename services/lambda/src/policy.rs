//! What the operations need permission for: the function, version or alias that they name, by the ARN it
//! has or would have; an event source mapping.

use crate::errors::LambdaError;
use crate::rules::durable::names::Place;
use crate::rules::layers as names_of_layers;
use crate::rules::names;
use crate::state;
use ::names::Arn;
use model_lambda as model;
use service::{Demand, Peek};
use std::sync::Arc;

/// Inputs that name a function.
pub trait OfFunction {
    /// Its name in any form, and a qualifier beside it.
    fn function(&self) -> (&str, Option<&str>);
}

macro_rules! of_function {
    (plain: $($plain:ident),* $(,)?; qualified: $($qualified:ident),* $(,)?) => {
        $(impl OfFunction for model::$plain {
            fn function(&self) -> (&str, Option<&str>) {
                (&self.function_name, None)
            }
        })*
        $(impl OfFunction for model::$qualified {
            fn function(&self) -> (&str, Option<&str>) {
                (&self.function_name, self.qualifier.as_deref())
            }
        })*
    };
}

of_function!(
    plain:
        CreateAliasInput,
        CreateFunctionInput,
        DeleteAliasInput,
        DeleteFunctionCodeSigningConfigInput,
        DeleteFunctionConcurrencyInput,
        GetAliasInput,
        GetFunctionCodeSigningConfigInput,
        GetFunctionConcurrencyInput,
        GetFunctionRecursionConfigInput,
        InvokeAsyncInput,
        ListAliasesInput,
        ListFunctionEventInvokeConfigsInput,
        ListFunctionUrlConfigsInput,
        ListProvisionedConcurrencyConfigsInput,
        ListVersionsByFunctionInput,
        PublishVersionInput,
        PutFunctionCodeSigningConfigInput,
        PutFunctionConcurrencyInput,
        PutFunctionRecursionConfigInput,
        UpdateAliasInput,
        UpdateFunctionCodeInput,
        UpdateFunctionConfigurationInput;
    qualified:
        AddPermissionInput,
        CreateFunctionUrlConfigInput,
        DeleteFunctionEventInvokeConfigInput,
        DeleteFunctionInput,
        DeleteFunctionUrlConfigInput,
        GetFunctionConfigurationInput,
        GetFunctionEventInvokeConfigInput,
        GetFunctionInput,
        GetFunctionUrlConfigInput,
        GetPolicyInput,
        GetRuntimeManagementConfigInput,
        InvokeInput,
        InvokeWithResponseStreamInput,
        ListDurableExecutionsByFunctionInput,
        PutFunctionEventInvokeConfigInput,
        PutRuntimeManagementConfigInput,
        RemovePermissionInput,
        UpdateFunctionEventInvokeConfigInput,
        UpdateFunctionUrlConfigInput,
);

// Of these the qualifier is never absent.
macro_rules! of_qualifier {
    ($($input:ident),* $(,)?) => {$(
        impl OfFunction for model::$input {
            fn function(&self) -> (&str, Option<&str>) {
                (&self.function_name, Some(&self.qualifier))
            }
        }
    )*};
}

of_qualifier!(
    DeleteProvisionedConcurrencyConfigInput,
    GetFunctionScalingConfigInput,
    GetProvisionedConcurrencyConfigInput,
    PutFunctionScalingConfigInput,
    PutProvisionedConcurrencyConfigInput,
);

/// The action on the function that is named. What names none is judged by everything; the handler says what
/// is wrong with it to whoever may ask.
fn on_function(peek: &Peek, action: &str, (name, qualifier): (&str, Option<&str>)) -> Demand {
    let action = format!("lambda:{action}");
    match names::parse(name, qualifier, peek.account(), peek.region()) {
        Ok(named) => Demand::new(action, &state::arn(&named.scope, &named.name, named.qualifier.as_deref())),
        Err(_) => Demand::everywhere(action),
    }
}

/// The operation's action on its function.
pub async fn function<I: OfFunction>(peek: Peek, input: Arc<I>) -> Result<Vec<Demand>, LambdaError> {
    Ok(vec![on_function(&peek, peek.operation(), input.function())])
}

/// Invoking, in any form.
pub async fn invoke<I: OfFunction>(peek: Peek, input: Arc<I>) -> Result<Vec<Demand>, LambdaError> {
    Ok(vec![on_function(&peek, "InvokeFunction", input.function())])
}

/// Reading the layers that a function is to have.
fn layers(texts: Option<&Vec<String>>) -> impl Iterator<Item = Demand> + '_ {
    let arns = texts.into_iter().flatten().filter_map(|text| text.parse::<Arn>().ok());
    arns.map(|arn| Demand::new("lambda:GetLayerVersion", &arn))
}

/// Creating a function with its tags and layers.
pub async fn new_function(
    peek: Peek,
    input: Arc<model::CreateFunctionInput>,
) -> Result<Vec<Demand>, LambdaError> {
    let mut demand = on_function(&peek, "CreateFunction", input.function());
    for (key, value) in input.tags.iter().flatten() {
        demand = demand.when_tagged(key, value);
    }
    for layer in input.layers.iter().flatten() {
        demand = demand.when("lambda:Layer", [layer.clone()]);
    }
    Ok([demand].into_iter().chain(layers(input.layers.as_ref())).collect())
}

/// Changing the configuration of a function, and its layers.
pub async fn changed_function(
    peek: Peek,
    input: Arc<model::UpdateFunctionConfigurationInput>,
) -> Result<Vec<Demand>, LambdaError> {
    let demand = on_function(&peek, peek.operation(), input.function());
    Ok([demand].into_iter().chain(layers(input.layers.as_ref())).collect())
}

fn of_url(peek: &Peek, input: &impl OfFunction, auth: Option<&model::FunctionUrlAuthType>) -> Vec<Demand> {
    let demand = on_function(peek, peek.operation(), input.function());
    vec![match auth {
        Some(auth) => demand.when("lambda:FunctionUrlAuthType", [auth.as_str().to_owned()]),
        None => demand,
    }]
}

/// Making a URL, with who may use it as a condition.
pub async fn new_url(
    peek: Peek,
    input: Arc<model::CreateFunctionUrlConfigInput>,
) -> Result<Vec<Demand>, LambdaError> {
    Ok(of_url(&peek, input.as_ref(), Some(&input.auth_type)))
}

/// Changing a URL.
pub async fn changed_url(
    peek: Peek,
    input: Arc<model::UpdateFunctionUrlConfigInput>,
) -> Result<Vec<Demand>, LambdaError> {
    Ok(of_url(&peek, input.as_ref(), input.auth_type.as_ref()))
}

/// Inputs that name a code signing configuration.
pub trait OfSigning {
    /// Its ARN.
    fn config(&self) -> &str;
}

macro_rules! of_signing {
    ($($input:ident),* $(,)?) => {$(
        impl OfSigning for model::$input {
            fn config(&self) -> &str {
                &self.code_signing_config_arn
            }
        }
    )*};
}

of_signing!(
    DeleteCodeSigningConfigInput,
    GetCodeSigningConfigInput,
    ListFunctionsByCodeSigningConfigInput,
    PutFunctionCodeSigningConfigInput,
    UpdateCodeSigningConfigInput,
);

/// The operation's action on its code signing configuration.
pub async fn signing<I: OfSigning>(peek: Peek, input: Arc<I>) -> Result<Vec<Demand>, LambdaError> {
    Ok(vec![on_resource(&peek, input.config())])
}

/// The operation's action on its function and on its code signing configuration.
pub async fn function_and_signing(
    peek: Peek,
    input: Arc<model::PutFunctionCodeSigningConfigInput>,
) -> Result<Vec<Demand>, LambdaError> {
    let function = on_function(&peek, peek.operation(), input.function());
    Ok(vec![function, on_resource(&peek, input.config())])
}

/// Inputs that name a durable execution.
pub trait OfExecution {
    /// Its ARN.
    fn execution(&self) -> &str;
}

macro_rules! of_execution {
    ($($input:ident),* $(,)?) => {$(
        impl OfExecution for model::$input {
            fn execution(&self) -> &str {
                &self.durable_execution_arn
            }
        }
    )*};
}

of_execution!(
    CheckpointDurableExecutionInput,
    GetDurableExecutionHistoryInput,
    GetDurableExecutionInput,
    GetDurableExecutionStateInput,
    StopDurableExecutionInput,
);

/// The operation's action on its durable execution.
pub async fn execution<I: OfExecution>(peek: Peek, input: Arc<I>) -> Result<Vec<Demand>, LambdaError> {
    Ok(vec![on_resource(&peek, input.execution())])
}

/// Inputs that name a callback of a durable execution.
pub trait OfCallback {
    /// Its id.
    fn callback(&self) -> &str;
}

macro_rules! of_callback {
    ($($input:ident),* $(,)?) => {$(
        impl OfCallback for model::$input {
            fn callback(&self) -> &str {
                &self.callback_id
            }
        }
    )*};
}

of_callback!(
    SendDurableExecutionCallbackFailureInput,
    SendDurableExecutionCallbackHeartbeatInput,
    SendDurableExecutionCallbackSuccessInput,
);

/// The operation's action on the function whose callback it ends.
pub async fn callback<I: OfCallback>(peek: Peek, input: Arc<I>) -> Result<Vec<Demand>, LambdaError> {
    let action = format!("lambda:{}", peek.operation());
    Ok(vec![match Place::of(input.callback()) {
        Some(place) => Demand::new(action, &state::arn(&peek.scope(), &place.function_name, None)),
        None => Demand::everywhere(action),
    }])
}

/// Inputs that name a capacity provider.
pub trait OfProvider {
    /// Its name or ARN.
    fn provider(&self) -> &str;
}

macro_rules! of_provider {
    ($($input:ident),* $(,)?) => {$(
        impl OfProvider for model::$input {
            fn provider(&self) -> &str {
                &self.capacity_provider_name
            }
        }
    )*};
}

of_provider!(
    CreateCapacityProviderInput,
    DeleteCapacityProviderInput,
    GetCapacityProviderInput,
    ListFunctionVersionsByCapacityProviderInput,
    UpdateCapacityProviderInput,
);

/// The name of a capacity provider, which may be given by its ARN.
pub fn name_of_provider(text: &str) -> &str {
    text.rsplit(':').next().unwrap_or_default()
}

/// The operation's action on its capacity provider.
pub async fn provider<I: OfProvider>(peek: Peek, input: Arc<I>) -> Result<Vec<Demand>, LambdaError> {
    let name = name_of_provider(input.provider());
    let arn = peek.arn("lambda", &format!("capacity-provider:{name}"));
    Ok(vec![Demand::new(format!("lambda:{}", peek.operation()), &arn)])
}

/// Inputs that name a version of a layer.
pub trait OfLayerVersion {
    /// The layer's name or ARN, and the number.
    fn layer(&self) -> (&str, i64);
}

macro_rules! of_layer_version {
    ($($input:ident),* $(,)?) => {$(
        impl OfLayerVersion for model::$input {
            fn layer(&self) -> (&str, i64) {
                (&self.layer_name, self.version_number)
            }
        }
    )*};
}

of_layer_version!(
    AddLayerVersionPermissionInput,
    DeleteLayerVersionInput,
    GetLayerVersionInput,
    GetLayerVersionPolicyInput,
    RemoveLayerVersionPermissionInput,
);

/// The operation's action on its version of a layer.
pub async fn layer_version<I: OfLayerVersion>(peek: Peek, input: Arc<I>) -> Result<Vec<Demand>, LambdaError> {
    let (text, number) = input.layer();
    let action = format!("lambda:{}", peek.operation());
    Ok(vec![match names_of_layers::parse(text, peek.account(), peek.region()) {
        Ok(layer) => {
            let resource = format!("layer:{}:{number}", layer.name);
            Demand::new(action, &state::in_scope(&layer.scope, &resource))
        }
        Err(_) => Demand::everywhere(action),
    }])
}

/// Reading a version of a layer by its ARN.
pub async fn layer_by_arn(
    _peek: Peek,
    input: Arc<model::GetLayerVersionByArnInput>,
) -> Result<Vec<Demand>, LambdaError> {
    Ok(vec![match input.arn.parse() {
        Ok(arn) => Demand::new("lambda:GetLayerVersion", &arn),
        Err(_) => Demand::everywhere("lambda:GetLayerVersion"),
    }])
}

/// Publishing a version of a layer.
pub async fn layer(
    peek: Peek,
    input: Arc<model::PublishLayerVersionInput>,
) -> Result<Vec<Demand>, LambdaError> {
    let action = "lambda:PublishLayerVersion";
    Ok(vec![match names_of_layers::parse(&input.layer_name, peek.account(), peek.region()) {
        Ok(layer) => Demand::new(action, &state::in_scope(&layer.scope, &format!("layer:{}", layer.name))),
        Err(_) => Demand::everywhere(action),
    }])
}

/// Inputs that name a resource by its ARN.
pub trait OfResource {
    /// The ARN.
    fn resource(&self) -> &str;
}

macro_rules! of_resource {
    ($($input:ident),* $(,)?) => {$(
        impl OfResource for model::$input {
            fn resource(&self) -> &str {
                &self.resource
            }
        }
    )*};
}

of_resource!(ListTagsInput, TagResourceInput, UntagResourceInput);

/// The operation's action on a resource.
pub async fn resource<I: OfResource>(peek: Peek, input: Arc<I>) -> Result<Vec<Demand>, LambdaError> {
    Ok(vec![on_resource(&peek, input.resource())])
}

fn on_resource(peek: &Peek, text: &str) -> Demand {
    let action = format!("lambda:{}", peek.operation());
    match text.parse() {
        Ok(arn) => Demand::new(action, &arn),
        Err(_) => Demand::everywhere(action),
    }
}

/// What an absent resource is answered with.
pub fn no_resource() -> String {
    "The resource you requested does not exist.".to_owned()
}

/// Inputs that name an event source mapping by its id.
pub trait OfMapping {
    /// The id.
    fn uuid(&self) -> &str;
}

macro_rules! of_mapping {
    ($($input:ident),* $(,)?) => {$(
        impl OfMapping for model::$input {
            fn uuid(&self) -> &str {
                &self.uuid
            }
        }
    )*};
}

of_mapping!(DeleteEventSourceMappingInput, GetEventSourceMappingInput, UpdateEventSourceMappingInput);

/// The operation's action on a mapping.
pub async fn mapping<I: OfMapping>(peek: Peek, input: Arc<I>) -> Result<Vec<Demand>, LambdaError> {
    let arn = peek.arn("lambda", &format!("event-source-mapping:{}", input.uuid()));
    let mut demand = Demand::new(format!("lambda:{}", peek.operation()), &arn);
    if let Some(mapping) = state::mapping(&peek.read(), &peek.scope(), input.uuid())? {
        let function = state::arn(&mapping.scope, &mapping.function, mapping.qualifier.as_deref());
        demand = demand.when("lambda:FunctionArn", [function.to_string()]);
    }
    Ok(vec![demand])
}

/// Creating a mapping: an action on no single resource, with the function as a condition.
pub async fn new_mapping(
    peek: Peek,
    input: Arc<model::CreateEventSourceMappingInput>,
) -> Result<Vec<Demand>, LambdaError> {
    let demand = Demand::everywhere("lambda:CreateEventSourceMapping");
    let function = on_function(&peek, "CreateEventSourceMapping", (&input.function_name, None));
    Ok(vec![demand.when("lambda:FunctionArn", [function.resource])])
}
