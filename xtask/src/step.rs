//! Running one command as a step: its heading, its output as it comes, its seconds, its rerun line.

use crate::failure::Failure;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How a watched command ended.
pub struct Outcome {
    /// It exited with 0.
    pub ok: bool,
    /// All it wrote, both streams in order of arrival.
    pub text: String,
    /// How long it took.
    pub took: Duration,
}

/// Runs a command to its end with its output on ours; an error where it fails.
pub fn run(title: &str, command: &mut Command) -> Result<Duration, Failure> {
    heading(title);
    let begun = Instant::now();
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    if status.success() {
        return Ok(begun.elapsed());
    }
    Err(Failure::new(format!("{title}: {status}")).rerun(line(command)))
}

/// Runs a command to its end, showing its output behind `margin` and keeping it. A failing exit is no error here.
pub fn watch(title: &str, command: &mut Command, margin: &str) -> Result<Outcome, Failure> {
    heading(title);
    let begun = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    let (lines, received) = std::sync::mpsc::channel();
    let pumps = [
        child.stdout.take().map(|pipe| pump(pipe, lines.clone())),
        child.stderr.take().map(|pipe| pump(pipe, lines)),
    ];
    let mut text = String::new();
    for line in received {
        println!("{margin}{line}");
        text.push_str(&line);
        text.push('\n');
    }
    for pump in pumps.into_iter().flatten() {
        pump.join().map_err(|_| Failure::new("a reader of the command's output panicked"))?;
    }
    let status = child.wait()?;
    Ok(Outcome { ok: status.success(), text, took: begun.elapsed() })
}

/// Sends each line of a pipe; bytes that are not UTF-8 are replaced, not lost.
fn pump(
    pipe: impl Read + Send + 'static,
    lines: std::sync::mpsc::Sender<String>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let shown = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            if lines.send(shown).is_err() {
                return;
            }
            line.clear();
        }
    })
}

/// Says what begins now.
pub fn heading(title: &str) {
    println!("\n── {title}");
    std::io::stdout().flush().ok();
}

/// A command as one would type it in the root.
pub fn line(command: &Command) -> String {
    let root = format!("{}/", crate::workspace::root().display());
    let shown = |text: std::borrow::Cow<'_, str>| {
        let text = text.replace(&root, "");
        let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_=./:,+@".contains(c));
        if plain && !text.is_empty() { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
    };
    let mut words: Vec<String> = command
        .get_envs()
        .filter_map(|(name, value)| {
            Some(format!("{}={}", name.to_string_lossy(), shown(value?.to_string_lossy())))
        })
        .collect();
    let program = command.get_program().to_string_lossy();
    let cargo = std::path::Path::new(&*program).file_name().is_some_and(|name| name == "cargo");
    words.push(if cargo { "cargo".into() } else { shown(program) });
    words.extend(command.get_args().map(|arg| shown(arg.to_string_lossy())));
    words.join(" ")
}

fn cannot_start(command: &Command, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot start {}: {error}", command.get_program().to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rerun_line_can_be_pasted() {
        let mut command = Command::new("python3");
        command
            .env("BIN", crate::workspace::root().join("target/debug/elysium"))
            .args(["a b", "it's", "c.py"]);
        assert_eq!(line(&command), r"BIN=target/debug/elysium python3 'a b' 'it'\''s' c.py");
    }

    #[test]
    fn output_is_kept_and_a_failing_exit_reported() {
        let outcome =
            watch("t", Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]), "").unwrap();
        assert!(!outcome.ok);
        assert!(outcome.text.contains("out\n") && outcome.text.contains("err\n"));
    }
}
