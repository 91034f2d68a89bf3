//! What a run of several steps found: counts, failures, seconds. A failing step does not hide the next.

use crate::failure::Failure;
use crate::step;
use crate::tally::Tally;
use std::process::Command;
use std::time::Duration;

/// Collects the results of the steps of one run.
#[derive(Default)]
pub struct Report {
    tally: Tally,
    failures: Vec<Failure>,
    seconds: Vec<(String, Duration)>,
    /// Whether lines of a suite carry its title: another is running.
    titled: bool,
}

impl Report {
    /// Runs a command that is one test in itself.
    pub fn step(&mut self, title: &str, command: &mut Command) -> bool {
        let result = step::run(title, command).map(|took| self.seconds.push((title.to_owned(), took)));
        self.record(result)
    }

    /// Runs a command that counts its own tests; `count` reads them from its output.
    pub fn suite(&mut self, title: &str, command: &mut Command, count: fn(&str) -> Tally) -> bool {
        let margin = if self.titled { format!("{title} | ") } else { String::new() };
        let outcome = match step::watch(title, command, &margin) {
            Ok(outcome) => outcome,
            Err(failure) => return self.record(Err(failure)),
        };
        self.seconds.push((title.to_owned(), outcome.took));
        let mut tally = count(&outcome.text);
        // A runner that died before its summary has failed, whatever it had counted until then.
        if !outcome.ok && tally.failed == 0 {
            tally.failed = 1;
        }
        self.tally += tally;
        if tally.failed > 0 {
            let what = format!("{title}: {tally}");
            self.failures.push(Failure::new(what).rerun(step::line(command)));
        }
        tally.failed == 0
    }

    /// Runs two courses of steps at the same time: suites that mostly wait for a region leave a core to others.
    pub fn beside(&mut self, one: impl FnOnce(&mut Report), other: impl FnOnce(&mut Report) + Send) {
        let mut aside = Report { titled: true, ..Report::default() };
        self.titled = true;
        std::thread::scope(|scope| {
            scope.spawn(|| other(&mut aside));
            one(self);
        });
        self.titled = false;
        self.tally += aside.tally;
        self.failures.append(&mut aside.failures);
        self.seconds.append(&mut aside.seconds);
    }

    /// Counts a check that ran inside this program.
    pub fn record(&mut self, result: Result<(), Failure>) -> bool {
        let ok = result.is_ok();
        self.tally += Tally::one(ok);
        if let Err(failure) = result {
            eprintln!("{failure}");
            self.failures.push(failure);
        }
        ok
    }

    /// Says that something was not run, and why.
    pub fn skip(&mut self, title: &str, why: &str) {
        step::heading(title);
        println!("skipped: {why}");
        self.tally += Tally { skipped: 1, ..Tally::default() };
    }

    /// The seconds of a step that ran.
    pub fn took(&self, title: &str) -> Option<Duration> {
        self.seconds.iter().find(|(name, _)| name == title).map(|(_, took)| *took)
    }

    /// Prints the seconds, the failures, and last the plain line of counts.
    pub fn close(self) -> Result<(), Failure> {
        step::heading("seconds");
        for (title, took) in &self.seconds {
            println!("{:9.1}  {title}", took.as_secs_f64());
        }
        if !self.failures.is_empty() {
            step::heading("failed");
            self.failures.iter().for_each(|failure| println!("{failure}"));
        }
        println!("\n{}", self.tally);
        match self.tally.failed {
            0 => Ok(()),
            failed => Err(Failure::new(format!("{failed} failed"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_that_dies_without_a_summary_has_failed() {
        let mut report = Report::default();
        assert!(!report.suite("t", Command::new("sh").args(["-c", "exit 1"]), Tally::of_plain));
        assert_eq!(report.tally, Tally { passed: 0, failed: 1, skipped: 0 });
        assert!(report.close().is_err());
    }

    #[test]
    fn what_runs_aside_counts() {
        let mut report = Report::default();
        let says = |report: &mut Report, text: &str| {
            report.suite(text, Command::new("echo").arg(text), Tally::of_plain);
        };
        report.beside(
            |report| says(report, "2 passed, 0 failed, 1 skipped"),
            |report| says(report, "3 passed, 1 failed, 0 skipped"),
        );
        assert_eq!(report.tally, Tally { passed: 5, failed: 1, skipped: 1 });
        assert_eq!((report.failures.len(), report.seconds.len()), (1, 2));
    }

    #[test]
    fn skipped_steps_fail_nothing() {
        let mut report = Report::default();
        report.skip("t", "no such program");
        assert!(report.suite(
            "s",
            Command::new("echo").arg("2 passed, 0 failed, 1 skipped"),
            Tally::of_plain
        ));
        assert_eq!(report.tally, Tally { passed: 2, failed: 0, skipped: 2 });
        assert!(report.close().is_ok());
    }
}
