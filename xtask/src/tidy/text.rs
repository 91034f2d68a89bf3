//! Rules on the text of single files: headers, names, left-overs, lint exceptions, paths of one machine,
//! lock files without addresses.
//!
//! A line that must break one of them says so at its end: `tidy:expect RULE, why`.

use super::tree::{Finding, Tree, is_generated};

/// File and folder names that say nothing of what is inside.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc", "shared"];

/// Folders whose name under the root gives a machine away. Split, so that this file passes its own rule.
const MACHINE_ROOTS: &[&str] = &[concat!("/", "work/"), concat!("/", "root/"), concat!("/", "home/")];

/// Hosts that serve packages: a clone must work with whatever its user configured.
const REGISTRIES: &[&str] = &[
    concat!("registry.", "npmjs.org"),
    concat!("files.", "pythonhosted.org"),
    concat!("static.", "crates.io"),
    concat!("index.", "crates.io"),
    concat!("pypi.org", "/simple"),
];

/// The only source a Cargo.lock may name.
const CRATES: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Runs every rule of this file on every file.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.iter() {
        findings.extend(header(path, text));
        findings.extend(empty_name(path));
        findings.extend(lock_file(path, text));
        for (index, line) in text.lines().enumerate() {
            let found = machine_path(path, line)
                .or_else(|| registry_host(path, line))
                .or_else(|| left_over(path, line))
                .or_else(|| lint_exception(path, text, line))
                .or_else(|| dead_code(path, text, line));
            if let Some((rule, says)) = found.filter(|(rule, _)| !expected(line, rule)) {
                findings.push(Finding::line(path, index + 1, rule, says));
            }
        }
    }
    findings
}

