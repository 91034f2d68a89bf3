//! What the binary is told: flag, then `ELYSIUM_*`, then LocalStack's names, then `Elysium.toml`, then the
//! default. A key that nobody knows is an error with a suggestion.

mod environment;
mod file;
mod flags;

use gateway::{IamMode, Profile};
use ports::runner::Level;
use sandbox::{Egress, Isolation, Network};
use service::Fidelity;
use sqs::UrlForm;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// A setting: its key in the file, and what it is for. Flags are `--key`, variables `ELYSIUM_KEY`.
pub struct Setting {
    /// `data-dir`
    pub key: &'static str,
    /// What it takes, for the help: `FOLDER`; empty for switches.
    pub takes: &'static str,
    /// What it does.
    pub help: &'static str,
    /// The name of the same thing in LocalStack's environment.
    pub localstack: Option<&'static str>,
}

const fn setting(key: &'static str, takes: &'static str, help: &'static str) -> Setting {
    Setting { key, takes, help, localstack: None }
}

const fn known(
    key: &'static str,
    takes: &'static str,
    help: &'static str,
    localstack: &'static str,
) -> Setting {
    Setting { key, takes, help, localstack: Some(localstack) }
}

/// All settings.
pub const SETTINGS: [Setting; 18] = [
    setting("port", "PORT", "port of all services (4566)"),
    setting("listen", "ADDRESS", "address to listen on (127.0.0.1)"),
    setting("data-dir", "FOLDER", "where state is kept (.elysium)"),
    setting("memory", "", "keep nothing: state ends with the process"),
    setting("iam", "off|warn|enforce", "how permissions are treated (warn)"),
    setting("profile", "dev|ci|host", "where the region stands (dev)"),
    setting("fidelity", "fast|aws", "whether transitions take AWS's time (fast)"),
    setting(
        "isolation",
        "best|process|sandbox",
        "how functions are kept apart (best: sandbox where it works)",
    ),
    setting(
        "function-egress",
        "internet|none",
        "what functions in sandboxes reach beyond the region (internet)",
    ),
    setting("function-egress-allow", "NETWORK,…", "networks of this machine that functions reach as well"),
    setting("supervise", "", "restart the region when it ends (on in profile host)"),
    setting("allow-host", "NAME,…", "further host names that requests may name"),
    known("allow-origin", "URL,…", "further origins of web pages", "EXTRA_CORS_ALLOWED_ORIGINS"),
    setting("init-dir", "FOLDER", "folder of boot.d, start.d, ready.d, shutdown.d (/etc/localstack/init)"),
    setting("log-format", "text|json", "form of log lines (text)"),
    known("gateway-listen", "ADDRESS:PORT", "address and port in one", "GATEWAY_LISTEN"),
    known("enforce-iam", "0|1", "the same as --iam enforce", "ENFORCE_IAM"),
    known(
        "sqs-urls",
        "off|standard|domain|path|dynamic",
        "form of queues' URLs (off: the client's host)",
        "SQS_ENDPOINT_STRATEGY",
    ),
];

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What the region is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens.
    pub listen: IpAddr,
    /// The port of all services.
    pub port: u16,
    /// Where state is kept; `None` with `--memory`.
    pub data_dir: Option<PathBuf>,
    /// How permissions are treated.
    pub iam: IamMode,
    /// Where the region stands.
    pub profile: Profile,
    /// Whether transitions take AWS's time.
    pub fidelity: Fidelity,
    /// How functions are kept apart from each other and from this machine.
    pub isolation: Isolation,
    /// What functions in sandboxes reach beyond the region.
    pub egress: Egress,
    /// Restarted when it ends.
    pub supervise: bool,
    /// Further host names.
    pub allowed_hosts: Vec<String>,
    /// Further origins.
    pub allowed_origins: Vec<String>,
    /// Folder of the init scripts.
    pub init_dir: PathBuf,
    /// Form of log lines.
    pub log_format: LogFormat,
    /// Form of the URLs of queues.
    pub queue_urls: UrlForm,
}

