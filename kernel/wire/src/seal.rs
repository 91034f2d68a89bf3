//! The last touch to an answer of a service that says so: its body compressed where the client accepts that,
//! and a checksum over the bytes that travel.

use crate::message::{Reply, ReplyBody};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use schema::Dialect;
use std::io::Write;

/// Smaller bodies are not worth it; larger ones take too long where they are written.
const COMPRESSED: std::ops::Range<usize> = 1024..256 * 1024;

/// Compresses and sums up an answer, as its service's dialect says. `accepts` is the request's
/// `Accept-Encoding`.
pub fn seal(reply: &mut Reply, dialect: &Dialect, accepts: Option<&str>) {
    if !dialect.sums_bodies {
        return;
    }
    let ReplyBody::Bytes(body) = &mut reply.body else { return };
    let compressed =
        if accepts.is_some_and(accepts_gzip) && COMPRESSED.contains(&body.len()) { gzip(body) } else { None };
    let is_compressed = compressed.is_some();
    if let Some(compressed) = compressed {
        *body = compressed;
    }
    let sum = crc32fast::hash(body);
    if is_compressed {
        reply.header("content-encoding", "gzip");
    }
    reply.header("x-amz-crc32", &sum.to_string());
}

fn gzip(body: &Bytes) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// Whether a list of codings holds gzip, or any, with a weight above nothing.
fn accepts_gzip(accepts: &str) -> bool {
    accepts.split(',').any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let weight = weight.trim().trim_start_matches("q=");
        let refused = weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0);
        matches!(name.trim(), "gzip" | "x-gzip" | "*") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;
    use std::io::Read;

    fn sealed(length: usize, accepts: Option<&str>) -> Reply {
        let mut reply = Reply::new(200);
        reply.body("application/x-amz-json-1.0", vec![b'a'; length]);
        seal(&mut reply, &Dialect { sums_bodies: true, ..Dialect::PLAIN }, accepts);
        reply
    }

    fn body(reply: &Reply) -> &Bytes {
        match &reply.body {
            ReplyBody::Bytes(bytes) => bytes,
            ReplyBody::Stream(_) => panic!("a stream"),
        }
    }

    #[test]
    fn what_travels_is_summed_up() {
        for (length, accepts, is_compressed) in [
            (2, None, false),
            (2, Some("gzip"), false),
            (2000, None, false),
            (2000, Some("identity"), false),
            (2000, Some("deflate, gzip;q=0.5"), true),
            (2000, Some("gzip;q=0"), false),
            (300 * 1024, Some("gzip"), false),
        ] {
            let reply = sealed(length, accepts);
            let sum = crc32fast::hash(body(&reply)).to_string();
            assert_eq!(reply.headers["x-amz-crc32"], sum.as_str(), "{length} {accepts:?}");
            assert_eq!(reply.headers.contains_key("content-encoding"), is_compressed, "{length} {accepts:?}");
            if is_compressed {
                let mut text = String::new();
                GzDecoder::new(&body(&reply)[..]).read_to_string(&mut text).unwrap();
                assert_eq!(text, "a".repeat(length));
            }
        }
        let mut plain = Reply::new(200);
        seal(&mut plain, &Dialect::PLAIN, Some("gzip"));
        assert!(!plain.headers.contains_key("x-amz-crc32"));
    }
}
