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
use schema::{ApiError, Body};
use service::{Answered, Ctx, Host, Log, Witness, Worker, hex};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::Fault;

/// The service that delivers.
pub const LOG_DELIVERY: &str = "logging.s3.amazonaws.com";
/// Longest time that a line waits, in milliseconds of virtual time.
const PERIOD_MS: i64 = 60_000;
/// Most lines that wait, and most bytes of them; what comes beyond is lost.
const MAX_LINES: usize = 10_000;
const MAX_BYTES: usize = 8 * 1024 * 1024;
const DAY_MS: i64 = 86_400_000;

const UNKNOWN: u8 = 0;
const NONE: u8 = 1;
const SOME: u8 = 2;

/// The lines that wait, by bucket.
#[derive(Default)]
pub struct AccessLogs {
    /// Whether any bucket is logged, so that in most regions nobody looks.
    any: AtomicU8,
    waiting: Mutex<Waiting>,
}

/// Lines with the moments that they tell of, by bucket; how many they are, and their bytes.
#[derive(Default)]
struct Waiting {
    by_bucket: BTreeMap<String, Vec<(Timestamp, String)>>,
    lines: usize,
    bytes: usize,
}

impl Waiting {
    fn add(&mut self, bucket: String, at: Timestamp, text: String) {
        if self.lines < MAX_LINES && self.bytes + text.len() <= MAX_BYTES {
            self.lines += 1;
            self.bytes += text.len();
            self.by_bucket.entry(bucket).or_default().push((at, text));
        }
    }
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

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
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
        logs.waiting().add(bucket.name, at, text);
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

/// One round. Nobody waits for a log: whoever looks for one that did not come finds the reason in the region's.
async fn deliver(ctx: Ctx) -> Result<(), S3Error> {
    let waiting = std::mem::take(&mut *ctx.part::<AccessLogs>().waiting());
    for (name, lines) in waiting.by_bucket {
        let lost = |error: ApiError| {
            Log::warn(ctx.request_id(), &format!("access log of {name} not delivered: {error}"));
        };
        match enabled(&ctx, &name) {
            Ok(Some((bucket, enabled))) => {
                for object in objects(&ctx, &bucket, &enabled, lines) {
                    let caller = Caller::Service {
                        principal: LOG_DELIVERY.into(),
                        source_arn: Some(bucket.arn()),
                        source_account: bucket.owner,
                    };
                    ctx.call_as::<PutObject>(caller, object).await.map_or_else(lost, drop);
                }
            }
            // It is not logged any more.
            Ok(None) => {}
            Err(error) => lost(error.into()),
        }
    }
    Ok(())
}

/// The objects to put for the lines of a bucket: one, or one for each of their days.
fn objects(
    ctx: &Ctx,
    bucket: &Bucket,
    enabled: &api::LoggingEnabled,
    lines: Vec<(Timestamp, String)>,
) -> Vec<api::PutObjectInput> {
    let (now, by_event) = (ctx.now(), access_line::is_by_event(enabled));
    let mut texts: BTreeMap<Timestamp, String> = BTreeMap::new();
    for (at, line) in lines {
        let midnight = Timestamp(at.0.div_euclid(DAY_MS) * DAY_MS);
        texts.entry(if by_event { midnight } else { now }).or_default().push_str(&line);
    }
    let source =
        access_line::Source { account: bucket.owner, region: &bucket.record.region, bucket: &bucket.name };
    let object = |(at, text)| {
        let unique = hex(&ctx.host().entropy.bytes::<8>()).to_uppercase();
        object(enabled, access_line::key(enabled, source, at, &unique), text)
    };
    texts.into_iter().map(object).collect()
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
