//! The checksums of bodies, computed while the body passes.

mod reflected;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Digest;
use reflected::Reflected;

/// The algorithms of AWS's flexible checksums, and MD5 of `Content-MD5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// CRC-32 (ISO-HDLC).
    Crc32,
    /// CRC-32C (Castagnoli).
    Crc32c,
    /// CRC-64/NVME.
    Crc64Nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
    /// XXH64.
    Xxh64,
    /// XXH3 of 64 bits.
    Xxh3,
    /// XXH3 of 128 bits.
    Xxh128,
    /// MD5.
    Md5,
}

impl Algorithm {
    /// The algorithms that have a header `x-amz-checksum-…`.
    pub const FLEXIBLE: [Algorithm; 10] = [
        Algorithm::Crc32,
        Algorithm::Crc32c,
        Algorithm::Crc64Nvme,
        Algorithm::Sha1,
        Algorithm::Sha256,
        Algorithm::Sha512,
        Algorithm::Xxh64,
        Algorithm::Xxh3,
        Algorithm::Xxh128,
        Algorithm::Md5,
    ];

    /// The name in `x-amz-sdk-checksum-algorithm` and in inputs: `CRC64NVME`.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Crc32 => "CRC32",
            Algorithm::Crc32c => "CRC32C",
            Algorithm::Crc64Nvme => "CRC64NVME",
            Algorithm::Sha1 => "SHA1",
            Algorithm::Sha256 => "SHA256",
            Algorithm::Sha512 => "SHA512",
            Algorithm::Xxh64 => "XXHASH64",
            Algorithm::Xxh3 => "XXHASH3",
            Algorithm::Xxh128 => "XXHASH128",
            Algorithm::Md5 => "MD5",
        }
    }

    /// By its name, in any case.
    pub fn by_name(name: &str) -> Option<Algorithm> {
        Algorithm::FLEXIBLE.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// The header or trailer that holds it.
    pub fn header(self) -> &'static str {
        match self {
            Algorithm::Crc32 => "x-amz-checksum-crc32",
            Algorithm::Crc32c => "x-amz-checksum-crc32c",
            Algorithm::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Algorithm::Sha1 => "x-amz-checksum-sha1",
            Algorithm::Sha256 => "x-amz-checksum-sha256",
            Algorithm::Sha512 => "x-amz-checksum-sha512",
            Algorithm::Xxh64 => "x-amz-checksum-xxhash64",
            Algorithm::Xxh3 => "x-amz-checksum-xxhash3",
            Algorithm::Xxh128 => "x-amz-checksum-xxhash128",
            Algorithm::Md5 => "x-amz-checksum-md5",
        }
    }

    /// By the header or trailer that holds it, in lower case.
    pub fn by_header(name: &str) -> Option<Algorithm> {
        match name {
            "content-md5" => Some(Algorithm::Md5),
            name => Algorithm::FLEXIBLE.into_iter().find(|algorithm| algorithm.header() == name),
        }
    }
}

/// A checksum in the making.
#[derive(Clone)]
pub struct Checksum {
    algorithm: Algorithm,
    state: State,
}

#[derive(Clone)]
enum State {
    Crc32(crc32fast::Hasher),
    Crc32c(Reflected),
    Crc64(Reflected),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha512(Box<sha2::Sha512>),
    Xxh64(xxhash_rust::xxh64::Xxh64),
    /// Of 64 bits, or of 128.
    Xxh3(Box<xxhash_rust::xxh3::Xxh3>),
    Md5(md5::Md5),
}

impl Checksum {
    /// Of nothing yet.
    pub fn new(algorithm: Algorithm) -> Self {
        let state = match algorithm {
            Algorithm::Crc32 => State::Crc32(crc32fast::Hasher::new()),
            Algorithm::Crc32c => State::Crc32c(Reflected::crc32c()),
            Algorithm::Crc64Nvme => State::Crc64(Reflected::crc64nvme()),
            Algorithm::Sha1 => State::Sha1(Digest::new()),
            Algorithm::Sha256 => State::Sha256(Digest::new()),
            Algorithm::Sha512 => State::Sha512(Box::default()),
            Algorithm::Xxh64 => State::Xxh64(xxhash_rust::xxh64::Xxh64::new(0)),
            Algorithm::Xxh3 | Algorithm::Xxh128 => State::Xxh3(Box::default()),
            Algorithm::Md5 => State::Md5(Digest::new()),
        };
        Checksum { algorithm, state }
    }

    /// Which algorithm it is.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.state {
            State::Crc32(state) => state.update(bytes),
            State::Crc32c(state) | State::Crc64(state) => state.update(bytes),
            State::Sha1(state) => state.update(bytes),
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
            State::Xxh64(state) => state.update(bytes),
            State::Xxh3(state) => state.update(bytes),
            State::Md5(state) => state.update(bytes),
        }
    }

    /// The checksum's bytes, the greatest first.
    pub fn finish(self) -> Vec<u8> {
        match self.state {
            State::Crc32(state) => state.finalize().to_be_bytes().to_vec(),
            State::Crc32c(state) => (state.value() as u32).to_be_bytes().to_vec(),
            State::Crc64(state) => state.value().to_be_bytes().to_vec(),
            State::Sha1(state) => state.finalize().to_vec(),
            State::Sha256(state) => state.finalize().to_vec(),
            State::Sha512(state) => state.finalize().to_vec(),
            State::Xxh64(state) => state.digest().to_be_bytes().to_vec(),
            State::Xxh3(state) if self.algorithm == Algorithm::Xxh128 => {
                state.digest128().to_be_bytes().to_vec()
            }
            State::Xxh3(state) => state.digest().to_be_bytes().to_vec(),
            State::Md5(state) => state.finalize().to_vec(),
        }
    }

    /// The text of headers and trailers.
    pub fn finish_base64(self) -> String {
        STANDARD.encode(self.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the catalogue of CRC algorithms (reveng) and of RFC 1321, FIPS 180.
    #[test]
    fn check_values() {
        let table = [
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Crc32c, "e3069283"),
            (Algorithm::Crc64Nvme, "ae8b14860a799888"),
            (Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (Algorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
            (Algorithm::Md5, "25f9e794323b453885f5181f1b624d0b"),
        ];
        for (algorithm, expect) in table {
            let mut checksum = Checksum::new(algorithm);
            checksum.update(b"1234");
            checksum.update(b"");
            checksum.update(b"56789");
            let hex: String = checksum.finish().iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, expect, "{}", algorithm.name());
        }
    }

    #[test]
    fn any_split_gives_the_same() {
        let bytes: Vec<u8> = (0..1000u32).map(|number| (number * 7 % 251) as u8).collect();
        for algorithm in Algorithm::FLEXIBLE {
            let mut whole = Checksum::new(algorithm);
            whole.update(&bytes);
            let whole = whole.finish_base64();
            for at in [1, 7, 8, 9, 500, 999] {
                let mut split = Checksum::new(algorithm);
                split.update(&bytes[..at]);
                split.update(&bytes[at..]);
                assert_eq!(split.finish_base64(), whole);
            }
        }
    }

    #[test]
    fn names() {
        for algorithm in Algorithm::FLEXIBLE {
            assert_eq!(Algorithm::by_name(&algorithm.name().to_lowercase()), Some(algorithm));
            assert_eq!(Algorithm::by_header(algorithm.header()), Some(algorithm));
        }
        assert_eq!(Algorithm::by_name("CRC33"), None);
    }
}
