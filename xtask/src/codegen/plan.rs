//! What is generated for a model: the shapes reachable from the listed operations, and their Rust names.

use super::names;
use super::node::Node;
use super::source::Request;
use crate::failure::Failure;
use std::collections::{BTreeMap, BTreeSet};

/// A model with its overlay, and what of it is generated.
pub struct Plan {
    /// The folder under `models/`.
    pub folder: String,
    /// The service in botocore.
    pub service: String,
    /// The merged model.
    pub model: Node,
    /// The operations served, sorted.
    pub operations: Vec<String>,
    /// The structures and unions, by the model's name.
    pub structures: BTreeMap<String, Structure>,
    /// The enums, by the model's name.
    pub enums: BTreeMap<String, String>,
    /// The other shapes that have tables of their own: lists, maps, and whatever is constrained.
    pub others: BTreeSet<String>,
    /// The error structures, by the model's name.
    pub errors: BTreeSet<String>,
}

/// A structure or union that becomes a Rust type.
pub struct Structure {
    /// The Rust type.
    pub rust: String,
    /// Which file it is in.
    pub role: Role,
    /// Other names of the type: `<Op>Output` where the structure is used more than once.
    pub aliases: Vec<(String, Role)>,
    /// Holds a stream somewhere, so that values cannot be compared.
    pub streams: bool,
}

/// The file of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The input of an operation.
    Input,
    /// The output of an operation.
    Output,
    /// The structure of an error.
    Error,
    /// Anything else.
    Part,
}

/// How often a structure is used, and as what.
#[derive(Default)]
struct Uses {
    as_member: bool,
    as_error: bool,
    by_operations: Vec<(String, Role)>,
}

impl Plan {
    /// Plans a model.
    pub fn new(request: Request, mut model: Node) -> Result<Plan, Failure> {
        model.merge(request.overlay);
        super::traits::check(&model)?;
        let mut operations = request.operations;
        operations.sort();
        operations.dedup();
        let mut plan = Plan {
            folder: request.folder,
            service: request.service,
            model,
            operations,
            structures: BTreeMap::new(),
            enums: BTreeMap::new(),
            others: BTreeSet::new(),
            errors: BTreeSet::new(),
        };
        let uses = plan.reach()?;
        plan.name(&uses)?;
        Ok(plan)
    }

    /// A shape of the model.
    pub fn shape(&self, name: &str) -> &Node {
        self.model.at("shapes").at(name)
    }

    /// An operation of the model.
    pub fn operation(&self, name: &str) -> &Node {
        self.model.at("operations").at(name)
    }

    /// Whether the service speaks a protocol, in botocore's words.
    pub fn speaks(&self, protocol: &str) -> bool {
        self.protocols().contains(&protocol)
    }

    /// The protocols in botocore's words, the preferred one first.
    pub fn protocols(&self) -> Vec<&str> {
        let metadata = self.model.at("metadata");
        match metadata.texts("protocols") {
            list if list.is_empty() => metadata.text("protocol").into_iter().collect(),
            list => list,
        }
    }

