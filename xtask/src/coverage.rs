//! `coverage`: which operations of each service are served, out of those AWS has.
//!
//! AWS's are those the model names (models/NAME/operations.toml and the generated list of the others);
//! served are those a room registers. `--write` writes a page per service under docs/services.

use crate::failure::Failure;
use crate::workspace;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

/// Models that exist for tests of protocols only.
const FIXTURES: &str = "fixture-";

/// One service's operations.
struct Coverage {
    service: String,
    served: BTreeSet<String>,
    /// Older names of served ones, whose requests are the same.
    alike: BTreeSet<String>,
    /// Known to the region, which answers 501 to them.
    others: BTreeSet<String>,
}

/// Prints a line per service; `--json` prints the lists; `--write` writes the pages.
pub fn run(args: &[String]) -> Result<(), Failure> {
    let registered = registered()?;
    let mut services = Vec::new();
    for name in workspace::folders("models").into_iter().filter(|name| !name.starts_with(FIXTURES)) {
        services.push(Coverage::of(name, &registered)?);
    }
    if args.iter().any(|arg| arg == "--json") {
        let all: Vec<Value> = services.iter().map(Coverage::json).collect();
        println!("{:#}", Value::from(all));
        return Ok(());
    }
    let folder = workspace::root().join("docs/services");
    for service in &services {
        let (served, all) = (service.served.len() + service.alike.len(), service.all());
        println!("{:16} {served:4} of {all:4} operations", service.service);
        if args.iter().any(|arg| arg == "--write") {
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join(format!("{}.md", service.service)), service.page())?;
        }
    }
    Ok(())
}

impl Coverage {
    fn of(service: String, registered: &BTreeSet<String>) -> Result<Self, Failure> {
        let model = workspace::root().join("models").join(&service);
        let text = std::fs::read_to_string(model.join("operations.toml"))?;
        let known = quoted(text.split("operations = [").nth(1).unwrap_or(""));
        let prefix = service.replace('-', "_");
        let (served, mut others): (BTreeSet<_>, BTreeSet<_>) =
            known.into_iter().partition(|operation| registered.contains(&format!("{prefix}:{operation}")));
        let unserved = std::fs::read_to_string(model.join("src/unserved.rs")).unwrap_or_default();
        let bindings = std::fs::read_to_string(model.join("src/operations.rs")).unwrap_or_default();
        let (alike, unlike) = unserved_ones(&unserved, &bindings);
        others.extend(unlike);
        Ok(Coverage { service, served, alike, others })
    }

    fn all(&self) -> usize {
        self.served.len() + self.alike.len() + self.others.len()
    }

    fn json(&self) -> Value {
        json!({"service": self.service, "served": self.served.union(&self.alike).collect::<Vec<_>>(), "notServed": self.others})
    }

    /// The service's page: counts and lists, and what the room's README says differs.
    fn page(&self) -> String {
        let list = |names: &BTreeSet<String>| {
            names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        };
        let mut page = format!(
            "# {}\n\n<!-- Written by `cargo xtask coverage --write`. -->\n\n{} of {} operations are served.\n\n## Served\n\n{}\n",
            self.service,
            self.served.len() + self.alike.len(),
            self.all(),
            list(&self.served)
        );
        if !self.alike.is_empty() {
            page += &format!("\nBy the same requests as these, under older names: {}\n", list(&self.alike));
        }
        if !self.others.is_empty() {
            page += &format!("\n## Known, answered with 501 `NotImplemented`\n\n{}\n", list(&self.others));
        }
        let readme = workspace::root().join("services").join(&self.service).join("README.md");
        if readme.exists() {
            page += &format!(
                "\nHow it works and what differs from AWS: [the room's README](../../services/{}/README.md).\n",
                self.service
            );
        }
        page
    }
}

