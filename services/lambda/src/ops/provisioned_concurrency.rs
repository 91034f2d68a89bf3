//! PutProvisionedConcurrencyConfig, GetProvisionedConcurrencyConfig, DeleteProvisionedConcurrencyConfig,
//! ListProvisionedConcurrencyConfigs: environments that are kept ready for a version or an alias.

use crate::answers::moment;
use crate::compute::Dispatcher;
use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::concurrency::MIN_UNRESERVED;
use crate::ops::{Page, named};
use crate::provisioning::{Provisioning, Settled};
use crate::rules::ACCOUNT_CONCURRENCY;
use crate::rules::names::{Named, Qualifier};
use crate::state::provisioned::{self, Provisioned};
use crate::state::{self, Function};
use model_lambda::{
    DeleteProvisionedConcurrencyConfigInput, GetProvisionedConcurrencyConfigInput,
    GetProvisionedConcurrencyConfigOutput, ListProvisionedConcurrencyConfigsInput,
    ListProvisionedConcurrencyConfigsOutput, ProvisionedConcurrencyConfigListItem,
    ProvisionedConcurrencyStatusEnum, PutProvisionedConcurrencyConfigInput,
    PutProvisionedConcurrencyConfigOutput,
};
use schema::Unit;
use service::Ctx;
use std::sync::Arc;
use store::{Read, Tx};

const LATEST_IN_PUT: &str =
    "Provisioned Concurrency Configs cannot be applied to unpublished function versions.";
const LATEST_ELSEWHERE: &str = "The function resource provided must be an alias or a published version.";

fn qualifier<'a>(named: &'a Named, otherwise: &str) -> Result<&'a str, LambdaError> {
    match named.qualifier.as_deref() {
        Some(qualifier) if Qualifier::of(Some(qualifier)) != Qualifier::Latest => Ok(qualifier),
        _ => Err(LambdaError::invalid(otherwise)),
    }
}

fn absent() -> LambdaError {
    LambdaError::NoProvisionedConcurrency(
        "No Provisioned Concurrency Config found for this function".to_owned(),
    )
}

/// The function, where it has what is named.
fn found(read: &impl Read, named: &Named) -> Result<Function, LambdaError> {
    let function = state::function(read, &named.scope, &named.name)?;
    let function = function.ok_or_else(|| invoke::absent_qualifier(named))?;
    invoke::check_qualifier(read, named, &function)?;
    Ok(function)
}

/// What is told of what is kept ready: how many environments there are, and in which state that is.
struct Told {
    wanted: i32,
    ready: i32,
    status: ProvisionedConcurrencyStatusEnum,
    reason: Option<String>,
    modified: String,
}

fn told(
    ctx: &Ctx,
    read: &impl Read,
    named: &Named,
    function: &Function,
    kept: &Provisioned,
) -> Result<Told, LambdaError> {
    let of = Named { qualifier: Some(kept.qualifier.clone()), ..named.clone() };
    let version = invoke::configuration(read, &of, function, 1.0)?;
    let there = ctx.part::<Dispatcher>().environments(function.incarnation, &version);
    let there = u32::try_from(there).unwrap_or(u32::MAX);
    let before = ctx.part::<Provisioning>().settled(function.incarnation, &kept.qualifier);
    let now = Settled { version: version.version, wanted: kept.wanted };
    // While it changes what was there before is told (LocalStack's test_lambda_provisioned_concurrency_moves_with_alias
    // and test_provisioned_concurrency, recorded on AWS), and what has failed is given back (its
    // test_provisioned_concurrency_init_failure).
    let (status, ready) = match (&kept.failed, before) {
        (Some(_), _) => (ProvisionedConcurrencyStatusEnum::Failed, 0),
        (None, Some(before)) if before == now && there >= kept.wanted => {
            (ProvisionedConcurrencyStatusEnum::Ready, kept.wanted)
        }
        (None, Some(before)) if before == now => (ProvisionedConcurrencyStatusEnum::InProgress, there),
        (None, before) => {
            let ready = before.map_or(0, |before| before.wanted.min(kept.wanted));
            (ProvisionedConcurrencyStatusEnum::InProgress, ready)
        }
    };
    Ok(Told {
        wanted: kept.wanted.cast_signed(),
        ready: ready.cast_signed(),
        status,
        reason: kept.failed.clone(),
        modified: moment(kept.modified),
    })
}

/// Refuses a version and an alias of it to be kept ready both.
fn check_twins(
    tx: &Tx,
    named: &Named,
    function: &Function,
    others: &[Provisioned],
) -> Result<(), LambdaError> {
    let version_of = |qualifier: &str| match Qualifier::of(Some(qualifier)) {
        Qualifier::Alias(name) => {
            Ok(state::alias(tx, &named.scope, function, name)?.map(|alias| alias.version))
        }
        _ => Ok::<_, LambdaError>(None),
    };
    let own = named.qualifier.as_deref().unwrap_or_default();
    let own_version = version_of(own)?;
    for other in others {
        if own_version.as_deref() == Some(other.qualifier.as_str()) {
            let message = "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version";
            return Err(LambdaError::Conflict(message.to_owned()));
        }
        if version_of(&other.qualifier)?.as_deref() == Some(own) {
            return Err(LambdaError::Conflict(
                "Version is pointed by a Provisioned Concurrency alias".to_owned(),
            ));
        }
    }
    Ok(())
}

