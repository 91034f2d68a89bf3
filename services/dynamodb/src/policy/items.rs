//! What operations on items need permission for, with the condition keys that the service authorization
//! reference has for each of their actions.

use super::named::Named;
use super::{Demands, leading, leading_keys, on_index, on_table, selected};
use crate::find;
use crate::rules::expression::placeholders::{Names, Values};
use crate::rules::value::Item;
use model::{ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure};
use model_dynamodb as model;
use service::{Demand, Peek};
use std::sync::Arc;

fn return_values(demand: Demand, asked: Option<&ReturnValue>) -> Demand {
    demand.when("dynamodb:ReturnValues", [asked.map_or("NONE", ReturnValue::as_str).to_owned()])
}

fn consumed(demand: Demand, asked: Option<&ReturnConsumedCapacity>) -> Demand {
    let asked = asked.map_or("NONE", ReturnConsumedCapacity::as_str);
    demand.when("dynamodb:ReturnConsumedCapacity", [asked.to_owned()])
}

/// GetItem.
pub async fn get_item(peek: Peek, input: Arc<model::GetItemInput>) -> Demands {
    let demand = on_table(&peek, "dynamodb:GetItem", &input.table_name);
    Ok(vec![demand.when_read(move |demand| {
        let demand = leading_keys(&peek, demand, &input.table_name, [&input.key]);
        let demand = consumed(demand, input.return_consumed_capacity.as_ref());
        let names_some = input.projection_expression.is_some() || input.attributes_to_get.is_some();
        Named::new(&peek, input.expression_attribute_names.as_ref(), None)
            .names(input.key.keys().chain(input.attributes_to_get.iter().flatten()))
            .projection(input.projection_expression.as_ref())
            .demand(selected(demand, None, names_some, false))
    })])
}

/// PutItem.
pub async fn put_item(peek: Peek, input: Arc<model::PutItemInput>) -> Demands {
    let demand = on_table(&peek, "dynamodb:PutItem", &input.table_name);
    Ok(vec![demand.when_read(move |demand| {
        let (names, values) =
            (input.expression_attribute_names.as_ref(), input.expression_attribute_values.as_ref());
        let demand = leading_keys(&peek, demand, &input.table_name, [&input.item]);
        let demand = consumed(demand, input.return_consumed_capacity.as_ref());
        Named::new(&peek, names, values)
            .names(input.item.keys().chain(input.expected.iter().flat_map(|expected| expected.keys())))
            .condition(input.condition_expression.as_ref())
            .demand(return_values(demand, input.return_values.as_ref()))
    })])
}

/// UpdateItem.
pub async fn update_item(peek: Peek, input: Arc<model::UpdateItemInput>) -> Demands {
    let demand = on_table(&peek, "dynamodb:UpdateItem", &input.table_name);
    Ok(vec![demand.when_read(move |demand| {
        let (names, values) =
            (input.expression_attribute_names.as_ref(), input.expression_attribute_values.as_ref());
        let demand = leading_keys(&peek, demand, &input.table_name, [&input.key]);
        let demand = consumed(demand, input.return_consumed_capacity.as_ref());
        let updated = input.attribute_updates.iter().flat_map(|updates| updates.keys());
        let expected = input.expected.iter().flat_map(|expected| expected.keys());
        Named::new(&peek, names, values)
            .names(input.key.keys().chain(updated).chain(expected))
            .update(input.update_expression.as_ref())
            .condition(input.condition_expression.as_ref())
            .demand(return_values(demand, input.return_values.as_ref()))
    })])
}

/// DeleteItem.
pub async fn delete_item(peek: Peek, input: Arc<model::DeleteItemInput>) -> Demands {
    let demand = on_table(&peek, "dynamodb:DeleteItem", &input.table_name);
    Ok(vec![demand.when_read(move |demand| {
        let (names, values) =
            (input.expression_attribute_names.as_ref(), input.expression_attribute_values.as_ref());
        let demand = leading_keys(&peek, demand, &input.table_name, [&input.key]);
        let demand = consumed(demand, input.return_consumed_capacity.as_ref());
        Named::new(&peek, names, values)
            .names(input.key.keys().chain(input.expected.iter().flat_map(|expected| expected.keys())))
            .condition(input.condition_expression.as_ref())
            .demand(return_values(demand, input.return_values.as_ref()))
    })])
}

