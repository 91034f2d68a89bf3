//! The newest versions of keys as listings read them: what they show and nothing else, so that a row of a
//! page costs little beside its key. The same rows as `OBJECTS`, read in part.

use super::{Content, Entry};
use bytes::Bytes;
use names::Timestamp;
use serde::Deserialize;
use service::checksum::Algorithm;
use store::{Corrupt, Record, Value};

/// The newest version of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// When it was made.
    pub modified: Timestamp,
    /// Its object; `None` for a delete marker.
    pub object: Option<ListedObject>,
}

/// What listings show of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// Its size in bytes.
    pub size: u64,
    /// Its entity tag, in quotes.
    pub etag: QuotedTag,
    /// The algorithm of its checksum, and whether that is made of those of parts.
    pub checksum: Option<(Algorithm, bool)>,
    /// `STANDARD`, …
    pub storage_class: StorageClass,
}

/// The longest entity tag: an MD5 in digits, a dash, and the number of parts.
const LONGEST_TAG: usize = 38;

/// An entity tag in quotes, in place and not in a text of its own: a page has a thousand of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotedTag {
    bytes: [u8; LONGEST_TAG + 2],
    length: u8,
}

impl QuotedTag {
    /// A tag in quotes.
    ///
    /// # Errors
    /// Where it is longer than any, or no ASCII.
    pub fn of(etag: &[u8]) -> Result<Self, Corrupt> {
        let mut bytes = [b'"'; LONGEST_TAG + 2];
        let room = bytes.get_mut(1..=etag.len()).filter(|_| etag.len() <= LONGEST_TAG && etag.is_ascii());
        room.ok_or(Corrupt("an entity tag is none"))?.copy_from_slice(etag);
        // The bound is below 256.
        Ok(QuotedTag { bytes, length: etag.len() as u8 + 2 })
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        // It was made of a text.
        self.bytes
            .get(..usize::from(self.length))
            .and_then(|own| std::str::from_utf8(own).ok())
            .unwrap_or_default()
    }
}

/// A storage class, without a text of its own where it is the usual one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageClass {
    /// `STANDARD`
    Standard,
    /// Another one.
    Other(String),
}

impl StorageClass {
    fn of(name: &[u8]) -> Result<Self, Corrupt> {
        if name == b"STANDARD" {
            return Ok(StorageClass::Standard);
        }
        let other = String::from_utf8(name.to_vec());
        other.map(StorageClass::Other).map_err(|_| Corrupt("a storage class is no text"))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            StorageClass::Standard => "STANDARD",
            StorageClass::Other(name) => name,
        }
    }
}

/// The first fields of an `Entry`, in their order. Texts are bytes until they are known to be shown.
#[derive(Deserialize)]
struct Fields<'a> {
    _number: u64,
    #[serde(borrow)]
    _id: Option<&'a [u8]>,
    modified: Timestamp,
    #[serde(borrow)]
    object: Option<ObjectFields<'a>>,
}

/// The first fields of an `ObjectRecord`, and the first of its description.
#[derive(Deserialize)]
struct ObjectFields<'a> {
    size: u64,
    etag: &'a [u8],
    _content: Content,
    #[serde(borrow)]
    checksum: Option<ChecksumFields<'a>>,
    storage_class: &'a [u8],
}

#[derive(Deserialize)]
struct ChecksumFields<'a> {
    algorithm: Algorithm,
    _value: &'a [u8],
    composite: Option<u16>,
}

impl Value for Listed {
    fn encode(&self, _: &mut Vec<u8>) -> Result<(), Corrupt> {
        Err(Corrupt("a row that was read in part cannot be written"))
    }

    fn decode(bytes: Bytes) -> Result<Self, Corrupt> {
        match bytes.as_ref() {
            [_, Entry::VERSION, rest @ ..] => {
                let read = postcard::take_from_bytes::<Fields<'_>>(rest);
                let (fields, _) = read.map_err(|_| Corrupt("the record's fields cannot be read"))?;
                Listed::of(&fields)
            }
            _ => Entry::decode(bytes).and_then(Listed::of_whole),
        }
    }
}

impl Listed {
    fn of(fields: &Fields<'_>) -> Result<Self, Corrupt> {
        let object = fields.object.as_ref().map(|object| {
            Ok(ListedObject {
                size: object.size,
                etag: QuotedTag::of(object.etag)?,
                checksum: object.checksum.as_ref().map(|kept| (kept.algorithm, kept.composite.is_some())),
                storage_class: StorageClass::of(object.storage_class)?,
            })
        });
        Ok(Listed { modified: fields.modified, object: object.transpose()? })
    }

    fn of_whole(entry: Entry) -> Result<Self, Corrupt> {
        let object = entry.version.object.map(|object| {
            Ok(ListedObject {
                size: object.size,
                etag: QuotedTag::of(object.etag.as_bytes())?,
                checksum: object.checksum.as_ref().map(|kept| (kept.algorithm, kept.composite.is_some())),
                storage_class: StorageClass::of(object.description.storage_class.as_bytes())?,
            })
        });
        Ok(Listed { modified: entry.version.modified, object: object.transpose()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{ChecksumRecord, Description, ObjectRecord, Version};
    use names::Tags;

    fn entry(object: Option<ObjectRecord>) -> Entry {
        let object = object.map(Box::new);
        let version = Version { number: 1 << 40, id: Some("v".into()), modified: Timestamp(-7), object };
        Entry { version, older_null: Some(9) }
    }

    #[test]
    fn tags_are_quoted_in_place() {
        for etag in ["", "0123456789abcdef0123456789abcdef-10000"] {
            assert_eq!(QuotedTag::of(etag.as_bytes()).unwrap().as_str(), format!("\"{etag}\""));
        }
        assert!(
            ["a".repeat(39), "a".repeat(300), "é".into()]
                .iter()
                .all(|tag| QuotedTag::of(tag.as_bytes()).is_err())
        );
    }

    /// What is read in part is what the whole record says.
    #[test]
    fn parts_are_parts_of_the_whole() {
        let upload = store::Incarnation(77);
        let blob = store::BlobRef::File { id: store::BlobId(1 << 50), length: 1 << 33 };
        let checksum =
            |composite| ChecksumRecord { algorithm: Algorithm::Sha256, value: vec![200; 32], composite };
        for (content, checksum, class) in [
            (Content::Row, None, "STANDARD"),
            (Content::Blob(blob), Some(checksum(None)), "GLACIER"),
            (Content::Parts { upload, count: 300 }, Some(checksum(Some(300))), "STANDARD"),
        ] {
            let description = Description { storage_class: class.into(), ..Description::default() };
            let object = ObjectRecord {
                size: 1 << 33,
                etag: "0123456789abcdef0123456789abcdef-300".into(),
                content,
                checksum,
                description,
                tags: Tags::new(),
                nonce: Some([1; 16]),
                extras: None,
            };
            let entry = entry(Some(object));
            let mut written = Vec::new();
            entry.encode(&mut written).unwrap();
            assert_eq!(Listed::decode(Bytes::from(written)).unwrap(), Listed::of_whole(entry).unwrap());
        }
        let marker = entry(None);
        let mut written = Vec::new();
        marker.encode(&mut written).unwrap();
        assert_eq!(Listed::decode(Bytes::from(written.clone())).unwrap().object, None);
        written.truncate(6);
        assert!(Listed::decode(Bytes::from(written)).is_err());
    }
}
