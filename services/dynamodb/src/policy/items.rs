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

/// Operations that write one item whole, by their own names.
macro_rules! item_demands {
    ($($name:ident: $input:ident.$key:ident => $action:literal),* $(,)?) => {$(
        #[doc = concat!("`", $action, "` on the table.")]
        pub async fn $name(peek: Peek, input: Arc<model::$input>) -> Demands {
            let demand = on_table(&peek, $action, &input.table_name);
            Ok(vec![demand.when_read(move |demand| {
                let (names, values) =
                    (input.expression_attribute_names.as_ref(), input.expression_attribute_values.as_ref());
                let demand = leading_keys(&peek, demand, &input.table_name, [&input.$key]);
                let demand = consumed(demand, input.return_consumed_capacity.as_ref());
                let expected = input.expected.iter().flat_map(|expected| expected.keys());
                Named::new(&peek, names, values)
                    .names(input.$key.keys().chain(expected))
                    .condition(input.condition_expression.as_ref())
                    .demand(return_values(demand, input.return_values.as_ref()))
            })])
        }
    )*};
}

item_demands! {
    put_item: PutItemInput.item => "dynamodb:PutItem",
    delete_item: DeleteItemInput.key => "dynamodb:DeleteItem",
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

/// A demand with condition keys that a part of the request tells, made where a policy reads any.
fn of_part<I: Send + Sync + 'static>(
    peek: &Peek,
    input: &Arc<I>,
    demand: Demand,
    keys: impl Fn(&Peek, &I, Demand) -> Demand + Send + Sync + 'static,
) -> Demand {
    let (peek, input) = (peek.clone(), input.clone());
    demand.when_read(move |demand| keys(&peek, &input, demand))
}

