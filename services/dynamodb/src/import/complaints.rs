//! What an import left out and why, as events of CloudWatch Logs: in the group of all imports, in the stream of
//! the import's id (developer guide, "Import format quotas and validation").

use crate::ops::imports::import_arn;
use crate::state::backups::ImportRecord;
use bytes::Bytes;
use names::{Arn, Scope, Timestamp};
use ports::LogTarget;
use schema::ApiError;
use serde_json::json;
use service::Ctx;

const GROUP: &str = "/aws-dynamodb/imports";

/// The ARN of the group, with the end that stands for its streams.
pub fn group_arn(scope: &Scope) -> Option<String> {
    let (account, region) = (scope.account()?, scope.region()?);
    Some(Arn::regional("logs", region, account, &format!("log-group:{GROUP}:*")).to_string())
}

/// The event of an item: its file, the place in it counted from 0, and what is wrong.
pub fn event(
    (scope, record): (&Scope, &ImportRecord),
    (key, index): (&str, u64),
    message: &str,
    now: Timestamp,
) -> (Timestamp, Bytes) {
    let event = json!({
        "itemS3Pointer": { "bucket": record.place.bucket, "key": key, "itemIndex": index },
        "importArn": import_arn(scope, record),
        "errorMessages": [message],
    });
    (now, Bytes::from(event.to_string()))
}

/// Writes events. An import whose log cannot be written fails, as on AWS.
///
/// # Errors
/// Those of the room that keeps logs.
pub async fn write(
    ctx: &Ctx,
    scope: &Scope,
    record: &ImportRecord,
    events: Vec<(Timestamp, Bytes)>,
) -> Result<(), ApiError> {
    let (Some(account), Some(region)) = (scope.account(), scope.region()) else { return Ok(()) };
    let Some(sink) = ctx.ports().logs.clone().filter(|_| !events.is_empty()) else { return Ok(()) };
    let stream = format!("{}/error", record.id);
    let target = LogTarget { account, region: region.clone(), group: GROUP.to_owned(), stream };
    sink.write(target, events).await
}