/// The operations of a generated list that are not served by their names: those whose method and path a served one has,
/// and the rest.
fn unserved_ones(list: &str, bindings: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let lines = list.lines().filter_map(|line| {
        let name = line.split("name: \"").nth(1)?.split('"').next()?;
        let binding = line.find("method: ").zip(line.find(", required"));
        Some((name.to_owned(), binding.and_then(|(start, end)| line.get(start..end))))
    });
    let (alike, unlike): (Vec<_>, Vec<_>) = lines.partition(|(_, binding)| {
        binding
            .is_some_and(|binding| binding.contains('?') && bindings.contains(&format!("{binding}, status")))
    });
    let names = |found: Vec<(String, Option<&str>)>| found.into_iter().map(|(name, _)| name).collect();
    (names(alike), names(unlike))
}

/// Every operation that some room registers, as `MODEL:Operation`.
fn registered() -> Result<BTreeSet<String>, Failure> {
    let mut found = BTreeSet::new();
    for path in workspace::files()? {
        if path.starts_with("services/") && path.contains("/src/") && path.ends_with(".rs") {
            let text = std::fs::read_to_string(workspace::root().join(Path::new(&path)))?;
            found.extend(registrations(&text));
        }
    }
    Ok(found)
}

/// `Operation::new::<SendMessage, …>`, or another function of the file that makes an operation, under `use model_sqs::…`, or with the model named in place. A file
/// that imports several models registers its bare names with each: a model knows its own.
fn registrations(text: &str) -> Vec<String> {
    let models: BTreeSet<&str> = text.split("model_").skip(1).map(identifier).collect();
    let mut found = Vec::new();
    let named = |made: &str| made.rsplit("fn ").next()?.split('<').next().map(|name| format!(" {name}::<"));
    let makers = text.split("-> Ungated<").collect::<Vec<_>>();
    let makers: Vec<String> = makers.iter().rev().skip(1).filter_map(|made| named(made)).collect();
    let makers = makers.iter().map(String::as_str).chain(["Operation::new::<"]);
    for rest in makers.flat_map(|maker| text.split(maker).skip(1)) {
        // An operation may stand in another type that answers it: `Paged<ListObjects>`.
        let path = rest.split([',', '>']).next().unwrap_or("").rsplit('<').next().unwrap_or("").trim();
        let name = path.rsplit("::").next().unwrap_or(path);
        match path.strip_prefix("model_") {
            Some(qualified) => found.push(format!("{}:{name}", identifier(qualified))),
            None => found.extend(models.iter().map(|model| format!("{model}:{name}"))),
        }
    }
    found
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// The texts between quotation marks.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split(']').next().unwrap_or("").split('"').skip(1).step_by(2).map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registrations_are_found() {
        let text = "use model_sqs::operations::*;\nvec![\n Operation::new::<SendMessage, _, _, _>(x).anyone(),\n Operation::new::<\n  TagQueue,\n  _>(y)]";
        assert_eq!(registrations(text), ["sqs:SendMessage", "sqs:TagQueue"]);
        let within = "use model_s3::operations::*; Operation::new::<Paged<ListObjects>, _, _, _>(x)";
        assert_eq!(registrations(within), ["s3:ListObjects"]);
        let own = "use model_s3::operations::*; fn of_bucket<M, F>(handler: F) -> Ungated<M> { Operation::new::<M, _>(x) }
            vec![ of_bucket::<Paged<ListObjects>, _>(x)]";
        assert_eq!(registrations(own), ["s3:ListObjects", "s3:M"]);
        let two = "Operation::new::<model_sts::operations::AssumeRole, _, _, _>(x)";
        assert_eq!(registrations(two), ["sts:AssumeRole"]);
    }

    #[test]
    fn older_names_are_told_from_what_is_absent() {
        let list = r#"O { name: "Old", method: "GET", path: "/{Bucket}?a", required: &[] },
            O { name: "Gone", method: "GET", path: "/{Bucket}?b", required: &[] },
            O { name: "Target", method: "POST", path: "/", required: &[] },"#;
        let bindings = r#"HttpBinding { method: "GET", path: "/{Bucket}?a", status: 200 }, method: "POST", path: "/", status"#;
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(unserved_ones(list, bindings), (names(&["Old"]), names(&["Gone", "Target"])));
    }

    #[test]
    fn lists_are_read() {
        assert_eq!(quoted("\n \"A\",\n \"B\",\n]\nx = \"C\""), BTreeSet::from(["A".into(), "B".into()]));
    }
}
