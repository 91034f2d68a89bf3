//! What a run of several steps found: counts, failures, seconds. A failing step does not hide the next.

use crate::failure::Failure;
use crate::step;
use crate::tally::Tally;
use std::process::Command;
use std::time::Duration;

/// So many of a failed suite's last lines are told again with its failure.
const TOLD_AGAIN: usize = 40;

/// Collects the results of the steps of one run.
#[derive(Default)]
pub struct Report {
    tally: Tally,
    failures: Vec<Failure>,
    seconds: Vec<(String, Duration)>,
    /// What failed and passed when it was run once more.
    unsteady: Vec<String>,
    /// Whether lines of a suite carry its title: another is running.
    titled: bool,
}

/// What a suite counted, and all it printed.
struct Counted {
    tally: Tally,
    text: String,
}

impl Report {
    /// Runs a command that is one test in itself.
    pub fn step(&mut self, title: &str, command: &mut Command) -> bool {
        let result = step::run(title, command).map(|took| self.seconds.push((title.to_owned(), took)));
        self.record(result)
    }

    /// Runs a command that counts its own tests; `count` reads them from its output.
    pub fn suite(&mut self, title: &str, command: &mut Command, count: fn(&str) -> Tally) -> bool {
        let counted = self.counted(title, command, count);
        self.settle(title, counted, command)
    }

    /// Runs a suite, and what failed of it once more by itself: a client of the product that a busy machine kept waiting
    /// for too long passes then, and is told as unsteady; what is broken fails again.
    pub fn suite_twice(
        &mut self,
        title: &str,
        command: &mut Command,
        failed_only: &mut Command,
        count: fn(&str) -> Tally,
    ) -> bool {
        let mut counted = self.counted(title, command, count);
        if let Ok(Counted { tally: first, .. }) = &mut counted
            && first.failed > 0
        {
            let again = format!("{title}, those that failed");
            let passes = |second: &Tally| second.failed == 0 && second.passed == first.failed;
            if self.counted(&again, failed_only, count).is_ok_and(|second| passes(&second.tally)) {
                self.unsteady.push(format!("{title}: {} passed when run once more", first.failed));
                *first = Tally { passed: first.passed + first.failed, failed: 0, ..*first };
            }
        }
        self.settle(title, counted, command)
    }

    /// Runs a suite and reads its counts.
    fn counted(
        &mut self,
        title: &str,
        command: &mut Command,
        count: fn(&str) -> Tally,
    ) -> Result<Counted, Failure> {
        let margin = if self.titled { format!("{title} | ") } else { String::new() };
        let outcome = step::watch(title, command, &margin)?;
        self.seconds.push((title.to_owned(), outcome.took));
        let mut tally = count(&outcome.text);
        // A runner that died before its summary has failed, whatever it had counted until then.
        if !outcome.ok && tally.failed == 0 {
            tally.failed = 1;
        }
        Ok(Counted { tally, text: outcome.text })
    }

    /// Takes over what a suite counted.
    fn settle(&mut self, title: &str, counted: Result<Counted, Failure>, command: &Command) -> bool {
        let Counted { tally, text } = match counted {
            Ok(counted) => counted,
            Err(failure) => return self.record(Err(failure)),
        };
        self.tally += tally;
        if tally.failed > 0 {
            let lines: Vec<&str> = text.lines().collect();
            let last =
                lines.iter().skip(lines.len().saturating_sub(TOLD_AGAIN)).map(|line| (*line).to_owned());
            let failure = Failure::new(format!("{title}: {tally}")).said(last);
            self.failures.push(failure.rerun(step::line(command)));
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
        self.unsteady.append(&mut aside.unsteady);
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
        if !self.unsteady.is_empty() {
            step::heading("unsteady");
            self.unsteady.iter().for_each(|what| println!("{what}"));
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
    fn a_failure_repeats_what_its_suite_said_last() {
        let mut report = Report::default();
        let script = "seq 100; echo 'watcher: not served'; echo '1 passed, 1 failed, 0 skipped'";
        assert!(!report.suite("t", Command::new("sh").args(["-c", script]), Tally::of_plain));
        let told = report.failures[0].to_string();
        assert!(told.contains("\n  | watcher: not served\n") && !told.contains("| 1\n"), "{told}");
    }

    #[test]
    fn what_fails_twice_has_failed_and_what_passes_then_is_unsteady() {
        let says = |text: &str| {
            let mut echo = Command::new("echo");
            echo.arg(text);
            echo
        };
        let twice = |again: &str| {
            let mut report = Report::default();
            let first = &mut says("2 passed, 2 failed, 1 skipped");
            let ok = report.suite_twice("t", first, &mut says(again), Tally::of_plain);
            (ok, report.tally, report.failures.len(), report.unsteady.len())
        };
        let (as_it_was, mended) =
            (Tally { passed: 2, failed: 2, skipped: 1 }, Tally { passed: 4, failed: 0, skipped: 1 });
        assert_eq!(twice("2 passed, 0 failed, 0 skipped"), (true, mended, 0, 1));
        assert_eq!(twice("1 passed, 1 failed, 0 skipped"), (false, as_it_was, 1, 0));
        // A second run that left something out tells nothing of it.
        assert_eq!(twice("1 passed, 0 failed, 1 skipped"), (false, as_it_was, 1, 0));
        assert_eq!(twice("nothing"), (false, as_it_was, 1, 0));
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
