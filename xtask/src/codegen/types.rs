//! Writes the Rust types: plain structs, unions, enums.

use super::names;
use super::node::Node;
use super::plan::{Plan, Role, Structure};
use std::fmt::Write;

const STRUCT_USES: &str = "use crate::*;\nuse schema as s;\n";
const MAP_USE: &str = "use std::collections::BTreeMap;\n";

/// The structs, unions and aliases of one role; empty where there are none.
pub fn structures(plan: &Plan, role: Role) -> String {
    let mut out = String::new();
    for (name, structure) in &plan.structures {
        if structure.role == role {
            match is_union(plan.shape(name)) {
                true => union(plan, name, structure, &mut out),
                false => object(plan, name, structure, &mut out),
            }
        }
        for (alias, _) in structure.aliases.iter().filter(|(_, of)| *of == role) {
            let _ = writeln!(out, "\npub type {alias} = {};", structure.rust);
        }
    }
    if out.is_empty() {
        return out;
    }
    let maps = if out.contains("BTreeMap<") { MAP_USE } else { "" };
    format!("{STRUCT_USES}{maps}{out}")
}

/// Whether a structure holds exactly one of its members.
pub fn is_union(shape: &Node) -> bool {
    shape.flag("union") || shape.flag("eventstream")
}

fn derives(structure: &Structure) -> &'static str {
    if structure.streams { "Clone, Default" } else { "Clone, Default, PartialEq" }
}

fn object(plan: &Plan, name: &str, structure: &Structure, out: &mut String) {
    let shape = plan.shape(name);
    let required = shape.texts("required");
    let rust = &structure.rust;
    let _ = writeln!(out, "\n#[derive({})]\npub struct {rust} {{", derives(structure));
    let mut fields = String::new();
    for (index, (member, reference)) in shape.at("members").entries().iter().enumerate() {
        let field = names::field(member);
        let ty = member_type(plan, name, reference);
        let ty = if required.contains(&member.as_str()) { ty } else { format!("Option<{ty}>") };
        let _ = writeln!(out, "    pub {field}: {ty},");
        let _ = write!(fields, "{}{index} {field}", if index == 0 { " " } else { ", " });
    }
    let table = names::constant(name);
    let _ = writeln!(out, "}}\ns::object!({rust}, tables::{table}, {{{fields} }});");
}

fn union(plan: &Plan, name: &str, structure: &Structure, out: &mut String) {
    let rust = &structure.rust;
    let _ =
        writeln!(out, "\n#[derive({})]\npub enum {rust} {{\n    #[default]\n    Unset,", derives(structure));
    let mut variants = String::new();
    for (index, (member, reference)) in plan.shape(name).at("members").entries().iter().enumerate() {
        let variant = union_variant(member);
        let _ = writeln!(out, "    {variant}({}),", member_type(plan, name, reference));
        let _ = write!(variants, "{}{index} {variant}", if index == 0 { " " } else { ", " });
    }
    let lenient = plan.shape(name).flag("lenient");
    if lenient {
        let _ = writeln!(out, "    Many(Vec<{rust}>),");
    }
    let (table, kind) = (names::constant(name), if lenient { "lenient_union" } else { "union" });
    let _ = writeln!(out, "}}\ns::{kind}!({rust}, tables::{table}, {{{variants} }});");
}

/// Members of unions keep their letters: `NS` and `Ns` are different names, and DynamoDB's are capitals.
fn union_variant(member: &str) -> String {
    let name = names::ty(member);
    if matches!(name.as_str(), "Unset" | "Many" | "Self") { name + "Value" } else { name }
}

/// The Rust type of a member, without the `Option` of members that may be absent.
fn member_type(plan: &Plan, owner: &str, reference: &Node) -> String {
    let target = reference.text("shape").unwrap_or_default();
    let shape = plan.shape(target);
    if shape.flag("eventstream") {
        return "s::EventStream".to_owned();
    }
    if reference.flag("streaming") || shape.flag("streaming") {
        return "s::Body".to_owned();
    }
    let ty = shape_type(plan, target);
    // Only structure members make a type of infinite size; lists and maps are behind a pointer.
    let direct = shape.text("type") == Some("structure") && plan.structures.contains_key(target);
    if direct && plan.needs_box(owner, target) { format!("Box<{ty}>") } else { ty }
}

fn shape_type(plan: &Plan, name: &str) -> String {
    let shape = plan.shape(name);
    let part = |part: &str| {
        let ty = shape_type(plan, shape.at(part).text("shape").unwrap_or_default());
        if shape.flag("sparse") { format!("Option<{ty}>") } else { ty }
    };
    match shape.text("type").unwrap_or_default() {
        "boolean" => "bool".to_owned(),
        "byte" | "short" | "integer" => "i32".to_owned(),
        "long" => "i64".to_owned(),
        "float" => "f32".to_owned(),
        "double" => "f64".to_owned(),
        "blob" => "s::Bytes".to_owned(),
        "timestamp" => "s::Timestamp".to_owned(),
        "list" => format!("Vec<{}>", part("member")),
        "map" => format!("BTreeMap<String, {}>", part("value")),
        "structure" if shape.flag("document") => "s::Document".to_owned(),
        "structure" => plan.structures[name].rust.clone(),
        _ => plan.enums.get(name).cloned().unwrap_or_else(|| "String".to_owned()),
    }
}

/// The enums; empty where there are none.
pub fn enums(plan: &Plan) -> String {
    let mut out = String::new();
    for (name, rust) in &plan.enums {
        let mut values = plan.shape(name).texts("enum");
        let mut seen = std::collections::BTreeSet::new();
        values.retain(|value| seen.insert(*value));
        let _ = writeln!(out, "\nschema::text_enum!({rust} {{");
        for (variant, value) in names::variants(&values).iter().zip(&values) {
            let _ = writeln!(out, "    {variant} = {value:?},");
        }
        out.push_str("});\n");
    }
    out
}
