//! BatchExecuteStatement: up to twenty-five statements of PartiQL, each by itself.

use crate::capacity::{Usage, Used};
use crate::errors::DynamoError;
use crate::expressions::Expressions;
use crate::find;
use crate::rules::size::{self, Consistency};
use crate::statements::{self, Planned, Prepared};
use crate::statistics::Statistics;
use crate::write::Written;
use model_dynamodb::{
    BatchExecuteStatementInput, BatchExecuteStatementOutput, BatchStatementError,
    BatchStatementErrorCodeEnum, BatchStatementRequest, BatchStatementResponse, ConsumedCapacity,
    ReturnConsumedCapacity,
};
use schema::ApiError;
use service::Ctx;
use std::sync::Arc;

/// The result of one statement: what it answers, and what it used.
type Answer = (BatchStatementResponse, Option<ConsumedCapacity>);

/// BatchExecuteStatement.
pub async fn batch_execute_statement(
    ctx: Ctx,
    input: Arc<BatchExecuteStatementInput>,
) -> Result<BatchExecuteStatementOutput, DynamoError> {
    let prepared: Vec<Result<Prepared, DynamoError>> = input
        .statements
        .iter()
        .map(|one| Prepared::new(ctx.part::<Expressions>(), &one.statement, one.parameters.as_ref()))
        .collect();
    let mut readable = prepared.iter().flatten().map(|one| one.statement.verb.reads());
    let reads = readable.next();
    if readable.any(|other| Some(other) != reads) {
        return Err(DynamoError::invalid(
            "BatchExecuteStatement must contain either only read statements or only write statements.",
        ));
    }
    let asked = input.return_consumed_capacity.as_ref();
    let mut answers = Vec::with_capacity(prepared.len());
    for (request, prepared) in input.statements.iter().zip(prepared) {
        let answer = match prepared {
            Err(error) => refused(error, None),
            Ok(prepared) => match run(&ctx, request, &prepared, asked).await {
                Ok(answer) => answer,
                Err(error @ DynamoError::NoTable) => refused(error, None),
                Err(error) => refused(error, Some(prepared.table().to_owned())),
            },
        };
        answers.push(answer);
    }
    let (responses, consumed): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
    let consumed: Vec<_> = consumed.into_iter().flatten().collect();
    Ok(BatchExecuteStatementOutput {
        responses: Some(responses),
        consumed_capacity: (!consumed.is_empty()).then_some(consumed),
    })
}

async fn run(
    ctx: &Ctx,
    request: &BatchStatementRequest,
    prepared: &Prepared,
    asked: Option<&ReturnConsumedCapacity>,
) -> Result<Answer, DynamoError> {
    let table_name = Some(prepared.table().to_owned());
    if prepared.statement.verb.reads() {
        let (found, item, bytes) = statements::single(ctx, prepared, "BatchExecuteStatement")?;
        let consistency = match request.consistent_read {
            Some(true) => Consistency::Strong,
            _ => Consistency::Eventual,
        };
        let usage = Usage::of_table(size::read_units(bytes, consistency));
        let consumed = usage.taken(ctx, &found.table, asked, Used::Read);
        return Ok((BatchStatementResponse { error: None, table_name, item }, consumed));
    }
    let (planned, written) = find::settled(|find| write(ctx, request, prepared, find)).await?;
    let consumed = planned.consumed(ctx, &written, asked);
    let item = planned.answered(written)?;
    Ok((BatchStatementResponse { error: None, table_name, item }, consumed))
}

async fn write(
    ctx: &Ctx,
    request: &BatchStatementRequest,
    prepared: &Prepared,
    find: find::Finder,
) -> Result<(Planned, Written), DynamoError> {
    let shows_failed = statements::shows_failed(request.return_values_on_condition_check_failure.as_ref());
    let planned = statements::plan(ctx, prepared, shows_failed, find)?;
    let write = planned.write.clone();
    let written = ctx.commit(move |tx| write.run(tx)).await?;
    ctx.part::<Statistics>().add(&written.deltas);
    Ok((planned, written))
}

/// A statement's error: its code is that of the exception without its ending.
fn refused(error: DynamoError, table_name: Option<String>) -> Answer {
    let item = match &error {
        DynamoError::ConditionFailed(item) => item.clone(),
        _ => None,
    };
    let error = ApiError::from(error);
    let code = match &*error.code {
        "ValidationException" => BatchStatementErrorCodeEnum::ValidationError,
        "ResourceNotFoundException" => BatchStatementErrorCodeEnum::ResourceNotFound,
        "ConditionalCheckFailedException" => BatchStatementErrorCodeEnum::ConditionalCheckFailed,
        "DuplicateItemException" => BatchStatementErrorCodeEnum::DuplicateItem,
        "TransactionConflictException" => BatchStatementErrorCodeEnum::TransactionConflict,
        "ThrottlingException" => BatchStatementErrorCodeEnum::ThrottlingError,
        "AccessDeniedException" => BatchStatementErrorCodeEnum::AccessDenied,
        _ => BatchStatementErrorCodeEnum::InternalServerError,
    };
    let error = BatchStatementError { code: Some(code), message: Some(error.message.to_string()), item };
    (BatchStatementResponse { error: Some(error), table_name, item: None }, None)
}
