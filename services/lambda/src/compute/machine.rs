//! What this machine runs functions with: interpreters of exactly the version asked for, found once, and
//! the bootstraps that connect them to the Runtime API.

use super::class_archive::{self, ClassArchives};
use super::code::{self, Lease, Leases};
use super::image::Image;
use super::launch;
use super::waiting::{Kind, Lines};
use crate::errors::LambdaError;
use crate::state::Configuration;
use sandbox::runtimes::{Bootstraps, Interpreter, ManagedRuntime, RuntimeError, SearchPlaces};
use service::Ctx;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::OnceCell;

/// What runs a function.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// Program and arguments.
    pub argv: Vec<OsString>,
    /// The folder of the program, first in the function's `PATH`.
    pub programs: Option<PathBuf>,
    /// The folder of the bootstraps.
    pub runtime_dir: PathBuf,
    /// Where it starts, if not in its code.
    pub working_dir: Option<PathBuf>,
    /// Variables that it brings.
    pub variables: BTreeMap<String, String>,
    /// Folders of this machine that it needs, where they are not shown to sandboxes anyway.
    pub folders: Vec<PathBuf>,
    /// The packages of this machine that `import` of Node.js finds at the root, the last place where it looks.
    pub packages: Option<PathBuf>,
}

/// Where a function's files are, as it sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its code.
    pub code: PathBuf,
    /// Its layers.
    pub opt: Option<PathBuf>,
    /// The bootstraps, where they are not where this machine has them.
    pub runtime: Option<PathBuf>,
}

impl View {
    /// The places of AWS.
    pub fn of_sandbox() -> Self {
        View { code: "/var/task".into(), opt: Some("/opt".into()), runtime: Some("/var/runtime".into()) }
    }
}

/// What this machine runs functions with.
#[derive(Default)]
pub struct Machine {
    scratch: OnceLock<PathBuf>,
    bootstraps: OnceCell<Arc<Bootstraps>>,
    interpreters: Mutex<HashMap<ManagedRuntime, Interpreter>>,
    leases: Leases,
    images: Mutex<VecDeque<([u8; 32], Slot)>>,
    lines: Lines,
    archives: Arc<ClassArchives>,
}

/// A JVM of this machine: its bootstraps, the same where it sees them, and which it is.
struct Jvm<'a> {
    bootstraps: &'a Bootstraps,
    seen: &'a Bootstraps,
    managed: ManagedRuntime,
    interpreter: &'a Interpreter,
}

impl Jvm<'_> {
    /// Where the archive of its classes is to be.
    fn archive(&self) -> Option<PathBuf> {
        self.bootstraps.class_archive(self.managed, self.interpreter, self.seen.root())
    }

    /// Adds what it begins with besides: a bound, and the archive of its classes if that is there.
    fn add_options(&self, argv: &mut Vec<OsString>, memory_mb: u32) {
        let archive = self.archive().filter(|archive| archive.is_file());
        let below = archive.as_ref().and_then(|archive| archive.strip_prefix(self.bootstraps.root()).ok());
        let of_archive = below.map(|below| class_archive::options(&self.seen.root().join(below)));
        argv.splice(1..1, of_archive.into_iter().flatten().chain([heap(memory_mb)]));
    }
}

/// An image that is kept unpacked; locked while it is being unpacked, so that it is once.
type Slot = Arc<tokio::sync::Mutex<Option<Lease>>>;

/// Images that stay unpacked while nothing runs them; beyond, those that were used longest ago may be swept.
const MAX_IMAGES: usize = 16;

/// Which program of ours an interpreter is begun with ahead of functions, whether the SDK is loaded or not.
type Ahead = fn(&Bootstraps, ManagedRuntime, &Interpreter, bool) -> Option<Vec<OsString>>;

/// Names a program that begins the runtime, which gets the command of it as arguments (Lambda developer guide,
/// "Modifying the runtime environment").
const WRAPPER: &str = "AWS_LAMBDA_EXEC_WRAPPER";
/// What starts it on AWS, with the words for one that is not there (`bootstrap.sh` of aws-lambda-dotnet).
const WRAPS: &str = "if [ ! -f \"$0\" ]; then echo \"$0: does not exist\"; exit 127; fi; if [ ! -x \"$0\" ]; then \
                     echo \"$0: is not an executable\"; exit 126; fi; exec \"$0\" \"$@\"";

fn wrapped(wrapper: &str, argv: Vec<OsString>) -> Vec<OsString> {
    ["/bin/sh", "-c", WRAPS, wrapper].map(OsString::from).into_iter().chain(argv).collect()
}

fn cannot(error: &RuntimeError) -> LambdaError {
    LambdaError::CannotRun(error.to_string())
}

/// A JVM takes what it is given of the machine's memory, unless it is told otherwise.
fn heap(memory_mb: u32) -> OsString {
    format!("-Xmx{}m", memory_mb * 17 / 20).into()
}