fn put_in(tx: &mut Tx, named: &Named, kept: &Provisioned) -> Result<(), LambdaError> {
    let function = found(tx, named)?;
    let mut others = provisioned::all(tx, &named.scope, &function)?;
    others.retain(|one| one.qualifier != kept.qualifier);
    check_twins(tx, named, &function, &others)?;
    let all = others.iter().map(|one| one.wanted).sum::<u32>().saturating_add(kept.wanted);
    if let Some(reserved) = function.reserved {
        if all > reserved {
            return Err(LambdaError::invalid(
                "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
            ));
        }
    } else {
        let unreserved = ACCOUNT_CONCURRENCY.saturating_sub(state::totals(tx, &named.scope)?.reserved);
        if all > unreserved {
            return Err(LambdaError::Untyped(format!(
                "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [{unreserved}]."
            )));
        }
        if unreserved - all < MIN_UNRESERVED {
            return Err(LambdaError::Untyped(format!(
                "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its \
                 minimum value of [{MIN_UNRESERVED}]."
            )));
        }
    }
    Ok(provisioned::put(tx, &named.scope, &function, kept)?)
}

/// PutProvisionedConcurrencyConfig.
pub async fn put(
    ctx: Ctx,
    input: Arc<PutProvisionedConcurrencyConfigInput>,
) -> Result<PutProvisionedConcurrencyConfigOutput, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    let kept = Provisioned {
        qualifier: qualifier(&named, LATEST_IN_PUT)?.to_owned(),
        wanted: input.provisioned_concurrent_executions.max(1).unsigned_abs(),
        failed: None,
        modified: ctx.now(),
    };
    let (of, fresh) = (named, kept.clone());
    ctx.commit(move |tx| put_in(tx, &of, &fresh)).await?;
    ctx.part::<Provisioning>().changed();
    Ok(PutProvisionedConcurrencyConfigOutput {
        requested_provisioned_concurrent_executions: Some(kept.wanted.cast_signed()),
        available_provisioned_concurrent_executions: Some(0),
        allocated_provisioned_concurrent_executions: Some(0),
        status: Some(ProvisionedConcurrencyStatusEnum::InProgress),
        status_reason: None,
        last_modified: Some(moment(kept.modified)),
    })
}

/// GetProvisionedConcurrencyConfig.
pub async fn get(
    ctx: Ctx,
    input: Arc<GetProvisionedConcurrencyConfigInput>,
) -> Result<GetProvisionedConcurrencyConfigOutput, LambdaError> {
    let (named, read) = (named(&ctx, input.as_ref())?, ctx.read());
    let qualifier = qualifier(&named, LATEST_ELSEWHERE)?;
    let function = found(&read, &named)?;
    let kept = provisioned::of(&read, &named.scope, &function, qualifier)?;
    let told = told(&ctx, &read, &named, &function, &kept.ok_or_else(absent)?)?;
    Ok(GetProvisionedConcurrencyConfigOutput {
        requested_provisioned_concurrent_executions: Some(told.wanted),
        available_provisioned_concurrent_executions: Some(told.ready),
        allocated_provisioned_concurrent_executions: Some(told.ready),
        status: Some(told.status),
        status_reason: told.reason,
        last_modified: Some(told.modified),
    })
}

/// DeleteProvisionedConcurrencyConfig. One that is not there is deleted already.
pub async fn delete(
    ctx: Ctx,
    input: Arc<DeleteProvisionedConcurrencyConfigInput>,
) -> Result<Unit, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    qualifier(&named, LATEST_ELSEWHERE)?;
    ctx.commit(move |tx| {
        let function = found(tx, &named)?;
        provisioned::remove(tx, &named.scope, &function, qualifier(&named, LATEST_ELSEWHERE)?)?;
        Ok::<_, LambdaError>(())
    })
    .await?;
    ctx.part::<Provisioning>().changed();
    Ok(Unit)
}

/// ListProvisionedConcurrencyConfigs.
pub async fn list(
    ctx: Ctx,
    input: Arc<ListProvisionedConcurrencyConfigsInput>,
) -> Result<ListProvisionedConcurrencyConfigsOutput, LambdaError> {
    let (named, read) = (named(&ctx, input.as_ref())?, ctx.read());
    let function = invoke::found(&read, &named)?;
    let page = Page::of(&ctx, &named.name, input.marker.as_ref(), input.max_items)?;
    let after = page.after.as_deref();
    let all = provisioned::all(&read, &named.scope, &function)?.into_iter();
    let mut found: Vec<Provisioned> = all
        .filter(|one| after.is_none_or(|after| one.qualifier.as_str() > after))
        .take(page.limit + 1)
        .collect();
    let next_marker = page.cut(&ctx, &named.name, &mut found, |one| one.qualifier.clone());
    let items = found.iter().map(|kept| {
        let told = told(&ctx, &read, &named, &function, kept)?;
        Ok(ProvisionedConcurrencyConfigListItem {
            function_arn: Some(state::arn(&named.scope, &named.name, Some(&kept.qualifier)).to_string()),
            requested_provisioned_concurrent_executions: Some(told.wanted),
            available_provisioned_concurrent_executions: Some(told.ready),
            allocated_provisioned_concurrent_executions: Some(told.ready),
            status: Some(told.status),
            status_reason: told.reason,
            last_modified: Some(told.modified),
        })
    });
    let provisioned_concurrency_configs = Some(items.collect::<Result<Vec<_>, LambdaError>>()?);
    Ok(ListProvisionedConcurrencyConfigsOutput { provisioned_concurrency_configs, next_marker })
}
