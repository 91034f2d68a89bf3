//! What an account has outside of its own scopes: packages held in common, asynchronous invocations,
//! mappings. And the end of what the room runs.

use crate::compute::Dispatcher;
use crate::ops::{self, delete_function};
use crate::pollers::Pollers;
use crate::state::layers::{self, Layer, LayerVersion};
use crate::state::{self, Event, Mapping};
use names::{AccountId, Scope};
use service::{Ctx, Host};
use store::{Fault, Tx};

/// Removes the functions of an account that is being emptied, what waits for them, and its mappings.
pub async fn forget(ctx: Ctx, account: AccountId) -> Result<usize, Fault> {
    let read = ctx.read();
    let own = |mapping: &Mapping| mapping.scope.account() == Some(account);
    let mappings = state::mappings(&read, None).filter(|found| found.as_ref().map_or(true, own));
    let mappings: Vec<Mapping> = mappings.collect::<Result<_, _>>()?;
    let mut removed = mappings.len();
    for mapping in mappings {
        ctx.commit(move |tx| state::remove_mapping(tx, &mapping.uuid)).await?;
    }
    ctx.part::<Pollers>().changed();
    for layer in layers::layers_of(&read, account) {
        let (scope, layer) = layer?;
        for version in layers::versions(&read, &scope, &layer)? {
            let (scope, layer) = (scope.clone(), layer.clone());
            ctx.commit::<(), Fault, _>(move |tx| remove_layer(tx, &scope, &layer, &version)).await?;
            removed += 1;
        }
    }
    for function in state::functions_of(&read, account) {
        let (scope, function) = function?;
        let incarnation = function.incarnation;
        let remove = move |tx: &mut Tx| {
            let now = state::function(tx, &scope, &function.latest.name)?;
            let still = now.filter(|now| now.incarnation == incarnation);
            still.map_or(Ok(()), |function| delete_function::remove(tx, &scope, &function))
        };
        ctx.commit::<(), Fault, _>(remove).await?;
        ctx.part::<Dispatcher>().retire(incarnation, None);
        removed += 1;
    }
    let own = |event: &Event| event.scope.account() == Some(account);
    let events = state::events(&read).filter(|event| event.as_ref().map_or(true, |(_, event)| own(event)));
    let events: Vec<u64> = events.map(|event| event.map(|(number, _)| number)).collect::<Result<_, _>>()?;
    for number in &events {
        let number = *number;
        ctx.commit(move |tx| state::end_event(tx, number)).await?;
    }
    Ok(removed + events.len())
}

/// Removes a version of a layer, unless it is gone already.
fn remove_layer(tx: &mut Tx, scope: &Scope, layer: &Layer, version: &LayerVersion) -> Result<(), Fault> {
    let all = layers::versions(tx, scope, layer)?;
    match all.iter().find(|one| one.number == version.number) {
        Some(version) => ops::layers::remove(tx, scope, layer, version),
        None => Ok(()),
    }
}

/// Ends all environments and pollers; those at work end when they are done.
pub fn end(host: &Host) {
    host.part::<Pollers>().end();
    host.part::<Dispatcher>().end(host.clock.instant());
}
