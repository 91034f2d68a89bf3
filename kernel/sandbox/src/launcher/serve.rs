//! The launcher's loop: requests in, answers and exits out, until the socket closes.

use super::children::Children;
use crate::protocol::{self, MAX_MESSAGE, Notice, Spawn, Verb};
use crate::run_id::RunId;
use crate::sys::{self, signals::Interest, socket};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Answers kept for a daemon that does not read; beyond them no request is read either.
const MAX_UNSENT: usize = 1024;
/// Requests read before ended children are looked after again.
const MAX_BURST: usize = 64;

/// The state of a launcher process.
pub(super) struct Server {
    socket: OwnedFd,
    signals: OwnedFd,
    children: Children,
    unsent: VecDeque<Vec<u8>>,
    buffer: Vec<u8>,
    /// Set when the daemon is gone or asked for the end.
    over: bool,
    /// The request to answer once everything has been ended.
    stop: Option<u64>,
}

impl Server {
    pub(super) fn new(socket: OwnedFd, run: RunId) -> io::Result<Self> {
        let wanted = [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGHUP];
        Ok(Self {
            socket,
            signals: sys::signals::receive_as_fd(&wanted)?,
            children: Children::new(run),
            unsent: VecDeque::new(),
            buffer: vec![0; MAX_MESSAGE],
            over: false,
            stop: None,
        })
    }

    /// Returns when the daemon is gone, asks for the end, or this process is told to end.
    pub(super) fn serve(&mut self) -> io::Result<()> {
        while !self.over {
            let socket = Interest {
                fd: self.socket.as_fd(),
                read: self.unsent.len() < MAX_UNSENT,
                write: !self.unsent.is_empty(),
            };
            let signals = Interest { fd: self.signals.as_fd(), read: true, write: false };
            let [socket, signals] = sys::signals::wait([socket, signals], None)?;
            if signals.read {
                self.take_signals();
            }
            if socket.read || socket.hang_up {
                self.take_requests();
            }
            self.flush();
        }
        Ok(())
    }

    /// Ends every descendant, then answers a `Stop`.
    pub(super) fn end(mut self) {
        self.children.end_everything(self.signals.as_fd());
        if let Some(sequence) = self.stop {
            self.say(sequence, &Notice::Done);
            self.flush();
        }
    }

    fn take_signals(&mut self) {
        while let Some(signal) = sys::signals::next(self.signals.as_fd()) {
            self.over |= signal != libc::SIGCHLD;
        }
        for (child, ended) in self.children.reap() {
            self.say(0, &Notice::Exited { child, ended });
        }
    }

    fn take_requests(&mut self) {
        for _ in 0..MAX_BURST {
            if self.over || self.unsent.len() >= MAX_UNSENT {
                return;
            }
            match socket::receive(self.socket.as_fd(), &mut self.buffer) {
                Ok(received) if received.len == 0 && self.hung_up() => self.over = true,
                Ok(received) => self.take_request(received),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.over = true,
            }
        }
    }

    /// An empty packet and the end of the stream look alike; only the latter hangs up.
    fn hung_up(&self) -> bool {
        let interest = Interest { fd: self.socket.as_fd(), read: true, write: false };
        let now = Some(std::time::Duration::ZERO);
        sys::signals::wait([interest], now).is_ok_and(|[ready]| ready.hang_up)
    }

    fn take_request(&mut self, received: socket::Received) {
        let packet = self.buffer.get(..received.len).unwrap_or_default();
        let (sequence, verb) = protocol::decode::<Verb>(packet);
        let answer = match verb {
            Some(verb) if !received.truncated => self.obey(sequence, verb, received.fds),
            _ => Some(Notice::Refused("malformed request".to_owned())),
        };
        if let Some(answer) = answer {
            self.say(sequence, &answer);
        }
    }

    fn obey(&mut self, sequence: u64, verb: Verb, fds: Vec<OwnedFd>) -> Option<Notice> {
        let done = match verb {
            Verb::Hello => Ok(()),
            Verb::Probe => {
                let sandbox = self.children.try_sandbox(false);
                let egress = sandbox.clone().and_then(|_| self.children.try_sandbox(true));
                return Some(Notice::Probed(Box::new(crate::probe::probe(sandbox, egress))));
            }
            Verb::Spawn(spawn) => return Some(self.spawn(&spawn, &fds)),
            Verb::Signal { child, signal, scope } => self.children.signal(child, signal, scope),
            Verb::Freeze { child } => self.children.freeze(child),
            Verb::Thaw { child } => self.children.thaw(child),
            Verb::Connect { child, port } => self.children.connect(child, port, &fds),
            Verb::Enter(enter) => match enter.objection() {
                Some(objection) => return Some(Notice::Refused(objection.to_owned())),
                None => self.children.enter(enter),
            },
            Verb::Bind { child, address, datagrams } => self.children.bind(child, (address, datagrams), &fds),
            Verb::Stop => {
                (self.over, self.stop) = (true, Some(sequence));
                return None;
            }
        };
        Some(match done {
            Ok(()) => Notice::Done,
            Err(e) => Notice::Refused(e.to_string()),
        })
    }

