//! Starting an environment: its folders, its credentials, its program and what runs beside it.

use super::api::{Begun, RuntimeApi};
use super::code::{self, Lease};
use super::dispatcher::Work;
use super::environment::Environment;
use super::extensions::About;
use super::forward;
use super::freezing::Frost;
use super::image::{self, Image};
use super::logs::EnvironmentLog;
use super::machine::{Command, Machine, View};
use super::places::Place;
use super::pools::Version;
use super::shutdown::Reason;
use super::template::{self, Plan};
use super::waiting::{self, Found, Kind, Waiting};
use crate::errors::LambdaError;
use crate::rules::names::session_name;
use crate::state::{Configuration, Origin};
use names::{AccountId, Region, Scope};
use ports::runner::{Level, Output, Runner, RunnerError, Sandbox, Template};
use ports::{LogTarget, Session, SessionRequest};
use service::{Ctx, Log};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The port of the Runtime API in an environment with a network of its own: AWS's, unless it is the
/// region's.
const API_PORTS: [u16; 2] = [9001, 9002];

/// How long an interpreter that is to wait may take to begin.
const BEGINNING: Duration = Duration::from_secs(30);

/// An environment whose program runs and may not have begun.
pub struct Launched {
    /// The environment.
    pub environment: Environment,
    /// How it begins.
    pub begun: oneshot::Receiver<Begun>,
    /// Since when.
    pub since: Instant,
}

/// Credentials of the function's role. Where permissions are not enforced a role may be absent; the function
/// then acts as its account.
async fn session(
    ctx: &Ctx,
    configuration: &Configuration,
    account: AccountId,
) -> Result<Option<Session>, LambdaError> {
    let request = SessionRequest {
        role: configuration.settings.role.clone(),
        service: "lambda.amazonaws.com",
        session_name: session_name(&configuration.name),
        source_arn: None,
        source_account: account,
    };
    match ctx.ports().credentials.session(request).await {
        Ok(session) => Ok(Some(session)),
        Err(error) if error.status >= 500 => Err(LambdaError::Other(error)),
        Err(_) if ctx.host().settings.enforces => Err(LambdaError::RoleNotAssumable),
        Err(_) => Ok(None),
    }
}

fn runner(ctx: &Ctx) -> Result<Arc<dyn Runner>, LambdaError> {
    let none =
        || LambdaError::CannotRun("This region cannot start processes, so no function can run.".to_owned());
    ctx.ports().runner.clone().ok_or_else(none)
}

/// The level that a version runs at, asked before anything is unpacked for it.
async fn level(runner: &Arc<dyn Runner>, configuration: &Configuration) -> Result<Level, LambdaError> {
    let level = runner.level().await.map_err(|error| LambdaError::CannotRun(error.to_string()))?;
    if level != Level::Sandbox && matches!(configuration.origin, Origin::Image(_)) {
        let why =
            "Images run at level sandbox alone, which this region does not give: elysium doctor says why.";
        return Err(LambdaError::CannotRun(why.to_owned()));
    }
    Ok(level)
}

fn log_target(
    ctx: &Ctx,
    configuration: &Configuration,
    (account, region): (AccountId, &Region),
) -> LogTarget {
    let group = configuration.settings.log_group.clone();
    let (year, month, day, ..) = ctx.now().civil();
    let (version, unique) = (&configuration.version, ctx.host().entropy.hex(32));
    LogTarget {
        account,
        region: region.clone(),
        group: group.unwrap_or_else(|| format!("/aws/lambda/{}", configuration.name)),
        stream: format!("{year:04}/{month:02}/{day:02}/[{version}]{unique}"),
    }
}

/// What a command is made of.
struct Runs<'a> {
    code: &'a Path,
    opt: Option<&'a Path>,
    view: &'a View,
    image: Option<&'a Image>,
}

async fn command(
    ctx: &Ctx,
    machine: &Machine,
    configuration: &Configuration,
    runs: &Runs<'_>,
) -> Result<Command, LambdaError> {
    match runs.image {
        Some(image) => image::run(&image.program, &configuration.settings.image, runs.code),
        None => machine.command(ctx, configuration, (runs.code, runs.opt), runs.view).await,
    }
}

