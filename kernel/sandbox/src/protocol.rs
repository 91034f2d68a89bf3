//! What daemon and launcher say to each other: one request or notice per packet, eight bytes of
//! sequence number (so that even a request that cannot be read is answered) and a postcard body.

use crate::runner::{Probe, Usage};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::ffi::{CStr, CString};
use std::net::SocketAddrV4;
use std::path::{Component, PathBuf};

/// Largest packet either side accepts; an execution environment of Lambda needs about 10 KiB.
pub(crate) const MAX_MESSAGE: usize = 128 * 1024;
/// Most arguments, or environment entries, of one program.
pub(crate) const MAX_STRINGS: usize = 1024;

/// Most files and folders shown in one sandbox.
const MAX_SHOWN: usize = 64;

/// What a packet from a sandbox says that carries the sockets of its ports.
pub(crate) const PORTS: &[u8] = b"ports";
/// What a packet from a sandbox says that carries what hands over its calls.
pub(crate) const CALLS: &[u8] = b"calls";

const SEQUENCE_BYTES: usize = 8;

/// What the daemon asks for.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Verb {
    /// Answered at once: shows that the launcher runs.
    Hello,
    Probe,
    Spawn(Spawn),
    Signal {
        child: u64,
        signal: i32,
        scope: Scope,
    },
    Freeze {
        child: u64,
    },
    Thaw {
        child: u64,
    },
    /// Connect to a port of loopback within a child's sandbox; the connection goes through the
    /// descriptor of the packet.
    Connect {
        child: u64,
        port: u16,
    },
    /// Make a program that waits within a sandbox what it is to be.
    Enter(Enter),
    /// Bind a socket to an address within a child's sandbox, for datagrams or to listen; it goes through the
    /// descriptor of the packet.
    Bind {
        child: u64,
        address: SocketAddrV4,
        datagrams: bool,
    },
    /// End everything, answer, exit.
    Stop,
}

/// A program to start; the descriptors of the packet become its 0, 1, 2, …. Where it is kept within a
/// boundary, the last one is none of its own: by it, sockets of the sandbox and what hands over its calls go
/// to the daemon.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spawn {
    /// Chosen by the daemon, never used twice, so that an early exit can already be attributed.
    pub(crate) child: u64,
    pub(crate) executable: CString,
    pub(crate) argv: Vec<CString>,
    pub(crate) env: Vec<CString>,
    pub(crate) working_dir: CString,
    pub(crate) identity: Option<Identity>,
    pub(crate) limits: ResourceLimits,
    /// Without it, the program runs among the daemon's.
    pub(crate) boundary: Option<Boundary>,
}

/// What becomes of a sandbox in which a program waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Enter {
    pub(crate) child: u64,
    /// What else is seen, only to be read, and where.
    pub(crate) shown: Vec<(PathBuf, PathBuf)>,
    pub(crate) tmp_bytes: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) processes: u64,
    pub(crate) limits: ResourceLimits,
    /// What runs in it from now on, where nothing does.
    pub(crate) program: Option<Program>,
}

/// A program, where nothing but that is to be said any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Program {
    pub(crate) argv: Vec<CString>,
    pub(crate) env: Vec<CString>,
    pub(crate) working_dir: CString,
    pub(crate) limits: ResourceLimits,
}

impl Enter {
    /// Why this cannot be done, whoever asks.
    pub(crate) fn objection(&self) -> Option<&'static str> {
        let program = self.program.as_ref();
        let of_program = program.and_then(|it| {
            let executable = it.argv.first().map_or(c"".as_ref(), CString::as_c_str);
            objection_to_program(executable, &it.argv, &it.env, &it.working_dir)
        });
        of_program.or_else(|| objection_to(&self.shown))
    }
}

/// Why this is no program.
fn objection_to_program(
    executable: &CStr,
    argv: &[CString],
    env: &[CString],
    working_dir: &CStr,
) -> Option<&'static str> {
    let absolute = |path: &CStr| path.to_bytes().starts_with(b"/");
    if !absolute(executable) {
        return Some("the program's path is not absolute");
    }
    if !absolute(working_dir) {
        return Some("the working directory's path is not absolute");
    }
    if argv.is_empty() {
        return Some("the program has no arguments, not even its name");
    }
    if argv.len() > MAX_STRINGS || env.len() > MAX_STRINGS {
        return Some("more than 1024 arguments or environment entries");
    }
    None
}

