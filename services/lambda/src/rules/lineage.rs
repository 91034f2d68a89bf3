//! The lineage of an invocation: how often each function was run for what led to it. It stands in the tracing header,
//! which SDKs within functions send with their calls, and queues, topics and buckets pass on; so a loop is seen
//! (Lambda developer guide, "Recursive loop detection").
//!
//! `Root=1-…;Parent=…;Sampled=0;Lineage=3:a87bd80c:2|68fd508a:1`: all runs, then those of each function by a digest of
//! its ARN (X-Ray developer guide, "Tracing header"). Who sends a message says what its header is, so nothing of one
//! is passed on that was not understood.

use names::Arn;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt::Write;

/// How often a function is run for what it caused itself: the next run is a loop (AWS, "AWS Lambda detects recursive
/// loops in Lambda functions", 2023).
pub const MOST_RUNS: u8 = 16;
/// Functions that a header tells of; of more, those that ran first are left out.
const MOST_FUNCTIONS: usize = 16;
/// The longest root of a header that is passed on.
const MAX_ROOT: usize = 64;

/// By what a function is named in a header: the same for its versions and aliases.
pub fn digest(function: &Arn) -> String {
    let parts = function.as_str().split(':').take(7);
    let unqualified = parts.collect::<Vec<_>>().join(":");
    Sha256::digest(unqualified).iter().take(4).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

/// How often a function has run for what carries this header.
pub fn runs(header: Option<&str>, digest: &str) -> u8 {
    let told = header.map(lineage).unwrap_or_default();
    told.iter().find(|(function, _)| *function == digest).map_or(0, |(_, runs)| *runs)
}

/// What led to a run, with a decision whether it is traced: its own, or that of a function whose tracing is active,
/// each of whose runs is (on AWS one a second and some more: developer guide, "Visualize Lambda function invocations
/// using AWS X-Ray").
pub fn sampled(before: Option<&str>, active: bool) -> Cow<'_, str> {
    let before = before.unwrap_or_default();
    match active && field(before, "Sampled").is_none() {
        true => Cow::Owned(format!("{before};Sampled=1")),
        false => Cow::Borrowed(before),
    }
}

/// The header of a run of a function: that of what led to it, with this run counted. `fresh` is a root, and the id
/// of the run itself.
pub fn header(before: Option<&str>, digest: &str, fresh: (&str, &str)) -> String {
    let before = before.unwrap_or_default();
    let is_root = |root: &&str| {
        let plain = root.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        plain && !root.is_empty() && root.len() <= MAX_ROOT
    };
    let root = field(before, "Root").filter(is_root).unwrap_or(fresh.0);
    let sampled = field(before, "Sampled").filter(|sampled| *sampled == "1").unwrap_or("0");
    let mut told = lineage(before);
    match told.iter_mut().find(|(function, _)| *function == digest) {
        Some((_, runs)) => *runs = runs.saturating_add(1),
        None => told.push((digest, 1)),
    }
    let first = told.len().saturating_sub(MOST_FUNCTIONS);
    let told = written(told.get(first..).unwrap_or_default());
    format!("Root={root};Parent={};Sampled={sampled};Lineage={told}", fresh.1)
}

/// What the messages of a batch have in common. A run is counted only where it led to all of them: what comes of a
/// batch is not known to come of any one message.
pub fn common<'a>(mut headers: impl Iterator<Item = Option<&'a str>>) -> Option<String> {
    let first = headers.next()??;
    let (mut same, mut told) = (true, lineage(first));
    for other in headers {
        let other = other?;
        same &= other == first;
        let others = lineage(other);
        told.retain_mut(|(function, runs)| {
            let found = others.iter().find(|(other, _)| other == function);
            *runs = found.map_or(0, |(_, others)| (*runs).min(*others));
            *runs > 0
        });
    }
    if same {
        return Some(first.to_owned());
    }
    (!told.is_empty()).then(|| format!("Lineage={}", written(&told)))
}

fn field<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = header.split(';').filter_map(|field| field.trim().split_once('='));
    fields.find(|(given, _)| *given == name).map(|(_, value)| value)
}

/// The functions of a header and their runs.
fn lineage(header: &str) -> Vec<(&str, u8)> {
    let told = field(header, "Lineage").unwrap_or_default();
    let entries = told.split('|').filter_map(|entry| {
        let mut parts = entry.rsplit(':');
        let (runs, function) = (parts.next()?.parse::<u32>().ok()?, parts.next()?);
        let is_digest = function.len() == 8 && function.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_digest.then(|| (function, u8::try_from(runs).unwrap_or(u8::MAX)))
    });
    entries.take(MOST_FUNCTIONS).collect()
}

