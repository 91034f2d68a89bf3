//! Writes the static tables of shapes: members, types, constraints, where each member travels.

use super::names;
use super::node::Node;
use super::plan::Plan;
use super::types::is_union;
use std::fmt::Write;

/// The tables of all structures and unions.
pub fn shapes(plan: &Plan) -> String {
    let mut out = "use crate::types as ty;\nuse schema::*;\n".to_owned();
    for (name, structure) in &plan.structures {
        let shape = plan.shape(name);
        let mut traits = String::new();
        if is_union(shape) {
            traits += "union: true, ";
        }
        if shape.flag("lenient") {
            traits += "lenient: true, ";
        }
        if let Some(root) = shape.text("xmlRoot") {
            let _ = write!(traits, "xml_root: Some({root:?}), ");
        }
        if let Some(namespace) = namespace(shape.at("xmlNamespace")) {
            let _ = write!(traits, "xml_namespace: Some({namespace}), ");
        }
        for (word, field) in [("exception", "error"), ("sensitive", "sensitive")] {
            if shape.flag(word) {
                let _ = write!(traits, "{field}: true, ");
            }
        }
        let constant = names::constant(name);
        let make = format!("|| Box::new(crate::{}::default())", structure.rust);
        let open = if traits.is_empty() { "" } else { "Shape { " };
        let _ = write!(out, "\npub static {constant}: Shape = {open}{traits}");
        let _ = write!(out, "{}Shape::new({name:?}, &[", if traits.is_empty() { "" } else { ".." });
        for (member, reference) in shape.at("members").entries() {
            let _ = write!(out, "\n    {},", self::member(plan, shape, member, reference));
        }
        let gap = if shape.at("members").entries().is_empty() { "" } else { "\n" };
        let _ = writeln!(out, "{gap}], {make}){};", if traits.is_empty() { "" } else { " }" });
    }
    out
}

fn member(plan: &Plan, owner: &Node, name: &str, reference: &Node) -> String {
    let target = reference.text("shape").unwrap_or_default();
    let shape = plan.shape(target);
    let either = |word: &str| reference.flag(word) || shape.flag(word);
    let location = location(owner, name, reference, shape);
    let mut traits: Vec<String> = Vec::new();
    if owner.texts("required").contains(&name) {
        traits.push("required: true".to_owned());
    }
    if matches!(location.as_str(), "Body" | "Payload")
        && let Some(wire) = reference.text("locationName").or(shape.text("locationName"))
        && wire != name
    {
        traits.push(format!("wire_name: Some({wire:?})"));
    }
    if let Some(query) = query_name(plan, name, reference, shape) {
        traits.push(format!("query_name: Some({query:?})"));
    }
    if location != "Body" {
        traits.push(format!("location: Location::{location}"));
    }
    if let Some(namespace) = namespace(reference.at("xmlNamespace")).or(namespace(shape.at("xmlNamespace"))) {
        traits.push(format!("xml_namespace: Some({namespace})"));
    }
    if let Some(format) = reference.text("timestampFormat") {
        traits.push(format!("time_format: TimeFormat::{}", time_format(format)));
    }
    for (word, field) in [
        ("xmlAttribute", "xml_attribute"),
        ("flattened", "flattened"),
        ("idempotencyToken", "idempotency_token"),
        ("hostLabel", "host_label"),
        ("sensitive", "sensitive"),
    ] {
        if either(word) {
            traits.push(format!("{field}: true"));
        }
    }
    let plain = format!("Member::new({name:?}, {})", member_type(plan, reference, target));
    match traits.is_empty() {
        true => plain,
        false => format!("Member {{ {}, ..{plain} }}", traits.join(", ")),
    }
}

/// In query, the element's name of a flattened list stands in place of the member's.
fn query_name<'a>(plan: &Plan, name: &str, reference: &'a Node, shape: &'a Node) -> Option<&'a str> {
    let flattened = shape.flag("flattened") || reference.flag("flattened");
    let element = if flattened { shape.at("member").text("locationName") } else { None };
    let element = element.filter(|_| plan.speaks("query"));
    let wire = reference.text("locationName").unwrap_or(name);
    reference.text("queryName").or(element).filter(|query| *query != wire)
}

