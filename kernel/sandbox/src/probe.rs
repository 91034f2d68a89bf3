//! Finding out what this host can do, by doing it. Runs in the launcher, whose single thread makes
//! trials in a forked child sound.

use crate::runner::{CgroupKind, Found, Level, Probe};
use crate::sys::{host, namespace};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

const CGROUP_ROOT: &str = "/sys/fs/cgroup";

/// Tries everything once. What came of making a sandbox is told by the launcher, which makes them.
pub(crate) fn probe(sandbox: Result<String, String>, egress: Result<String, String>) -> Probe {
    let root = crate::sys::process::user() == 0;
    let user_namespaces = entered(libc::CLONE_NEWUSER);
    let mount_namespaces = found("works", host::in_child(|| enter_mount_namespace(root)));
    let overlay = found("works", host::in_child(|| overlay_trial(root)));
    let cgroups = cgroup_kind(Path::new(CGROUP_ROOT));
    let kvm = kvm();
    Probe {
        kernel: host::kernel_release(),
        root,
        levels: levels(sandbox, &kvm),
        namespaces: namespaces(root, &user_namespaces),
        user_namespaces,
        mount_namespaces,
        cgroups,
        cgroups_writable: cgroups_writable(cgroups),
        landlock: match host::landlock_version() {
            Ok(version) => Found::Present(format!("interface version {version}")),
            Err(e) => Found::Absent(reason(&e)),
        },
        seccomp: found("ends processes", host::seccomp_kills_processes()),
        overlay,
        kvm,
        egress: match egress {
            Ok(_) => Found::Present("sandboxes reach what this machine reaches".to_owned()),
            Err(reason) => Found::Absent(reason),
        },
    }
}

fn entered(kinds: libc::c_int) -> Found {
    found("works", host::in_child(|| host::unshare(kinds)))
}

/// Each kind of namespace by itself, where need be within one of users.
fn namespaces(root: bool, user: &Found) -> BTreeMap<String, Found> {
    let kinds = [
        ("mount", libc::CLONE_NEWNS),
        ("pid", libc::CLONE_NEWPID),
        ("ipc", libc::CLONE_NEWIPC),
        ("uts", libc::CLONE_NEWUTS),
        ("net", libc::CLONE_NEWNET),
    ];
    let of_user = if root { 0 } else { libc::CLONE_NEWUSER };
    let kinds = kinds.map(|(name, kind)| (name.to_owned(), entered(kind | of_user)));
    kinds.into_iter().chain([("user".to_owned(), user.clone())]).collect()
}

/// The machine has no runner for virtual machines, whatever the host offers.
fn levels(sandbox: Result<String, String>, kvm: &Found) -> BTreeMap<Level, Found> {
    let vm = match kvm {
        Found::Present(_) => "this build has no runner for virtual machines".to_owned(),
        Found::Absent(reason) => format!("no virtual machines: {reason}"),
    };
    BTreeMap::from([
        (Level::Process, Found::Present("limits and a memory watchdog, no boundary".to_owned())),
        (Level::Sandbox, sandbox.map_or_else(Found::Absent, Found::Present)),
        (Level::Vm, Found::Absent(vm)),
    ])
}

fn enter_mount_namespace(root: bool) -> io::Result<()> {
    host::unshare(libc::CLONE_NEWNS | if root { 0 } else { libc::CLONE_NEWUSER })?;
    host::keep_mounts_private()
}

fn overlay_trial(root: bool) -> io::Result<()> {
    enter_mount_namespace(root)?;
    // Hidden by the mount, in a namespace that ends with this trial: nothing of the host changes.
    let place = Path::new("/tmp");
    namespace::mount("tmpfs", place, "size=64k", true)?;
    for dir in ["lower", "upper", "work", "merged"] {
        fs::create_dir(place.join(dir))?;
    }
    let options = "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work";
    namespace::mount("overlay", &place.join("merged"), options, true)?;
    fs::write(place.join("merged/file"), b"x")?;
    fs::metadata(place.join("upper/file")).map(drop)
}

fn cgroup_kind(root: &Path) -> CgroupKind {
    let is_v2 = |path: &Path| host::file_system(path).is_ok_and(|magic| magic == host::CGROUP2_MAGIC);
    if is_v2(root) {
        CgroupKind::V2
    } else if is_v2(&root.join("unified")) {
        CgroupKind::Hybrid
    } else if root.join("memory/tasks").exists() {
        CgroupKind::V1
    } else {
        CgroupKind::None
    }
}

fn cgroups_writable(kind: CgroupKind) -> Found {
    let parent = match kind {
        CgroupKind::V2 => Path::new(CGROUP_ROOT).to_owned(),
        CgroupKind::Hybrid | CgroupKind::V1 => Path::new(CGROUP_ROOT).join("memory"),
        CgroupKind::None => return Found::Absent("no control groups are mounted".to_owned()),
    };
    let trial = parent.join(format!("elysium-probe-{}", std::process::id()));
    let result = fs::create_dir(&trial).and_then(|()| fs::remove_dir(&trial));
    found(&format!("groups can be made in {}", parent.display()), result)
}

fn kvm() -> Found {
    let trial = || -> io::Result<i32> {
        let device = File::options().read(true).write(true).open("/dev/kvm")?;
        let version = host::kvm_version(device.as_fd())?;
        host::kvm_makes_machine(device.as_fd())?;
        Ok(version)
    };
    match trial() {
        Ok(version) => Found::Present(format!("interface version {version}, makes machines")),
        Err(e) => Found::Absent(reason(&e)),
    }
}

fn found(form: &str, result: io::Result<()>) -> Found {
    match result {
        Ok(()) => Found::Present(form.to_owned()),
        Err(e) => Found::Absent(reason(&e)),
    }
}

fn reason(error: &io::Error) -> String {
    error.to_string()
}