/// Begins to serve an environment with a network of its own.
fn open(api: &RuntimeApi, sandbox: &Arc<dyn Sandbox>, region: SocketAddr) {
    api.shared().extensions.telemetry.are_in(sandbox);
    let mut listeners = sandbox.take_listeners().into_iter();
    if let (Some(own), Some(its)) = (listeners.next(), listeners.next()) {
        api.serve(own);
        api.forward(its, region);
    }
}

/// The image of a version, if it is still the one that the version was made of.
async fn unchanged(ctx: &Ctx, configuration: &Configuration, uri: &str) -> Result<Image, LambdaError> {
    let (named, architecture) = (uri.to_owned(), configuration.settings.architecture.clone());
    let found = ctx.compute(move || Image::find(&named, &architecture)).await;
    let found = found.map_err(LambdaError::Other)?.map_err(LambdaError::CannotRun)?;
    if found.digest == configuration.code.sha256 {
        return Ok(found);
    }
    Err(LambdaError::CannotRun(format!(
        "The image {uri} is not the one that the function was given: it has changed since. UpdateFunctionCode takes \
         what is there now."
    )))
}

/// The folders of a version's code and layers.
struct Folders {
    code: Lease,
    layers: Option<Lease>,
    /// Where the code is the root file system of an image.
    image: Option<Image>,
}

async fn folders(
    ctx: &Ctx,
    machine: &Machine,
    configuration: &Configuration,
) -> Result<Folders, LambdaError> {
    let mut image = None;
    let code = match &configuration.origin {
        Origin::Package => code::unpacked(ctx, machine.leases(), &configuration.code).await?,
        Origin::Folder(path) => machine.leases().hold(Path::new(path)),
        Origin::Image(uri) => {
            let found = unchanged(ctx, configuration, uri).await?;
            let lease = machine.image(ctx, &found).await?;
            image = Some(found);
            lease
        }
    };
    let layers: Vec<_> = configuration.settings.layers.iter().map(|layer| layer.code).collect();
    let layers = match layers.as_slice() {
        [] => None,
        layers => Some(code::layered(ctx, machine.leases(), layers).await?),
    };
    Ok(Folders { code, layers, image })
}

/// Starts the program of an environment and what runs beside it.
///
/// # Errors
/// Where the function cannot run here.
pub async fn launch(
    ctx: &Ctx,
    machine: &Machine,
    work: &Work,
    place: Place,
) -> Result<Launched, LambdaError> {
    let (runner, configuration) = (runner(ctx)?, &work.configuration);
    let (account, region) = home(&work.scope);
    let level = level(&runner, configuration).await?;
    let Folders { code, layers, image } = folders(ctx, machine, configuration).await?;
    let opt = layers.as_ref().map(|layers| layers.folder().to_owned());
    readable(configuration, opt.as_deref(), level, &runner).await?;
    let view = view(level, code.folder(), opt.as_deref());
    let runs = Runs { code: code.folder(), opt: opt.as_deref(), view: &view, image: image.as_ref() };
    let command = command(ctx, machine, configuration, &runs).await?;
    let session = session(ctx, configuration, account).await?;
    let since = ctx.host().clock.instant();
    let files = (code.folder(), opt.is_some());
    let kind = kind((configuration, account), (level, image.is_some()), files, &command);
    let waiting = match &kind {
        Some(kind) => found(ctx, machine, kind, since).await.map(|waiting| (waiting, kind)),
        None => None,
    };
    let api = Arc::new(RuntimeApi::new());
    let way = way(ctx, level, &api).await?;
    let log = log_target(ctx, configuration, (account, &region));
    let plan = Plan {
        configuration,
        place: (account, region.as_str()),
        code: code.folder(),
        opt: opt.as_deref(),
        view,
        image: image.as_ref().map(|_| code.folder()),
        command,
        ports: way.ports.clone(),
        api: way.api.clone(),
        log: (&log.group, &log.stream),
        session: session.as_ref(),
        endpoint: &way.endpoint,
        tmp: scratch(ctx, machine.scratch(ctx)).await?,
        level,
        kind: work.kind,
    };
    let templates = beside(&plan, opt.as_deref());
    let told = || (about(configuration, account), templates.len());
    let ran = run((&runner, way.region), (waiting, api), plan, told).await;
    let (sandbox, api) = ran.map_err(|error| not_launched(work, code.folder(), opt.as_deref(), &error))?;
    let extensions = start_beside(&sandbox, templates, &api).await?;
    let begun = api.begun().ok_or_else(|| LambdaError::CannotRun("The environment has begun.".to_owned()))?;
    let outputs = outputs(&sandbox, &extensions);
    let environment = Environment {
        version: Version { function: work.function, version: configuration.version.clone() },
        generation: configuration.generation,
        log: EnvironmentLog::begin(ctx, sandbox.clone(), outputs, (log, configuration), api.shared().clone()),
        api,
        sandbox,
        extensions,
        credentials_end: session.map(|session| session.expires),
        clock: ctx.host().clock.clone(),
        idle_since: since,
        init: None,
        reason: Reason::Spindown,
        _folders: [Some(code), layers].into_iter().flatten().collect(),
        counted: None,
        _place: place,
        frost: Arc::new(Frost::default()),
        kind,
    };
    Ok(Launched { environment, begun, since })
}

