//! Writes: the same done to the table and to the reference, with equal answers.

use super::reference::{Key, Reference, Rest, whole};
use super::steps::{Part, Write};
use super::{TABLE, key};
use crate::world::*;
use model_dynamodb::operations::*;
use model_dynamodb::*;
use testkit::Region;

fn plain(value: i64) -> Rest {
    Rest { value, group: None, ends: None }
}

fn values(pairs: &[(&str, AttributeValue)]) -> Option<Item> {
    Some(item(pairs))
}

/// A write of one item.
pub async fn one(region: &Region, write: &Write, reference: &mut Reference) {
    match *write {
        Write::Put(at, value, group) => {
            put_one(region, at, Rest { value, group, ends: None }, reference).await
        }
        Write::PutDying(at, seconds) => {
            let ends = region.host().clock.now().seconds() + seconds;
            put_one(region, at, Rest { value: 1, group: Some(0), ends: Some(ends) }, reference).await;
        }
        Write::PutAbsent(at, value) => {
            let input = PutItemInput {
                table_name: TABLE.into(),
                item: whole(at, plain(value)),
                condition_expression: Some("attribute_not_exists(p)".into()),
                ..Default::default()
            };
            let is_new = !reference.items.contains_key(&at);
            assert_eq!(region.call::<PutItem>(input).await.is_ok(), is_new);
            if is_new {
                reference.set(at, Some(plain(value)));
            }
        }
        Write::Add(at, by) => add(region, at, by, reference).await,
        Write::Regroup(at, group) => regroup(region, at, group, reference).await,
        Write::Delete(at) => {
            let input = DeleteItemInput {
                table_name: TABLE.into(),
                key: key(at),
                return_values: Some(ReturnValue::AllOld),
                ..Default::default()
            };
            let gone = reference.items.get(&at).map(|rest| whole(at, *rest));
            assert_eq!(region.call::<DeleteItem>(input).await.unwrap().attributes, gone);
            reference.set(at, None);
        }
        Write::DeleteAbove(at, value) => {
            let input = DeleteItemInput {
                table_name: TABLE.into(),
                key: key(at),
                condition_expression: Some("v > :v".into()),
                expression_attribute_values: values(&[(":v", n(value))]),
                ..Default::default()
            };
            let holds = reference.items.get(&at).is_some_and(|rest| rest.value > value);
            assert_eq!(region.call::<DeleteItem>(input).await.is_ok(), holds);
            if holds {
                reference.set(at, None);
            }
        }
        Write::Statement(at, value) => statement(region, at, value, reference).await,
    }
}

async fn put_one(region: &Region, at: Key, rest: Rest, reference: &mut Reference) {
    let input = PutItemInput {
        table_name: TABLE.into(),
        item: whole(at, rest),
        return_values: Some(ReturnValue::AllOld),
        ..Default::default()
    };
    let before = reference.items.get(&at).map(|rest| whole(at, *rest));
    assert_eq!(region.call::<PutItem>(input).await.unwrap().attributes, before);
    reference.set(at, Some(rest));
}

async fn add(region: &Region, at: Key, by: i64, reference: &mut Reference) {
    let input = UpdateItemInput {
        table_name: TABLE.into(),
        key: key(at),
        update_expression: Some("SET v = if_not_exists(v, :zero) + :v".into()),
        expression_attribute_values: values(&[(":zero", n(0)), (":v", n(by))]),
        return_values: Some(ReturnValue::AllNew),
        ..Default::default()
    };
    let before = reference.items.get(&at).copied().unwrap_or(plain(0));
    let after = Rest { value: before.value + by, ..before };
    let answer = region.call::<UpdateItem>(input).await.unwrap().attributes;
    assert_eq!(answer, Some(whole(at, after)));
    reference.set(at, Some(after));
}

async fn regroup(region: &Region, at: Key, group: Option<i64>, reference: &mut Reference) {
    let input = UpdateItemInput {
        table_name: TABLE.into(),
        key: key(at),
        update_expression: Some(if group.is_some() { "SET g = :g" } else { "REMOVE g" }.into()),
        condition_expression: Some("attribute_exists(p)".into()),
        expression_attribute_values: group.and_then(|group| values(&[(":g", n(group))])),
        ..Default::default()
    };
    let before = reference.items.get(&at).copied();
    assert_eq!(region.call::<UpdateItem>(input).await.is_ok(), before.is_some());
    if let Some(rest) = before {
        reference.set(at, Some(Rest { group, ..rest }));
    }
}

