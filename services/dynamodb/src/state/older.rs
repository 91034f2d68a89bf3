//! Records of tables as earlier versions wrote them: before they had streams and histories, before keys
//! of indexes had several attributes, before global tables of the version 2017 and those with strong consistency.

use super::{Expiry, Global, IndexRecord, IndexScope, Projected, Settings, TableRecord, Throughput};
use crate::rules::keys::{KeyPart, KeySchema};
use names::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Corrupt, Incarnation};

type Units = Option<(Option<i64>, Option<i64>)>;

#[derive(Serialize, Deserialize)]
struct KeySchema1 {
    partition: KeyPart,
    sort: Option<KeyPart>,
}

#[derive(Serialize, Deserialize)]
struct IndexRecord1 {
    name: String,
    incarnation: Incarnation,
    scope: IndexScope,
    key: KeySchema1,
    projected: Projected,
    throughput: Throughput,
    warm: Units,
    on_demand_limits: Units,
    is_filling: bool,
}

#[derive(Serialize, Deserialize)]
struct TableRecord1 {
    name: String,
    id: String,
    incarnation: Incarnation,
    epoch: u64,
    created: Timestamp,
    creating_until: Timestamp,
    updating_until: Timestamp,
    attributes: Vec<KeyPart>,
    key: KeySchema1,
    indexes: Vec<IndexRecord1>,
    on_demand: Option<Timestamp>,
    billing_stated: bool,
    throughput: Throughput,
    on_demand_limits: Units,
    warm: Units,
    class: Option<(String, Option<Timestamp>)>,
    protected: bool,
    encryption_key: Option<String>,
    expiry: Option<Expiry>,
}

#[derive(Serialize, Deserialize)]
struct TableRecord2 {
    name: String,
    id: String,
    incarnation: Incarnation,
    epoch: u64,
    created: Timestamp,
    creating_until: Timestamp,
    updating_until: Timestamp,
    attributes: Vec<KeyPart>,
    key: KeySchema,
    indexes: Vec<IndexRecord>,
    on_demand: Option<Timestamp>,
    billing_stated: bool,
    throughput: Throughput,
    on_demand_limits: Units,
    warm: Units,
    class: Option<(String, Option<Timestamp>)>,
    protected: bool,
    encryption_key: Option<String>,
    expiry: Option<Expiry>,
    policy_revision: u64,
}

impl From<KeySchema1> for KeySchema {
    fn from(key: KeySchema1) -> Self {
        KeySchema { partition: vec![key.partition], sort: key.sort.into_iter().collect() }
    }
}

impl From<IndexRecord1> for IndexRecord {
    fn from(index: IndexRecord1) -> Self {
        IndexRecord {
            name: index.name,
            incarnation: index.incarnation,
            scope: index.scope,
            key: index.key.into(),
            projected: index.projected,
            throughput: index.throughput,
            warm: index.warm,
            on_demand_limits: index.on_demand_limits,
            is_filling: index.is_filling,
        }
    }
}

impl From<TableRecord1> for TableRecord2 {
    fn from(table: TableRecord1) -> Self {
        TableRecord2 {
            name: table.name,
            id: table.id,
            incarnation: table.incarnation,
            epoch: table.epoch,
            created: table.created,
            creating_until: table.creating_until,
            updating_until: table.updating_until,
            attributes: table.attributes,
            key: table.key.into(),
            indexes: table.indexes.into_iter().map(IndexRecord::from).collect(),
            on_demand: table.on_demand,
            billing_stated: table.billing_stated,
            throughput: table.throughput,
            on_demand_limits: table.on_demand_limits,
            warm: table.warm,
            class: table.class,
            protected: table.protected,
            encryption_key: table.encryption_key,
            expiry: table.expiry,
            policy_revision: 0,
        }
    }
}

