//! A region's name, such as `us-east-1`.

use crate::Malformed;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

/// A region's name: lower-case letters, digits and dashes, at most 32 characters. Cheap to clone.
///
/// Any name of that form is a region of its own; the list of regions that AWS runs today is no limit,
/// so that tools with made-up regions work.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Region(Arc<str>);

impl Region {
    /// The region's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition a region belongs to, by its prefix: `aws`, `aws-cn` or `aws-us-gov`.
    pub fn partition(&self) -> &'static str {
        if self.0.starts_with("cn-") {
            "aws-cn"
        } else if self.0.starts_with("us-gov-") {
            "aws-us-gov"
        } else {
            "aws"
        }
    }
}

/// The region of callers that name no other. Shared, since most requests are for it.
static DEFAULT: LazyLock<Region> = LazyLock::new(|| Region(Arc::from("us-east-1")));

impl Default for Region {
    fn default() -> Self {
        DEFAULT.clone()
    }
}

impl FromStr for Region {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        if text == DEFAULT.as_str() {
            return Ok(Self::default());
        }
        let fine = (1..=32).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && text.as_bytes()[0].is_ascii_lowercase();
        if fine { Ok(Region(Arc::from(text))) } else { Err(Malformed::new("region", text)) }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
