//! The messages that a bucket sends: the event record, version 2.1, and the test event.
//! Structure: S3 User Guide, "Event message structure".

use super::listing::url_encoded;
use super::multipart::base64;
use super::notifications::Happening;
use names::Timestamp;
use serde::Serialize;

/// What happened, to what, by whom.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// What happened.
    pub happening: Happening,
    /// When.
    pub at: Timestamp,
    /// The region of the bucket.
    pub region: &'a str,
    /// The unique id of who did it.
    pub principal: &'a str,
    /// The address it came from.
    pub source: &'a str,
    /// The request's id.
    pub request_id: &'a str,
    /// The bucket.
    pub bucket: &'a str,
    /// The canonical id of the bucket's owner.
    pub owner: &'a str,
    /// The key.
    pub key: &'a str,
    /// Size and entity tag, where there is a new object; a delete marker has a size of none.
    pub size: Option<u64>,
    /// The entity tag, without quotes.
    pub etag: Option<&'a str>,
    /// The version, in buckets that keep versions.
    pub version_id: Option<&'a str>,
    /// Grows with each change of a key.
    pub sequence: u64,
    /// Of an archived object that is restored: its class, and until when it can be read once it is.
    pub restore: Option<(&'a str, Option<Timestamp>)>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    #[serde(rename = "Records")]
    records: [Record<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    event_version: &'static str,
    event_source: &'static str,
    aws_region: &'a str,
    event_time: String,
    event_name: &'static str,
    user_identity: Identity<'a>,
    request_parameters: RequestParameters<'a>,
    response_elements: ResponseElements<'a>,
    s3: Entity<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    glacier_event_data: Option<Glacier<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Glacier<'a> {
    restore_event_data: Restore<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Restore<'a> {
    lifecycle_restoration_expiry_time: String,
    lifecycle_restore_storage_class: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    principal_id: &'a str,
}

#[derive(Serialize)]
struct RequestParameters<'a> {
    #[serde(rename = "sourceIPAddress")]
    source: &'a str,
}

#[derive(Serialize)]
struct ResponseElements<'a> {
    #[serde(rename = "x-amz-request-id")]
    request_id: &'a str,
    #[serde(rename = "x-amz-id-2")]
    host_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entity<'a> {
    #[serde(rename = "s3SchemaVersion")]
    schema_version: &'static str,
    configuration_id: &'a str,
    bucket: Bucket<'a>,
    object: Object<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bucket<'a> {
    name: &'a str,
    owner_identity: Identity<'a>,
    arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'a> {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e_tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequencer: Option<String>,
}

impl Event<'_> {
    /// Whether it tells what is said of an object, not what became of it.
    pub fn is_said(&self) -> bool {
        matches!(self.happening, Happening::Tagged | Happening::Untagged | Happening::AclPut)
    }

    /// What the record of a restored object says beside (recorded of AWS by LocalStack's test_restore_object).
    fn glacier(&self) -> Option<Glacier<'_>> {
        let (class, until) = self.restore?;
        Some(Glacier {
            restore_event_data: Restore {
                lifecycle_restoration_expiry_time: until?.iso8601_millis(),
                lifecycle_restore_storage_class: class,
            },
        })
    }

    /// The message for one configuration.
    ///
    /// # Errors
    /// Never for these types; the serialiser's signature says so.
    pub fn message(&self, configuration: &str) -> Result<Vec<u8>, serde_json::Error> {
        // What is said of an object is an event of a later version, which has neither size nor sequence
        // (recorded of AWS by LocalStack's test_object_tagging_put_event, test_object_put_acl).
        let said = self.is_said();
        let record = Record {
            event_version: if said { "2.3" } else { "2.1" },
            event_source: "aws:s3",
            aws_region: self.region,
            event_time: self.at.iso8601_millis(),
            event_name: self.happening.name(),
            user_identity: Identity { principal_id: self.principal },
            request_parameters: RequestParameters { source: self.source },
            response_elements: ResponseElements {
                request_id: self.request_id,
                host_id: host_id(self.request_id),
            },
            s3: Entity {
                schema_version: "1.0",
                configuration_id: configuration,
                bucket: Bucket {
                    name: self.bucket,
                    owner_identity: Identity { principal_id: self.owner },
                    arn: format!("arn:aws:s3:::{}", self.bucket),
                },
                object: Object {
                    key: url_encoded(self.key),
                    size: self.size.filter(|_| !said),
                    e_tag: self.etag,
                    version_id: self.version_id,
                    sequencer: (!said).then(|| format!("{:018X}", self.sequence)),
                },
            },
            glacier_event_data: self.glacier(),
        };
        serde_json::to_vec(&Message { records: [record] })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Test<'a> {
    service: &'static str,
    event: &'static str,
    time: String,
    bucket: &'a str,
    request_id: &'a str,
    host_id: String,
}

