//! Random sequences of operations, and of moments that pass, give the answers of a map in memory; the stream
//! tells how the map came about, key by key and without a gap, and the indexes hold what the table holds.

mod reads;
mod reference;
mod steps;
mod writes;

use crate::world::*;
use model_dynamodb::operations::*;
use model_dynamodb::*;
use proptest::prelude::*;
use reference::{Reference, key};
use steps::Step;
use testkit::Region;

/// The table of all steps.
const TABLE: &str = "things";

async fn made(region: &Region) -> String {
    let all = || projection(ProjectionType::All, &[]);
    let wish = CreateTableInput {
        global_secondary_indexes: Some(vec![global("by-group", &["g", "v"], all())]),
        local_secondary_indexes: Some(vec![local(
            "by-value",
            &["p", "v"],
            projection(ProjectionType::KeysOnly, &[]),
        )]),
        stream_specification: Some(StreamSpecification {
            stream_enabled: true,
            stream_view_type: Some(StreamViewType::NewAndOldImages),
        }),
        ..table(TABLE, &["p:S", "r:N", "g:N", "v:N"], 2)
    };
    let made = region.call::<CreateTable>(wish).await.unwrap().table_description.unwrap();
    let expiry = TimeToLiveSpecification { enabled: true, attribute_name: "ends".into() };
    let input = UpdateTimeToLiveInput { table_name: TABLE.into(), time_to_live_specification: expiry };
    region.call::<UpdateTimeToLive>(input).await.unwrap();
    region.settle().await;
    made.latest_stream_arn.unwrap()
}

async fn run(region: &Region, step: &Step, reference: &mut Reference) {
    match step {
        Step::Wait(seconds) => {
            region.advance(std::time::Duration::from_secs(*seconds)).await;
            reference.expire(region.host().clock.now().seconds());
        }
        Step::Write(write) => writes::one(region, write, reference).await,
        Step::Batch(writes) => writes::batch(region, writes, reference).await,
        Step::Transact(parts) => writes::transaction(region, parts, reference).await,
        Step::Read(read) => reads::one(region, read, reference).await,
    }
}

/// Each key's records in the stream are the changes that the reference made, one after the other.
async fn check_stream(region: &Region, reference: &Reference, arn: &str) {
    let mut found: std::collections::BTreeMap<String, Vec<String>> = Default::default();
    let mut last = String::new();
    for record in crate::streams::all(region, arn).await {
        let change = record.dynamodb.unwrap();
        let number = change.sequence_number.unwrap();
        assert!((number.len(), &number) > (last.len(), &last), "{number} after {last}");
        last = number;
        let by = if record.user_identity.is_some() { "time" } else { "request" };
        let told = format!("{:?} -> {:?} by {by}", change.old_image, change.new_image);
        found.entry(format!("{:?}", change.keys.unwrap())).or_default().push(told);
    }
    let mut expected: std::collections::BTreeMap<String, Vec<String>> = Default::default();
    for (at, change) in &reference.changes {
        let image = |rest: Option<reference::Rest>| rest.map(|rest| reference::whole(*at, rest));
        let by = if change.by_time { "time" } else { "request" };
        let told = format!("{:?} -> {:?} by {by}", image(change.old), image(change.new));
        expected.entry(format!("{:?}", key(*at))).or_default().push(told);
    }
    assert_eq!(found, expected);
}

/// The counts of the table and of its indexes.
async fn check_counts(region: &Region, reference: &Reference) {
    let described = DescribeTableInput { table_name: TABLE.into() };
    let table = region.call::<DescribeTable>(described).await.unwrap().table.unwrap();
    let grouped = reference.items.values().filter(|rest| rest.group.is_some()).count() as i64;
    let all = reference.items.len() as i64;
    let global = table.global_secondary_indexes.unwrap().remove(0);
    let local = table.local_secondary_indexes.unwrap().remove(0);
    assert_eq!(
        (table.item_count, global.item_count, local.item_count),
        (Some(all), Some(grouped), Some(all))
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn a_table_is_a_map(steps in steps::all()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let region = region().await;
            let stream = made(&region).await;
            let mut reference = Reference::default();
            for step in &steps {
                run(&region, step, &mut reference).await;
            }
            for read in reads::everything() {
                reads::one(&region, &read, &reference).await;
            }
            check_counts(&region, &reference).await;
            check_stream(&region, &reference, &stream).await;
            region.stop().await;
        });
    }
}
