//! What an environment is started with: its program, its variables, its limits.

use super::machine::{Command, View};
use super::waiting::{Kind, MAX_VARIABLES};
use crate::state::{Configuration, Settings};
use names::AccountId;
use ports::Session;
use ports::runner::{Entry, Level, Limits, Roots, Shown, Template, Told};
use serde_json::json;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Open files of a function (Lambda quotas: 1,024).
const OPEN_FILES: u64 = 1024;
const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
const LANGUAGE: &str = "en_US.UTF-8";
const TIME_ZONE: &str = ":UTC";
/// Bounds of a sandbox that waits (Lambda quotas: memory to 10,240 MB, `/tmp` from 512 MB).
const LARGEST_MEMORY: u64 = 10_240 << 20;
const SMALLEST_TMP: u64 = 512 << 20;
const REHEARSAL_MEMORY: u64 = 512 << 20;
/// Where sandboxes see the packages of this machine: above the code and the layers alike.
const PACKAGES: &str = "/node_modules";
const WELL_KNOWN: &str = "test";
/// Variables that the environment of a JVM has room for: the function's own, and those that all have.
const PLACES: usize = MAX_VARIABLES + 32;
/// Tells the bootstraps where the layers are.
const LAYERS_ROOT: &str = "ELYSIUM_LAYERS_ROOT";

/// Everything that an environment's variables are made of.
pub struct Plan<'a> {
    /// The version that it runs.
    pub configuration: &'a Configuration,
    /// The function's account and region.
    pub place: (AccountId, &'a str),
    /// The folder of its code.
    pub code: &'a Path,
    /// The folder of its layers.
    pub opt: Option<&'a Path>,
    /// As which the function sees them.
    pub view: View,
    /// The root file system, where an image brings it.
    pub image: Option<&'a Path>,
    /// What runs it.
    pub command: Command,
    /// Where its Runtime API listens, and the region, where it has a loopback of its own.
    pub ports: Vec<u16>,
    /// The address of its Runtime API.
    pub api: String,
    /// Its log group and stream.
    pub log: (&'a str, &'a str),
    /// Credentials of its role; the account's well-known ones where it has none.
    pub session: Option<&'a Session>,
    /// The URL of this region, as the function reaches it.
    pub endpoint: &'a str,
    /// Its folder for temporary files.
    pub tmp: PathBuf,
    /// The isolation it gets.
    pub level: Level,
    /// Why it is started.
    pub kind: Initialization,
}

/// Why an environment is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initialization {
    /// For an invocation.
    OnDemand,
    /// To be ready.
    Provisioned,
}

impl Initialization {
    /// Its name in `AWS_LAMBDA_INITIALIZATION_TYPE`.
    pub fn as_str(self) -> &'static str {
        match self {
            Initialization::OnDemand => "on-demand",
            Initialization::Provisioned => "provisioned-concurrency",
        }
    }
}

/// Well-known credentials: those that stand for the root of an account.
fn well_known(account: AccountId) -> (String, String) {
    if account == AccountId::DEFAULT {
        (WELL_KNOWN.to_owned(), WELL_KNOWN.to_owned())
    } else {
        (account.to_string(), WELL_KNOWN.to_owned())
    }
}

