//! How long files and functions are. The text is rustfmt's (or Python's), so indentation tells where a
//! function ends.

use super::tree::{Tree, is_generated};
use std::collections::BTreeMap;

/// What was measured, by key: `lines PATH`, or `function PATH NAME` (the longest of that name).
pub type Measured = BTreeMap<String, u64>;

/// Measures every hand-written source file.
pub fn measure(tree: &Tree) -> Measured {
    let mut measured = Measured::new();
    for (path, text) in tree.iter().filter(|(path, text)| is_source(path) && !is_generated(path, text)) {
        measured.insert(format!("lines {path}"), text.lines().count() as u64);
        let functions =
            if path.ends_with(".rs") { rust_functions(text) } else { python_functions(path, text) };
        for (name, lines) in functions {
            let longest = measured.entry(format!("function {path} {name}")).or_default();
            *longest = lines.max(*longest);
        }
    }
    measured
}

fn is_source(path: &str) -> bool {
    [".rs", ".py", ".js", ".mjs", ".ts", ".sh"].iter().any(|extension| path.ends_with(extension))
}

/// Name and lines of each function: from `fn` to the closing brace of the same indentation.
fn rust_functions(text: &str) -> Vec<(String, u64)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = rust_function_name(line) else { continue };
        let indent = indent(line);
        let closes = |line: &&str| {
            line.len() > indent
                && self::indent(line) == indent
                && line.trim_end() == format!("{}}}", &line[..indent])
        };
        let ends = |line: &&str| self::indent(line) == indent && line.trim_end().ends_with(';');
        if line.trim_end().ends_with('}') || ends(line) {
            found.push((name.to_owned(), 1));
            continue;
        }
        // A signature over several lines may also end in `;` (a trait's method without a body).
        if let Some(more) = lines[at + 1..].iter().position(|line| closes(line) || ends(line)) {
            found.push((name.to_owned(), more as u64 + 2));
        }
    }
    found
}

fn rust_function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    if rest.starts_with("//") {
        return None;
    }
    loop {
        let shorter = ["pub ", "pub(crate) ", "pub(super) ", "async ", "const ", "unsafe ", "extern \"C\" "]
            .iter()
            .find_map(|word| rest.strip_prefix(word));
        match shorter {
            Some(shorter) => rest = shorter,
            None => break,
        }
    }
    let name = rest.strip_prefix("fn ")?;
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    Some(&name[..end])
}

/// Name and lines of each `def`: to the last line that is indented deeper.
fn python_functions(path: &str, text: &str) -> Vec<(String, u64)> {
    if !path.ends_with(".py") {
        return Vec::new();
    }
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = line.trim_start().strip_prefix("def ").and_then(|rest| rest.split('(').next())
        else {
            continue;
        };
        let depth = indent(line);
        let inside = |line: &&&str| {
            line.trim().is_empty() || indent(line) > depth || line.trim_start().starts_with(')')
        };
        let body: Vec<_> = lines[at + 1..].iter().take_while(inside).collect();
        let blank = body.iter().rev().take_while(|line| line.trim().is_empty()).count();
        found.push((name.to_owned(), (body.len() - blank) as u64 + 1));
    }
    found
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_measured_from_signature_to_brace() {
        let text = "impl X {\n    pub async fn long(\n        a: u8,\n    ) -> u8 {\n        if a {\n        }\n        a\n    }\n\n    fn short() {}\n}\n\
                    trait T {\n    fn declared(\n        &self,\n    );\n}\nconst fn top() {\n    x;\n}\n";
        let expected = [("long", 7), ("short", 1), ("declared", 3), ("top", 3)];
        assert_eq!(rust_functions(text), expected.map(|(name, lines)| (name.to_owned(), lines)));
    }

    #[test]
    fn python_functions_end_where_the_indentation_does() {
        let text = "def one(\n    a,\n):\n    x = 1\n\n    return x\n\n\nclass C:\n    def two(self):\n        pass\n";
        assert_eq!(python_functions("a.py", text), [("one".to_owned(), 6), ("two".to_owned(), 2)]);
    }

    #[test]
    fn generated_and_other_files_are_not_measured() {
        let tree = Tree::of(&[
            ("models/sqs/src/lib.rs", "x\n"),
            ("a.md", "x\n"),
            ("kernel/a.rs", "//!\nfn f() {}\n"),
        ]);
        let keys: Vec<_> = measure(&tree).into_keys().collect();
        assert_eq!(keys, ["function kernel/a.rs f", "lines kernel/a.rs"]);
    }
}
