//! The process runner as rooms see it: through the traits.

use crate::start;
use sandbox::runner::{End, Level, Limits, Roots, Runner, RunnerError, Shown, Template};
use sandbox::{Egress, Isolation, LocalRunner};
use std::path::PathBuf;
use tokio::io::AsyncReadExt;

async fn runner() -> Box<dyn Runner> {
    Box::new(LocalRunner::new(start().await, Isolation::Only(Level::Process), Egress::None))
}

fn template(name: &str, script: &str) -> Template {
    Template {
        label: name.to_owned(),
        level: Level::Process,
        argv: vec!["/bin/sh".into(), "-c".into(), script.into()],
        env: vec![("PATH".into(), "/usr/bin:/bin".into()), ("TMPDIR".into(), "/else".into())],
        working_dir: "/".into(),
        roots: Roots { read_only: vec![shown("/usr")], image: None, tmp: tmp(name) },
        limits: Limits { memory_bytes: 64 << 20, tmp_bytes: 1 << 20, open_files: 256, processes: None },
        ports: Vec::new(),
        waits: false,
        seeds: false,
    }
}

fn shown(place: &str) -> Shown {
    Shown { from: place.into(), at: place.into() }
}

fn tmp(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("elysium-runner-{}-{name}", std::process::id()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_runs_writes_and_is_cleaned_up() {
    let sandbox = runner().await.launch(template("clean", "echo x > $TMPDIR/f; cat $TMPDIR/f; exit 4")).await;
    let sandbox = sandbox.unwrap();
    let mut output = String::new();
    sandbox.take_stdout().unwrap().read_to_string(&mut output).await.unwrap();
    assert_eq!(output, "x\n");
    assert!(sandbox.take_stdout().is_none());
    let exit = sandbox.exited().await;
    assert_eq!(exit.end, End::Code(4));
    assert_eq!(sandbox.usage(), exit.usage);
    assert!(tmp("clean").exists());
    drop(sandbox);
    crate::eventually("its directory is removed", || !tmp("clean").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_beyond_the_limit_ends_the_sandbox() {
    let runner = runner().await;
    let grow = "exec python3 -c 'x = bytearray(200 << 20); import time; time.sleep(600)'";
    let sandbox = runner.launch(template("grow", grow)).await.unwrap();
    assert_eq!(sandbox.exited().await.end, End::OutOfMemory);
    let below = "python3 -c 'x = bytearray(200 << 20); import time; time.sleep(600)'; true";
    let sandbox = runner.launch(template("below", below)).await.unwrap();
    assert_eq!(sandbox.exited().await.end, End::OutOfMemory);
}

#[tokio::test(flavor = "multi_thread")]
async fn freeze_thaw_kill() {
    let sandbox = runner().await.launch(template("still", "exec sleep 600")).await.unwrap();
    sandbox.freeze().await.unwrap();
    sandbox.thaw().await.unwrap();
    assert!(sandbox.usage().max_rss_bytes > 0);
    sandbox.kill().await.unwrap();
    assert_eq!(sandbox.exited().await.end, End::Signal(9));
    sandbox.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_sandbox_ends_it_and_removes_its_directory() {
    let runner = runner().await;
    let writing = "echo; i=0; while :; do i=$((i + 1)); mkdir $TMPDIR/$i; done";
    let sandbox = runner.launch(template("dropped", writing)).await.unwrap();
    sandbox.take_stdout().unwrap().read_u8().await.unwrap();
    drop(sandbox);
    crate::eventually("its directory is removed", || !tmp("dropped").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_level_that_cannot_be_given_fails_with_the_reason() {
    let runner = runner().await;
    assert_eq!(runner.level().await, Ok(Level::Process));
    assert_eq!(runner.probe().await.unwrap().allows(Level::Process), Ok(()));
    let refused = runner.launch(Template { level: Level::Vm, ..template("level", "true") }).await.err();
    let Some(RunnerError::LevelUnavailable { asked: Level::Vm, reason }) = refused else {
        panic!("{refused:?}")
    };
    assert!(!reason.is_empty());
    assert!(!tmp("level").exists());
    let only = LocalRunner::new(start().await, Isolation::Only(Level::Vm), Egress::None);
    assert!(matches!(only.level().await, Err(RunnerError::LevelUnavailable { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_that_cannot_run_are_refused() {
    let runner = runner().await;
    let base = || template("refused", "true");
    let relative = Template { argv: vec!["sh".into()], ..base() };
    let empty = Template { argv: vec![], ..base() };
    let missing = Roots { read_only: vec![shown("/no/such")], image: None, tmp: tmp("refused") };
    for bad in [relative, empty, Template { roots: missing, ..base() }] {
        assert!(matches!(runner.launch(bad).await.err(), Some(RunnerError::Invalid(_))));
    }
    let taken = Roots { read_only: vec![], image: None, tmp: "/usr".into() };
    let refused = runner.launch(Template { roots: taken, ..base() }).await.err();
    assert!(matches!(refused, Some(RunnerError::Refused(_))), "{refused:?}");
    let absent = Template { argv: vec!["/no/such".into()], ..base() };
    assert!(matches!(runner.launch(absent).await.err(), Some(RunnerError::Refused(_))));
    crate::eventually("the directory of what failed is removed", || !tmp("refused").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_is_data() {
    let probe = runner().await.probe().await.unwrap();
    assert!(!probe.kernel.is_empty());
    let text = serde_json::to_string(&probe).unwrap();
    assert_eq!(serde_json::from_str::<sandbox::runner::Probe>(&text).unwrap(), probe);
}
