//! Control groups of sandboxes: the kernel's own bounds on the memory and the processes of all within.
//!
//! Groups are made below the launcher's own, so that they can only lower what holds already. Where none can
//! be made, limits of single processes and the watchdog remain. What a killed launcher left is empty by
//! then, bears the id of its data directory, and is removed at the next start.

use crate::run_id::RunId;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

const PREFIX: &str = "elysium.";
/// Beyond the memory of a sandbox: its first process, and what the kernel keeps for it.
const SLACK_BYTES: u64 = 32 << 20;

/// One hierarchy in which groups can be made, and what is bounded there.
#[derive(Debug)]
struct Hierarchy {
    /// The folder of this run's groups.
    folder: PathBuf,
    memory: Option<&'static str>,
    processes: Option<&'static str>,
    /// Where it is counted how often memory was out.
    events: &'static str,
}

/// The control groups of one launcher.
#[derive(Debug)]
pub(super) struct Groups(Vec<Hierarchy>);

/// The groups of one sandbox.
#[derive(Debug)]
pub(super) struct Group {
    folders: Vec<Folder>,
}

/// A group in one hierarchy.
#[derive(Debug)]
struct Folder {
    place: PathBuf,
    memory: Option<&'static str>,
    processes: Option<&'static str>,
    events: &'static str,
}

impl Groups {
    /// Finds out where groups can be made.
    pub(super) fn find(run: &RunId) -> Self {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let wanted = [
            ("memory", Some("memory.limit_in_bytes"), None, "memory.oom_control"),
            ("pids", None, Some("pids.max"), "pids.events"),
            ("", Some("memory.max"), Some("pids.max"), "memory.events"),
        ];
        let mut found = Vec::new();
        for (controller, memory, processes, events) in wanted {
            let Some(parent) = place(&own, &mounts, controller) else { continue };
            let folder = parent.join(format!("{PREFIX}{run}"));
            let usable = is_made(&folder)
                && [memory, processes].into_iter().flatten().any(|file| folder.join(file).exists());
            // Version 2 bounds below a group only what the group passes on.
            let passes = !controller.is_empty()
                || fs::write(folder.join("cgroup.subtree_control"), "+memory +pids").is_ok();
            if usable && passes {
                found.push(Hierarchy { folder, memory, processes, events });
            } else {
                // It may not have been made.
                let _ = fs::remove_dir(&folder);
            }
        }
        Self(found)
    }

    /// Makes the groups of a sandbox.
    pub(super) fn make(&self, child: u64, memory: u64, processes: u64) -> io::Result<Group> {
        let mut group = Group { folders: Vec::new() };
        for hierarchy in &self.0 {
            let folder = hierarchy.folder.join(child.to_string());
            fs::create_dir(&folder)?;
            let Hierarchy { memory, processes, events, .. } = *hierarchy;
            group.folders.push(Folder { place: folder, memory, processes, events });
        }
        group.bound(memory, processes)?;
        Ok(group)
    }

    /// What kinds of bounds are kept by groups here.
    pub(super) fn kinds(&self) -> &'static str {
        let memory = self.0.iter().any(|hierarchy| hierarchy.memory.is_some());
        let processes = self.0.iter().any(|hierarchy| hierarchy.processes.is_some());
        match (memory, processes) {
            (true, true) => "control groups for memory and processes",
            (true, false) => "control groups for memory",
            (false, true) => "control groups for processes",
            (false, false) => "no control groups: limits of processes and a memory watchdog",
        }
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for hierarchy in &self.0 {
            // One that is not empty is removed at the next start.
            let _ = fs::remove_dir(&hierarchy.folder);
        }
    }
}

impl Group {
    /// What processes are put into it by.
    pub(super) fn doors(&self) -> io::Result<Vec<File>> {
        let open = |folder: &Folder| File::options().write(true).open(folder.place.join("cgroup.procs"));
        self.folders.iter().map(open).collect()
    }

    /// Whether its memory was out.
    pub(super) fn was_out_of_memory(&self) -> bool {
        let ended = |line: &str| line.strip_prefix("oom_kill ").is_some_and(|count| count.trim() != "0");
        self.folders.iter().any(|Folder { place, events, .. }| {
            fs::read_to_string(place.join(events)).unwrap_or_default().lines().any(ended)
        })
    }

