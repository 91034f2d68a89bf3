//! Nothing outlives the daemon or the launcher, however either ends.

use crate::{EXECUTABLE, PATIENCE, STRAYING, first_number, fresh_run, shell, start, start_as, state};
use sandbox::{Handle, Status, Stdin};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

fn assert_ended(pid: u32) {
    match Handle::open(pid) {
        Ok(process) => assert!(process.ended_within(PATIENCE).unwrap(), "process {pid} lives on"),
        Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::NotFound),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strays_end_when_the_last_handle_is_dropped() {
    let launcher = start().await;
    let mut child = launcher.spawn(shell(STRAYING)).await.unwrap();
    let stray = first_number(&mut child).await;
    assert!(state(stray).is_some());
    let (launching, pid) = (launcher.pid(), child.pid());
    drop((launcher, child));
    for pid in [stray, pid, launching] {
        assert_ended(pid);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strays_end_with_the_program_that_left_them() {
    let launcher = start().await;
    let mut leaving = shell("(setsid sh -c 'echo $$; exec sleep 600' &); read line");
    leaving.stdin = Stdin::Piped;
    let mut child = launcher.spawn(leaving).await.unwrap();
    let mut other = launcher.spawn(shell(STRAYING)).await.unwrap();
    let (stray, kept) = (first_number(&mut child).await, first_number(&mut other).await);
    drop(child.stdin.take());
    assert_eq!(child.wait().await.status, Status::Code(1));
    assert_ended(stray);
    assert!(state(kept).is_some() && state(other.pid()).is_some());
    other.kill().await.unwrap();
    assert_ended(kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stray_that_hides_its_number_ends_at_the_next_look() {
    let launcher = start().await;
    let hiding = "(env -i setsid sh -c 'echo $$; exec sleep 600' &); exec sleep 600";
    let mut child = launcher.spawn(shell(hiding)).await.unwrap();
    let stray = first_number(&mut child).await;
    launcher.spawn(shell("true")).await.unwrap().wait().await;
    assert_ended(stray);
    assert!(state(child.pid()).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_child_ends_its_tree() {
    let launcher = start().await;
    let mut child = launcher.spawn(shell(STRAYING)).await.unwrap();
    let (stray, pid) = (first_number(&mut child).await, child.pid());
    drop(child);
    assert_ended(stray);
    assert_ended(pid);
    assert_eq!(launcher.starts(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_forks_while_it_is_being_ended_is_ended() {
    let launcher = start().await;
    let restless = "f() { (setsid sleep 600 &); sh -c : ; }; echo 1; while :; do f; done";
    let mut child = launcher.spawn(shell(restless)).await.unwrap();
    first_number(&mut child).await;
    let descendants = || {
        let mark = format!("ELYSIUM_RUN_ID={}", launcher_run(&child));
        std::fs::read_dir("/proc").unwrap().flatten().filter(move |entry| {
            let environ = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            let carried: Vec<&[u8]> = environ.split(|b| *b == 0).collect();
            // The launcher has the first of them too.
            carried.contains(&mark.as_bytes()) && carried.iter().any(|one| one.starts_with(b"ELYSIUM_CHILD="))
        })
    };
    crate::eventually("several have been forked", || descendants().count() > 20);
    let pids: Vec<u32> = descendants().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    child.kill().await.unwrap();
    child.wait().await;
    for pid in pids {
        assert_ended(pid);
    }
    launcher.stop().await.unwrap();
    assert_eq!(descendants().count(), 0);
}

fn launcher_run(child: &sandbox::Child) -> String {
    let environ = std::fs::read_to_string(format!("/proc/{}/environ", child.pid())).unwrap_or_default();
    let run = environ.split('\0').find_map(|entry| entry.strip_prefix("ELYSIUM_RUN_ID="));
    run.unwrap_or("ended").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_ends_everything_before_it_answers() {
    let launcher = start().await;
    let mut child = launcher.spawn(shell(STRAYING)).await.unwrap();
    let stray = first_number(&mut child).await;
    launcher.stop().await.unwrap();
    assert_eq!((state(stray), state(child.pid())), (None, None));
    assert_eq!(child.wait().await.status, Status::Lost);
    assert!(launcher.spawn(shell("true")).await.is_err());
}

/// Children that are let go while the launcher ends must not cost it its last answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_is_answered_while_children_are_let_go() {
    for _ in 0..20 {
        let launcher = start().await;
        let mut children = Vec::new();
        for _ in 0..8 {
            children.push(launcher.spawn(shell("sleep 3600")).await.unwrap());
        }
        let letting_go = tokio::spawn(async move {
            for child in children {
                drop(child);
                tokio::task::yield_now().await;
            }
        });
        launcher.stop().await.unwrap();
        letting_go.await.unwrap();
    }
}

#[test]
fn everything_ends_when_the_daemon_is_killed() {
    let script = STRAYING;
    let mut daemon = Command::new(EXECUTABLE)
        .args(["hold", &fresh_run().to_string(), script])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let mut pids: Vec<u32> = first.split(' ').map(|pid| pid.parse().unwrap()).collect();
    pids.push(lines.next().unwrap().unwrap().parse().unwrap());
    assert!(pids.iter().all(|pid| state(*pid).is_some()), "{pids:?}");
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    for pid in pids {
        assert_ended(pid);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launcher_killed_first_takes_its_children_along_and_is_restarted() {
    let launcher = start_as(fresh_run()).await;
    let mut child = launcher.spawn(shell(STRAYING)).await.unwrap();
    let (stray, first) = (first_number(&mut child).await, launcher.pid());
    Handle::open(first).unwrap().kill().unwrap();
    assert_eq!(child.wait().await.status, Status::Lost);
    assert_ended(child.pid());
    assert_ended(stray);
    launcher.restarted_after(1).await;
    assert_ne!(launcher.pid(), first);
    let next = launcher.spawn(shell("exit 3")).await.unwrap();
    assert_eq!(next.wait().await.status, Status::Code(3));
}

#[test]
fn launcher_and_daemon_refuse_to_be_launchers_by_hand() {
    for (args, words) in [(vec!["__launcher"], "id of its run"), (vec!["__launcher", "a.b"], "a socket")] {
        let output = Command::new(EXECUTABLE).args(args).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains(words));
    }
}
