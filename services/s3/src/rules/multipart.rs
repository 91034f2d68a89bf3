//! Uploads in parts: what part numbers, sizes and orders are allowed, and the entity tag of the whole.
//! Limits: S3 User Guide, "Amazon S3 multipart upload limits".

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::{Digest, Md5};
use service::hex;

/// Highest number of a part.
pub const MAX_PART_NUMBER: u16 = 10_000;
/// Least size of every part but the last.
pub const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;
/// Most bytes of one part and of one PutObject, and the largest source of CopyObject.
pub const MAX_PUT_BYTES: u64 = 5 * 1024 * 1024 * 1024;
/// Most bytes of an object made of parts: 50 TB.
pub const MAX_OBJECT_BYTES: u64 = 50 * 1024 * 1024 * 1024 * 1024;

/// A part number out of a request.
pub fn part_number(number: i32) -> Option<u16> {
    u16::try_from(number).ok().filter(|number| (1..=MAX_PART_NUMBER).contains(number))
}

/// A part as the completing request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<'a> {
    /// Its number.
    pub number: i32,
    /// Its entity tag, as given.
    pub etag: &'a str,
}

/// What is known of a part that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Its size in bytes.
    pub size: u64,
    /// The MD5 of its content.
    pub md5: [u8; 16],
}

/// Why an upload cannot be completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// No part is named.
    NoParts,
    /// A number is below one.
    Number(i32),
    /// Numbers do not ascend.
    Order,
    /// The part is not there, or has another entity tag.
    Part(i32),
    /// A part that is not the last is too small.
    TooSmall {
        /// Its number.
        number: u16,
        /// Its size.
        size: u64,
        /// Its MD5.
        md5: [u8; 16],
    },
    /// The whole would be too large.
    TooLarge(u64),
}

