//! Content codings: bodies that clients compress, bounded in what they inflate to, and answers compressed as a
//! client accepts it.

use crate::Malformed;
use bytes::Bytes;
use flate2::Compression;
use flate2::bufread::{GzDecoder, ZlibDecoder};
use flate2::write::{GzEncoder, ZlibEncoder};
use std::io::{self, Read, Write};

/// How a gzip member begins.
const GZIP_MARK: [u8; 2] = [0x1f, 0x8b];

/// A coding that bodies travel in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Members of gzip, one behind the other.
    Gzip,
    /// One stream of zlib, which HTTP calls by this name.
    Deflate,
}

impl Coding {
    /// In the order in which `*` stands for them.
    const ALL: [Coding; 2] = [Coding::Gzip, Coding::Deflate];

    /// The coding of this name, in letters of either case.
    pub fn named(name: &str) -> Option<Coding> {
        Coding::ALL.into_iter().find(|coding| coding.name().eq_ignore_ascii_case(name.trim()))
    }

    /// Its name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
        }
    }

    /// Inflates a body to at most so many bytes. What stands behind the coding's end is nobody's, and left.
    ///
    /// # Errors
    /// If it is not of the coding, ends early, or inflates to more.
    pub fn inflate(self, body: &[u8], bound: usize) -> Result<Bytes, Malformed> {
        let mut inflated = Vec::new();
        let read = match self {
            Coding::Gzip => members(body, bound, &mut inflated),
            Coding::Deflate => more(&mut ZlibDecoder::new(body), bound, &mut inflated),
        };
        match read {
            Ok(()) if inflated.len() <= bound => Ok(inflated.into()),
            Ok(()) => Err(Malformed::too_large()),
            Err(_) => Err(Malformed::syntax("The body is not of the content encoding that it declares")),
        }
    }

    /// Compresses a body; `None` where that fails.
    pub fn pack(self, body: &[u8]) -> Option<Bytes> {
        let packed = Vec::with_capacity(body.len() / 4);
        match self {
            Coding::Gzip => {
                let mut encoder = GzEncoder::new(packed, Compression::fast());
                encoder.write_all(body).and_then(|()| encoder.finish())
            }
            Coding::Deflate => {
                let mut encoder = ZlibEncoder::new(packed, Compression::fast());
                encoder.write_all(body).and_then(|()| encoder.finish())
            }
        }
        .ok()
        .map(Bytes::from)
    }

    /// The coding that an `Accept-Encoding` likes best: the heaviest one, of equals the first, and those that
    /// `*` stands for behind those that are named. `identity` is never preferred.
    pub fn accepted(accepts: &str) -> Option<Coding> {
        let (mut offers, mut others) = (Vec::new(), 0.0);
        for offer in accepts.split(',').take(MAX_OFFERS) {
            let (name, parameters) = offer.split_once(';').unwrap_or((offer, ""));
            match Coding::named(name) {
                Some(coding) => offers.push((coding, weight(parameters))),
                None if name.trim() == "*" => others = weight(parameters),
                None => {}
            }
        }
        for coding in Coding::ALL {
            if !offers.iter().any(|(named, _)| *named == coding) {
                offers.push((coding, others));
            }
        }
        let heaviest = offers.iter().map(|(_, weight)| *weight).fold(0.0, f32::max);
        offers.into_iter().find(|(_, weight)| *weight > 0.0 && *weight >= heaviest).map(|(coding, _)| coding)
    }
}

/// Codings of a header that are looked at.
const MAX_OFFERS: usize = 64;

/// The weight that the first `q=` states, wherever it stands: between nothing and one, and one where it is no
/// number.
fn weight(parameters: &str) -> f32 {
    let Some((_, stated)) = parameters.split_once("q=") else { return 1.0 };
    let stated = stated.split(';').next().unwrap_or(stated).trim().parse::<f32>();
    stated.ok().filter(|weight| weight.is_finite()).map_or(1.0, |weight| weight.clamp(0.0, 1.0))
}

/// Reads on until the end, or one byte beyond the bound.
fn more(from: &mut impl Read, bound: usize, inflated: &mut Vec<u8>) -> io::Result<()> {
    let left = (bound - inflated.len()) as u64 + 1;
    from.take(left).read_to_end(inflated).map(|_| ())
}

fn members(mut rest: &[u8], bound: usize, inflated: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut member = GzDecoder::new(rest);
        more(&mut member, bound, inflated)?;
        rest = member.into_inner();
        if inflated.len() > bound || !rest.starts_with(&GZIP_MARK) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies() {
        for coding in Coding::ALL {
            let packed = coding.pack(&[b'x'; 100_000]).unwrap();
            assert_eq!(coding.inflate(&packed, 100_000).unwrap(), vec![b'x'; 100_000]);
            // A bomb stops at the bound.
            assert_eq!(coding.inflate(&packed, 99_999), Err(Malformed::too_large()));
            for broken in [&packed[..packed.len() - 1], b"plain", b""] {
                assert!(coding.inflate(broken, 100_000).is_err(), "{coding:?} {} bytes", broken.len());
            }
            let followed = [&packed[..], b"junk"].concat();
            assert_eq!(coding.inflate(&followed, 100_000).unwrap().len(), 100_000, "{coding:?}");
        }
        let two = [Coding::Gzip.pack(b"one ").unwrap(), Coding::Gzip.pack(b"two").unwrap()].concat();
        assert_eq!(Coding::Gzip.inflate(&two, 7).unwrap(), "one two");
        assert_eq!(Coding::Gzip.inflate(&two, 6), Err(Malformed::too_large()));
    }

    /// As DynamoDB chose when ScyllaDB's tests ran on it (test/alternator/test_compressed_response.py,
    /// test_accept_encoding_header).
    #[test]
    fn what_a_client_accepts() {
        let (gzip, deflate) = (Some(Coding::Gzip), Some(Coding::Deflate));
        for (accepts, chosen) in [
            ("", None),
            ("identity", None),
            ("x-gzip", None),
            ("gzip, deflate", gzip),
            ("br, identity, deflate, gzip", deflate),
            ("GZIP, identity", gzip),
            ("dog, gzip ,, cat", gzip),
            ("gzip;q=0.8, deflate;q=0.5", gzip),
            ("br, gzip;q=0, deflate; q = 0.5 , identity;q=0", deflate),
            ("*", gzip),
            ("*, deflate;q=0.5", gzip),
            ("*, deflate", deflate),
            ("*, gzip;q=0.5", deflate),
            ("gzip ;q=0", None),
            ("*;q=0", None),
            ("*;q=0.5,identity", gzip),
            ("gzip;q=0.5,identity;q=0.8", gzip),
            ("br;q=0.8,identity;q=0.5,*;q=0", None),
            ("\"gzip\"", None),
            ("gzip br", None),
            ("gzip:q=1", None),
            ("gzip;q=31,deflate;q=51", gzip),
            ("deflate;q=0.5, gzip;q=1;q=0.2", gzip),
            ("deflate;q=0.5,gzip;q=0.", deflate),
            ("deflate;q=0.5,gzip;q=0. x", gzip),
            ("deflate;q=-0.5,gzip;q=0.2", gzip),
            ("gzip;q= 0;q=1", None),
            ("gzip;q =0;q=1", gzip),
            ("gzip;nq=0;q=1", None),
            ("gzip;q=0, gzip;q=1, gzip;q=0", gzip),
            ("br,identity;q=0.5,gzip;q=0.0001", gzip),
        ] {
            assert_eq!(Coding::accepted(accepts), chosen, "{accepts}");
        }
    }
}
