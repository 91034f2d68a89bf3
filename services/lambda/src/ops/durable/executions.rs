//! GetDurableExecution, GetDurableExecutionHistory, GetDurableExecutionState, ListDurableExecutionsByFunction,
//! StopDurableExecution.

use crate::durable::closing::{self, How};
use crate::durable::telling::{self, PageSize, Teller};
use crate::durable::{arn, found, function_arn};
use crate::errors::LambdaError;
use crate::invoke;
use crate::ops::named;
use crate::rules::names::Qualifier;
use crate::state::durable::{self, Execution, Moment, Status};
use crate::state::{self, LATEST};
use model_lambda as model;
use model_lambda::{
    GetDurableExecutionHistoryInput, GetDurableExecutionHistoryOutput, GetDurableExecutionInput,
    GetDurableExecutionOutput, GetDurableExecutionStateInput, GetDurableExecutionStateOutput,
    ListDurableExecutionsByFunctionInput, ListDurableExecutionsByFunctionOutput, StopDurableExecutionInput,
    StopDurableExecutionOutput,
};
use service::Ctx;
use std::sync::Arc;

/// Items of a page where nothing is said, and at most (GetDurableExecutionHistory, API reference).
const PAGE: usize = 100;
const MOST: usize = 1000;
/// Bytes of the texts of a page of the state.
const STATE_BYTES: usize = 4 * 1024 * 1024;
/// Executions that a listing with filters looks at for one page.
const LOOKED_AT: usize = 10_000;

fn limit(max: Option<i32>) -> usize {
    match max.and_then(|max| usize::try_from(max).ok()) {
        None | Some(0) => PAGE,
        Some(max) => max.min(MOST),
    }
}

/// After which number a page begins.
fn position(ctx: &Ctx, filter: &str, marker: Option<&String>) -> Result<Option<u64>, LambdaError> {
    let Some(marker) = marker.filter(|marker| !marker.is_empty()) else { return Ok(None) };
    let position = ctx.page_position(filter, marker);
    let number = position.and_then(|bytes| Some(u64::from_be_bytes(bytes.try_into().ok()?)));
    number.map(Some).ok_or_else(|| LambdaError::invalid("Invalid Marker"))
}

/// GetDurableExecution.
pub async fn get(
    ctx: Ctx,
    input: Arc<GetDurableExecutionInput>,
) -> Result<GetDurableExecutionOutput, LambdaError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let execution = found(&read, &scope, &input.durable_execution_arn)?;
    let error = telling::text(&read, &scope, &execution, execution.error.as_ref())?;
    Ok(GetDurableExecutionOutput {
        durable_execution_arn: arn(&scope, &execution),
        durable_execution_name: execution.name.clone(),
        function_arn: function_arn(&scope, &execution).to_string(),
        input_payload: telling::text(&read, &scope, &execution, execution.input.as_ref())?,
        result: telling::text(&read, &scope, &execution, execution.result.as_ref())?,
        error: error.map(|error| telling::error(&error)),
        start_timestamp: execution.started,
        status: telling::status(execution.status),
        end_timestamp: execution.ended,
        version: Some(execution.version.clone()),
        trace_header: execution
            .trace
            .clone()
            .map(|trace| model::TraceHeader { x_amzn_trace_id: Some(trace) }),
    })
}

/// GetDurableExecutionHistory.
pub async fn history(
    ctx: Ctx,
    input: Arc<GetDurableExecutionHistoryInput>,
) -> Result<GetDurableExecutionHistoryOutput, LambdaError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let execution = found(&read, &scope, &input.durable_execution_arn)?;
    let newest_first = input.reverse_order == Some(true);
    let filter = format!("{}/{newest_first}", execution.id);
    let after = position(&ctx, &filter, input.marker.as_ref())?;
    let limit = limit(input.max_items);
    let mut moments: Vec<(u64, Moment)> = durable::history(&read, &scope, &execution, after, newest_first)
        .take(limit + 1)
        .collect::<Result<_, _>>()?;
    let more = moments.len() > limit;
    moments.truncate(limit);
    let last = moments.last().map(|(number, _)| *number).filter(|_| more);
    let with_data = input.include_execution_data != Some(false);
    let teller = Teller { read: &read, scope: &scope, execution: &execution, with_data };
    let events = moments.iter().map(|(number, moment)| teller.event(*number, moment));
    Ok(GetDurableExecutionHistoryOutput {
        events: events.collect::<Result<_, _>>()?,
        next_marker: last.map(|last| ctx.page_token(&filter, &last.to_be_bytes())),
    })
}

