//! CreateCodeSigningConfig, GetCodeSigningConfig, UpdateCodeSigningConfig, DeleteCodeSigningConfig,
//! ListCodeSigningConfigs, ListFunctionsByCodeSigningConfig, PutFunctionCodeSigningConfig,
//! GetFunctionCodeSigningConfig, DeleteFunctionCodeSigningConfig.
//!
//! No package here has a signature: where a configuration enforces one, new code is refused.

use crate::answers;
use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::create_function::{head, refused_tags};
use crate::ops::{Page, named};
use crate::rules::names::Named;
use crate::state::signing::{self, SigningConfig};
use crate::state::{self, Function};
use model_lambda::{
    CodeSigningConfig, CodeSigningPolicies, CodeSigningPolicy, CreateCodeSigningConfigInput,
    CreateCodeSigningConfigOutput, DeleteCodeSigningConfigInput, DeleteCodeSigningConfigOutput,
    DeleteFunctionCodeSigningConfigInput, GetCodeSigningConfigInput, GetCodeSigningConfigOutput,
    GetFunctionCodeSigningConfigInput, GetFunctionCodeSigningConfigOutput, ListCodeSigningConfigsInput,
    ListCodeSigningConfigsOutput, ListFunctionsByCodeSigningConfigInput,
    ListFunctionsByCodeSigningConfigOutput, PutFunctionCodeSigningConfigInput,
    PutFunctionCodeSigningConfigOutput, UpdateCodeSigningConfigInput, UpdateCodeSigningConfigOutput,
};
use names::{Arn, Scope, Tags};
use schema::Unit;
use service::{Ctx, Heads, TagRules};
use std::sync::Arc;
use store::{Read, Tx};

/// Characters of an id behind its prefix.
const ID: usize = 17;

/// The ARN of a configuration.
pub fn arn_of(scope: &Scope, id: &str) -> Arn {
    state::in_scope(scope, &format!("code-signing-config:{id}"))
}

fn id_of(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or_default()
}

fn found(read: &impl Read, scope: &Scope, arn: &str) -> Result<SigningConfig, LambdaError> {
    let config = signing::config(read, scope, id_of(arn))?;
    config
        .filter(|config| arn_of(scope, &config.id).as_str() == arn)
        .ok_or_else(|| LambdaError::NoSigningConfig(arn.to_owned()))
}

/// The configuration that a function is to have.
fn found_for_function(read: &impl Read, scope: &Scope, arn: &str) -> Result<SigningConfig, LambdaError> {
    found(read, scope, arn).map_err(|error| match error {
        LambdaError::NoSigningConfig(arn) => LambdaError::CodeSigningConfigNotFound(arn),
        other => other,
    })
}

/// The id of the configuration that a new function names.
///
/// # Errors
/// Where there is none, or it refuses code without a signature.
pub fn chosen(read: &impl Read, scope: &Scope, arn: &str) -> Result<String, LambdaError> {
    let config = found_for_function(read, scope, arn)?;
    if config.enforces {
        return Err(LambdaError::CodeNotVerified);
    }
    Ok(config.id)
}

/// Refuses new code of a function whose configuration wants a signature.
///
/// # Errors
/// Where it does.
pub fn check(read: &impl Read, scope: &Scope, function: &Function) -> Result<(), LambdaError> {
    let Some(id) = &function.signing else { return Ok(()) };
    match signing::config(read, scope, id)? {
        Some(config) if config.enforces => Err(LambdaError::CodeNotVerified),
        _ => Ok(()),
    }
}

fn enforces(policies: Option<&CodeSigningPolicies>) -> Option<bool> {
    let policy = policies?.untrusted_artifact_on_deployment.as_ref()?;
    Some(*policy == CodeSigningPolicy::Enforce)
}