/// Why these cannot be shown in a sandbox.
fn objection_to(shown: &[(PathBuf, PathBuf)]) -> Option<&'static str> {
    let mut all = shown.iter().flat_map(|(source, target)| [source, target]);
    if !all.all(|path| path.is_absolute()) || shown.len() > MAX_SHOWN {
        return Some("a path of the sandbox is not absolute, or there are more than 64");
    }
    let inside = |path: &PathBuf| path.components().all(|part| !matches!(part, Component::ParentDir));
    if !shown.iter().all(|(_, target)| inside(target)) {
        return Some("a place in the sandbox leads out of it");
    }
    None
}

/// What a program is kept within.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Boundary {
    /// A sandbox made for it.
    Own(Box<Walls>),
    /// The sandbox of another child.
    Of(u64),
}

/// A sandbox to be made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Walls {
    /// An empty folder of the host, over which the sandbox's own root is mounted, where only the
    /// sandbox sees it.
    pub stage: PathBuf,
    /// The root file system, only read; without it, the host's programs and libraries.
    pub image: Option<PathBuf>,
    /// What else is seen, only to be read, and where.
    pub shown: Vec<(PathBuf, PathBuf)>,
    /// Room in `/tmp`.
    pub tmp_bytes: u64,
    /// Memory of all within, `/tmp` not counted.
    pub memory_bytes: u64,
    /// Processes and threads of all within.
    pub processes: u64,
    /// Ports of the sandbox's loopback on which the daemon listens.
    pub ports: Vec<u16>,
    /// Every address is one of the sandbox's own, and calls that name one are handed over to the daemon.
    pub egress: bool,
    /// What runs in it waits to be told what it is.
    pub waits: bool,
    /// How its program comes about.
    pub origin: Origin,
}

/// How the program of a sandbox comes about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// It is executed.
    #[default]
    Executed,
    /// It is executed to be copied, with the rights that this takes, and sees what its copies will.
    Seed,
    /// It is a copy of this child, which is a seed.
    Copy(u64),
}

/// User and group a program runs as; without it, those of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Numeric user.
    pub user: u32,
    /// Numeric group; there are no supplementary groups.
    pub group: u32,
}

/// Bounds the kernel keeps for each process. Limits are only ever lowered: a bound above the one in
/// force changes nothing. Core files are never written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceLimits {
    /// Bytes of address space, reserved or used.
    pub address_space: Option<u64>,
    /// Bytes of private writable memory.
    pub data: Option<u64>,
    /// Open descriptors.
    pub open_files: Option<u64>,
    /// Processes and threads, counted over all of the user's.
    pub processes: Option<u64>,
    /// Bytes of one written file.
    pub file_size: Option<u64>,
}

/// Whom a signal reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// The started program alone.
    Process,
    /// Its process group.
    Group,
    /// Everything that descends from it, also what left its group and session.
    Tree,
}

/// What the launcher answers or reports.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Notice {
    Done,
    Spawned {
        /// The program.
        pid: u32,
        /// What ends with all that descends from it: the program, or the first process of its sandbox.
        root: u32,
    },
    Probed(Box<Probe>),
    Refused(String),
    /// Not an answer: sequence 0.
    Exited {
        child: u64,
        ended: Ended,
    },
}

/// How a program ended and what it used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Exit code or signal.
    pub status: Status,
    /// Processor time and peak memory, of it and the descendants it waited for.
    pub usage: Usage,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// Its control group had no more memory.
    OutOfMemory,
    /// The launcher was lost and the program with it.
    Lost,
}

/// The bytes of one packet; `None` beyond the bound.
pub(crate) fn encode<T: Serialize>(sequence: u64, message: &T) -> Option<Vec<u8>> {
    let bytes = postcard::to_extend(message, sequence.to_le_bytes().to_vec()).ok()?;
    (bytes.len() <= MAX_MESSAGE).then_some(bytes)
}

/// The sequence number, as far as it can be read, and the message, if it is one and nothing follows it.
pub(crate) fn decode<T: DeserializeOwned>(packet: &[u8]) -> (u64, Option<T>) {
    let Some((sequence, body)) = packet.split_first_chunk::<SEQUENCE_BYTES>() else { return (0, None) };
    let message = match postcard::take_from_bytes(body) {
        Ok((message, [])) => Some(message),
        _ => None,
    };
    (u64::from_le_bytes(*sequence), message)
}

