//! Finding an interpreter of exactly one version. Each candidate is executed and says itself what it
//! is and where it lives, so that version managers' wrappers resolve to what they stand for.

use super::{ManagedRuntime, RuntimeError, python_sdk};
use crate::process::Handle;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A wrapper that answers later than this is none.
const PATIENCE: Duration = Duration::from_secs(5);
/// Candidates that are executed in one search.
const MAX_CANDIDATES: usize = 64;
const MAX_ANSWER_BYTES: u64 = 8192;

/// In a virtual environment, links or a copy of it, the Python that it was made by.
const PYTHON_SAYS: &str = "import os, sys; print('%d.%d.%d' % sys.version_info[:3]); \
                           base = os.path.join(sys.base_exec_prefix, 'bin', 'python%d.%d' % sys.version_info[:2]); \
                           virtual = sys.prefix != sys.base_prefix and os.path.isfile(base); \
                           print(base if virtual else sys.executable)";
const NODE_SAYS: &str = "console.log(process.versions.node); console.log(process.execPath)";
const RUBY_SAYS: &str = "puts RUBY_VERSION, RbConfig.ruby, Gem.default_path";

/// Where version managers keep interpreters, below the home directory; `*` stands for one name.
const PYTHON_HOMES: [&str; 2] = [".pyenv/versions/*/bin", ".local/share/uv/python/*/bin"];
const NODE_HOMES: [&str; 4] = [
    ".nvm/versions/node/*/bin",
    ".local/share/fnm/node-versions/*/installation/bin",
    ".volta/tools/image/node/*/bin",
    ".asdf/installs/nodejs/*/bin",
];
const JAVA_HOMES: [&str; 3] = [".sdkman/candidates/java/*/bin", ".jdks/*/bin", ".asdf/installs/java/*/bin"];
const RUBY_HOMES: [&str; 5] = [
    ".rbenv/versions/*/bin",
    ".rvm/rubies/*/bin",
    ".rubies/*/bin",
    ".asdf/installs/ruby/*/bin",
    ".local/share/mise/installs/ruby/*/bin",
];
const DOTNET_HOMES: [&str; 1] = [".dotnet"];
/// Where packages of the system and installers put .NET.
const DOTNET_SYSTEM: [&str; 5] =
    ["/usr/lib/dotnet", "/usr/share/dotnet", "/usr/lib64/dotnet", "/usr/local/share/dotnet", "/opt/dotnet"];
/// Where packages of the system put JDKs.
const JAVA_SYSTEM: (&str, &str) = ("/usr/lib/jvm", "/*/bin");
/// Where installers of Ruby put it for all users.
const RUBY_SYSTEM: (&str, &str) = ("/opt/rubies", "/*/bin");
/// Where the administrator's own Node.js, and Debian's, put packages.
const LOCAL_PACKAGES: &str = "/usr/local/lib/node_modules";
const SYSTEM_DIRS: [&str; 3] = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];

/// An interpreter that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// Where it really is.
    pub path: PathBuf,
    /// Its whole version, like `3.11.7`.
    pub version: String,
    /// Of Python: where the AWS SDK of another Python of this machine is, where this one has none.
    pub sdk: Option<PathBuf>,
    /// Of Ruby: where its gems are.
    pub gems: Vec<PathBuf>,
}

/// Folders of every system, which sandboxes see in any case.
const OF_SYSTEM: [&str; 5] = ["/usr", "/bin", "/lib", "/nix", "/gnu"];
/// What an interpreter needs of where it was installed.
const PARTS: [&str; 6] = ["bin", "lib", "lib64", "libexec", "conf", "jre"];
/// What .NET needs of where it was installed, besides its program there.
const PARTS_OF_DOTNET: [&str; 2] = ["host", "shared"];

