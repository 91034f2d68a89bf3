//! What the account's event bus is told: S3's events in EventBridge's envelope.
//! S3 User Guide, "EventBridge event message structure".

use super::event::Event;
use super::notifications::Happening;
use names::{AccountId, Arn, Region, Timestamp};
use serde_json::{Value, json};

/// The default bus of an account in a region.
pub fn bus(region: &Region, account: AccountId) -> Arn {
    Arn::regional("events", region, account, "event-bus/default")
}

/// The detail type of a happening, and why it happened; `None` for what the bus is not told.
fn kind(happening: Happening) -> Option<(&'static str, Value)> {
    let created = |reason| ("Object Created", json!({"reason": reason}));
    let deleted = |reason, kind| ("Object Deleted", json!({"reason": reason, "deletion-type": kind}));
    let plain = |name| (name, json!({}));
    Some(match happening {
        Happening::Put => created("PutObject"),
        Happening::Copy => created("CopyObject"),
        Happening::Completed => created("CompleteMultipartUpload"),
        Happening::Deleted => deleted("DeleteObject", "Permanently Deleted"),
        Happening::Marked => deleted("DeleteObject", "Delete Marker Created"),
        Happening::Expired => deleted("Lifecycle Expiration", "Permanently Deleted"),
        Happening::ExpiredBehindMarker => deleted("Lifecycle Expiration", "Delete Marker Created"),
        Happening::Tagged => plain("Object Tags Added"),
        Happening::Untagged => plain("Object Tags Deleted"),
        Happening::AclPut => plain("Object ACL Updated"),
        Happening::RestoreBegun => plain("Object Restore Initiated"),
        Happening::Restored => plain("Object Restore Completed"),
        Happening::Transitioned => plain("Object Storage Class Changed"),
        Happening::ReplicationFailed => return None,
    })
}

/// The event for the bus of an account.
pub fn message(event: &Event<'_>, account: AccountId, id: &str) -> Option<Vec<u8>> {
    let (name, why) = kind(event.happening)?;
    let mut object = json!({"key": event.key});
    // What is said of an object, and its restore, have no place among its changes (recorded of AWS by
    // LocalStack's test_object_put_acl and test_restore_object).
    let changes = !event.is_said() && event.restore.is_none();
    for (member, value) in [
        ("sequencer", changes.then(|| Value::from(format!("{:018X}", event.sequence)))),
        ("size", event.size.filter(|_| !event.is_said()).map(Value::from)),
        ("etag", event.etag.map(Value::from)),
        ("version-id", event.version_id.map(Value::from)),
    ] {
        if let Some(value) = value {
            object[member] = value;
        }
    }
    let mut detail = json!({
        "version": "0",
        "bucket": {"name": event.bucket},
        "object": object,
        "request-id": event.request_id,
        "requester": account.to_string(),
    });
    let (class, until) = event.restore.unzip();
    let until = until.flatten();
    for (member, value) in [
        ("source-ip-address", Some(event.source.to_owned()).filter(|_| until.is_none())),
        ("source-storage-class", class.map(str::to_owned)),
        ("restore-expiry-time", until.map(Timestamp::iso8601)),
    ] {
        if let Some(value) = value {
            detail[member] = value.into();
        }
    }
    for (member, value) in why.as_object().into_iter().flatten() {
        detail[member] = value.clone();
    }
    let envelope = json!({
        "version": "0",
        "id": id,
        "detail-type": name,
        "source": "aws.s3",
        "account": account.to_string(),
        "time": event.at.iso8601(),
        "region": event.region,
        "resources": [format!("arn:aws:s3:::{}", event.bucket)],
        "detail": detail,
    });
    serde_json::to_vec(&envelope).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The structure of the guide's example of an `Object Created` event.
    #[test]
    fn an_object_was_put() {
        let event = Event {
            happening: Happening::Put,
            at: Timestamp(0),
            region: "ca-central-1",
            principal: "p",
            source: "1.2.3.4",
            request_id: "R",
            bucket: "b",
            owner: "o",
            key: "example-key",
            size: Some(5),
            etag: Some("e"),
            version_id: None,
            sequence: 1,
            restore: None,
        };
        let told: Value =
            serde_json::from_slice(&message(&event, AccountId::DEFAULT, "id").unwrap()).unwrap();
        assert_eq!(told["detail-type"], "Object Created");
        assert_eq!(told["detail"]["reason"], "PutObject");
        assert_eq!(told["detail"]["object"]["size"], 5);
        assert_eq!(told["resources"][0], "arn:aws:s3:::b");
        assert!(told["detail"]["object"].get("version-id").is_none());
        let restored = Event {
            happening: Happening::Restored,
            restore: Some(("GLACIER", Some(Timestamp(0)))),
            ..event.clone()
        };
        let told: Value =
            serde_json::from_slice(&message(&restored, AccountId::DEFAULT, "id").unwrap()).unwrap();
        assert_eq!(told["detail"]["restore-expiry-time"], "1970-01-01T00:00:00Z");
        assert_eq!(told["detail"]["source-storage-class"], "GLACIER");
        assert!(told["detail"].get("source-ip-address").is_none());
        assert!(told["detail"]["object"].get("sequencer").is_none());
        let failed = Event { happening: Happening::ReplicationFailed, ..event };
        assert_eq!(message(&failed, AccountId::DEFAULT, "id"), None);
    }
}
