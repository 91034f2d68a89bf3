//! What the operations need permission for: the function, version or alias that they name, by the ARN it
//! has or would have; an event source mapping.

use crate::errors::LambdaError;
use crate::rules::names;
use crate::state;
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
        DeleteFunctionConcurrencyInput,
        GetAliasInput,
        GetFunctionCodeSigningConfigInput,
        GetFunctionConcurrencyInput,
        GetFunctionRecursionConfigInput,
        ListAliasesInput,
        ListVersionsByFunctionInput,
        PublishVersionInput,
        PutFunctionConcurrencyInput,
        UpdateAliasInput,
        UpdateFunctionCodeInput,
        UpdateFunctionConfigurationInput;
    qualified:
        AddPermissionInput,
        DeleteFunctionEventInvokeConfigInput,
        DeleteFunctionInput,
        GetFunctionConfigurationInput,
        GetFunctionEventInvokeConfigInput,
        GetFunctionInput,
        GetPolicyInput,
        GetRuntimeManagementConfigInput,
        InvokeInput,
        PutFunctionEventInvokeConfigInput,
        RemovePermissionInput,
        UpdateFunctionEventInvokeConfigInput,
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

/// Invoking.
pub async fn invoke(peek: Peek, input: Arc<model::InvokeInput>) -> Result<Vec<Demand>, LambdaError> {
    Ok(vec![on_function(&peek, "InvokeFunction", input.function())])
}

/// Creating a function with its tags.
pub async fn new_function(
    peek: Peek,
    input: Arc<model::CreateFunctionInput>,
) -> Result<Vec<Demand>, LambdaError> {
    let mut demand = on_function(&peek, "CreateFunction", input.function());
    for (key, value) in input.tags.iter().flatten() {
        demand = demand.when_tagged(key, value);
    }
    Ok(vec![demand])
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
    let action = format!("lambda:{}", peek.operation());
    Ok(vec![match input.resource().parse() {
        Ok(arn) => Demand::new(action, &arn),
        Err(_) => Demand::everywhere(action),
    }])
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
