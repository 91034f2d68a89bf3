//! GetFunction, GetFunctionConfiguration, ListFunctions.

use crate::answers::{self, Standing};
use crate::compute::image::local;
use crate::download;
use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::{Page, named, package};
use crate::policy::OfFunction;
use crate::rules::standing;
use crate::state::{self, Code, Configuration, Function, Origin};
use model_lambda::{
    Concurrency, FunctionCodeLocation, FunctionConfiguration, FunctionVersion, GetFunctionConfigurationInput,
    GetFunctionInput, GetFunctionOutput, ListFunctionsInput, ListFunctionsOutput, State, StateReasonCode,
};
use service::Ctx;
use std::sync::Arc;

fn told(
    ctx: &Ctx,
    input: &impl OfFunction,
) -> Result<(crate::rules::names::Named, Function, FunctionConfiguration), LambdaError> {
    let (named, read) = (named(ctx, input)?, ctx.read());
    let function = invoke::found(&read, &named)?;
    // An alias is told by the version that most of its invocations go to.
    let configuration = invoke::configuration(&read, &named, &function, 1.0)?;
    let arn = state::arn(&named.scope, &named.name, named.qualifier.as_deref());
    let standing = if configuration.version == state::LATEST {
        standing::of_latest(&function, |pace| ctx.pace(pace), ctx.now())
    } else {
        Standing::Active
    };
    let mut answer = answers::configuration(&arn, &configuration, standing);
    answers::tell_choices(&read, (&named.scope, &function), &mut answer)?;
    Ok((named, function, answer))
}

/// Where the code of a configuration can be read.
fn location(ctx: &Ctx, configuration: &Configuration) -> FunctionCodeLocation {
    match &configuration.origin {
        Origin::Package => FunctionCodeLocation {
            repository_type: Some("S3".to_owned()),
            location: Some(download::link(ctx, &configuration.code)),
            ..Default::default()
        },
        Origin::Folder(folder) => FunctionCodeLocation {
            repository_type: Some("S3".to_owned()),
            location: Some(format!("file://{folder}")),
            ..Default::default()
        },
        Origin::Image(uri) => FunctionCodeLocation {
            repository_type: Some("ECR".to_owned()),
            image_uri: Some(uri.clone()),
            resolved_image_uri: resolved(uri, &configuration.code),
            ..Default::default()
        },
    }
}

/// The URI by the digest, in place of a tag; of an image in a registry nobody here knows it, unless it is told.
fn resolved(uri: &str, code: &Code) -> Option<String> {
    if package::told_digest(uri).is_some() {
        return Some(uri.to_owned());
    }
    local(uri)?;
    let name = uri.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(uri, |(name, _)| name);
    Some(format!("{name}@sha256:{}", service::hex(&code.sha256)))
}

/// Says where no function can run here as it was asked for.
async fn judge(ctx: &Ctx, configuration: &mut FunctionConfiguration) {
    let Some(runner) = ctx.ports().runner.clone() else { return };
    if let Err(reason) = runner.level().await {
        configuration.state = Some(State::Failed);
        configuration.state_reason = Some(reason.to_string());
        configuration.state_reason_code = Some(StateReasonCode::InternalError);
    }
}

/// GetFunction.
pub async fn get(ctx: Ctx, input: Arc<GetFunctionInput>) -> Result<GetFunctionOutput, LambdaError> {
    let (named, function, mut configuration) = told(&ctx, input.as_ref())?;
    judge(&ctx, &mut configuration).await;
    let code = location(&ctx, &invoke::configuration(&ctx.read(), &named, &function, 1.0)?);
    let head = ctx.head(&state::arn(&named.scope, &named.name, None))?;
    let tags = head.map(|head| head.head.tags.0.clone()).filter(|tags| !tags.is_empty());
    let concurrency = function
        .reserved
        .map(|reserved| Concurrency { reserved_concurrent_executions: Some(reserved.cast_signed()) });
    Ok(GetFunctionOutput {
        configuration: Some(configuration),
        code: Some(code),
        tags,
        tags_error: None,
        concurrency,
    })
}

/// GetFunctionConfiguration.
pub async fn configuration(
    ctx: Ctx,
    input: Arc<GetFunctionConfigurationInput>,
) -> Result<FunctionConfiguration, LambdaError> {
    let (_, _, mut configuration) = told(&ctx, input.as_ref())?;
    judge(&ctx, &mut configuration).await;
    Ok(configuration)
}

/// ListFunctions.
pub async fn list(ctx: Ctx, input: Arc<ListFunctionsInput>) -> Result<ListFunctionsOutput, LambdaError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let all = input.function_version == Some(FunctionVersion::All);
    let filter = if all { "all" } else { "latest" };
    let page = Page::of(&ctx, filter, input.marker.as_ref(), input.max_items)?;
    let mut found: Vec<Function> = state::functions(&read, &scope, page.after.as_deref())
        .take(page.limit + 1)
        .collect::<Result<_, _>>()?;
    let marker = page.cut(&ctx, filter, &mut found, |function| function.latest.name.clone());
    let mut functions = Vec::with_capacity(found.len());
    for function in &found {
        let mut latest = answers::listed(&scope, &function.latest);
        answers::tell_choices(&read, (&scope, function), &mut latest)?;
        if all {
            let arn = state::arn(&scope, &function.latest.name, Some(state::LATEST));
            latest.function_arn = Some(arn.to_string());
        }
        functions.push(latest);
        if all {
            for version in state::versions(&read, &scope, function, 0) {
                let mut version = answers::listed(&scope, &version?);
                answers::tell_choices(&read, (&scope, function), &mut version)?;
                functions.push(version);
            }
        }
    }
    Ok(ListFunctionsOutput { next_marker: marker, functions: Some(functions) })
}
