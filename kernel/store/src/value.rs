//! Stored values: our records with their version, and bytes kept as they are.

use crate::Corrupt;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type that values of a table are made of.
pub trait Value: Sized {
    /// Writes the value.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Corrupt>;
    /// Reads the value.
    fn decode(bytes: Bytes) -> Result<Self, Corrupt>;
}

/// The first byte of a record: how the rest is written. 1 is postcard.
const POSTCARD: u8 = 1;

/// A record of ours: a format byte, a version byte, then the fields in postcard.
///
/// A version is read by itself and by the next one, which says in `upgrade` how; what a newer version
/// wrote is refused, never guessed. Since postcard stores no field names, a record uses no
/// `skip_serializing_if`, no untagged and no flattened fields.
pub trait Record: Serialize + DeserializeOwned {
    /// The version that is written.
    const VERSION: u8;

    /// Reads what version `from`, the one before this, wrote.
    fn upgrade(from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        let _ = (from, bytes);
        Err(Corrupt("the record has a version that cannot be read any more"))
    }
}

/// Makes a serde type a stored record of a version: `record!(QueueRecord, 1);`
///
/// A type with an `upgrade` from an older version implements `Record` itself.
#[macro_export]
macro_rules! record {
    ($record:ty, $version:expr) => {
        impl $crate::Record for $record {
            const VERSION: u8 = $version;
        }
    };
}

impl<R: Record> Value for R {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        out.extend_from_slice(&[POSTCARD, R::VERSION]);
        let written = postcard::to_extend(self, std::mem::take(out));
        *out = written.map_err(|_| Corrupt("the record cannot be written"))?;
        Ok(())
    }

    fn decode(bytes: Bytes) -> Result<Self, Corrupt> {
        let [format, version, rest @ ..] = bytes.as_ref() else {
            return Err(Corrupt("the record is too short"));
        };
        if *format != POSTCARD {
            return Err(Corrupt("the record has an unknown format"));
        }
        if *version == R::VERSION {
            postcard::from_bytes(rest).map_err(|_| Corrupt("the record's fields cannot be read"))
        } else if *version < R::VERSION {
            R::upgrade(*version, rest)
        } else {
            Err(Corrupt("the record was written by a newer version"))
        }
    }
}

/// A value kept as given: users' JSON, items in their own form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw(pub Bytes);

impl Value for Raw {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        out.extend_from_slice(&self.0);
        Ok(())
    }

    fn decode(bytes: Bytes) -> Result<Self, Corrupt> {
        Ok(Raw(bytes))
    }
}

/// For rows that say all in their key.
impl Value for () {
    fn encode(&self, _out: &mut Vec<u8>) -> Result<(), Corrupt> {
        Ok(())
    }

    fn decode(_bytes: Bytes) -> Result<Self, Corrupt> {
        Ok(())
    }
}

/// For counters.
impl Value for u64 {
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Corrupt> {
        out.extend_from_slice(&self.to_be_bytes());
        Ok(())
    }

    fn decode(bytes: Bytes) -> Result<Self, Corrupt> {
        bytes.as_ref().try_into().map(u64::from_be_bytes).map_err(|_| Corrupt("a counter is cut"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct First {
        name: String,
    }
    record!(First, 1);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Second {
        name: String,
        size: u32,
    }

    impl Record for Second {
        const VERSION: u8 = 2;

        fn upgrade(_from: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
            let First { name } = postcard::from_bytes(bytes).map_err(|_| Corrupt("no first version"))?;
            Ok(Second { name, size: 7 })
        }
    }

    fn written(value: &impl Value) -> Bytes {
        let mut out = Vec::new();
        value.encode(&mut out).unwrap();
        Bytes::from(out)
    }

    #[test]
    fn a_version_reads_itself_and_the_one_before() {
        let first = First { name: "lute".into() };
        let second = Second { name: "lute".into(), size: 7 };
        assert_eq!(First::decode(written(&first)), Ok(First { name: "lute".into() }));
        assert_eq!(Second::decode(written(&second)).as_ref(), Ok(&second));
        assert_eq!(Second::decode(written(&first)), Ok(second));
    }

    #[test]
    fn a_newer_version_is_refused() {
        let second = written(&Second { name: "lute".into(), size: 7 });
        assert_eq!(First::decode(second), Err(Corrupt("the record was written by a newer version")));
        assert!(First::decode(Bytes::from_static(&[1])).is_err());
        assert!(First::decode(Bytes::from_static(&[2, 1, 0])).is_err());
    }

    #[test]
    fn the_bytes_of_a_record_do_not_change() {
        assert_eq!(written(&First { name: "lute".into() }).as_ref(), b"\x01\x01\x04lute");
    }
}
