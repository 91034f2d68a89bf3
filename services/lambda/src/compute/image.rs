//! Images as code: an OCI layout or a docker archive, a folder or a tar file of this machine, unpacked once
//! into one root file system named by the digests of its layers.
//!
//! Layers are laid one over the other here, not by the kernel: what a later one takes away is gone. Owners
//! and devices are left out; everything is readable, nothing writable, by who runs there.

use super::code::folders;
use super::machine::Command;
use super::zstd::Frames;
use crate::errors::LambdaError;
use crate::rules::environment::RESERVED;
use crate::rules::tar::{Archive, Kind};
use crate::state::ImageChoices;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Largest image unpacked (Lambda quotas: 10 GB).
const MAX_BYTES: u64 = 10 << 30;
const MAX_ENTRIES: usize = 500_000;
/// Largest manifest or configuration.
const MAX_DOCUMENT: u64 = 4 << 20;
const MAX_LAYERS: usize = 128;
const MAX_INDEXES: usize = 4;
const WHITEOUT: &str = ".wh.";
const OPAQUE: &str = ".wh..wh..opq";
/// What the sandbox mounts over.
const PLACES: [&str; 5] = ["dev", "proc", "tmp", "var/task", "etc"];

/// How an image is run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Program {
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    env: Option<Vec<String>>,
    working_dir: Option<String>,
}

/// An image that was found.
#[derive(Debug, Clone)]
pub struct Image {
    source: Source,
    /// The names of its layers, the lowest first.
    layers: Vec<String>,
    /// How it is run.
    pub program: Program,
    /// What its layers and its configuration are, as a digest.
    pub digest: [u8; 32],
}

/// Where the parts of an image are.
#[derive(Debug, Clone)]
enum Source {
    Folder(PathBuf),
    /// A tar file, and where in it which part lies.
    Tar(PathBuf, BTreeMap<String, (u64, u64)>),
}

/// The place of an image on this machine, if its URI names one, and which of several it is.
pub fn local(uri: &str) -> Option<(&Path, Option<&str>)> {
    let schemes = ["file://", "oci-archive:", "docker-archive:", "oci:", ""];
    let path =
        schemes.iter().find_map(|scheme| uri.strip_prefix(scheme).filter(|path| path.starts_with('/')))?;
    if Path::new(path).exists() {
        return Some((Path::new(path), None));
    }
    Some(match path.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (Path::new(path), Some(tag)),
        _ => (Path::new(path), None),
    })
}

