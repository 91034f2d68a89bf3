//! The bootstraps, carried by the binary and laid out in a directory named after their content, so
//! that functions started by an older binary keep the files they run from.

use super::{Interpreter, ManagedRuntime, RuntimeError};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PYTHON: &str = "python/bootstrap.py";
const PYTHON_SEED: &str = "python/seed.py";
const NODE: &str = "node/bootstrap.mjs";
/// The module that functions have the SDK by.
const PYTHON_SDK: &str = "boto3";
const JAVA: &str = "java/Bootstrap.java";
const RUBY: &str = "ruby/bootstrap.rb";
const FILES: [(&str, &str); 7] = [
    (PYTHON, include_str!("../../runtimes/python/bootstrap.py")),
    (PYTHON_SEED, include_str!("../../runtimes/python/seed.py")),
    (NODE, include_str!("../../runtimes/node/bootstrap.mjs")),
    ("node/rehearsal.mjs", include_str!("../../runtimes/node/rehearsal.mjs")),
    ("node/rehearsed.js", include_str!("../../runtimes/node/rehearsed.js")),
    (JAVA, include_str!("../../runtimes/java/Bootstrap.java")),
    (RUBY, include_str!("../../runtimes/ruby/bootstrap.rb")),
];

/// The bootstraps as files.
#[derive(Clone, Debug)]
pub struct Bootstraps {
    root: PathBuf,
}

impl Bootstraps {
    /// Writes them below `store` unless they are there, whole. Blocks.
    pub fn lay_out(store: &Path) -> io::Result<Self> {
        let root = store.join(format!("bootstraps-{}", content_hash()));
        for (name, content) in FILES {
            let place = root.join(name);
            // A torn file of an earlier crash has the right name and the wrong content.
            if fs::read(&place).is_ok_and(|found| found == content.as_bytes()) {
                continue;
            }
            let draft = place.with_extension(format!("{}.draft", std::process::id()));
            fs::create_dir_all(place.parent().unwrap_or(&root))?;
            fs::write(&draft, content)?;
            fs::rename(&draft, &place)?;
        }
        Ok(Self { root })
    }

