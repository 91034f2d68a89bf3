//! Attempts to get out of a sandbox, to see others, and to take more than one's share. Each is contained,
//! and a neighbour goes on answering.

use crate::walls::{runner, said, script, stage};
use sandbox::runner::{End, Runner, Template};
use std::os::unix::net::UnixListener;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

fn python(program: &str) -> Template {
    let mut template = script("");
    template.argv = vec!["/usr/bin/env".into(), "python3".into(), "-c".into(), program.into()];
    template
}

/// Runs attempts. Each must be stopped by what is to stop it: another reason would only show that the attempt
/// was none, whatever the walls are. Those that were not are printed.
const ATTEMPTS: &str = r#"
import ctypes, errno, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def attempt(reason, name, act):
    try:
        act()
        print(name, "is OUT")
    except OSError as error:
        if error.errno != reason:
            print(name, "was stopped by", error)
def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
"#;

async fn all_are_stopped(attempts: &str) {
    let Some(runner) = runner().await else { return };
    let sandbox = runner.launch(python(&format!("{ATTEMPTS}{attempts}"))).await.unwrap();
    assert_eq!(said(&*sandbox).await, (String::new(), End::Code(0)));
}

/// By the filter and by having no capability; what the first process of the sandbox has, by its keeping to
/// itself.
#[cfg(target_arch = "x86_64")]
#[tokio::test(flavor = "multi_thread")]
async fn mounts_namespaces_and_other_processes_are_out_of_reach() {
    all_are_stopped(
        r#"
attempt(errno.EPERM, "mount", lambda: call(165, b"tmpfs", b"/tmp", b"tmpfs", 0, 0))
attempt(errno.EPERM, "umount", lambda: call(166, b"/proc", 2))
attempt(errno.EPERM, "pivot", lambda: call(155, b"/", b"/"))
attempt(errno.EPERM, "chroot", lambda: os.chroot("/tmp"))
attempt(errno.EPERM, "unshare", lambda: call(272, 0x10000000))
attempt(errno.EPERM, "clone", lambda: call(56, 0x10000000, 0, 0, 0, 0))
attempt(errno.EPERM, "setns", lambda: call(308, 0, 0))
attempt(errno.EPERM, "ptrace", lambda: call(101, 16, 1, 0, 0))
attempt(errno.EPERM, "read of the first process", lambda: call(310, 1, 0, 0, 0, 0, 0))
attempt(errno.EACCES, "memory of the first process", lambda: open("/proc/1/mem", "rb").read(1))
attempt(errno.EACCES, "its environment", lambda: open("/proc/1/environ", "rb").read(1))
attempt(errno.EACCES, "its root", lambda: os.listdir("/proc/1/root"))
attempt(errno.EPERM, "bpf", lambda: call(321, 0, 0, 0))
attempt(errno.EPERM, "modules", lambda: call(175, 0, 0, 0))
attempt(errno.EPERM, "io_uring", lambda: call(425, 1, 0))
attempt(errno.EPERM, "keys", lambda: call(250, 0, 0, 0, 0, 0))
attempt(errno.EPERM, "handles", lambda: call(304, 0, 0, 0))
attempt(errno.EPERM, "root", lambda: os.setuid(0))
attempt(errno.EPERM, "device", lambda: os.mknod("/tmp/disk", 0o60600, os.makedev(254, 0)))
attempt(errno.EPERM, "clock", lambda: call(227, 0, 0))
attempt(errno.EPERM, "raw network", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
"#,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_host_and_of_others_are_not_there() {
    let folder = stage();
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("secret"), "s").unwrap();
    let socket = folder.join("socket");
    let _daemon = UnixListener::bind(&socket).unwrap();
    let place = folder.display();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let number = port.local_addr().unwrap().port();
    all_are_stopped(&format!(
        r#"
attempt(errno.ENOENT, "file", lambda: open("{place}/secret"))
attempt(errno.ENOENT, "socket", lambda: socket.socket(socket.AF_UNIX).connect("{place}/socket"))
attempt(errno.ECONNREFUSED, "loopback of the host", lambda: socket.create_connection(("127.0.0.1", {number}), 1))
attempt(errno.ENETUNREACH, "network", lambda: socket.create_connection(("192.0.2.1", 80), 1))
attempt(errno.ENOENT, "passwords", lambda: open("/etc/shadow"))
attempt(errno.ENOENT, "homes", lambda: os.listdir("/home"))
attempt(errno.EROFS, "write to programs", lambda: open("/usr/bin/new", "w"))
attempt(errno.EROFS, "write to the root", lambda: open("/new", "w"))
attempt(errno.EROFS, "write to devices", lambda: open("/dev/new", "w"))
attempt(errno.ENOENT, "memory of the machine", lambda: open("/dev/mem"))
attempt(errno.EACCES, "settings of the kernel", lambda: open("/proc/sys/kernel/core_pattern", "w"))
attempt(errno.EACCES, "caches of the kernel", lambda: open("/proc/sys/vm/drop_caches", "w"))
"#
    ))
    .await;
    std::fs::remove_dir_all(folder).unwrap();
}

/// Runs what takes all it can get, while a neighbour must go on answering; returns what it said.
async fn beside_a_neighbour(template: Template) -> Option<(String, End)> {
    let runner = runner().await?;
    let mut neighbour = script("");
    let echo = "import socket\nc = socket.create_connection(('127.0.0.1', 9001))\n\
                while True: c.sendall(c.makefile('rb').readline())";
    neighbour.argv = vec!["/usr/bin/env".into(), "python3".into(), "-c".into(), echo.into()];
    neighbour.ports = vec![9001];
    let neighbour = runner.launch(neighbour).await.unwrap();
    let (stream, _) = neighbour.take_listeners().remove(0).accept().await.unwrap();
    let mut stream = BufReader::new(stream);
    let greedy = runner.launch(template).await.unwrap();
    let mut ended = std::pin::pin!(said(&*greedy));
    loop {
        stream.get_mut().write_all(b"there?\n").await.unwrap();
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        assert_eq!(line, "there?\n");
        let turn = tokio::select! {
            ended = &mut ended => Some(ended),
            () = tokio::task::yield_now() => None,
        };
        if turn.is_some() {
            return turn;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_bomb_stays_within_its_processes() {
    let bomb = "import os\ncount = 0\nwhile count < 5000:\n try:\n  pid = os.fork()\n except OSError as e:\n  \
                print(count, e.errno); break\n if pid == 0:\n  import time; time.sleep(600)\n count += 1";
    let Some((output, _)) = beside_a_neighbour(python(bomb)).await else { return };
    let (count, error) = output.trim().split_once(' ').unwrap();
    assert!(count.parse::<u32>().unwrap() < 32, "{output}");
    assert_eq!(error, libc_eagain());
}

fn libc_eagain() -> &'static str {
    "11"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_bomb_is_ended() {
    let bomb = "held = []\nwhile True: held.append(bytearray(1 << 20))";
    let Some((_, end)) = beside_a_neighbour(python(bomb)).await else { return };
    assert_eq!(end, End::OutOfMemory);
    let of_many = "import os, time\nfor _ in range(8):\n if os.fork() == 0:\n  held = bytearray(40 << 20); \
                   time.sleep(600)\ntime.sleep(600)";
    let Some((_, end)) = beside_a_neighbour(python(of_many)).await else { return };
    assert_eq!(end, End::OutOfMemory);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_tmp_is_full_for_one_alone() {
    let fill = "written = 0\ntry:\n with open('/tmp/f', 'wb') as f:\n  while True: f.write(bytes(65536)); \
                f.flush(); written += 65536\nexcept OSError as e: print(written, e.errno)";
    let Some((output, end)) = beside_a_neighbour(python(fill)).await else { return };
    assert_eq!((output.as_str(), end), ("2097152 28\n", End::Code(0)));
    let many = "count = 0\ntry:\n while True: open(f'/tmp/{count}', 'w').close(); count += 1\nexcept OSError \
                as e: print(count < 3000, e.errno)";
    let Some((output, _)) = beside_a_neighbour(python(many)).await else { return };
    assert_eq!(output, "True 28\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn open_files_are_bounded() {
    let open = "held = []\ntry:\n while True: held.append(open('/dev/null'))\nexcept OSError as e: \
                print(len(held) < 256, e.errno)";
    let Some((output, _)) = beside_a_neighbour(python(open)).await else { return };
    assert_eq!(output, "True 24\n");
}
