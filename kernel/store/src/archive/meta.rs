//! The copy of `meta` that an upgrade leaves behind: the rows of the store's own part, as a saved state of
//! that one table, beside the data it described.

use super::ArchiveError;
use super::frame::{FrameWriter, Kind, put_bytes};
use crate::Class;
use crate::engine::EngineSnapshot;
use crate::guards::DataDirectory;

/// Keeps a copy of `meta` as an older version left it, under the name of that version.
pub(crate) fn keep_meta(
    directory: &DataDirectory,
    engine: &dyn EngineSnapshot,
    version: &str,
) -> Result<(), ArchiveError> {
    let mut copy = Vec::new();
    let mut frames = FrameWriter::begin(&mut copy)?;
    let mut head = [0u64.to_be_bytes(), 0u64.to_be_bytes()].concat();
    put_bytes(&mut head, version.as_bytes());
    frames.segment(Kind::Head, &head)?;
    let mut table = vec![Class::Meta as u8, 0, 0];
    put_bytes(&mut table, b"meta");
    frames.segment(Kind::Table, &table)?;
    let mut count = 0u64;
    for row in engine.range(Class::Meta, &[], &[0xFF], false) {
        let (key, value) = row?;
        let mut portion = Vec::new();
        put_bytes(&mut portion, &key);
        put_bytes(&mut portion, &value);
        frames.segment(Kind::Rows, &portion)?;
        count += 1;
    }
    frames.end(&[count.to_be_bytes(), 0u64.to_be_bytes()].concat())?;
    Ok(directory.keep_file(&format!("meta-{version}"), &copy)?)
}
