//! Compiling the bootstraps of Java and .NET, once for each version, by the compilers that come with it.

use super::bootstraps::{Bootstraps, DOTNET_ASSEMBLY, DOTNET_SOURCES, JAVA, JAVA_ARCHIVE, JAVA_MANIFEST};
use super::{Interpreter, ManagedRuntime, RuntimeError};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// What a class library of .NET is named by: its assembly, its type and its method.
const OF_LIBRARY: char = ':';
const MAX_COMPLAINT: usize = 500;

/// Held while something is compiled: what waits for a function and an invocation may want the same at once.
static COMPILING: Mutex<()> = Mutex::new(());

impl Bootstraps {
    /// Makes ready what a function of `runtime` needs besides. Blocks.
    ///
    /// # Errors
    /// Where there is no compiler beside the interpreter, or it fails.
    pub fn prepare(
        &self,
        runtime: ManagedRuntime,
        interpreter: &Interpreter,
        handler: &str,
    ) -> Result<(), RuntimeError> {
        let failed = |why| RuntimeError::Compiler(runtime, why);
        let (place, made) = match runtime {
            ManagedRuntime::Java { major } => (self.classes(major), JAVA_ARCHIVE),
            // Executable assemblies bring what connects them to the Runtime API.
            ManagedRuntime::Dotnet { major } if handler.contains(OF_LIBRARY) => {
                (self.assembly(major), DOTNET_ASSEMBLY)
            }
            _ => return Ok(()),
        };
        if place.join(made).is_file() {
            return Ok(());
        }
        let _only_one = COMPILING.lock().unwrap_or_else(PoisonError::into_inner);
        if place.join(made).is_file() {
            return Ok(());
        }
        let draft = place.with_extension(format!("{}.draft", std::process::id()));
        fs::create_dir_all(&draft)?;
        let commands = match runtime {
            ManagedRuntime::Java { .. } => self.javac(interpreter, &draft),
            _ => self.csc(interpreter, &draft).map(|compiler| vec![compiler]),
        };
        for mut command in commands.map_err(failed)? {
            let done = command.stdin(Stdio::null()).output()?;
            if !done.status.success() {
                // Java's tells it there, that of .NET among its output.
                let said = if done.stderr.is_empty() { done.stdout } else { done.stderr };
                return Err(failed(String::from_utf8_lossy(&said).chars().take(MAX_COMPLAINT).collect()));
            }
        }
        match fs::rename(&draft, &place) {
            // Another process made them meanwhile.
            Err(_) if place.join(made).is_file() => Ok(fs::remove_dir_all(&draft)?),
            renamed => Ok(renamed?),
        }
    }

    /// Compiles, and makes an archive of what comes of that.
    fn javac(&self, interpreter: &Interpreter, into: &Path) -> Result<Vec<Command>, String> {
        // The runtime of Java 8 lies within its JDK.
        let homes = interpreter.path.ancestors().skip(2).take(2);
        let compiler =
            homes.map(|home| home.join("bin/javac")).find(|place| place.is_file()).ok_or_else(|| {
                let home = interpreter.path.display();
                format!("there is no javac beside {home}; a JDK is needed, not a JRE alone")
            })?;
        let classes = into.join("classes");
        let mut archiver = Command::new(compiler.with_file_name("jar"));
        archiver.arg("cfm").args([into.join(JAVA_ARCHIVE), self.root().join(JAVA_MANIFEST)]);
        archiver.arg("-C").arg(&classes).arg(".").env_clear();
        let mut command = Command::new(compiler);
        command
            .arg("-nowarn")
            // Else each joined text makes classes while the function begins, which took half of that time.
            .arg("-XDstringConcat=inline")
            .arg("-d")
            .arg(&classes)
            .args(JAVA.map(|source| self.root().join(source)))
            .env_clear();
        fs::create_dir_all(&classes).map_err(|error| error.to_string())?;
        Ok(vec![command, archiver])
    }

    /// The compiler is that of any SDK; what it compiles for is the version that runs.
    fn csc(&self, interpreter: &Interpreter, into: &Path) -> Result<Command, String> {
        let home = interpreter.path.parent().unwrap_or(Path::new("/"));
        let compiler = last(&home.join("sdk"), |sdk| sdk.join("Roslyn/bincore/csc.dll")).ok_or_else(|| {
            format!(
                "there is no SDK of .NET in {}, which handlers of class libraries need; an executable assembly, \
                 named by its handler alone, needs none",
                home.display()
            )
        })?;
        let references = home.join("shared/Microsoft.NETCore.App").join(&interpreter.version);
        let assemblies = fs::read_dir(&references).map_err(|error| error.to_string())?;
        let assemblies = assemblies.flatten().map(|entry| entry.path());
        let assemblies = assemblies.filter(|path| path.extension().is_some_and(|ending| ending == "dll"));
        let option = |name: &str, place: &Path| {
            let mut option = OsString::from(name);
            option.push(place);
            option
        };
        let mut command = Command::new(&interpreter.path);
        command
            .arg(compiler)
            .args([
                "-nologo",
                "-nostdlib",
                "-optimize",
                "-deterministic",
                "-langversion:7.3",
                "-nowarn:CS1701",
            ])
            .arg(option("-out:", &into.join(DOTNET_ASSEMBLY)))
            .args(assemblies.map(|assembly| option("-r:", &assembly)))
            .args(DOTNET_SOURCES.map(|source| self.root().join(source)))
            .env_clear()
            // Else it needs libraries that the machine may lack, for nothing that is wanted here.
            .env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1");
        Ok(command)
    }
}

/// The file in the last of the folders that has it.
fn last(folders: &Path, file: impl Fn(&Path) -> PathBuf) -> Option<PathBuf> {
    let entries = fs::read_dir(folders).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> =
        entries.map(|entry| file(&entry.path())).filter(|place| place.is_file()).collect();
    files.sort();
    files.pop()
}
