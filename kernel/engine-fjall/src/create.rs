//! The first start: an empty database is made in memory and copied to its disk.
//!
//! fjall syncs about a hundred times to make six keyspaces, which takes half a second on a slow disk. Here
//! it does so on a memory file system, and the few small files it made are copied, synced side by side,
//! and put in place by one rename.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A file system in memory, where there is one.
const MEMORY: &str = "/dev/shm";
/// Beside the directory until it is complete.
const UNFINISHED: &str = "unfinished";
/// How many files are synced at once: the disk makes one sync of them.
const SYNCS_AT_ONCE: usize = 16;

/// Makes the directory with `make` if it is not there yet and can be made so; else leaves it to the
/// caller. After a crash at any point it is either not there or complete.
pub(crate) fn prepare<E: From<io::Error>>(
    path: &Path,
    make: impl FnOnce(&Path) -> Result<(), E>,
) -> Result<(), E> {
    let (Some(parent), false) = (path.parent(), path.try_exists()?) else { return Ok(()) };
    let Some(scratch) = Scratch::in_memory(path) else { return Ok(()) };
    make(&scratch.0)?;
    fs::create_dir_all(parent)?;
    let unfinished = path.with_extension(UNFINISHED);
    if unfinished.try_exists()? {
        fs::remove_dir_all(&unfinished)?;
    }
    let mut copied = Vec::new();
    copy(&scratch.0, &unfinished, &mut copied)?;
    sync_all(&copied)?;
    fs::rename(&unfinished, path)?;
    Ok(File::open(parent)?.sync_all()?)
}

/// A directory in memory that goes when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn in_memory(path: &Path) -> Option<Self> {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        fs::canonicalize(path.parent()?).ok()?.join(path.file_name()?).hash(&mut hasher);
        let name = format!("elysium-{}-{:016x}", std::process::id(), hasher.finish());
        let scratch = Path::new(MEMORY).join(name);
        // One that is there was left by a process of this number that was killed.
        let _ = fs::remove_dir_all(&scratch);
        fs::create_dir(&scratch).ok()?;
        Some(Scratch(scratch))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind is small and gone with the next boot.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn copy(from: &Path, to: &Path, copied: &mut Vec<PathBuf>) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&source, &target, copied)?;
        } else if source.extension().is_some_and(|extension| extension == "jnl") {
            // Nothing was written to it but the room reserved for what will be.
            File::create_new(&target)?;
            copied.push(target);
        } else {
            fs::copy(&source, &target)?;
            copied.push(target);
        }
    }
    copied.push(to.to_owned());
    Ok(())
}

fn sync_all(paths: &[PathBuf]) -> io::Result<()> {
    let share = paths.len().div_ceil(SYNCS_AT_ONCE).max(1);
    std::thread::scope(|scope| {
        let syncing: Vec<_> = paths
            .chunks(share)
            .map(|share| scope.spawn(move || share.iter().try_for_each(|path| File::open(path)?.sync_all())))
            .collect();
        syncing.into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a thread that synced files panicked")))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(path: &Path) -> io::Result<()> {
        fs::create_dir(path.join("inner"))?;
        fs::write(path.join("inner/file"), b"kept")?;
        File::create_new(path.join("0.jnl"))?.set_len(1 << 20)
    }

    #[test]
    fn made_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine");
        fs::create_dir(path.with_extension(UNFINISHED)).unwrap();
        prepare(&path, make).unwrap();
        if !Path::new(MEMORY).is_dir() {
            return;
        }
        assert_eq!(fs::read(path.join("inner/file")).unwrap(), b"kept");
        assert_eq!(fs::metadata(path.join("0.jnl")).unwrap().len(), 0);
        assert!(!path.with_extension(UNFINISHED).exists());
        prepare(&path, |_| Err(io::Error::other("made a second time"))).unwrap();
    }

    #[test]
    fn a_failure_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("engine");
        if Path::new(MEMORY).is_dir() {
            assert!(prepare(&path, |_| Err(io::Error::other("cannot be made"))).is_err());
        }
        assert!(!path.exists());
    }
}
