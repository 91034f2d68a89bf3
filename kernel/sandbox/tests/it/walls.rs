//! Sandboxes: what a program finds in one, what is shared with what runs beside it, how it is reached, how
//! it ends and what is left of it. Where this host cannot make sandboxes, the reason is printed instead.

use crate::{EXECUTABLE, eventually, fresh_run, start, start_as};
use sandbox::runner::{End, Level, Limits, Roots, Runner, Sandbox, Shown, Template};
use sandbox::{Egress, Handle, Isolation, LocalRunner};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A runner of sandboxes, if this host can make them.
pub async fn runner() -> Option<LocalRunner> {
    let runner = LocalRunner::new(start().await, Isolation::Only(Level::Sandbox), Egress::None);
    match runner.level().await {
        Ok(_) => Some(runner),
        Err(reason) => {
            eprintln!("not tested here: {reason}");
            None
        }
    }
}

pub fn stage() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("elysium-walls-{}-{number}", std::process::id()))
}

/// A shell script in a sandbox of 64 MB of memory and 2 MB in `/tmp`.
pub fn script(text: &str) -> Template {
    Template {
        label: "test".to_owned(),
        level: Level::Sandbox,
        argv: vec!["/bin/sh".into(), "-c".into(), text.into()],
        env: vec![("PATH".into(), "/usr/bin:/bin".into())],
        working_dir: "/".into(),
        roots: Roots { read_only: Vec::new(), image: None, tmp: stage() },
        limits: Limits { memory_bytes: 64 << 20, tmp_bytes: 2 << 20, open_files: 256, processes: Some(32) },
        ports: Vec::new(),
        waits: false,
        seeds: false,
    }
}

