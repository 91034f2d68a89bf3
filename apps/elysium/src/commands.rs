//! The commands, and the visible list of them.

mod clock;
mod coverage;
mod doctor;
mod env;
mod explain;
mod logs;
mod run;
mod start;
mod state;
mod status;
mod stop;
mod supervise;

use crate::config::SETTINGS;
use std::process::ExitCode;

/// The command was not understood.
const USAGE: u8 = 2;
/// The command was understood and failed.
const FAILED: u8 = 1;

/// Why a command failed, in words for the user.
pub enum Failure {
    /// It was not understood.
    Usage(String),
    /// It could not be done.
    Failed(String),
    /// A command that was run ended with this status.
    Status(u8),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Failure::Failed(error.to_string())
    }
}

type Run = fn(&[String]) -> Result<(), Failure>;

/// All commands: name, arguments, what it does, and what runs.
const COMMANDS: [(&str, &str, &str, Run); 12] = [
    ("start", "[settings]", "start the region in the foreground", start::run),
    ("stop", "[--port P] [--data-dir FOLDER]", "stop the region of a data directory", stop::run),
    ("status", "[--port P] [--json]", "say whether the region serves, and each room", status::run),
    ("wait", "[--port P] [--seconds N]", "wait until the region serves", status::wait),
    ("env", "[--port P] [--json]", "print the environment that leads any AWS tool here", env::run),
    ("run", "[--port P] -- COMMAND…", "run a command with that environment", run::run),
    ("logs", "[--follow] [--errors] [--json]", "list the requests that came last", logs::run),
    (
        "explain",
        "[REQUEST-ID] [--json]",
        "say why a request, or the last refused one, ended so",
        explain::run,
    ),
    ("state", "save FILE|load FILE|reset", "save, load or empty the state", state::run),
    ("clock", "[freeze|run|advance SECONDS]", "show or move virtual time", clock::run),
    ("coverage", "[--json]", "list every operation and whether it is served", coverage::run),
    ("doctor", "[--json]", "say what this machine can do", doctor::run),
];

/// Runs the command that the arguments name.
pub fn run(arguments: &[String]) -> ExitCode {
    let (name, rest) =
        arguments.split_first().map_or(("help", &[][..]), |(name, rest)| (name.as_str(), rest));
    let result = match name {
        "help" | "--help" | "-h" => {
            say(&help());
            Ok(())
        }
        "version" | "--version" | "-V" => {
            say(&format!("elysium {}", env!("CARGO_PKG_VERSION")));
            Ok(())
        }
        name => match COMMANDS.iter().find(|(known, ..)| *known == name) {
            Some((.., run)) => run(rest),
            None => Err(Failure::Usage(format!("unknown command {name}; elysium help lists them"))),
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => fail(&message, USAGE),
        Err(Failure::Failed(message)) => fail(&message, FAILED),
        Err(Failure::Status(status)) => ExitCode::from(status),
    }
}

fn fail(message: &str, code: u8) -> ExitCode {
    eprintln!("elysium: {message}");
    ExitCode::from(code)
}

/// Prints a command's answer.
pub fn say(text: &str) {
    use std::io::Write;
    // A reader that has gone away wanted no more.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

fn help() -> String {
    let mut text = String::from("A whole AWS region on this machine.\n\nCommands:\n");
    for (name, arguments, what, _) in COMMANDS {
        text.push_str(&format!("  {:34} {what}\n", format!("{name} {arguments}")));
    }
    text.push_str("\nSettings of start, also as ELYSIUM_* variables and in Elysium.toml:\n");
    for setting in &SETTINGS {
        text.push_str(&format!("  {:34} {}\n", format!("--{} {}", setting.key, setting.takes), setting.help));
    }
    text
}

/// The value of a flag of a small command, and what is left of the arguments.
pub fn take_flag(arguments: &[String], flag: &str) -> Result<(Option<String>, Vec<String>), Failure> {
    let mut rest = arguments.to_vec();
    let Some(at) = rest.iter().position(|argument| argument == flag) else {
        return Ok((None, rest));
    };
    if at + 1 >= rest.len() {
        return Err(Failure::Usage(format!("{flag} needs a value")));
    }
    let value = rest.remove(at + 1);
    rest.remove(at);
    Ok((Some(value), rest))
}

/// Whether a switch of a small command is given, and what is left of the arguments.
pub fn take_switch(arguments: &[String], switch: &str) -> (bool, Vec<String>) {
    let rest: Vec<String> = arguments.iter().filter(|argument| *argument != switch).cloned().collect();
    (rest.len() < arguments.len(), rest)
}

/// Refuses arguments that a command does not know.
pub fn no_more(arguments: &[String]) -> Result<(), Failure> {
    match arguments.first() {
        Some(unknown) => Err(Failure::Usage(format!("unexpected argument {unknown}"))),
        None => Ok(()),
    }
}
