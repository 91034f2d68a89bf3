//! A line of an access log, and what the objects that hold such lines are called.
//! S3 User Guide, "Amazon S3 server access log format" and "Log object key format".

use super::listing::url_encoded;
use model_s3 as api;
use names::{AccountId, Region, Timestamp};
use std::fmt::Write;

/// Longest text of a client's in a line.
const MAX_TEXT: usize = 2_000;

/// What a line tells.
#[derive(Debug, Clone, Default)]
pub struct Line<'a> {
    /// The canonical id of the bucket's owner.
    pub owner: &'a str,
    /// The bucket.
    pub bucket: &'a str,
    /// When the request came.
    pub at: Timestamp,
    /// Where from.
    pub source: String,
    /// Who asked: a canonical id, an ARN, or nobody.
    pub requester: Option<&'a str>,
    /// The request's id.
    pub id: &'a str,
    /// `REST.GET.OBJECT`
    pub operation: String,
    /// The key.
    pub key: Option<&'a str>,
    /// `GET /bucket/key?query HTTP/1.1`
    pub request: String,
    /// The status.
    pub status: u16,
    /// The error's code.
    pub error: Option<&'a str>,
    /// Bytes sent.
    pub sent: Option<u64>,
    /// The object's size.
    pub size: Option<u64>,
    /// Milliseconds.
    pub millis: u64,
    /// `Referer`
    pub referer: Option<&'a str>,
    /// `User-Agent`
    pub agent: Option<&'a str>,
    /// The version asked for.
    pub version: Option<&'a str>,
    /// `x-amz-id-2`
    pub host_id: Option<&'a str>,
    /// `SigV4` and `AuthHeader`, where it was signed.
    pub signed: Option<(&'a str, &'a str)>,
    /// `Host`
    pub host: Option<&'a str>,
}

/// A moment as lines show it: `[06/Feb/2019:00:00:38 +0000]`.
fn moment(at: Timestamp) -> String {
    let date = at.http_date();
    let mut words = date.split(' ').skip(1);
    let mut word = || words.next().unwrap_or("-");
    let (day, month, year, time) = (word(), word(), word(), word());
    format!("[{day}/{month}/{year}:{time} +0000]")
}

fn plain(text: Option<&str>) -> &str {
    text.filter(|text| !text.is_empty()).unwrap_or("-")
}

