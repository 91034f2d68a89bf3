//! Unpacked code: one folder for each package, named by its digest, made whole or not at all, shared by all
//! environments that run it.
//!
//! The folders belong to one boot of the machine, so that what a power loss tore is never run.

use crate::errors::LambdaError;
use crate::rules::archive::{self, ArchiveFault, Kind, MAX_UNZIPPED};
use crate::state::{self, Code};
use bytes::Bytes;
use service::Ctx;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Largest package that is read (Lambda quotas: what S3 may hold unzips to 250 MB).
const MAX_PACKAGE: usize = 262_144_000;
/// Folders that changed within this time are not swept.
const YOUNG_MS: i64 = 10 * 60 * 1000;

#[derive(Debug)]
enum Unpacked {
    Archive(ArchiveFault),
    System(io::Error),
}

impl From<ArchiveFault> for Unpacked {
    fn from(fault: ArchiveFault) -> Self {
        Unpacked::Archive(fault)
    }
}

impl From<io::Error> for Unpacked {
    fn from(error: io::Error) -> Self {
        Unpacked::System(error)
    }
}

impl From<Unpacked> for LambdaError {
    fn from(why: Unpacked) -> Self {
        match why {
            Unpacked::Archive(ArchiveFault::Empty) => {
                LambdaError::invalid("Uploaded file must be a non-empty zip")
            }
            Unpacked::Archive(ArchiveFault::TooLarge) => {
                LambdaError::invalid(format!("Unzipped size must be smaller than {MAX_UNZIPPED} bytes"))
            }
            Unpacked::Archive(ArchiveFault::Malformed | ArchiveFault::Escapes(_)) => LambdaError::invalid(
                "Could not unzip uploaded file. Please check your file, then try to upload again.",
            ),
            Unpacked::System(error) => {
                LambdaError::CannotRun(format!("The code cannot be unpacked: {error}"))
            }
        }
    }
}

fn hex(sha256: &[u8; 32]) -> String {
    sha256.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folder of this boot's unpacked code.
fn shelf(ctx: &Ctx) -> PathBuf {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let boot = boot.trim().split('-').next().unwrap_or_default().to_owned();
    ctx.host().settings.data_dir.join("lambda").join("code").join(format!("boot-{boot}"))
}

/// Unpacks a package that is in hand, unless it is there; checks it in any case.
///
/// # Errors
/// Where it is no package, or cannot be written.
pub async fn unpack(ctx: &Ctx, code: &Code, package: Bytes) -> Result<PathBuf, LambdaError> {
    let (folder, draft) = (shelf(ctx).join(hex(&code.sha256)), ctx.uuid());
    let place = folder.clone();
    let done = ctx.compute(move || if place.is_dir() { Ok(()) } else { make(&place, &draft, &package) });
    done.await.map_err(LambdaError::Other)??;
    Ok(folder)
}

/// The folder of a function's code.
///
/// # Errors
/// Where its package cannot be read or written.
pub async fn unpacked(ctx: &Ctx, code: &Code) -> Result<PathBuf, LambdaError> {
    let folder = shelf(ctx).join(hex(&code.sha256));
    if folder.is_dir() {
        return Ok(folder);
    }
    let package = state::package(&ctx.read(), &code.sha256)?
        .ok_or_else(|| LambdaError::CannotRun("The code of the function is gone.".to_owned()))?;
    let bytes = ctx.host().store.blobs().read(&package.archive, MAX_PACKAGE).await?;
    unpack(ctx, code, bytes).await
}

fn make(place: &Path, draft: &str, package: &[u8]) -> Result<(), Unpacked> {
    let shelf = place.parent().unwrap_or(place);
    fs::create_dir_all(shelf)?;
    let draft = Draft(shelf.join(format!("{draft}.draft")));
    fs::create_dir(&draft.0)?;
    write(&draft.0, package)?;
    match fs::rename(&draft.0, place) {
        // Somebody else made it meanwhile.
        Err(_) if place.is_dir() => Ok(()),
        renamed => Ok(renamed?),
    }
}

/// Removed with all in it, unless it was renamed.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        if self.0.exists() {
            // What cannot be removed now is removed by the sweep.
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

fn write(root: &Path, package: &[u8]) -> Result<(), Unpacked> {
    let entries = archive::entries(package)?;
    let mut links = Vec::new();
    for entry in &entries {
        let place = root.join(entry.path.iter().collect::<PathBuf>());
        if let Some(parent) = place.parent() {
            folders(parent)?;
        }
        match entry.kind {
            Kind::Folder => folders(&place)?,
            Kind::Link => links.push((place, archive::link_target(package, entry)?)),
            Kind::File(mode) => file(package, entry, &place, mode)?,
        }
    }
    // Only now, so that no file is written through one.
    for (place, target) in &links {
        symlink(target, place)?;
    }
    let root = root.canonicalize()?;
    links.iter().try_for_each(|(place, target)| stays_within(&root, place, target))
}

fn folders(place: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o755).create(place)
}