impl From<TableRecord2> for TableRecord {
    fn from(table: TableRecord2) -> Self {
        TableRecord {
            name: table.name,
            id: table.id,
            incarnation: table.incarnation,
            epoch: table.epoch,
            created: table.created,
            creating_until: table.creating_until,
            updating_until: table.updating_until,
            attributes: table.attributes,
            key: table.key,
            indexes: table.indexes,
            on_demand: table.on_demand,
            billing_stated: table.billing_stated,
            throughput: table.throughput,
            on_demand_limits: table.on_demand_limits,
            warm: table.warm,
            class: table.class,
            protected: table.protected,
            encryption_key: table.encryption_key,
            expiry: table.expiry,
            policy_revision: table.policy_revision,
            is_deleting: false,
            stream: None,
            latest_stream: None,
            history: None,
            replicas: Vec::new(),
            restored: None,
            settings: Settings::default(),
            is_old_global: false,
            global: Global::default(),
            expiry_changed: None,
            was_on_demand: None,
            warming: None,
        }
    }
}

/// The record of a table that an earlier version wrote.
///
/// # Errors
/// Where it cannot be read any more.
pub fn table(version: u8, bytes: &[u8]) -> Result<TableRecord, Corrupt> {
    let unreadable = |_| Corrupt("the fields of an older record of a table cannot be read");
    let second = match version {
        // The third version and those after it ended before the last fields, of which zeros are the defaults.
        3 => return postcard::from_bytes(&[bytes, &[0; 7]].concat()).map_err(unreadable),
        4 => return postcard::from_bytes(&[bytes, &[0; 6]].concat()).map_err(unreadable),
        5 => return postcard::from_bytes(&[bytes, &[0]].concat()).map_err(unreadable),
        1 => postcard::from_bytes::<TableRecord1>(bytes).map(TableRecord2::from),
        2 => postcard::from_bytes(bytes),
        _ => return Err(Corrupt("the record of a table has a version that cannot be read any more")),
    };
    Ok(second.map_err(unreadable)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::keys::KeyKind;

    #[test]
    fn the_first_version_is_read() {
        let part = |name: &str| KeyPart { name: name.into(), kind: KeyKind::S };
        let index = IndexRecord1 {
            name: "by-title".into(),
            incarnation: Incarnation(2),
            scope: IndexScope::Global,
            key: KeySchema1 { partition: part("title"), sort: Some(part("year")) },
            projected: Projected::Keys,
            throughput: Throughput::default(),
            warm: None,
            on_demand_limits: None,
            is_filling: false,
        };
        let table = TableRecord1 {
            name: "songs".into(),
            id: "1".into(),
            incarnation: Incarnation(1),
            epoch: 7,
            created: Timestamp(0),
            creating_until: Timestamp(0),
            updating_until: Timestamp(0),
            attributes: vec![part("id"), part("title"), part("year")],
            key: KeySchema1 { partition: part("id"), sort: None },
            indexes: vec![index],
            on_demand: None,
            billing_stated: false,
            throughput: Throughput::default(),
            on_demand_limits: None,
            warm: None,
            class: None,
            protected: true,
            encryption_key: None,
            expiry: None,
        };
        let bytes = postcard::to_allocvec(&table).unwrap();
        let read = super::table(1, &bytes).unwrap();
        assert_eq!((read.name.as_str(), read.epoch, read.protected), ("songs", 7, true));
        assert_eq!(read.key, KeySchema { partition: vec![part("id")], sort: vec![] });
        assert_eq!(read.indexes[0].key.sort, [part("year")]);
        assert!(super::table(1, &bytes[..20]).is_err());
        assert!(super::table(0, &bytes).is_err());
        let second = postcard::to_allocvec(&TableRecord2::from(table)).unwrap();
        assert_eq!(super::table(2, &second).unwrap(), read);
        let sixth = postcard::to_allocvec(&read).unwrap();
        for (version, missing) in [(3, 7), (4, 6), (5, 1)] {
            assert_eq!(super::table(version, &sixth[..sixth.len() - missing]).unwrap(), read);
        }
    }
}