fn told(scope: &Scope, config: &SigningConfig) -> CodeSigningConfig {
    let policy = if config.enforces { CodeSigningPolicy::Enforce } else { CodeSigningPolicy::Warn };
    CodeSigningConfig {
        code_signing_config_id: config.id.clone(),
        code_signing_config_arn: arn_of(scope, &config.id).to_string(),
        description: config.description.clone(),
        allowed_publishers: model_lambda::AllowedPublishers {
            signing_profile_version_arns: config.publishers.clone(),
        },
        code_signing_policies: CodeSigningPolicies { untrusted_artifact_on_deployment: Some(policy) },
        last_modified: answers::moment(config.modified),
    }
}

/// CreateCodeSigningConfig.
pub async fn create(
    ctx: Ctx,
    input: Arc<CreateCodeSigningConfigInput>,
) -> Result<CreateCodeSigningConfigOutput, LambdaError> {
    let tags = input.tags.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()));
    let tags = TagRules::default().add(&Tags::new(), tags).map_err(|fault| refused_tags(&fault))?;
    let config = SigningConfig {
        id: format!("csc-{}", ctx.host().entropy.hex(ID)),
        description: input.description.clone(),
        publishers: input.allowed_publishers.signing_profile_version_arns.clone(),
        enforces: enforces(input.code_signing_policies.as_ref()).unwrap_or(false),
        modified: ctx.now(),
    };
    let (scope, made) = (ctx.scope(), config.clone());
    let told = told(&scope, &config);
    ctx.commit(move |tx| {
        signing::put(tx, &scope, &made)?;
        let arn = arn_of(&scope, &made.id);
        let head = head(tx, &arn, "CodeSigningConfig", (tags.clone(), made.modified))?;
        Ok::<_, LambdaError>(tx.put_head(&arn, &head)?)
    })
    .await?;
    Ok(CreateCodeSigningConfigOutput { code_signing_config: told })
}

/// GetCodeSigningConfig.
pub async fn get(
    ctx: Ctx,
    input: Arc<GetCodeSigningConfigInput>,
) -> Result<GetCodeSigningConfigOutput, LambdaError> {
    let config = found(&ctx.read(), &ctx.scope(), &input.code_signing_config_arn)?;
    Ok(GetCodeSigningConfigOutput { code_signing_config: told(&ctx.scope(), &config) })
}

/// UpdateCodeSigningConfig: what is not given stays.
pub async fn update(
    ctx: Ctx,
    input: Arc<UpdateCodeSigningConfigInput>,
) -> Result<UpdateCodeSigningConfigOutput, LambdaError> {
    let (scope, now) = (ctx.scope(), ctx.now());
    let changed = ctx.commit(move |tx| {
        let mut config = found(tx, &scope, &input.code_signing_config_arn)?;
        if let Some(description) = &input.description {
            config.description = Some(description.clone());
        }
        if let Some(publishers) = &input.allowed_publishers {
            config.publishers.clone_from(&publishers.signing_profile_version_arns);
        }
        config.enforces = enforces(input.code_signing_policies.as_ref()).unwrap_or(config.enforces);
        config.modified = now;
        signing::put(tx, &scope, &config)?;
        Ok::<_, LambdaError>(config)
    });
    let config = changed.await?;
    Ok(UpdateCodeSigningConfigOutput { code_signing_config: told(&ctx.scope(), &config) })
}

/// The functions that have a configuration, in the order of their names.
fn users<'a>(
    read: &'a impl Read,
    scope: &Scope,
    id: &'a str,
    after: Option<&str>,
) -> impl Iterator<Item = Result<Function, store::Fault>> + 'a {
    let all: Vec<_> = state::functions(read, scope, after).collect();
    all.into_iter().filter(move |function| {
        function.as_ref().map_or(true, |function| function.signing.as_deref() == Some(id))
    })
}

