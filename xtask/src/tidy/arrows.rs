//! Which crate may name which. Arrows point downward in the order of `KERNEL`; no room names a room;
//! a model sees `schema` only; only the composition root names an engine.

use super::manifest::{self, Dependency};
use super::tree::{Finding, Tree};
use std::collections::BTreeMap;

const RULE: &str = "arrows";

/// The kernel from bottom to top: a crate may name those before it.
const KERNEL: &[&str] = &[
    "names",
    "schema",
    "wire",
    "signature",
    "outbound",
    "keystream",
    "policy",
    "store",
    "engine-fjall",
    "ports",
    "service",
    "relay",
    "workers",
    "sandbox",
    "gateway",
    "testkit",
];

/// Engines are named by the composition root and by their own tests.
const ENGINES: &[&str] = &["engine-fjall"];

/// What a room never sees: protocols and the edge are not its business.
const NOT_FOR_ROOMS: &[&str] = &["wire", "gateway", "relay"];

/// Where a crate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Kernel(usize),
    Model,
    Room,
    App,
    Task,
}

/// Checks every manifest of the tree.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let manifests: Vec<(&str, &str)> = tree
        .iter()
        .filter(|(path, _)| path.ends_with("/Cargo.toml") && !path.starts_with("examples/"))
        .collect();
    let mut places = BTreeMap::new();
    let mut findings = Vec::new();
    for (path, text) in &manifests {
        let (Some(name), Some(place)) = (manifest::package(text), place(path)) else {
            findings.push(Finding::file(
                *path,
                RULE,
                "a crate without a name, or outside the known folders and order",
            ));
            continue;
        };
        places.insert(name, place);
    }
    for (path, text) in &manifests {
        let Some(from) = manifest::package(text).and_then(|name| places.get(name)) else { continue };
        for dependency in manifest::dependencies(text) {
            let Some(to) = places.get(dependency.name.as_str()) else { continue };
            if let Err(says) = allowed(*from, *to, &dependency) {
                findings.push(Finding::line(
                    *path,
                    dependency.line,
                    RULE,
                    format!("{}: {says}", dependency.name),
                ));
            }
        }
    }
    findings.extend(services_named_in_kernel(tree));
    findings
}

fn place(path: &str) -> Option<Place> {
    let mut parts = path.split('/');
    let (folder, name) = (parts.next()?, parts.next()?);
    match folder {
        "kernel" => KERNEL.iter().position(|known| *known == name).map(Place::Kernel),
        "models" => Some(Place::Model),
        "services" => Some(Place::Room),
        "apps" => Some(Place::App),
        "xtask" | "tests" => Some(Place::Task),
        _ => None,
    }
}

fn allowed(from: Place, to: Place, dependency: &Dependency) -> Result<(), &'static str> {
    let name = dependency.name.as_str();
    match (from, to) {
        (Place::App | Place::Task, Place::Room | Place::Kernel(_) | Place::Model) => Ok(()),
        (_, Place::App | Place::Task) => Err("nothing names an app or a task"),
        (Place::Model, Place::Kernel(_)) if name == "schema" => Ok(()),
        (Place::Model, _) => Err("a model sees `schema` only"),
        (Place::Room, Place::Room) => Err("a room names no room; they meet through ports"),
        (Place::Kernel(_), Place::Room) => Err("the kernel names no service"),
        (Place::Kernel(_), Place::Model) if dependency.dev => Ok(()),
        (Place::Kernel(_), Place::Model) => Err("the kernel names no service, nor its model"),
        (_, Place::Kernel(_)) if ENGINES.contains(&name) => {
            Err("an engine is named by the composition root only")
        }
        (Place::Room, Place::Kernel(_)) if NOT_FOR_ROOMS.contains(&name) => {
            Err("a room does not see this crate")
        }
        // A crate's own tests may ask for a feature of it.
        (Place::Kernel(mine), Place::Kernel(theirs)) if theirs == mine && dependency.dev => Ok(()),
        (Place::Kernel(mine), Place::Kernel(theirs)) if theirs >= mine => Err("this arrow points upward"),
        (Place::Kernel(_) | Place::Room, _) => Ok(()),
    }
}

