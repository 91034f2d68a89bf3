//! Sandboxes that wait: what is told to them, shown to them and asked of them when they are entered.

use crate::walls::{runner, said, script, stage};
use sandbox::LocalRunner;
use sandbox::runner::{End, Entry, Limits, Runner, Shown, Template, Told};

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
    Entry { shown, limits, told: Told::Words(b"a word".to_vec()) }
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

/// A JVM, for one, cannot go anywhere by itself.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_where_something_is_shown_is_in_that() {
    let Some(runner) = entering().await else { return };
    let code = stage();
    std::fs::create_dir(&code).unwrap();
    std::fs::write(code.join("file"), "code").unwrap();
    let template = Template {
        working_dir: "/var/task".into(),
        ..waiting("pwd; cat; echo; cat file; echo; /bin/pwd; ls")
    };
    let sandbox = runner.launch(template).await.unwrap();
    let shown = vec![Shown { from: code.clone(), at: "/var/task".into() }];
    sandbox.enter(entry(shown)).await.unwrap();
    let (output, end) = said(&*sandbox).await;
    assert_eq!((output.as_str(), end), ("/var/task\na word\ncode\n/var/task\nfile\n", End::Code(0)));
    std::fs::remove_dir_all(code).unwrap();
}

/// Nothing but a sandbox, and what is to run in it.
fn blank() -> Template {
    Template { argv: Vec::new(), ..waiting("") }
}

fn program(text: &str) -> Entry {
    let argv = vec!["/bin/sh".into(), "-c".into(), text.into()];
    let env = vec![("PATH".into(), "/usr/bin:/bin".into()), ("COLOUR".into(), "blue".into())];
    Entry { told: Told::Program { argv, env, working_dir: "/tmp".into() }, ..entry(Vec::new()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_runs_yet_any_program_can() {
    let Some(runner) = entering().await else { return };
    let sandbox = runner.launch(blank()).await.unwrap();
    let text = "echo $COLOUR; pwd; ulimit -n; cat; ls /proc/self/fd | wc -l; id -u; exit 3";
    sandbox.enter(program(text)).await.unwrap();
    let (output, end) = said(&*sandbox).await;
    let lines: Vec<&str> = output.lines().collect();
    // Three descriptors, and that of the folder which is listed.
    assert_eq!((&lines[..4], lines.len(), end), (&["blue", "/tmp", "99", "4"][..], 5, End::Code(3)));
    assert_ne!(lines[4], "0");
    let sandbox = runner.launch(blank()).await.unwrap();
    assert!(sandbox.enter(entry(Vec::new())).await.is_err(), "nobody reads words");
    let sandbox = runner.launch(blank()).await.unwrap();
    let argv = vec!["/no/such".into()];
    let absent = Told::Program { argv, env: Vec::new(), working_dir: "/".into() };
    let refused = sandbox.enter(Entry { told: absent, ..entry(Vec::new()) }).await.unwrap_err().to_string();
    assert!(refused.contains("cannot execute the program: No such file"), "{refused}");
}

/// The states of all processes in a sandbox but its first, which is not of it.
fn states(mark: &str) -> Vec<char> {
    let numbers = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let marked = numbers.filter(|number| {
        let line = std::fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(mark)
    });
    marked.filter_map(crate::state).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_in_a_sandbox_is_frozen_and_goes_on() {
    let Some(runner) = runner().await else { return };
    let mark = format!("mark{}", std::process::id());
    let tick = format!("while :; do : {mark}; sleep 0.02; done");
    let main = format!("(setsid sh -c '{tick}' &); {tick}");
    let sandbox = runner.launch(script(&main)).await.unwrap();
    crate::eventually("both run", || states(&mark).len() >= 2);
    let mut beside = None;
    for round in 0..4 {
        if round == 2 {
            beside = Some(sandbox.beside(script(&tick)).await.unwrap());
            crate::eventually("it runs too", || states(&mark).len() >= 3);
        }
        sandbox.freeze().await.unwrap();
        // One that has just forked may wait in the kernel for a child that is stopped before it executes.
        crate::eventually("all are stopped", || states(&mark).iter().all(|state| matches!(state, 'T' | 'D')));
        sandbox.thaw().await.unwrap();
        crate::eventually("all go on", || states(&mark).iter().all(|state| *state != 'T'));
    }
    assert!(beside.is_some());
    sandbox.freeze().await.unwrap();
    sandbox.kill().await.unwrap();
    assert_eq!(sandbox.exited().await.end, End::Signal(9), "what is stopped can be ended");
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
    // To be killed is not to have ended.
    sandbox.exited().await;
    assert!(sandbox.enter(entry(Vec::new())).await.is_err(), "it has ended");
}
