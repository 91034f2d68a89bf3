//! The endpoint of the service, where the region itself cannot answer.

use crate::world::*;
use bytes::Bytes;
use testkit::ReplyBody;

/// A budget that is used up is said as what it is, and not as a body that cannot be read.
#[tokio::test]
async fn a_region_without_room_for_a_body_says_so() {
    let region = region().await;
    region.host().budgets.of("gateway").set_limit(1);
    let headers =
        [("host", "dynamodb.us-east-1.amazonaws.com"), ("content-type", "application/x-amz-json-1.0")];
    let answer = region.http("POST", "/", &headers, Bytes::from_static(b"{}")).await;
    assert_eq!(answer.status, 503);
    let ReplyBody::Bytes(body) = &answer.body else { panic!("a stream") };
    let text = String::from_utf8_lossy(body);
    assert!(text.contains("#ServiceUnavailable\"") && text.contains("gateway holds 0 of 1 bytes"), "{text}");
    assert_eq!(answer.headers.get_all("x-amzn-requestid").iter().count(), 1);
    assert_eq!(answer.headers["x-amzn-requestid"].len(), 52);
    assert!(answer.headers.contains_key("x-amz-crc32"));
}