/// DeleteCodeSigningConfig: one that no function has.
pub async fn delete(
    ctx: Ctx,
    input: Arc<DeleteCodeSigningConfigInput>,
) -> Result<DeleteCodeSigningConfigOutput, LambdaError> {
    let scope = ctx.scope();
    ctx.commit(move |tx| {
        let config = found(tx, &scope, &input.code_signing_config_arn)?;
        if users(tx, &scope, &config.id, None).next().transpose()?.is_some() {
            return Err(LambdaError::Conflict(
                "The code signing configuration cannot be deleted because it is in use by at least one function. \
                 Remove it from all functions and try again."
                    .to_owned(),
            ));
        }
        signing::remove(tx, &scope, &config.id)?;
        Ok(tx.remove_head(&arn_of(&scope, &config.id))?)
    })
    .await?;
    Ok(DeleteCodeSigningConfigOutput::default())
}

/// ListCodeSigningConfigs.
pub async fn list(
    ctx: Ctx,
    input: Arc<ListCodeSigningConfigsInput>,
) -> Result<ListCodeSigningConfigsOutput, LambdaError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let page = Page::of(&ctx, "configs", input.marker.as_ref(), input.max_items)?;
    let mut found: Vec<SigningConfig> = signing::configs(&read, &scope, page.after.as_deref())
        .take(page.limit + 1)
        .collect::<Result<_, _>>()?;
    let next_marker = page.cut(&ctx, "configs", &mut found, |config| config.id.clone());
    let configs = found.iter().map(|config| told(&scope, config)).collect();
    Ok(ListCodeSigningConfigsOutput { next_marker, code_signing_configs: Some(configs) })
}

/// ListFunctionsByCodeSigningConfig.
pub async fn functions(
    ctx: Ctx,
    input: Arc<ListFunctionsByCodeSigningConfigInput>,
) -> Result<ListFunctionsByCodeSigningConfigOutput, LambdaError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let config = found(&read, &scope, &input.code_signing_config_arn)?;
    let page = Page::of(&ctx, &config.id, input.marker.as_ref(), input.max_items)?;
    let mut found: Vec<Function> = users(&read, &scope, &config.id, page.after.as_deref())
        .take(page.limit + 1)
        .collect::<Result<_, _>>()?;
    let next_marker = page.cut(&ctx, &config.id, &mut found, |function| function.latest.name.clone());
    let arns = found.iter().map(|function| state::arn(&scope, &function.latest.name, None).to_string());
    Ok(ListFunctionsByCodeSigningConfigOutput { next_marker, function_arns: Some(arns.collect()) })
}

fn set(tx: &mut Tx, named: &Named, signing: Option<String>) -> Result<(), LambdaError> {
    let mut function = invoke::found(tx, named)?;
    function.signing = signing;
    Ok(state::put_function(tx, &named.scope, &function)?)
}

/// PutFunctionCodeSigningConfig: holds for code that comes from now on.
pub async fn put_of_function(
    ctx: Ctx,
    input: Arc<PutFunctionCodeSigningConfigInput>,
) -> Result<PutFunctionCodeSigningConfigOutput, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    let (arn, of) = (input.code_signing_config_arn.clone(), named.clone());
    ctx.commit(move |tx| {
        let config = found_for_function(tx, &of.scope, &input.code_signing_config_arn)?;
        set(tx, &of, Some(config.id))
    })
    .await?;
    Ok(PutFunctionCodeSigningConfigOutput { code_signing_config_arn: arn, function_name: named.name })
}

/// GetFunctionCodeSigningConfig: empty where the function has none.
pub async fn get_of_function(
    ctx: Ctx,
    input: Arc<GetFunctionCodeSigningConfigInput>,
) -> Result<GetFunctionCodeSigningConfigOutput, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    let function = invoke::found(&ctx.read(), &named)?;
    let arn = function.signing.map(|id| arn_of(&named.scope, &id).to_string());
    let function_name = arn.is_some().then_some(named.name);
    Ok(GetFunctionCodeSigningConfigOutput { code_signing_config_arn: arn, function_name })
}

/// DeleteFunctionCodeSigningConfig.
pub async fn delete_of_function(
    ctx: Ctx,
    input: Arc<DeleteFunctionCodeSigningConfigInput>,
) -> Result<Unit, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    ctx.commit(move |tx| set(tx, &named, None)).await?;
    Ok(Unit)
}
