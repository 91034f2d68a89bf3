//! Groups and streams: made, described, deleted, tagged.

use super::{batch, put, region, stream};
use model_logs::operations as of;
use model_logs::*;
use std::collections::BTreeMap;
use testkit::{Region, START};

fn group(name: &str) -> CreateLogGroupInput {
    CreateLogGroupInput { log_group_name: name.into(), ..Default::default() }
}

fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

async fn names(region: &Region, input: DescribeLogGroupsInput) -> (Vec<String>, Option<String>) {
    let output = region.call::<of::DescribeLogGroups>(input).await.unwrap();
    let groups = output.log_groups.unwrap();
    (groups.into_iter().filter_map(|group| group.log_group_name).collect(), output.next_token)
}

#[tokio::test]
async fn groups_are_described_with_both_arns() {
    let region = region().await;
    put(&region, "s", &[(0, "hello")]).await;
    let output = region.call::<of::DescribeLogGroups>(DescribeLogGroupsInput::default()).await.unwrap();
    let [group] = &output.log_groups.unwrap()[..] else { panic!("one group") };
    let arn = "arn:aws:logs:us-east-1:000000000000:log-group:g";
    assert_eq!(group.arn.as_deref(), Some("arn:aws:logs:us-east-1:000000000000:log-group:g:*"));
    assert_eq!(group.log_group_arn.as_deref(), Some(arn));
    assert_eq!(group.creation_time, Some(START.millis()));
    assert_eq!((group.metric_filter_count, group.retention_in_days), (Some(0), None));
    assert_eq!(group.stored_bytes, Some(5 + 26));
    assert_eq!(group.log_group_class, Some(LogGroupClass::Standard));
}

#[tokio::test]
async fn names_are_taken_once_and_free_again() {
    let region = region().await;
    let taken = region.refused::<of::CreateLogGroup>(group("g")).await;
    assert_eq!(taken.code, "ResourceAlreadyExistsException");
    assert_eq!(taken.message, "The specified log group already exists");
    let same = CreateLogStreamInput { log_group_name: "g".into(), log_stream_name: "s".into() };
    let taken = region.refused::<of::CreateLogStream>(same.clone()).await;
    assert_eq!(taken.message, "The specified log stream already exists");

    put(&region, "s", &[(0, "old")]).await;
    let delete = DeleteLogGroupInput { log_group_name: "g".into() };
    region.call::<of::DeleteLogGroup>(delete.clone()).await.unwrap();
    let absent = region.refused::<of::DeleteLogGroup>(delete).await;
    assert_eq!((&*absent.code, absent.status), ("ResourceNotFoundException", 400));
    assert_eq!(absent.message, "The specified log group does not exist.");
    region.call::<of::CreateLogGroup>(group("g")).await.unwrap();
    let absent = region.refused::<of::PutLogEvents>(batch("s", &[(0, "x")])).await;
    assert_eq!(absent.message, "The specified log stream does not exist.");
    region.call::<of::CreateLogStream>(same).await.unwrap();
    region.settle().await;
    assert_eq!(super::found(&region, super::search()).await, Vec::<String>::new());
}

#[tokio::test]
async fn groups_are_listed_by_prefix_part_and_page() {
    let region = Region::of(vec![logs::service()]).await;
    for name in ["/app/DataLogs", "/app/x", "/aws/lambda/a", "/aws/lambda/b", "/aws/lambda/c"] {
        region.call::<of::CreateLogGroup>(group(name)).await.unwrap();
    }
    let by = |prefix: Option<&str>, part: Option<&str>| DescribeLogGroupsInput {
        log_group_name_prefix: prefix.map(str::to_owned),
        log_group_name_pattern: part.map(str::to_owned),
        ..Default::default()
    };
    assert_eq!(names(&region, by(Some("/app/"), None)).await.0, ["/app/DataLogs", "/app/x"]);
    assert_eq!(names(&region, by(None, Some("DataLogs"))).await.0, ["/app/DataLogs"]);
    assert!(names(&region, by(None, Some("datalogs"))).await.0.is_empty());
    let both = region.refused::<of::DescribeLogGroups>(by(Some("a"), Some("b"))).await;
    assert_eq!(both.code, "InvalidParameterException");

    let mut page = DescribeLogGroupsInput { limit: Some(2), ..by(Some("/aws"), None) };
    let (first, token) = names(&region, page.clone()).await;
    assert_eq!(first, ["/aws/lambda/a", "/aws/lambda/b"]);
    page.next_token = token;
    assert_eq!(names(&region, page.clone()).await, (vec!["/aws/lambda/c".to_owned()], None));
    page.log_group_name_prefix = Some("/app".into());
    let foreign = region.refused::<of::DescribeLogGroups>(page).await;
    assert_eq!(foreign.message, "The specified nextToken is invalid.");
}