/// All that a sandbox writes, and how it ends.
pub async fn said(sandbox: &dyn Sandbox) -> (String, End) {
    let (mut output, mut errors) = (String::new(), String::new());
    let (mut stdout, mut stderr) = (sandbox.take_stdout().unwrap(), sandbox.take_stderr().unwrap());
    let (one, other) = tokio::join!(stdout.read_to_string(&mut output), stderr.read_to_string(&mut errors));
    one.unwrap();
    other.unwrap();
    eprint!("{errors}");
    (output, sandbox.exited().await.end)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_finds_a_world_of_its_own() {
    let Some(runner) = runner().await else { return };
    let code = stage();
    std::fs::create_dir(&code).unwrap();
    std::fs::write(code.join("file"), "code").unwrap();
    let mut template = script(
        "cat /var/task/file; echo; echo x > /tmp/f && cat /tmp/f; uname -n; ls /proc | grep -c '^[0-9]'; \
         ls -A /opt /root | tr -d '\\n'; echo; (echo y > /var/task/new) 2>/dev/null || echo sealed; \
         (echo y > /new) 2>/dev/null || echo sealed; pwd; ls /sys 2>/dev/null | wc -l; \
         grep -c . /proc/net/dev; exit 7",
    );
    template.roots.read_only = vec![Shown { from: code.clone(), at: "/var/task".into() }];
    template.working_dir = "/var/task".into();
    let (output, end) = said(&*runner.launch(template).await.unwrap()).await;
    let lines: Vec<&str> = output.lines().collect();
    // Two lines of headings and the loopback.
    assert_eq!(lines[..3], ["code", "x", "sandbox"]);
    assert!(lines[3].parse::<u32>().unwrap() < 8, "sees only its own processes");
    assert_eq!(lines[4..], ["/opt:/root:", "sealed", "sealed", "/var/task", "0", "3"]);
    assert_eq!(end, End::Code(7));
    assert!(!code.join("new").exists());
    std::fs::remove_dir_all(code).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_has_the_variables_that_it_was_given_and_no_others() {
    let Some(runner) = runner().await else { return };
    let env = vec![("A".into(), "1".into()), ("ELYSIUM_CHILD".into(), "7".into())];
    let template = Template { argv: vec!["/usr/bin/env".into()], env, ..script("") };
    assert_eq!(said(&*runner.launch(template).await.unwrap()).await, ("A=1\n".to_owned(), End::Code(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn ports_are_listened_on_from_outside_and_reached_from_there() {
    let Some(runner) = runner().await else { return };
    let client = "import socket; c = socket.create_connection(('127.0.0.1', 9001)); c.sendall(b'hi'); \
                  s = socket.create_server(('127.0.0.1', 7777)); c.sendall(b'!'); p, _ = s.accept(); \
                  print(p.recv(9).decode())";
    let template = Template { ports: vec![9001, 4566], ..script(&format!("exec python3 -c \"{client}\"")) };
    let sandbox = runner.launch(template).await.unwrap();
    let listeners = sandbox.take_listeners();
    assert_eq!(listeners.len(), 2);
    assert_eq!(listeners[1].local_addr().unwrap().port(), 4566);
    let (mut stream, _) = listeners[0].accept().await.unwrap();
    let mut got = [0; 3];
    stream.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"hi!");
    let mut back = sandbox.connect(7777).await.unwrap();
    back.write_all(b"here").await.unwrap();
    assert_eq!(said(&*sandbox).await, ("here\n".to_owned(), End::Code(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_beside_shares_the_sandbox_and_ends_with_it() {
    let Some(runner) = runner().await else { return };
    let sandbox = runner.launch(script("echo shared > /tmp/f; echo; exec sleep 600")).await.unwrap();
    sandbox.take_stdout().unwrap().read_u8().await.unwrap();
    let beside = sandbox.beside(script("cat /tmp/f; id -u > /tmp/g; exit 3")).await.unwrap();
    assert_eq!(said(&*beside).await, ("shared\n".to_owned(), End::Code(3)));
    let lasting = sandbox.beside(script("exec sleep 600")).await.unwrap();
    sandbox.kill().await.unwrap();
    assert_eq!(sandbox.exited().await.end, End::Signal(9));
    assert_eq!(lasting.exited().await.end, End::Signal(9));
    assert!(sandbox.beside(script("true")).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_are_told_as_they_were() {
    let Some(runner) = runner().await else { return };
    let of = async |text: &str| runner.launch(script(text)).await.unwrap().exited().await.end;
    assert_eq!(of("exit 9").await, End::Code(9));
    assert_eq!(of("kill -ABRT $$").await, End::Signal(6));
    assert_eq!(of("kill -9 $$").await, End::Signal(9));
    // What it leaves behind ends with it.
    assert_eq!(of("(setsid sleep 600 &); exit 0").await, End::Code(0));
    let absent = Template { argv: vec!["/no/such".into()], ..script("") };
    let refused = runner.launch(absent).await.err().unwrap().to_string();
    assert!(refused.contains("cannot execute the program: No such file"), "{refused}");
    let sandbox = runner.launch(script("exec sleep 600")).await.unwrap();
    sandbox.freeze().await.unwrap();
    sandbox.thaw().await.unwrap();
    assert!(sandbox.usage().max_rss_bytes > 0);
    sandbox.kill().await.unwrap();
    assert_eq!(sandbox.exited().await.end, End::Signal(9));
}

/// What of a run is still there: processes, mounts, control groups.
fn left(mark: &str, stage: &str) -> Vec<String> {
    let mut left = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let environ = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        if environ.windows(mark.len()).any(|part| part == mark.as_bytes()) {
            left.push(format!("{}", entry.path().display()));
        }
    }
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    left.extend(mounts.lines().filter(|line| line.contains(stage)).map(str::to_owned));
    left
}

fn groups(mark: &str) -> usize {
    let find = Command::new("find").args(["/sys/fs/cgroup", "-name", &format!("elysium.{mark}*")]).output();
    find.map(|found| found.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count())
        .unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_when_the_daemon_is_killed() {
    if runner().await.is_none() {
        return;
    }
    for launcher_too in [false, true] {
        let (run, stage) = (fresh_run(), stage());
        std::fs::create_dir(&stage).unwrap();
        // They are given no mark, so they make one.
        let straying = format!(
            "export MARK={run}; (setsid sh -c 'echo up; exec sleep 600' &); exec sh -c 'exec sleep 600'"
        );
        let mut daemon = Command::new(EXECUTABLE);
        let mut daemon = daemon
            .args(["wall", &run.to_string(), &straying, stage.to_str().unwrap()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
        let numbers = lines.next().unwrap().unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), "up");
        let mark = run.to_string();
        // With the launcher, and the first process of the sandbox, by which a next start could find it.
        eventually("all run", || left(&mark, "nowhere").len() >= 4);
        daemon.kill().unwrap();
        if launcher_too {
            let launcher = numbers.split(' ').next().unwrap();
            Command::new("kill").args(["-9", launcher]).status().unwrap();
        }
        daemon.wait().unwrap();
        eventually("its processes are gone", || left(&mark, stage.to_str().unwrap()).is_empty());
        if launcher_too {
            eventually("the next start removes its groups", || {
                sandbox::sweep(run.data_dir(), "next").unwrap();
                groups(&mark) == 0
            });
        } else {
            eventually("its groups are gone", || groups(&mark) == 0);
        }
        // Nothing is mounted over it.
        std::fs::remove_dir(&stage).unwrap();
    }
}

/// The numbers of a run's sandboxes that have control groups.
fn bounded(mark: &str) -> BTreeSet<String> {
    let folders = format!("*/elysium.{mark}/*");
    let find = Command::new("find").args(["/sys/fs/cgroup", "-type", "d", "-path", &folders]).output();
    let found = find.map(|found| String::from_utf8_lossy(&found.stdout).into_owned()).unwrap_or_default();
    found.lines().filter_map(|folder| folder.rsplit('/').next()).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_launcher_after_one_that_was_killed_makes_groups_too() {
    let run = fresh_run();
    let launcher = start_as(run.clone()).await;
    let runner = LocalRunner::new(launcher.clone(), Isolation::Only(Level::Sandbox), Egress::None);
    if runner.level().await.is_err() {
        return;
    }
    let first = runner.launch(script("exec sleep 600")).await.unwrap();
    let before = bounded(&run.to_string());
    if before.is_empty() {
        eprintln!("not tested here: no control groups can be made");
        return;
    }
    Handle::open(launcher.pid()).unwrap().kill().unwrap();
    assert_eq!(first.exited().await.end, End::Lost);
    launcher.restarted_after(1).await;
    let _second = runner.launch(script("exec sleep 600")).await.unwrap();
    let after = bounded(&run.to_string());
    assert!(!after.is_empty() && after.is_disjoint(&before), "{before:?}, then {after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_somebody_else_does_not_take_the_sandbox_away() {
    if runner().await.is_none() {
        return;
    }
    let launcher = start().await;
    let squatted = std::env::temp_dir().join(format!("elysium-probe-{}", launcher.pid()));
    std::fs::create_dir(&squatted).unwrap();
    let runner = LocalRunner::new(launcher, Isolation::Best, Egress::None);
    assert_eq!(runner.level().await, Ok(Level::Sandbox));
    std::fs::remove_dir(&squatted).unwrap();
}
