//! Bodies that clients compress: `Content-Encoding: gzip`. What a body inflates to is bounded.

use crate::Malformed;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use std::io::Read;

/// Inflates a body to at most so many bytes.
///
/// # Errors
/// If it is no gzip, ends early, or inflates to more.
pub fn inflate(body: &[u8], bound: usize) -> Result<Bytes, Malformed> {
    let mut inflated = Vec::new();
    let over = bound as u64 + 1;
    match MultiGzDecoder::new(body).take(over).read_to_end(&mut inflated) {
        Ok(length) if length <= bound => Ok(inflated.into()),
        Ok(_) => Err(Malformed::too_large()),
        Err(_) => Err(Malformed::syntax("The body is not of the content encoding that it declares")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn bodies() {
        let packed = gzip(&[b'x'; 100_000]);
        assert_eq!(inflate(&packed, 100_000).unwrap(), vec![b'x'; 100_000]);
        // A bomb stops at the bound.
        assert_eq!(inflate(&packed, 99_999), Err(Malformed::too_large()));
        for broken in [&packed[..packed.len() - 9], b"plain", b""] {
            assert!(inflate(broken, 100_000).is_err(), "{} bytes", broken.len());
        }
    }
}