fn file(package: &[u8], entry: &archive::Entry, place: &Path, mode: u32) -> Result<(), Unpacked> {
    let mode = if mode == 0 { 0o644 } else { mode | 0o444 };
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(place)?;
    archive::read::<Unpacked>(package, entry, &mut |piece| Ok(file.write_all(piece)?))?;
    // The mode above is narrowed by the process's mask.
    Ok(file.set_permissions(fs::Permissions::from_mode(mode))?)
}

/// A link through other links may lead out although its own words do not.
fn stays_within(root: &Path, place: &Path, target: &str) -> Result<(), Unpacked> {
    let within = match place.canonicalize() {
        Ok(end) => end.starts_with(root),
        Err(_) => !target.split('/').any(|part| part == ".."),
    };
    if within { Ok(()) } else { Err(ArchiveFault::Escapes(target.to_owned()).into()) }
}

/// Removes unpacked code that no function has any more, and what other boots and starts left.
///
/// # Errors
/// If the store cannot be read.
pub async fn sweep(ctx: &Ctx, scratch: &Path, in_use: impl Fn(&Path) -> bool) -> Result<(), LambdaError> {
    let (current, read) = (shelf(ctx), ctx.read());
    let others = |current: &Path| {
        let all = listed(current.parent().unwrap_or(current));
        all.into_iter().filter(|folder| folder != current).collect::<Vec<_>>()
    };
    let mut gone = others(&current);
    gone.extend(others(scratch));
    for folder in listed(&current) {
        let name = folder.file_name().and_then(|name| name.to_str()).and_then(digest);
        // Drafts are somebody's work until the next boot.
        let Some(sha256) = name else { continue };
        if state::package(&read, &sha256)?.is_none() && !in_use(&folder) {
            gone.push(folder);
        }
    }
    let now = ctx.host_time().millis();
    let swept = ctx.compute(move || {
        for folder in gone.iter().filter(|folder| is_old(folder, now)) {
            // What cannot be removed now is tried again at the next sweep.
            let _ = fs::remove_dir_all(folder);
        }
    });
    swept.await.map_err(LambdaError::Other)
}

/// Young folders are somebody's work.
fn is_old(folder: &Path, now: i64) -> bool {
    let modified = fs::metadata(folder).and_then(|metadata| metadata.modified()).ok();
    let since = modified.and_then(|modified| modified.duration_since(std::time::UNIX_EPOCH).ok());
    since.is_some_and(|since| {
        now.saturating_sub(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)) > YOUNG_MS
    })
}

fn listed(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn digest(name: &str) -> Option<[u8; 32]> {
    let mut sha256 = [0; 32];
    if name.len() != 64 || !name.is_ascii() {
        return None;
    }
    for (at, byte) in sha256.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&name[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(sha256)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::archive::samples::stored;

    fn unpack(name: &str, files: &[(&str, u32, &[u8])]) -> Result<PathBuf, Unpacked> {
        let root = std::env::temp_dir().join(format!("lambda-code-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        make(&root.join("code"), "one", &stored(files)).map(|()| root)
    }

    #[test]
    fn files_links_and_permissions() {
        let root = unpack(
            "whole",
            &[
                ("bootstrap", 0o100_755, b"#!/bin/sh"),
                ("lib/a.py", 0o100_600, b"x = 1"),
                ("lib/b.py", 0o120_777, b"a.py"),
                ("plain", 0, b""),
            ],
        )
        .unwrap();
        let code = root.join("code");
        assert_eq!(fs::read(code.join("lib/b.py")).unwrap(), b"x = 1");
        let mode = |name: &str| fs::metadata(code.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("bootstrap"), mode("lib/a.py"), mode("plain")), (0o755, 0o644, 0o644));
        assert_eq!(listed(&root).len(), 1, "no draft is left");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn links_that_lead_out_leave_nothing() {
        // Each of the two stays within by its words alone.
        let chain: [(&str, u32, &[u8]); 2] = [("d", 0o120_777, b"."), ("e", 0o120_777, b"d/..")];
        assert!(matches!(unpack("chain", &chain), Err(Unpacked::Archive(ArchiveFault::Escapes(_)))));
        // A file behind a link to elsewhere.
        let through: [(&str, u32, &[u8]); 2] = [("l", 0o120_777, b".."), ("l/x", 0o100_644, b"x")];
        assert!(unpack("through", &through).is_err());
        for name in ["chain", "through"] {
            let root = std::env::temp_dir().join(format!("lambda-code-{}-{name}", std::process::id()));
            assert_eq!(listed(&root).len(), 0, "{name}");
            fs::remove_dir_all(root).unwrap();
        }
    }
}