/// Query.
pub async fn query(peek: Peek, input: Arc<model::QueryInput>) -> Demands {
    let demand = on_index(&peek, "dynamodb:Query", &input.table_name, input.index_name.as_ref());
    Ok(vec![demand.when_read(move |demand| {
        let (names, values) =
            (input.expression_attribute_names.as_ref(), input.expression_attribute_values.as_ref());
        let names_some = input.projection_expression.is_some() || input.attributes_to_get.is_some();
        let asked = input.select.as_ref().map(model::Select::as_str);
        let demand = selected(demand, asked, names_some, input.index_name.is_some());
        let demand = consumed(demand, input.return_consumed_capacity.as_ref());
        let demand = match queried_partition(&peek, &input) {
            Some(value) => demand.when("dynamodb:LeadingKeys", [value]),
            None => demand,
        };
        let keys = input.key_conditions.iter().flat_map(|all| all.keys());
        let filtered = input.query_filter.iter().flat_map(|all| all.keys());
        Named::new(&peek, names, values)
            .names(keys.chain(filtered).chain(input.attributes_to_get.iter().flatten()))
            .condition(input.key_condition_expression.as_ref())
            .condition(input.filter_expression.as_ref())
            .projection(input.projection_expression.as_ref())
            .demand(demand)
    })])
}

/// The partition that a query reads, as its key condition says it.
fn queried_partition(peek: &Peek, input: &model::QueryInput) -> Option<String> {
    let record = find::peeked(peek, &input.table_name)?;
    let index = input.index_name.as_ref().and_then(|name| record.index(name));
    let partition = index.map_or(&record.key, |index| &index.key).leading();
    if let Some(condition) = input.key_conditions.as_ref().and_then(|all| all.get(partition)) {
        return leading(condition.attribute_value_list.as_ref()?.first()?);
    }
    let text = input.key_condition_expression.as_ref()?;
    let (names, values) =
        (input.expression_attribute_names.as_ref(), input.expression_attribute_values.as_ref());
    let mut binder = crate::request::Binder::new(peek.part(), names, values).ok()?;
    let condition = binder.condition("KeyConditionExpression", Some(text)).ok()??;
    let tests = crate::rules::expression::key_condition::tests(condition).ok()?;
    leading(tests.get(partition)?.values.first()?)
}

/// Scan.
pub async fn scan(peek: Peek, input: Arc<model::ScanInput>) -> Demands {
    let demand = on_index(&peek, "dynamodb:Scan", &input.table_name, input.index_name.as_ref());
    Ok(vec![demand.when_read(move |demand| {
        let (names, values) =
            (input.expression_attribute_names.as_ref(), input.expression_attribute_values.as_ref());
        let names_some = input.projection_expression.is_some() || input.attributes_to_get.is_some();
        let asked = input.select.as_ref().map(model::Select::as_str);
        let demand = selected(demand, asked, names_some, input.index_name.is_some());
        let demand = consumed(demand, input.return_consumed_capacity.as_ref());
        let filtered = input.scan_filter.iter().flat_map(|all| all.keys());
        Named::new(&peek, names, values)
            .names(filtered.chain(input.attributes_to_get.iter().flatten()))
            .condition(input.filter_expression.as_ref())
            .projection(input.projection_expression.as_ref())
            .demand(demand)
    })])
}

/// BatchGetItem.
pub async fn batch_get_item(peek: Peek, input: Arc<model::BatchGetItemInput>) -> Demands {
    let demands = input.request_items.keys().map(|name| {
        let demand = on_table(&peek, "dynamodb:BatchGetItem", name);
        let (peek, input, name) = (peek.clone(), input.clone(), name.clone());
        demand.when_read(move |demand| {
            let Some(request) = input.request_items.get(&name) else { return demand };
            let demand = leading_keys(&peek, demand, &name, &request.keys);
            let demand = consumed(demand, input.return_consumed_capacity.as_ref());
            let names_some = request.projection_expression.is_some() || request.attributes_to_get.is_some();
            let keys = request.keys.iter().flat_map(|key| key.keys());
            Named::new(&peek, request.expression_attribute_names.as_ref(), None)
                .names(keys.chain(request.attributes_to_get.iter().flatten()))
                .projection(request.projection_expression.as_ref())
                .demand(selected(demand, None, names_some, false))
        })
    });
    Ok(demands.collect())
}

/// BatchWriteItem.
pub async fn batch_write_item(peek: Peek, input: Arc<model::BatchWriteItemInput>) -> Demands {
    let demands = input.request_items.keys().map(|name| {
        let demand = on_table(&peek, "dynamodb:BatchWriteItem", name);
        let (peek, input, name) = (peek.clone(), input.clone(), name.clone());
        demand.when_read(move |demand| {
            let requests = input.request_items.get(&name).into_iter().flatten();
            let items = requests.filter_map(|request| {
                let put = request.put_request.as_ref().map(|put| &put.item);
                put.or(request.delete_request.as_ref().map(|delete| &delete.key))
            });
            let items: Vec<&Item> = items.collect();
            let demand = leading_keys(&peek, demand, &name, items.iter().copied());
            let demand = consumed(demand, input.return_consumed_capacity.as_ref());
            let names = items.into_iter().flat_map(|item| item.keys());
            Named::new(&peek, None, None).names(names).demand(demand)
        })
    });
    Ok(demands.collect())
}