impl Interpreter {
    /// The folders that it needs and that are not of the system: those beside its own.
    pub fn folders(&self) -> Vec<PathBuf> {
        let home = self.path.parent().and_then(Path::parent).filter(|home| home.parent().is_some());
        let of_system = |place: &&Path| OF_SYSTEM.iter().any(|of| place.starts_with(of));
        let home = home.filter(|home| !of_system(home));
        let own = home.into_iter().flat_map(|home| PARTS.iter().map(|part| home.join(part)));
        if let Some(home) = self.path.parent().filter(|home| home.join("shared").is_dir() && !of_system(home))
        {
            let parts = PARTS_OF_DOTNET.iter().map(|part| home.join(part));
            return parts.chain([self.path.clone()]).filter(|place| place.exists()).collect();
        }
        let sdk = self.sdk.as_deref().filter(|place| !of_system(place)).map(Path::to_owned);
        let gems =
            self.gems.iter().map(PathBuf::as_path).filter(|place| !of_system(place)).map(Path::to_owned);
        let mut all: Vec<PathBuf> = own.chain(gems).filter(|place| place.is_dir()).chain(sdk).collect();
        let known = all.clone();
        all.retain(|place| !known.iter().any(|other| place != other && place.starts_with(other)));
        all
    }

    /// Of Node.js: where `npm install --global` puts packages; of two such folders the one with the AWS SDK.
    pub fn packages(&self) -> Option<PathBuf> {
        if self.path.file_name()? != "node" {
            return None;
        }
        let own = self.path.parent()?.parent()?.join("lib/node_modules");
        let mut places: Vec<PathBuf> = [PathBuf::from(LOCAL_PACKAGES), own].into_iter().collect();
        places.retain(|place| place.is_dir());
        let with_sdk = places.iter().position(|place| place.join("@aws-sdk").is_dir());
        places.into_iter().nth(with_sdk.unwrap_or(0))
    }
}

/// Where to look.
#[derive(Clone, Debug, Default)]
pub struct SearchPlaces {
    /// The directories of `PATH`.
    pub path: Vec<PathBuf>,
    /// The home directory of the user.
    pub home: Option<PathBuf>,
    /// Whether the usual directories of the system are looked into as well.
    pub system: bool,
}

impl SearchPlaces {
    /// Those of a process with this `PATH` and `HOME`.
    pub fn of_environment(path: Option<OsString>, home: Option<OsString>) -> Self {
        let path = path.map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
        Self { path, home: home.map(PathBuf::from), system: true }
    }

    /// The first interpreter of this very version; the error names what is missing and how to get it.
    /// Blocks, tens of milliseconds for each candidate: the answer is worth keeping.
    pub fn find(&self, runtime: ManagedRuntime) -> Result<Interpreter, RuntimeError> {
        let mut others = BTreeSet::new();
        for candidate in self.candidates(runtime).into_iter().take(MAX_CANDIDATES) {
            match self.ask(&candidate, runtime) {
                Some(mut found) if is_exactly(&found.version, runtime) => {
                    // Where a link is, what an interpreter needs is not beside it.
                    found.path = found.path.canonicalize().unwrap_or(found.path);
                    if let ManagedRuntime::Python { minor } = runtime {
                        found.sdk = python_sdk::elsewhere(&found.path, minor, &self.pythons());
                    }
                    return Ok(found);
                }
                Some(found) => drop(others.insert(found.version)),
                None => {}
            }
        }
        Err(RuntimeError::Missing { runtime, others: others.into_iter().collect() })
    }

    /// Where Pythons of any version may be.
    fn pythons(&self) -> Vec<PathBuf> {
        let all = ManagedRuntime::all().filter(|runtime| matches!(runtime, ManagedRuntime::Python { .. }));
        all.flat_map(|runtime| self.candidates(runtime)).collect()
    }