/// GetDurableExecutionState: for the run that has the token.
pub async fn state(
    ctx: Ctx,
    input: Arc<GetDurableExecutionStateInput>,
) -> Result<GetDurableExecutionStateOutput, LambdaError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let refused = |_| super::checkpoint::invalid_token();
    let execution = found(&read, &scope, &input.durable_execution_arn).map_err(refused)?;
    super::checkpoint::check_token(&execution, &input.checkpoint_token)?;
    let after = match input.marker.as_deref().filter(|marker| !marker.is_empty()) {
        None => None,
        Some(marker) => Some(marker.parse::<u64>().map_err(|_| LambdaError::invalid("Invalid Marker"))?),
    };
    let size = PageSize { operations: limit(input.max_items), bytes: STATE_BYTES };
    let state = telling::state(&read, &scope, &execution, after, size)?;
    Ok(GetDurableExecutionStateOutput {
        operations: state.operations,
        next_marker: Some(state.next.unwrap_or_default()),
    })
}

/// Which executions are listed.
struct Filter {
    version: String,
    name: Option<String>,
    statuses: Option<Vec<model::ExecutionStatus>>,
    after: Option<names::Timestamp>,
    before: Option<names::Timestamp>,
}

impl Filter {
    fn takes(&self, execution: &Execution) -> bool {
        let status = telling::status(execution.status);
        execution.version == self.version
            && self.name.as_ref().is_none_or(|name| *name == execution.name)
            && self.statuses.as_ref().is_none_or(|statuses| statuses.contains(&status))
            && self.after.is_none_or(|after| execution.started > after)
            && self.before.is_none_or(|before| execution.started < before)
    }
}

/// ListDurableExecutionsByFunction: of one version, the oldest first unless told otherwise.
pub async fn list(
    ctx: Ctx,
    input: Arc<ListDurableExecutionsByFunctionInput>,
) -> Result<ListDurableExecutionsByFunctionOutput, LambdaError> {
    if input.statuses.as_ref().is_some_and(|statuses| statuses.len() > 1) {
        return Err(LambdaError::invalid("Cannot filter by more than one status"));
    }
    let (named, read) = (named(&ctx, input.as_ref())?, ctx.read());
    let function = invoke::found(&read, &named)?;
    let version = match Qualifier::of(named.qualifier.as_deref()) {
        Qualifier::Latest => LATEST.to_owned(),
        Qualifier::Version(number) => state::version_name(number),
        Qualifier::Alias(name) => {
            let alias = state::alias(&read, &named.scope, &function, name)?;
            alias.ok_or_else(|| invoke::absent_qualifier(&named))?.version
        }
    };
    let newest_first = input.reverse_order == Some(true);
    let page = format!("{}/{version}/{newest_first}", named.name);
    let mut after = position(&ctx, &page, input.marker.as_ref())?;
    let filter = Filter {
        version,
        name: input.durable_execution_name.clone(),
        statuses: input.statuses.clone(),
        after: input.started_after,
        before: input.started_before,
    };
    let limit = limit(input.max_items);
    let (mut told, mut more) = (Vec::new(), false);
    let all = durable::executions(&read, &named.scope, function.incarnation, after, newest_first);
    for (looked_at, execution) in all.enumerate() {
        let execution = execution?;
        if told.len() == limit || looked_at == LOOKED_AT {
            more = true;
            break;
        }
        after = Some(execution.number.0);
        if filter.takes(&execution) {
            told.push(model::Execution {
                durable_execution_arn: arn(&named.scope, &execution),
                durable_execution_name: execution.name.clone(),
                function_arn: function_arn(&named.scope, &execution).to_string(),
                status: telling::status(execution.status),
                start_timestamp: execution.started,
                end_timestamp: execution.ended,
            });
        }
    }
    Ok(ListDurableExecutionsByFunctionOutput {
        durable_executions: Some(told),
        next_marker: after.filter(|_| more).map(|after| ctx.page_token(&page, &after.to_be_bytes())),
    })
}

/// StopDurableExecution: one that is closed stays as it is.
pub async fn stop(
    ctx: Ctx,
    input: Arc<StopDurableExecutionInput>,
) -> Result<StopDurableExecutionOutput, LambdaError> {
    let (scope, now) = (ctx.scope(), ctx.now());
    let stopped = ctx.commit(move |tx| {
        let execution = found(tx, &scope, &input.durable_execution_arn)?;
        if execution.status != Status::Running {
            return Ok::<_, LambdaError>(execution.ended.unwrap_or(now));
        }
        let error = input.error.as_ref().map_or_else(|| "{}".to_owned(), telling::error_text);
        closing::close(tx, &scope, execution, How::Stopped(error), now)?;
        Ok(now)
    });
    Ok(StopDurableExecutionOutput { stop_timestamp: stopped.await? })
}
