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
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Incarnation;
use tokio::sync::Notify;

/// A version or alias of a function.
type Qualified = (u64, String);

/// What was wanted when all of it was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The version that a qualifier stood for.
    pub version: String,
    /// Environments of it.
    pub wanted: u32,
}

/// Tells the worker that something changed, and what it has reached.
pub struct Provisioning {
    wake: Arc<Notify>,
    settled: Mutex<HashMap<Qualified, Settled>>,
}

impl Provisioning {
    /// What wakes this worker.
    pub fn new(wake: Arc<Notify>) -> Self {
        Provisioning { wake, settled: Mutex::default() }
    }

    /// Something is to be kept ready, or no longer.
    pub fn changed(&self) {
        self.wake.notify_one();
    }

    fn reached(&self) -> MutexGuard<'_, HashMap<Qualified, Settled>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was last reached for a qualifier, whatever is wanted of it since.
    pub fn settled(&self, function: Incarnation, qualifier: &str) -> Option<Settled> {
        self.reached().get(&(function.0, qualifier.to_owned())).cloned()
    }
}

/// Starts what is missing.
pub async fn round(ctx: Ctx) -> Result<(), LambdaError> {
    let places = provisioned::places(&ctx.read())?;
    let mut kept = HashMap::new();
    let mut missing = HashMap::new();
    for (number, qualifier, place) in places {
        match wanted(&ctx, (number, &qualifier), &place)? {
            Some((named, wanted, version)) => {
                *kept.entry(version.clone()).or_insert(0) += wanted as usize;
                missing.insert((number.0, qualifier), (named, Settled { version: version.version, wanted }));
            }
            None => forget(&ctx, number, qualifier).await?,
        }
    }
    let (dispatcher, provisioning) = (ctx.part::<Dispatcher>(), ctx.part::<Provisioning>());
    provisioning.reached().retain(|qualified, _| missing.contains_key(qualified));
    dispatcher.keep(kept.clone());
    for (qualified, (named, target)) in missing {
        if start(&ctx, &named, &kept).await? {
            provisioning.reached().insert(qualified, target);
        }
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

/// Starts what is missing of a version. Says whether all that is wanted of it is there.
async fn start(ctx: &Ctx, named: &Named, kept: &HashMap<Version, usize>) -> Result<bool, LambdaError> {
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
        return Ok(false);
    }
    let Err(why) = ctx.part::<Dispatcher>().warm(&within, &work, wanted).await else { return Ok(true) };
    let named = named.clone();
    ctx.commit(move |tx| {
        let Some(function) = state::function(tx, &named.scope, &named.name)? else { return Ok(false) };
        let qualifier = named.qualifier.as_deref().unwrap_or_default();
        let Some(mut kept) = provisioned::of(tx, &named.scope, &function, qualifier)? else {
            return Ok(false);
        };
        kept.failed = Some(why.clone());
        provisioned::put(tx, &named.scope, &function, &kept)?;
        Ok::<_, LambdaError>(false)
    })
    .await
}