    fn spawn(&mut self, spawn: &Spawn, fds: &[OwnedFd]) -> Notice {
        if let Some(objection) = spawn.objection(fds.len()) {
            return Notice::Refused(objection.to_owned());
        }
        match self.children.spawn(spawn, fds) {
            Ok(started) => {
                Notice::Spawned { pid: started.pid.unsigned_abs(), root: started.root.unsigned_abs() }
            }
            Err(reason) => Notice::Refused(reason),
        }
    }

    fn say(&mut self, sequence: u64, notice: &Notice) {
        // Notices are far below the bound: the longest holds a path given in a request.
        if let Some(packet) = protocol::encode(sequence, notice) {
            self.unsent.push_back(packet);
        }
    }

    fn flush(&mut self) {
        while let Some(packet) = self.unsent.front() {
            match socket::send(self.socket.as_fd(), packet, &[]) {
                Ok(()) => drop(self.unsent.pop_front()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.over = true;
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{ResourceLimits, Scope};
    use std::ffi::CString;
    use std::fs::File;
    use std::time::Duration;

    const PATIENCE: Option<Duration> = Some(Duration::from_secs(20));

    struct Talk {
        socket: OwnedFd,
        server: Option<std::thread::JoinHandle<io::Result<()>>>,
    }

    impl Talk {
        fn new() -> Self {
            let (ours, theirs) = socket::pair(MAX_MESSAGE).unwrap();
            let run = RunId::new("unit", "1").unwrap();
            let server = std::thread::spawn(move || Server::new(theirs, run).unwrap().serve());
            Self { socket: ours, server: Some(server) }
        }

        fn send(&self, packet: &[u8], fds: &[OwnedFd]) {
            socket::send(self.socket.as_fd(), packet, fds).unwrap();
        }

        fn hear(&self) -> (u64, Notice) {
            let interest = Interest { fd: self.socket.as_fd(), read: true, write: false };
            assert!(sys::signals::wait([interest], PATIENCE).unwrap()[0].read, "no answer");
            let mut buffer = vec![0; MAX_MESSAGE];
            let len = socket::receive(self.socket.as_fd(), &mut buffer).unwrap().len;
            let (sequence, notice) = protocol::decode(&buffer[..len]);
            (sequence, notice.unwrap())
        }

        fn ask(&self, sequence: u64, verb: &Verb, fds: &[OwnedFd]) -> Notice {
            self.send(&protocol::encode(sequence, verb).unwrap(), fds);
            let (answered, notice) = self.hear();
            assert_eq!(answered, sequence);
            notice
        }
    }

    impl Drop for Talk {
        fn drop(&mut self) {
            let (unused, _) = socket::pair(1).unwrap();
            drop(std::mem::replace(&mut self.socket, unused));
            self.server.take().unwrap().join().unwrap().unwrap();
        }
    }

    fn null() -> OwnedFd {
        File::open("/dev/null").unwrap().into()
    }

    fn spawn(child: u64, executable: &str) -> Verb {
        Verb::Spawn(Spawn {
            child,
            executable: CString::new(executable).unwrap(),
            argv: vec![c"x".into()],
            env: vec![],
            working_dir: c"/".into(),
            identity: None,
            limits: ResourceLimits::default(),
            boundary: None,
        })
    }

    #[test]
    fn whatever_is_sent_is_refused_and_the_next_request_served() {
        let talk = Talk::new();
        let hello = protocol::encode(5, &Verb::Hello).unwrap();
        let unknown_verb = [&7_u64.to_le_bytes()[..], &[99]].concat();
        let trailing = [hello.as_slice(), b"more"].concat();
        let oversized = vec![0; MAX_MESSAGE + 1];
        let cases: [(&[u8], u64); 6] = [
            (b"", 0),
            (b"short", 0),
            (&unknown_verb, 7),
            (&trailing, 5),
            (&[0xff; 64], u64::MAX),
            (&oversized, 0),
        ];
        for (packet, sequence) in cases {
            talk.send(packet, &[]);
            assert_eq!(talk.hear(), (sequence, Notice::Refused("malformed request".into())));
            assert_eq!(talk.ask(1, &Verb::Hello, &[]), Notice::Done);
        }
    }

    #[test]
    fn requests_that_make_no_sense_are_refused_with_the_reason() {
        let talk = Talk::new();
        let refused = |verb: &Verb, fds: &[OwnedFd]| match talk.ask(3, verb, fds) {
            Notice::Refused(reason) => reason,
            other => panic!("{other:?}"),
        };
        let three = [null(), null(), null()];
        assert_eq!(refused(&spawn(1, "/bin/true"), &[null()]), "a program gets 3 to 16 descriptors");
        assert_eq!(refused(&spawn(1, "true"), &three), "the program's path is not absolute");
        let missing = refused(&spawn(1, "/no/such"), &three);
        assert_eq!(
            missing,
            "cannot execute the program for /no/such: No such file or directory (os error 2)"
        );
        for verb in [
            Verb::Freeze { child: 9 },
            Verb::Thaw { child: 9 },
            Verb::Signal { child: 9, signal: 9, scope: Scope::Tree },
            Verb::Connect { child: 9, port: 9 },
            Verb::Bind { child: 9, address: "192.0.2.1:9".parse().unwrap(), datagrams: true },
        ] {
            assert_eq!(refused(&verb, &[null()]), "no such child, or it has ended");
        }
    }
}