    /// Sets its bounds.
    pub(super) fn bound(&self, memory: u64, processes: u64) -> io::Result<()> {
        for folder in &self.folders {
            let bounds = [(folder.memory, memory.saturating_add(SLACK_BYTES)), (folder.processes, processes)];
            for (file, bound) in bounds.into_iter().filter_map(|(file, bound)| Some((file?, bound))) {
                fs::write(folder.place.join(file), bound.to_string())?;
            }
        }
        Ok(())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for Folder { place, .. } in &self.folders {
            // One that is not empty yet is removed at the next start.
            let _ = fs::remove_dir(place);
        }
    }
}

/// Makes the folder of a run's groups. A launcher of the same run that was lost may have made it: what is
/// empty of that one's is removed.
fn is_made(folder: &Path) -> bool {
    match fs::create_dir(folder) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            remove_empty(folder);
            true
        }
        Err(_) => false,
    }
}

/// Removes the empty groups in a folder: its files are none of ours to remove, and groups in use stay.
fn remove_empty(folder: &Path) {
    for group in fs::read_dir(folder).into_iter().flatten().flatten() {
        let _ = fs::remove_dir(group.path());
    }
}

/// The launcher's own group in a hierarchy of version 1 by its controller, or in that of version 2.
fn place(own: &str, mounts: &str, controller: &str) -> Option<PathBuf> {
    let has = |list: &str| list.split(',').any(|one| one == controller);
    let path = own.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        has(parts.next()?).then(|| parts.next())?
    })?;
    let mounted = mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut kind = right.split(' ');
        let matches = match (kind.next()?, controller) {
            ("cgroup2", "") => true,
            ("cgroup", controller) => !controller.is_empty() && has(kind.nth(1)?),
            _ => false,
        };
        let mut fields = left.split(' ').skip(3);
        matches.then(|| Some((fields.next()?, fields.next()?)))?
    })?;
    let (root, point) = mounted;
    let below = Path::new(path).strip_prefix(root).ok()?;
    Some(Path::new(point).join(below))
}

/// Removes the empty groups that earlier runs over a data directory left.
pub(crate) fn sweep(data_dir: &str, current_boot: &str) {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let prefix = format!("{PREFIX}{data_dir}.");
    let current = format!("{prefix}{current_boot}");
    for parent in ["memory", "pids", ""].into_iter().filter_map(|kind| place(&own, &mounts, kind)) {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with(&prefix) || name == current {
                continue;
            }
            remove_empty(&entry.path());
            let _ = fs::remove_dir(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "9:name=systemd:/\n4:memory:/box/a\n3:cpu,cpuacct:/\n0::/\n";
    const V1_MOUNTS: &str = "30 24 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
                             31 24 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup rw\n";

    /// Groups in a folder that is no control group: it takes any name, and has no files of its own.
    fn hierarchy(folder: &Path) -> Hierarchy {
        Hierarchy { folder: folder.to_owned(), memory: None, processes: None, events: "events" }
    }

    #[test]
    fn groups_go_with_their_sandbox_and_with_a_start_that_failed() {
        let place = std::env::temp_dir().join(format!("elysium-groups-{}", std::process::id()));
        let _ = fs::remove_dir_all(&place);
        fs::create_dir(&place).unwrap();
        let run = place.join("run");
        assert!(is_made(&run));
        let groups = Groups(vec![hierarchy(&run)]);
        let group = groups.make(7, 1, 1).unwrap();
        assert!(run.join("7").is_dir());
        drop(group);
        assert!(!run.join("7").exists());
        let torn = Groups(vec![hierarchy(&run), hierarchy(&place.join("gone"))]);
        assert!(torn.make(8, 1, 1).is_err());
        assert!(!run.join("8").exists());
        // As a launcher that was killed leaves it, with a group that is still in use.
        fs::create_dir_all(run.join("9")).unwrap();
        fs::create_dir_all(run.join("10/used")).unwrap();
        assert!(is_made(&run));
        assert!(!run.join("9").exists() && run.join("10").is_dir());
        fs::remove_dir_all(&place).unwrap();
    }

    #[test]
    fn the_own_group_is_found_in_each_version() {
        let found = |own, mounts, controller| place(own, mounts, controller);
        assert_eq!(found(V1, V1_MOUNTS, "memory"), Some("/sys/fs/cgroup/memory/box/a".into()));
        assert_eq!(found(V1, V1_MOUNTS, ""), Some("/sys/fs/cgroup/unified/".into()));
        assert_eq!(found(V1, V1_MOUNTS, "pids"), None);
        // In a container, the mount shows the container's group as its root.
        let v2 = "30 24 0:26 /docker/x /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        assert_eq!(found("0::/docker/x/y\n", v2, ""), Some("/sys/fs/cgroup/y".into()));
        assert_eq!(found("0::/elsewhere\n", v2, ""), None);
    }
}
