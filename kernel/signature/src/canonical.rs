//! The canonical request and the string to sign, written into one buffer.

use crate::digest::sha256;
use crate::encoding::{hex, push_encoded, push_reencoded};
use crate::{Dialect, PayloadHash, RequestHead, query};

/// What is left out of the query: a presigned URL's own signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueryScope {
    Whole,
    WithoutSignature,
}

/// Appends the canonical request.
pub(crate) fn push_request(
    out: &mut Vec<u8>,
    dialect: Dialect,
    head: &RequestHead<'_>,
    scope: QueryScope,
    signed_headers: &str,
    payload: &PayloadHash,
) {
    out.extend_from_slice(head.method.as_bytes());
    out.push(b'\n');
    push_path(out, dialect, head.path);
    out.push(b'\n');
    push_query(out, head.query, scope);
    out.push(b'\n');
    for name in signed_headers.split(';') {
        push_header(out, head, name);
    }
    out.push(b'\n');
    out.extend_from_slice(signed_headers.as_bytes());
    out.push(b'\n');
    payload.push(out);
}

/// Appends the string to sign of a canonical request.
pub(crate) fn push_string_to_sign(out: &mut Vec<u8>, stamp: &str, scope: &str, canonical: &[u8]) {
    out.extend_from_slice(b"AWS4-HMAC-SHA256\n");
    out.extend_from_slice(stamp.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(scope.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(&hex(&sha256(canonical)));
}

fn push_path(out: &mut Vec<u8>, dialect: Dialect, path: &str) {
    if path.is_empty() {
        out.push(b'/');
        return;
    }
    match dialect {
        Dialect::Objects => push_reencoded(out, path.as_bytes(), true, false),
        Dialect::General if path.contains("//") || path.contains("/.") => push_normalised(out, path),
        Dialect::General => push_encoded(out, path.as_bytes(), true),
    }
}

fn push_normalised(out: &mut Vec<u8>, path: &str) {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            _ => kept.push(segment),
        }
    }
    for segment in &kept {
        out.push(b'/');
        push_encoded(out, segment.as_bytes(), false);
    }
    if kept.is_empty() || path.ends_with('/') {
        out.push(b'/');
    }
}

fn push_query(out: &mut Vec<u8>, raw: &str, scope: QueryScope) {
    if raw.is_empty() {
        return;
    }
    let mut encoded = Vec::with_capacity(raw.len() + 16);
    let mut spans = Vec::with_capacity(8);
    for (key, value) in query::pairs(raw) {
        if scope == QueryScope::WithoutSignature && key == "X-Amz-Signature" {
            continue;
        }
        let start = encoded.len();
        push_reencoded(&mut encoded, key.as_bytes(), false, true);
        let middle = encoded.len();
        push_reencoded(&mut encoded, value.as_bytes(), false, true);
        spans.push((start, middle, encoded.len()));
    }
    // Keys are compared before values: `a-b=` sorts behind `a=`, which the joined texts would not.
    spans.sort_by_key(|&(start, middle, end)| (&encoded[start..middle], &encoded[middle..end]));
    for (at, &(start, middle, end)) in spans.iter().enumerate() {
        if at > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(&encoded[start..middle]);
        out.push(b'=');
        out.extend_from_slice(&encoded[middle..end]);
    }
}

fn push_header(out: &mut Vec<u8>, head: &RequestHead<'_>, name: &str) {
    out.extend_from_slice(name.as_bytes());
    out.push(b':');
    for (at, value) in head.headers.get_all(name).iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        push_header_value(out, value.as_bytes());
    }
    out.push(b'\n');
}

/// Appends a header's value without its outer blanks, runs of blanks within as one space.
fn push_header_value(out: &mut Vec<u8>, value: &[u8]) {
    let value = value.trim_ascii();
    if !value.contains(&b'\t') && value.windows(2).all(|pair| pair != b"  ") {
        out.extend_from_slice(value);
        return;
    }
    let mut after_blank = false;
    for &byte in value {
        let blank = byte == b' ' || byte == b'\t';
        if blank && !after_blank {
            out.push(b' ');
        } else if !blank {
            out.push(byte);
        }
        after_blank = blank;
    }
}
