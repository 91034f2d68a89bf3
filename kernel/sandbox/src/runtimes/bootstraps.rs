//! The bootstraps, carried by the binary and laid out in a directory named after their content, so
//! that functions started by an older binary keep the files they run from.

use super::{Interpreter, ManagedRuntime};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const PYTHON: &str = "python/bootstrap.py";
const NODE: &str = "node/bootstrap.mjs";
const FILES: [(&str, &str); 2] = [
    (PYTHON, include_str!("../../runtimes/python/bootstrap.py")),
    (NODE, include_str!("../../runtimes/node/bootstrap.mjs")),
];

/// The bootstraps as files.
#[derive(Clone, Debug)]
pub struct Bootstraps {
    root: PathBuf,
}

impl Bootstraps {
    /// Writes them below `store` unless they are there, whole. Blocks.
    pub fn lay_out(store: &Path) -> io::Result<Self> {
        let root = store.join(format!("bootstraps-{}", content_hash()));
        for (name, content) in FILES {
            let place = root.join(name);
            // A torn file of an earlier crash has the right name and the wrong content.
            if fs::read(&place).is_ok_and(|found| found == content.as_bytes()) {
                continue;
            }
            let draft = place.with_extension(format!("{}.draft", std::process::id()));
            fs::create_dir_all(place.parent().unwrap_or(&root))?;
            fs::write(&draft, content)?;
            fs::rename(&draft, &place)?;
        }
        Ok(Self { root })
    }

    /// The directory that holds them all: AWS's `/var/runtime`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Program and arguments that run functions of `runtime`.
    pub fn command(&self, runtime: ManagedRuntime, interpreter: &Interpreter) -> Vec<OsString> {
        let bootstrap = match runtime {
            ManagedRuntime::Python { .. } => PYTHON,
            ManagedRuntime::Node { .. } => NODE,
        };
        vec![interpreter.path.clone().into_os_string(), self.root.join(bootstrap).into_os_string()]
    }
}

fn content_hash() -> String {
    let mut hash = Sha256::new();
    for (name, content) in FILES {
        hash.update(name);
        hash.update([0]);
        hash.update(content);
        hash.update([0]);
    }
    hash.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _written = write!(text, "{byte:02x}");
        text
    })
}
