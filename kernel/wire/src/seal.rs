//! The last touch to an answer of a service that says so: its body in the coding that the client accepts, and a
//! checksum over the bytes that travel.

use crate::Coding;
use crate::message::{Reply, ReplyBody};
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, HeaderValue, SERVER};
use schema::Dialect;

/// Shorter bodies travel as they are (test/alternator/test_compressed_response.py of ScyllaDB, run on AWS).
const MIN_COMPRESSED: usize = 4096;

/// The coding that an answer is to travel in, with its body. `accepts` is the request's `Accept-Encoding`.
pub fn to_compress(reply: &Reply, dialect: &Dialect, accepts: Option<&str>) -> Option<(Coding, Bytes)> {
    let ReplyBody::Bytes(body) = &reply.body else { return None };
    if !dialect.sums_bodies || body.len() < MIN_COMPRESSED {
        return None;
    }
    Some((Coding::accepted(accepts?)?, body.clone()))
}

/// Sums up an answer as its service's dialect says, with its body in a coding, where it was compressed.
pub fn seal(reply: &mut Reply, dialect: &Dialect, compressed: Option<(Coding, Bytes)>) {
    if !dialect.sums_bodies {
        return;
    }
    reply.headers.insert(SERVER, HeaderValue::from_static("Server"));
    let ReplyBody::Bytes(body) = &mut reply.body else { return };
    if let Some((coding, compressed)) = compressed {
        *body = compressed;
        reply.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
    let sum = crc32fast::hash(body);
    reply.header("x-amz-crc32", &sum.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMED: Dialect = Dialect { sums_bodies: true, ..Dialect::PLAIN };

    fn sealed(length: usize, accepts: Option<&str>) -> Reply {
        let mut reply = Reply::new(200);
        reply.body("application/x-amz-json-1.0", vec![b'a'; length]);
        let compressed = to_compress(&reply, &SUMMED, accepts)
            .map(|(coding, body)| (coding, coding.pack(&body).expect("memory suffices")));
        seal(&mut reply, &SUMMED, compressed);
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
        for (length, accepts, coding) in [
            (2, None, None),
            (4095, Some("gzip"), None),
            (4096, None, None),
            (4096, Some("identity"), None),
            (4096, Some("deflate, gzip;q=0.5"), Some(Coding::Deflate)),
            (4096, Some("gzip;q=0"), None),
            (300 * 1024, Some("gzip"), Some(Coding::Gzip)),
        ] {
            let reply = sealed(length, accepts);
            let sum = crc32fast::hash(body(&reply)).to_string();
            assert_eq!(reply.headers["x-amz-crc32"], sum.as_str(), "{length} {accepts:?}");
            let said = reply.headers.get("content-encoding").map(|value| value.to_str().unwrap());
            assert_eq!(said, coding.map(Coding::name), "{length} {accepts:?}");
            if let Some(coding) = coding {
                assert_eq!(coding.inflate(body(&reply), length).unwrap(), "a".repeat(length));
            }
        }
        let mut plain = Reply::new(200);
        seal(&mut plain, &Dialect::PLAIN, None);
        assert!(plain.headers.is_empty());
    }
}
