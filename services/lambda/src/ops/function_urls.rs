//! CreateFunctionUrlConfig, GetFunctionUrlConfig, UpdateFunctionUrlConfig, DeleteFunctionUrlConfig,
//! ListFunctionUrlConfigs. A function and each of its aliases may have one.

use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::{Page, named};
use crate::policy::{OfFunction, no_resource};
use crate::rules::names::Named;
use crate::state::urls::{self, FunctionUrl, UrlCors};
use crate::state::{self, Function, LATEST};
use model_lambda::{
    Cors, CreateFunctionUrlConfigInput, CreateFunctionUrlConfigOutput, DeleteFunctionUrlConfigInput,
    FunctionUrlAuthType, FunctionUrlConfig, GetFunctionUrlConfigInput, GetFunctionUrlConfigOutput,
    InvokeMode, ListFunctionUrlConfigsInput, ListFunctionUrlConfigsOutput, UpdateFunctionUrlConfigInput,
    UpdateFunctionUrlConfigOutput,
};
use names::Arn;
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::Read;

/// Digits of a host's label, as AWS has them.
const LABEL: usize = 32;

fn qualifier(named: &Named) -> &str {
    named.qualifier.as_deref().unwrap_or_default()
}

fn arn_of(named: &Named, qualifier: &str) -> Arn {
    state::arn(&named.scope, &named.name, Some(qualifier).filter(|qualifier| !qualifier.is_empty()))
}

/// The URL that a label has, where this client can reach it.
fn address(ctx: &Ctx, label: &str) -> String {
    let origin = &ctx.request().origin;
    let (scheme, host) = origin.split_once("://").unwrap_or(("http", origin));
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (name, format!(":{port}")),
        _ => (host, String::new()),
    };
    // A label cannot stand before an address.
    let name =
        if name.parse::<std::net::Ipv4Addr>().is_ok() || name.starts_with('[') { "localhost" } else { name };
    format!("{scheme}://{label}.lambda-url.{}.{name}{port}/", ctx.region().as_str())
}

fn kept_cors(cors: &Cors) -> UrlCors {
    UrlCors {
        credentials: cors.allow_credentials,
        headers: cors.allow_headers.clone(),
        methods: cors.allow_methods.clone(),
        origins: cors.allow_origins.clone(),
        exposes: cors.expose_headers.clone(),
        max_age: cors.max_age,
    }
}

fn told_cors(cors: &UrlCors) -> Cors {
    Cors {
        allow_credentials: cors.credentials,
        allow_headers: cors.headers.clone(),
        allow_methods: cors.methods.clone(),
        allow_origins: cors.origins.clone(),
        expose_headers: cors.exposes.clone(),
        max_age: cors.max_age,
    }
}

fn told(ctx: &Ctx, named: &Named, url: &FunctionUrl) -> FunctionUrlConfig {
    FunctionUrlConfig {
        function_url: address(ctx, &url.label),
        function_arn: arn_of(named, &url.qualifier).to_string(),
        creation_time: url.created.iso8601(),
        last_modified_time: url.modified.iso8601(),
        cors: url.cors.as_ref().map(told_cors),
        auth_type: if url.signed { FunctionUrlAuthType::AwsIam } else { FunctionUrlAuthType::None },
        invoke_mode: Some(if url.streams { InvokeMode::ResponseStream } else { InvokeMode::Buffered }),
    }
}

fn no_function() -> LambdaError {
    LambdaError::NotFound("Function does not exist".to_owned())
}

/// The function or alias that a request names: the name may hold a qualifier, which is held to what `Qualifier` is.
fn addressed(ctx: &Ctx, input: &impl OfFunction) -> Result<Named, LambdaError> {
    let named = named(ctx, input)?;
    match named.qualifier.as_deref() {
        Some(qualifier) if qualifier == LATEST || qualifier.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(LambdaError::Validation(format!(
                "1 validation error detected: Value '{qualifier}' at 'qualifier' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: ((?!^\\d+$)^[0-9a-zA-Z-_]+$)"
            )))
        }
        _ => Ok(named),
    }
}

/// The function that may have a URL by this qualifier.
fn found(read: &impl Read, named: &Named) -> Result<Function, LambdaError> {
    let function = state::function(read, &named.scope, &named.name)?.ok_or_else(no_function)?;
    invoke::check_qualifier(read, named, &function).map_err(|_| no_function())?;
    Ok(function)
}

fn absent() -> LambdaError {
    LambdaError::NotFound(no_resource())
}

fn present(read: &impl Read, named: &Named) -> Result<(Function, FunctionUrl), LambdaError> {
    let function = state::function(read, &named.scope, &named.name)?.ok_or_else(absent)?;
    let url = urls::url(read, &named.scope, &function, qualifier(named))?.ok_or_else(absent)?;
    Ok((function, url))
}