/// BatchGetItem.
pub async fn batch_get_item(peek: Peek, input: Arc<model::BatchGetItemInput>) -> Demands {
    let demands = input.request_items.keys().map(|name| {
        let (demand, name) = (on_table(&peek, "dynamodb:BatchGetItem", name), name.clone());
        of_part(&peek, &input, demand, move |peek, input, demand| {
            let Some(request) = input.request_items.get(&name) else { return demand };
            let demand = leading_keys(peek, demand, &name, &request.keys);
            let demand = consumed(demand, input.return_consumed_capacity.as_ref());
            let names_some = request.projection_expression.is_some() || request.attributes_to_get.is_some();
            let keys = request.keys.iter().flat_map(|key| key.keys());
            Named::new(peek, request.expression_attribute_names.as_ref(), None)
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
        let (demand, name) = (on_table(&peek, "dynamodb:BatchWriteItem", name), name.clone());
        of_part(&peek, &input, demand, move |peek, input, demand| {
            let requests = input.request_items.get(&name).into_iter().flatten();
            let items = requests.filter_map(|request| {
                let put = request.put_request.as_ref().map(|put| &put.item);
                put.or(request.delete_request.as_ref().map(|delete| &delete.key))
            });
            let items: Vec<&Item> = items.collect();
            let demand = leading_keys(peek, demand, &name, items.iter().copied());
            let demand = consumed(demand, input.return_consumed_capacity.as_ref());
            Named::new(peek, None, None).names(items.into_iter().flat_map(|item| item.keys())).demand(demand)
        })
    });
    Ok(demands.collect())
}

/// A part of a transaction: the operation around it, the item that it is done to, what the whole answers.
fn enclosed(
    peek: &Peek,
    demand: Demand,
    operation: &str,
    (table, key): (&str, &Item),
    asked: Option<&ReturnConsumedCapacity>,
) -> Demand {
    let demand = leading_keys(peek, demand, table, [key]);
    consumed(demand.when("dynamodb:EnclosingOperation", [operation.to_owned()]), asked)
}

/// TransactGetItems: reading each of the items.
pub async fn transact_get_items(peek: Peek, input: Arc<model::TransactGetItemsInput>) -> Demands {
    let demands = input.transact_items.iter().enumerate().map(|(place, item)| {
        let demand = on_table(&peek, "dynamodb:GetItem", &item.get.table_name);
        of_part(&peek, &input, demand, move |peek, input, demand| {
            let Some(item) = input.transact_items.get(place) else { return demand };
            let (get, asked) = (&item.get, input.return_consumed_capacity.as_ref());
            let demand = enclosed(peek, demand, "TransactGetItems", (&get.table_name, &get.key), asked);
            Named::new(peek, get.expression_attribute_names.as_ref(), None)
                .names(get.key.keys())
                .projection(get.projection_expression.as_ref())
                .demand(selected(demand, None, get.projection_expression.is_some(), false))
        })
    });
    Ok(demands.collect())
}

/// One write of a transaction, whichever it is.
struct Part<'i> {
    action: &'static str,
    table: &'i String,
    key: &'i Item,
    names: Option<&'i Names>,
    values: Option<&'i Values>,
    condition: Option<&'i String>,
    update: Option<&'i String>,
    shown: Option<&'i ReturnValuesOnConditionCheckFailure>,
}

macro_rules! part {
    ($part:ident.$key:ident, $action:literal, $condition:expr, $update:expr) => {
        Part {
            action: $action,
            table: &$part.table_name,
            key: &$part.$key,
            names: $part.expression_attribute_names.as_ref(),
            values: $part.expression_attribute_values.as_ref(),
            condition: $condition,
            update: $update,
            shown: $part.return_values_on_condition_check_failure.as_ref(),
        }
    };
}

/// The writes that stand in one place of a transaction: one, unless the operation refuses it.
fn parts(item: &model::TransactWriteItem) -> impl Iterator<Item = Part<'_>> {
    let check = item.condition_check.as_ref().map(|check| {
        part!(check.key, "dynamodb:ConditionCheckItem", Some(&check.condition_expression), None)
    });
    let put = item
        .put
        .as_ref()
        .map(|put| part!(put.item, "dynamodb:PutItem", put.condition_expression.as_ref(), None));
    let delete = item
        .delete
        .as_ref()
        .map(|delete| part!(delete.key, "dynamodb:DeleteItem", delete.condition_expression.as_ref(), None));
    let update = item.update.as_ref().map(|update| {
        let (condition, expression) = (update.condition_expression.as_ref(), Some(&update.update_expression));
        part!(update.key, "dynamodb:UpdateItem", condition, expression)
    });
    [check, put, delete, update].into_iter().flatten()
}

impl Part<'_> {
    fn keys(&self, peek: &Peek, demand: Demand, asked: Option<&ReturnConsumedCapacity>) -> Demand {
        let demand = enclosed(peek, demand, "TransactWriteItems", (self.table, self.key), asked);
        let shown = self.shown.map_or("NONE", ReturnValuesOnConditionCheckFailure::as_str);
        Named::new(peek, self.names, self.values)
            .names(self.key.keys())
            .update(self.update)
            .condition(self.condition)
            .demand(demand.when("dynamodb:ReturnValues", [shown.to_owned()]))
    }
}

/// TransactWriteItems: each of its writes, and a permission of its own for looking only.
pub async fn transact_write_items(peek: Peek, input: Arc<model::TransactWriteItemsInput>) -> Demands {
    let mut demands = Vec::new();
    for (place, item) in input.transact_items.iter().enumerate() {
        demands.extend(parts(item).enumerate().map(|(at, part)| {
            let demand = on_table(&peek, part.action, part.table);
            of_part(&peek, &input, demand, move |peek, input, demand| {
                let part = input.transact_items.get(place).and_then(|item| parts(item).nth(at));
                let Some(part) = part else { return demand };
                part.keys(peek, demand, input.return_consumed_capacity.as_ref())
            })
        }));
    }
    Ok(demands)
}
