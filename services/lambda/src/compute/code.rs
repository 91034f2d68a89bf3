//! Unpacked code: one folder for each package, named by its digest, made whole or not at all, shared by all
//! environments that run it.
//!
//! The folders belong to one boot of the machine, so that what a power loss tore is never run.

use super::image::Image;
use crate::errors::LambdaError;
use crate::rules::archive::{self, ArchiveFault, Kind, MAX_UNZIPPED};
use crate::state::{self, Code};
use bytes::Bytes;
use service::{Ctx, hex};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Largest package that is read (Lambda quotas: what S3 may hold unzips to 250 MB).
const MAX_PACKAGE: usize = 262_144_000;
/// Files of a folder that are looked at for changes.
const MAX_WATCHED: usize = 10_000;
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

/// The folder of this boot's unpacked code.
fn shelf(ctx: &Ctx) -> PathBuf {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let boot = boot.trim().split('-').next().unwrap_or_default().to_owned();
    ctx.host().settings.data_dir.join("lambda").join("code").join(format!("boot-{boot}"))
}

/// Which folders are in use.
#[derive(Default, Clone)]
pub struct Leases(Arc<Mutex<HashMap<PathBuf, usize>>>);

/// A folder that stays while this is held.
pub struct Lease {
    folder: PathBuf,
    leases: Leases,
}

impl Leases {
    fn held(&self) -> MutexGuard<'_, HashMap<PathBuf, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds a folder.
    pub fn hold(&self, folder: &Path) -> Lease {
        *self.held().entry(folder.to_owned()).or_insert(0) += 1;
        Lease { folder: folder.to_owned(), leases: self.clone() }
    }

    fn uses(&self, folder: &Path) -> bool {
        self.held().contains_key(folder)
    }
}

impl Lease {
    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut held = self.leases.held();
        if let Some(count) = held.get_mut(&self.folder) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.folder);
            }
        }
    }
}

/// Unpacks a package that is in hand, unless it is there; checks it in any case.
///
/// # Errors
/// Where it is no package, or cannot be written.
pub async fn unpack(ctx: &Ctx, code: &Code, package: Bytes) -> Result<(), LambdaError> {
    place(ctx, &folder(ctx, code), move |draft| write_all(draft, &[package])).await
}

/// Makes a folder, unless it is there.
async fn place<F>(ctx: &Ctx, folder: &Path, fill: F) -> Result<(), LambdaError>
where
    F: FnOnce(&Path) -> Result<(), Unpacked> + Send + 'static,
{
    let (folder, draft) = (folder.to_owned(), ctx.uuid());
    let done = ctx.compute(move || if folder.is_dir() { Ok(()) } else { make(&folder, &draft, fill) });
    Ok(done.await.map_err(LambdaError::Other)??)
}

async fn archive_of(ctx: &Ctx, code: &Code) -> Result<Bytes, LambdaError> {
    let package = state::package(&ctx.read(), &code.sha256)?
        .ok_or_else(|| LambdaError::CannotRun("The code of the function is gone.".to_owned()))?;
    Ok(ctx.host().store.blobs().read(&package.archive, MAX_PACKAGE).await?)
}

/// The bytes of a package, as they came.
///
/// # Errors
/// Where they are gone, or cannot be read.
pub async fn archive(ctx: &Ctx, code: &Code) -> Result<Bytes, LambdaError> {
    archive_of(ctx, code).await
}

/// Where a function's code is unpacked.
pub fn folder(ctx: &Ctx, code: &Code) -> PathBuf {
    shelf(ctx).join(hex(&code.sha256))
}

/// How many bytes the files of packages have together, which were unpacked once.
///
/// # Errors
/// Where one of them cannot be read.
pub async fn unzipped<'c>(ctx: &Ctx, packages: impl Iterator<Item = &'c Code>) -> Result<u64, LambdaError> {
    let mut all = 0_u64;
    for package in packages.filter(|package| package.size > 0) {
        let bytes = archive_of(ctx, package).await?;
        let own = ctx.compute(move || archive::unzipped(&bytes)).await.map_err(LambdaError::Other)?;
        all = all.saturating_add(own.map_err(Unpacked::from)?);
    }
    Ok(all)
}

