//! The bootstraps, carried by the binary and laid out in a directory named after their content, so
//! that functions started by an older binary keep the files they run from.

use super::{Interpreter, ManagedRuntime};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const PYTHON: &str = "python/bootstrap.py";
const PYTHON_SEED: &str = "python/seed.py";
const NODE: &str = "node/bootstrap.mjs";
/// The module that functions have the SDK by.
const PYTHON_SDK: &str = "boto3";
/// What is compiled for Java, what the archive of it says of itself, and what it is called.
pub(super) const JAVA: [&str; 3] = ["java/Bootstrap.java", "java/Rehearsal.java", "java/Waiting.java"];
pub(super) const JAVA_MANIFEST: &str = "java/manifest.txt";
pub(super) const JAVA_ARCHIVE: &str = "bootstrap.jar";
const JAVA_MAIN: &str = "elysium.Bootstrap";
/// The first JDK that writes what a JVM has loaded over the archive that it comes with.
const FIRST_WITH_ARCHIVE: u8 = 17;
/// What it says meanwhile is no part of it.
const REHEARSES: &str = "place=\"${TMPDIR:-/tmp}/classes.jsa\"; \"$0\" -XX:ArchiveClassesAtExit=\"$place\" \"$@\" >&2 \
                         && exec cat \"$place\"";
const RUBY: &str = "ruby/bootstrap.rb";
const DOTNET: &str = "dotnet/start.sh";
/// What is compiled for .NET.
pub(super) const DOTNET_SOURCES: [&str; 2] = ["dotnet/Bootstrap.cs", "dotnet/Context.cs"];
/// What comes of that.
pub(super) const DOTNET_ASSEMBLY: &str = "ElysiumRuntime.dll";
const FILES: [(&str, &str); 15] = [
    (PYTHON, include_str!("../../runtimes/python/bootstrap.py")),
    ("python/elysium_logs.py", include_str!("../../runtimes/python/elysium_logs.py")),
    (PYTHON_SEED, include_str!("../../runtimes/python/seed.py")),
    (NODE, include_str!("../../runtimes/node/bootstrap.mjs")),
    ("node/responses.mjs", include_str!("../../runtimes/node/responses.mjs")),
    ("node/rehearsal.mjs", include_str!("../../runtimes/node/rehearsal.mjs")),
    ("node/rehearsed.js", include_str!("../../runtimes/node/rehearsed.js")),
    (JAVA[0], include_str!("../../runtimes/java/Bootstrap.java")),
    (JAVA[1], include_str!("../../runtimes/java/Rehearsal.java")),
    (JAVA[2], include_str!("../../runtimes/java/Waiting.java")),
    (JAVA_MANIFEST, include_str!("../../runtimes/java/manifest.txt")),
    (RUBY, include_str!("../../runtimes/ruby/bootstrap.rb")),
    (DOTNET, include_str!("../../runtimes/dotnet/start.sh")),
    (DOTNET_SOURCES[0], include_str!("../../runtimes/dotnet/Bootstrap.cs")),
    (DOTNET_SOURCES[1], include_str!("../../runtimes/dotnet/Context.cs")),
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

    /// Where what was compiled for Java lies.
    pub(super) fn classes(&self, major: u8) -> PathBuf {
        self.root.join(format!("java/classes-{major}"))
    }

    /// The same for .NET.
    pub(super) fn assembly(&self, major: u8) -> PathBuf {
        self.root.join(format!("dotnet/assembly-{major}"))
    }

    fn java(
        &self,
        major: u8,
        interpreter: &Interpreter,
        code: &Path,
        layers: Option<&Path>,
    ) -> Vec<OsString> {
        let mut path = self.classes(major).join(JAVA_ARCHIVE).into_os_string();
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
        let mut argv = jvm(interpreter);
        argv.extend(["-cp".into(), path, JAVA_MAIN.into()]);
        argv
    }

    /// Where the archive of what a JVM loads of these bootstraps lies, where they are seen at a place; `None` for one
    /// that makes none. It has the name of all that decides whether it can be used: the JVM looks for its class path
    /// where that was, and is of the very build whose classes these are.
    pub fn class_archive(
        &self,
        runtime: ManagedRuntime,
        interpreter: &Interpreter,
        seen_at: &Path,
    ) -> Option<PathBuf> {
        let ManagedRuntime::Java { major } = runtime else { return None };
        let home = interpreter.path.ancestors().nth(2).filter(|_| major >= FIRST_WITH_ARCHIVE)?;
        let modules = fs::metadata(home.join("lib/modules")).ok()?;
        let place = format!("{} {}", seen_at.display(), interpreter.path.display());
        let named = format!("{place} {} {} {}", interpreter.version, modules.len(), modules.mtime());
        Some(self.classes(major).join(format!("{}.jsa", hex(&Sha256::digest(named)))))
    }

    /// Program and arguments that rehearse what a JVM does, and write an archive of what it has loaded by then.
    pub fn rehearsal_command(&self, runtime: ManagedRuntime, interpreter: &Interpreter) -> Vec<OsString> {
        let ManagedRuntime::Java { major } = runtime else { return Vec::new() };
        let jar = self.classes(major).join(JAVA_ARCHIVE).into_os_string();
        let shell = ["/bin/sh", "-c", REHEARSES].map(OsString::from).into_iter();
        let program = ["-cp".into(), jar, JAVA_MAIN.into(), "rehearse".into()];
        shell.chain(jvm(interpreter)).chain(program).collect()
    }

    /// The files of a function decide how .NET begins it, which a script looks at where it sees them.
    fn dotnet(&self, major: u8, interpreter: &Interpreter) -> Vec<OsString> {
        let script = self.root.join(DOTNET).into_os_string();
        let assembly = self.assembly(major).join(DOTNET_ASSEMBLY).into_os_string();
        vec!["/bin/sh".into(), script, interpreter.path.clone().into_os_string(), assembly]
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
        if !runtime.can_wait() {
            return None;
        }
        let mut argv = match runtime {
            ManagedRuntime::Java { major } => {
                let archive = self.classes(major).join(JAVA_ARCHIVE).into_os_string();
                [jvm(interpreter), vec!["-jar".into(), archive]].concat()
            }
            _ => self.command(runtime, interpreter, (Path::new("/"), None)),
        };
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
            ManagedRuntime::Dotnet { major } => return self.dotnet(major, interpreter),
        };
        self.interpreted(interpreter, bootstrap)
    }
}

/// A JVM and its options. Functions are short: the first compiler alone is AWS's choice too.
fn jvm(interpreter: &Interpreter) -> Vec<OsString> {
    let options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Xshare:auto"];
    let program = interpreter.path.clone().into_os_string();
    [program].into_iter().chain(options.map(OsString::from)).collect()
}

fn hex(digest: &[u8]) -> String {
    digest.iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}

fn content_hash() -> String {
    let mut hash = Sha256::new();
    for (name, content) in FILES {
        hash.update(name);
        hash.update([0]);
        hash.update(content);
        hash.update([0]);
    }
    hex(&hash.finalize())
}