/// The account and the region of a scope.
fn home(scope: &Scope) -> (AccountId, Region) {
    (scope.account().unwrap_or(AccountId::DEFAULT), scope.region().cloned().unwrap_or_default())
}

/// The program of an environment, and what it speaks: what waited for it, or one that is started.
async fn run(
    (runner, region): (&Arc<dyn Runner>, SocketAddr),
    (waiting, api): (Option<(Waiting, &Kind)>, Arc<RuntimeApi>),
    plan: Plan<'_>,
    told: impl Fn() -> (About, usize),
) -> Result<(Arc<dyn Sandbox>, Arc<RuntimeApi>), RunnerError> {
    if let Some(entered) = entered(waiting, &plan, told()).await {
        return Ok(entered);
    }
    let (about, beside) = told();
    api.shared().extensions.begin(about, beside);
    let sandbox: Arc<dyn Sandbox> = Arc::from(runner.launch(plan.template()).await?);
    open(&api, &sandbox, region);
    watch(&api, sandbox.clone());
    Ok((sandbox, api))
}

/// Makes what waited the environment's; `None` where nothing did, or it cannot be told.
async fn entered(
    waiting: Option<(Waiting, &Kind)>,
    plan: &Plan<'_>,
    (about, beside): (About, usize),
) -> Option<(Arc<dyn Sandbox>, Arc<RuntimeApi>)> {
    let (Waiting { sandbox, api }, kind) = waiting?;
    api.shared().extensions.begin(about, beside);
    match sandbox.enter(plan.entry(*kind == Kind::Blank)).await {
        Ok(()) => Some((sandbox, api)),
        Err(error) => {
            Log::warn("lambda", &format!("a sandbox waited in vain: {error}"));
            None
        }
    }
}

/// What a version is to find waiting; `None` where it can be nothing.
fn kind(
    (configuration, account): (&Configuration, AccountId),
    (level, is_image): (Level, bool),
    (code, has_layers): (&Path, bool),
    command: &Command,
) -> Option<Kind> {
    if level != Level::Sandbox || is_image {
        return None;
    }
    let kind = waiting::kind(&configuration.settings, account, code);
    // Folders are mounted into what waits where its root has places for them, which it has for its own alone.
    let among_layers = has_layers && command.folders.iter().any(|folder| folder.starts_with("/opt"));
    let foreign = kind == Kind::Blank && !command.folders.is_empty();
    (!among_layers && !foreign).then_some(kind)
}

/// What waits, or where none does, a copy of what those that wait are copies of.
async fn found(ctx: &Ctx, machine: &Machine, kind: &Kind, now: Instant) -> Option<Waiting> {
    match machine.lines().take(kind, now) {
        Found::Waiting(waiting) => return Some(waiting),
        Found::Coming(coming) => {
            if let Ok(waiting) = coming.await {
                return Some(waiting);
            }
        }
        Found::Nothing => {}
    }
    if !machine.lines().seed(kind)?.is_ready() {
        return None;
    }
    // Where there is no copy, a fresh one begins.
    waiting(ctx, machine, kind).await.ok().flatten()
}

