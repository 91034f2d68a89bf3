//! A bucket as a few lists in memory: what S3 says of versions, markers and listings, by the definition and
//! with no thought of cost. The room is held against it by `against_model`.

use model_s3::BucketVersioningStatus as Status;
use std::collections::BTreeMap;

/// A version of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its id; `null` where the bucket kept none.
    pub id: String,
    /// Its content; `None` for a delete marker.
    pub body: Option<Vec<u8>>,
    /// Its entity tag; empty for a delete marker.
    pub etag: String,
}

/// An upload that is going on.
#[derive(Debug, Clone, Default)]
pub struct Upload {
    /// The key it is for.
    pub key: String,
    /// Its parts: tag and content.
    pub parts: BTreeMap<i32, (String, Vec<u8>)>,
}

/// A bucket.
#[derive(Debug, Default)]
pub struct Bucket {
    /// Whether it keeps versions; `None` if it never did.
    pub versioning: Option<Status>,
    /// The versions of each key, newest first.
    pub keys: BTreeMap<String, Vec<Version>>,
    /// What is uploaded in parts, by id.
    pub uploads: BTreeMap<String, Upload>,
}

/// One line of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A key, a version of it, whether it is the newest, whether it is a delete marker.
    Row { key: String, id: String, newest: bool, marker: bool },
    /// All keys that begin so.
    Prefix(String),
}

impl Bucket {
    /// The object of a key, if its newest version is one.
    pub fn object(&self, key: &str) -> Option<&Version> {
        self.keys.get(key).and_then(|versions| versions.first()).filter(|version| version.body.is_some())
    }

    /// A version of a key.
    pub fn version(&self, key: &str, id: &str) -> Option<&Version> {
        self.keys.get(key)?.iter().find(|version| version.id == id)
    }

    /// Makes a version the newest: beside those there are, or in the place of `null`.
    pub fn put(&mut self, key: &str, version: Version) {
        let versions = self.keys.entry(key.to_owned()).or_default();
        if version.id == "null" {
            versions.retain(|old| old.id != "null");
        }
        versions.insert(0, version);
    }

    /// Deletes without naming a version. `id` is that of the marker.
    pub fn delete(&mut self, key: &str, id: &str) {
        if self.versioning.is_none() {
            self.keys.remove(key);
        } else {
            self.put(key, Version { id: id.to_owned(), body: None, etag: String::new() });
        }
    }

    /// Removes a version for good.
    pub fn remove(&mut self, key: &str, id: &str) {
        if let Some(versions) = self.keys.get_mut(key) {
            versions.retain(|version| version.id != id);
            if versions.is_empty() {
                self.keys.remove(key);
            }
        }
    }

    /// All lines of a listing behind a key or common prefix: of objects, or of all versions.
    pub fn listed(&self, prefix: &str, delimiter: &str, after: &str, versions: bool) -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for (key, of_key) in self.keys.iter().filter(|(key, _)| key.starts_with(prefix)) {
            let rows = of_key
                .iter()
                .enumerate()
                .filter(|(at, version)| versions || (*at == 0 && version.body.is_some()));
            let rolled = (!delimiter.is_empty())
                .then(|| key[prefix.len()..].split_once(delimiter))
                .flatten()
                .map(|(head, _)| format!("{prefix}{head}{delimiter}"));
            for (at, version) in rows {
                match &rolled {
                    Some(common) if after.starts_with(common.as_str()) => {}
                    Some(_) | None if key.as_str() <= after => {}
                    Some(common) => {
                        let entry = Entry::Prefix(common.clone());
                        if entries.last() != Some(&entry) {
                            entries.push(entry);
                        }
                    }
                    None => entries.push(Entry::Row {
                        key: key.clone(),
                        id: version.id.clone(),
                        newest: at == 0,
                        marker: version.body.is_none(),
                    }),
                }
            }
        }
        entries
    }
}
