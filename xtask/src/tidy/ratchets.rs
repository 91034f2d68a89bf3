//! Limits and the exceptions to them, in xtask/ratchets.txt. An exception may only shrink: it must be
//! lowered when its file does, and it may not grow or appear against the last commit.

use super::sizes::Measured;
use super::tree::Finding;
use crate::failure::Failure;
use std::collections::BTreeMap;
use std::fmt;

const RULE: &str = "ratchet";
const FILE_LINES: u64 = 600;
const FUNCTION_LINES: u64 = 70;
const HEADER: &str = "# What is larger than the rules of `cargo xtask tidy` allow, and the seconds a step may take on two cores.
# Lines may be lowered or deleted, never raised or added: `cargo xtask tidy --tighten` does it.
#   lines PATH N | function PATH NAME N | seconds STEP N
";

/// The file's lines: key and figure.
#[derive(Debug, Default)]
pub struct Ratchets {
    figures: BTreeMap<String, u64>,
}

impl Ratchets {
    /// Reads the file; a line of another form is an error.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let mut figures = BTreeMap::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let parsed =
                line.rsplit_once(' ').and_then(|(key, figure)| Some((key.trim(), figure.parse().ok()?)));
            let (key, figure) = parsed.ok_or_else(|| Failure::new(format!("not a ratchet: {line}")))?;
            figures.insert(key.to_owned(), figure);
        }
        Ok(Ratchets { figures })
    }

    /// The seconds a step may take.
    pub fn seconds(&self, step: &str) -> Option<f64> {
        self.figures.get(&format!("seconds {step}")).map(|seconds| *seconds as f64)
    }

    /// Lowers each exception to what is measured; drops those that need none any more.
    pub fn tighten(&mut self, measured: &Measured) {
        self.figures.retain(|key, figure| {
            let Some(limit) = limit(key) else { return true };
            let now = measured.get(key).copied().unwrap_or(0);
            *figure = now.min(*figure);
            now > limit
        });
    }

    /// What is over its limit and not excepted, and exceptions looser than what is measured.
    pub fn check(&self, measured: &Measured) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (key, now) in measured {
            let (Some(limit), allowed) = (limit(key), self.figures.get(key)) else { continue };
            if *now > *allowed.unwrap_or(&limit) {
                let says = format!(
                    "{} is {now} lines long, the limit is {}",
                    subject(key),
                    allowed.unwrap_or(&limit)
                );
                findings.push(Finding::file(path(key), RULE, says));
            }
        }
        for (key, allowed) in &self.figures {
            let Some(limit) = limit(key) else { continue };
            let now = measured.get(key).copied().unwrap_or(0);
            if now < *allowed || now <= limit {
                findings.push(Finding::file(
                    path(key),
                    RULE,
                    format!("{} shrank: cargo xtask tidy --tighten", subject(key)),
                ));
            }
        }
        findings
    }

    /// Figures that are new or larger than they were.
    pub fn grown_since(&self, before: &Ratchets) -> Vec<Finding> {
        let grown = self
            .figures
            .iter()
            .filter(|(key, figure)| before.figures.get(*key).is_none_or(|old| *figure > old));
        grown
            .map(|(key, figure)| {
                Finding::file(path(key), RULE, format!("`{key} {figure}` was raised or added"))
            })
            .collect()
    }
}

impl fmt::Display for Ratchets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEADER)?;
        self.figures.iter().try_for_each(|(key, figure)| writeln!(f, "{key} {figure}"))
    }
}

/// The limit of a kind of figure; none for seconds, which are budgets and not exceptions.
fn limit(key: &str) -> Option<u64> {
    match key.split(' ').next() {
        Some("lines") => Some(FILE_LINES),
        Some("function") => Some(FUNCTION_LINES),
        _ => None,
    }
}

fn path(key: &str) -> &str {
    key.split(' ').nth(1).unwrap_or(key)
}

fn subject(key: &str) -> String {
    key.split(' ').nth(2).map_or_else(|| "the file".to_owned(), |function| format!("`{function}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(figures: &[(&str, u64)]) -> Measured {
        figures.iter().map(|(key, figure)| (key.to_string(), *figure)).collect()
    }

    #[test]
    fn limits_hold_without_and_with_an_exception() {
        let now = measured(&[("lines a.rs", 601), ("lines b.rs", 600), ("function a.rs f", 71)]);
        assert_eq!(Ratchets::default().check(&now).len(), 2);
        let excepted = Ratchets::parse("lines a.rs 601\nfunction a.rs f 71\nseconds build 240\n").unwrap();
        assert_eq!(excepted.check(&now), []);
        assert_eq!(excepted.check(&measured(&[("lines a.rs", 602), ("function a.rs f", 71)])).len(), 1);
        assert_eq!(excepted.seconds("build"), Some(240.0));
    }

    #[test]
    fn an_exception_must_follow_its_file_down() {
        let mut loose = Ratchets::parse("lines a.rs 700\nlines gone.rs 900\n").unwrap();
        let now = measured(&[("lines a.rs", 650)]);
        assert_eq!(loose.check(&now).len(), 2);
        loose.tighten(&now);
        assert_eq!(loose.check(&now), []);
        assert!(loose.to_string().ends_with("lines a.rs 650\n"));
    }

    #[test]
    fn figures_may_not_grow() {
        let before = Ratchets::parse("lines a.rs 650\nseconds build 240\n").unwrap();
        assert_eq!(Ratchets::parse("lines a.rs 640\n").unwrap().grown_since(&before), []);
        assert_eq!(
            Ratchets::parse("lines a.rs 651\nlines b.rs 700\nseconds build 241")
                .unwrap()
                .grown_since(&before)
                .len(),
            3
        );
        assert!(Ratchets::parse("lines a.rs many").is_err());
    }
}