/// The folder of a function's code.
///
/// # Errors
/// Where its package cannot be read or written.
pub async fn unpacked(ctx: &Ctx, leases: &Leases, code: &Code) -> Result<Lease, LambdaError> {
    let lease = leases.hold(&folder(ctx, code));
    if !lease.folder().is_dir() {
        let bytes = archive_of(ctx, code).await?;
        place(ctx, lease.folder(), move |draft| write_all(draft, &[bytes])).await?;
    }
    Ok(lease)
}

/// The folder of this machine that a layer is, where it is one: instead of a package it has that folder's name, and so
/// no size.
///
/// # Errors
/// Where that cannot be read.
pub async fn layer_folder(ctx: &Ctx, layer: &Code) -> Result<Option<String>, LambdaError> {
    if layer.size > 0 {
        return Ok(None);
    }
    let name = archive_of(ctx, layer).await?;
    Ok(Some(String::from_utf8_lossy(&name).into_owned()))
}

/// The folder of a function's layers: each is laid over those before it.
///
/// # Errors
/// Where one of their packages cannot be read or written.
pub async fn layered(ctx: &Ctx, leases: &Leases, layers: &[Code]) -> Result<Lease, LambdaError> {
    if let [layer] = layers {
        if let Some(folder) = layer_folder(ctx, layer).await? {
            return Ok(leases.hold(Path::new(&folder)));
        }
        return unpacked(ctx, leases, layer).await;
    }
    let digest = layers.iter().fold(Sha256::new(), |all, layer| all.chain_update(layer.sha256)).finalize();
    let lease = leases.hold(&shelf(ctx).join(hex(&digest)));
    if !lease.folder().is_dir() {
        let mut packages = Vec::with_capacity(layers.len());
        for layer in layers {
            packages.push(archive_of(ctx, layer).await?);
        }
        place(ctx, lease.folder(), move |draft| write_all(draft, &packages)).await?;
    }
    Ok(lease)
}

/// The root file system of an image, unpacked.
///
/// # Errors
/// Where it cannot be read or written.
pub async fn of_image(ctx: &Ctx, leases: &Leases, image: &Image) -> Result<Lease, LambdaError> {
    let lease = leases.hold(&shelf(ctx).join(hex(&image.digest)));
    if !lease.folder().is_dir() {
        let image = image.clone();
        place(ctx, lease.folder(), move |draft| Ok(image.unpack(draft)?)).await?;
    }
    Ok(lease)
}

/// The programs in a folder, in the order of their names.
pub fn programs(folder: &Path) -> Vec<PathBuf> {
    let runs = |place: &PathBuf| {
        fs::metadata(place).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    let mut found: Vec<PathBuf> = listed(folder).into_iter().filter(runs).collect();
    found.sort();
    found
}

/// What a folder that its owner changes holds now, as a number: another one after each change.
///
/// # Errors
/// Where it cannot be looked through.
pub async fn fingerprint(ctx: &Ctx, folder: &str) -> Result<u64, LambdaError> {
    let root = PathBuf::from(folder);
    let seen = ctx.compute(move || look_through(&root)).await.map_err(LambdaError::Other)?;
    seen.map_err(|error| LambdaError::CannotRun(format!("The folder {folder} cannot be read: {error}")))
}

fn look_through(root: &Path) -> io::Result<u64> {
    let (mut pending, mut seen, mut digest) = (vec![root.to_owned()], 0_usize, Sha256::new());
    while let Some(folder) = pending.pop() {
        let mut entries = fs::read_dir(&folder)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            seen += 1;
            if seen > MAX_WATCHED {
                return Ok(number(digest));
            }
            // A link is what it names, not what it leads to: so no circle is walked.
            let found = entry.metadata()?;
            digest.update(entry.path().as_os_str().as_encoded_bytes());
            if found.is_dir() {
                // Caches of interpreters change with each run.
                if entry.file_name() != "__pycache__" {
                    pending.push(entry.path());
                }
                continue;
            }
            let modified = found.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            digest.update(modified.as_nanos().to_le_bytes());
            digest.update(found.len().to_le_bytes());
        }
    }
    Ok(number(digest))
}