/// Texts by key, one layer of the configuration over the other.
type Layer = BTreeMap<&'static str, String>;

/// Why the configuration is refused, in words for the user.
pub type Refusal = String;

fn find(key: &str) -> Result<&'static Setting, Refusal> {
    SETTINGS.iter().find(|setting| setting.key == key).ok_or_else(|| unknown(key))
}

fn unknown(key: &str) -> Refusal {
    let nearest = SETTINGS.iter().map(|setting| (distance(key, setting.key), setting.key)).min();
    match nearest {
        Some((distance, nearest)) if distance <= 3 => {
            format!("unknown setting {key}; did you mean {nearest}?")
        }
        _ => format!("unknown setting {key}"),
    }
}

/// How many letters must change to make one word the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, a) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (to, b) in other.bytes().enumerate() {
            let change = diagonal + usize::from(a != b);
            diagonal = row[to + 1];
            row[to + 1] = change.min(diagonal + 1).min(row[to] + 1);
        }
    }
    row[other.len()]
}

/// Reads the configuration of a command from its flags, the environment and the file.
///
/// # Errors
/// Where a key is unknown or a value is none of its setting.
pub fn read(flags: &[String]) -> Result<Config, Refusal> {
    let layers = [flags::layer(flags)?, environment::layer()?, file::layer()?];
    let text = |key: &str| layers.iter().find_map(|layer| layer.get(key)).map(String::as_str);
    let switch = |key: &str| text(key).map(|text| truth(key, text)).transpose();
    let (mut listen, mut port) = (IpAddr::V4(Ipv4Addr::LOCALHOST), 4566);
    if let Some(both) = text("gateway-listen") {
        (listen, port) = address_and_port(both)?;
    }
    if let Some(text) = text("listen") {
        listen = parsed("listen", text)?;
    }
    if let Some(text) = text("port") {
        port = parsed("port", text)?;
    }
    let profile = one_of("profile", text("profile").unwrap_or("dev"), Profile::of)?;
    let host = profile == Profile::Host;
    let enforced = switch("enforce-iam")?.unwrap_or(host);
    let iam = text("iam").unwrap_or(if enforced { "enforce" } else { "warn" });
    let config = Config {
        listen,
        port,
        data_dir: match switch("memory")? {
            Some(true) => None,
            _ => Some(PathBuf::from(text("data-dir").unwrap_or(".elysium"))),
        },
        iam: one_of("iam", iam, IamMode::of)?,
        profile,
        fidelity: one_of("fidelity", text("fidelity").unwrap_or("fast"), fidelity)?,
        isolation: one_of("isolation", text("isolation").unwrap_or("best"), isolation)?,
        egress: egress(text("function-egress"), text("function-egress-allow"))?,
        supervise: switch("supervise")?.unwrap_or(host),
        allowed_hosts: list(text("allow-host")),
        allowed_origins: list(text("allow-origin")),
        init_dir: PathBuf::from(text("init-dir").unwrap_or("/etc/localstack/init")),
        log_format: one_of("log-format", text("log-format").unwrap_or("text"), log_format)?,
        queue_urls: one_of("sqs-urls", text("sqs-urls").unwrap_or("off"), UrlForm::of)?,
    };
    check(config)
}

/// What must hold between settings.
fn check(config: Config) -> Result<Config, Refusal> {
    let exposed = !config.listen.is_loopback();
    if config.profile == Profile::Host && config.iam != IamMode::Enforce && exposed {
        return Err("profile host listens beyond loopback only with --iam enforce".to_owned());
    }
    Ok(config)
}

fn fidelity(name: &str) -> Option<Fidelity> {
    match name {
        "fast" => Some(Fidelity::Fast),
        "aws" => Some(Fidelity::Aws),
        _ => None,
    }
}

