//! Random sequences of operations, and of moments that pass, give the answers of a map in memory; the stream
//! tells how the map came about.

use crate::world::*;
use model_dynamodb::operations::*;
use model_dynamodb::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use testkit::Region;

/// An item beside its key: a value, a group, and when its time is over.
type Rest = (i64, Option<i64>, Option<i64>);

/// The whole of the reference: items by partition and sort key.
type Reference = BTreeMap<(i64, i64), Rest>;

/// How long after its time an item goes, in seconds.
const GRACE: i64 = 60;

#[derive(Debug, Clone)]
enum Step {
    Put(i64, i64, i64, Option<i64>),
    PutAbsent(i64, i64, i64),
    PutDying(i64, i64, i64),
    Wait(i64),
    Add(i64, i64, i64),
    Delete(i64, i64),
    DeleteAbove(i64, i64, i64),
    Move(i64, i64, i64, i64),
    Query(i64, i64, i64, bool),
    ByGroup(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (p, r, v) = (0..3i64, -3..4i64, -5..6i64);
    let one = prop_oneof![
        4 => (p.clone(), r.clone(), v.clone(), proptest::option::of(0..2i64)).prop_map(|(p, r, v, g)| Step::Put(p, r, v, g)),
        2 => (p.clone(), r.clone(), v.clone()).prop_map(|(p, r, v)| Step::PutAbsent(p, r, v)),
        2 => (p.clone(), r.clone(), 0..200i64).prop_map(|(p, r, s)| Step::PutDying(p, r, s)),
        1 => (1..120i64).prop_map(Step::Wait),
        3 => (p.clone(), r.clone(), v.clone()).prop_map(|(p, r, v)| Step::Add(p, r, v)),
        2 => (p.clone(), r.clone()).prop_map(|(p, r)| Step::Delete(p, r)),
        1 => (p.clone(), r.clone(), v).prop_map(|(p, r, v)| Step::DeleteAbove(p, r, v)),
        1 => (p.clone(), r.clone(), p.clone(), r.clone()).prop_map(|(p, r, q, t)| Step::Move(p, r, q, t)),
        2 => (p, r.clone(), r, any::<bool>()).prop_map(|(p, l, h, f)| Step::Query(p, l.min(h), l.max(h), f)),
        2 => (0..2i64).prop_map(Step::ByGroup),
    ];
    proptest::collection::vec(one, 1..40)
}

fn key(p: i64, r: i64) -> Item {
    item(&[("p", s(&p.to_string())), ("r", n(r))])
}

fn whole((p, r): (i64, i64), (v, group, ends): Rest) -> Item {
    let mut whole = key(p, r);
    whole.insert("v".into(), n(v));
    group.map(|group| whole.insert("g".into(), n(group)));
    ends.map(|ends| whole.insert("ends".into(), n(ends)));
    whole
}

async fn run(region: &Region, step: &Step, reference: &mut Reference) {
    match *step {
        Step::Put(p, r, v, g) => {
            reference.insert((p, r), (v, g, None));
            put(region, "things", whole((p, r), (v, g, None))).await;
        }
        Step::PutAbsent(p, r, v) => {
            let input = PutItemInput {
                table_name: "things".into(),
                item: whole((p, r), (v, None, None)),
                condition_expression: Some("attribute_not_exists(p)".into()),
                ..Default::default()
            };
            let is_new = !reference.contains_key(&(p, r));
            assert_eq!(region.call::<PutItem>(input).await.is_ok(), is_new);
            reference.entry((p, r)).or_insert((v, None, None));
        }
        Step::Add(p, r, v) => {
            let input = UpdateItemInput {
                table_name: "things".into(),
                key: key(p, r),
                update_expression: Some("SET v = if_not_exists(v, :zero) + :v".into()),
                expression_attribute_values: Some(item(&[(":zero", n(0)), (":v", n(v))])),
                return_values: Some(ReturnValue::AllNew),
                ..Default::default()
            };
            let entry = reference.entry((p, r)).or_insert((0, None, None));
            entry.0 += v;
            let answer = region.call::<UpdateItem>(input).await.unwrap().attributes;
            assert_eq!(answer, Some(whole((p, r), *entry)));
        }
        Step::Delete(p, r) => {
            let input = DeleteItemInput {
                table_name: "things".into(),
                key: key(p, r),
                return_values: Some(ReturnValue::AllOld),
                ..Default::default()
            };
            let gone = reference.remove(&(p, r)).map(|value| whole((p, r), value));
            assert_eq!(region.call::<DeleteItem>(input).await.unwrap().attributes, gone);
        }
        Step::DeleteAbove(p, r, v) => {
            let input = DeleteItemInput {
                table_name: "things".into(),
                key: key(p, r),
                condition_expression: Some("v > :v".into()),
                expression_attribute_values: Some(item(&[(":v", n(v))])),
                ..Default::default()
            };
            let holds = reference.get(&(p, r)).is_some_and(|(value, ..)| *value > v);
            assert_eq!(region.call::<DeleteItem>(input).await.is_ok(), holds);
            if holds {
                reference.remove(&(p, r));
            }
        }
        Step::PutDying(p, r, seconds) => {
            let ends = region.host().clock.now().seconds() + seconds;
            reference.insert((p, r), (1, Some(0), Some(ends)));
            put(region, "things", whole((p, r), reference[&(p, r)])).await;
        }
        Step::Wait(seconds) => {
            region.advance(std::time::Duration::from_secs(seconds.unsigned_abs())).await;
            let now = region.host().clock.now().seconds();
            reference.retain(|_, (_, _, ends)| ends.is_none_or(|ends| ends + GRACE > now));
        }
        Step::Move(..) | Step::Query(..) | Step::ByGroup(_) => look(region, step, reference).await,
    }
}

async fn look(region: &Region, step: &Step, reference: &mut Reference) {
    match *step {
        Step::Move(p, r, q, t) if (p, r) != (q, t) => moved(region, (p, r), (q, t), reference).await,
        Step::Query(p, low, high, forward) => {
            let input = QueryInput {
                table_name: "things".into(),
                key_condition_expression: Some("p = :p and r between :l and :h".into()),
                expression_attribute_values: Some(item(&[
                    (":p", s(&p.to_string())),
                    (":l", n(low)),
                    (":h", n(high)),
                ])),
                scan_index_forward: Some(forward),
                ..Default::default()
            };
            let mut expected: Vec<Item> =
                reference.range((p, low)..=(p, high)).map(|(key, value)| whole(*key, *value)).collect();
            if !forward {
                expected.reverse();
            }
            assert_eq!(region.call::<Query>(input).await.unwrap().items.unwrap(), expected);
        }
        Step::ByGroup(group) => {
            let input = QueryInput {
                table_name: "things".into(),
                index_name: Some("by-group".into()),
                key_condition_expression: Some("g = :g".into()),
                expression_attribute_values: Some(item(&[(":g", n(group))])),
                ..Default::default()
            };
            let found = region.call::<Query>(input).await.unwrap().items.unwrap();
            let mut values: Vec<i64> = Vec::new();
            for item in &found {
                let AttributeValue::N(text) = &item["v"] else { panic!("{item:?}") };
                values.push(text.parse().unwrap());
            }
            let of_group = reference.iter().filter(|(_, (_, g, _))| *g == Some(group));
            let mut expected: Vec<i64> = of_group.map(|(_, (v, ..))| *v).collect();
            expected.sort_unstable();
            assert_eq!(values, expected);
        }
        _ => {}
    }
}

/// Moves an item in a transaction that asks for the one and against the other.
async fn moved(region: &Region, from: (i64, i64), to: (i64, i64), reference: &mut Reference) {
    let value = reference.get(&from).copied();
    let put = Put {
        table_name: "things".into(),
        item: whole(to, value.unwrap_or((0, None, None))),
        condition_expression: Some("attribute_not_exists(p)".into()),
        ..Default::default()
    };
    let delete = Delete {
        table_name: "things".into(),
        key: key(from.0, from.1),
        condition_expression: Some("attribute_exists(p)".into()),
        ..Default::default()
    };
    let input = TransactWriteItemsInput {
        transact_items: vec![
            TransactWriteItem { put: Some(put), ..Default::default() },
            TransactWriteItem { delete: Some(delete), ..Default::default() },
        ],
        ..Default::default()
    };
    let possible = value.is_some() && !reference.contains_key(&to);
    assert_eq!(region.call::<TransactWriteItems>(input).await.is_ok(), possible);
    if let (true, Some(value)) = (possible, value) {
        reference.remove(&from);
        reference.insert(to, value);
    }
}

/// The records of the stream, one after the other, come to the table; none says what was not so before it.
async fn check_stream(region: &Region, reference: &Reference, arn: &str) {
    let mut held: BTreeMap<String, String> = BTreeMap::new();
    for record in crate::streams::all(region, arn).await {
        let change = record.dynamodb.unwrap();
        let key = format!("{:?}", change.keys.unwrap());
        let image = |image: Option<_>| image.map(|image: BTreeMap<String, _>| format!("{image:?}"));
        let (old, new) = (image(change.old_image), image(change.new_image));
        assert_eq!(held.get(&key), old.as_ref());
        assert_ne!(old, new);
        match new {
            Some(new) => drop(held.insert(key, new)),
            None => drop(held.remove(&key)),
        }
    }
    let mut expected: Vec<String> =
        reference.iter().map(|(key, value)| format!("{:?}", whole(*key, *value))).collect();
    let mut found: Vec<String> = held.into_values().collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
}

async fn check_all(region: &Region, reference: &Reference) {
    let scan = ScanInput { table_name: "things".into(), ..Default::default() };
    let mut found = region.call::<Scan>(scan).await.unwrap().items.unwrap();
    let mut expected: Vec<Item> = reference.iter().map(|(key, value)| whole(*key, *value)).collect();
    let order = |item: &Item| format!("{:?}", item);
    found.sort_by_key(order);
    expected.sort_by_key(order);
    assert_eq!(found, expected);
    let described = DescribeTableInput { table_name: "things".into() };
    let table = region.call::<DescribeTable>(described).await.unwrap().table.unwrap();
    let grouped = reference.values().filter(|(_, group, _)| group.is_some()).count();
    let index = table.global_secondary_indexes.unwrap().remove(0);
    assert_eq!((table.item_count, index.item_count), (Some(expected.len() as i64), Some(grouped as i64)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn a_table_is_a_map(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let region = region().await;
            let wish = CreateTableInput {
                global_secondary_indexes: Some(vec![global("by-group", &["g", "v"], projection(ProjectionType::All, &[]))]),
                stream_specification: Some(StreamSpecification {
                    stream_enabled: true,
                    stream_view_type: Some(StreamViewType::NewAndOldImages),
                }),
                ..table("things", &["p:S", "r:N", "g:N", "v:N"], 2)
            };
            let made = region.call::<CreateTable>(wish).await.unwrap().table_description.unwrap();
            let input = UpdateTimeToLiveInput {
                table_name: "things".into(),
                time_to_live_specification: TimeToLiveSpecification {
                    enabled: true,
                    attribute_name: "ends".into(),
                },
            };
            region.call::<UpdateTimeToLive>(input).await.unwrap();
            region.settle().await;
            let mut reference = Reference::new();
            for step in &steps {
                run(&region, step, &mut reference).await;
            }
            check_all(&region, &reference).await;
            check_stream(&region, &reference, &made.latest_stream_arn.unwrap()).await;
            region.stop().await;
        });
    }
}
