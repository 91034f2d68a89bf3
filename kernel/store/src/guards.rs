//! The data directory: its lock, the mark of the last acknowledged commit, the free disk, and which of the
//! states in it is the present one.

use crate::host_time::host_now;
use rustix::fs::statvfs;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Names the folder of the present state; absent where that is the directory itself.
const CURRENT: &str = "current";
/// A state that was loaded is in a folder of its own: `state-1`.
const STATE: &str = "state-";
/// What belongs to a state.
const OF_A_STATE: [&str; 3] = ["engine", "blobs", "high-water"];

/// A directory that this process alone uses, until the last of it is dropped.
///
/// `lock` is held; `high-water` has the sequence of the last synced commit, written after each sync;
/// `engine/` and `blobs/` belong to those. After a load the last three are in a folder that `current`
/// names, so that one state takes the place of another by one rename.
pub struct DataDirectory {
    root: PathBuf,
    place: PathBuf,
    high_water: File,
    lock: Arc<File>,
    /// This state goes when it is dropped: it never became the present one, or is it no longer.
    goes: AtomicBool,
}

impl DataDirectory {
    /// Creates the directory where there is none, and locks it.
    pub fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let lock = open_or_create(&path.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => {
                let text = format!("another process uses {}", path.display());
                io::Error::new(io::ErrorKind::ResourceBusy, text)
            }
        })?;
        let current = current(path)?;
        remove_others(path, current.as_deref())?;
        let place = current.map_or_else(|| path.to_owned(), |name| path.join(name));
        Self::over(path.to_owned(), place, Arc::new(lock), false)
    }

    fn over(root: PathBuf, place: PathBuf, lock: Arc<File>, goes: bool) -> io::Result<Self> {
        let high_water = open_or_create(&place.join("high-water"))?;
        Ok(DataDirectory { root, place, high_water, lock, goes: AtomicBool::new(goes) })
    }

    /// Makes room for another state beside this one. It goes when it is dropped, unless it was adopted.
    pub fn stage(&self) -> io::Result<Self> {
        let numbers = states(&self.root)?.into_iter().map(|(number, _)| number);
        let next = numbers.max().unwrap_or(0) + 1;
        let place = self.root.join(format!("{STATE}{next}"));
        fs::create_dir(&place)?;
        Self::over(self.root.clone(), place, self.lock.clone(), true)
    }

    /// Makes this, which was staged beside `former`, the present state, whatever happens from here on.
    /// `former` goes with its last user.
    pub fn adopt(&self, former: &DataDirectory) -> io::Result<()> {
        let name = self.place.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        File::open(&self.place)?.sync_all()?;
        replace(&self.root, CURRENT, name.as_bytes())?;
        self.goes.store(false, Ordering::Release);
        former.goes.store(true, Ordering::Release);
        Ok(())
    }

    /// Where the engine keeps its files.
    pub fn engine_path(&self) -> PathBuf {
        self.place.join("engine")
    }

    /// Where blobs are kept.
    pub fn blobs_path(&self) -> PathBuf {
        self.place.join("blobs")
    }

    /// Keeps a file beside the states, in place of one of that name.
    pub(crate) fn keep_file(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        replace(&self.root, name, bytes)
    }

    /// The sequence of the last commit that may have been acknowledged as durable; 0 if none was.
    pub(crate) fn high_water(&self) -> io::Result<u64> {
        let mut text = Vec::new();
        File::open(self.place.join("high-water"))?.take(64).read_to_end(&mut text)?;
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
        statvfs(&self.place).map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

/// The bound of free disk below which writes are refused.
#[derive(Clone)]
pub(crate) struct FreeDisk {
    directory: Option<Arc<DataDirectory>>,
    minimum: u64,
    looked: Arc<Mutex<Option<Looked>>>,
}

/// What a look at the disk found.
struct Looked {
    at: Instant,
    low: bool,
}

/// How long a look holds good: what fills the disk in that time is less than the bound.
const LOOK_HOLDS: Duration = Duration::from_millis(20);

impl FreeDisk {
    pub(crate) fn at_least(minimum: u64, directory: Option<Arc<DataDirectory>>) -> Self {
        FreeDisk { directory, minimum, looked: Arc::default() }
    }

    /// Whether there is less, or was a moment ago.
    pub(crate) fn is_low(&self) -> bool {
        let Some(directory) = &self.directory else { return false };
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let now = host_now();
        match &*looked {
            Some(last) if now.saturating_duration_since(last.at) < LOOK_HOLDS => last.low,
            _ => {
                let low = directory.free_bytes() < self.minimum;
                *looked = Some(Looked { at: now, low });
                low
            }
        }
    }
}

impl Drop for DataDirectory {
    fn drop(&mut self) {
        if *self.goes.get_mut() {
            // What cannot be removed now is removed at the next open.
            let _ = remove_state(&self.root, &self.place);
        }
    }
}

/// The folders of loaded states, with their numbers.
fn states(root: &Path) -> io::Result<Vec<(u64, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root)? {
        let name = entry?.file_name();
        let name = name.to_str().unwrap_or_default();
        let number = name.strip_prefix(STATE).and_then(|number| number.parse().ok());
        found.extend(number.map(|number| (number, name.to_owned())));
    }
    Ok(found)
}

