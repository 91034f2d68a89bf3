//! The furniture of rooms and models: the same files in each, so that two hops lead to any code.

use super::manifest;
use super::tree::{Finding, Tree};

const RULE: &str = "furniture";
const LIB_LINES: usize = 80;

/// What stands in every room.
const ROOM: &[&str] = &[
    "README.md",
    "Cargo.toml",
    "src/lib.rs",
    "src/state.rs",
    "src/errors.rs",
    "src/ops.rs",
    "tests/it/main.rs",
];

/// What stands in every model.
const MODEL: &[&str] = &["Cargo.toml", "operations.toml", "src/lib.rs"];

/// Checks every room, every model, and that no crate has a second test binary.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for room in tree.folders("services") {
        findings.extend(missing(tree, &format!("services/{room}"), ROOM));
        findings.extend(check_room(tree, &format!("services/{room}")));
    }
    for model in tree.folders("models") {
        findings.extend(missing(tree, &format!("models/{model}"), MODEL));
    }
    for (path, _) in tree.iter() {
        let stray =
            path.split_once("/tests/").is_some_and(|(_, file)| !file.contains('/') && file.ends_with(".rs"));
        if stray {
            findings.push(Finding::file(
                path,
                RULE,
                "one test binary per crate: a module of tests/it/main.rs",
            ));
        }
    }
    findings
}

fn missing(tree: &Tree, folder: &str, wanted: &[&str]) -> Vec<Finding> {
    let paths = wanted.iter().map(|file| format!("{folder}/{file}"));
    paths
        .filter(|path| tree.text(path).is_none())
        .map(|path| Finding::file(path, RULE, "is missing"))
        .collect()
}

fn check_room(tree: &Tree, room: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lib = format!("{room}/src/lib.rs");
    if tree.text(&lib).is_some_and(|text| text.lines().count() >= LIB_LINES) {
        findings.push(Finding::file(lib, RULE, format!("a room's lib.rs stays under {LIB_LINES} lines")));
    }
    if !tree.has_under(&format!("{room}/src/ops/"), ".rs") {
        findings.push(Finding::file(format!("{room}/src/ops/"), RULE, "holds no operation"));
    }
    let manifest = format!("{room}/Cargo.toml");
    let served = tree.text(&manifest).map(manifest::dependencies).unwrap_or_default();
    if !served.iter().any(|dependency| dependency.name.starts_with("model-")) {
        findings.push(Finding::file(manifest, RULE, "a room serves at least one model"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[package]\nname = \"sqs\"\n[dependencies]\nmodel-sqs.workspace = true\n";

    fn furnished() -> Vec<(String, String)> {
        let mut files: Vec<(String, String)> =
            ROOM.iter().map(|file| (format!("services/sqs/{file}"), MANIFEST.to_owned())).collect();
        files.push(("services/sqs/src/ops/send_message.rs".into(), String::new()));
        files.extend(MODEL.iter().map(|file| (format!("models/sqs/{file}"), String::new())));
        files
    }

    fn findings(files: &[(String, String)]) -> Vec<Finding> {
        let files: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        check(&Tree::of(&files))
    }

    #[test]
    fn a_furnished_room_passes_and_each_missing_piece_is_named() {
        assert_eq!(findings(&furnished()), []);
        for gone in 0..furnished().len() {
            let mut files = furnished();
            let (path, _) = files.remove(gone);
            let found = findings(&files);
            assert!(found.iter().any(|f| path.starts_with(&f.path)), "without {path}: {found:?}");
        }
    }

    #[test]
    fn a_long_lib_a_room_without_model_and_a_second_test_binary_are_caught() {
        let mut files = furnished();
        files[2].1 = "//!\n".repeat(LIB_LINES);
        assert_eq!(findings(&files).len(), 1);
        let mut files = furnished();
        files[1].1 = "[package]\nname = \"sqs\"\n".into();
        assert_eq!(findings(&files).len(), 1);
        let mut files = furnished();
        files.push(("kernel/store/tests/more.rs".into(), String::new()));
        assert_eq!(findings(&files).len(), 1);
    }
}