/// Starts a sandbox that waits for a function; `None` where this machine has none that can.
///
/// # Errors
/// Where it could not be started.
pub async fn waiting(ctx: &Ctx, machine: &Machine, kind: &Kind) -> Result<Option<Waiting>, LambdaError> {
    let runner = runner(ctx)?;
    // Only root can show a sandbox what it did not see when it was made.
    let root = runner.probe().await.is_ok_and(|probe| probe.root);
    if !root || runner.level().await != Ok(Level::Sandbox) {
        return Ok(None);
    }
    let cannot = |why: &str| LambdaError::CannotRun(why.to_owned());
    let Some(command) = machine.waiting_command(ctx, kind).await? else { return Ok(None) };
    let api = Arc::new(RuntimeApi::new());
    let way = way(ctx, Level::Sandbox, &api).await?;
    let tmp = scratch(ctx, machine.scratch(ctx)).await?;
    let template = template::waiting(kind, command, (&way.api, way.ports), tmp);
    let sandbox = match copied(ctx, (machine, &runner), kind, &template).await {
        Some(copy) => copy,
        None => {
            let launched = runner.launch(template).await;
            Arc::from(launched.map_err(|error| cannot(&error.to_string()))?)
        }
    };
    open(&api, &sandbox, way.region);
    watch(&api, sandbox.clone());
    if *kind != Kind::Blank {
        // An interpreter connects when it has loaded all that it loads ahead.
        tokio::select! {
            () = api.connected() => {}
            exit = sandbox.exited() => return Err(cannot(&format!("what was to wait ended: {:?}", exit.end))),
            () = ctx.host().clock.rest(BEGINNING) => return Err(cannot("what was to wait does not begin")),
        }
    }
    Ok(Some(Waiting { sandbox, api }))
}

/// A copy of the seed of a kind, where it has one.
async fn copied(
    ctx: &Ctx,
    (machine, runner): (&Machine, &Arc<dyn Runner>),
    kind: &Kind,
    template: &Template,
) -> Option<Arc<dyn Sandbox>> {
    let seed = machine.lines().seed(kind)?;
    let copy = seed.copy(ctx, (machine, runner), kind, template).await;
    if copy.is_none() && seed.is_ready() {
        machine.lines().uproot(kind, &seed);
    }
    copy
}

fn about(configuration: &Configuration, account: AccountId) -> About {
    About {
        name: configuration.name.clone(),
        version: configuration.version.clone(),
        handler: configuration.settings.handler.clone(),
        account: account.to_string(),
    }
}

/// What the layers bring to run beside the function: the programs in `extensions`.
fn beside(plan: &Plan<'_>, opt: Option<&Path>) -> Vec<(String, Template)> {
    let Some(opt) = opt else { return Vec::new() };
    let programs = code::programs(&opt.join("extensions"));
    let named = programs.into_iter().filter_map(|program| {
        let name = program.file_name()?.to_string_lossy().into_owned();
        let template = plan.beside(&name, &program);
        Some((name, template))
    });
    named.collect()
}

/// Where the region is root, a function in a sandbox is another user, who needs leave to read folders of this machine:
/// its code, or its layer.
async fn readable(
    configuration: &Configuration,
    opt: Option<&Path>,
    level: Level,
    runner: &Arc<dyn Runner>,
) -> Result<(), LambdaError> {
    use std::os::unix::fs::PermissionsExt;
    let code = match &configuration.origin {
        Origin::Folder(folder) => Some(Path::new(folder)),
        Origin::Package | Origin::Image(_) => None,
    };
    let layer = opt.filter(|_| configuration.settings.layers.iter().any(|layer| layer.code.size == 0));
    let closed = |folder: &&Path| {
        !std::fs::metadata(folder).is_ok_and(|found| found.permissions().mode() & 0o5 == 0o5)
    };
    let Some(folder) = code.into_iter().chain(layer).find(closed) else { return Ok(()) };
    if level != Level::Sandbox || !runner.probe().await.is_ok_and(|probe| probe.root) {
        return Ok(());
    }
    let folder = folder.display();
    let why = format!("The folder {folder} is closed to functions in sandboxes: chmod -R o+rX {folder}");
    Err(LambdaError::CannotRun(why))
}

/// How a function sees its files.
fn view(level: Level, code: &Path, opt: Option<&Path>) -> View {
    if level == Level::Process {
        return View { code: code.to_owned(), opt: opt.map(Path::to_owned), runtime: None };
    }
    View::of_sandbox()
}

/// How an environment reaches its Runtime API and its region.
struct Way {
    api: String,
    /// The region's URL within the environment.
    endpoint: String,
    /// The region's address out here.
    region: SocketAddr,
    /// Ports of the environment's own loopback: of the Runtime API and of the region.
    ports: Vec<u16>,
}

