//! The AWS SDK for Python that functions find: AWS's runtimes bring it, here it is that of the machine. Where an
//! interpreter has none, that of another one serves, which is code of Python alone, if it says that it runs with
//! this version too.

use std::fs;
use std::path::{Path, PathBuf};

/// What the SDK consists of.
const PARTS: [&str; 7] = ["boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3"];
/// Those that say which versions of Python they run with.
const CHOOSY: [&str; 3] = ["boto3-", "botocore-", "urllib3-"];

/// Where an SDK is that Python 3.`minor` can use and has not itself.
pub(super) fn elsewhere(interpreter: &Path, minor: u8, others: &[PathBuf]) -> Option<PathBuf> {
    if places(interpreter).iter().any(|place| place.join("boto3").is_dir()) {
        return None;
    }
    others.iter().flat_map(|other| places(other)).find(|place| serves(place, minor))
}

/// Where packages of an interpreter lie.
fn places(interpreter: &Path) -> Vec<PathBuf> {
    let home = interpreter.parent().and_then(Path::parent).unwrap_or(Path::new("/"));
    let lib = home.join("lib");
    let mut found: Vec<PathBuf> = listed(&lib)
        .filter(|(name, _)| name.starts_with("python3"))
        .flat_map(|(_, folder)| ["site-packages", "dist-packages"].map(|packages| folder.join(packages)))
        .filter(|packages| packages.is_dir())
        .collect();
    found.sort();
    found
}

fn listed(folder: &Path) -> impl Iterator<Item = (String, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
}

/// Whether all of it is there, runs with this version, and has nothing that was compiled for one.
fn serves(place: &Path, minor: u8) -> bool {
    if !PARTS.iter().all(|part| place.join(part).exists()) {
        return false;
    }
    let compiled = |(name, _): (String, PathBuf)| name.ends_with(".so");
    let pure = PARTS.iter().all(|part| !listed(&place.join(part)).any(compiled));
    let of_choosy = listed(place).filter(|(name, _)| {
        name.ends_with(".dist-info") && CHOOSY.iter().any(|choosy| name.starts_with(choosy))
    });
    let told: Vec<_> = of_choosy.map(|(_, folder)| fs::read_to_string(folder.join("METADATA"))).collect();
    let runs = |told: &std::io::Result<String>| told.as_ref().is_ok_and(|told| runs_with(told, minor));
    pure && told.len() == CHOOSY.len() && told.iter().all(runs)
}

/// Whether a package says that it runs with Python 3.`minor`: `Requires-Python: >= 3.10`.
fn runs_with(metadata: &str, minor: u8) -> bool {
    let Some(wanted) = metadata.lines().find_map(|line| line.strip_prefix("Requires-Python:")) else {
        return true;
    };
    wanted.split(',').all(|bound| {
        let bound: String = bound.chars().filter(|letter| !letter.is_whitespace()).collect();
        let least = bound.strip_prefix(">=3.").and_then(|rest| rest.split('.').next()?.parse::<u8>().ok());
        let below = bound.strip_prefix("<4").is_some();
        // What is said in another way is not understood here, and taken for a refusal.
        least.map_or(below || bound.starts_with("!="), |least| minor >= least)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(root: &Path, name: &str) -> (PathBuf, PathBuf) {
        let packages = root.join(name).join("lib/python3.11/site-packages");
        fs::create_dir_all(&packages).unwrap();
        (root.join(name).join("bin/python3"), packages)
    }

    fn install(packages: &Path, least: &str) {
        for part in PARTS {
            fs::create_dir_all(packages.join(part)).unwrap();
        }
        for choosy in CHOOSY {
            let folder = packages.join(format!("{choosy}1.0.dist-info"));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("METADATA"), format!("Name: x\nRequires-Python: {least}\n\n")).unwrap();
        }
    }

    #[test]
    fn another_interpreters_serves_where_it_says_so_and_is_pure() {
        let root = std::env::temp_dir().join(format!("elysium-sdk-{}", std::process::id()));
        let ((own, own_packages), (other, packages)) = (python(&root, "own"), python(&root, "other"));
        let found = |minor| elsewhere(&own, minor, std::slice::from_ref(&other));
        assert_eq!(found(12), None, "there is none");
        install(&packages, ">= 3.10");
        assert_eq!((found(12), found(9)), (Some(packages.clone()), None));
        fs::write(packages.join("urllib3/fast.so"), "").unwrap();
        assert_eq!(found(12), None, "it was compiled");
        fs::remove_file(packages.join("urllib3/fast.so")).unwrap();
        fs::create_dir(own_packages.join("boto3")).unwrap();
        assert_eq!(found(12), None, "it has its own");
        fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn bounds_are_read_as_packages_write_them() {
        let runs = |bound: &str, minor| runs_with(&format!("Requires-Python: {bound}\n"), minor);
        assert!(runs(">=3.10", 10) && !runs(">=3.10", 9) && runs(">= 3.9,<4", 13));
        assert!(
            runs("!=3.0.*,>=3.9", 9) && !runs("<3.12,>=3.9", 10),
            "no bound of another form is guessed at"
        );
        assert!(runs_with("Name: x", 9));
    }
}