fn number(digest: Sha256) -> u64 {
    digest.finalize().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Makes a folder whole or not at all.
fn make(place: &Path, draft: &str, fill: impl FnOnce(&Path) -> Result<(), Unpacked>) -> Result<(), Unpacked> {
    let shelf = place.parent().unwrap_or(place);
    fs::create_dir_all(shelf)?;
    let draft = Draft(shelf.join(format!("{draft}.draft")));
    fs::create_dir(&draft.0)?;
    fill(&draft.0)?;
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

fn write_all(root: &Path, packages: &[Bytes]) -> Result<(), Unpacked> {
    packages.iter().try_for_each(|package| write(root, package))
}

/// Writes a package into a folder that may hold others already; what it brings replaces what is there.
fn write(root: &Path, package: &[u8]) -> Result<(), Unpacked> {
    let entries = archive::entries(package)?;
    let mut links = Vec::new();
    for entry in &entries {
        let place = root.join(entry.path.iter().collect::<PathBuf>());
        make_way(root, &place, matches!(entry.kind, Kind::Folder))?;
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

/// Takes away what another package has where this one has something of another kind.
fn make_way(root: &Path, place: &Path, folder: bool) -> io::Result<()> {
    let above = place.ancestors().skip(1).take_while(|above| above.starts_with(root) && *above != root);
    for above in above {
        if fs::symlink_metadata(above).is_ok_and(|found| !found.is_dir()) {
            fs::remove_file(above)?;
        }
    }
    match fs::symlink_metadata(place) {
        Ok(found) if found.is_dir() && !folder => fs::remove_dir_all(place),
        Ok(found) if !found.is_dir() => fs::remove_file(place),
        _ => Ok(()),
    }
}

/// Makes a folder that everybody may read, and those on the way to it.
pub(super) fn folders(place: &Path) -> io::Result<()> {
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
pub async fn sweep(ctx: &Ctx, scratch: &Path, leases: &Leases) -> Result<(), LambdaError> {
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
        if state::package(&read, &sha256)?.is_none() && !leases.uses(&folder) {
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
        make(&root.join("code"), "one", |draft| write(draft, &stored(files))).map(|()| root)
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
    fn later_packages_replace_what_earlier_ones_have() {
        let root = std::env::temp_dir().join(format!("lambda-code-{}-layers", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        let low = stored(&[("python/a", 0, b"low"), ("bin", 0, b"file"), ("x/y", 0, b"deep")]);
        let high = stored(&[("python/a", 0, b"high"), ("bin/tool", 0, b"t"), ("x", 0o120_777, b"python")]);
        let packages = [Bytes::from(low), Bytes::from(high)];
        make(&root.join("opt"), "one", |draft| write_all(draft, &packages)).unwrap();
        let read = |name: &str| fs::read(root.join("opt").join(name)).unwrap();
        assert_eq!(
            (read("python/a"), read("bin/tool"), read("x/a")),
            (b"high".to_vec(), b"t".to_vec(), b"high".to_vec())
        );
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn a_folder_that_changed_is_seen() {
        let root = unpack("watched", &[("a.py", 0, b"x"), ("lib/b.py", 0, b"y")]).unwrap();
        let before = look_through(&root).unwrap();
        assert_eq!(look_through(&root).unwrap(), before);
        fs::write(root.join("code/lib/b.py"), b"longer").unwrap();
        assert_ne!(look_through(&root).unwrap(), before);
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