/// The region's address out here, and the port of the Runtime API within a sandbox.
///
/// # Errors
/// Where the region has no address.
pub(super) fn inside(ctx: &Ctx) -> Result<(SocketAddr, u16), LambdaError> {
    let endpoint = &ctx.host().settings.endpoint;
    let unknown = || LambdaError::CannotRun(format!("The region's URL {endpoint} has no address."));
    let region = forward::region(endpoint).ok_or_else(unknown)?;
    let port = API_PORTS.into_iter().find(|port| *port != region.port()).unwrap_or_default();
    Ok((region, port))
}

async fn way(ctx: &Ctx, level: Level, api: &RuntimeApi) -> Result<Way, LambdaError> {
    let endpoint = ctx.host().settings.endpoint.clone();
    if level == Level::Process {
        let refused = |error: std::io::Error| LambdaError::CannotRun(format!("No port is free: {error}"));
        let address = api.listen().await.map_err(refused)?;
        return Ok(Way { api: address.to_string(), endpoint, region: address, ports: Vec::new() });
    }
    let (region, port) = inside(ctx)?;
    Ok(Way {
        api: format!("127.0.0.1:{port}"),
        endpoint: format!("http://127.0.0.1:{}", region.port()),
        region,
        ports: vec![port, region.port()],
    })
}

async fn start_beside(
    sandbox: &Arc<dyn Sandbox>,
    templates: Vec<(String, Template)>,
    api: &Arc<RuntimeApi>,
) -> Result<Vec<Arc<dyn Sandbox>>, LambdaError> {
    let mut started: Vec<Arc<dyn Sandbox>> = Vec::with_capacity(templates.len());
    for (name, template) in templates {
        let launched = sandbox.beside(template).await;
        let launched = launched.map_err(|error| {
            LambdaError::BadEntrypoint(format!("The extension {name} cannot be started: {error}"))
        })?;
        let sandbox: Arc<dyn Sandbox> = Arc::from(launched);
        let (shared, watched) = (api.shared().clone(), sandbox.clone());
        tokio::spawn(async move {
            let exit = watched.exited().await;
            let why = format!("the extension {name} exited: {:?}", exit.end);
            shared.extensions.break_off("Extension.Crash", &why);
        });
        started.push(sandbox);
    }
    Ok(started)
}

/// All output of an environment: the function's, and that of what runs beside it.
fn outputs(sandbox: &Arc<dyn Sandbox>, extensions: &[Arc<dyn Sandbox>]) -> Vec<(bool, Output)> {
    let of = |sandbox: &Arc<dyn Sandbox>, extension: bool| {
        let streams = [sandbox.take_stdout(), sandbox.take_stderr()];
        streams.into_iter().flatten().map(move |output| (extension, output)).collect::<Vec<_>>()
    };
    let mut all = of(sandbox, false);
    all.extend(extensions.iter().flat_map(|sandbox| of(sandbox, true)));
    all
}

/// Tells the Runtime API when the environment's program has ended.
fn watch(api: &Arc<RuntimeApi>, sandbox: Arc<dyn Sandbox>) {
    let shared = api.shared().clone();
    tokio::spawn(async move { shared.ended(sandbox.exited().await) });
}

fn not_launched(work: &Work, code: &Path, opt: Option<&Path>, error: &RunnerError) -> LambdaError {
    if !work.configuration.settings.runtime.starts_with("provided") {
        return LambdaError::CannotRun(error.to_string());
    }
    if opt.is_some_and(|opt| opt.join("bootstrap").is_file()) || code.join("bootstrap").is_file() {
        return LambdaError::BadEntrypoint(format!("/var/task/bootstrap: {error}"));
    }
    let places = "[/var/task/bootstrap /opt/bootstrap]";
    LambdaError::BadEntrypoint(format!("Couldn't find valid bootstrap(s): {places}"))
}

/// The folder of an environment for its temporary files, which the runner makes.
///
/// # Errors
/// Where the folder that it is to be in cannot be made.
pub(super) async fn scratch(ctx: &Ctx, folder: &Path) -> Result<PathBuf, LambdaError> {
    let (made, name) = (folder.to_owned(), ctx.host().entropy.hex(24));
    let made = ctx.compute(move || std::fs::create_dir_all(made)).await.map_err(LambdaError::Other)?;
    made.map_err(|error| LambdaError::CannotRun(format!("{} cannot be made: {error}", folder.display())))?;
    Ok(folder.join(name))
}
