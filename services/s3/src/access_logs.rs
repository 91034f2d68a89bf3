//! Access logs: an onlooker makes a line of each request over HTTP to a bucket that is logged, and a worker
//! puts the lines into the target bucket, as `logging.s3.amazonaws.com`, under the target's policy and list.
//! As on AWS that is best effort: what waits is in memory, bounded, and lost with the process.

use crate::errors::S3Error;
use crate::rules::access_line::{self, Line};
use crate::state::buckets::{self, Bucket};
use crate::state::configurations::{self, Kind};
use crate::views::canonical_id;
use bytes::Bytes;
use model_s3 as api;
use model_s3::operations::PutObject;
use names::Timestamp;
use ports::{Caller, PrincipalKind};
use schema::Body;
use service::{Answered, Ctx, Host, Log, Witness, Worker, hex};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use store::Fault;

/// The service that delivers.
pub const LOG_DELIVERY: &str = "logging.s3.amazonaws.com";
/// Longest time that a line waits, in milliseconds of virtual time.
const PERIOD_MS: i64 = 60_000;
/// Most lines that wait; what comes beyond is lost.
const MAX_WAITING: usize = 10_000;
const DAY_MS: i64 = 86_400_000;

const UNKNOWN: u8 = 0;
const NONE: u8 = 1;
const SOME: u8 = 2;

/// The lines that wait, by bucket.
#[derive(Default)]
pub struct AccessLogs {
    /// Whether any bucket is logged, so that in most regions nobody looks.
    any: AtomicU8,
    waiting: Mutex<Vec<Waiting>>,
}

struct Waiting {
    bucket: String,
    at: Timestamp,
    text: String,
}

impl AccessLogs {
    /// From here on some bucket may be logged.
    pub fn begin(&self) {
        self.any.store(SOME, Ordering::Relaxed);
    }

    fn is_wanted(&self, host: &Host) -> bool {
        let known = self.any.load(Ordering::Relaxed);
        if known != UNKNOWN {
            return known == SOME;
        }
        let found = buckets::is_any_logged(&host.store.read()).unwrap_or(true);
        let learned = if found { SOME } else { NONE };
        // Whoever has said meanwhile that there is one is right.
        let _ = self.any.compare_exchange(UNKNOWN, learned, Ordering::Relaxed, Ordering::Relaxed);
        found
    }

    fn add(&self, line: Waiting) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MAX_WAITING {
            waiting.push(line);
        }
    }

    fn take(&self) -> Vec<Waiting> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Makes lines of requests.
pub struct Onlooker;

impl Witness for Onlooker {
    fn answered(&self, host: &Arc<Host>, request: &Answered<'_>) {
        let logs = host.part::<AccessLogs>();
        if !logs.is_wanted(host) {
            return;
        }
        let label =
            |name| request.labels.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str());
        let Some(name) = label("Bucket") else { return };
        // A bucket that cannot be read is told of by the request itself.
        let Ok(Some(bucket)) = logged(host, name) else { return };
        // A line tells when the request came.
        let at = host.clock.now().plus_millis(-i64::try_from(request.micros / 1000).unwrap_or(0));
        let text = line(&bucket, at, request, label("Key"));
        logs.add(Waiting { bucket: bucket.name, at, text });
    }
}

/// A bucket, if its requests are logged.
fn logged(host: &Host, name: &str) -> Result<Option<Bucket>, Fault> {
    let bucket = buckets::find(&host.store.read(), name)?;
    Ok(bucket.filter(|bucket| bucket.record.configured.logging))
}

fn line(bucket: &Bucket, at: Timestamp, request: &Answered<'_>, key: Option<&str>) -> String {
    let owner = canonical_id(bucket.owner);
    let requester = requester(request.caller);
    let query = if request.query.is_empty() { "" } else { "?" };
    let version = request.query.split('&').find_map(|pair| pair.strip_prefix("versionId="));
    let line = Line {
        owner: &owner,
        bucket: &bucket.name,
        at,
        source: request.source.to_canonical().to_string(),
        requester: requester.as_deref(),
        id: request.id,
        operation: access_line::operation(request.operation, request.method),
        key,
        request: format!("{} {}{query}{} HTTP/1.1", request.method, request.path, request.query),
        status: request.status,
        error: request.error,
        sent: request.sent,
        size: size(request),
        millis: request.micros / 1000,
        referer: (request.asked)("referer"),
        agent: (request.asked)("user-agent"),
        version,
        host_id: (request.said)("x-amz-id-2"),
        signed: signed(request),
        host: (request.asked)("host"),
    };
    line.text()
}

fn requester(caller: &Caller) -> Option<String> {
    match caller {
        Caller::Anonymous => None,
        Caller::Principal(principal) if principal.kind == PrincipalKind::Root => {
            Some(canonical_id(principal.account))
        }
        Caller::Principal(principal) => Some(principal.arn.to_string()),
        Caller::Service { principal, .. } => Some(principal.to_string()),
    }
}