    fn candidates(&self, runtime: ManagedRuntime) -> Vec<PathBuf> {
        let (names, homes): (Vec<String>, &[&str]) = match runtime {
            ManagedRuntime::Python { minor } => {
                (vec![format!("python3.{minor}"), "python3".into()], &PYTHON_HOMES)
            }
            ManagedRuntime::Node { major } => (vec!["node".into(), format!("node{major}")], &NODE_HOMES),
            ManagedRuntime::Java { .. } => (vec!["java".into()], &JAVA_HOMES),
            ManagedRuntime::Ruby { major, minor } => {
                (vec![format!("ruby{major}.{minor}"), "ruby".into()], &RUBY_HOMES)
            }
            ManagedRuntime::Dotnet { .. } => (vec!["dotnet".into()], &DOTNET_HOMES),
        };
        let mut dirs = self.path.clone();
        if self.system {
            dirs.extend(SYSTEM_DIRS.map(PathBuf::from));
            match runtime {
                ManagedRuntime::Java { .. } => dirs.extend(expand(Path::new(JAVA_SYSTEM.0), JAVA_SYSTEM.1)),
                ManagedRuntime::Ruby { .. } => dirs.extend(expand(Path::new(RUBY_SYSTEM.0), RUBY_SYSTEM.1)),
                ManagedRuntime::Dotnet { .. } => dirs.extend(DOTNET_SYSTEM.map(PathBuf::from)),
                ManagedRuntime::Python { .. } | ManagedRuntime::Node { .. } => {}
            }
        }
        if let Some(home) = &self.home {
            dirs.extend(homes.iter().flat_map(|pattern| expand(home, pattern)));
        }
        let mut seen = BTreeSet::new();
        let places = names.iter().flat_map(|name| dirs.iter().map(move |dir| dir.join(name)));
        places.filter(|place| place.is_absolute() && place.is_file() && seen.insert(place.clone())).collect()
    }

    /// What a candidate says of itself, if it is an interpreter at all.
    fn ask(&self, candidate: &Path, runtime: ManagedRuntime) -> Option<Interpreter> {
        let java = matches!(runtime, ManagedRuntime::Java { .. });
        let arguments: &[&str] = match runtime {
            ManagedRuntime::Python { .. } => &["-c", PYTHON_SAYS],
            ManagedRuntime::Node { .. } => &["-e", NODE_SAYS],
            ManagedRuntime::Java { .. } => &["-XshowSettings:properties", "-version"],
            ManagedRuntime::Ruby { .. } => &["-e", RUBY_SAYS],
            ManagedRuntime::Dotnet { .. } => &["--list-runtimes"],
        };
        let mut command = Command::new(candidate);
        command.args(arguments).env_clear().current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        if java {
            // A JVM tells its properties there.
            command.stdout(Stdio::null()).stderr(Stdio::piped());
        }
        // Wrappers of version managers are scripts, and look for their versions below the home directory.
        if let Ok(path) = std::env::join_paths(&self.path) {
            command.env("PATH", path);
        }
        if let Some(home) = &self.home {
            command.env("HOME", home);
        }
        let mut child = command.spawn().ok()?;
        let in_time = Handle::open(child.id()).and_then(|process| process.ended_within(PATIENCE));
        if !in_time.unwrap_or(false) {
            // Either fails only when the child has ended by itself.
            let _ended = child.kill().and_then(|()| child.wait());
            return None;
        }
        let mut answer = String::new();
        if java {
            child.stderr.take()?.take(MAX_ANSWER_BYTES).read_to_string(&mut answer).ok()?;
            return said_by_java(&answer).filter(|_| child.wait().is_ok_and(|ended| ended.success()));
        }
        child.stdout.take()?.take(MAX_ANSWER_BYTES).read_to_string(&mut answer).ok()?;
        if let ManagedRuntime::Dotnet { .. } = runtime {
            return said_by_dotnet(&answer, runtime)
                .filter(|_| child.wait().is_ok_and(|ended| ended.success()));
        }
        let mut lines = answer.lines();
        let (version, path) = (lines.next()?, lines.next()?);
        let gems = lines.map(PathBuf::from).filter(|place| place.is_absolute()).collect();
        let found = Interpreter { path: PathBuf::from(path), version: version.to_owned(), sdk: None, gems };
        (child.wait().ok()?.success() && found.path.is_absolute()).then_some(found)
    }
}