/// CreateFunctionUrlConfig.
pub async fn create(
    ctx: Ctx,
    input: Arc<CreateFunctionUrlConfigInput>,
) -> Result<CreateFunctionUrlConfigOutput, LambdaError> {
    let named = addressed(&ctx, input.as_ref())?;
    let now = ctx.now();
    let url = FunctionUrl {
        label: ctx.host().entropy.label(LABEL),
        qualifier: qualifier(&named).to_owned(),
        signed: input.auth_type == FunctionUrlAuthType::AwsIam,
        streams: input.invoke_mode == Some(InvokeMode::ResponseStream),
        cors: input.cors.as_ref().map(kept_cors),
        created: now,
        modified: now,
    };
    let (of, made) = (named.clone(), url.clone());
    ctx.commit(move |tx| {
        let function = found(tx, &of)?;
        if urls::url(tx, &of.scope, &function, &made.qualifier)?.is_some() {
            return Err(LambdaError::Conflict(format!(
                "Failed to create function url config for [functionArn = {}]. Error message:  FunctionUrlConfig exists for \
                 this Lambda function",
                arn_of(&of, &made.qualifier)
            )));
        }
        Ok(urls::put(tx, &of.scope, &function, &made)?)
    })
    .await?;
    let told = told(&ctx, &named, &url);
    Ok(CreateFunctionUrlConfigOutput {
        function_url: told.function_url,
        function_arn: told.function_arn,
        auth_type: told.auth_type,
        cors: told.cors,
        creation_time: told.creation_time,
        // Told only where it was named (LocalStack's test_lambda_url_invocation, recorded on AWS).
        invoke_mode: told.invoke_mode.filter(|_| input.invoke_mode.is_some()),
    })
}

/// GetFunctionUrlConfig.
pub async fn get(
    ctx: Ctx,
    input: Arc<GetFunctionUrlConfigInput>,
) -> Result<GetFunctionUrlConfigOutput, LambdaError> {
    let named = addressed(&ctx, input.as_ref())?;
    let (_, url) = present(&ctx.read(), &named)?;
    let told = told(&ctx, &named, &url);
    Ok(GetFunctionUrlConfigOutput {
        function_url: told.function_url,
        function_arn: told.function_arn,
        auth_type: told.auth_type,
        cors: told.cors,
        creation_time: told.creation_time,
        last_modified_time: told.last_modified_time,
        invoke_mode: told.invoke_mode,
    })
}

/// UpdateFunctionUrlConfig: what is not given stays.
pub async fn update(
    ctx: Ctx,
    input: Arc<UpdateFunctionUrlConfigInput>,
) -> Result<UpdateFunctionUrlConfigOutput, LambdaError> {
    let named = addressed(&ctx, input.as_ref())?;
    let (of, now) = (named.clone(), ctx.now());
    let url = ctx
        .commit(move |tx| {
            found(tx, &of)?;
            let (function, mut url) = present(tx, &of)?;
            if let Some(auth) = &input.auth_type {
                url.signed = *auth == FunctionUrlAuthType::AwsIam;
            }
            if let Some(mode) = &input.invoke_mode {
                url.streams = *mode == InvokeMode::ResponseStream;
            }
            if let Some(cors) = &input.cors {
                // An empty document takes the settings away.
                url.cors = Some(kept_cors(cors)).filter(|cors| *cors != UrlCors::default());
            }
            url.modified = now;
            urls::put(tx, &of.scope, &function, &url)?;
            Ok::<_, LambdaError>(url)
        })
        .await?;
    let told = told(&ctx, &named, &url);
    Ok(UpdateFunctionUrlConfigOutput {
        function_url: told.function_url,
        function_arn: told.function_arn,
        auth_type: told.auth_type,
        cors: told.cors,
        creation_time: told.creation_time,
        last_modified_time: told.last_modified_time,
        invoke_mode: told.invoke_mode,
    })
}

/// DeleteFunctionUrlConfig.
pub async fn delete(ctx: Ctx, input: Arc<DeleteFunctionUrlConfigInput>) -> Result<Unit, LambdaError> {
    let named = addressed(&ctx, input.as_ref())?;
    ctx.commit(move |tx| {
        let (function, url) = present(tx, &named)?;
        urls::remove(tx, &named.scope, &function, &url.qualifier)?;
        Ok::<_, LambdaError>(Unit)
    })
    .await
}

/// ListFunctionUrlConfigs: the function's own first, then those of its aliases.
pub async fn list(
    ctx: Ctx,
    input: Arc<ListFunctionUrlConfigsInput>,
) -> Result<ListFunctionUrlConfigsOutput, LambdaError> {
    let (named, read) = (named(&ctx, input.as_ref())?, ctx.read());
    let function = state::function(&read, &named.scope, &named.name)?.ok_or_else(no_function)?;
    let page = Page::of(&ctx, &named.name, input.marker.as_ref(), input.max_items)?;
    let after = page.after.as_deref();
    let all = urls::urls(&read, &named.scope, &function)?.into_iter();
    let mut found: Vec<FunctionUrl> = all
        .filter(|url| after.is_none_or(|after| url.qualifier.as_str() > after))
        .take(page.limit + 1)
        .collect();
    let next_marker = page.cut(&ctx, &named.name, &mut found, |url| url.qualifier.clone());
    let function_url_configs = found.iter().map(|url| told(&ctx, &named, url)).collect();
    Ok(ListFunctionUrlConfigsOutput { function_url_configs, next_marker })
}