impl Spawn {
    /// Whether a sandbox is to be made in which nothing runs yet.
    pub(crate) fn is_blank(&self) -> bool {
        self.argv.is_empty() && matches!(&self.boundary, Some(Boundary::Own(walls)) if walls.waits)
    }

    /// Why this cannot be started, whoever asks.
    pub(crate) fn objection(&self, fds: usize) -> Option<&'static str> {
        let program = objection_to_program(&self.executable, &self.argv, &self.env, &self.working_dir);
        if let Some(objection) = program.filter(|_| !self.is_blank()) {
            return Some(objection);
        }
        if let Some(Boundary::Own(walls)) = &self.boundary {
            if !walls.image.iter().chain([&walls.stage]).all(|path| path.is_absolute()) {
                return Some("a path of the sandbox is not absolute");
            }
            if let Some(objection) = objection_to(&walls.shown) {
                return Some(objection);
            }
        }
        if !(3..=crate::sys::socket::MAX_FDS).contains(&fds) {
            return Some("a program gets 3 to 16 descriptors");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spawn() -> Spawn {
        Spawn {
            child: 7,
            executable: c"/bin/true".into(),
            argv: vec![c"true".into()],
            env: vec![c"A=1".into()],
            working_dir: c"/".into(),
            identity: Some(Identity { user: 1, group: 2 }),
            limits: ResourceLimits { open_files: Some(64), ..Default::default() },
            boundary: Some(Boundary::Own(Box::new(Walls { ports: vec![9001], ..Walls::default() }))),
        }
    }

    #[test]
    fn a_request_survives_the_wire() {
        let packet = encode(9, &Verb::Spawn(spawn())).unwrap();
        assert_eq!(decode::<Verb>(&packet), (9, Some(Verb::Spawn(spawn()))));
    }

    #[test]
    fn every_cut_and_every_excess_is_malformed_and_keeps_its_sequence() {
        let packet = encode(9, &Verb::Spawn(spawn())).unwrap();
        for cut in 0..packet.len() {
            let (sequence, verb) = decode::<Verb>(&packet[..cut]);
            assert_eq!(sequence, if cut < 8 { 0 } else { 9 });
            assert_eq!(verb, None, "cut at {cut}");
        }
        let longer = [packet.as_slice(), &[0]].concat();
        assert_eq!(decode::<Verb>(&longer), (9, None));
    }

    #[test]
    fn a_claimed_length_beyond_the_packet_allocates_nothing_like_it() {
        let mut packet = 1_u64.to_le_bytes().to_vec();
        packet.extend([2, 7, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
        assert_eq!(decode::<Verb>(&packet), (1, None));
    }

    #[test]
    fn strings_with_a_nul_are_malformed() {
        let mut packet = encode(1, &Verb::Spawn(spawn())).unwrap();
        let at = packet.windows(9).position(|w| w == b"/bin/true").unwrap();
        packet[at + 4] = 0;
        assert_eq!(decode::<Verb>(&packet), (1, None));
    }

    #[test]
    fn too_large_is_not_encoded() {
        let long = CString::new(vec![b'x'; MAX_MESSAGE]).unwrap();
        assert_eq!(encode(1, &Verb::Spawn(Spawn { env: vec![long], ..spawn() })), None);
    }

    #[test]
    fn objections() {
        let spawn = || Spawn { boundary: None, ..spawn() };
        assert_eq!(spawn().objection(3), None);
        assert!(spawn().objection(2).is_some());
        assert!(spawn().objection(17).is_some());
        assert!(Spawn { executable: c"true".into(), ..spawn() }.objection(3).is_some());
        assert!(Spawn { working_dir: c"".into(), ..spawn() }.objection(3).is_some());
        let walls = |from: &str, to: &str| Walls {
            stage: "/stage".into(),
            shown: vec![(from.into(), to.into())],
            ..Walls::default()
        };
        let within = |walls| Spawn { boundary: Some(Boundary::Own(Box::new(walls))), ..spawn() };
        assert_eq!(within(walls("/a", "/b")).objection(3), None);
        for bad in [walls("a", "/b"), walls("/a", "b"), walls("/a", "/b/../../c"), Walls::default()] {
            assert!(within(bad).objection(3).is_some());
        }
        assert!(Spawn { argv: vec![], ..spawn() }.objection(3).is_some());
        assert!(Spawn { env: vec![c"".into(); 1025], ..spawn() }.objection(3).is_some());
    }
}