/// Branches by service name: ties are decided in tables, not in code.
fn services_named_in_kernel(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.iter().filter(|(path, _)| path.starts_with("kernel/") && path.contains("/src/"))
    {
        for (index, line) in text.lines().enumerate() {
            if line.contains("#[cfg(test)]") {
                break;
            }
            let code = line.split("//").next().unwrap_or("");
            if ["service == \"", "service() == \"", "service_name == \""]
                .iter()
                .any(|branch| code.contains(branch))
            {
                findings.push(Finding::line(
                    path,
                    index + 1,
                    RULE,
                    "a branch by service name belongs into a table",
                ));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        check(&Tree::of(files)).into_iter().map(|finding| finding.says).collect()
    }

    fn crate_named(name: &str, rest: &str) -> String {
        format!("[package]\nname = \"{name}\"\n{rest}\n")
    }

    #[test]
    fn what_the_design_allows_passes() {
        let names = crate_named("names", "");
        let schema = crate_named("schema", "[dependencies]\nnames.workspace = true");
        let engine = crate_named("engine-fjall", "[dependencies]\nstore.workspace = true");
        let store = crate_named("store", "");
        let model = crate_named("model-sqs", "[dependencies]\nschema.workspace = true");
        let room = crate_named(
            "sqs",
            "[dependencies]\nmodel-sqs = 1\nstore.workspace = true\n[dev-dependencies]\ntestkit = 1",
        );
        let testkit = crate_named("testkit", "");
        let app = crate_named("elysium", "[dependencies]\nsqs = 1\nengine-fjall = 1");
        let files = [
            ("kernel/names/Cargo.toml", names.as_str()),
            ("kernel/schema/Cargo.toml", &schema),
            ("kernel/store/Cargo.toml", &store),
            ("kernel/engine-fjall/Cargo.toml", &engine),
            ("kernel/testkit/Cargo.toml", &testkit),
            ("models/sqs/Cargo.toml", &model),
            ("services/sqs/Cargo.toml", &room),
            ("apps/elysium/Cargo.toml", &app),
        ];
        assert_eq!(findings(&files), Vec::<String>::new());
    }

    /// Each pair is a crate and the one that it must not name.
    #[test]
    fn every_forbidden_arrow_is_caught() {
        let cases = [
            ("kernel/names", "names", "kernel/wire", "wire"),
            ("kernel/store", "store", "services/sqs", "sqs"),
            ("kernel/wire", "wire", "models/sqs", "model-sqs"),
            ("kernel/relay", "relay", "kernel/engine-fjall", "engine-fjall"),
            ("services/sns", "sns", "services/sqs", "sqs"),
            ("services/sqs", "sqs", "kernel/wire", "wire"),
            ("services/sqs", "sqs", "kernel/engine-fjall", "engine-fjall"),
            ("models/sqs", "model-sqs", "kernel/names", "names"),
            ("services/sqs", "sqs", "apps/elysium", "elysium"),
        ];
        for (folder, name, other_folder, other) in cases {
            for section in ["[dependencies]", "[dev-dependencies]"] {
                if section.starts_with("[dev") && other.starts_with("model-") {
                    continue;
                }
                let from = crate_named(name, &format!("{section}\n{other}.workspace = true"));
                let to = crate_named(other, "");
                let (from_path, to_path) =
                    (format!("{folder}/Cargo.toml"), format!("{other_folder}/Cargo.toml"));
                let found = findings(&[(&from_path, &from), (&to_path, &to)]);
                assert_eq!(found.len(), 1, "{name} {section} {other}: {found:?}");
            }
        }
    }

    #[test]
    fn unknown_kernel_crates_and_branches_by_service_are_caught() {
        assert_eq!(findings(&[("kernel/extra/Cargo.toml", &crate_named("extra", ""))]).len(), 1);
        assert_eq!(findings(&[("kernel/wire/src/route.rs", "if service == \"s3\" {")]).len(), 1);
        assert_eq!(findings(&[("kernel/wire/src/route.rs", "// no `service == \"s3\"` here")]).len(), 0);
    }
}