    /// The directory that holds them all: AWS's `/var/runtime`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The same where they are seen at another place.
    pub fn seen_at(&self, root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Makes ready what `runtime` needs besides: for Java, the classes, compiled once by its own JDK. Blocks.
    ///
    /// # Errors
    /// Where there is no compiler beside the interpreter, or it fails.
    pub fn prepare(&self, runtime: ManagedRuntime, interpreter: &Interpreter) -> Result<(), RuntimeError> {
        let ManagedRuntime::Java { major } = runtime else { return Ok(()) };
        let classes = self.classes(major);
        if classes.join("Bootstrap.class").is_file() {
            return Ok(());
        }
        let draft = classes.with_extension(format!("{}.draft", std::process::id()));
        // The runtime of Java 8 lies within its JDK.
        let homes = interpreter.path.ancestors().skip(2).take(2);
        let compiler =
            homes.map(|home| home.join("bin/javac")).find(|place| place.is_file()).ok_or_else(|| {
                let home = interpreter.path.display();
                RuntimeError::Compiler(format!(
                    "there is no javac beside {home}; a JDK is needed, not a JRE alone"
                ))
            })?;
        fs::create_dir_all(&draft)?;
        let mut command = Command::new(compiler);
        command
            .arg("-nowarn")
            // Else each joined text makes classes while the function begins, which took half of that time.
            .arg("-XDstringConcat=inline")
            .arg("-d")
            .arg(&draft)
            .arg(self.root.join(JAVA))
            .env_clear()
            .stdin(Stdio::null());
        let done = command.output()?;
        if !done.status.success() {
            let why = String::from_utf8_lossy(&done.stderr).chars().take(500).collect();
            return Err(RuntimeError::Compiler(why));
        }
        match fs::rename(&draft, &classes) {
            // Somebody else made them meanwhile.
            Err(_) if classes.join("Bootstrap.class").is_file() => Ok(fs::remove_dir_all(&draft)?),
            renamed => Ok(renamed?),
        }
    }

    fn classes(&self, major: u8) -> PathBuf {
        self.root.join(format!("java/classes-{major}"))
    }

    fn java(
        &self,
        major: u8,
        interpreter: &Interpreter,
        code: &Path,
        layers: Option<&Path>,
    ) -> Vec<OsString> {
        let mut path = self.classes(major).into_os_string();
        let mut add = |folder: &Path, end: &str| {
            path.push(":");
            path.push(folder);
            path.push(end);
        };
        add(code, "");
        add(code, "/lib/*");
        if let Some(layers) = layers {
            add(layers, "/java/lib/*");
        }
        // Functions are short: the first compiler alone is AWS's choice too.
        let options =
            ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto", "-cp"];
        let mut argv = vec![interpreter.path.clone().into_os_string()];
        argv.extend(options.map(OsString::from));
        argv.push(path);
        argv.push("Bootstrap".into());
        argv
    }

    /// Ruby takes texts for what the locale says, which machines may lack; on AWS they are UTF-8.
    fn ruby(&self, interpreter: &Interpreter) -> Vec<OsString> {
        let interpreter = interpreter.path.clone().into_os_string();
        vec![interpreter, "-EUTF-8".into(), self.root.join(RUBY).into_os_string()]
    }

    /// Program and arguments that wait to be told which function of `runtime` they run; `None` where that
    /// cannot be told to one that has begun.
    pub fn waiting_command(
        &self,
        runtime: ManagedRuntime,
        interpreter: &Interpreter,
        loaded: bool,
    ) -> Option<Vec<OsString>> {
        if !matches!(runtime, ManagedRuntime::Python { .. } | ManagedRuntime::Node { .. }) {
            return None;
        }
        let mut argv = self.command(runtime, interpreter, (Path::new("/"), None));
        argv.push("wait".into());
        argv.extend(loaded.then(|| OsString::from(PYTHON_SDK)));
        Some(argv)
    }

    /// The same for what is copied for each function; `None` where that cannot be copied.
    pub fn seed_command(
        &self,
        runtime: ManagedRuntime,
        interpreter: &Interpreter,
        loaded: bool,
    ) -> Option<Vec<OsString>> {
        let ManagedRuntime::Python { .. } = runtime else { return None };
        let mut argv = self.interpreted(interpreter, PYTHON_SEED);
        argv.push("wait".into());
        argv.extend(loaded.then(|| OsString::from(PYTHON_SDK)));
        Some(argv)
    }

    /// An interpreter and the program of ours that it runs.
    fn interpreted(&self, interpreter: &Interpreter, program: &str) -> Vec<OsString> {
        let mut argv = vec![interpreter.path.clone().into_os_string()];
        if let Some(place) = &interpreter.sdk {
            // An option that Python keeps for whoever asks, and that is no argument of the program.
            let mut option = OsString::from("elysium_sdk=");
            option.push(place);
            argv.extend(["-X".into(), option]);
        }
        argv.push(self.root.join(program).into_os_string());
        argv
    }

    /// Program and arguments that run functions of `runtime` whose code and layers lie in folders.
    pub fn command(
        &self,
        runtime: ManagedRuntime,
        interpreter: &Interpreter,
        (code, layers): (&Path, Option<&Path>),
    ) -> Vec<OsString> {
        let bootstrap = match runtime {
            ManagedRuntime::Python { .. } => PYTHON,
            ManagedRuntime::Node { .. } => NODE,
            ManagedRuntime::Java { major } => return self.java(major, interpreter, code, layers),
            ManagedRuntime::Ruby { .. } => return self.ruby(interpreter),
        };
        self.interpreted(interpreter, bootstrap)
    }
}

fn content_hash() -> String {
    let mut hash = Sha256::new();
    for (name, content) in FILES {
        hash.update(name);
        hash.update([0]);
        hash.update(content);
        hash.update([0]);
    }
    hash.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}
