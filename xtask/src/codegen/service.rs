//! Writes what binds the shapes together: errors, operations, the service's table, the crate's root.

use super::names;
use super::node::Node;
use super::plan::{Plan, Role};
use super::tables::{location, namespace_option};
use crate::failure::Failure;
use std::fmt::Write;

/// Operations that change nothing are named so; botocore's `readonly` and overlays decide otherwise.
const READERS: &[&str] = &[
    "Get",
    "List",
    "Describe",
    "Head",
    "BatchGet",
    "Query",
    "Scan",
    "Filter",
    "Simulate",
    "Lookup",
    "Search",
    "TransactGet",
    "Select",
    "Test",
];

/// The tables of the modelled errors; empty where there are none.
pub fn errors(plan: &Plan) -> String {
    if plan.errors.is_empty() {
        return String::new();
    }
    let mut out = "use crate::tables as t;\nuse schema::ErrorShape;\n\n".to_owned();
    let compatible = plan.model.at("metadata").get("awsQueryCompatible").is_some();
    for name in &plan.errors {
        let shape = plan.shape(name);
        let error = shape.at("error");
        let code = error.text("code").filter(|code| code != name);
        let default = if shape.flag("fault") { 500.0 } else { 400.0 };
        let status = error.at("httpStatusCode").as_number().unwrap_or(default) as u16;
        let sender = error.flag("senderFault") || status < 500;
        let constant = names::constant(name);
        let (code, query) = if compatible { (None, code) } else { (code, None) };
        let _ = writeln!(
            out,
            "pub static {constant}: ErrorShape = ErrorShape {{ shape: &t::{constant}, code: {code:?}, \
             query_code: {query:?}, status: {status}, sender: {sender} }};"
        );
    }
    out
}

/// The operations: a marker type and a table each.
pub fn operations(plan: &Plan) -> String {
    let errors = if plan.errors.is_empty() { "" } else { ", errors as e" };
    let mut out = format!("use crate::{{SERVICE, tables as t{errors}}};\nuse schema::*;\n");
    for name in &plan.operations {
        operation(plan, name, &mut out);
    }
    out
}

fn operation(plan: &Plan, name: &str, out: &mut String) {
    let operation = plan.operation(name);
    let constant = names::constant(name);
    let types = [Role::Input, Role::Output].map(|role| rust_of(plan, name, role));
    let tables = ["input", "output"].map(|part| match operation.at(part).text("shape") {
        Some(shape) => format!("t::{}", names::constant(shape)),
        None => "Shape::EMPTY".to_owned(),
    });
    let errors = operation.at("errors").items().iter().filter_map(|error| error.text("shape"));
    let errors: Vec<String> = errors.map(|shape| format!("&e::{}", names::constant(shape))).collect();
    let http = operation.at("http");
    let _ = write!(
        out,
        "\noperation!({rust}, {constant}, {} => {}, SERVICE);\n\
         pub static {constant}: OperationShape = OperationShape {{\n    name: {name:?},\n    \
         input: &{},\n    output: &{},\n    result_wrapper: {:?},\n    input_root: {:?},\n    \
         input_namespace: {},\n    errors: &[{}],\n    \
         http: HttpBinding {{ method: {:?}, path: {:?}, status: {} }},\n    host_prefix: {:?},\n    \
         auth: AuthType::{},\n    checksum: {},\n    bare_output: {},\n    read_only: {},\n}};\n",
        types[0],
        types[1],
        tables[0],
        tables[1],
        result_wrapper(plan, name),
        operation.at("input").text("locationName"),
        namespace_option(operation.at("input").at("xmlNamespace")),
        errors.join(", "),
        http.text("method").unwrap_or("POST"),
        http.text("requestUri").unwrap_or("/"),
        http.at("responseCode").as_number().unwrap_or(200.0),
        operation.at("endpoint").text("hostPrefix"),
        auth(operation),
        checksum(operation),
        operation.flag("bareOutput"),
        is_read_only(name, operation),
        rust = names::ty(name),
    );
}

fn rust_of(plan: &Plan, operation: &str, role: Role) -> String {
    let (part, suffix) = if role == Role::Input { ("input", "Input") } else { ("output", "Output") };
    match plan.operation(operation).at(part).text("shape") {
        Some(_) => format!("crate::{}{suffix}", names::ty(operation)),
        None => "Unit".to_owned(),
    }
}

/// Query services wrap an answer's members in `<Op>Result`. A model that was rewritten in JSON terms
/// lost the word, and its query clients still read it.
fn result_wrapper(plan: &Plan, name: &str) -> Option<String> {
    let output = plan.operation(name).at("output");
    let named = output.text("resultWrapper").map(String::from);
    named
        .or_else(|| (plan.speaks("query") && output.text("shape").is_some()).then(|| format!("{name}Result")))
}