#[tokio::test]
async fn streams_are_listed_by_name_and_by_latest_event() {
    let region = region().await;
    for name in ["a", "ab", "b"] {
        stream(&region, name).await;
    }
    put(&region, "b", &[(5, "x")]).await;
    put(&region, "a", &[(1, "x"), (9, "x")]).await;
    let base = DescribeLogStreamsInput { log_group_name: Some("g".into()), ..Default::default() };
    let listed = async |input: DescribeLogStreamsInput| {
        let output = region.call::<of::DescribeLogStreams>(input).await.unwrap();
        let names = output.log_streams.unwrap().into_iter().filter_map(|stream| stream.log_stream_name);
        (names.collect::<Vec<_>>(), output.next_token)
    };
    assert_eq!(listed(base.clone()).await.0, ["a", "ab", "b", "s"]);
    let prefix = DescribeLogStreamsInput { log_stream_name_prefix: Some("a".into()), ..base.clone() };
    assert_eq!(listed(prefix.clone()).await.0, ["a", "ab"]);
    let latest =
        DescribeLogStreamsInput { order_by: Some(OrderBy::LastEventTime), descending: Some(true), ..base };
    assert_eq!(listed(latest.clone()).await.0, ["a", "b", "s", "ab"]);
    let mut page = DescribeLogStreamsInput { limit: Some(3), ..latest };
    let (first, token) = listed(page.clone()).await;
    assert_eq!(first, ["a", "b", "s"]);
    page.next_token = token;
    assert_eq!(listed(page).await, (vec!["ab".to_owned()], None));
    let both = DescribeLogStreamsInput { order_by: Some(OrderBy::LastEventTime), ..prefix };
    let refused = region.refused::<of::DescribeLogStreams>(both).await;
    assert_eq!(refused.message, "Cannot order by LastEventTime with a logStreamNamePrefix.");
}

#[tokio::test]
async fn a_stream_says_what_is_in_it() {
    let region = region().await;
    put(&region, "s", &[(-3000, "x"), (7, "y")]).await;
    let input = DescribeLogStreamsInput {
        log_group_identifier: Some("arn:aws:logs:us-east-1:000000000000:log-group:g".into()),
        ..Default::default()
    };
    let output = region.call::<of::DescribeLogStreams>(input).await.unwrap();
    let [stream] = &output.log_streams.unwrap()[..] else { panic!("one stream") };
    let at = |after: i64| Some(START.millis() + after);
    assert_eq!((stream.first_event_timestamp, stream.last_event_timestamp), (at(-3000), at(7)));
    assert_eq!((stream.last_ingestion_time, stream.creation_time), (at(0), at(0)));
    let arn = "arn:aws:logs:us-east-1:000000000000:log-group:g:log-stream:s";
    assert_eq!(stream.arn.as_deref(), Some(arn));
    assert!(stream.upload_sequence_token.is_some());

    let delete = DeleteLogStreamInput { log_group_name: "g".into(), log_stream_name: "s".into() };
    region.call::<of::DeleteLogStream>(delete.clone()).await.unwrap();
    let absent = region.refused::<of::DeleteLogStream>(delete).await;
    assert_eq!(absent.message, "The specified log stream does not exist.");
}

#[tokio::test]
async fn tags_by_both_apis_are_the_same_tags() {
    let region = Region::of(vec![logs::service()]).await;
    let tagged = CreateLogGroupInput { tags: Some(tags(&[("a", "1")])), ..group("g") };
    region.call::<of::CreateLogGroup>(tagged).await.unwrap();
    let arn = "arn:aws:logs:us-east-1:000000000000:log-group:g".to_owned();
    let by_arn = TagResourceInput { resource_arn: arn.clone(), tags: tags(&[("b", "2")]) };
    region.call::<of::TagResource>(by_arn).await.unwrap();
    let by_name = TagLogGroupInput { log_group_name: "g".into(), tags: tags(&[("c", "3")]) };
    region.call::<of::TagLogGroup>(by_name).await.unwrap();
    let untag = UntagLogGroupInput { log_group_name: "g".into(), tags: vec!["a".into()] };
    region.call::<of::UntagLogGroup>(untag).await.unwrap();
    let untag = UntagResourceInput { resource_arn: format!("{arn}:*"), tag_keys: vec!["c".into()] };
    region.call::<of::UntagResource>(untag).await.unwrap();

    let list = ListTagsForResourceInput { resource_arn: arn };
    let listed = region.call::<of::ListTagsForResource>(list).await.unwrap().tags;
    assert_eq!(listed, Some(tags(&[("b", "2")])));
    let list = ListTagsLogGroupInput { log_group_name: "g".into() };
    assert_eq!(region.call::<of::ListTagsLogGroup>(list).await.unwrap().tags, listed);
    let reserved = TagLogGroupInput { log_group_name: "g".into(), tags: tags(&[("aws:x", "1")]) };
    assert_eq!(region.refused::<of::TagLogGroup>(reserved).await.code, "InvalidParameterException");
}

#[tokio::test]
async fn what_a_group_may_not_be() {
    let region = Region::of(vec![logs::service()]).await;
    let refused = region.refused::<of::CreateLogGroup>(group("aws/x")).await;
    assert_eq!(refused.message, "Log groups starting with AWS/ are reserved for AWS.");
    let protected = CreateLogGroupInput { deletion_protection_enabled: Some(true), ..group("x") };
    assert_eq!(region.refused::<of::CreateLogGroup>(protected).await.code, "InvalidParameterException");
}