/// Makes ready what functions of a runtime need besides its interpreter.
async fn prepare(
    ctx: &Ctx,
    bootstraps: &Arc<Bootstraps>,
    (managed, interpreter): (ManagedRuntime, &Interpreter),
    handler: &str,
) -> Result<(), LambdaError> {
    let (bootstraps, interpreter, handler) = (bootstraps.clone(), interpreter.clone(), handler.to_owned());
    let prepared = ctx.compute(move || bootstraps.prepare(managed, &interpreter, &handler)).await;
    prepared.map_err(LambdaError::Other)?.map_err(|error| cannot(&error))
}

#[expect(
    clippy::disallowed_methods,
    reason = "interpreters are found where the user of this process finds them"
)]
fn places() -> SearchPlaces {
    SearchPlaces::of_environment(std::env::var_os("PATH"), std::env::var_os("HOME"))
}

impl Machine {
    /// The folder of this start's environments for temporary files.
    pub fn scratch(&self, ctx: &Ctx) -> &Path {
        let of_start =
            || ctx.host().settings.data_dir.join("lambda").join("tmp").join(ctx.host().entropy.hex(16));
        self.scratch.get_or_init(of_start)
    }

    /// The sandboxes that wait for functions.
    pub fn lines(&self) -> &Lines {
        &self.lines
    }

    /// What waits to be told which function it runs; `None` where nothing can.
    ///
    /// # Errors
    /// Where the machine has no interpreter of that very version.
    pub async fn waiting_command(&self, ctx: &Ctx, kind: &Kind) -> Result<Option<Command>, LambdaError> {
        self.ahead(ctx, kind, Bootstraps::waiting_command).await
    }

    /// What is copied to be what waits; `None` where that cannot be copied.
    ///
    /// # Errors
    /// Where the machine has no interpreter of that very version.
    pub async fn seed_command(&self, ctx: &Ctx, kind: &Kind) -> Result<Option<Command>, LambdaError> {
        if *kind == Kind::Blank {
            return Ok(None);
        }
        self.ahead(ctx, kind, Bootstraps::seed_command).await
    }

    async fn ahead(&self, ctx: &Ctx, kind: &Kind, argv: Ahead) -> Result<Option<Command>, LambdaError> {
        let Kind::Begun { runtime, loaded, memory_mb, .. } = kind else {
            return Ok(Some(Command::default()));
        };
        let managed = ManagedRuntime::parse(runtime).map_err(|error| cannot(&error))?;
        let bootstraps = self.bootstraps(ctx).await?;
        let interpreter = self.interpreter(ctx, managed).await?;
        let view = View::of_sandbox();
        let seen = bootstraps.seen_at(view.runtime.as_deref().unwrap_or(bootstraps.root()));
        let Some(mut argv) = argv(&seen, managed, &interpreter, *loaded) else { return Ok(None) };
        if let Some(memory_mb) = memory_mb {
            prepare(ctx, &bootstraps, (managed, &interpreter), "").await?;
            let jvm = Jvm { bootstraps: &bootstraps, seen: &seen, managed, interpreter: &interpreter };
            self.archived(ctx, &jvm).await;
            jvm.add_options(&mut argv, *memory_mb);
        }
        let programs = interpreter.path.parent().map(Path::to_owned);
        let (runtime_dir, folders) = (bootstraps.root().to_owned(), interpreter.folders());
        let packages = interpreter.packages();
        Ok(Some(Command { argv, programs, runtime_dir, folders, packages, ..Command::default() }))
    }

    /// Makes the archive of a JVM's classes unless it is there, or this was tried.
    fn archived(&self, ctx: &Ctx, jvm: &Jvm<'_>) -> impl Future<Output = ()> + Send + use<> {
        let (ctx, archives, scratch) = (ctx.clone(), self.archives.clone(), self.scratch(ctx).to_owned());
        let made = jvm.archive().zip(ctx.ports().runner.clone());
        let command = Command {
            argv: jvm.seen.rehearsal_command(jvm.managed, jvm.interpreter),
            runtime_dir: jvm.bootstraps.root().to_owned(),
            folders: jvm.interpreter.folders(),
            ..Command::default()
        };
        async move {
            let Some((file, runner)) = made.filter(|(file, _)| !file.is_file()) else { return };
            // Where there can be no such folder, functions say so.
            let Ok(tmp) = launch::scratch(&ctx, &scratch).await else { return };
            archives.make(&ctx, &runner, &file, (command, tmp)).await;
        }
    }

    /// Which folders of code are in use.
    pub fn leases(&self) -> &Leases {
        &self.leases
    }

