//! The name that the launcher, and every process that it starts outside of sandboxes, carries in its environment, so
//! that a later start of the same data directory can tell its own leftovers from everybody else's processes.

use std::fmt;

/// Environment variable holding `<data directory id>.<boot id>`.
pub(crate) const RUN_ID_VARIABLE: &str = "ELYSIUM_RUN_ID";

/// Environment variable holding the launcher's number of the child, by which orphans are attributed.
pub(crate) const CHILD_VARIABLE: &str = "ELYSIUM_CHILD";

const LONGEST_PART: usize = 64;

/// Identifies one run of the daemon over one data directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunId {
    data_dir: String,
    boot: String,
}

impl RunId {
    /// Both parts are 1 to 64 letters, digits, `-` or `_`; `None` otherwise.
    pub fn new(data_dir: &str, boot: &str) -> Option<Self> {
        (is_part(data_dir) && is_part(boot))
            .then(|| Self { data_dir: data_dir.to_owned(), boot: boot.to_owned() })
    }

    /// Reads the form written by `Display`.
    pub fn parse(text: &str) -> Option<Self> {
        let (data_dir, boot) = text.split_once('.')?;
        Self::new(data_dir, boot)
    }

    /// The id of the data directory: the same at every start over it.
    pub fn data_dir(&self) -> &str {
        &self.data_dir
    }

    /// The id of this start: fresh each time.
    pub fn boot(&self) -> &str {
        &self.boot
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.data_dir, self.boot)
    }
}

fn is_part(text: &str) -> bool {
    (1..=LONGEST_PART).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_writes() {
        let id = RunId::new("3f-a", "7_b").unwrap();
        assert_eq!(id.to_string(), "3f-a.7_b");
        assert_eq!(RunId::parse("3f-a.7_b"), Some(id));
    }

    #[test]
    fn refuses_parts_that_could_not_be_told_apart() {
        let long = "a".repeat(65);
        for (data_dir, boot) in [("", "b"), ("a", ""), ("a.b", "c"), ("a b", "c"), (&long, "c"), ("a", "é")]
        {
            assert_eq!(RunId::new(data_dir, boot), None, "{data_dir:?} {boot:?}");
        }
        assert_eq!(RunId::parse("nodot"), None);
        assert_eq!(RunId::parse("a.b.c"), None);
    }
}
