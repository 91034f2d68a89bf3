//! Counting tests: how many passed, failed and were skipped, read from what each runner prints.

use std::fmt;
use std::ops::AddAssign;

/// Passed, failed, skipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl Tally {
    /// One step that is a test in itself.
    pub fn one(ok: bool) -> Self {
        Tally { passed: ok.into(), failed: (!ok).into(), skipped: 0 }
    }

    /// `test result: ok. 3 passed; 0 failed; 1 ignored; …`, summed over all binaries.
    pub fn of_cargo_test(text: &str) -> Self {
        let mut sum = Tally::default();
        for line in text.lines().filter(|line| line.starts_with("test result:")) {
            sum += Tally {
                passed: before(line, " passed"),
                failed: before(line, " failed"),
                skipped: before(line, " ignored"),
            };
        }
        sum
    }

    /// `Summary [ 1.2s] 12 tests run: 11 passed (1 slow), 1 failed, 2 skipped`.
    pub fn of_nextest(text: &str) -> Self {
        let plain = without_colours(text);
        let Some(line) = plain.lines().rev().find(|line| line.trim_start().starts_with("Summary [")) else {
            return Tally::default();
        };
        let failed = before(line, " failed") + before(line, " timed out") + before(line, " exec failed");
        Tally { passed: before(line, " passed"), failed, skipped: before(line, " skipped") }
    }

    /// `== 3 passed, 1 failed, 2 skipped, 1 error in 4.20s ==`.
    pub fn of_pytest(text: &str) -> Self {
        let plain = without_colours(text);
        let ended = |line: &&str| {
            line.contains(" in ")
                && [" passed", " failed", " skipped", " error"].iter().any(|w| line.contains(w))
        };
        let Some(line) = plain.lines().rev().find(ended) else { return Tally::default() };
        Tally {
            passed: before(line, " passed"),
            failed: before(line, " failed") + before(line, " error"),
            skipped: before(line, " skipped"),
        }
    }

    /// TAP as Node's test runner ends it: `# pass 3`, `# fail 0`, `# cancelled 0`, `# skipped 1`.
    pub fn of_tap(text: &str) -> Self {
        let value = |name: &str| {
            let head = format!("# {name} ");
            let line = text.lines().rev().find_map(|line| line.strip_prefix(&head));
            line.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
        };
        Tally { passed: value("pass"), failed: value("fail") + value("cancelled"), skipped: value("skipped") }
    }

    /// Our own harnesses: the last line of the form `N passed, N failed, N skipped`.
    pub fn of_plain(text: &str) -> Self {
        let Some(line) =
            text.lines().rev().find(|line| line.contains(" passed, ") && line.ends_with(" skipped"))
        else {
            return Tally::default();
        };
        Tally {
            passed: before(line, " passed"),
            failed: before(line, " failed"),
            skipped: before(line, " skipped"),
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// The number that stands directly before a word; 0 where the word is absent.
fn before(line: &str, word: &str) -> u64 {
    let Some(at) = line.find(word) else { return 0 };
    let head = &line[..at];
    let digits = head.len() - head.bytes().rev().take_while(u8::is_ascii_digit).count();
    head[digits..].parse().unwrap_or(0)
}

/// The text without terminal colour sequences.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            chars.by_ref().find(char::is_ascii_alphabetic);
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(passed: u64, failed: u64, skipped: u64) -> Tally {
        Tally { passed, failed, skipped }
    }

    #[test]
    fn cargo_test_is_summed_over_binaries() {
        let text = "test a ... ok\ntest result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out\n\
                    test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(Tally::of_cargo_test(text), tally(4, 2, 1));
    }

    #[test]
    fn nextest_summary() {
        let text = "     Summary [   0.5s] 12 tests run: 11 passed (1 slow), 1 failed, 2 skipped\n";
        assert_eq!(Tally::of_nextest(text), tally(11, 1, 2));
        let coloured = "\u{1b}[32;1m     Summary\u{1b}[0m [   0.5s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m2\u{1b}[0m passed, 0 skipped";
        assert_eq!(Tally::of_nextest(coloured), tally(2, 0, 0));
    }

    #[test]
    fn pytest_summary_counts_errors_as_failures() {
        assert_eq!(
            Tally::of_pytest("=== 1 failed, 3 passed, 2 skipped, 1 error in 4.20s ==="),
            tally(3, 2, 2)
        );
        assert_eq!(Tally::of_pytest("5 passed in 0.1s"), tally(5, 0, 0));
        assert_eq!(Tally::of_pytest("no tests ran in 0.01s"), Tally::default());
    }

    #[test]
    fn tap_and_plain() {
        assert_eq!(
            Tally::of_tap("# tests 4\n# pass 2\n# fail 1\n# cancelled 1\n# skipped 0\n"),
            tally(2, 2, 0)
        );
        assert_eq!(Tally::of_plain("x\ntorture: 10 passed, 1 failed, 2 skipped\n"), tally(10, 1, 2));
    }
}
