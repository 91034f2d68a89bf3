//! What statements of PartiQL need permission for.

use super::named::Named;
use super::{Demands, leading, on_index, on_table, selected};
use crate::find;
use crate::rules::partiql::syntax::{Returning, Verb};
use crate::rules::value::Value;
use crate::statements::Prepared;
use model_dynamodb as model;
use service::{Demand, Peek};
use std::sync::Arc;

/// What one statement needs; one that cannot be read needs to read everything.
fn statement(peek: &Peek, text: &str, parameters: Option<&Vec<Value>>) -> Demand {
    let Ok(prepared) = Prepared::new(peek.part(), text, parameters) else {
        return on_table(peek, "dynamodb:PartiQLSelect", "*");
    };
    let action = match &prepared.statement.verb {
        Verb::Select(..) => "dynamodb:PartiQLSelect",
        Verb::Exists => "dynamodb:ConditionCheckItem",
        Verb::Insert(_) => "dynamodb:PartiQLInsert",
        Verb::Update(..) => "dynamodb:PartiQLUpdate",
        Verb::Delete(_) => "dynamodb:PartiQLDelete",
    };
    let index = prepared.statement.source.index.as_ref();
    let (demand, peek) = (on_index(peek, action, prepared.table(), index), peek.clone());
    demand.when_read(move |demand| told(&peek, demand, &prepared))
}

/// With the condition keys that a statement tells.
fn told(peek: &Peek, demand: Demand, prepared: &Prepared) -> Demand {
    let index = prepared.statement.source.index.as_ref();
    let demand = answered(demand, &prepared.statement.verb, index.is_some());
    let demand = Named::new(peek, None, None).names(prepared.attributes().iter()).demand(demand);
    let Some(record) = find::peeked(peek, prepared.table()) else { return demand };
    let schema = index.and_then(|name| record.index(name)).map_or(&record.key, |index| &index.key);
    let leads = prepared.leading_values(schema);
    let demand = match prepared.statement.verb.reads() {
        true => demand.when("dynamodb:FullTableScan", [leads.is_empty().to_string()]),
        false => demand,
    };
    match leads.is_empty() {
        true => demand,
        false => demand.when("dynamodb:LeadingKeys", leads.iter().filter_map(leading)),
    }
}

/// With what a statement answers of items.
fn answered(demand: Demand, verb: &Verb, of_index: bool) -> Demand {
    let returning = match verb {
        Verb::Select(columns, _) => return selected(demand, None, columns.is_some(), of_index),
        Verb::Insert(_) | Verb::Exists => None,
        Verb::Update(_, returning) | Verb::Delete(returning) => *returning,
    };
    let values = match returning {
        None => "NONE",
        Some(Returning { modified_only: false, new: false }) => "ALL_OLD",
        Some(Returning { modified_only: false, new: true }) => "ALL_NEW",
        Some(Returning { modified_only: true, new: false }) => "UPDATED_OLD",
        Some(Returning { modified_only: true, new: true }) => "UPDATED_NEW",
    };
    demand.when("dynamodb:ReturnValues", [values.to_owned()])
}

/// ExecuteStatement.
pub async fn execute_statement(peek: Peek, input: Arc<model::ExecuteStatementInput>) -> Demands {
    Ok(vec![statement(&peek, &input.statement, input.parameters.as_ref())])
}

/// BatchExecuteStatement: what each of its statements needs.
pub async fn batch_execute_statement(peek: Peek, input: Arc<model::BatchExecuteStatementInput>) -> Demands {
    let all = input.statements.iter();
    Ok(all.map(|one| statement(&peek, &one.statement, one.parameters.as_ref())).collect())
}

/// ExecuteTransaction: what each of its statements needs, within the transaction.
pub async fn execute_transaction(peek: Peek, input: Arc<model::ExecuteTransactionInput>) -> Demands {
    let within =
        |demand: Demand| demand.when("dynamodb:EnclosingOperation", ["ExecuteTransaction".to_owned()]);
    let all = input.transact_statements.iter();
    Ok(all.map(|one| within(statement(&peek, &one.statement, one.parameters.as_ref()))).collect())
}
