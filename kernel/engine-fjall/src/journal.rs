//! The files of the journal. Their names are their numbers; the last one is written to.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// The journal that is written to.
pub(crate) fn last(path: &Path) -> io::Result<PathBuf> {
    let mut last: Option<(u64, PathBuf)> = None;
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        let number = file.file_name().and_then(|name| name.to_str()?.strip_suffix(".jnl")?.parse().ok());
        if let Some(number) = number
            && last.as_ref().is_none_or(|(highest, _)| number > *highest)
        {
            last = Some((number, file));
        }
    }
    last.map(|(_, file)| file).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Empties the journal that is written to, all of which is in tables and whose writer writes no more.
pub(crate) fn empty_last(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(last(path)?)?;
    file.set_len(0)?;
    file.sync_all()
}
