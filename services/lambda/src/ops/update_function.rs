//! UpdateFunctionCode and UpdateFunctionConfiguration: environments of the old one take no more work.

use crate::answers::{self, Standing};
use crate::compute::Dispatcher;
use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::create_function::check_role;
use crate::ops::package::{self, Package, Source};
use crate::ops::{capacity_providers, check_revision, code_signing, layers, named, versions};
use crate::rules::MAX_CODE;
use crate::rules::layers as rules_of_layers;
use crate::rules::names::Named;
use crate::rules::{choices, settings, standing};
use crate::state::choices as kept_choices;
use crate::state::{self, Function, LATEST, Origin};
use model_lambda::{FunctionConfiguration, UpdateFunctionCodeInput, UpdateFunctionConfigurationInput};
use names::Timestamp;
use service::Ctx;
use std::sync::Arc;
use store::{Incarnation, Tx};

type Changed = (Incarnation, FunctionConfiguration);

/// Refuses a change of what is being made or changed.
///
/// # Errors
/// While it is.
pub fn check_settled(ctx: &Ctx, named: &Named, function: &Function) -> Result<(), LambdaError> {
    let standing = standing::of_latest(function, |pace| ctx.pace(pace), ctx.now());
    standing::check_settled(standing, &state::arn(&named.scope, &named.name, None))
}

/// UpdateFunctionCode.
pub async fn code(
    ctx: Ctx,
    input: Arc<UpdateFunctionCodeInput>,
) -> Result<FunctionConfiguration, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    let function = invoke::found(&ctx.read(), &named)?;
    check_settled(&ctx, &named, &function)?;
    let present = function.latest;
    match (matches!(present.origin, Origin::Image(_)), input.image_uri.is_some()) {
        (true, false) => {
            return Err(LambdaError::invalid(
                "Please provide ImageUri when updating a function with packageType Image.",
            ));
        }
        (false, true) => {
            return Err(LambdaError::invalid(
                "Please don't provide ImageUri when updating a function with packageType Zip.",
            ));
        }
        _ => {}
    }
    let chosen = input.architectures.as_deref().and_then(<[_]>::first);
    let architecture = chosen.map_or(present.settings.architecture.as_str(), |chosen| chosen.as_str());
    let source = Source {
        zip: input.zip_file.as_ref(),
        s3: input.s3_bucket.as_deref().zip(input.s3_key.as_deref()),
        s3_version: input.s3_object_version.as_deref(),
        image: input.image_uri.as_deref().map(|uri| (uri, architecture)),
    };
    let mut package = package::read(&ctx, &source).await?;
    package::check_together(&ctx, Ok(&package), &present.settings.layers).await?;
    let (ids, now) = (Arc::new(std::array::from_fn(|_| ctx.uuid())), ctx.now());
    loop {
        let (named, input, given, ids) = (named.clone(), input.clone(), package.clone(), ids.clone());
        let changed = ctx.commit(move |tx| change_code(tx, &named, &input, &given, (&ids, now))).await?;
        match changed {
            Some((function, answer)) => {
                ctx.part::<Dispatcher>().retire(function, Some(LATEST));
                return Ok(answer);
            }
            // The bytes went with another function since they were looked for.
            None => package.keep(&ctx).await?,
        }
    }
}

