//! Retention: what has expired is gone at once for readers, and for good within a day.

use super::{found, put, region, search};
use model_logs::operations as of;
use model_logs::*;
use std::time::Duration;
use testkit::Region;

const DAY: Duration = Duration::from_secs(86_400);

async fn keep(region: &Region, days: i32) {
    let input = PutRetentionPolicyInput { log_group_name: "g".into(), retention_in_days: days };
    region.call::<of::PutRetentionPolicy>(input).await.unwrap();
}

async fn described(region: &Region) -> LogGroup {
    let output = region.call::<of::DescribeLogGroups>(DescribeLogGroupsInput::default()).await.unwrap();
    output.log_groups.unwrap().remove(0)
}

#[tokio::test]
async fn events_expire_by_the_clock() {
    let region = region().await;
    keep(&region, 3).await;
    assert_eq!(described(&region).await.retention_in_days, Some(3));
    put(&region, "s", &[(0, "first")]).await;
    region.advance(DAY * 2).await;
    put(&region, "s", &[(DAY.as_millis() as i64 * 2, "second")]).await;
    region.advance(DAY).await;
    assert_eq!(found(&region, search()).await, ["first", "second"]);
    region.advance(Duration::from_millis(1)).await;
    assert_eq!(found(&region, search()).await, ["second"]);
    assert_eq!(described(&region).await.stored_bytes, Some(5 + 6 + 52));
    region.advance(DAY).await;
    assert_eq!(described(&region).await.stored_bytes, Some(6 + 26));
    region.advance(DAY * 2).await;
    assert!(found(&region, search()).await.is_empty());
    assert_eq!(described(&region).await.stored_bytes, Some(0));
}

#[tokio::test]
async fn more_events_than_one_step_expire() {
    let region = region().await;
    let many: Vec<(i64, &str)> = (0..2500).map(|at| (at, "line")).collect();
    put(&region, "s", &many).await;
    super::stream(&region, "t").await;
    put(&region, "t", &[(0, "line")]).await;
    keep(&region, 1).await;
    region.advance(DAY * 2).await;
    assert_eq!(described(&region).await.stored_bytes, Some(0));
}

#[tokio::test]
async fn without_a_retention_events_stay() {
    let region = region().await;
    put(&region, "s", &[(0, "first")]).await;
    keep(&region, 1).await;
    let input = DeleteRetentionPolicyInput { log_group_name: "g".into() };
    region.call::<of::DeleteRetentionPolicy>(input).await.unwrap();
    region.advance(DAY * 10).await;
    assert_eq!(found(&region, search()).await, ["first"]);
    assert_eq!(described(&region).await.retention_in_days, None);
}

#[tokio::test]
async fn expired_events_are_not_taken() {
    let region = region().await;
    keep(&region, 1).await;
    let two_days_ago = -2 * DAY.as_millis() as i64;
    let rejected = put(&region, "s", &[(two_days_ago, "x"), (0, "y")]).await.rejected_log_events_info;
    assert_eq!(rejected.unwrap().expired_log_event_end_index, Some(1));
    let other = PutRetentionPolicyInput { log_group_name: "g".into(), retention_in_days: 2 };
    let refused = region.refused::<of::PutRetentionPolicy>(other).await;
    assert!(refused.message.contains("Member must satisfy enum value set: [1, 3, 5"), "{}", refused.message);
}