/// The variant of `Location` where a member travels.
pub fn location(owner: &Node, name: &str, reference: &Node, shape: &Node) -> String {
    let wire = reference.text("locationName").unwrap_or(name);
    match reference.text("location") {
        Some("header") => return format!("Header({:?})", wire.to_ascii_lowercase()),
        Some("headers") => return format!("Headers({:?})", wire.to_ascii_lowercase()),
        Some("querystring") if shape.text("type") == Some("map") => return "QueryMap".to_owned(),
        Some("querystring") => return format!("Query({wire:?})"),
        Some("uri") => return format!("Path({wire:?})"),
        Some("statusCode") => return "StatusCode".to_owned(),
        _ => {}
    }
    let location = match () {
        () if reference.flag("eventheader") => "EventHeader",
        () if reference.flag("eventpayload") => "EventPayload",
        () if owner.text("payload") == Some(name) || shape.flag("eventstream") => "Payload",
        () => "Body",
    };
    location.to_owned()
}

fn namespace(node: &Node) -> Option<String> {
    let uri = node.as_text().or(node.text("uri"))?;
    let prefix = node.text("prefix");
    Some(format!("XmlNamespace {{ uri: {uri:?}, prefix: {prefix:?} }}"))
}

/// An XML namespace as an expression, for the tables of operations and services.
pub fn namespace_option(node: &Node) -> String {
    namespace(node).map_or_else(|| "None".to_owned(), |namespace| format!("Some({namespace})"))
}

fn member_type(plan: &Plan, reference: &Node, target: &str) -> String {
    let shape = plan.shape(target);
    if shape.flag("eventstream") {
        return format!("&Ty::Events(&{})", names::constant(target));
    }
    if reference.flag("streaming") || shape.flag("streaming") {
        return format!("&Ty::Stream {{ requires_length: {} }}", shape.flag("requiresLength"));
    }
    if reference.flag("jsonvalue") {
        return "&Ty::Text(TextTy { json_value: true, ..TextTy::ANY })".to_owned();
    }
    type_reference(plan, target, "ty::")
}

/// How a table refers to the type of a shape: a constant where nothing constrains it.
fn type_reference(plan: &Plan, name: &str, module: &str) -> String {
    match type_table(plan, name).as_str() {
        plain if plain.starts_with("Ty::") && !plain.contains(['(', '{']) => format!("&{plain}"),
        _ => format!("&{module}{}", names::constant(name)),
    }
}

/// The types that have something to say beyond their kind.
pub fn types(plan: &Plan) -> String {
    let mut out = "use crate::tables as t;\nuse schema::*;\n\n".to_owned();
    let named = plan.structures.keys().chain(plan.enums.keys()).chain(&plan.others);
    let mut lines: Vec<String> = named
        .filter(|name| !plan.shape(name).flag("eventstream") && !plan.shape(name).flag("streaming"))
        .filter(|name| type_reference(plan, name, "").starts_with(&format!("&{}", names::constant(name))))
        .filter(|name| is_referred(plan, name))
        .map(|name| format!("pub static {}: Ty = {};\n", names::constant(name), type_table(plan, name)))
        .collect();
    lines.sort();
    out.extend(lines);
    out
}

/// Whether any generated table refers to the type of a shape; inputs and outputs mostly are not.
fn is_referred(plan: &Plan, name: &str) -> bool {
    let refers = |node: &Node| node.text("shape") == Some(name);
    let in_members =
        |owner: &String| plan.shape(owner).at("members").entries().iter().any(|(_, m)| refers(m));
    let in_parts =
        |owner: &String| ["member", "key", "value"].iter().any(|part| refers(plan.shape(owner).at(part)));
    plan.structures.keys().any(in_members) || plan.others.iter().any(in_parts)
}

fn type_table(plan: &Plan, name: &str) -> String {
    let shape = plan.shape(name);
    let plain = |ty: &str, range: Option<String>| match range {
        Some(range) => format!("Ty::{ty}({range})"),
        None => format!("Ty::{}", ty.to_ascii_uppercase()),
    };
    match shape.text("type").unwrap_or_default() {
        "boolean" => "Ty::Bool".to_owned(),
        "byte" | "short" | "integer" => plain("Int", number_range(shape)),
        "long" => plain("Long", number_range(shape)),
        "float" => plain("Float", number_range(shape)),
        "double" => plain("Double", number_range(shape)),
        "blob" => plain("Blob", size_range(shape)),
        "timestamp" => match shape.text("timestampFormat") {
            Some(format) => format!("Ty::Time(TimeFormat::{})", time_format(format)),
            None => "Ty::TIME".to_owned(),
        },
        "list" => list_table(plan, shape),
        "map" => map_table(plan, shape),
        "structure" if shape.flag("document") => "Ty::Document".to_owned(),
        "structure" => format!("Ty::Struct(&t::{})", names::constant(name)),
        _ if plan.enums.contains_key(name) => {
            format!("Ty::Enum(EnumTy {{ values: crate::{}::VALUES }})", plan.enums[name])
        }
        _ => text_table(shape),
    }
}