/// How a request was signed: version and place.
fn signed(request: &Answered<'_>) -> Option<(&'static str, &'static str)> {
    let header = (request.asked)("authorization");
    if let Some(header) = header {
        return Some((if header.starts_with("AWS4-") { "SigV4" } else { "SigV2" }, "AuthHeader"));
    }
    let names = |name: &str| request.query.split('&').any(|pair| pair.starts_with(name));
    match () {
        () if names("X-Amz-Signature=") => Some(("SigV4", "QueryString")),
        () if names("Signature=") => Some(("SigV2", "QueryString")),
        () => None,
    }
}

/// The size of the object that a request put or read.
fn size(request: &Answered<'_>) -> Option<u64> {
    if request.status >= 300 {
        return None;
    }
    let text = match request.operation {
        "PutObject" | "UploadPart" => {
            (request.asked)("x-amz-decoded-content-length").or((request.asked)("content-length"))
        }
        "GetObject" | "HeadObject" => {
            let whole = (request.said)("content-range").and_then(|range| range.rsplit_once('/'));
            whole.map(|(_, size)| size).or((request.said)("content-length"))
        }
        _ => None,
    };
    text.and_then(|text| text.parse().ok())
}

/// The worker that delivers what waits.
pub fn deliveries() -> Worker {
    Worker::every("s3/access-logs", PERIOD_MS, deliver)
}

/// One round: an object for each bucket, or for each of its days.
async fn deliver(ctx: Ctx) -> Result<(), S3Error> {
    let now = ctx.now();
    let mut texts: BTreeMap<(String, i64), String> = BTreeMap::new();
    for waiting in ctx.part::<AccessLogs>().take() {
        let enabled = enabled(&ctx, &waiting.bucket)?;
        let by_event = enabled.is_some_and(|(_, enabled)| access_line::is_by_event(&enabled));
        let day = if by_event { waiting.at.0.div_euclid(DAY_MS) * DAY_MS } else { now.0 };
        texts.entry((waiting.bucket, day)).or_default().push_str(&waiting.text);
    }
    for ((name, at), text) in texts {
        let Some((bucket, enabled)) = enabled(&ctx, &name)? else { continue };
        let unique = hex(&ctx.host().entropy.bytes::<8>()).to_uppercase();
        let source = access_line::Source {
            account: bucket.owner,
            region: &bucket.record.region,
            bucket: &bucket.name,
        };
        let key = access_line::key(&enabled, source, Timestamp(at), &unique);
        let caller = Caller::Service {
            principal: LOG_DELIVERY.into(),
            source_arn: Some(bucket.arn()),
            source_account: bucket.owner,
        };
        if let Err(error) = ctx.call_as::<PutObject>(caller, object(&enabled, key, text)).await {
            // Nobody waits for it: whoever looks for the log finds the reason here.
            Log::warn(ctx.request_id(), &format!("access log of {name} not delivered: {error}"));
        }
    }
    Ok(())
}

/// A bucket and where its log goes, if that is configured still.
fn enabled(ctx: &Ctx, name: &str) -> Result<Option<(Bucket, api::LoggingEnabled)>, S3Error> {
    let read = ctx.read();
    let Some(bucket) = buckets::find(&read, name)? else { return Ok(None) };
    let status: Option<api::BucketLoggingStatus> = configurations::get(&read, &bucket, Kind::Logging, "")?;
    Ok(status.and_then(|status| status.logging_enabled).map(|enabled| (bucket, enabled)))
}

/// The object to put, with the target's grants.
fn object(enabled: &api::LoggingEnabled, key: String, text: String) -> api::PutObjectInput {
    let granted = |wanted: &str| {
        let grants = enabled.target_grants.iter().flatten();
        let mut names = grants
            .filter(|grant| grant.permission.as_ref().is_some_and(|permission| permission.as_str() == wanted))
            .filter_map(|grant| grant.grantee.as_ref())
            .filter_map(|grantee| match (&grantee.id, &grantee.uri) {
                (Some(id), _) => Some(format!("id=\"{id}\"")),
                (None, Some(uri)) => Some(format!("uri=\"{uri}\"")),
                (None, None) => None,
            })
            .peekable();
        names.peek().is_some().then(|| names.collect::<Vec<_>>().join(", "))
    };
    api::PutObjectInput {
        bucket: enabled.target_bucket.clone(),
        key,
        content_type: Some("text/plain".to_owned()),
        grant_full_control: granted("FULL_CONTROL"),
        grant_read: granted("READ"),
        body: Some(Body::from(Bytes::from(text))),
        ..Default::default()
    }
}
