//! PublishVersion and ListVersionsByFunction.

use crate::answers;
use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::create_function::head;
use crate::ops::update_function::check_settled;
use crate::ops::{Page, check_revision, layers, named};
use crate::rules::choices as rules;
use crate::state::choices::{self, Scaling};
use crate::state::{self, Configuration, Function, LATEST, PUBLISHED};
use model_lambda::{
    FunctionConfiguration, FunctionVersionLatestPublished, ListVersionsByFunctionInput,
    ListVersionsByFunctionOutput, PublishVersionInput,
};
use names::{Scope, Tags, Timestamp};
use service::{Ctx, Heads};
use std::sync::Arc;
use store::{Fault, Tx};

/// Whether `$LATEST` is what was published last. A version may have been given a description of its own.
fn unchanged(latest: &Configuration, last: &Configuration) -> bool {
    let mut settings = latest.settings.clone();
    if latest.modified <= last.modified {
        settings.description.clone_from(&last.settings.description);
    }
    settings == last.settings
}

/// Whether `$LATEST` has the choices of what was published last. How a version scales is its own.
fn has_same_choices(
    tx: &Tx,
    scope: &Scope,
    function: &Function,
    last: &Configuration,
) -> Result<bool, Fault> {
    let mut published = choices::of(tx, scope, function.incarnation, &last.version)?;
    published.scaling = Scaling::default();
    Ok(published == choices::of(tx, scope, function.incarnation, LATEST)?)
}

/// Publishes what a function is now, unless its last version is the same; the caller writes the function, which
/// is another revision then. To `$LATEST.PUBLISHED` it is published in the place of what was there, which scales on
/// as it did.
///
/// # Errors
/// Where `$LATEST.PUBLISHED` is not for this function.
pub fn publish(
    tx: &mut Tx,
    scope: &Scope,
    function: &mut Function,
    (description, to): (Option<&str>, Option<&FunctionVersionLatestPublished>),
    (revision, now): (&str, Timestamp),
) -> Result<Configuration, LambdaError> {
    let mut choices = choices::of(tx, scope, function.incarnation, LATEST)?;
    rules::check_published_to(to, &choices)?;
    let mut version = function.latest.clone();
    if let Some(description) = description {
        description.clone_into(&mut version.settings.description);
    }
    let before = if to.is_some() { PUBLISHED } else { function.published };
    let last = state::version(tx, scope, function, before)?;
    if let Some(last) = &last
        && last.code == version.code
        && last.origin == version.origin
        && unchanged(&function.latest, last)
        && has_same_choices(tx, scope, function, last)?
    {
        return Ok(last.clone());
    }
    let number = if to.is_some() { PUBLISHED } else { function.published + 1 };
    if to.is_none() {
        function.published = number;
    }
    version.version = state::version_name(number);
    version.generation = tx.fresh_incarnation()?.0;
    revision.clone_into(&mut version.revision);
    version.modified = now;
    // What `$LATEST` has is there, so nothing is kept anew.
    state::hold_code(tx, scope, &version, None)?;
    layers::hold(tx, &version.settings.layers)?;
    if let Some(replaced) = last.filter(|_| to.is_some()) {
        state::release_code(tx, scope, &replaced)?;
        choices.scaling = choices::of(tx, scope, function.incarnation, &replaced.version)?.scaling;
    }
    state::put_version(tx, scope, function, number, &version)?;
    choices::put(tx, scope, (function.incarnation, &version.version), &choices)?;
    let arn = answers::arn_of(scope, &version);
    let head = head(tx, &arn, "Version", (Tags::new(), now))?;
    tx.put_head(&arn, &head)?;
    Ok(version)
}

/// PublishVersion.
pub async fn publish_version(
    ctx: Ctx,
    input: Arc<PublishVersionInput>,
) -> Result<FunctionConfiguration, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    check_settled(&ctx, &named, &invoke::found(&ctx.read(), &named)?)?;
    let ([revision, latest_revision], now) = (std::array::from_fn(|_| ctx.uuid()), ctx.now());
    ctx.commit(move |tx| {
        let mut function = invoke::found(tx, &named)?;
        check_revision(input.revision_id.as_ref(), &function.latest.revision)?;
        let latest = answers::active(&named.scope, &function.latest);
        if input.code_sha256.is_some() && input.code_sha256 != latest.code_sha256 {
            return Err(LambdaError::invalid(format!(
                "CodeSHA256 ({}) is different from current CodeSHA256 in $LATEST ({}). Please try again with the \
                 CodeSHA256 in $LATEST.",
                input.code_sha256.as_deref().unwrap_or_default(),
                latest.code_sha256.as_deref().unwrap_or_default(),
            )));
        }
        let wish = (input.description.as_deref(), input.publish_to.as_ref());
        let version = publish(tx, &named.scope, &mut function, wish, (&revision, now))?;
        if version.revision == revision {
            latest_revision.clone_into(&mut function.latest.revision);
        }
        state::put_function(tx, &named.scope, &function)?;
        let mut answer = answers::active(&named.scope, &version);
        answers::tell_choices(tx, (&named.scope, &function), &mut answer)?;
        Ok(answer)
    })
    .await
}

/// ListVersionsByFunction: `$LATEST` first, then the published ones, the oldest first.
pub async fn list(
    ctx: Ctx,
    input: Arc<ListVersionsByFunctionInput>,
) -> Result<ListVersionsByFunctionOutput, LambdaError> {
    let (named, read) = (named(&ctx, input.as_ref())?, ctx.read());
    let function = invoke::found(&read, &named)?;
    let page = Page::of(&ctx, &named.name, input.marker.as_ref(), input.max_items)?;
    let after: u64 = page.after.as_deref().and_then(|after| after.parse().ok()).unwrap_or(0);
    let mut found: Vec<Configuration> = state::versions(&read, &named.scope, &function, after)
        .take(page.limit + 1)
        .collect::<Result<_, _>>()?;
    let marker = page.cut(&ctx, &named.name, &mut found, |version| version.version.clone());
    let mut versions = Vec::with_capacity(found.len() + 1);
    if page.after.is_none() {
        let mut latest = answers::listed(&named.scope, &function.latest);
        answers::tell_choices(&read, (&named.scope, &function), &mut latest)?;
        latest.function_arn = Some(state::arn(&named.scope, &named.name, Some(state::LATEST)).to_string());
        versions.push(latest);
    }
    for version in &found {
        let mut version = answers::listed(&named.scope, version);
        answers::tell_choices(&read, (&named.scope, &function), &mut version)?;
        versions.push(version);
    }
    Ok(ListVersionsByFunctionOutput { next_marker: marker, versions: Some(versions) })
}
