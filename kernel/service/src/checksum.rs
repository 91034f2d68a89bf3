//! AWS's flexible checksums, computed while content streams. CRCs of parts are joined to that of the whole
//! without reading the content again.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};
use ring::digest as sha;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;
use xxhash_rust::xxh64::Xxh64;

/// An algorithm of checksums. S3 stores it by its place in this list: what is new comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// `x-amz-checksum-crc32`
    Crc32,
    /// `x-amz-checksum-crc32c`
    Crc32c,
    /// `x-amz-checksum-crc64nvme`
    Crc64Nvme,
    /// `x-amz-checksum-sha1`
    Sha1,
    /// `x-amz-checksum-sha256`
    Sha256,
    /// `x-amz-checksum-sha512`
    Sha512,
    /// `x-amz-checksum-md5`
    Md5,
    /// `x-amz-checksum-xxhash64`
    Xxh64,
    /// `x-amz-checksum-xxhash3`
    Xxh3,
    /// `x-amz-checksum-xxhash128`
    Xxh128,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 10] = [
        Algorithm::Crc32,
        Algorithm::Crc32c,
        Algorithm::Crc64Nvme,
        Algorithm::Sha1,
        Algorithm::Sha256,
        Algorithm::Sha512,
        Algorithm::Md5,
        Algorithm::Xxh64,
        Algorithm::Xxh3,
        Algorithm::Xxh128,
    ];

    /// AWS's name.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Crc32 => "CRC32",
            Algorithm::Crc32c => "CRC32C",
            Algorithm::Crc64Nvme => "CRC64NVME",
            Algorithm::Sha1 => "SHA1",
            Algorithm::Sha256 => "SHA256",
            Algorithm::Sha512 => "SHA512",
            Algorithm::Md5 => "MD5",
            Algorithm::Xxh64 => "XXHASH64",
            Algorithm::Xxh3 => "XXHASH3",
            Algorithm::Xxh128 => "XXHASH128",
        }
    }

    /// The algorithm of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// The algorithm of a header or trailer, by its name in small letters.
    pub fn by_header(name: &str) -> Option<Self> {
        match name {
            "content-md5" => Some(Algorithm::Md5),
            name => Self::of_name(name.strip_prefix("x-amz-checksum-")?),
        }
    }

    /// How many bytes a checksum has.
    pub fn length(self) -> usize {
        match self {
            Algorithm::Crc32 | Algorithm::Crc32c => 4,
            Algorithm::Crc64Nvme | Algorithm::Xxh64 | Algorithm::Xxh3 => 8,
            Algorithm::Md5 | Algorithm::Xxh128 => 16,
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
        }
    }

    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Algorithm::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Algorithm::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Algorithm::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Algorithm::Sha1 | Algorithm::Sha256 | Algorithm::Sha512 | Algorithm::Md5 => None,
            Algorithm::Xxh64 | Algorithm::Xxh3 | Algorithm::Xxh128 => None,
        }
    }

    /// Whether checksums of parts can be joined to that of the whole.
    pub fn joins(self) -> bool {
        self.crc().is_some()
    }

    /// Begins a checksum.
    pub fn begin(self) -> Running {
        match (self, self.crc()) {
            (_, Some(crc)) => Running::Crc(self, crc_fast::Digest::new(crc)),
            (Algorithm::Sha1, None) => Running::Sha(sha::Context::new(&sha::SHA1_FOR_LEGACY_USE_ONLY)),
            (Algorithm::Sha512, None) => Running::Sha(sha::Context::new(&sha::SHA512)),
            (Algorithm::Md5, None) => Running::Md5(Md5::new()),
            (Algorithm::Xxh64, None) => Running::Xxh64(Xxh64::new(0)),
            (Algorithm::Xxh3 | Algorithm::Xxh128, None) => Running::Xxh3(self, Box::default()),
            (_, None) => Running::Sha(sha::Context::new(&sha::SHA256)),
        }
    }

    /// The checksum of bytes at hand.
    pub fn of(self, bytes: &[u8]) -> Vec<u8> {
        let mut running = self.begin();
        running.update(bytes);
        running.finish()
    }

    /// Joins the checksums of contents that follow each other, each with its length; `None` where the
    /// algorithm cannot.
    pub fn join<'a>(self, parts: impl IntoIterator<Item = (&'a [u8], u64)>) -> Option<Vec<u8>> {
        let crc = self.crc()?;
        let mut parts = parts.into_iter();
        let (first, _) = parts.next()?;
        let joined = parts.fold(number(first), |sum, (part, length)| {
            crc_fast::checksum_combine(crc, sum, number(part), length)
        });
        Some(joined.to_be_bytes()[8 - self.length()..].to_vec())
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

/// A checksum being computed.
pub enum Running {
    /// One of the CRCs.
    Crc(Algorithm, crc_fast::Digest),
    /// One of the SHAs.
    Sha(sha::Context),
    /// MD5.
    Md5(Md5),
    /// XXH64.
    Xxh64(Xxh64),
    /// XXH3 of 64 or 128 bits.
    Xxh3(Algorithm, Box<Xxh3>),
}

impl Running {
    /// Adds content.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Running::Crc(_, digest) => digest.update(bytes),
            Running::Sha(context) => context.update(bytes),
            Running::Md5(digest) => digest.update(bytes),
            Running::Xxh64(digest) => digest.update(bytes),
            Running::Xxh3(_, digest) => digest.update(bytes),
        }
    }

    /// The checksum, most significant byte first.
    pub fn finish(self) -> Vec<u8> {
        match self {
            Running::Crc(algorithm, digest) => {
                digest.finalize().to_be_bytes()[8 - algorithm.length()..].to_vec()
            }
            Running::Sha(context) => context.finish().as_ref().to_vec(),
            Running::Md5(digest) => digest.finalize().to_vec(),
            Running::Xxh64(digest) => digest.digest().to_be_bytes().to_vec(),
            Running::Xxh3(Algorithm::Xxh128, digest) => digest.digest128().to_be_bytes().to_vec(),
            Running::Xxh3(_, digest) => digest.digest().to_be_bytes().to_vec(),
        }
    }

    /// The checksum as headers and trailers have it.
    pub fn finish_base64(self) -> String {
        STANDARD.encode(self.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hex;

    /// The check values of the catalogue of parametrised CRC algorithms, and of `sha1sum`, `sha256sum`,
    /// `md5sum`, for `123456789`.
    #[test]
    fn check_values() {
        for (algorithm, expected) in [
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Crc32c, "e3069283"),
            (Algorithm::Crc64Nvme, "ae8b14860a799888"),
            (Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (Algorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
            (Algorithm::Md5, "25f9e794323b453885f5181f1b624d0b"),
        ] {
            let checksum = algorithm.of(b"123456789");
            assert_eq!(hex(&checksum), expected, "{algorithm:?}");
            assert_eq!(checksum.len(), algorithm.length());
        }
        assert_eq!(Algorithm::Sha512.of(b"").len(), 64);
        // The check values of xxHash's own specification for no input and the seed 0.
        let of_nothing = |algorithm: Algorithm| hex(&algorithm.of(b""));
        assert_eq!(of_nothing(Algorithm::Xxh64), "ef46db3751d8e999");
        assert_eq!(of_nothing(Algorithm::Xxh3), "2d06800538d394c2");
        assert_eq!(of_nothing(Algorithm::Xxh128), "99aa06d3014798d86001c324468d497f");
    }

    #[test]
    fn any_split_gives_the_same() {
        let bytes: Vec<u8> = (0..1000u32).map(|number| (number * 7 % 251) as u8).collect();
        for algorithm in Algorithm::ALL {
            let whole = algorithm.of(&bytes);
            for at in [0, 1, 7, 8, 9, 500, 999] {
                let mut split = algorithm.begin();
                split.update(&bytes[..at]);
                split.update(&bytes[at..]);
                assert_eq!(split.finish(), whole, "{algorithm:?}");
            }
        }
    }

    #[test]
    fn names() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::of_name(algorithm.name()), Some(algorithm));
            let header = format!("x-amz-checksum-{}", algorithm.name().to_lowercase());
            assert_eq!(Algorithm::by_header(&header), Some(algorithm));
        }
        assert_eq!(Algorithm::by_header("content-md5"), Some(Algorithm::Md5));
        assert_eq!(Algorithm::by_header("x-amz-checksum-type"), None);
        assert_eq!(Algorithm::of_name("crc32"), Some(Algorithm::Crc32));
        assert_eq!(Algorithm::of_name("XXHASH32"), None);
    }

    #[test]
    fn crcs_of_parts_make_the_crc_of_the_whole() {
        let whole: Vec<u8> = (0..10_000u32).flat_map(u32::to_le_bytes).collect();
        for algorithm in Algorithm::ALL {
            let parts: Vec<(Vec<u8>, u64)> =
                whole.chunks(7_001).map(|part| (algorithm.of(part), part.len() as u64)).collect();
            let joined = algorithm.join(parts.iter().map(|(sum, length)| (sum.as_slice(), *length)));
            assert_eq!(joined, algorithm.joins().then(|| algorithm.of(&whole)), "{algorithm:?}");
        }
        assert_eq!(Algorithm::Crc32.join([]), None);
    }
}
