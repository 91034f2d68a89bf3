//! Backups of tables, exports and imports, and the jobs that make them.

use super::TableRecord;
use crate::statistics::Count;
use bytes::Bytes;
use names::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Class, Corrupt, Fault, Incarnation, Read, Record, Snapshot, Span, Table, Tx, Value, record};

/// A table's record as it was, with the version it was written in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen(Vec<u8>);

impl Frozen {
    /// Of a record.
    ///
    /// # Errors
    /// The store's.
    pub fn of(record: &TableRecord) -> Result<Self, Fault> {
        let mut bytes = Vec::new();
        let written = Value::encode(record, &mut bytes);
        written.map_err(|why| Fault::Corrupt { table: "dynamodb/backups", why })?;
        Ok(Frozen(bytes))
    }

    /// The record.
    ///
    /// # Errors
    /// The store's.
    pub fn record(&self) -> Result<TableRecord, Fault> {
        let read = Value::decode(Bytes::copy_from_slice(&self.0));
        read.map_err(|why| Fault::Corrupt { table: "dynamodb/backups", why })
    }
}

/// A backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupRecord {
    /// The name of the table it is of.
    pub table: String,
    /// Its id: a moment and a few digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// The table's record then.
    pub record: Frozen,
    /// The number that its rows are keyed by.
    pub rows: Incarnation,
    /// What it holds, once it is whole.
    pub count: Option<Count>,
    /// When it goes by itself: one that was made as its table was deleted.
    pub expires: Option<Timestamp>,
}

record!(BackupRecord, 1);

/// How far an export or import has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Progress {
    /// It goes on.
    Running,
    /// It is done.
    Done(Timestamp),
    /// It failed: when, AWS's code, why.
    Failed(Timestamp, String, String),
}

/// A place in S3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The bucket.
    pub bucket: String,
    /// The account that must own it.
    pub owner: Option<String>,
    /// What keys begin with.
    pub prefix: Option<String>,
}

/// An export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportRecord {
    /// The name of the table.
    pub table: String,
    /// Its id.
    pub id: String,
    /// The table's record.
    pub record: Frozen,
    /// The client's token.
    pub token: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// The moment whose items it holds.
    pub moment: Timestamp,
    /// Where it goes.
    pub place: Place,
    /// How it is encrypted, and by which key.
    pub encryption: (Option<String>, Option<String>),
    /// How far it is.
    pub progress: Progress,
    /// What it holds.
    pub count: Count,
    /// Whether its files are in Ion, not in the JSON of the API.
    pub is_ion: bool,
    /// The changes that it holds instead of all items.
    pub window: Option<Window>,
}

impl Record for ExportRecord {
    const VERSION: u8 = 2;

    fn upgrade(_: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        // What the first version wrote ends before the last two fields.
        let whole = [bytes, &[0, 0]].concat();
        postcard::from_bytes(&whole).map_err(|_| Corrupt("the first record of an export cannot be read"))
    }
}

/// The changes of an incremental export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The first moment.
    pub from: Timestamp,
    /// The moment behind the last.
    pub to: Timestamp,
    /// Whether the items before the changes are told too.
    pub has_old: bool,
}

/// The form of what is imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// Items in the JSON of the API.
    Json,
    /// Lines of values: their delimiter, and the names where the files do not begin with them.
    Csv(Option<String>, Option<Vec<String>>),
    /// Items in the text form of Ion.
    Ion,
}

/// How the files of an import are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compression {
    /// Not at all.
    None,
    /// By GZIP.
    Gzip,
    /// By Zstandard.
    Zstd,
}

/// An import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportRecord {
    /// The name of the table.
    pub table: String,
    /// Its id.
    pub id: String,
    /// The table's record as it was made.
    pub record: Frozen,
    /// The client's token.
    pub token: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// Where it comes from.
    pub place: Place,
    /// Its form.
    pub form: Form,
    /// How it is compressed.
    pub compression: Compression,
    /// How far it is.
    pub progress: Progress,
    /// Bytes that were read.
    pub bytes: u64,
    /// Items that were read.
    pub read: u64,
    /// Items that were written.
    pub written: u64,
    /// Items that were refused.
    pub errors: u64,
}

impl Record for ImportRecord {
    const VERSION: u8 = 2;

    fn upgrade(_: u8, bytes: &[u8]) -> Result<Self, Corrupt> {
        // The first version knew whether it was compressed by GZIP, which is the same byte.
        postcard::from_bytes(bytes).map_err(|_| Corrupt("the first record of an import cannot be read"))
    }
}

/// What a restored table is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestoreFrom {
    /// The rows of a backup.
    Backup(Incarnation),
    /// The rows of a table, and the history that leads back to a moment.
    Moment(Incarnation, Incarnation, Timestamp),
}