/// The numbers that a completing request names, which must ascend.
///
/// # Errors
/// Where there are none, they do not ascend, or one cannot be a part's.
pub fn ordered(named: &[Named<'_>]) -> Result<Vec<u16>, Fault> {
    if named.is_empty() {
        return Err(Fault::NoParts);
    }
    if let Some(part) = named.iter().find(|part| part.number < 1) {
        return Err(Fault::Number(part.number));
    }
    if named.windows(2).any(|pair| pair[0].number >= pair[1].number) {
        return Err(Fault::Order);
    }
    named.iter().map(|part| part_number(part.number).ok_or(Fault::Part(part.number))).collect()
}

/// Holds the named parts against what was uploaded under each; gives the size of the whole.
///
/// # Errors
/// Where a part is missing, differs or is too small.
pub fn checked(named: &[Named<'_>], uploaded: &[Option<Uploaded>]) -> Result<u64, Fault> {
    let mut total = 0u64;
    for (at, (part, found)) in named.iter().zip(uploaded).enumerate() {
        let found = found.as_ref().ok_or(Fault::Part(part.number))?;
        if part.etag.trim().trim_matches('"') != hex(&found.md5) {
            return Err(Fault::Part(part.number));
        }
        if at + 1 < named.len() && found.size < MIN_PART_BYTES {
            let number = part_number(part.number).ok_or(Fault::Part(part.number))?;
            return Err(Fault::TooSmall { number, size: found.size, md5: found.md5 });
        }
        total = total.saturating_add(found.size);
    }
    if total > MAX_OBJECT_BYTES { Err(Fault::TooLarge(total)) } else { Ok(total) }
}

/// The entity tag of an object made of parts: the MD5 of their MD5s, and how many they are.
pub fn etag(parts: impl IntoIterator<Item = [u8; 16]>) -> String {
    let (mut digest, mut count) = (Md5::new(), 0usize);
    for md5 in parts {
        digest.update(md5);
        count += 1;
    }
    format!("{}-{count}", hex(&digest.finalize()))
}

/// An id that names a row by its number, is no guess for any other number, and can be told from a made-up
/// one: of versions and uploads. Thirty-two characters, as S3's version ids are. It begins with a small letter:
/// a command line would take what begins with a hyphen for an option.
pub fn opaque_id(number: u64, mut random: [u8; 16]) -> String {
    let mut bytes = [0; 24];
    random[0] = random[0] & 0x3f | 0x80;
    let seal = seal(number, &random);
    random[OPEN..].copy_from_slice(&seal);
    bytes[..16].copy_from_slice(&random);
    // Neighbouring numbers shall not look alike, so the number is spread by the random bytes.
    for (at, byte) in number.to_be_bytes().into_iter().enumerate() {
        bytes[16 + at] = byte ^ random[at] ^ random[8 + at];
    }
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// How many of the random bytes of an id are free; the others follow from them and the number.
const OPEN: usize = 12;

fn seal(number: u64, random: &[u8; 16]) -> [u8; 4] {
    let digest: [u8; 16] =
        Md5::new().chain_update(number.to_be_bytes()).chain_update(&random[..OPEN]).finalize().into();
    std::array::from_fn(|at| digest[at])
}

/// Whether a text can be an id that was given out. Ids of earlier builds had no seal: they are known by their
/// rows alone.
pub fn is_sealed(id: &str) -> bool {
    let decoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(id);
    let random = decoded.ok().and_then(|bytes| bytes.first_chunk::<16>().copied());
    match (number_of(id), random) {
        (Some(number), Some(random)) => random[OPEN..] == seal(number, &random),
        _ => false,
    }
}

/// The number in an id; `None` for a text that is no id.
pub fn number_of(id: &str) -> Option<u64> {
    let bytes: [u8; 24] =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()?;
    let number: [u8; 8] = std::array::from_fn(|at| bytes[16 + at] ^ bytes[at] ^ bytes[8 + at]);
    Some(u64::from_be_bytes(number))
}

/// Base64, as checksums are written.
pub fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uploaded(size: u64) -> Option<Uploaded> {
        Some(Uploaded { size, md5: [0xab; 16] })
    }

    #[test]
    fn completing() {
        let tag = "ab".repeat(16);
        let quoted = format!("\"{tag}\"");
        let named = |number| Named { number, etag: quoted.as_str() };
        let big = MIN_PART_BYTES;
        assert_eq!(ordered(&[]), Err(Fault::NoParts));
        assert_eq!(ordered(&[named(2), named(1)]), Err(Fault::Order));
        assert_eq!(ordered(&[named(1), named(1)]), Err(Fault::Order));
        // An answer of AWS in versitygw's issue 1072.
        assert_eq!(ordered(&[named(0)]), Err(Fault::Number(0)));
        assert_eq!(ordered(&[named(1), named(-4)]), Err(Fault::Number(-4)));
        assert_eq!(ordered(&[named(10_001)]), Err(Fault::Part(10_001)));
        assert_eq!(ordered(&[named(3), named(10_000)]), Ok(vec![3, 10_000]));

        let two = [named(1), named(7)];
        assert_eq!(checked(&two, &[uploaded(big), uploaded(1)]), Ok(big + 1));
        assert_eq!(checked(&two, &[uploaded(big), None]), Err(Fault::Part(7)));
        let small = Fault::TooSmall { number: 1, size: big - 1, md5: [0xab; 16] };
        assert_eq!(checked(&two, &[uploaded(big - 1), uploaded(1)]), Err(small));
        let wrong = [Named { number: 1, etag: "\"00\"" }];
        assert_eq!(checked(&wrong, &[uploaded(1)]), Err(Fault::Part(1)));
        let bare = [Named { number: 1, etag: &tag }];
        assert_eq!(checked(&bare, &[uploaded(1)]), Ok(1));
    }

    /// `printf a | md5sum | xxd -r -p` twice for `a` and `b`, joined, `md5sum`.
    #[test]
    fn the_tag_of_parts() {
        let md5 = |bytes: &[u8]| -> [u8; 16] { Md5::digest(bytes).into() };
        assert_eq!(etag([md5(b"a"), md5(b"b")]), "96e024ba2074fe77e8e965ba43a704be-2");
    }

    #[test]
    fn ids_hold_their_number() {
        for number in [0, 1, 77, u64::MAX] {
            let id = opaque_id(number, [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3]);
            assert_eq!((id.len(), number_of(&id)), (32, Some(number)));
        }
        for byte in [0, 0x7f, 0xff] {
            let id = opaque_id(7, [byte; 16]);
            assert!(id.starts_with(|first: char| first.is_ascii_lowercase()) && is_sealed(&id), "{id}");
        }
        for bad in ["", "null", "abc", &"A".repeat(31), "é"] {
            assert_eq!(number_of(bad), None, "{bad}");
        }
    }
}