    /// What runs a version whose code and layers lie in folders, which it sees as `view`.
    ///
    /// # Errors
    /// Where the machine has no interpreter of that very version.
    pub async fn command(
        &self,
        ctx: &Ctx,
        configuration: &Configuration,
        (code, layers): (&Path, Option<&Path>),
        view: &View,
    ) -> Result<Command, LambdaError> {
        let runtime = configuration.settings.runtime.as_str();
        let bootstraps = self.bootstraps(ctx).await?;
        let runtime_dir = bootstraps.root().to_owned();
        if runtime.starts_with("provided") {
            let in_layers = layers.is_some_and(|layers| layers.join("bootstrap").is_file());
            let seen = view.opt.as_ref().filter(|_| in_layers && !code.join("bootstrap").is_file());
            let program = seen.unwrap_or(&view.code).join("bootstrap");
            let argv = vec![program.into_os_string()];
            return Ok(Command { argv, runtime_dir, ..Command::default() });
        }
        let managed = ManagedRuntime::parse(runtime).map_err(|error| cannot(&error))?;
        let interpreter = self.interpreter(ctx, managed).await?;
        prepare(ctx, &bootstraps, (managed, &interpreter), &configuration.settings.handler).await?;
        let seen = bootstraps.seen_at(view.runtime.as_deref().unwrap_or(bootstraps.root()));
        let opt = view.opt.as_deref().filter(|_| layers.is_some());
        let mut argv = seen.command(managed, &interpreter, (&view.code, opt));
        if let ManagedRuntime::Java { .. } = managed {
            let jvm = Jvm { bootstraps: &bootstraps, seen: &seen, managed, interpreter: &interpreter };
            jvm.add_options(&mut argv, configuration.settings.memory_mb);
            // For the next; this one does not wait for it.
            tokio::spawn(self.archived(ctx, &jvm));
        }
        let variables = managed.variables(&interpreter, (&view.code, opt), seen.root());
        let mut variables: BTreeMap<_, _> =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        if let ManagedRuntime::Dotnet { .. } = managed {
            // So does .NET, which takes the bound as a hexadecimal number of bytes.
            let heap_bytes = u64::from(configuration.settings.memory_mb) << 20;
            variables.insert("DOTNET_GCHeapHardLimit".to_owned(), format!("{:x}", heap_bytes * 3 / 4));
        }
        let programs = interpreter.path.parent().map(Path::to_owned);
        let (folders, packages) = (interpreter.folders(), interpreter.packages());
        if let Some(wrapper) = configuration.settings.environment.as_ref().and_then(|own| own.get(WRAPPER)) {
            argv = wrapped(wrapper, argv);
        }
        Ok(Command { argv, programs, runtime_dir, folders, packages, variables, ..Command::default() })
    }

    /// The root file system of an image, unpacked once however many ask for it, and kept for the next.
    ///
    /// # Errors
    /// Where it cannot be read or written.
    pub async fn image(&self, ctx: &Ctx, image: &Image) -> Result<Lease, LambdaError> {
        let slot = self.slot(image.digest);
        let mut kept = slot.lock().await;
        let lease = code::of_image(ctx, &self.leases, image).await?;
        *kept = Some(self.leases.hold(lease.folder()));
        Ok(lease)
    }

    /// The slot of an image, which is then the one that was used last.
    fn slot(&self, digest: [u8; 32]) -> Slot {
        let mut images = self.images.lock().unwrap_or_else(PoisonError::into_inner);
        let known = images.iter().position(|(known, _)| *known == digest);
        let known = known.and_then(|at| images.remove(at));
        let slot = known.map_or_else(Slot::default, |(_, slot)| slot);
        images.push_back((digest, slot.clone()));
        if images.len() > MAX_IMAGES {
            images.pop_front();
        }
        slot
    }

    async fn bootstraps(&self, ctx: &Ctx) -> Result<Arc<Bootstraps>, LambdaError> {
        let laid_out = self.bootstraps.get_or_try_init(|| async {
            let store = ctx.host().settings.data_dir.join("lambda");
            let laid_out =
                ctx.compute(move || Bootstraps::lay_out(&store)).await.map_err(LambdaError::Other)?;
            laid_out.map(Arc::new).map_err(|error| cannot(&RuntimeError::System(error)))
        });
        laid_out.await.cloned()
    }

    async fn interpreter(&self, ctx: &Ctx, managed: ManagedRuntime) -> Result<Interpreter, LambdaError> {
        let known = || self.interpreters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known().get(&managed) {
            return Ok(found.clone());
        }
        // What is missing is looked for again: it may be installed meanwhile.
        let found = ctx.compute(move || places().find(managed)).await.map_err(LambdaError::Other)?;
        let found = found.map_err(|error| cannot(&error))?;
        known().insert(managed, found.clone());
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_have_one_slot_each_and_those_used_longest_ago_lose_it() {
        let machine = Machine::default();
        let of = |number: usize| machine.slot([number as u8; 32]);
        let (first, second) = (of(0), of(1));
        (2..MAX_IMAGES).for_each(|number| drop(of(number)));
        assert!(Arc::ptr_eq(&first, &of(0)));
        // One more, for which the second goes.
        drop(of(MAX_IMAGES));
        assert!(Arc::ptr_eq(&first, &of(0)));
        assert!(!Arc::ptr_eq(&second, &of(1)));
    }
}
