//! Managed runtimes: which interpreter runs a function of `python3.11`,
//! `nodejs20.x`, `java17`, `ruby3.3` or `dotnet8`, and our bootstrap that connects it to the Runtime API.
//!
//! The interpreter has exactly the version that was asked for, or there is none.

mod bootstraps;
mod compile;
mod interpreters;
mod python_sdk;
mod variables;

pub use bootstraps::Bootstraps;
pub use interpreters::{Interpreter, SearchPlaces};

use std::fmt;
use std::io;

/// A managed runtime whose code comes as a zip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManagedRuntime {
    /// `python3.<minor>`.
    Python {
        /// 9 to 14.
        minor: u8,
    },
    /// `nodejs<major>.x`.
    Node {
        /// 18, 20, 22 or 24.
        major: u8,
    },
    /// `java<major>`, and `java8.al2`.
    Java {
        /// 8, 11, 17, 21 or 25.
        major: u8,
    },
    /// `ruby<major>.<minor>`.
    Ruby {
        /// 3, or 4.
        major: u8,
        /// 2, 3 or 4 of 3; 0 of 4.
        minor: u8,
    },
    /// `dotnet<major>`.
    Dotnet {
        /// 6, 8 or 10.
        major: u8,
    },
}

/// Why a runtime cannot be given.
#[derive(Debug)]
pub enum RuntimeError {
    /// Not a runtime that is served here.
    Unknown(String),
    /// No interpreter of this very version was found.
    Missing {
        /// Which.
        runtime: ManagedRuntime,
        /// Interpreters of other versions that were seen, and are not used.
        others: Vec<String>,
    },
    /// The bootstraps cannot be written.
    System(io::Error),
    /// The bootstrap of a runtime cannot be compiled: why.
    Compiler(ManagedRuntime, String),
}

const PYTHON_MINORS: std::ops::RangeInclusive<u8> = 9..=14;
const NODE_MAJORS: [u8; 4] = [18, 20, 22, 24];
const JAVA_MAJORS: [u8; 4] = [11, 17, 21, 25];
const FIRST_JAVA_THAT_WAITS: u8 = 17;
const RUBY_VERSIONS: [(u8, u8); 4] = [(3, 2), (3, 3), (3, 4), (4, 0)];
const DOTNET_MAJORS: [u8; 3] = [6, 8, 10];

impl ManagedRuntime {
    /// All that have a bootstrap of ours.
    pub fn all() -> impl Iterator<Item = Self> {
        let python = PYTHON_MINORS.map(|minor| Self::Python { minor });
        let node = NODE_MAJORS.into_iter().map(|major| Self::Node { major });
        let java = [8].into_iter().chain(JAVA_MAJORS).map(|major| Self::Java { major });
        let ruby = RUBY_VERSIONS.into_iter().map(|(major, minor)| Self::Ruby { major, minor });
        let dotnet = DOTNET_MAJORS.into_iter().map(|major| Self::Dotnet { major });
        python.chain(node).chain(java).chain(ruby).chain(dotnet)
    }

    /// Reads a runtime identifier of the Lambda API.
    pub fn parse(identifier: &str) -> Result<Self, RuntimeError> {
        let number = |text: &str| text.parse::<u8>().ok().filter(|n| n.to_string() == text);
        let python = identifier.strip_prefix("python3.").and_then(number);
        let node =
            identifier.strip_prefix("nodejs").and_then(|rest| rest.strip_suffix(".x")).and_then(number);
        if identifier == "java8.al2" {
            return Ok(Self::Java { major: 8 });
        }
        if let Some(major) = identifier.strip_prefix("java").and_then(number)
            && JAVA_MAJORS.contains(&major)
        {
            return Ok(Self::Java { major });
        }
        let ruby = identifier.strip_prefix("ruby").and_then(|rest| rest.split_once('.'));
        if let Some((Some(major), Some(minor))) = ruby.map(|(major, minor)| (number(major), number(minor)))
            && RUBY_VERSIONS.contains(&(major, minor))
        {
            return Ok(Self::Ruby { major, minor });
        }
        if let Some(major) = identifier.strip_prefix("dotnet").and_then(number)
            && DOTNET_MAJORS.contains(&major)
        {
            return Ok(Self::Dotnet { major });
        }
        match (python, node) {
            (Some(minor), _) if PYTHON_MINORS.contains(&minor) => Ok(Self::Python { minor }),
            (_, Some(major)) if NODE_MAJORS.contains(&major) => Ok(Self::Node { major }),
            _ => Err(RuntimeError::Unknown(identifier.to_owned())),
        }
    }

