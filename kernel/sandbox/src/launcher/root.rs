//! The root file system of a sandbox: programs and libraries of the host, or an image, only to be read; a
//! few files of its own in `/etc`; the harmless devices; `/proc` of its own processes; a bounded `/tmp`.

use crate::egress::RESOLVER;
use crate::protocol::Walls;
use crate::sys::namespace::{self, Without};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

/// What a sandbox sees of the host, where the host has it.
const OF_HOST: [&str; 9] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store"];
/// What programs need to run, to know time zones, fonts and authorities.
const OF_ETC: [&str; 10] = [
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "alternatives",
    "ssl",
    "pki",
    "ca-certificates",
    "localtime",
    "fonts",
    "crypto-policies",
];
/// The settings of Java lie there, linked to from its home.
const JAVA: &str = "java";
const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];
const LINKS: [(&str, &str); 4] = [
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
];
/// `import` of Node.js does not look where `NODE_PATH` says, as AWS's does from 18 on, but beside the folders above a
/// module: the packages of layers are to be found from the code.
const PACKAGES_OF_LAYERS: (&str, &str) = ("/opt/nodejs/node_modules", "var/node_modules");
/// The sandbox itself, and under the names by which code that was written for containers calls their host: the region
/// is there, at the port that it has outside.
const HOSTS: &str = "127.0.0.1 localhost sandbox.localdomain sandbox\n::1 localhost\n127.0.0.1 host.docker.internal \
                     host.containers.internal localhost.localstack.cloud s3.localhost.localstack.cloud\n";
/// Names are looked for in the file above first.
const ORDER: &str = "passwd: files\ngroup: files\nhosts: files dns\n";
/// What is mounted over in an image.
const MOUNTED: [&str; 3] = ["dev", "proc", "tmp"];
/// Files in `/tmp` that fit in a megabyte of it.
const FILES_PER_MEGABYTE: u64 = 1024;

/// The step that failed, and why.
pub(super) type Fault = String;

pub(super) fn at<T>(step: &str, result: io::Result<T>) -> Result<T, Fault> {
    result.map_err(|error| format!("{step}: {error}"))
}

/// Builds the root and enters it. Within namespaces of the sandbox's own.
pub(super) fn enter(walls: &Walls, (user, group): (u32, u32)) -> Result<(), Fault> {
    at("cannot keep mounts to itself", crate::sys::host::keep_mounts_private())?;
    let root = walls.stage.as_path();
    match &walls.image {
        Some(image) => {
            // A link there would be followed before the root is entered.
            let is_folder =
                |name: &&str| fs::symlink_metadata(image.join(name)).is_ok_and(|found| found.is_dir());
            if let Some(name) = MOUNTED.iter().find(|name| !is_folder(name)) {
                return Err(format!("the image has no folder /{name}"));
            }
            show(image, root)?;
        }
        None => {
            let mounted = namespace::mount("tmpfs", root, "size=1m,mode=755", true);
            at("cannot mount a root", mounted)?;
            from_host(root, walls, (user, group))?;
        }
    }
    for (source, target) in &walls.shown {
        show(source, &within(root, target))?;
    }
    devices(&root.join("dev"))?;
    let tmp = root.join("tmp");
    folder(&tmp)?;
    let options = format!("{},mode=700,uid={user},gid={group}", tmp_size(walls.tmp_bytes));
    at("cannot mount /tmp", namespace::mount("tmpfs", &tmp, &options, true))?;
    if walls.image.is_some() {
        over(root, "hosts", HOSTS)?;
        if walls.egress {
            over(root, "resolv.conf", &resolvers(walls))?;
        }
    }
    let proc = root.join("proc");
    folder(&proc)?;
    at("cannot mount /proc", namespace::mount("proc", &proc, "", false))?;
    at("cannot enter the root", namespace::pivot_into(root))?;
    if walls.image.is_none() {
        at("cannot seal the root", namespace::restrict_one(Path::new("/"), Without::Writing))?;
    }
    Ok(())
}

/// Where names are asked for; nowhere, where there is no way out.
fn resolvers(walls: &Walls) -> String {
    if walls.egress { format!("nameserver {}\n", RESOLVER.ip()) } else { String::new() }
}

/// The size of `/tmp`, as an option of its mount.
pub(super) fn tmp_size(bytes: u64) -> String {
    let files = (bytes >> 20).max(1).saturating_mul(FILES_PER_MEGABYTE);
    format!("size={},nr_inodes={files}", bytes.max(4096))
}