    fn reach(&mut self) -> Result<BTreeMap<String, Uses>, Failure> {
        let mut uses: BTreeMap<String, Uses> = BTreeMap::new();
        let mut pending: Vec<String> = Vec::new();
        for name in self.operations.clone() {
            let operation = self.operation(&name).clone();
            if operation == Node::Null {
                return Err(Failure::new(format!("{} has no operation {name}", self.service)));
            }
            for (key, role) in [("input", Role::Input), ("output", Role::Output)] {
                if let Some(shape) = operation.at(key).text("shape") {
                    let uses = uses.entry(shape.to_owned()).or_default();
                    uses.by_operations.push((name.clone(), role));
                    pending.push(shape.to_owned());
                }
            }
            for shape in operation.at("errors").items().iter().filter_map(|error| error.text("shape")) {
                uses.entry(shape.to_owned()).or_default().as_error = true;
                self.errors.insert(shape.to_owned());
                pending.push(shape.to_owned());
            }
        }
        let mut seen = BTreeSet::new();
        while let Some(name) = pending.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let shape = self.shape(&name).clone();
            if shape == Node::Null {
                return Err(Failure::new(format!("{} has no shape {name}", self.service)));
            }
            for target in targets(&shape) {
                uses.entry(target.clone()).or_default().as_member = true;
                pending.push(target);
            }
            uses.entry(name).or_default();
        }
        Ok(uses)
    }

    fn name(&mut self, uses: &BTreeMap<String, Uses>) -> Result<(), Failure> {
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        let mut claim = |rust: &str, shape: &str| match taken.insert(rust.to_owned(), shape.to_owned()) {
            Some(other) if other != shape => {
                Err(Failure::new(format!("the shapes {other} and {shape} would both be named {rust}")))
            }
            _ => Ok(()),
        };
        for (name, uses) in uses {
            let shape = self.shape(name);
            match shape.text("type") {
                Some("structure") if !shape.flag("document") => {
                    let structure = self.structure(name, uses);
                    claim(&structure.rust, name)?;
                    for (alias, _) in &structure.aliases {
                        claim(alias, name)?;
                    }
                    self.structures.insert(name.clone(), structure);
                }
                Some("string") if shape.get("enum").is_some() => {
                    let rust = names::ty(name);
                    claim(&rust, name)?;
                    self.enums.insert(name.clone(), rust);
                }
                _ => drop(self.others.insert(name.clone())),
            }
        }
        Ok(())
    }

    fn structure(&self, name: &str, uses: &Uses) -> Structure {
        let named = |(operation, role): &(String, Role)| {
            let suffix = if *role == Role::Input { "Input" } else { "Output" };
            (format!("{}{suffix}", names::ty(operation)), *role)
        };
        let streams = self.streams(name, &mut BTreeSet::new());
        let mut operation_names: Vec<(String, Role)> = uses.by_operations.iter().map(named).collect();
        if uses.as_error {
            return Structure { rust: names::ty(name), role: Role::Error, aliases: operation_names, streams };
        }
        if !uses.as_member && operation_names.len() == 1 {
            let (rust, role) = operation_names.remove(0);
            return Structure { rust, role, aliases: Vec::new(), streams };
        }
        let rust = names::ty(name);
        operation_names.retain(|(alias, _)| *alias != rust);
        Structure { rust, role: Role::Part, aliases: operation_names, streams }
    }

    /// Whether values of a shape hold a body or events that are read once.
    fn streams(&self, name: &str, seen: &mut BTreeSet<String>) -> bool {
        if !seen.insert(name.to_owned()) {
            return false;
        }
        let shape = self.shape(name);
        let read_once = |member: &Node| {
            let target = self.shape(member.text("shape").unwrap_or_default());
            member.flag("streaming") || target.flag("streaming") || target.flag("eventstream")
        };
        shape.at("members").entries().iter().any(|(_, member)| read_once(member))
            || targets(shape).iter().any(|target| self.streams(target, seen))
    }

    /// Whether a structure contains itself by structure members alone, so that this member needs a box.
    pub fn needs_box(&self, owner: &str, target: &str) -> bool {
        let mut pending = vec![target.to_owned()];
        let mut seen = BTreeSet::new();
        while let Some(name) = pending.pop() {
            if name == owner {
                return true;
            }
            if seen.insert(name.clone()) && self.structures.contains_key(&name) {
                pending.extend(targets(self.shape(&name)));
            }
        }
        false
    }
}

/// The shapes that a shape refers to.
fn targets(shape: &Node) -> Vec<String> {
    let members = shape.at("members").entries().iter().map(|(_, member)| member);
    let parts = ["member", "key", "value"].map(|part| shape.at(part));
    members.chain(parts).filter_map(|reference| reference.text("shape")).map(String::from).collect()
}