async fn statement(region: &Region, at: Key, value: i64, reference: &mut Reference) {
    let input = ExecuteStatementInput {
        statement: format!("UPDATE {TABLE} SET v = ? WHERE p = '{}' AND r = {}", at.0, at.1),
        parameters: Some(vec![n(value)]),
        ..Default::default()
    };
    let before = reference.items.get(&at).copied();
    assert_eq!(region.call::<ExecuteStatement>(input).await.is_ok(), before.is_some());
    if let Some(rest) = before {
        reference.set(at, Some(Rest { value, ..rest }));
    }
}

/// A batch: all of it is done.
pub async fn batch(region: &Region, writes: &[(Key, Option<i64>)], reference: &mut Reference) {
    let requests = writes.iter().map(|(at, value)| WriteRequest {
        put_request: value.map(|value| PutRequest { item: whole(*at, plain(value)) }),
        delete_request: value.is_none().then(|| DeleteRequest { key: key(*at) }),
    });
    let input = BatchWriteItemInput {
        request_items: [(TABLE.to_owned(), requests.collect())].into(),
        ..Default::default()
    };
    let answer = region.call::<BatchWriteItem>(input).await.unwrap();
    assert!(answer.unprocessed_items.is_none_or(|rest| rest.is_empty()));
    for (at, value) in writes {
        reference.set(*at, value.map(plain));
    }
}

/// A transaction: all or nothing, with a reason for each part.
pub async fn transaction(region: &Region, parts: &[(Key, Part)], reference: &mut Reference) {
    let holds = |(at, part): &(Key, Part)| {
        let there = reference.items.get(at);
        match part {
            Part::PutAbsent(_) => there.is_none(),
            Part::DeleteUpTo(most) => there.is_some_and(|rest| rest.value <= *most),
            Part::Add(_) | Part::Check => there.is_some(),
        }
    };
    let expected: Vec<&str> =
        parts.iter().map(|part| if holds(part) { "None" } else { "ConditionalCheckFailed" }).collect();
    let input = TransactWriteItemsInput {
        transact_items: parts.iter().map(|(at, part)| written(*at, *part)).collect(),
        ..Default::default()
    };
    let Err(error) = region.call::<TransactWriteItems>(input).await else {
        assert!(parts.iter().all(holds), "{expected:?}");
        return done(parts, reference);
    };
    let detail = error.detail.unwrap().into_any().downcast::<TransactionCanceledException>().unwrap();
    let reasons = detail.cancellation_reasons.unwrap();
    let told: Vec<&str> = reasons.iter().filter_map(|reason| reason.code.as_deref()).collect();
    assert_eq!(told, expected);
    assert!(!parts.iter().all(holds));
}

fn done(parts: &[(Key, Part)], reference: &mut Reference) {
    for (at, part) in parts {
        match (part, reference.items.get(at).copied()) {
            (Part::PutAbsent(value), _) => reference.set(*at, Some(plain(*value))),
            (Part::Add(by), Some(rest)) => {
                reference.set(*at, Some(Rest { value: rest.value + by, ..rest }));
            }
            (Part::DeleteUpTo(_), _) => reference.set(*at, None),
            (Part::Add(_) | Part::Check, _) => {}
        }
    }
}

fn written(at: Key, part: Part) -> TransactWriteItem {
    let (table_name, exists) = (TABLE.to_owned(), "attribute_exists(p)".to_owned());
    match part {
        Part::PutAbsent(value) => TransactWriteItem {
            put: Some(Put {
                table_name,
                item: whole(at, plain(value)),
                condition_expression: Some("attribute_not_exists(p)".into()),
                ..Default::default()
            }),
            ..Default::default()
        },
        Part::Add(by) => TransactWriteItem {
            update: Some(Update {
                table_name,
                key: key(at),
                update_expression: "ADD v :v".into(),
                condition_expression: Some(exists),
                expression_attribute_values: values(&[(":v", n(by))]),
                ..Default::default()
            }),
            ..Default::default()
        },
        Part::DeleteUpTo(most) => TransactWriteItem {
            delete: Some(Delete {
                table_name,
                key: key(at),
                condition_expression: Some("v <= :v".into()),
                expression_attribute_values: values(&[(":v", n(most))]),
                ..Default::default()
            }),
            ..Default::default()
        },
        Part::Check => TransactWriteItem {
            condition_check: Some(ConditionCheck {
                table_name,
                key: key(at),
                condition_expression: exists,
                ..Default::default()
            }),
            ..Default::default()
        },
    }
}
