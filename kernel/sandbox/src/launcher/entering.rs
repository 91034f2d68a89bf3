//! Making a sandbox that waits that of a function: folders of the host are mounted into it from out here, and
//! its bounds become the function's.

use super::groups::Group;
use crate::protocol::Enter;
use crate::sys::namespace::{self, Without};
use crate::sys::spawn::Resource;
use crate::sys::{self, process};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often it is looked whether a program is where it was told to go, which takes some microseconds as a rule: half a
/// second together.
const MAX_LOOKS: usize = 5_000;
const BETWEEN_LOOKS: Duration = Duration::from_micros(100);

/// Does it to the sandbox of a first process. `program` is what waits in it.
pub(super) fn enter(
    (root, program): (i32, i32),
    (user, group_id): (u32, u32),
    group: Option<&Group>,
    enter: &Enter,
    limits: &[(Resource, u64)],
) -> io::Result<()> {
    let mut trees = Vec::with_capacity(enter.shown.len());
    for (source, target) in &enter.shown {
        trees.push((namespace::tree(source, Without::Writing)?, target));
    }
    if let Some(group) = group {
        group.bound(enter.memory_bytes.saturating_add(enter.tmp_bytes), enter.processes)?;
    }
    let first = process::open(root)?;
    sys::host::in_child(|| {
        namespace::join(&first, namespace::MOUNTS)?;
        for (tree, target) in &trees {
            namespace::attach(tree, target)?;
        }
        namespace::resize(Path::new("/tmp"), &super::root::tmp_size(enter.tmp_bytes))?;
        if enter.program.is_some() {
            // What is blank lowers its own.
            return Ok(());
        }
        // Its own user may lower its limits; root may not everywhere.
        sys::confine::become_user(user, group_id, true)?;
        limits.iter().try_for_each(|(resource, bound)| sys::spawn::lower_other(program, *resource, *bound))
    })?;
    go_into_what_is_shown((root, program), &enter.shown)
}

/// A program whose working directory was mounted over is still in what lies below: it goes there once more.
fn go_into_what_is_shown((root, program): (i32, i32), shown: &[(PathBuf, PathBuf)]) -> io::Result<()> {
    let working_dir = PathBuf::from(format!("/proc/{program}/cwd"));
    let at = fs::read_link(&working_dir)?;
    let Some((source, _)) = shown.iter().find(|(_, target)| *target == at) else { return Ok(()) };
    let wanted = fs::metadata(source)?;
    sys::signals::go_back(root)?;
    for _ in 0..MAX_LOOKS {
        let found = fs::metadata(&working_dir)?;
        if (found.dev(), found.ino()) == (wanted.dev(), wanted.ino()) {
            return Ok(());
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
    Err(io::ErrorKind::TimedOut.into())
}
