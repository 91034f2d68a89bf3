//! The data directory: its lock, the mark of the last acknowledged commit, the free disk.

use rustix::fs::statvfs;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A directory that this process alone uses, until it is dropped.
///
/// `lock` is held; `high-water` has the sequence of the last synced commit, written after each sync;
/// `engine/` and `blobs/` belong to those.
pub struct DataDirectory {
    path: PathBuf,
    high_water: File,
    _lock: File,
}

impl DataDirectory {
    /// Creates the directory where there is none, and locks it.
    pub fn open(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        let lock = open_or_create(&path.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => {
                let text = format!("another process uses {}", path.display());
                io::Error::new(io::ErrorKind::ResourceBusy, text)
            }
        })?;
        let high_water = open_or_create(&path.join("high-water"))?;
        Ok(DataDirectory { path: path.to_owned(), high_water, _lock: lock })
    }

    /// Where the engine keeps its files.
    pub fn engine_path(&self) -> PathBuf {
        self.path.join("engine")
    }

    /// Where blobs are kept.
    pub fn blobs_path(&self) -> PathBuf {
        self.path.join("blobs")
    }

    /// The sequence of the last commit that may have been acknowledged as durable; 0 if none was.
    pub(crate) fn high_water(&self) -> io::Result<u64> {
        let mut text = Vec::new();
        File::open(self.path.join("high-water"))?.take(64).read_to_end(&mut text)?;
        if text.is_empty() {
            return Ok(0);
        }
        let mark: Option<[u8; 12]> = text.as_slice().try_into().ok();
        let read = mark.and_then(|mark| {
            let sequence = u64::from_be_bytes(mark[..8].try_into().ok()?);
            (high_water_row(sequence) == mark).then_some(sequence)
        });
        read.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the file high-water cannot be read"))
    }

    /// Moves the mark. It is written in place after the sync it speaks of and not synced itself: it may
    /// come back too low after a power loss, never too high.
    pub(crate) fn keep_high_water(&self, sequence: u64) {
        // A mark that cannot be written only makes the next check at open weaker.
        let _ = self.high_water.write_all_at(&high_water_row(sequence), 0);
    }

    /// The bytes that are free on the disk of the directory; all, if that cannot be told.
    pub(crate) fn free_bytes(&self) -> u64 {
        statvfs(&self.path).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

fn open_or_create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn high_water_row(sequence: u64) -> [u8; 12] {
    let mut row = [0; 12];
    row[..8].copy_from_slice(&sequence.to_be_bytes());
    let sum = crc32fast::hash(&row[..8]);
    row[8..].copy_from_slice(&sum.to_be_bytes());
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_kept_and_checked() {
        let folder = tempfile::tempdir().unwrap();
        {
            let directory = DataDirectory::open(folder.path()).unwrap();
            assert_eq!(directory.high_water().unwrap(), 0);
            directory.keep_high_water(7);
            directory.keep_high_water(8);
        }
        let directory = DataDirectory::open(folder.path()).unwrap();
        assert_eq!(directory.high_water().unwrap(), 8);
        std::fs::write(folder.path().join("high-water"), b"123456789012").unwrap();
        assert!(directory.high_water().is_err());
    }

    #[test]
    fn a_directory_has_one_user() {
        let folder = tempfile::tempdir().unwrap();
        let directory = DataDirectory::open(folder.path()).unwrap();
        let kind = DataDirectory::open(folder.path()).err().map(|error| error.kind());
        assert_eq!(kind, Some(io::ErrorKind::ResourceBusy));
        drop(directory);
        assert!(DataDirectory::open(folder.path()).is_ok());
    }
}
