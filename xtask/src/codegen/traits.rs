//! The vocabulary of botocore's models. A word that is not listed here stops the generator, since a
//! trait that is silently dropped would be a codec that is silently wrong.

use super::node::Node;
use crate::failure::Failure;

const METADATA: &[&str] = &[
    "apiVersion",
    "auth",
    "awsQueryCompatible",
    "checksumFormat",
    "dialect",
    "endpointPrefix",
    "globalEndpoint",
    "jsonVersion",
    "protocol",
    "protocolSettings",
    "protocols",
    "serviceAbbreviation",
    "serviceFullName",
    "serviceId",
    "signatureVersion",
    "signingName",
    "targetPrefix",
    "uid",
    "xmlNamespace",
];

/// Overlays only: the fields of `schema::Dialect`.
const DIALECT: &[&str] = &[
    "alsoSigned",
    "bareErrors",
    "bodyDemanded",
    "digestDemanded",
    "errorNamespace",
    "exactBodies",
    "formUpload",
    "hostLabel",
    "jsonNames",
    "longestBodies",
    "messageKey",
    "misfits",
    "missingCode",
    "missingMessage",
    "notOfUrl",
    "onlySoSigned",
    "queryWords",
    "queryWordsOf",
    "resourceTypes",
    "sumsBodies",
    "unknownAction",
    "urlMember",
    "validationCode",
];

/// Overlays only: the fields of `schema::Misfit`; keys of the query begin with `?`.
const MISFIT: &[&str] = &[
    "allow", "body", "code", "except", "fields", "labels", "message", "methods", "status", "with", "without",
];

const OPERATION: &[&str] = &[
    "alias",
    "auth",
    "authtype",
    "bareOutput",
    "deprecated",
    "deprecatedMessage",
    "deprecatedSince",
    "documentation",
    "documentationUrl",
    "endpoint",
    "endpointdiscovery",
    "endpointoperation",
    "errors",
    "http",
    "httpChecksum",
    "httpChecksumRequired",
    "idempotent",
    "input",
    "name",
    "operationContextParams",
    "output",
    "readonly",
    "requestcompression",
    "staticContextParams",
    "unsignedPayload",
];

const SHAPE: &[&str] = &[
    "box",
    "deprecated",
    "deprecatedMessage",
    "deprecatedSince",
    "document",
    "documentation",
    "enum",
    "error",
    "event",
    "eventstream",
    "exception",
    "fault",
    "flattened",
    "idempotencyToken",
    "jsonvalue",
    "key",
    "lenient",
    "locationName",
    "max",
    "member",
    "members",
    "min",
    "orArn",
    "pattern",
    "payload",
    "required",
    "requiresLength",
    "retryable",
    "sensitive",
    "sparse",
    "streaming",
    "synthetic",
    "timestampFormat",
    "toldAlone",
    "toldNotNull",
    "type",
    "union",
    "value",
    "xmlNamespace",
    "xmlOrder",
    "xmlRoot",
];

const REFERENCE: &[&str] = &[
    "box",
    "contextParam",
    "deprecated",
    "deprecatedMessage",
    "deprecatedSince",
    "documentation",
    "enum",
    "eventheader",
    "eventpayload",
    "flattened",
    "hostLabel",
    "idempotencyToken",
    "jsonvalue",
    "location",
    "locationName",
    "queryName",
    "resultWrapper",
    "sensitive",
    "shape",
    "streaming",
    "timestampFormat",
    "xmlAttribute",
    "xmlNamespace",
];

/// Refuses a model with words that the generator does not know.
pub fn check(model: &Node) -> Result<(), Failure> {
    known("metadata", model.at("metadata"), METADATA)?;
    let dialect = model.at("metadata").at("dialect");
    known("metadata.dialect", dialect, DIALECT)?;
    for misfit in dialect.at("misfits").items() {
        known("metadata.dialect.misfits", misfit, MISFIT)?;
    }
    for (name, operation) in model.at("operations").entries() {
        known(name, operation, OPERATION)?;
        known(name, operation.at("input"), REFERENCE)?;
        known(name, operation.at("output"), REFERENCE)?;
    }
    for (name, shape) in model.at("shapes").entries() {
        known(name, shape, SHAPE)?;
        for part in ["member", "key", "value"] {
            known(name, shape.at(part), REFERENCE)?;
        }
        for (member, reference) in shape.at("members").entries() {
            known(&format!("{name}.{member}"), reference, REFERENCE)?;
        }
    }
    Ok(())
}

fn known(place: &str, node: &Node, words: &[&str]) -> Result<(), Failure> {
    match node.entries().iter().find(|(word, _)| !words.contains(&word.as_str())) {
        Some((word, _)) => Err(Failure::new(format!("{place}: the trait {word} is not known"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_traits_are_refused() {
        let fine: Node = serde_json::from_str(r#"{"shapes": {"A": {"type": "string", "min": 1}}}"#).unwrap();
        assert!(check(&fine).is_ok());
        let odd: Node = serde_json::from_str(r#"{"shapes": {"A": {"type": "string", "moon": 1}}}"#).unwrap();
        assert_eq!(check(&odd).unwrap_err().to_string(), "A: the trait moon is not known");
    }
}
