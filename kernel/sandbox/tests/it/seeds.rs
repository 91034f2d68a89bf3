//! Programs that are copied into sandboxes instead of being started in them.

use crate::walls::{runner, said, script};
use sandbox::LocalRunner;
use sandbox::runner::{End, Entry, Limits, Runner, Sandbox, Shown, Template, Told};
use sandbox::runtimes::{Bootstraps, ManagedRuntime, SearchPlaces};
use std::path::PathBuf;
use tokio::io::AsyncReadExt;

/// A runner, an interpreter that is copied, and where its bootstraps lie.
struct Planted {
    runner: LocalRunner,
    seed: Box<dyn Sandbox>,
    template: Template,
    store: PathBuf,
    /// In the command line of all of them.
    mark: String,
}

impl Drop for Planted {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.store);
    }
}

const VERSION: ManagedRuntime = ManagedRuntime::Python { minor: 11 };

#[expect(clippy::disallowed_methods, reason = "interpreters are found where the user of the tests has them")]
fn interpreter() -> sandbox::runtimes::Interpreter {
    let places = SearchPlaces::of_environment(std::env::var_os("PATH"), std::env::var_os("HOME"));
    places.find(VERSION).unwrap()
}

async fn planted() -> Option<Planted> {
    let runner = runner().await?;
    if !runner.probe().await.unwrap().root {
        eprintln!("not tested here: only root can copy programs into sandboxes");
        return None;
    }
    let store = crate::walls::stage();
    let bootstraps = Bootstraps::lay_out(&store).unwrap();
    let interpreter = interpreter();
    let mut argv =
        bootstraps.seen_at("/var/runtime".as_ref()).seed_command(VERSION, &interpreter, false).unwrap();
    // A module to load that is not there.
    let mark = format!("mark{}", store.file_name().unwrap().to_string_lossy());
    argv.push(mark.clone().into());
    let base = script("");
    let mut roots = base.roots.clone();
    let shown = |from: PathBuf, at: PathBuf| Shown { from, at };
    let folders = interpreter.folders().into_iter().map(|folder| shown(folder.clone(), folder));
    let own = shown(bootstraps.root().to_owned(), "/var/runtime".into());
    roots.read_only = folders.chain([own]).collect();
    let env = vec![("AWS_LAMBDA_RUNTIME_API".into(), "127.0.0.1:9001".into())];
    let template = Template { argv, env, roots, ports: vec![9001], waits: true, ..base };
    let planted = Template { seeds: true, waits: false, ports: Vec::new(), ..template.clone() };
    let seed = runner.launch(fresh(&planted)).await.unwrap();
    let mut ready = [0; 5];
    let mut output = seed.take_stdout().unwrap();
    output.read_exact(&mut ready).await.unwrap();
    assert_eq!(&ready, b"waits");
    Some(Planted { runner, seed, template, store, mark })
}

fn fresh(template: &Template) -> Template {
    let mut template = template.clone();
    template.roots.tmp = crate::walls::stage();
    template
}

/// A copy that runs a function, and what the function wrote before it ended.
async fn ran(planted: &Planted, source: &str) -> (String, End) {
    let copy = planted.seed.copied(fresh(&planted.template)).await.unwrap();
    let _listeners = copy.take_listeners();
    let code = crate::walls::stage();
    std::fs::create_dir(&code).unwrap();
    std::fs::write(code.join("app.py"), source).unwrap();
    let told = serde_json::json!({
        "environment": {"_HANDLER": "app.handler", "LAMBDA_TASK_ROOT": "/var/task", "COLOUR": "blue"},
        "folder": "/var/task",
    });
    let limits = Limits { memory_bytes: 64 << 20, tmp_bytes: 4 << 20, open_files: 99, processes: Some(16) };
    let shown = vec![Shown { from: code.clone(), at: "/var/task".into() }];
    copy.enter(Entry { shown, limits, told: Told::Words(told.to_string().into_bytes()) }).await.unwrap();
    let said = said(&*copy).await;
    std::fs::remove_dir_all(code).unwrap();
    said
}

