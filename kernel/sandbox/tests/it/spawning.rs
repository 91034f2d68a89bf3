//! Starting programs: output, environment, ends, descriptors, many at once.

use crate::{EXECUTABLE, all, fresh_run, program, shell, start, start_as};
use sandbox::{LauncherError, Scope, Status, Stdin};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;

#[tokio::test(flavor = "multi_thread")]
async fn output_and_exit_code() {
    let launcher = start().await;
    let mut child = launcher.spawn(shell("echo out; echo err >&2; pwd; exit 7")).await.unwrap();
    assert_eq!(all(&mut child.stdout).await, "out\n/\n");
    assert_eq!(all(&mut child.stderr).await, "err\n");
    let ended = child.wait().await;
    assert_eq!(ended.status, Status::Code(7));
    assert!(ended.usage.max_rss_bytes > 100_000, "{ended:?}");
    assert_eq!(child.wait().await, ended);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_what_was_asked_for_and_the_marks() {
    let run = fresh_run();
    let launcher = start_as(run.clone()).await;
    let mut request = program("/usr/bin/env", &[]);
    request.env = vec![("A".into(), "1=2".into()), ("ELYSIUM_RUN_ID".into(), "forged.1".into())];
    let mut child = launcher.spawn(request).await.unwrap();
    assert_eq!(all(&mut child.stdout).await, format!("A=1=2\nELYSIUM_RUN_ID={run}\nELYSIUM_CHILD=1\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_a_program_and_is_told() {
    let launcher = start().await;
    for (signal, scope) in [(15, Scope::Process), (2, Scope::Group), (9, Scope::Tree)] {
        let child = launcher.spawn(program("/bin/sleep", &["600"])).await.unwrap();
        child.signal(signal, scope).await.unwrap();
        assert_eq!(child.wait().await.status, Status::Signal(signal));
        child.kill().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_start_says_why_and_leaves_the_launcher_serving() {
    let launcher = start().await;
    let mut bad_dir = shell("true");
    bad_dir.working_dir = "/no/such/directory".into();
    let mut huge = shell("true");
    huge.env.push(("A".into(), "x".repeat(200_000).into()));
    let mut nul = shell("true");
    nul.argv.push("a\0b".into());
    let cases = [
        (program("/no/such/program", &[]), "cannot execute the program for /no/such/program"),
        (program("/etc/passwd", &[]), "Permission denied"),
        (bad_dir, "cannot enter the working directory"),
        (huge, "larger than 128 KiB"),
        (nul, "NUL"),
    ];
    for (request, words) in cases {
        let error = launcher.spawn(request).await.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let child = launcher.spawn(program("/bin/true", &[])).await.unwrap();
    assert_eq!(child.wait().await.status, Status::Code(0));
    assert_eq!(launcher.starts(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn stdin_and_further_descriptors_reach_the_program_and_no_others() {
    let launcher = start().await;
    let (mut ours, theirs) = std::io::pipe().unwrap();
    let mut request = shell("cat; echo extra >&3; ls -l /proc/self/fd | grep -c ' -> '");
    request.stdin = Stdin::Piped;
    request.extra_fds = Arc::new(vec![OwnedFd::from(theirs)]);
    let mut child = launcher.spawn(request).await.unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"given ").await.unwrap();
    drop(stdin);
    // 0 to 3, and the one by which `ls` reads the directory.
    assert_eq!(all(&mut child.stdout).await, "given 5\n");
    let mut extra = String::new();
    ours.read_to_string(&mut extra).unwrap();
    assert_eq!(extra, "extra\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_at_once() {
    let launcher = start().await;
    let mut running = Vec::new();
    for i in 0..200 {
        let launcher = launcher.clone();
        running.push(tokio::spawn(async move {
            let mut child = launcher.spawn(shell(&format!("echo {i}; exit {}", i % 100))).await?;
            let output = all(&mut child.stdout).await;
            assert_eq!((output, child.wait().await.status), (format!("{i}\n"), Status::Code(i % 100)));
            Ok::<_, LauncherError>(())
        }));
    }
    for task in running {
        task.await.unwrap().unwrap();
    }
}

#[test]
fn no_descriptor_is_left_open_after_a_hundred_programs() {
    let output = Command::new(EXECUTABLE).args(["churn", "100"]).output().unwrap();
    std::io::stderr().write_all(&output.stderr).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let counts: Vec<&str> = text.lines().next().unwrap().split(' ').collect();
    assert_eq!(counts[..2], counts[2..], "{text}");
}
