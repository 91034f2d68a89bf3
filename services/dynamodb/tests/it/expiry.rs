//! Items that go by the clock.

use crate::world::*;
use model_dynamodb::operations::*;
use model_dynamodb::*;
use std::time::Duration;

fn setting(enabled: bool, attribute: &str) -> UpdateTimeToLiveInput {
    UpdateTimeToLiveInput {
        table_name: "things".into(),
        time_to_live_specification: TimeToLiveSpecification { enabled, attribute_name: attribute.into() },
    }
}

#[tokio::test]
async fn items_go_when_their_time_has_come() {
    let region = with_things().await;
    let start = testkit::START.seconds();
    let thing = |r: i64, ends: AttributeValue| item(&[("p", s("a")), ("r", n(r)), ("ends", ends)]);
    put(&region, "things", thing(1, n(start + 100))).await;
    put(&region, "things", thing(2, n(start + 100_000))).await;
    put(&region, "things", thing(3, s("never"))).await;
    put(&region, "things", thing(4, n(start - 6 * 365 * 86_400))).await;
    region.call::<UpdateTimeToLive>(setting(true, "ends")).await.unwrap();
    put(&region, "things", thing(5, n(start + 50))).await;
    put(&region, "things", thing(6, n(start + 50))).await;
    put(&region, "things", thing(6, n(start + 100_000))).await;
    region.advance(Duration::from_secs(600)).await;
    let mut left = Vec::new();
    for r in 1..=6 {
        let key = item(&[("p", s("a")), ("r", n(r))]);
        if get(&region, "things", key).await.is_some() {
            left.push(r);
        }
    }
    assert_eq!(left, [2, 3, 4, 6]);
}

#[tokio::test]
async fn the_setting_is_described_and_guarded() {
    let region = with_things().await;
    let refused = async |input| region.refused::<UpdateTimeToLive>(input).await.message;
    assert_eq!(refused(setting(false, "ends")).await, "TimeToLive is already disabled");
    region.call::<UpdateTimeToLive>(setting(true, "ends")).await.unwrap();
    assert_eq!(refused(setting(true, "ends")).await, "TimeToLive is already enabled");
    assert_eq!(
        refused(setting(true, "other")).await,
        "TimeToLive is active on a different AttributeName: current AttributeName is ends"
    );
    let described = DescribeTimeToLiveInput { table_name: "things".into() };
    let described =
        region.call::<DescribeTimeToLive>(described).await.unwrap().time_to_live_description.unwrap();
    assert_eq!(described.attribute_name.as_deref(), Some("ends"));
    assert_eq!(described.time_to_live_status, Some(TimeToLiveStatus::Enabled));
}