const LOOK: &str = r#"
import ctypes, json, os, resource, socket, sys
status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines())
def refused(deed):
    try:
        deed()
    except OSError as error:
        return error.errno
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    return ctypes.get_errno() if libc.syscall(number, *arguments) == -1 else 0
print(json.dumps({
    "user": os.getuid() > 1000000 and len(set(os.getresuid() + os.getresgid())) == 1, "groups": os.getgroups(),
    "capabilities": {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16},
    "gains": status["NoNewPrivs"], "filtered": status["Seccomp"], "pid": os.getpid() > 1, "parent": os.getppid(),
    "others": [number for number in os.listdir("/proc") if number.isdigit() and int(number) not in (1, os.getpid())],
    "descriptors": sorted(os.listdir("/proc/self/fd"))[:3] + [len(os.listdir("/proc/self/fd"))],
    "folder": os.getcwd(),
    "colour": os.environ["COLOUR"], "keys": sorted(os.environ), "host": socket.gethostname(),
    "files": resource.getrlimit(resource.RLIMIT_NOFILE), "core": resource.getrlimit(resource.RLIMIT_CORE),
    "room": os.statvfs("/tmp").f_blocks * os.statvfs("/tmp").f_frsize,
    "unshare": call(272, 0x20000), "written": refused(lambda: open("/var/task/x", "w")),
    "own": refused(lambda: open("/proc/self/environ").close()), "input": sys.stdin.read(), "session": os.getsid(0) == os.getpid(),
    "elsewhere": refused(lambda: os.stat("ELSEWHERE")), "network": [name for _, name in socket.if_nameindex()],
}, sort_keys=True))
sys.stdout.flush()
os._exit(3)
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_behind_walls_as_what_is_started_is() {
    let Some(planted) = planted().await else { return };
    // A folder of the machine that no sandbox has.
    let (output, end) = ran(&planted, &LOOK.replace("ELSEWHERE", env!("CARGO_MANIFEST_DIR"))).await;
    assert_eq!(end, End::Code(3), "{output}");
    let seen: serde_json::Value = serde_json::from_str(output.trim()).unwrap();
    let expected = serde_json::json!({
        "user": true, "groups": [], "capabilities": true, "gains": "1", "filtered": "2", "pid": true, "parent": 1,
        // The connection to the Runtime API, and the folder that is listed.
        "others": [], "descriptors": ["0", "1", "2", 5], "folder": "/var/task", "colour": "blue",
        "keys": ["COLOUR", "LAMBDA_TASK_ROOT", "_HANDLER"], "host": "sandbox", "files": [99, 99], "core": [0, 0],
        "room": 4 << 20, "unshare": 1, "written": 30, "own": null, "input": "", "session": true,
        "elsewhere": 2, "network": ["lo"],
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&seen[name], value, "{name}: {seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_share_no_chance_and_nothing_else() {
    let Some(planted) = planted().await else { return };
    let source = "import os, random, ssl, sys, uuid\nprint(random.random(), ssl.RAND_bytes(8).hex(), uuid.uuid4(), \
                  os.getuid(), os.listdir('/tmp'))\nopen('/tmp/mine', 'w').close()\nsys.stdout.flush()\nos._exit(0)";
    let (first, _) = ran(&planted, source).await;
    let (second, _) = ran(&planted, source).await;
    let (first, second): (Vec<&str>, Vec<&str>) =
        (first.split_whitespace().collect(), second.split_whitespace().collect());
    assert_eq!((first.len(), second.len()), (5, 5), "{first:?} {second:?}");
    for at in 0..4 {
        assert_ne!(first[at], second[at]);
    }
    assert_eq!((first[4], second[4]), ("[]", "[]"));
}

/// The memory that is a process's own and nobody else's, in kilobytes.
fn own_memory(mark: &str) -> Vec<u64> {
    let private = |text: String| {
        let lines = text
            .lines()
            .filter_map(|line| line.strip_prefix("Private_")?.split_whitespace().nth(1)?.parse::<u64>().ok());
        lines.sum::<u64>()
    };
    marked(mark).map(|number| private(read(number, "smaps_rollup"))).filter(|own| *own > 0).collect()
}

/// What `/proc` says of a process.
fn read(number: u32, file: &str) -> String {
    String::from_utf8_lossy(&std::fs::read(format!("/proc/{number}/{file}")).unwrap_or_default()).into_owned()
}

/// The processes of a mark.
fn marked(mark: &str) -> impl Iterator<Item = u32> {
    let numbers = std::fs::read_dir("/proc").unwrap().flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    numbers.filter(move |number| read(*number, "cmdline").contains(mark))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_seed_has_loaded_lies_in_memory_once_and_ends_with_it() {
    let Some(planted) = planted().await else { return };
    let mark = planted.mark.clone();
    let mut copies = Vec::new();
    for _ in 0..3 {
        let copy = planted.seed.copied(fresh(&planted.template)).await.unwrap();
        copy.freeze().await.unwrap();
        copy.thaw().await.unwrap();
        copies.push(copy);
    }
    // An interpreter of its own had 7 MB that nobody else has.
    crate::eventually("they have little of their own", || {
        let own = own_memory(&mark);
        own.len() == 4 && own.iter().filter(|own| **own < 3 << 10).count() >= 3
    });
    let not_one = planted.runner.launch(fresh(&script("exec sleep 600"))).await.unwrap();
    assert!(not_one.copied(fresh(&planted.template)).await.is_err(), "it is none");
    planted.seed.kill().await.unwrap();
    planted.seed.exited().await;
    assert!(planted.seed.copied(fresh(&planted.template)).await.is_err(), "it has ended");
    // Those that were made go on, and end one by one.
    assert_eq!(own_memory(&mark).len(), 3);
    drop(copies);
    crate::eventually("all have ended", || own_memory(&mark).is_empty());
}

/// A seed that is stopped answers nobody: who wants a copy then is told, and nobody waits for it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_seed_that_does_not_answer_is_ended() {
    let Some(planted) = planted().await else { return };
    for number in marked(&planted.mark) {
        let stopped = std::process::Command::new("kill").args(["-STOP", &number.to_string()]).status();
        assert!(stopped.unwrap().success());
    }
    assert!(planted.seed.copied(fresh(&planted.template)).await.is_err());
    assert_eq!(planted.seed.exited().await.end, End::Signal(9));
    let why = planted.seed.copied(fresh(&planted.template)).await.err().unwrap().to_string();
    assert!(why.contains("has ended"), "{why}");
    let other = planted.runner.launch(fresh(&script("exit 0"))).await.unwrap();
    assert_eq!(other.exited().await.end, End::Code(0));
}
