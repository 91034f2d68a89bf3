//! Servers as child processes: started pinned, waited for, measured from /proc, ended with the run.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The clock ticks of /proc/PID/stat; 100 a second on every Linux this runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running server. Dropping it kills it.
pub struct Server {
    child: Child,
    /// The port it listens on.
    pub port: u16,
    /// From its start to its line `Ready.`.
    pub started_in: Duration,
}

impl Server {
    /// Starts a program that prints `Ready.`; its own messages go to `log`.
    pub fn start(
        program: &Path,
        args: &[String],
        port: u16,
        cpu: Option<u32>,
        log: &Path,
    ) -> Result<Self, String> {
        let explain = |error: std::io::Error| format!("{}: {error}", program.display());
        let mut command = match cpu {
            Some(cpu) => {
                let mut pinned = Command::new("taskset");
                pinned.args(["-c", &cpu.to_string()]).arg(program);
                pinned
            }
            None => Command::new(program),
        };
        let log = std::fs::File::options().create(true).append(true).open(log).map_err(explain)?;
        let begun = Instant::now();
        let mut child = command
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(explain)?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no pipe")?).lines();
        let ready = lines.by_ref().map_while(Result::ok).any(|line| line.trim() == "Ready.");
        let mut server = Server { child, port, started_in: begun.elapsed() };
        if !ready {
            server.kill();
            return Err(format!("{} ended before Ready.", program.display()));
        }
        // Whatever it prints later must not fill the pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(server)
    }

    /// Its process id (taskset replaces itself by the program).
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as an operator would and waits.
    pub fn terminate(&mut self) {
        let pid = self.pid().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().ok();
        self.child.wait().ok();
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that is free now.
pub fn free_port() -> Result<u16, String> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

/// CPU seconds used so far by a process, its descendants, and those of them that have ended.
pub fn cpu_seconds(root: u32) -> f64 {
    let stats: Vec<(u32, u32, u64)> = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| stat(entry.ok()?.file_name().to_str()?.parse().ok()?))
        .collect();
    let (mut ticks, mut todo) = (0, vec![root]);
    while let Some(pid) = todo.pop() {
        ticks += stats.iter().filter(|(known, _, _)| *known == pid).map(|(_, _, used)| used).sum::<u64>();
        todo.extend(stats.iter().filter(|(_, parent, _)| *parent == pid).map(|(child, _, _)| child));
    }
    ticks as f64 / TICKS_PER_SECOND
}

/// Process id, parent, and ticks of CPU from /proc/PID/stat.
fn stat(pid: u32) -> Option<(u32, u32, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; the fields after it are numbers.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11..15)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Some((pid, fields.get(1)?.parse().ok()?, ticks))
}

/// Resident megabytes of one process.
pub fn resident_mb(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().split(' ').next()?.parse::<f64>().ok()? / 1024.0)
}
