//! Where models come from: the pinned public botocore package, and the two TOML files of a model.

use super::node::Node;
use crate::failure::Failure;
use crate::{python, workspace};
use flate2::read::GzDecoder;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The release of botocore that the checked-in models are written from.
pub const VERSION: &str = "1.43.11";

/// The package's folder: `ELYSIUM_BOTOCORE`, or what `python3` or the Python of the tests imports.
pub fn package() -> Result<PathBuf, Failure> {
    let folder = match std::env::var_os("ELYSIUM_BOTOCORE") {
        Some(folder) => PathBuf::from(folder),
        None => imported()?,
    };
    if holds_pinned(&folder) {
        return Ok(folder);
    }
    Err(Failure::new(format!("{} is not botocore {VERSION}", folder.display()))
        .rerun("cargo xtask codegen, with ELYSIUM_BOTOCORE unset or naming that release's folder"))
}

fn holds_pinned(folder: &Path) -> bool {
    let Ok(about) = std::fs::read_to_string(folder.join("__init__.py")) else { return false };
    let version = about.lines().find_map(|line| line.strip_prefix("__version__ = "));
    version.is_some_and(|version| version.trim_matches(['\'', '"']) == VERSION)
}

fn imported() -> Result<PathBuf, Failure> {
    let import = |python: &Path| -> Option<PathBuf> {
        let output = Command::new(python)
            .args(["-c", "import botocore; print(botocore.__path__[0])"])
            .output()
            .ok()?;
        let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then(|| PathBuf::from(folder))
    };
    if let Some(folder) = import(Path::new("python3")).filter(|folder| holds_pinned(folder)) {
        return Ok(folder);
    }
    import(&python::ready()?).ok_or_else(|| Failure::new("the Python of the tests has no botocore"))
}

/// The newest API description of a service in the package.
pub fn model(package: &Path, service: &str) -> Result<Node, Failure> {
    let folder = package.join("data").join(service);
    let mut versions: Vec<PathBuf> = std::fs::read_dir(&folder)
        .map_err(|error| Failure::new(format!("botocore has no {service}: {error}")))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.join("service-2.json").exists() || path.join("service-2.json.gz").exists())
        .collect();
    versions.sort();
    let newest = versions.pop().ok_or_else(|| Failure::new(format!("botocore has no model of {service}")))?;
    let text = match std::fs::read(newest.join("service-2.json")) {
        Ok(text) => text,
        Err(_) => {
            let mut text = Vec::new();
            GzDecoder::new(std::fs::File::open(newest.join("service-2.json.gz"))?).read_to_end(&mut text)?;
            text
        }
    };
    Ok(serde_json::from_slice(&text)?)
}

/// A folder under `models/` with what its two TOML files say.
pub struct Request {
    /// The folder's name.
    pub folder: String,
    /// The service in botocore.
    pub service: String,
    /// The operations to generate, as listed.
    pub operations: Vec<String>,
    /// What is laid on botocore's model.
    pub overlay: Node,
}

/// Every model of the workspace, or only those named.
pub fn requests(only: &[&str]) -> Result<Vec<Request>, Failure> {
    let mut requests = Vec::new();
    for folder in workspace::folders("models") {
        let path = workspace::root().join("models").join(&folder);
        if path.join("operations.toml").exists() && (only.is_empty() || only.contains(&folder.as_str())) {
            requests.push(request(folder, &path)?);
        }
    }
    match only.iter().find(|name| !requests.iter().any(|request| request.folder == **name)) {
        Some(missing) => Err(Failure::new(format!("there is no models/{missing}/operations.toml"))),
        None => Ok(requests),
    }
}

fn request(folder: String, path: &Path) -> Result<Request, Failure> {
    let list = toml_file(&path.join("operations.toml"))?;
    let overlay = path.join("overlay.toml");
    Ok(Request {
        service: list.text("botocore").unwrap_or(&folder).to_owned(),
        operations: list.texts("operations").into_iter().map(String::from).collect(),
        overlay: if overlay.exists() { toml_file(&overlay)? } else { Node::map() },
        folder,
    })
}

fn toml_file(path: &Path) -> Result<Node, Failure> {
    let text = std::fs::read_to_string(path)?;
    toml::from_str(&text).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}