impl Plan<'_> {
    fn variables(&self) -> Vec<(String, String)> {
        let Configuration { name, version, settings, .. } = self.configuration;
        let programs = self.command.programs.as_ref().map(|path| format!("{}:", path.display()));
        let task_root = self.view.code.display().to_string();
        let runtime_dir = self.view.runtime.as_ref().unwrap_or(&self.command.runtime_dir);
        let runtime_dir = runtime_dir.display().to_string();
        let region = self.place.1;
        let opt = self.view.opt.as_ref();
        let of_layers =
            |folder: &str| opt.map(|opt| format!(":{}/{folder}", opt.display())).unwrap_or_default();
        let defaults = [
            ("AWS_ENDPOINT_URL", self.endpoint.to_owned()),
            ("PATH", programs.unwrap_or_default() + SYSTEM_PATH + &of_layers("bin")),
            ("LD_LIBRARY_PATH", format!("{task_root}:{task_root}/lib{}", of_layers("lib"))),
            ("LANG", LANGUAGE.to_owned()),
            ("TZ", TIME_ZONE.to_owned()),
            ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR".to_owned()),
        ];
        let fixed = [
            ("AWS_LAMBDA_RUNTIME_API", self.api.clone()),
            ("AWS_LAMBDA_FUNCTION_NAME", name.clone()),
            ("AWS_LAMBDA_FUNCTION_VERSION", version.clone()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", settings.memory_mb.to_string()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", self.kind.as_str().to_owned()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", self.log.0.to_owned()),
            ("AWS_LAMBDA_LOG_STREAM_NAME", self.log.1.to_owned()),
            ("AWS_REGION", region.to_owned()),
            ("AWS_DEFAULT_REGION", region.to_owned()),
            ("_HANDLER", settings.handler.clone()),
            ("LAMBDA_TASK_ROOT", task_root),
            ("LAMBDA_RUNTIME_DIR", runtime_dir),
        ];
        let owned = |(name, value): (&str, String)| (name.to_owned(), value);
        let mut given = self.command.variables.clone();
        given.extend(settings.environment.clone().unwrap_or_default());
        let mut variables: Vec<(String, String)> =
            defaults.map(owned).into_iter().filter(|(name, _)| !given.contains_key(name)).collect();
        variables.extend(given);
        variables.extend(fixed.map(owned));
        if let Some(name) = execution_env(&settings.runtime) {
            variables.push(("AWS_EXECUTION_ENV".to_owned(), name));
        }
        if runs_by_shell(&settings.runtime) {
            variables.push(("PWD".to_owned(), self.view.code.display().to_string()));
            variables.push(("SHLVL".to_owned(), "0".to_owned()));
        }
        if let Some(levels) = &settings.json_logs {
            variables.push(("AWS_LAMBDA_LOG_FORMAT".to_owned(), "JSON".to_owned()));
            variables.push(("AWS_LAMBDA_LOG_LEVEL".to_owned(), levels.application.clone()));
        }
        if let Some(opt) = opt.filter(|_| self.level == Level::Process) {
            // Where `/opt` is nothing of this environment's own.
            variables.push((LAYERS_ROOT.to_owned(), opt.display().to_string()));
        }
        variables.extend(self.credentials());
        variables
    }

    fn credentials(&self) -> Vec<(String, String)> {
        let (access_key, secret, token) = match self.session {
            Some(session) => {
                (session.access_key.clone(), session.secret.to_string(), Some(session.token.to_string()))
            }
            None => {
                let (access_key, secret) = well_known(self.place.0);
                (access_key, secret, None)
            }
        };
        let keys = [("AWS_ACCESS_KEY_ID", access_key), ("AWS_SECRET_ACCESS_KEY", secret)];
        let keys = keys.into_iter().chain(token.map(|token| ("AWS_SESSION_TOKEN", token)));
        keys.map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn env(&self) -> Vec<(OsString, OsString)> {
        self.variables().into_iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    fn roots(&self, tmp: PathBuf) -> Roots {
        let image = self.image.map(Path::to_owned);
        if image.is_some() {
            return Roots { read_only: Vec::new(), image, tmp };
        }
        let View { code, opt, runtime } = &self.view;
        let runtime_dir = &self.command.runtime_dir;
        let shown = |from: &Path, at: &Path| Shown { from: from.to_owned(), at: at.to_owned() };
        let mut read_only = vec![shown(self.code, code)];
        if let Some((from, at)) = self.opt.zip(opt.as_deref()) {
            show_around(&self.command.folders, from, at, &mut read_only);
        }
        read_only.push(shown(runtime_dir, runtime.as_ref().unwrap_or(runtime_dir)));
        read_only.extend(self.command.folders.iter().map(|folder| shown(folder, folder)));
        read_only.extend(self.command.packages.iter().map(|from| shown(from, Path::new(PACKAGES))));
        Roots { read_only, image, tmp }
    }

    /// The template of a program that runs beside the function.
    pub fn beside(&self, name: &str, program: &Path) -> Template {
        // As it is seen by what runs there.
        let seen = self.opt.zip(self.view.opt.as_ref());
        let seen = seen.and_then(|(opt, at)| Some(at.join(program.strip_prefix(opt).ok()?)));
        let program = seen.as_deref().unwrap_or(program);
        let mut tmp = self.tmp.clone().into_os_string();
        tmp.push(format!("-{name}"));
        Template {
            label: format!("{}:{}/{name}", self.configuration.name, self.configuration.version),
            level: self.level,
            argv: vec![program.to_owned().into_os_string()],
            env: self.env(),
            working_dir: self.view.code.clone(),
            roots: self.roots(tmp.into()),
            limits: limits(&self.configuration.settings),
            ports: Vec::new(),
            waits: false,
            seeds: false,
        }
    }

    /// What is told where nothing but the sandbox waits, or to an interpreter that has begun.
    pub fn entry(&self, blank: bool) -> Entry {
        if blank {
            let working_dir = self.command.working_dir.clone().unwrap_or_else(|| self.view.code.clone());
            return Entry {
                shown: self.roots(self.tmp.clone()).read_only,
                limits: limits(&self.configuration.settings),
                told: Told::Program { argv: self.command.argv.clone(), env: self.env(), working_dir },
            };
        }
        let told = json!({
            "environment": self.variables().into_iter().collect::<BTreeMap<_, _>>(),
            "folder": self.view.code,
        });
        let shown = |from: &Path, at: &Path| Shown { from: from.to_owned(), at: at.to_owned() };
        let layers = self.opt.zip(self.view.opt.as_ref()).map(|(from, at)| shown(from, at));
        Entry {
            shown: [shown(self.code, &self.view.code)].into_iter().chain(layers).collect(),
            limits: limits(&self.configuration.settings),
            told: Told::Words(told.to_string().into_bytes()),
        }
    }

    /// The template.
    pub fn template(self) -> Template {
        let env = self.env();
        let roots = self.roots(self.tmp.clone());
        Template {
            label: format!("{}:{}", self.configuration.name, self.configuration.version),
            level: self.level,
            argv: self.command.argv,
            env,
            working_dir: self.command.working_dir.unwrap_or(self.view.code),
            roots,
            limits: limits(&self.configuration.settings),
            ports: self.ports,
            waits: false,
            seeds: false,
        }
    }
}

/// The template of a program that waits to be told which function it runs: what of its environment decides
/// how an interpreter begins is there already, and its limits are as wide as any function's.
pub fn waiting(kind: &Kind, command: Command, (api, ports): (&str, Vec<u16>), tmp: PathBuf) -> Template {
    ahead(kind, command, ports, (tmp, api))
}

/// The template of an interpreter whose copies wait: it sees what they will.
pub fn seed(kind: &Kind, command: Command, api: &str, tmp: PathBuf) -> Template {
    Template { waits: false, seeds: true, ..ahead(kind, command, Vec::new(), (tmp, api)) }
}

/// The template of a JVM that rehearses, whose output is an archive of its classes.
pub fn rehearsal(level: Level, command: Command, tmp: PathBuf) -> Template {
    let walled = View::of_sandbox().runtime.filter(|_| level == Level::Sandbox);
    let at = walled.unwrap_or_else(|| command.runtime_dir.clone());
    let mut read_only = vec![Shown { from: command.runtime_dir, at }];
    read_only.extend(command.folders.into_iter().map(|folder| Shown { from: folder.clone(), at: folder }));
    Template {
        label: "rehearsal".to_owned(),
        level,
        argv: command.argv,
        env: vec![("PATH".into(), SYSTEM_PATH.into()), ("LANG".into(), LANGUAGE.into())],
        working_dir: "/".into(),
        roots: Roots { read_only, image: None, tmp },
        limits: Limits {
            memory_bytes: REHEARSAL_MEMORY,
            tmp_bytes: SMALLEST_TMP,
            open_files: OPEN_FILES,
            processes: None,
        },
        ports: Vec::new(),
        waits: false,
        seeds: false,
    }
}

fn ahead(kind: &Kind, command: Command, ports: Vec<u16>, (tmp, api): (PathBuf, &str)) -> Template {
    let View { code, opt, runtime: runtime_dir } = View::of_sandbox();
    let opt = opt.unwrap_or_default();
    let programs = command.programs.as_ref().map(|path| format!("{}:", path.display())).unwrap_or_default();
    let variables = [
        ("AWS_LAMBDA_RUNTIME_API", api.to_owned()),
        ("PATH", format!("{programs}{SYSTEM_PATH}")),
        ("LD_LIBRARY_PATH", format!("{0}:{0}/lib:{1}/lib", code.display(), opt.display())),
        ("LANG", LANGUAGE.to_owned()),
        ("TZ", TIME_ZONE.to_owned()),
    ];
    let mut env: Vec<(OsString, OsString)> =
        variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let mut working_dir = Path::new("/").to_owned();
    if let Kind::Begun { memory_mb: Some(_), .. } = kind {
        // A JVM neither makes room for variables nor goes anywhere: it is where its code will be.
        env.extend((0..PLACES).map(|place| (format!("_{place}").into(), OsString::new())));
        working_dir.clone_from(&code);
    }
    let at = runtime_dir.unwrap_or_else(|| command.runtime_dir.clone());
    let mut read_only = Vec::new();
    if *kind != Kind::Blank {
        read_only.push(Shown { from: command.runtime_dir, at });
    }
    read_only.extend(command.folders.into_iter().map(|folder| Shown { from: folder.clone(), at: folder }));
    read_only.extend(command.packages.into_iter().map(|from| Shown { from, at: PACKAGES.into() }));
    let limits = Limits {
        memory_bytes: LARGEST_MEMORY,
        tmp_bytes: SMALLEST_TMP,
        open_files: OPEN_FILES,
        processes: None,
    };
    Template {
        label: format!("waiting: {kind:?}"),
        level: Level::Sandbox,
        argv: command.argv,
        env,
        working_dir,
        roots: Roots { read_only, image: None, tmp },
        limits,
        ports,
        waits: true,
        seeds: false,
    }
}

/// Shows a folder; what is in it one by one where others are to be shown within it too, because nothing can
/// be made in what is shown.
fn show_around(others: &[PathBuf], from: &Path, at: &Path, all: &mut Vec<Shown>) {
    if !others.iter().any(|other| other.starts_with(at)) {
        return all.push(Shown { from: from.to_owned(), at: at.to_owned() });
    }
    for entry in std::fs::read_dir(from).into_iter().flatten().flatten() {
        // A link that leads nowhere cannot be shown.
        if entry.path().exists() {
            show_around(others, &entry.path(), &at.join(entry.file_name()), all);
        }
    }
}

fn limits(settings: &Settings) -> Limits {
    Limits {
        memory_bytes: u64::from(settings.memory_mb) * 1024 * 1024,
        tmp_bytes: u64::from(settings.storage_mb) * 1024 * 1024,
        open_files: OPEN_FILES,
        processes: None,
    }
}

/// Whether a shell starts the runtime on AWS, which leaves variables (LocalStack's test_introspection_invoke, recorded
/// on AWS).
fn runs_by_shell(runtime: &str) -> bool {
    ["python", "nodejs", "ruby", "dotnet"].iter().any(|name| runtime.starts_with(name))
}

/// `AWS_EXECUTION_ENV`, which custom runtimes do not have.
fn execution_env(runtime: &str) -> Option<String> {
    (!runtime.starts_with("provided") && !runtime.is_empty()).then(|| format!("AWS_Lambda_{runtime}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Code, ImageChoices, Origin, RuntimeUpdate};
    use names::Timestamp;

    fn configuration(environment: &[(&str, &str)]) -> Configuration {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Configuration {
            name: "f".to_owned(),
            version: "$LATEST".to_owned(),
            generation: 1,
            revision: String::new(),
            modified: Timestamp(0),
            code: Code { sha256: [0; 32], size: 0 },
            origin: Origin::Package,
            runtime_update: RuntimeUpdate::default(),
            settings: Settings {
                runtime: "python3.11".to_owned(),
                role: "arn:aws:iam::000000000000:role/r".parse().unwrap(),
                handler: "app.handler".to_owned(),
                description: String::new(),
                timeout_s: 3,
                memory_mb: 128,
                storage_mb: 512,
                environment: Some(environment.collect()),
                kms_key: None,
                architecture: "x86_64".to_owned(),
                tracing: "PassThrough".to_owned(),
                snap_start: "None".to_owned(),
                dead_letter: None,
                log_group: None,
                json_logs: None,
                layers: Vec::new(),
                image: ImageChoices::default(),
            },
        }
    }

    fn variables(configuration: &Configuration, account: AccountId) -> Vec<(String, String)> {
        let view = View { code: "/code".into(), opt: Some("/layers".into()), runtime: None };
        plan(configuration, account, (view, Level::Process)).variables()
    }

    fn plan(configuration: &Configuration, account: AccountId, (view, level): (View, Level)) -> Plan<'_> {
        let command = Command {
            argv: vec!["/bin/python".into()],
            programs: Some("/py".into()),
            runtime_dir: "/rt".into(),
            folders: vec!["/py/lib".into()],
            ..Command::default()
        };
        Plan {
            configuration,
            place: (account, "eu-west-1"),
            code: Path::new("/code"),
            opt: Some(Path::new("/layers")),
            view,
            image: None,
            command,
            ports: Vec::new(),
            api: "127.0.0.1:1".to_owned(),
            log: ("/aws/lambda/f", "stream"),
            session: None,
            endpoint: "http://127.0.0.1:4566",
            tmp: "/tmp/x".into(),
            level,
            kind: Initialization::OnDemand,
        }
    }

    #[test]
    fn in_a_sandbox_all_is_where_aws_has_it() {
        let configuration = configuration(&[]);
        let plan = plan(&configuration, AccountId::DEFAULT, (View::of_sandbox(), Level::Sandbox));
        let variables = plan.variables();
        for (name, value) in [("LAMBDA_TASK_ROOT", "/var/task"), ("LAMBDA_RUNTIME_DIR", "/var/runtime")] {
            assert!(variables.contains(&(name.to_owned(), value.to_owned())), "{variables:?}");
        }
        assert!(!variables.iter().any(|(name, _)| name == LAYERS_ROOT));
        let template = plan.template();
        let shown = template.roots.read_only.iter().map(|shown| (shown.from.to_str(), shown.at.to_str()));
        let expected =
            [("/code", "/var/task"), ("/layers", "/opt"), ("/rt", "/var/runtime"), ("/py/lib", "/py/lib")];
        assert!(shown.eq(expected.map(|(from, at)| (Some(from), Some(at)))));
        assert_eq!(template.limits.tmp_bytes, 512 << 20);
    }

    /// As where a machine keeps its interpreters in `/opt`.
    #[test]
    fn layers_are_shown_beside_an_interpreter_below_opt() {
        let layers = std::env::temp_dir().join(format!("lambda-layers-{}", std::process::id()));
        for folder in ["bin", "tools/lib", "tools/py/lib"] {
            std::fs::create_dir_all(layers.join(folder)).unwrap();
        }
        let mut all = Vec::new();
        let interpreter = [PathBuf::from("/opt/tools/py/lib"), PathBuf::from("/opt/tools/py/bin")];
        show_around(&interpreter, &layers, Path::new("/opt"), &mut all);
        let mut shown: Vec<_> = all.iter().map(|shown| shown.at.display().to_string()).collect();
        shown.sort();
        assert_eq!(shown, ["/opt/bin", "/opt/tools/lib"]);
        assert!(all.iter().all(|shown| shown.from == layers.join(shown.at.strip_prefix("/opt").unwrap())));
        std::fs::remove_dir_all(layers).unwrap();
    }

    #[test]
    fn the_owners_variables_are_over_defaults_and_under_what_is_fixed() {
        let configuration = configuration(&[("PATH", "/mine"), ("NAME", "value")]);
        let variables = variables(&configuration, AccountId::DEFAULT);
        let all = |wanted: &str| -> Vec<&str> {
            variables.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.as_str()).collect()
        };
        assert_eq!(all("PATH"), ["/mine"]);
        assert_eq!(all("NAME"), ["value"]);
        assert_eq!(all("LD_LIBRARY_PATH"), ["/code:/code/lib:/layers/lib"]);
        assert_eq!(all("AWS_REGION"), ["eu-west-1"]);
        assert_eq!(all("AWS_ENDPOINT_URL"), ["http://127.0.0.1:4566"]);
        assert_eq!(all("AWS_ACCESS_KEY_ID"), ["test"]);
        assert_eq!(all("AWS_EXECUTION_ENV"), ["AWS_Lambda_python3.11"]);
        assert_eq!((all("PWD"), all("SHLVL")), (vec!["/code"], vec!["0"]));
        assert!(all("AWS_LAMBDA_LOG_FORMAT").is_empty(), "as where logs are text");
    }

    #[test]
    fn another_account_has_its_own_key() {
        let account: AccountId = "123456789012".parse().unwrap();
        let variables = variables(&configuration(&[]), account);
        assert!(variables.contains(&("AWS_ACCESS_KEY_ID".to_owned(), "123456789012".to_owned())));
    }
}
