//! The files of the journal. Their names are their numbers; the last one is written to.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// The journals that are there, with their numbers.
fn all(path: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(path)? {
        let file = entry?.path();
        let number = file.file_name().and_then(|name| name.to_str()?.strip_suffix(".jnl")?.parse().ok());
        all.extend(number.map(|number| (number, file)));
    }
    Ok(all)
}

/// The journal that is written to.
pub(crate) fn last(path: &Path) -> io::Result<PathBuf> {
    let last = all(path)?.into_iter().max();
    last.map(|(_, file)| file).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// The bytes of all journals: one that is read no more takes room until it is removed, and the last one grows beyond
/// its size while the engine has no time to seal it.
pub(crate) fn bytes(path: &Path) -> io::Result<u64> {
    let sizes = all(path)?.into_iter().filter_map(|(_, file)| fs::metadata(file).ok());
    Ok(sizes.map(|file| file.len()).sum())
}

/// Empties the journal that is written to, all of which is in tables and whose writer writes no more.
pub(crate) fn empty_last(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(last(path)?)?;
    file.set_len(0)?;
    file.sync_all()
}