fn number(number: Option<u64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

/// A client's text in quotes; what would end the quotes or the line is written as an escape.
fn quoted(text: Option<&str>) -> String {
    let mut out = String::from("\"");
    for c in plain(text).chars().take(MAX_TEXT) {
        match c {
            '"' | '\\' => drop(write!(out, "\\{c}")),
            c if c.is_control() => drop(write!(out, "\\x{:02X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

impl Line<'_> {
    /// The line, with its end.
    pub fn text(&self) -> String {
        let (version, auth) = self.signed.map_or(("-", "-"), |signed| signed);
        let key = self.key.map_or_else(|| "-".to_owned(), url_encoded);
        let fields = [
            self.owner.to_owned(),
            self.bucket.to_owned(),
            moment(self.at),
            self.source.clone(),
            plain(self.requester).to_owned(),
            self.id.to_owned(),
            self.operation.clone(),
            key,
            quoted(Some(&self.request)),
            self.status.to_string(),
            plain(self.error).to_owned(),
            number(self.sent.filter(|sent| *sent > 0)),
            number(self.size),
            self.millis.to_string(),
            self.millis.to_string(),
            quoted(self.referer),
            quoted(self.agent),
            plain(self.version).to_owned(),
            plain(self.host_id).to_owned(),
            version.to_owned(),
            // Nobody tells the cipher suite, nor the version of TLS behind the host.
            "-".to_owned(),
            auth.to_owned(),
            plain(self.host).to_owned(),
            "-".to_owned(),
            // No access points, and lists are not looked at apart.
            "-".to_owned(),
            "-".to_owned(),
        ];
        fields.join(" ") + "\n"
    }
}

/// How access logs name an operation.
pub fn operation(name: &str, method: &str) -> String {
    let resource = match name {
        "PutObject" | "GetObject" | "HeadObject" | "DeleteObject" | "RestoreObject" => "OBJECT",
        "CopyObject" => return "REST.COPY.OBJECT".to_owned(),
        "UploadPartCopy" => return "REST.COPY.PART".to_owned(),
        "UploadPart" => "PART",
        "CreateMultipartUpload" | "ListMultipartUploads" => "UPLOADS",
        "CompleteMultipartUpload" | "AbortMultipartUpload" | "ListParts" => "UPLOAD",
        "DeleteObjects" => "MULTI_OBJECT_DELETE",
        "ListObjectVersions" => "BUCKETVERSIONS",
        "GetBucketLocation" => "LOCATION",
        "GetObjectAttributes" => "OBJECT_ATTRIBUTES",
        "SelectObjectContent" => "SELECT_OBJECT_CONTENT",
        other => return format!("REST.{method}.{}", setting(other)),
    };
    format!("REST.{method}.{resource}")
}

/// The resource of a setting's operation, from its name: `GetBucketVersioning` reads `VERSIONING`.
fn setting(name: &str) -> String {
    let verbs = ["Get", "Put", "Delete", "List", "Head", "Create"];
    let noun = verbs.iter().find_map(|verb| name.strip_prefix(verb)).unwrap_or(name);
    match noun {
        "Bucket" | "Objects" | "ObjectsV2" | "Buckets" => "BUCKET".to_owned(),
        "BucketPolicy" => "BUCKETPOLICY".to_owned(),
        "BucketLogging" => "LOGGING_STATUS".to_owned(),
        "BucketNotificationConfiguration" => "NOTIFICATION".to_owned(),
        "ObjectTagging" => "OBJECT_TAGGING".to_owned(),
        noun => {
            let noun = noun.strip_prefix("Bucket").or_else(|| noun.strip_prefix("Object")).unwrap_or(noun);
            noun.strip_suffix("Configuration").unwrap_or(noun).to_ascii_uppercase()
        }
    }
}

/// Whose requests an object of log lines tells of.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The bucket's owner.
    pub account: AccountId,
    /// The bucket's region.
    pub region: &'a Region,
    /// The bucket.
    pub bucket: &'a str,
}

/// Whether lines of different days go into objects of their own.
pub fn is_by_event(enabled: &api::LoggingEnabled) -> bool {
    let format = enabled.target_object_key_format.as_ref();
    let partitioned = format.and_then(|format| format.partitioned_prefix.as_ref());
    let source = partitioned.and_then(|prefix| prefix.partition_date_source.as_ref());
    source == Some(&api::PartitionDateSource::EventTime)
}

/// The key of an object of log lines. `at` is the delivery's moment, or the midnight before the events.
pub fn key(enabled: &api::LoggingEnabled, source: Source<'_>, at: Timestamp, unique: &str) -> String {
    let (year, month, day, _, hour, minute, second, _) = at.civil();
    let name = format!("{year:04}-{month:02}-{day:02}-{hour:02}-{minute:02}-{second:02}-{unique}");
    let prefix = &enabled.target_prefix;
    let format = enabled.target_object_key_format.as_ref();
    match format.and_then(|format| format.partitioned_prefix.as_ref()) {
        None => format!("{prefix}{name}"),
        Some(_) => {
            let Source { account, region, bucket } = source;
            format!("{prefix}{account}/{region}/{bucket}/{year:04}/{month:02}/{day:02}/{name}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2019-02-06T00:00:38Z, the moment of the guide's example.
    const AT: Timestamp = Timestamp(1_549_411_238_000);

    #[test]
    fn the_guides_example() {
        let line = Line {
            owner: "79a5",
            bucket: "amzn-s3-demo-bucket1",
            at: AT,
            source: "192.0.2.3".into(),
            requester: Some("79a5"),
            id: "3E57427F3EXAMPLE",
            operation: operation("GetBucketVersioning", "GET"),
            request: "GET /amzn-s3-demo-bucket1?versioning HTTP/1.1".into(),
            status: 200,
            sent: Some(113),
            millis: 7,
            agent: Some("S3Console/0.4"),
            signed: Some(("SigV4", "AuthHeader")),
            host: Some("amzn-s3-demo-bucket1.s3.us-west-1.amazonaws.com"),
            ..Default::default()
        };
        let expected = "79a5 amzn-s3-demo-bucket1 [06/Feb/2019:00:00:38 +0000] 192.0.2.3 79a5 3E57427F3EXAMPLE \
                        REST.GET.VERSIONING - \"GET /amzn-s3-demo-bucket1?versioning HTTP/1.1\" 200 - 113 - 7 7 \"-\" \
                        \"S3Console/0.4\" - - SigV4 - AuthHeader amzn-s3-demo-bucket1.s3.us-west-1.amazonaws.com - - -\n";
        assert_eq!(line.text(), expected);
    }

    #[test]
    fn a_clients_text_stays_in_its_place() {
        let line = Line { agent: Some("a\" \"b\\\n"), key: Some("a b\n"), ..Default::default() };
        let text = line.text();
        assert!(text.contains(r#""a\" \"b\\\x0A""#) && text.contains(" a+b%0A "), "{text}");
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn operations() {
        for (name, method, shown) in [
            ("PutObject", "PUT", "REST.PUT.OBJECT"),
            ("CopyObject", "PUT", "REST.COPY.OBJECT"),
            ("ListObjectsV2", "GET", "REST.GET.BUCKET"),
            ("DeleteObjects", "POST", "REST.POST.MULTI_OBJECT_DELETE"),
            ("GetBucketLogging", "GET", "REST.GET.LOGGING_STATUS"),
            ("PutBucketAcl", "PUT", "REST.PUT.ACL"),
            ("GetBucketPolicy", "GET", "REST.GET.BUCKETPOLICY"),
            ("PutBucketLifecycleConfiguration", "PUT", "REST.PUT.LIFECYCLE"),
        ] {
            assert_eq!(operation(name, method), shown);
        }
    }

    #[test]
    fn keys() {
        let region: Region = "us-west-2".parse().unwrap();
        let source = Source { account: AccountId::DEFAULT, region: &region, bucket: "src" };
        let plain = api::LoggingEnabled { target_prefix: "logs/".into(), ..Default::default() };
        assert_eq!(key(&plain, source, AT, "AB"), "logs/2019-02-06-00-00-38-AB");
        let partitioned = |source| api::LoggingEnabled {
            target_object_key_format: Some(api::TargetObjectKeyFormat {
                partitioned_prefix: Some(api::PartitionedPrefix { partition_date_source: source }),
                simple_prefix: None,
            }),
            ..plain.clone()
        };
        let delivered = partitioned(Some(api::PartitionDateSource::DeliveryTime));
        let by_event = partitioned(Some(api::PartitionDateSource::EventTime));
        assert!(!is_by_event(&delivered) && is_by_event(&by_event));
        let folder = "logs/000000000000/us-west-2/src/2019/02/06/2019-02-06";
        assert_eq!(key(&delivered, source, AT, "AB"), format!("{folder}-00-00-38-AB"));
        let midnight = AT.plus_millis(-38_000);
        assert_eq!(key(&by_event, source, midnight, "AB"), format!("{folder}-00-00-00-AB"));
    }
}