fn from_host(root: &Path, walls: &Walls, (user, group): (u32, u32)) -> Result<(), Fault> {
    for place in OF_HOST.map(Path::new) {
        match fs::symlink_metadata(place) {
            Ok(found) if found.is_symlink() => {
                let target = at("cannot read a link", fs::read_link(place))?;
                at("cannot make a link", symlink(target, within(root, place)))?;
            }
            Ok(_) => show(place, &within(root, place))?,
            Err(_) => {}
        }
    }
    shell(root)?;
    let etc = root.join("etc");
    folder(&etc)?;
    let java = fs::read_dir("/etc").into_iter().flatten().flatten().map(|entry| entry.path());
    let java =
        java.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(JAVA)));
    let fixed = OF_ETC.iter().map(|name| Path::new("/etc").join(name)).filter(|path| path.exists());
    for place in fixed.chain(java) {
        show(&place, &within(root, &place))?;
    }
    let users = format!("root:x:0:0::/root:/bin/false\nsbx_user1051:x:{user}:{group}::/tmp:/bin/false\n");
    let files = [
        ("passwd", users),
        ("group", format!("root:x:0:\nsbx_user1051:x:{group}:\n")),
        ("hosts", HOSTS.to_owned()),
        ("nsswitch.conf", ORDER.to_owned()),
        ("resolv.conf", resolvers(walls)),
    ];
    for (name, content) in files {
        at("cannot write into /etc", fs::write(etc.join(name), content))?;
    }
    // The loader of libraries remembers which of its folders were there when it began.
    let waiting: &[&str] = if walls.waits { &["var/task/lib", "opt/lib"] } else { &[] };
    let folders = ["var/task", "opt", "var/runtime", "root"];
    folders.iter().chain(waiting).try_for_each(|name| folder(&root.join(name)))?;
    let (target, link) = PACKAGES_OF_LAYERS;
    at("cannot make a link", symlink(target, root.join(link)))
}

/// Makes `/bin/sh` what it is on Amazon Linux: Bash, which scripts of functions rely on. On Debian and its kin it is
/// Dash, a program of its own; elsewhere it is Bash already, or one with many names, which is left as it is.
fn shell(root: &Path) -> Result<(), Fault> {
    match ["/bin/bash", "/bin/sh"].map(fs::canonicalize) {
        [Ok(bash), Ok(sh)] if sh.ends_with("bin/dash") => show(&bash, &within(root, &sh)),
        _ => Ok(()),
    }
}

/// Puts a file over that of an image in `/etc`, if it has one.
fn over(root: &Path, name: &str, content: &str) -> Result<(), Fault> {
    let place = root.join("etc").join(name);
    // A link on the way there would be followed before the root is entered.
    let is = |place: &Path, folder: bool| {
        fs::symlink_metadata(place).is_ok_and(|found| !found.is_symlink() && found.is_dir() == folder)
    };
    if !is(&root.join("etc"), true) || !is(&place, false) {
        return Ok(());
    }
    let draft = root.join("tmp").join(name);
    at("cannot write into /tmp", fs::write(&draft, content))?;
    show(&draft, &place)?;
    at("cannot write into /tmp", fs::remove_file(&draft))
}

/// Shows a file or folder of the host, only to be read.
fn show(source: &Path, target: &Path) -> Result<(), Fault> {
    let found = at(&format!("cannot show {}", source.display()), fs::metadata(source))?;
    if found.is_dir() {
        folder(target)?
    } else {
        file(target)?
    }
    let shown = namespace::bind(source, target).and_then(|()| namespace::restrict(target, Without::Writing));
    at(&format!("cannot show {}", source.display()), shown)
}

fn devices(dev: &Path) -> Result<(), Fault> {
    folder(dev)?;
    // Over what an image may have there.
    at("cannot mount /dev", namespace::mount("tmpfs", dev, "size=64k,mode=755", false))?;
    for name in DEVICES {
        let (source, target) = (Path::new("/dev").join(name), dev.join(name));
        file(&target)?;
        let shown =
            namespace::bind(&source, &target).and_then(|()| namespace::restrict(&target, Without::Running));
        at(&format!("cannot show {}", source.display()), shown)?;
    }
    for (target, name) in LINKS {
        at("cannot make a link", symlink(target, dev.join(name)))?;
    }
    // The mount forbids devices, those shown in it excepted; now it forbids writing too.
    let sealed = namespace::restrict_one(dev, Without::Writing);
    at("cannot seal /dev", sealed)
}

/// A place below the root; a link on the way there is taken for what it is, within.
fn within(root: &Path, place: &Path) -> PathBuf {
    root.join(place.strip_prefix("/").unwrap_or(place))
}

fn folder(place: &Path) -> Result<(), Fault> {
    let made = DirBuilder::new().recursive(true).mode(0o755).create(place);
    at(&format!("cannot make {}", place.display()), made)
}

fn file(place: &Path) -> Result<(), Fault> {
    if let Some(parent) = place.parent() {
        folder(parent)?;
    }
    if place.exists() {
        return Ok(());
    }
    at(&format!("cannot make {}", place.display()), File::create(place).map(drop))
}
