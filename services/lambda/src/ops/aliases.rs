//! CreateAlias, GetAlias, UpdateAlias, DeleteAlias, ListAliases.

use crate::answers;
use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::create_function::head;
use crate::ops::{Page, check_revision, named};
use crate::provisioning::Provisioning;
use crate::rules::names::{Named, Qualifier};
use crate::state::{self, Alias, Function, LATEST};
use model_lambda::{
    AliasConfiguration, AliasRoutingConfiguration, CreateAliasInput, DeleteAliasInput, GetAliasInput,
    ListAliasesInput, ListAliasesOutput, UpdateAliasInput,
};
use names::Tags;
use schema::Unit;
use service::{Ctx, Heads};
use std::sync::Arc;
use store::{Read, Tx};

fn absent(named: &Named, alias: &str) -> LambdaError {
    LambdaError::AliasNotFound(state::arn(&named.scope, &named.name, Some(alias)).to_string())
}

/// Refuses a version that the function does not have.
fn check_version(
    read: &impl Read,
    named: &Named,
    function: &Function,
    version: &str,
) -> Result<(), LambdaError> {
    let there = match Qualifier::of(Some(version)) {
        Qualifier::Latest => true,
        Qualifier::Version(number) => state::version(read, &named.scope, function, number)?.is_some(),
        Qualifier::Alias(_) => false,
    };
    let missing = || {
        let arn = state::arn(&named.scope, &named.name, Some(version));
        LambdaError::FunctionNotFound(arn.to_string())
    };
    if there { Ok(()) } else { Err(missing()) }
}

/// The version besides an alias's own, with its weight.
fn weighted(
    read: &impl Read,
    named: &Named,
    function: &Function,
    (version, routing): (&str, &AliasRoutingConfiguration),
) -> Result<Option<(String, f64)>, LambdaError> {
    let weights = routing.additional_version_weights.as_ref();
    let Some((other, weight)) = weights.and_then(|weights| weights.iter().next()) else { return Ok(None) };
    if weights.is_some_and(|weights| weights.len() > 1) {
        return Err(LambdaError::invalid(
            "Number of items in AdditionalVersionWeights cannot be greater than 1",
        ));
    }
    if !other.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(LambdaError::Validation(format!(
            "1 validation error detected: Value '{{{other}={weight:?}}}' at 'routingConfig.additionalVersionWeights' failed to \
             satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 1024, \
             Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+]"
        )));
    }
    if version == LATEST {
        return Err(LambdaError::Untyped(
            "$LATEST is not supported for an alias pointing to more than 1 version".to_owned(),
        ));
    }
    if other == version {
        let message = format!(
            "Invalid function version {other}. Function version {other} is already included in routing configuration."
        );
        return Err(LambdaError::invalid(message));
    }
    if !(0.0..=1.0).contains(weight) {
        return Err(LambdaError::Validation(format!(
            "1 validation error detected: Value '{{{other}={weight:?}}}' at 'routingConfig.additionalVersionWeights' failed to \
             satisfy constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, \
             Member must have value greater than or equal to 0.0, Member must not be null]"
        )));
    }
    check_version(read, named, function, other)?;
    Ok(Some((other.clone(), *weight)))
}

/// CreateAlias.
pub async fn create(ctx: Ctx, input: Arc<CreateAliasInput>) -> Result<AliasConfiguration, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    let (revision, now) = (ctx.uuid(), ctx.now());
    ctx.commit(move |tx| {
        let function = state::function(tx, &named.scope, &named.name)?.ok_or_else(|| {
            let version = Some(input.function_version.as_str());
            LambdaError::FunctionNotFound(state::arn(&named.scope, &named.name, version).to_string())
        })?;
        let arn = state::arn(&named.scope, &named.name, Some(&input.name));
        if state::alias(tx, &named.scope, &function, &input.name)?.is_some() {
            return Err(LambdaError::Conflict(format!("Alias already exists: {arn}")));
        }
        check_version(tx, &named, &function, &input.function_version)?;
        let alias = Alias {
            name: input.name.clone(),
            version: input.function_version.clone(),
            description: input.description.clone().unwrap_or_default(),
            weighted: match &input.routing_config {
                Some(routing) => weighted(tx, &named, &function, (&input.function_version, routing))?,
                None => None,
            },
            revision: revision.clone(),
        };
        state::put_alias(tx, &named.scope, &function, &alias)?;
        let head = head(tx, &arn, "Alias", (Tags::new(), now))?;
        tx.put_head(&arn, &head)?;
        Ok(answers::alias(&named.scope, &named.name, &alias))
    })
    .await
}