fn change_code(
    tx: &mut Tx,
    named: &Named,
    input: &UpdateFunctionCodeInput,
    package: &Package,
    (ids, now): (&[String; 3], Timestamp),
) -> Result<Option<Changed>, LambdaError> {
    let mut function = invoke::found(tx, named)?;
    check_revision(input.revision_id.as_ref(), &function.latest.revision)?;
    code_signing::check(tx, &named.scope, &function)?;
    let old = function.latest.clone();
    if state::totals(tx, &named.scope)?.code_bytes.saturating_add(package.code.size) > MAX_CODE {
        return Err(LambdaError::CodeStorageExceeded);
    }
    function.latest.code = package.code;
    function.latest.origin = package.origin.clone();
    if let Some([architecture]) = input.architectures.as_deref() {
        architecture.as_str().clone_into(&mut function.latest.settings.architecture);
    }
    function.latest.modified = now;
    let arn = state::arn(&named.scope, &named.name, None);
    if input.dry_run == Some(true) {
        let mut answer = answers::configuration(&arn, &function.latest, Standing::Active);
        answers::tell_choices(tx, (&named.scope, &function), &mut answer)?;
        return Ok(Some((function.incarnation, answer)));
    }
    if !state::hold_code(tx, &named.scope, &function.latest, package.archive.as_ref())? {
        return Ok(None);
    }
    layers::hold(tx, &function.latest.settings.layers)?;
    state::release_code(tx, &named.scope, &old)?;
    function.latest.revision.clone_from(&ids[0]);
    function.latest.generation = tx.fresh_incarnation()?.0;
    let mut answer = answers::configuration(&arn, &function.latest, Standing::Updating);
    // The change ends with another revision than it is answered with.
    answer.revision_id = Some(ids[2].clone());
    if input.publish == Some(true) {
        let version = versions::publish(
            tx,
            &named.scope,
            &mut function,
            (None, input.publish_to.as_ref()),
            (&ids[1], now),
        )?;
        let arn = answers::arn_of(&named.scope, &version);
        answer = answers::configuration(&arn, &version, Standing::Creating);
    }
    answers::tell_choices(tx, (&named.scope, &function), &mut answer)?;
    state::put_function(tx, &named.scope, &function)?;
    Ok(Some((function.incarnation, answer)))
}

/// UpdateFunctionConfiguration.
pub async fn configuration(
    ctx: Ctx,
    input: Arc<UpdateFunctionConfigurationInput>,
) -> Result<FunctionConfiguration, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    let present = invoke::found(&ctx.read(), &named)?;
    check_settled(&ctx, &named, &present)?;
    let wanted = settings::changed(&present.latest.settings, &input)?;
    if let Some(texts) = &input.layers {
        rules_of_layers::check_region(texts, ctx.region())?;
        let wanted = layers::resolve(&ctx.read(), texts)?;
        package::check_together(&ctx, Err(&present.latest), &wanted).await?;
    }
    if input.role.is_some() {
        check_role(&ctx, &wanted.role, &named).await?;
    }
    let ([revision, told], now) = (std::array::from_fn(|_| ctx.uuid()), ctx.now());
    let changed = ctx.commit(move |tx| {
        let mut function = invoke::found(tx, &named)?;
        check_revision(input.revision_id.as_ref(), &function.latest.revision)?;
        let mut wanted = settings::changed(&function.latest.settings, &input)?;
        if let Some(texts) = &input.layers {
            wanted.layers = layers::resolve(tx, texts)?;
            layers::hold(tx, &wanted.layers)?;
            let old = &function.latest.settings.layers;
            old.iter().try_for_each(|layer| state::unshare_package(tx, &layer.code))?;
        }
        function.latest.settings = wanted;
        let place = (function.incarnation, LATEST);
        let had = kept_choices::of(tx, &named.scope, function.incarnation, LATEST)?;
        let choices = choices::changed(had, &input)?;
        capacity_providers::check(tx, &named.scope, &choices)?;
        kept_choices::put(tx, &named.scope, place, &choices)?;
        function.latest.revision.clone_from(&revision);
        function.latest.generation = tx.fresh_incarnation()?.0;
        function.latest.modified = now;
        state::put_function(tx, &named.scope, &function)?;
        let arn = state::arn(&named.scope, &named.name, None);
        let mut answer = answers::configuration(&arn, &function.latest, Standing::Updating);
        choices::tell(&choices, &mut answer);
        answer.revision_id = Some(told.clone());
        Ok::<_, LambdaError>((function.incarnation, answer))
    });
    let (function, answer) = changed.await?;
    ctx.part::<Dispatcher>().retire(function, Some(LATEST));
    Ok(answer)
}