/// .NET by the runtimes that it has, of which one is told: `Microsoft.NETCore.App 8.0.11 [/usr/lib/dotnet/shared/…]`.
fn said_by_dotnet(runtimes: &str, wanted: ManagedRuntime) -> Option<Interpreter> {
    let told = runtimes.lines().filter_map(|line| {
        let (version, place) = line.strip_prefix("Microsoft.NETCore.App ")?.split_once(' ')?;
        let shared = Path::new(place.strip_prefix('[')?.strip_suffix(']')?);
        let path = shared.ancestors().nth(2)?.join("dotnet");
        path.is_absolute().then(|| Interpreter {
            path,
            version: version.to_owned(),
            sdk: None,
            gems: Vec::new(),
        })
    });
    let mut told: Vec<Interpreter> = told.collect();
    let number = |found: &Interpreter| -> Vec<u32> {
        found.version.split(['.', '-']).map(|part| part.parse().unwrap_or_default()).collect()
    };
    told.sort_by_key(|found| (is_exactly(&found.version, wanted), number(found)));
    told.pop()
}

/// A JVM by its properties: `java.home = …`, `java.version = 17.0.15`.
fn said_by_java(properties: &str) -> Option<Interpreter> {
    let property = |wanted: &str| {
        let mut pairs = properties.lines().filter_map(|line| line.split_once(" = "));
        pairs.find(|(name, _)| name.trim() == wanted).map(|(_, value)| value.trim().to_owned())
    };
    let (home, version) = (property("java.home")?, property("java.version")?);
    let path = Path::new(&home).join("bin/java");
    // Java 8 calls itself 1.8, and its home is that of the runtime within the JDK.
    let version = version.strip_prefix("1.").map(str::to_owned).unwrap_or(version);
    path.is_absolute().then_some(Interpreter { path, version, sdk: None, gems: Vec::new() })
}

fn is_exactly(version: &str, runtime: ManagedRuntime) -> bool {
    match runtime {
        ManagedRuntime::Python { minor } => version.starts_with(&format!("3.{minor}.")),
        ManagedRuntime::Node { major } => version.starts_with(&format!("{major}.")),
        ManagedRuntime::Java { major } => {
            version == major.to_string() || version.starts_with(&format!("{major}."))
        }
        ManagedRuntime::Dotnet { major } => {
            version.starts_with(&format!("{major}.0.")) && !version.contains('-')
        }
        ManagedRuntime::Ruby { major, minor } => version.starts_with(&format!("{major}.{minor}.")),
    }
}

/// The directories that match a pattern with at most one `*`, in a fixed order.
fn expand(home: &Path, pattern: &str) -> Vec<PathBuf> {
    let Some((parent, rest)) = pattern.split_once("/*/") else { return vec![home.join(pattern)] };
    let Ok(entries) = std::fs::read_dir(home.join(parent)) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path().join(rest)).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `dotnet --list-runtimes` of SDK 8.0 prints it.
    #[test]
    fn of_several_runtimes_the_newest_of_the_version_is_taken() {
        let said = "Microsoft.AspNetCore.App 8.0.21 [/usr/lib/dotnet/shared/Microsoft.AspNetCore.App]\n\
                    Microsoft.NETCore.App 8.0.9 [/usr/lib/dotnet/shared/Microsoft.NETCore.App]\n\
                    Microsoft.NETCore.App 8.0.21 [/usr/lib/dotnet/shared/Microsoft.NETCore.App]\n\
                    Microsoft.NETCore.App 10.0.0-rc.1 [/usr/lib/dotnet/shared/Microsoft.NETCore.App]\n";
        let found = |major| said_by_dotnet(said, ManagedRuntime::Dotnet { major }).unwrap();
        assert_eq!((found(8).version.as_str(), found(8).path), ("8.0.21", "/usr/lib/dotnet/dotnet".into()));
        // What is not of the version is told, to be named as missing.
        assert!(!is_exactly(&found(10).version, ManagedRuntime::Dotnet { major: 10 }));
        assert_eq!(said_by_dotnet("", ManagedRuntime::Dotnet { major: 8 }), None);
    }
}