fn current(root: &Path) -> io::Result<Option<String>> {
    let name = match fs::read_to_string(root.join(CURRENT)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    if states(root)?.iter().any(|(_, known)| *known == name) {
        return Ok(Some(name));
    }
    let text = format!("the file {CURRENT} names no state of {}", root.display());
    Err(io::Error::new(io::ErrorKind::InvalidData, text))
}

/// Removes states that are not the present one: a load was cut short, or the end of one.
fn remove_others(root: &Path, current: Option<&str>) -> io::Result<()> {
    for (_, name) in states(root)? {
        if current != Some(name.as_str()) {
            fs::remove_dir_all(root.join(name))?;
        }
    }
    if current.is_some() { remove_state(root, root) } else { Ok(()) }
}

fn remove_state(root: &Path, place: &Path) -> io::Result<()> {
    if place != root {
        return fs::remove_dir_all(place);
    }
    for name in OF_A_STATE {
        let path = root.join(name);
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Writes a file whole or not at all.
fn replace(root: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let part = root.join(format!("{name}.part"));
    fs::write(&part, bytes)?;
    File::open(&part)?.sync_all()?;
    fs::rename(&part, root.join(name))?;
    File::open(root)?.sync_all()
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
        let refused = || DataDirectory::open(folder.path()).err().map(|error| error.kind());
        assert_eq!(refused(), Some(io::ErrorKind::ResourceBusy));
        let staged = directory.stage().unwrap();
        drop(directory);
        assert_eq!(refused(), Some(io::ErrorKind::ResourceBusy));
        drop(staged);
        assert_eq!(refused(), None);
    }

    fn names(root: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(root)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_staged_state_takes_the_place_of_the_present_one_or_goes() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let first = DataDirectory::open(root).unwrap();
        fs::create_dir(first.engine_path()).unwrap();
        drop(first.stage().unwrap());
        assert_eq!(names(root), ["engine", "high-water", "lock"]);
        let second = first.stage().unwrap();
        second.keep_high_water(5);
        second.adopt(&first).unwrap();
        assert!(first.engine_path().is_dir(), "it is still in use");
        drop(first);
        assert_eq!(names(root), ["current", "lock", "state-1"]);
        let third = second.stage().unwrap();
        third.adopt(&second).unwrap();
        drop((second, third));
        assert_eq!(names(root), ["current", "lock", "state-2"]);
        assert_eq!(DataDirectory::open(root).unwrap().place, root.join("state-2"));
    }

    #[test]
    fn what_a_crash_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let first = DataDirectory::open(root).unwrap();
        fs::create_dir(first.engine_path()).unwrap();
        std::mem::forget(first.stage().unwrap());
        fs::write(root.join("current.part"), b"state-1").unwrap();
        drop(first);
        // The lock of what was forgotten is held until the process ends: look at the steps alone.
        remove_others(root, current(root).unwrap().as_deref()).unwrap();
        assert!(root.join("engine").is_dir() && !root.join("state-1").exists());
        fs::create_dir(root.join("state-1")).unwrap();
        replace(root, CURRENT, b"state-1").unwrap();
        remove_others(root, current(root).unwrap().as_deref()).unwrap();
        assert!(!root.join("engine").exists() && root.join("state-1").is_dir());
        replace(root, CURRENT, b"state-9").unwrap();
        assert!(current(root).is_err());
    }
}