fn malformed(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

impl Source {
    fn open(path: &Path) -> io::Result<Self> {
        if path.is_dir() {
            return Ok(Source::Folder(path.to_owned()));
        }
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let (mut archive, mut parts) = (Archive::new(BufReader::new(file)), BTreeMap::new());
        while let Some(entry) = archive.next_entry()? {
            if parts.len() >= MAX_ENTRIES {
                return Err(malformed("it has too many parts"));
            }
            match entry.kind {
                Kind::File => {
                    let at = archive.skip()?;
                    if at.checked_add(entry.size).is_none_or(|end| end > length) {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    parts.insert(entry.path.join("/"), (at, entry.size));
                }
                // Docker's archives name a layer that occurs twice so.
                Kind::Link(target) => {
                    let target = target.trim_start_matches("../").to_owned();
                    if let Some(found) = parts.get(&target).copied() {
                        parts.insert(entry.path.join("/"), found);
                    }
                }
                _ => {}
            }
        }
        Ok(Source::Tar(path.to_owned(), parts))
    }

    fn part(&self, name: &str) -> io::Result<Box<dyn Read>> {
        match self {
            Source::Folder(folder) => Ok(Box::new(File::open(folder.join(name))?)),
            Source::Tar(path, parts) => {
                let (at, size) = parts.get(name).copied().ok_or(io::ErrorKind::NotFound)?;
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(at))?;
                Ok(Box::new(file.take(size)))
            }
        }
    }

    fn document(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.part(name)?.take(MAX_DOCUMENT).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn blob(&self, digest: &str) -> io::Result<Vec<u8>> {
        self.document(&blob(digest)?)
    }
}

/// The place of a blob in an OCI layout.
fn blob(digest: &str) -> io::Result<String> {
    let (kind, hex) = digest.split_once(':').ok_or_else(|| malformed("a digest has no kind"))?;
    let clean = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if clean(kind) && clean(hex) { Ok(format!("blobs/{kind}/{hex}")) } else { Err(malformed("a digest")) }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named {
    digest: String,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    architecture: String,
}

/// An index has manifests, a manifest has layers.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    manifests: Vec<Named>,
    config: Option<Named>,
    #[serde(default)]
    layers: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerManifest {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    config: Program,
}

fn read_json<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> io::Result<T> {
    serde_json::from_slice(bytes).map_err(|error| malformed(&error.to_string()))
}

impl Image {
    /// Finds an image on this machine.
    ///
    /// # Errors
    /// Where there is none: why.
    pub fn find(uri: &str, architecture: &str) -> Result<Self, String> {
        let (path, tag) = local(uri).ok_or_else(|| {
            format!(
                "The image {uri} is in a registry, and this region has none yet. Name an OCI layout or an archive \
                 of this machine: oci:/folder, oci-archive:/file.tar, docker-archive:/file.tar or its path."
            )
        })?;
        let failed = |error: io::Error| format!("The image {} cannot be read: {error}", path.display());
        let source = Source::open(path).map_err(failed)?;
        let image = match source.document("index.json") {
            Ok(index) => Self::of_layout(source, &index, tag, architecture),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::of_docker(source, tag),
            Err(error) => Err(error),
        };
        image.map_err(failed)
    }

    fn of_layout(source: Source, index: &[u8], tag: Option<&str>, architecture: &str) -> io::Result<Self> {
        let wanted = if architecture == "arm64" { "arm64" } else { "amd64" };
        let tagged = |named: &&Named| {
            tag.is_none_or(|tag| {
                let name = named.annotations.get("org.opencontainers.image.ref.name");
                name.is_some_and(|name| name == tag || name.ends_with(&format!(":{tag}")))
            })
        };
        let fits = |named: &&Named| named.platform.as_ref().is_none_or(|one| one.architecture == wanted);
        let mut manifest: Manifest = read_json(index)?;
        let mut chosen = manifest.manifests.iter().filter(tagged).find(fits);
        for _ in 0..MAX_INDEXES {
            let digest = &chosen.ok_or_else(|| malformed("it has no such image"))?.digest;
            manifest = read_json(&source.blob(digest)?)?;
            if let Some(config) = &manifest.config {
                let config = source.blob(&config.digest)?;
                let layers = manifest.layers.iter().map(|layer| blob(&layer.digest));
                return Self::of(source, layers.collect::<io::Result<_>>()?, &config);
            }
            chosen = manifest.manifests.iter().find(fits);
        }
        Err(malformed("its index leads nowhere"))
    }

    fn of_docker(source: Source, tag: Option<&str>) -> io::Result<Self> {
        let manifests: Vec<DockerManifest> = read_json(&source.document("manifest.json")?)?;
        let tagged = |manifest: &DockerManifest| {
            tag.is_none_or(|tag| {
                manifest
                    .repo_tags
                    .iter()
                    .flatten()
                    .any(|name| name == tag || name.ends_with(&format!(":{tag}")))
            })
        };
        let found = manifests.into_iter().find(tagged).ok_or_else(|| malformed("it has no such image"))?;
        let config = source.document(&found.config)?;
        Self::of(source, found.layers, &config)
    }

    fn of(source: Source, layers: Vec<String>, config: &[u8]) -> io::Result<Self> {
        if layers.len() > MAX_LAYERS {
            return Err(malformed("it has too many layers"));
        }
        // The configuration holds the digests of all layers as they are unpacked.
        let digest = Sha256::digest(config).into();
        let Configuration { config: program } = read_json(config)?;
        Ok(Image { source, layers, program, digest })
    }

    /// Unpacks it into a folder that is not there yet.
    ///
    /// # Errors
    /// Where it is malformed, too large, or cannot be written.
    pub fn unpack(&self, root: &Path) -> io::Result<()> {
        folders(root)?;
        let mut room = Room { bytes: MAX_BYTES, entries: MAX_ENTRIES };
        for layer in &self.layers {
            let mut bytes = BufReader::with_capacity(64 * 1024, self.source.part(layer)?);
            let first = io::BufRead::fill_buf(&mut bytes)?;
            match first {
                [0x1f, 0x8b, ..] => lay(root, Archive::new(MultiGzDecoder::new(bytes)), &mut room)?,
                // A frame, or one that holds no data.
                [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                    lay(root, Archive::new(Frames::new(bytes)), &mut room)?;
                }
                _ => lay(root, Archive::new(bytes), &mut room)?,
            }
        }
        for place in PLACES {
            let (mut way, mut real) = (root.to_owned(), true);
            for part in Path::new(place) {
                way.push(part);
                real &= !fs::symlink_metadata(&way).is_ok_and(|found| !found.is_dir());
            }
            if !real {
                return Err(malformed(&format!("/{place} is no folder in it")));
            }
            folders(&way)?;
        }
        Ok(())
    }
}

/// What may still be unpacked.
struct Room {
    bytes: u64,
    entries: usize,
}

/// Takes away what is at a place, whatever it is.
fn clear(place: &Path) -> io::Result<()> {
    match fs::symlink_metadata(place) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(place),
        Ok(_) => fs::remove_file(place),
        Err(_) => Ok(()),
    }
}

/// A place below the root whose way there is of folders alone; links within it are followed within it.
fn place(root: &Path, parts: &[String]) -> io::Result<PathBuf> {
    let mut place = root.to_owned();
    let Some((last, way)) = parts.split_last() else { return Ok(place) };
    for part in way {
        place.push(part);
        match fs::symlink_metadata(&place) {
            Ok(found) if found.is_dir() => {}
            Ok(found) if found.is_symlink() => {
                // As in `lib -> usr/lib`, over which later layers write.
                let target = place.canonicalize()?;
                if !target.is_dir() || !target.starts_with(root) {
                    return Err(malformed("a link on the way leads out"));
                }
                place = target;
            }
            Ok(_) => {
                fs::remove_file(&place)?;
                folders(&place)?;
            }
            Err(_) => folders(&place)?,
        }
    }
    place.push(last);
    Ok(place)
}

/// Lays one layer over what is there.
fn lay<R: Read>(root: &Path, mut archive: Archive<R>, room: &mut Room) -> io::Result<()> {
    let root = &root.canonicalize()?;
    while let Some(entry) = archive.next_entry()? {
        room.entries = room.entries.checked_sub(1).ok_or_else(|| malformed("it has too many files"))?;
        room.bytes =
            room.bytes.checked_sub(entry.size).ok_or_else(|| malformed("it is larger than 10 GB"))?;
        let Some(name) = entry.path.last() else { continue };
        let at = place(root, &entry.path)?;
        if name == OPAQUE {
            let parent = at.parent().unwrap_or(root);
            for inner in fs::read_dir(parent)? {
                clear(&inner?.path())?;
            }
            continue;
        }
        if let Some(gone) = name.strip_prefix(WHITEOUT) {
            // Such a name is the folder itself or the one around it.
            if matches!(gone, "" | "." | "..") {
                return Err(malformed("a path leads out"));
            }
            clear(&at.with_file_name(gone))?;
            continue;
        }
        match entry.kind {
            Kind::Folder => {
                if !fs::symlink_metadata(&at).is_ok_and(|found| found.is_dir()) {
                    clear(&at)?;
                    folders(&at)?;
                }
            }
            Kind::File => {
                clear(&at)?;
                let mut file = File::create_new(&at)?;
                io::copy(&mut archive, &mut file)?;
                file.set_permissions(fs::Permissions::from_mode(entry.mode & 0o777 | 0o444))?;
            }
            Kind::Link(target) => {
                clear(&at)?;
                symlink(target, &at)?;
            }
            Kind::Same(other) => {
                clear(&at)?;
                fs::hard_link(place(root, &other)?, &at)?;
            }
            Kind::Other => {}
        }
    }
    Ok(())
}

/// What is run of an image, in its root file system.
///
/// # Errors
/// Where the image names no program.
pub fn run(program: &Program, choices: &ImageChoices, root: &Path) -> Result<Command, LambdaError> {
    let pick = |own: &Option<Vec<String>>, other: &Option<Vec<String>>| {
        own.clone().or_else(|| other.clone()).unwrap_or_default()
    };
    let mut argv = pick(&choices.entry_point, &program.entrypoint);
    // Another entry point comes without the image's arguments.
    let own = if choices.entry_point.is_some() { &None } else { &program.cmd };
    argv.extend(pick(&choices.command, own));
    let variables: BTreeMap<String, String> = program
        .env
        .iter()
        .flatten()
        .filter_map(|pair| pair.split_once('='))
        // What the region itself tells a function is no image's to say.
        .filter(|(name, _)| !RESERVED.contains(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let folder = choices.working_directory.clone().or_else(|| program.working_dir.clone());
    let folder = folder.filter(|folder| folder.starts_with('/')).unwrap_or_else(|| "/".to_owned());
    let Some(first) = argv.first_mut() else {
        return Err(LambdaError::BadEntrypoint("The image has neither ENTRYPOINT nor CMD.".to_owned()));
    };
    if !first.starts_with('/') {
        let path = variables.get("PATH").map_or("/usr/local/bin:/usr/bin:/bin", String::as_str);
        let places = std::iter::once(folder.as_str()).filter(|_| first.contains('/'));
        let places = places.chain(path.split(':').filter(|_| !first.contains('/')));
        let found = places.map(|place| Path::new(place).join(first.as_str())).find(|place| {
            let inside = root.join(place.strip_prefix("/").unwrap_or(place));
            fs::symlink_metadata(inside).is_ok()
        });
        let found = found.ok_or_else(|| {
            LambdaError::BadEntrypoint(format!("exec: \"{first}\": executable file not found in $PATH"))
        })?;
        *first = found.to_string_lossy().into_owned();
    }
    Ok(Command {
        argv: argv.into_iter().map(Into::into).collect(),
        working_dir: Some(folder.into()),
        variables,
        ..Command::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::tar::samples::tar;

    /// A layer laid into a folder of a test, beside a neighbour.
    fn laid(name: &str, entries: &[(&str, u8, &str, &[u8])]) -> (PathBuf, io::Result<()>) {
        let shelf = std::env::temp_dir().join(format!("lambda-image-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&shelf);
        for folder in ["image/a", "neighbour"] {
            fs::create_dir_all(shelf.join(folder)).unwrap();
            fs::write(shelf.join(folder).join("file"), "x").unwrap();
        }
        let mut room = Room { bytes: 1 << 20, entries: 100 };
        let bytes = tar(entries);
        let done = lay(&shelf.join("image"), Archive::new(&bytes[..]), &mut room);
        (shelf, done)
    }

    #[test]
    fn an_image_says_nothing_that_the_region_tells() {
        let env = ["PATH=/bin", "AWS_REGION=eu-west-1", "_HANDLER=x", "AWS_LAMBDA_RUNTIME_API=elsewhere"];
        let program = Program {
            entrypoint: Some(vec!["/run".to_owned()]),
            env: Some(env.map(str::to_owned).to_vec()),
            ..Program::default()
        };
        let command = run(&program, &ImageChoices::default(), Path::new("/")).unwrap();
        assert_eq!(command.variables.keys().collect::<Vec<_>>(), ["PATH"]);
    }

    #[test]
    fn what_a_layer_takes_away_is_gone() {
        let (shelf, done) = laid("whiteout", &[("a/.wh.file", b'0', "", b""), ("b", b'0', "", b"new")]);
        done.unwrap();
        let is_there = |name: &str| shelf.join(name).exists();
        assert!(!is_there("image/a/file") && is_there("image/a") && is_there("image/b"));
        fs::remove_dir_all(shelf).unwrap();
    }

    #[test]
    fn a_layer_takes_away_nothing_around_its_root() {
        for (at, name) in [".wh.", ".wh..", ".wh...", "a/.wh..", "a/.wh..."].into_iter().enumerate() {
            let (shelf, done) = laid(&format!("out-{at}"), &[(name, b'0', "", b"")]);
            assert!(done.unwrap_err().to_string().contains("leads out"), "{name}");
            for kept in ["image/a/file", "neighbour/file"] {
                assert!(shelf.join(kept).exists(), "{name}: {kept}");
            }
            fs::remove_dir_all(shelf).unwrap();
        }
    }
}