    /// Whether it can be begun ahead of the function that it runs. Of Java, a JDK that keeps its own affairs where the
    /// bootstrap knows them to be.
    pub fn can_wait(self) -> bool {
        match self {
            Self::Python { .. } | Self::Node { .. } => true,
            Self::Java { major } => major >= FIRST_JAVA_THAT_WAITS,
            Self::Ruby { .. } | Self::Dotnet { .. } => false,
        }
    }

    /// How to get an interpreter of this version.
    fn remedy(self) -> String {
        match self {
            Self::Python { minor } => format!(
                "install it (`apt-get install python3.{minor}`, `pyenv install 3.{minor}` or \
                 `uv python install 3.{minor}`) and try again"
            ),
            Self::Node { major } => format!(
                "install it (`nvm install {major}`, `fnm install {major}`, or a package of Node.js \
                 {major}) and try again"
            ),
            Self::Java { major } => format!(
                "install its JDK (`apt-get install openjdk-{major}-jdk-headless`, or `sdk install java \
                 {major}` of SDKMAN) and try again"
            ),
            Self::Ruby { major, minor } => format!(
                "install it (`apt-get install ruby{major}.{minor}`, or `rbenv install {major}.{minor}` of \
                 rbenv, or `rvm install {major}.{minor}`) and try again"
            ),
            Self::Dotnet { major } => format!(
                "install its SDK (`apt-get install dotnet-sdk-{major}.0` with Microsoft's packages, or \
                 `dotnet-install.sh --channel {major}.0`) and try again"
            ),
        }
    }
}

impl fmt::Display for ManagedRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Python { minor } => write!(f, "python3.{minor}"),
            Self::Node { major } => write!(f, "nodejs{major}.x"),
            Self::Java { major: 8 } => f.write_str("java8.al2"),
            Self::Java { major } => write!(f, "java{major}"),
            Self::Ruby { major, minor } => write!(f, "ruby{major}.{minor}"),
            Self::Dotnet { major } => write!(f, "dotnet{major}"),
        }
    }
}

impl fmt::Display for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(identifier) => write!(f, "there is no managed runtime {identifier:?} here"),
            Self::Missing { runtime, others } => {
                write!(f, "no interpreter for {runtime} was found: {}", runtime.remedy())?;
                if others.is_empty() { Ok(()) } else { write!(f, "; found only {}", others.join(", ")) }
            }
            Self::System(error) => write!(f, "cannot write the bootstraps: {error}"),
            Self::Compiler(runtime, why) => write!(f, "cannot compile the bootstrap of {runtime}: {why}"),
        }
    }
}

impl std::error::Error for RuntimeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for RuntimeError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_read_strictly() {
        for minor in 9..=14 {
            let runtime = ManagedRuntime::parse(&format!("python3.{minor}")).unwrap();
            assert_eq!(runtime, ManagedRuntime::Python { minor });
            assert_eq!(runtime.to_string(), format!("python3.{minor}"));
        }
        assert_eq!(ManagedRuntime::parse("nodejs20.x").unwrap(), ManagedRuntime::Node { major: 20 });
        for (identifier, major) in [("java8.al2", 8), ("java17", 17), ("java25", 25)] {
            let runtime = ManagedRuntime::parse(identifier).unwrap();
            assert_eq!(runtime, ManagedRuntime::Java { major });
            assert_eq!(runtime.to_string(), identifier);
        }
        assert_eq!(ManagedRuntime::parse("ruby3.4").unwrap(), ManagedRuntime::Ruby { major: 3, minor: 4 });
        let unknown = [
            "",
            "python3.8",
            "python3.15",
            "python3.011",
            "python3.+9",
            "nodejs20",
            "nodejs19.x",
            "java18",
            "java8",
            "ruby3.1",
            "ruby3",
            "ruby3.02",
            "ruby4.1",
            "dotnet9",
            "dotnet08",
        ];
        for runtime in ManagedRuntime::all() {
            assert_eq!(ManagedRuntime::parse(&runtime.to_string()).unwrap(), runtime);
        }
        for identifier in unknown {
            assert!(
                matches!(ManagedRuntime::parse(identifier), Err(RuntimeError::Unknown(_))),
                "{identifier}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_said_with_the_way_to_get_it() {
        let runtime = ManagedRuntime::Python { minor: 13 };
        let error = RuntimeError::Missing { runtime, others: vec!["3.11.7".to_owned()] }.to_string();
        for words in ["python3.13", "pyenv install 3.13", "found only 3.11.7"] {
            assert!(error.contains(words), "{error}");
        }
    }
}