fn auth(operation: &Node) -> &'static str {
    let none = operation.texts("auth") == ["smithy.api#noAuth"];
    match operation.text("authtype") {
        Some("none") => "None",
        Some("v4-unsigned-body") => "V4UnsignedBody",
        _ if none => "None",
        _ if operation.flag("unsignedPayload") => "V4UnsignedBody",
        _ => "V4",
    }
}

fn checksum(operation: &Node) -> String {
    let checksum = operation.at("httpChecksum");
    let required = checksum.flag("requestChecksumRequired") || operation.flag("httpChecksumRequired");
    if *checksum == Node::Null && !required {
        return "None".to_owned();
    }
    format!(
        "Some(Checksum {{ required: {required}, algorithm_member: {:?}, validation_mode_member: {:?} }})",
        checksum.text("requestAlgorithmMember"),
        checksum.text("requestValidationModeMember")
    )
}

fn is_read_only(name: &str, operation: &Node) -> bool {
    match operation.at("readonly") {
        Node::Bool(said) => *said,
        _ => READERS.iter().any(|verb| name.starts_with(verb)),
    }
}

/// The names of what is known and not served.
pub fn unserved(plan: &Plan) -> String {
    let mut out = String::from("pub static UNSERVED: &[O] = &[\n");
    let mut operations: Vec<&(String, Node)> = plan.model.at("operations").entries().iter().collect();
    operations.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (name, operation) in operations {
        if !plan.operations.contains(name) {
            let (method, path) =
                (operation.at("http").text("method"), operation.at("http").text("requestUri"));
            let (method, path) = (method.unwrap_or("POST"), path.unwrap_or("/"));
            let required = required_keys(plan, operation).join(", ");
            let _ = writeln!(
                out,
                "    O {{ name: {name:?}, method: {method:?}, path: {path:?}, required: &[{required}] }},"
            );
        }
    }
    let uses =
        if out.contains("Location::") { "{Location, NamedOperation as O}" } else { "NamedOperation as O" };
    format!("use schema::{uses};\n\n{out}];\n")
}

/// The headers and query keys that an operation's input requires.
fn required_keys(plan: &Plan, operation: &Node) -> Vec<String> {
    let input = plan.shape(operation.at("input").text("shape").unwrap_or_default());
    let required = input.texts("required");
    let members = input.at("members").entries().iter();
    members
        .filter(|(name, _)| required.contains(&name.as_str()))
        .map(|(name, member)| {
            location(input, name, member, plan.shape(member.text("shape").unwrap_or_default()))
        })
        .filter(|location| location.starts_with("Header(") || location.starts_with("Query("))
        .map(|location| format!("Location::{location}"))
        .collect()
}

/// The crate's root: its modules and the service's table.
pub fn root(plan: &Plan, modules: &[&str]) -> Result<String, Failure> {
    let mut out = String::new();
    for module in modules {
        let public = matches!(*module, "errors" | "operations");
        let _ = writeln!(out, "{}mod {module};", if public { "pub " } else { "" });
    }
    out.push('\n');
    for module in ["enums", "inputs", "outputs", "error_shapes", "shapes"] {
        if modules.contains(&module) {
            let _ = writeln!(out, "pub use {module}::*;");
        }
    }
    let metadata = plan.model.at("metadata");
    let text = |key: &str| metadata.text(key).unwrap_or_default().to_owned();
    let protocols: Result<Vec<String>, Failure> =
        plan.protocols().into_iter().map(|protocol| protocol_name(plan, protocol)).collect();
    let operations: Vec<String> = plan
        .operations
        .iter()
        .map(|name| format!("        &operations::{},\n", names::constant(name)))
        .collect();
    let _ = write!(
        out,
        "\n/// The service's API.\npub static SERVICE: schema::ServiceShape = schema::ServiceShape {{\n    \
         name: {:?},\n    service_id: {:?},\n    signing_name: {:?},\n    endpoint_prefix: {:?},\n    \
         api_version: {:?},\n    target_prefix: {:?},\n    rpc_name: {:?},\n    query_compatible: {},\n    \
         protocols: &[{}],\n    xml_namespace: {},\n    dialect: {},\n    operations: &[\n{}    ],\n    \
         unserved: unserved::UNSERVED,\n}};\n",
        plan.service,
        text("serviceId"),
        metadata.text("signingName").unwrap_or(&text("endpointPrefix")),
        text("endpointPrefix"),
        text("apiVersion"),
        metadata.text("targetPrefix"),
        metadata.text("targetPrefix").filter(|_| plan.speaks("smithy-rpc-v2-cbor")),
        metadata.get("awsQueryCompatible").is_some(),
        protocols?.join(", "),
        namespace_option(metadata.at("xmlNamespace")).replace("XmlNamespace", "schema::XmlNamespace"),
        dialect(metadata.at("dialect")),
        operations.concat(),
    );
    Ok(out)
}