/// The second id of a request, as its answer bears it.
pub fn host_id(request_id: &str) -> String {
    base64(format!("{request_id}/{request_id}").as_bytes())
}

/// The message that a queue gets when it becomes a destination.
///
/// # Errors
/// Never for these types; the serialiser's signature says so.
pub fn test_message(bucket: &str, request_id: &str, at: Timestamp) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Test {
        service: "Amazon S3",
        event: "s3:TestEvent",
        time: at.iso8601_millis(),
        bucket,
        request_id,
        host_id: host_id(request_id),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: Event<'static> = Event {
        happening: Happening::Put,
        at: Timestamp(0),
        region: "us-west-2",
        principal: "AIDAJDPLRKLG7UEXAMPLE",
        source: "127.0.0.1",
        request_id: "C3D13FE58DE4C810",
        bucket: "amzn-example",
        owner: "A3NL1KOZZKExample",
        key: "red flower/é.jpg",
        size: Some(1024),
        etag: Some("d41d8cd98f00b204e9800998ecf8427e"),
        version_id: None,
        sequence: 0x55,
        restore: None,
    };

    #[test]
    fn an_object_was_put() {
        let expected = concat!(
            r#"{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-west-2","#,
            r#""eventTime":"1970-01-01T00:00:00.000Z","eventName":"ObjectCreated:Put","#,
            r#""userIdentity":{"principalId":"AIDAJDPLRKLG7UEXAMPLE"},"#,
            r#""requestParameters":{"sourceIPAddress":"127.0.0.1"},"#,
            r#""responseElements":{"x-amz-request-id":"C3D13FE58DE4C810","x-amz-id-2":"QzNEMTNGRTU4REU0QzgxMC9DM0QxM0ZFNThERTRDODEw"},"#,
            r#""s3":{"s3SchemaVersion":"1.0","configurationId":"testConfigRule","#,
            r#""bucket":{"name":"amzn-example","ownerIdentity":{"principalId":"A3NL1KOZZKExample"},"#,
            r#""arn":"arn:aws:s3:::amzn-example"},"#,
            r#""object":{"key":"red+flower/%C3%A9.jpg","size":1024,"#,
            r#""eTag":"d41d8cd98f00b204e9800998ecf8427e","sequencer":"000000000000000055"}}}]}"#,
        );
        assert_eq!(String::from_utf8(EVENT.message("testConfigRule").unwrap()).unwrap(), expected);
    }

    #[test]
    fn a_removal_has_no_size() {
        let event =
            Event { happening: Happening::Deleted, size: None, etag: None, version_id: Some("v1"), ..EVENT };
        let text = String::from_utf8(event.message("c").unwrap()).unwrap();
        assert!(text.contains(r#""eventName":"ObjectRemoved:Delete""#));
        assert!(
            text.contains(r#""object":{"key":"red+flower/%C3%A9.jpg","versionId":"v1","sequencer":"#),
            "{text}"
        );
    }

    #[test]
    fn a_restored_object_tells_until_when() {
        let restore = Some(("GLACIER", Some(Timestamp(0))));
        let event = Event { happening: Happening::Restored, restore, ..EVENT };
        let text = String::from_utf8(event.message("c").unwrap()).unwrap();
        let told = concat!(
            r#""glacierEventData":{"restoreEventData":{"#,
            r#""lifecycleRestorationExpiryTime":"1970-01-01T00:00:00.000Z","lifecycleRestoreStorageClass":"GLACIER"}}"#,
        );
        assert!(text.contains(told), "{text}");
    }

    #[test]
    fn the_test_event() {
        let text = String::from_utf8(test_message("b", "R", Timestamp(0)).unwrap()).unwrap();
        assert_eq!(
            text,
            r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"1970-01-01T00:00:00.000Z","Bucket":"b","RequestId":"R","HostId":"Ui9S"}"#
        );
    }
}