/// GetAlias.
pub async fn get(ctx: Ctx, input: Arc<GetAliasInput>) -> Result<AliasConfiguration, LambdaError> {
    let (named, read) = (named(&ctx, input.as_ref())?, ctx.read());
    let function = invoke::found(&read, &named)?;
    let alias = state::alias(&read, &named.scope, &function, &input.name)?;
    let alias = alias.ok_or_else(|| absent(&named, &input.name))?;
    Ok(answers::alias(&named.scope, &named.name, &alias))
}

/// UpdateAlias.
pub async fn update(ctx: Ctx, input: Arc<UpdateAliasInput>) -> Result<AliasConfiguration, LambdaError> {
    let (named, revision) = (named(&ctx, input.as_ref())?, ctx.uuid());
    let changed = ctx.commit(move |tx| {
        let function = invoke::found(tx, &named)?;
        let found = state::alias(tx, &named.scope, &function, &input.name)?;
        let mut alias = found.ok_or_else(|| {
            let arn = state::arn(&named.scope, &named.name, Some(&input.name));
            LambdaError::NotFound(format!("Alias not found: {arn}"))
        })?;
        check_revision(input.revision_id.as_ref(), &alias.revision)?;
        change(tx, &named, &function, (&mut alias, &input))?;
        alias.revision.clone_from(&revision);
        state::put_alias(tx, &named.scope, &function, &alias)?;
        Ok::<_, LambdaError>(answers::alias(&named.scope, &named.name, &alias))
    });
    let changed = changed.await?;
    // What is kept ready moves with it.
    ctx.part::<Provisioning>().changed();
    Ok(changed)
}

fn change(
    tx: &Tx,
    named: &Named,
    function: &Function,
    (alias, input): (&mut Alias, &UpdateAliasInput),
) -> Result<(), LambdaError> {
    if let Some(version) = &input.function_version {
        check_version(tx, named, function, version)?;
        alias.version.clone_from(version);
    }
    if let Some(description) = &input.description {
        alias.description.clone_from(description);
    }
    if let Some(routing) = &input.routing_config {
        alias.weighted = weighted(tx, named, function, (&alias.version, routing))?;
    }
    Ok(())
}

/// DeleteAlias. One that is not there is deleted already.
pub async fn delete(ctx: Ctx, input: Arc<DeleteAliasInput>) -> Result<Unit, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    ctx.commit(move |tx| {
        let function = invoke::found(tx, &named)?;
        state::remove_alias(tx, &named.scope, &function, &input.name)?;
        state::put_event_config(tx, &named.scope, &function, &input.name, None)?;
        state::urls::remove(tx, &named.scope, &function, &input.name)?;
        state::provisioned::remove(tx, &named.scope, &function, &input.name)?;
        tx.remove_head(&state::arn(&named.scope, &named.name, Some(&input.name)))?;
        Ok::<_, LambdaError>(Unit)
    })
    .await?;
    ctx.part::<Provisioning>().changed();
    Ok(Unit)
}

/// ListAliases.
pub async fn list(ctx: Ctx, input: Arc<ListAliasesInput>) -> Result<ListAliasesOutput, LambdaError> {
    let (named, read) = (named(&ctx, input.as_ref())?, ctx.read());
    let function = invoke::found(&read, &named)?;
    let filter = format!("{}:{}", named.name, input.function_version.as_deref().unwrap_or_default());
    let page = Page::of(&ctx, &filter, input.marker.as_ref(), input.max_items)?;
    let wanted =
        |alias: &Alias| input.function_version.as_ref().is_none_or(|version| *version == alias.version);
    let mut found: Vec<Alias> = state::aliases(&read, &named.scope, &function, page.after.as_deref())
        .filter(|alias| alias.as_ref().map_or(true, &wanted))
        .take(page.limit + 1)
        .collect::<Result<_, _>>()?;
    let marker = page.cut(&ctx, &filter, &mut found, |alias| alias.name.clone());
    let aliases = found.iter().map(|alias| answers::alias(&named.scope, &named.name, alias)).collect();
    Ok(ListAliasesOutput { next_marker: marker, aliases: Some(aliases) })
}