fn text_table(shape: &Node) -> String {
    let size = size_range(shape).map(|size| format!("size: {size}, "));
    let pattern = shape.text("pattern").map(|pattern| format!("pattern: Some({pattern:?}), "));
    let json = shape.flag("jsonvalue").then(|| "json_value: true, ".to_owned());
    let or_arn = shape.flag("orArn").then(|| "or_arn: true, ".to_owned());
    let told_alone = shape.flag("toldAlone").then(|| "told_alone: true, ".to_owned());
    let traits: String = [size, pattern, json, or_arn, told_alone].into_iter().flatten().collect();
    if traits.is_empty() {
        "Ty::TEXT".to_owned()
    } else {
        format!("Ty::Text(TextTy {{ {traits}..TextTy::ANY }})")
    }
}

fn list_table(plan: &Plan, shape: &Node) -> String {
    let element = shape.at("member").text("shape").unwrap_or_default();
    let name = shape.at("member").text("locationName").or(plan.shape(element).text("locationName"));
    let name = name.filter(|name| *name != "member").map(|name| format!("element_name: {name:?}, "));
    let told_not_null = shape.flag("toldNotNull").then(|| "told_not_null: true, ".to_owned());
    let traits: String = name.into_iter().chain(told_not_null).chain(collection_traits(shape)).collect();
    let plain = format!("ListTy::of({})", type_reference(plan, element, ""));
    format!("Ty::List({})", with(&traits, "ListTy", &plain))
}

fn map_table(plan: &Plan, shape: &Node) -> String {
    let of = |part: &str| shape.at(part).text("shape").unwrap_or_default();
    let named = |part: &str| shape.at(part).text("locationName").filter(|name| *name != part);
    let names = [("key", "key_name"), ("value", "value_name")]
        .into_iter()
        .filter_map(|(part, field)| named(part).map(|name| format!("{field}: {name:?}, ")));
    let traits: String = names.chain(collection_traits(shape)).collect();
    let (key, value) = (type_reference(plan, of("key"), ""), type_reference(plan, of("value"), ""));
    format!("Ty::Map({})", with(&traits, "MapTy", &format!("MapTy::of({key}, {value})")))
}

fn collection_traits(shape: &Node) -> impl Iterator<Item = String> {
    let flags = ["flattened", "sparse"].into_iter().filter(|word| shape.flag(word));
    let flags: Vec<String> = flags.map(|word| format!("{word}: true, ")).collect();
    flags.into_iter().chain(size_range(shape).map(|size| format!("size: {size}, ")))
}

fn with(traits: &str, ty: &str, plain: &str) -> String {
    if traits.is_empty() { plain.to_owned() } else { format!("{ty} {{ {traits}..{plain} }}") }
}

fn size_range(shape: &Node) -> Option<String> {
    let (min, max) = (shape.at("min").as_number(), shape.at("max").as_number());
    let bound = |bound: Option<f64>, default: &str| match bound {
        Some(bound) if bound >= 0.0 => format!("{}", bound as u64),
        _ => default.to_owned(),
    };
    if min.is_none_or(|min| min <= 0.0) && max.is_none() {
        return None;
    }
    Some(format!("SizeRange {{ min: {}, max: {} }}", bound(min, "0"), bound(max, "u64::MAX")))
}

fn number_range(shape: &Node) -> Option<String> {
    let (min, max) = (shape.at("min").as_number(), shape.at("max").as_number());
    min.or(max)?;
    let bound = |bound: Option<f64>, default: &str| {
        bound.map_or_else(|| format!("f64::{default}"), |bound| format!("{bound:?}"))
    };
    Some(format!("NumberRange {{ min: {}, max: {} }}", bound(min, "NEG_INFINITY"), bound(max, "INFINITY")))
}

fn time_format(format: &str) -> &'static str {
    match format {
        "iso8601" => "Iso8601",
        "rfc822" => "HttpDate",
        "unixTimestamp" => "EpochSeconds",
        _ => "ProtocolDefault",
    }
}
