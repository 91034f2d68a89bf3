//! The files that the rules read, as text in memory, and what a rule says of a place in them.

use crate::failure::Failure;
use crate::workspace;
use std::collections::BTreeMap;
use std::fmt;

/// A place that breaks a rule. Sorted by place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    pub path: String,
    /// 0 where the whole file is meant.
    pub line: usize,
    pub rule: &'static str,
    pub says: String,
}

impl Finding {
    /// About a file as a whole.
    pub fn file(path: impl Into<String>, rule: &'static str, says: impl Into<String>) -> Self {
        Finding { path: path.into(), line: 0, rule, says: says.into() }
    }

    /// About one line, counted from 1.
    pub fn line(path: impl Into<String>, line: usize, rule: &'static str, says: impl Into<String>) -> Self {
        Finding { path: path.into(), line, rule, says: says.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}: {}", self.path, self.rule, self.says),
            line => write!(f, "{}:{line}: {}: {}", self.path, self.rule, self.says),
        }
    }
}

/// Text files of the repository by path.
#[derive(Default)]
pub struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Every file git knows or would add; files that are not UTF-8 are left out.
    pub fn load() -> Result<Self, Failure> {
        let mut files = BTreeMap::new();
        for path in workspace::files()? {
            // A file deleted but not yet committed is listed by git and cannot be read.
            if let Ok(text) = std::fs::read_to_string(workspace::root().join(&path)) {
                files.insert(path, text);
            }
        }
        Ok(Tree { files })
    }

    /// A tree of the given files.
    #[cfg(test)]
    pub fn of(files: &[(&str, &str)]) -> Self {
        Tree { files: files.iter().map(|(path, text)| (path.to_string(), text.to_string())).collect() }
    }

    /// Paths and texts, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The text of one file.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether any file lies under a folder.
    pub fn has_under(&self, folder: &str, extension: &str) -> bool {
        self.files.keys().any(|path| path.starts_with(folder) && path.ends_with(extension))
    }

    /// Names of the folders directly under `folder`.
    pub fn folders(&self, folder: &str) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .files
            .keys()
            .filter_map(|path| Some(path.strip_prefix(folder)?.strip_prefix('/')?.split_once('/')?.0))
            .collect();
        names.dedup();
        names
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }
}

/// Code written by the generator: its shape is the generator's business.
pub fn is_generated(path: &str, text: &str) -> bool {
    (path.starts_with("models/") && path.ends_with(".rs"))
        || text.lines().take(3).any(|line| line.contains(concat!("@", "generated")))
}