fn written(told: &[(&str, u8)]) -> String {
    let all: u32 = told.iter().map(|(_, runs)| u32::from(*runs)).sum();
    let entries: Vec<String> = told.iter().map(|(function, runs)| format!("{function}:{runs}")).collect();
    format!("{all}:{}", entries.join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: (&str, &str) = ("1-67891233-abcdef012345678912345678", "53995c3f42cd8ad8");

    #[test]
    fn each_run_is_counted_and_the_root_kept() {
        let mut carried = header(None, "a87bd80c", FRESH);
        assert_eq!(
            carried,
            "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:a87bd80c:1"
        );
        let other = ("1-other", "1111111111111111");
        carried = header(Some(&carried), "68fd508a", other);
        carried = header(Some(&carried), "a87bd80c", other);
        assert!(carried.starts_with("Root=1-67891233-abcdef012345678912345678;Parent=1111111111111111;"));
        assert!(carried.ends_with(";Lineage=3:a87bd80c:2|68fd508a:1"), "{carried}");
        assert_eq!((runs(Some(&carried), "a87bd80c"), runs(Some(&carried), "68fd508a")), (2, 1));
        assert_eq!((runs(Some(&carried), "c512fbe3"), runs(None, "a87bd80c")), (0, 0));
    }

    #[test]
    fn a_function_whose_tracing_is_active_is_traced_where_nobody_decided() {
        let header = |before, active| header(Some(&sampled(before, active)), "a87bd80c", FRESH);
        assert!(header(None, true).contains(";Sampled=1;"));
        assert!(header(Some("Root=1-5"), true).starts_with("Root=1-5;Parent=53995c3f42cd8ad8;Sampled=1;"));
        assert!(header(Some("Root=1-5;Sampled=0"), true).contains(";Sampled=0;"));
        assert!(header(None, false).contains(";Sampled=0;"));
    }

    #[test]
    fn nothing_is_passed_on_that_was_not_understood() {
        let odd = "Root=1-a\r\nX: y;Sampled=2;Self=z;Lineage=9:zz:1|nonsense|a87bd80c:900|:|68fd508a:-1";
        let carried = header(Some(odd), "c512fbe3", FRESH);
        assert_eq!(
            carried,
            format!("Root={};Parent={};Sampled=0;Lineage=256:a87bd80c:255|c512fbe3:1", FRESH.0, FRESH.1)
        );
        let sampled = header(Some("Root=1-5; Sampled=1"), "c512fbe3", FRESH);
        assert!(sampled.starts_with("Root=1-5;Parent=53995c3f42cd8ad8;Sampled=1;"), "{sampled}");
    }

    #[test]
    fn headers_do_not_grow_without_end() {
        let mut carried = header(None, "00000000", FRESH);
        for function in 1..200 {
            carried = header(Some(&carried), &format!("{function:08x}"), FRESH);
        }
        assert!(carried.len() < 400, "{carried}");
        assert_eq!((runs(Some(&carried), "000000c7"), runs(Some(&carried), "00000000")), (1, 0));
    }

    #[test]
    fn a_batch_has_the_runs_that_led_to_all_of_it() {
        let [one, two] = ["Root=1-1;Lineage=5:a87bd80c:4|68fd508a:1", "Root=1-2;Lineage=2:a87bd80c:2"];
        assert_eq!(common([Some(one), Some(two)].into_iter()).as_deref(), Some("Lineage=2:a87bd80c:2"));
        assert_eq!(common([Some(one), Some(one)].into_iter()).as_deref(), Some(one));
        assert_eq!(common([Some(one)].into_iter()).as_deref(), Some(one));
        for none in [vec![], vec![None], vec![Some(one), None], vec![Some("Root=1-1"), Some(two)]] {
            assert_eq!(common(none.into_iter()), None);
        }
    }

    #[test]
    fn versions_are_their_function() {
        let digest = |arn: &str| digest(&arn.parse().unwrap());
        let function = "arn:aws:lambda:us-east-1:000000000000:function:f";
        assert_eq!(digest(function), digest(&format!("{function}:live")));
        assert_eq!(digest(function).len(), 8);
        assert_ne!(digest(function), digest(&format!("{function}g")));
    }
}