/// TransactGetItems: reading each of the items.
pub async fn transact_get_items(peek: Peek, input: Arc<model::TransactGetItemsInput>) -> Demands {
    let demands = input.transact_items.iter().enumerate().map(|(place, item)| {
        let demand = on_table(&peek, "dynamodb:GetItem", &item.get.table_name);
        let (peek, input) = (peek.clone(), input.clone());
        demand.when_read(move |demand| {
            let Some(get) = input.transact_items.get(place).map(|item| &item.get) else { return demand };
            let demand = leading_keys(&peek, demand, &get.table_name, [&get.key]);
            let demand = demand.when("dynamodb:EnclosingOperation", ["TransactGetItems".to_owned()]);
            let demand = consumed(demand, input.return_consumed_capacity.as_ref());
            Named::new(&peek, get.expression_attribute_names.as_ref(), None)
                .names(get.key.keys())
                .projection(get.projection_expression.as_ref())
                .demand(selected(demand, None, get.projection_expression.is_some(), false))
        })
    });
    Ok(demands.collect())
}

/// What a part of a transaction is done to, and what it says.
struct Part<'r> {
    action: &'static str,
    table: &'r str,
    key: &'r Item,
    update: Option<&'r String>,
    condition: Option<&'r String>,
    names: Option<&'r Names>,
    values: Option<&'r Values>,
    shown: Option<&'r ReturnValuesOnConditionCheckFailure>,
}

impl Part<'_> {
    fn keys(&self, peek: &Peek, demand: Demand) -> Demand {
        let demand = leading_keys(peek, demand, self.table, [self.key]);
        let demand = demand.when("dynamodb:EnclosingOperation", ["TransactWriteItems".to_owned()]);
        let shown = self.shown.map_or("NONE", ReturnValuesOnConditionCheckFailure::as_str);
        let demand = demand.when("dynamodb:ReturnValues", [shown.to_owned()]);
        Named::new(peek, self.names, self.values)
            .names(self.key.keys())
            .update(self.update)
            .condition(self.condition)
            .demand(demand)
    }
}

/// The parts of a write of a transaction: one, unless the operation will refuse it.
fn parts(item: &model::TransactWriteItem) -> impl Iterator<Item = Part<'_>> {
    macro_rules! part {
        ($part:ident.$key:ident, $action:literal, |$one:ident| $update:expr, $condition:expr) => {
            item.$part.as_ref().map(|$one| Part {
                action: $action,
                table: &$one.table_name,
                key: &$one.$key,
                update: $update,
                condition: $condition,
                names: $one.expression_attribute_names.as_ref(),
                values: $one.expression_attribute_values.as_ref(),
                shown: $one.return_values_on_condition_check_failure.as_ref(),
            })
        };
    }
    [
        part!(
            condition_check.key,
            "dynamodb:ConditionCheckItem",
            |one| None,
            Some(&one.condition_expression)
        ),
        part!(put.item, "dynamodb:PutItem", |one| None, one.condition_expression.as_ref()),
        part!(delete.key, "dynamodb:DeleteItem", |one| None, one.condition_expression.as_ref()),
        part!(
            update.key,
            "dynamodb:UpdateItem",
            |one| Some(&one.update_expression),
            one.condition_expression.as_ref()
        ),
    ]
    .into_iter()
    .flatten()
}

/// TransactWriteItems: each of its writes, and a permission of its own for looking only.
pub async fn transact_write_items(peek: Peek, input: Arc<model::TransactWriteItemsInput>) -> Demands {
    let mut demands = Vec::with_capacity(input.transact_items.len());
    for (place, item) in input.transact_items.iter().enumerate() {
        for part in parts(item) {
            let (action, peek_later, input) = (part.action, peek.clone(), input.clone());
            demands.push(on_table(&peek, action, part.table).when_read(move |demand| {
                let mut parts = input.transact_items.get(place).into_iter().flat_map(parts);
                let Some(part) = parts.find(|part| part.action == action) else { return demand };
                consumed(part.keys(&peek_later, demand), input.return_consumed_capacity.as_ref())
            }));
        }
    }
    Ok(demands)
}
