//! Sandboxes that wait: what is told to them, shown to them and asked of them when they are entered.

use crate::walls::{runner, said, script, stage};
use sandbox::LocalRunner;
use sandbox::runner::{End, Entry, Limits, Runner, Shown, Template};

/// A runner, where a sandbox that waits can be entered.
async fn entering() -> Option<LocalRunner> {
    let runner = runner().await?;
    if runner.probe().await.unwrap().root {
        return Some(runner);
    }
    eprintln!("not tested here: only root can enter sandboxes");
    None
}

fn waiting(text: &str) -> Template {
    Template { waits: true, ..script(text) }
}

fn entry(shown: Vec<Shown>) -> Entry {
    let limits = Limits { memory_bytes: 32 << 20, tmp_bytes: 4 << 20, open_files: 99, processes: Some(16) };
    Entry { shown, limits, told: b"a word".to_vec() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_becomes_what_it_is_told() {
    let Some(runner) = entering().await else { return };
    let code = stage();
    std::fs::create_dir(&code).unwrap();
    std::fs::write(code.join("file"), "code").unwrap();
    let template = waiting(
        "cat; echo; cat /var/task/file; echo; df -k --output=size /tmp | tail -1 | tr -d ' '; ulimit -n; \
         (echo y > /var/task/new) 2>/dev/null || echo sealed; ls -d /var/task /opt/lib",
    );
    let sandbox = runner.launch(template).await.unwrap();
    let shown = vec![Shown { from: code.clone(), at: "/var/task".into() }];
    sandbox.enter(entry(shown)).await.unwrap();
    assert!(sandbox.enter(entry(Vec::new())).await.is_err(), "only once");
    let (output, end) = said(&*sandbox).await;
    assert_eq!(output, "a word\ncode\n4096\n99\nsealed\n/opt/lib\n/var/task\n");
    assert_eq!(end, End::Code(0));
    assert!(!code.join("new").exists());
    std::fs::remove_dir_all(code).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn bounds_hold_from_then_on() {
    let Some(runner) = entering().await else { return };
    let grow = "cat > /dev/null; exec python3 -c 'held = []\nwhile True: held.append(bytearray(1 << 20))'";
    let wide = Limits { memory_bytes: 1 << 30, ..script("").limits };
    let sandbox = runner.launch(Template { limits: wide, ..waiting(grow) }).await.unwrap();
    sandbox.enter(entry(Vec::new())).await.unwrap();
    assert_eq!(sandbox.exited().await.end, End::OutOfMemory);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_entered_says_so() {
    let Some(runner) = entering().await else { return };
    let sandbox = runner.launch(script("exec sleep 600")).await.unwrap();
    assert!(sandbox.enter(entry(Vec::new())).await.is_err(), "nothing waits in it");
    let sandbox = runner.launch(waiting("exec cat")).await.unwrap();
    let nowhere = vec![Shown { from: "/no/such".into(), at: "/var/task".into() }];
    let refused = sandbox.enter(entry(nowhere)).await.unwrap_err().to_string();
    assert!(refused.contains("No such file"), "{refused}");
    let sandbox = runner.launch(waiting("exec cat")).await.unwrap();
    sandbox.kill().await.unwrap();
    assert!(sandbox.enter(entry(Vec::new())).await.is_err(), "it has ended");
}