/// Something to be done behind the caller's back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Job {
    /// A backup of a table, by its id.
    Backup(String, String),
    /// A replica that is filled from the table of its name elsewhere.
    Replica(String, Scope),
    /// A table that is restored.
    Restore(String, RestoreFrom),
    /// An export of a table, by its id.
    Export(String, String),
    /// An import into a table, by its id.
    Import(String, String),
}

record!(Job, 1);

type Named = (String, String);

static BACKUPS: Table<Named, BackupRecord> = Table::new("dynamodb/backups", Class::Records);
static EXPORTS: Table<Named, ExportRecord> = Table::new("dynamodb/exports", Class::Records);
static IMPORTS: Table<Named, ImportRecord> = Table::new("dynamodb/imports", Class::Records);
static JOBS: Table<u64, Job> = Table::new("dynamodb/jobs", Class::Records);

/// Reading, listing, writing and removing records of one table, by the names of their table and themselves.
macro_rules! named_records {
    ($record:ident in $table:ident: $one:ident, $all:ident, $put:ident) => {
        /// One by the name of its table and its id.
        ///
        /// # Errors
        /// The store's.
        pub fn $one(
            read: &impl Read,
            scope: &Scope,
            table: &str,
            id: &str,
        ) -> Result<Option<$record>, Fault> {
            read.get(&$table, scope, &(table.to_owned(), id.to_owned()))
        }

        /// Those of one table or of all, behind one, in order.
        pub fn $all<'r>(
            read: &'r impl Read,
            scope: &Scope,
            table: Option<&String>,
            after: Option<&Named>,
        ) -> impl Iterator<Item = Result<$record, Fault>> + 'r {
            let span = table.map_or_else(Span::all, Span::of);
            let span = match after {
                Some(after) => span.after(after),
                None => span,
            };
            read.scan(&$table, scope, span).map(|row| row.map(|(_, record)| record))
        }

        /// Writes one.
        ///
        /// # Errors
        /// The store's.
        pub fn $put(tx: &mut Tx, scope: &Scope, record: &$record) -> Result<(), Fault> {
            tx.put(&$table, scope, &(record.table.clone(), record.id.clone()), record)
        }
    };
}

named_records!(BackupRecord in BACKUPS: backup, backups, put_backup);
named_records!(ExportRecord in EXPORTS: export, exports, put_export);
named_records!(ImportRecord in IMPORTS: import, imports, put_import);

/// Removes a backup with its rows.
///
/// # Errors
/// The store's.
pub fn remove_backup(tx: &mut Tx, scope: &Scope, backup: &BackupRecord) -> Result<(), Fault> {
    tx.delete(&BACKUPS, scope, &(backup.table.clone(), backup.id.clone()))?;
    tx.discard(scope, backup.rows)
}

/// Writes down a job, and gives its number.
///
/// # Errors
/// The store's.
pub fn put_job(tx: &mut Tx, scope: &Scope, job: &Job) -> Result<u64, Fault> {
    let number = tx.fresh_incarnation()?.0;
    tx.put(&JOBS, scope, &number, job)?;
    Ok(number)
}

/// A job is done.
///
/// # Errors
/// The store's.
pub fn remove_job(tx: &mut Tx, scope: &Scope, number: u64) -> Result<(), Fault> {
    tx.delete(&JOBS, scope, &number)
}

/// A job by its number, until it is done.
///
/// # Errors
/// The store's.
pub fn job(read: &impl Read, scope: &Scope, number: u64) -> Result<Option<Job>, Fault> {
    read.get(&JOBS, scope, &number)
}

/// All jobs of all accounts.
///
/// # Errors
/// The store's.
pub fn jobs(read: &Snapshot) -> impl Iterator<Item = Result<(Scope, u64, Job), Fault>> + use<> {
    read.everywhere(&JOBS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_version_of_an_export_is_read() {
        let export = ExportRecord {
            table: "songs".into(),
            id: "1".into(),
            record: Frozen::default(),
            token: None,
            started: Timestamp(1),
            moment: Timestamp(2),
            place: Place { bucket: "b".into(), owner: None, prefix: None },
            encryption: (None, None),
            progress: Progress::Running,
            count: Count::default(),
            is_ion: false,
            window: None,
        };
        let written = postcard::to_allocvec(&export).unwrap();
        assert_eq!(ExportRecord::upgrade(1, &written[..written.len() - 2]).unwrap(), export);
        assert!(ExportRecord::upgrade(1, &written[..4]).is_err());
    }

    #[test]
    fn compression_is_what_was_a_flag() {
        let written = |compression: Compression| postcard::to_allocvec(&compression).unwrap();
        assert_eq!(written(Compression::None), postcard::to_allocvec(&false).unwrap());
        assert_eq!(written(Compression::Gzip), postcard::to_allocvec(&true).unwrap());
    }
}