/// What the overlay says of the service's own ways.
fn dialect(said: &Node) -> String {
    let mut fields = String::new();
    let texts = [
        ("errorNamespace", "error_namespace"),
        ("validationCode", "validation_code"),
        ("hostLabel", "host_label"),
        ("formUpload", "form_upload"),
        ("urlMember", "url_member"),
        ("notOfUrl", "not_of_url"),
        ("unknownAction", "unknown_action"),
    ];
    for (word, field) in texts {
        if let Some(text) = said.text(word) {
            let _ = write!(fields, "{field}: Some({text:?}), ");
        }
    }
    let lists = [
        ("digestDemanded", "digest_demanded"),
        ("bodyDemanded", "body_demanded"),
        ("exactBodies", "exact_bodies"),
        ("resourceTypes", "resource_types"),
    ];
    for (word, field) in lists {
        let listed = said.texts(word);
        if !listed.is_empty() {
            let _ = write!(fields, "{field}: &{listed:?}, ");
        }
    }
    let bounds = said.at("longestBodies").entries().iter();
    let bounds: Vec<_> =
        bounds.filter_map(|(name, bound)| Some((name, bound.as_number()? as usize))).collect();
    if !bounds.is_empty() {
        let _ = write!(fields, "longest_bodies: &{bounds:?}, ");
    }
    let names = said.at("jsonNames").entries();
    if !names.is_empty() {
        let pairs: Vec<_> = names.iter().filter_map(|(name, other)| Some((name, other.as_text()?))).collect();
        let _ = write!(fields, "json_names: &{pairs:?}, ");
    }
    let misfits: Vec<String> = said.at("misfits").items().iter().map(misfit).collect();
    if !misfits.is_empty() {
        let _ = write!(fields, "misfits: &[{}], ", misfits.join(", "));
    }
    if let (Some(code), Some(message)) = (said.text("missingCode"), said.text("missingMessage")) {
        let _ = write!(fields, "missing_member: Some(({code:?}, {message:?})), ");
    }
    if let (Some(code), Some(words)) = (said.text("queryWordsOf"), said.text("queryWords")) {
        let _ = write!(fields, "query_words: Some(({code:?}, {words:?})), ");
    }
    if let (Some(name), Some(operation)) = (said.text("alsoSigned"), said.text("onlySoSigned")) {
        let _ = write!(fields, "also_signed: Some(({name:?}, {operation:?})), ");
    }
    if let Some(key) = said.text("messageKey") {
        let _ = write!(fields, "message_key: {key:?}, ");
    }
    if said.flag("sumsBodies") {
        fields += "sums_bodies: true, ";
    }
    if said.flag("bareErrors") {
        fields += "bare_errors: true, ";
    }
    match fields.is_empty() {
        true => "schema::Dialect::PLAIN".to_owned(),
        false => format!("schema::Dialect {{ {fields}..schema::Dialect::PLAIN }}"),
    }
}

/// A request that the overlay refuses.
fn misfit(said: &Node) -> String {
    let place = |text: &str| match text.strip_prefix('?') {
        Some(key) => format!("schema::Location::Query({key:?})"),
        None => format!("schema::Location::Header({text:?})"),
    };
    let number = |word| said.at(word).as_number().unwrap_or_default();
    let text = |word| said.text(word).unwrap_or_default();
    let told = said.at("fields").entries().iter();
    let told: Vec<_> = told.filter_map(|(name, value)| Some((name, value.as_text()?))).collect();
    format!(
        "schema::Misfit {{ methods: &{:?}, labels: {}, with: {}, except: &{:?}, without: {}, body: {}, \
         error: ({:?}, {}, {:?}), fields: &{told:?}, allow: {:?} }}",
        said.texts("methods"),
        number("labels"),
        place(text("with")),
        said.texts("except"),
        said.text("without").map_or("None".to_owned(), |text| format!("Some({})", place(text))),
        said.flag("body"),
        text("code"),
        number("status"),
        text("message"),
        said.text("allow"),
    )
}

fn protocol_name(plan: &Plan, protocol: &str) -> Result<String, Failure> {
    let name = match (protocol, plan.model.at("metadata").text("jsonVersion")) {
        ("json", Some("1.0")) => "AwsJson10",
        ("json", _) => "AwsJson11",
        ("query", _) => "AwsQuery",
        ("ec2", _) => "Ec2Query",
        ("rest-json", _) => "RestJson1",
        ("rest-xml", _) => "RestXml",
        ("smithy-rpc-v2-cbor", _) => "RpcV2Cbor",
        _ => return Err(Failure::new(format!("{}: the protocol {protocol} is not known", plan.service))),
    };
    Ok(format!("schema::Protocol::{name}"))
}