type Found = Option<(&'static str, String)>;

fn expected(line: &str, rule: &str) -> bool {
    line.split_once("tidy:expect ")
        .is_some_and(|(_, rest)| rest.starts_with(rule) && rest.len() > rule.len() + 4)
}

/// Each source file opens by saying what it is for.
fn header(path: &str, text: &str) -> Option<Finding> {
    let mut lines = text.lines().filter(|line| !line.starts_with("#!") && !line.trim().is_empty());
    let (opens, form) = if path.ends_with(".rs") {
        let first = lines.find(|line| !line.starts_with("// "));
        (first.is_some_and(|line| line.starts_with("//!")), "//!")
    } else if path.ends_with(".py") {
        // An empty file only marks a package.
        (lines.next().is_none_or(|line| line.starts_with("\"\"\"") || line.starts_with('#')), "a docstring")
    } else {
        return None;
    };
    (!opens)
        .then(|| Finding::file(path, "header", format!("opens with {form} that says what the file is for")))
}

fn empty_name(path: &str) -> Option<Finding> {
    let bad = path
        .split('/')
        .map(|part| part.split('.').next().unwrap_or(""))
        .find(|stem| EMPTY_NAMES.contains(stem))?;
    Some(Finding::file(path, "name", format!("`{bad}` says nothing: name it after what it does")))
}

fn machine_path(_path: &str, line: &str) -> Found {
    for root in MACHINE_ROOTS {
        for (at, _) in line.match_indices(root) {
            // After a letter, a dot or a slash it is the middle of a longer path or of an address.
            let before = line[..at].chars().next_back();
            if before.is_none_or(|c| !(c.is_alphanumeric() || "._-/~}*>".contains(c))) {
                return Some(("machine-path", format!("{root} is a folder of one machine")));
            }
        }
    }
    None
}

fn registry_host(_path: &str, line: &str) -> Found {
    let host = REGISTRIES.iter().find(|host| line.contains(**host))?;
    Some(("registry-host", format!("{host}: addresses of registries belong to each user's configuration")))
}

/// Marks of unfinished work; a reason in brackets makes a plan of it.
fn left_over(path: &str, line: &str) -> Found {
    if path.ends_with(".md") || path.ends_with(".json") || path.ends_with(".lock") {
        return None;
    }
    for mark in [concat!("TO", "DO"), concat!("FIX", "ME")] {
        let Some(at) = line.find(mark) else { continue };
        let (before, after) = (&line[..at], &line[at + mark.len()..]);
        let a_word = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_')
            && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let reason = after.strip_prefix('(').and_then(|rest| rest.split(')').next()).unwrap_or("");
        if a_word && reason.len() < 10 {
            return Some((
                "left-over",
                format!("{mark} without a reason: finish it, or write {mark}(why it waits)"),
            ));
        }
    }
    None
}

/// `#[expect(…, reason)]` complains when it is no longer needed; `allow` never does.
fn lint_exception(path: &str, text: &str, line: &str) -> Found {
    let code = line.trim_start();
    let attribute = code.starts_with(concat!("#[", "allow(")) || code.starts_with(concat!("#![", "allow("));
    (path.ends_with(".rs") && !is_generated(path, text) && attribute)
        .then(|| ("lint-exception", "use expect with a reason in place of allow".to_owned()))
}

/// A comment that is a statement was code once.
fn dead_code(path: &str, text: &str, line: &str) -> Found {
    let comment = line.trim_start().strip_prefix("//")?;
    if !path.ends_with(".rs") || comment.starts_with(['/', '!']) || is_generated(path, text) {
        return None;
    }
    let comment = comment.trim();
    let statement =
        ["let ", "use ", "pub ", "fn ", "return ", "mod ", "self.", "assert", "if ", "for ", "match "];
    let begins = statement.iter().any(|word| comment.starts_with(word)) || comment.starts_with("#[");
    let ends = comment.ends_with(';')
        || comment.ends_with('{')
        || comment.ends_with("},")
        || comment.ends_with(")]");
    let bare = matches!(comment, "}" | "};" | "})" | "});") || comment.ends_with(");");
    ((begins && ends) || bare).then(|| ("dead-code", "commented-out code: git remembers it".to_owned()))
}

/// Lock files pin versions and digests, not where they were fetched from.
fn lock_file(path: &str, text: &str) -> Option<Finding> {
    let bad = if path.ends_with("package-lock.json") {
        text.lines().position(|line| line.trim_start().starts_with("\"resolved\""))
    } else if path.ends_with("Cargo.lock") {
        text.lines().position(|line| line.starts_with("source = ") && !line.contains(CRATES))
    } else {
        None
    };
    bad.map(|index| Finding::line(path, index + 1, "lock-file", "names where a package was fetched from"))
}

#[cfg(test)]
mod tests {
    use super::super::rules_broken;
    use super::*;

    fn broken(path: &str, text: &str) -> Vec<&'static str> {
        rules_broken(&check(&Tree::of(&[(path, text)])))
    }

    #[test]
    fn each_bad_snippet_is_caught_by_its_rule() {
        let cases: Vec<(&str, String, &str)> = vec![
            ("kernel/a.rs", "fn f() {}\n".into(), "header"),
            ("tests/a.py", "import os\n".into(), "header"),
            ("kernel/store/src/utils.rs", "//! x\n".into(), "name"),
            ("kernel/common/src/a.rs", "//! x\n".into(), "name"),
            ("README.md", format!("see {}main", MACHINE_ROOTS[0]), "machine-path"),
            ("a.sh", format!("cd \"{}x\"", MACHINE_ROOTS[1]), "machine-path"),
            ("deny.toml", format!("path = {}me", MACHINE_ROOTS[2]), "machine-path"),
            ("a.toml", format!("url = \"https://{}/x\"", REGISTRIES[0]), "registry-host"),
            ("kernel/a.rs", format!("//! x\n// {} later\n", concat!("TO", "DO")), "left-over"),
            ("kernel/a.rs", format!("//! x\n// {}(bob): x\n", concat!("FIX", "ME")), "left-over"),
            ("kernel/a.rs", format!("//! x\n{}dead_code)]\n", concat!("#[", "allow(")), "lint-exception"),
            ("kernel/a.rs", format!("//! x\n{}missing_docs)]\n", concat!("#![", "allow(")), "lint-exception"),
            ("kernel/a.rs", "//! x\n    // let x = 1;\n".into(), "dead-code"),
            ("kernel/a.rs", "//! x\n// tx.put(row)?;\n// }\n".into(), "dead-code"),
            ("tests/node/package-lock.json", "{\n  \"resolved\": \"x\"\n}".into(), "lock-file"),
            ("Cargo.lock", "source = \"registry+https://mirror.example/index\"\n".into(), "lock-file"),
        ];
        for (path, text, rule) in cases {
            assert_eq!(broken(path, &text), [rule], "{path}: {text}");
        }
    }

    #[test]
    fn honest_text_passes() {
        let plan = concat!("TO", "DO");
        let cases: Vec<(&str, String)> = vec![
            ("kernel/a.rs", "// @generated\n//! x\n".into()),
            (
                "kernel/a.rs",
                "//! x\n// Let the caller go; it may come back.\nlet url = \"https://x.example/home/a\";\n"
                    .into(),
            ),
            ("kernel/a.rs", format!("//! x\n// {plan}(until AWS documents the limit)\n")),
            (
                "kernel/a.rs",
                format!(
                    "//! x\nlet p = \"{}sbx\"; // tidy:expect machine-path, a path inside the sandbox\n",
                    MACHINE_ROOTS[2]
                ),
            ),
            ("models/sqs/src/lib.rs", format!("//! x\n{}dead_code)]\n", concat!("#[", "allow("))),
            ("tests/a.py", "#!/usr/bin/env python3\n\"\"\"What it does.\"\"\"\n".into()),
            ("Cargo.lock", format!("source = \"{CRATES}\"\n")),
        ];
        for (path, text) in cases {
            assert_eq!(broken(path, &text), [] as [&str; 0], "{path}: {text}");
        }
    }
}
