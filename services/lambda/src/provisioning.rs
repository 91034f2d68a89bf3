//! Provisioned concurrency at work: keeps as many environments of a version ready as its owner wants, after
//! each start of the region too.

use crate::compute::{Dispatcher, Version};
use crate::errors::LambdaError;
use crate::invoke;
use crate::rules::names::Named;
use crate::state::provisioned::{self, Place};
use crate::state::{self};
use service::Ctx;
use std::collections::HashMap;
use std::sync::Arc;
use store::Incarnation;
use tokio::sync::Notify;

/// Tells the worker that something changed.
pub struct Provisioning(Arc<Notify>);

impl Provisioning {
    /// What wakes this worker.
    pub fn new(wake: Arc<Notify>) -> Self {
        Provisioning(wake)
    }

    /// Something is to be kept ready, or no longer.
    pub fn changed(&self) {
        self.0.notify_one();
    }
}

/// Starts what is missing.
pub async fn round(ctx: Ctx) -> Result<(), LambdaError> {
    let places = provisioned::places(&ctx.read())?;
    let mut kept = HashMap::new();
    let mut missing = Vec::new();
    for (number, qualifier, place) in places {
        match wanted(&ctx, (number, &qualifier), &place)? {
            Some((named, wanted, version)) => {
                *kept.entry(version).or_insert(0) += wanted as usize;
                missing.push(named);
            }
            None => forget(&ctx, number, qualifier).await?,
        }
    }
    let dispatcher = ctx.part::<Dispatcher>();
    dispatcher.keep(kept.clone());
    for named in missing {
        start(&ctx, &named, &kept).await?;
    }
    Ok(())
}

type Wanted = (Named, u32, Version);

/// What is wanted at a place; `None` where the function or what is kept for it is gone.
fn wanted(
    ctx: &Ctx,
    (number, qualifier): (Incarnation, &str),
    place: &Place,
) -> Result<Option<Wanted>, LambdaError> {
    let read = ctx.read();
    let function = state::function(&read, &place.scope, &place.function)?;
    let Some(function) = function.filter(|function| function.incarnation == number) else { return Ok(None) };
    let Some(kept) = provisioned::of(&read, &place.scope, &function, qualifier)? else { return Ok(None) };
    let named = Named {
        scope: place.scope.clone(),
        name: place.function.clone(),
        qualifier: Some(qualifier.to_owned()),
    };
    let Ok(configuration) = invoke::configuration(&read, &named, &function, 1.0) else { return Ok(None) };
    let wanted = if kept.failed.is_some() { 0 } else { kept.wanted };
    Ok(Some((named, wanted, Version { function: number, version: configuration.version })))
}

async fn forget(ctx: &Ctx, number: Incarnation, qualifier: String) -> Result<(), LambdaError> {
    ctx.commit(move |tx| Ok::<_, LambdaError>(provisioned::forget(tx, number, &qualifier)?)).await
}

async fn start(ctx: &Ctx, named: &Named, kept: &HashMap<Version, usize>) -> Result<(), LambdaError> {
    let within = invoke::within(ctx, &named.scope);
    let work = {
        let read = ctx.read();
        let function = invoke::found(&read, named)?;
        let configuration = invoke::configuration(&read, named, &function, 1.0)?;
        invoke::keeping(named, &function, configuration, ctx.uuid())
    };
    let version = Version { function: work.function, version: work.configuration.version.clone() };
    let wanted = kept.get(&version).copied().unwrap_or(0);
    if wanted == 0 {
        return Ok(());
    }
    let Err(why) = ctx.part::<Dispatcher>().warm(&within, &work, wanted).await else { return Ok(()) };
    let named = named.clone();
    ctx.commit(move |tx| {
        let Some(function) = state::function(tx, &named.scope, &named.name)? else { return Ok(()) };
        let qualifier = named.qualifier.as_deref().unwrap_or_default();
        let Some(mut kept) = provisioned::of(tx, &named.scope, &function, qualifier)? else { return Ok(()) };
        kept.failed = Some(why.clone());
        Ok::<_, LambdaError>(provisioned::put(tx, &named.scope, &function, &kept)?)
    })
    .await
}