fn isolation(name: &str) -> Option<Isolation> {
    match name {
        "best" => Some(Isolation::Best),
        "process" => Some(Isolation::Only(Level::Process)),
        "sandbox" => Some(Isolation::Only(Level::Sandbox)),
        _ => None,
    }
}

fn egress(reach: Option<&str>, allowed: Option<&str>) -> Result<Egress, Refusal> {
    let networks = list(allowed).iter().map(|text| parsed("function-egress-allow", text)).collect();
    let networks: Result<Vec<Network>, Refusal> = networks;
    match reach.unwrap_or("internet") {
        "internet" => Ok(Egress::Internet(networks?)),
        "none" if allowed.is_none() => Ok(Egress::None),
        "none" => Err("function-egress-allow means nothing with function-egress none".to_owned()),
        other => Err(wrong("function-egress", other)),
    }
}

fn log_format(name: &str) -> Option<LogFormat> {
    match name {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

fn wrong(key: &str, text: &str) -> Refusal {
    let takes = SETTINGS.iter().find(|setting| setting.key == key).map_or("", |setting| setting.takes);
    format!(
        "{text:?} is no value of {key}: expected {}",
        if takes.is_empty() { "true or false" } else { takes }
    )
}

fn one_of<T>(key: &str, text: &str, parse: fn(&str) -> Option<T>) -> Result<T, Refusal> {
    parse(text).ok_or_else(|| wrong(key, text))
}

fn parsed<T: std::str::FromStr>(key: &str, text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| wrong(key, text))
}

fn truth(key: &str, text: &str) -> Result<bool, Refusal> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "" | "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(wrong(key, text)),
    }
}

fn address_and_port(text: &str) -> Result<(IpAddr, u16), Refusal> {
    let first = text.split(',').next().unwrap_or(text);
    let (address, port) = first.rsplit_once(':').ok_or_else(|| wrong("gateway-listen", text))?;
    Ok((parsed("gateway-listen", address.trim_matches(['[', ']']))?, parsed("gateway-listen", port)?))
}

fn list(text: Option<&str>) -> Vec<String> {
    let items = text.unwrap_or_default().split(',').map(str::trim).filter(|item| !item.is_empty());
    items.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(flags: &[&str]) -> Result<Config, Refusal> {
        read(&flags.iter().map(|flag| (*flag).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn defaults_and_flags() {
        let config = of(&[]).unwrap();
        assert_eq!((config.port, config.iam, config.listen.is_loopback()), (4566, IamMode::Warn, true));
        let config = of(&["--port", "7000", "--memory", "--iam=enforce", "--fidelity", "aws"]).unwrap();
        assert_eq!((config.port, config.iam, config.data_dir), (7000, IamMode::Enforce, None));
        let config = of(&["--gateway-listen", "127.0.0.2:81", "--port", "82"]).unwrap();
        assert_eq!((config.listen.to_string(), config.port), ("127.0.0.2".to_owned(), 82));
    }

    #[test]
    fn refusals_say_what_was_meant() {
        let cases = [
            (&["--prot", "1"][..], "did you mean port?"),
            (&["--port", "x"], "expected PORT"),
            (&["--iam", "maybe"], "off|warn|enforce"),
            (&["--isolation", "vm"], "best|process|sandbox"),
            (&["--function-egress", "lan"], "internet|none"),
            (&["--function-egress-allow", "10.0.0.0/33"], "expected NETWORK"),
            (&["--function-egress", "none", "--function-egress-allow", "10.0.0.1"], "means nothing"),
            (&["--port"], "--port"),
            (&["--profile", "host", "--listen", "0.0.0.0", "--iam", "warn"], "enforce"),
        ];
        for (flags, expect) in cases {
            let refusal = of(flags).unwrap_err();
            assert!(refusal.contains(expect), "{flags:?}: {refusal}");
        }
    }
}
