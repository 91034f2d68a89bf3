//! The little of Cargo.toml that the rules need: which crates a crate names, and in which section.

/// One dependency as a manifest names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    pub name: String,
    /// Under `dev-dependencies`: seen by the crate's own tests only.
    pub dev: bool,
    /// Line in the manifest, counted from 1.
    pub line: usize,
}

/// Name of the package.
pub fn package(manifest: &str) -> Option<&str> {
    let mut lines = manifest.lines().skip_while(|line| line.trim() != "[package]").skip(1);
    lines.by_ref().take_while(|line| !line.starts_with('[')).find_map(|line| {
        line.strip_prefix("name")?.trim_start().strip_prefix('=')?.trim().strip_prefix('"')?.strip_suffix('"')
    })
}

/// All dependencies of every section, `[dependencies.x]` and `[target.….dependencies]` among them.
pub fn dependencies(manifest: &str) -> Vec<Dependency> {
    let mut found = Vec::new();
    let mut section: Option<bool> = None;
    for (index, line) in manifest.lines().enumerate() {
        let line = line.trim();
        let at = index + 1;
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = None;
            if header.starts_with("workspace.") {
                continue;
            }
            let dev = header.contains("dev-dependencies");
            match header.rsplit_once("dependencies.") {
                Some((_, name)) => {
                    found.push(Dependency { name: name.trim_matches('"').to_owned(), dev, line: at })
                }
                None if header.ends_with("dependencies") => section = Some(dev),
                None => {}
            }
        } else if let (Some(dev), false, Some((key, _))) =
            (section, line.starts_with('#'), line.split_once('='))
        {
            let name = key.trim().split('.').next().unwrap_or("").trim_matches('"');
            found.push(Dependency { name: name.to_owned(), dev, line: at });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_are_seen() {
        let manifest = "[package]\nname = \"gateway\"\n[dependencies]\nnames.workspace = true\n# wire = 1\nhttp = { version = \"1\" }\n\
                        [dev-dependencies]\ntestkit = { path = \"x\" }\n[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n\
                        [dependencies.tokio]\nversion = \"1\"\n[features]\nx = []\n";
        assert_eq!(package(manifest), Some("gateway"));
        let names: Vec<_> = dependencies(manifest).into_iter().map(|d| (d.name, d.dev)).collect();
        let expected =
            [("names", false), ("http", false), ("testkit", true), ("libc", false), ("tokio", false)];
        assert_eq!(names, expected.map(|(name, dev)| (name.to_owned(), dev)));
    }
}
