//! What `/proc` says about processes: who descends from whom, what they use, what they carry.
//! Everything read here may be gone or reused a moment later; whoever acts on it says how that is met.

use crate::runner::Usage;
use crate::sys;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;

/// One process as seen at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    /// Ended, and only waiting to be reaped.
    pub(crate) ended: bool,
    /// Clock ticks since the machine started: with `pid`, tells a process from a later one of that number.
    pub(crate) started: u64,
    cpu_ticks: u64,
    resident_pages: u64,
}

/// Every process visible here.
pub(crate) fn everyone() -> io::Result<Vec<Seen>> {
    Ok(pids()?.filter_map(one).collect())
}

/// The numbers of every process visible here.
pub(crate) fn pids() -> io::Result<impl Iterator<Item = i32>> {
    let entries = fs::read_dir("/proc")?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()))
}

/// One process, if it is still there.
pub(crate) fn one(pid: i32) -> Option<Seen> {
    parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// All descendants of `roots` in `everyone`, the roots themselves included when they are there.
pub(crate) fn descendants(everyone: &[Seen], roots: &[i32]) -> Vec<Seen> {
    let mut by_parent: HashMap<i32, Vec<&Seen>> = HashMap::new();
    for seen in everyone {
        by_parent.entry(seen.parent).or_default().push(seen);
    }
    let mut found: Vec<Seen> = everyone.iter().filter(|seen| roots.contains(&seen.pid)).copied().collect();
    let mut known: HashSet<i32> = found.iter().map(|seen| seen.pid).collect();
    let mut next = 0;
    while let Some(parent) = found.get(next).map(|seen| seen.pid) {
        next += 1;
        for child in by_parent.get(&parent).into_iter().flatten() {
            // A list read while processes come and go may contain a circle.
            if known.insert(child.pid) {
                found.push(**child);
            }
        }
    }
    found
}

/// The value of a variable in the environment a process was started with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    Value(String),
    Nothing,
    /// Not permitted, gone, or in the middle of executing.
    Unreadable,
}

/// What `pid` carries under `variable`.
pub(crate) fn carried(pid: i32, variable: &str) -> Carried {
    match fs::read(format!("/proc/{pid}/environ")) {
        Ok(environ) if environ.is_empty() => Carried::Unreadable,
        Ok(environ) => find_variable(&environ, variable).map_or(Carried::Nothing, Carried::Value),
        Err(_) => Carried::Unreadable,
    }
}

/// The user a process belongs to.
pub(crate) fn owner(pid: i32) -> Option<u32> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(format!("/proc/{pid}")).ok().map(|meta| meta.uid())
}

/// What one living process has used so far.
pub(crate) fn usage(pid: i32) -> Option<Usage> {
    let cpu_ticks = one(pid)?.cpu_ticks;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(Usage {
        cpu_micros: cpu_ticks * (1_000_000 / sys::process::ticks_per_second()),
        max_rss_bytes: parse_peak(&status)?,
    })
}

/// Bytes of memory a process has resident, and how many of them it shares with others.
pub(crate) fn resident_and_shared(pid: i32) -> Option<(u64, u64)> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let mut pages = statm.split_ascii_whitespace().skip(1).map_while(|n| n.parse::<u64>().ok());
    let page = sys::process::page_bytes();
    Some((pages.next()? * page, pages.next()? * page))
}

/// Bytes of the machine's memory that programs can have without others giving any up.
pub fn available_memory() -> u64 {
    of_memory("MemAvailable:")
}

/// All of the machine's memory.
pub(crate) fn all_memory() -> u64 {
    of_memory("MemTotal:")
}

fn of_memory(name: &str) -> u64 {
    let told = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = told.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0).saturating_mul(1024)
}

/// Fields of `/proc/PID/stat`: the name may hold blanks and parentheses, so they count from its end.
fn parse_stat(stat: &str) -> Option<Seen> {
    let pid = stat.split_ascii_whitespace().next()?.parse().ok()?;
    let rest = stat.get(stat.rfind(')')? + 1..)?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().take(22).collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some(Seen {
        pid,
        parent: fields.get(1)?.parse().ok()?,
        ended: matches!(*fields.first()?, "Z" | "X"),
        started: number(22)?,
        cpu_ticks: number(14)?.saturating_add(number(15)?),
        resident_pages: number(24)?,
    })
}

fn parse_peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

fn find_variable(environ: &[u8], variable: &str) -> Option<String> {
    environ.split(|b| *b == 0).find_map(|entry| {
        let value = entry.strip_prefix(variable.as_bytes())?.strip_prefix(b"=")?;
        String::from_utf8(value.to_vec()).ok()
    })
}

impl Seen {
    /// Bytes of memory resident at that moment.
    pub(crate) fn resident_bytes(&self) -> u64 {
        self.resident_pages * sys::process::page_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "42 (a) b (c) S 7 42 42 0 -1 4194560 99 0 0 0 12 3 0 0 20 0 1 0 5150 9000000 250 18446744073709551615 1 1";

    fn seen(pid: i32, parent: i32) -> Seen {
        Seen { pid, parent, ended: false, started: 1, cpu_ticks: 0, resident_pages: 0 }
    }

    #[test]
    fn a_name_full_of_blanks_and_parentheses_does_not_shift_fields() {
        let expected =
            Seen { pid: 42, parent: 7, ended: false, started: 5150, cpu_ticks: 15, resident_pages: 250 };
        assert_eq!(parse_stat(STAT), Some(expected));
        assert!(parse_stat(&STAT.replace(" S ", " Z ")).unwrap().ended);
        for broken in ["", "42", "42 (x", "42 (x) S", "x (y) S 1"] {
            assert_eq!(parse_stat(broken), None, "{broken:?}");
        }
    }

    #[test]
    fn descendants_are_found_across_generations_and_circles_end() {
        let everyone = [seen(5, 4), seen(1, 0), seen(2, 1), seen(4, 2), seen(9, 1), seen(7, 8), seen(8, 7)];
        let pids = |roots: &[i32]| {
            let mut pids: Vec<i32> = descendants(&everyone, roots).iter().map(|s| s.pid).collect();
            pids.sort_unstable();
            pids
        };
        assert_eq!(pids(&[2]), [2, 4, 5]);
        assert_eq!(pids(&[7]), [7, 8]);
        assert_eq!(pids(&[2, 9]), [2, 4, 5, 9]);
        assert_eq!(pids(&[77]), [0; 0]);
    }

    #[test]
    fn a_variable_is_found_by_its_whole_name() {
        let environ = b"XA=1\0A=2=3\0AB=4\0";
        assert_eq!(find_variable(environ, "A"), Some("2=3".into()));
        assert_eq!(find_variable(environ, "B"), None);
    }

    #[test]
    fn this_process_is_seen() {
        let me = std::process::id() as i32;
        assert_eq!(one(me).unwrap().pid, me);
        assert!(usage(me).unwrap().max_rss_bytes > 0);
        assert!(resident_and_shared(me).unwrap().0 > 0);
        assert_eq!(owner(me), Some(sys::process::user()));
    }
}
