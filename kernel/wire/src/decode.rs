//! A request into an operation's input, by the protocol of its route.

use crate::fill::{Fill, Seen};
use crate::json::Members;
use crate::message::Head;
use crate::path::Path;
use crate::query::{Dialect, Pairs};
use crate::{Limits, Malformed, Route, Violations, cbor, json, query, rest};
use bytes::Bytes;
use schema::{Location, Obj, OperationShape, Protocol, Ty};

/// Fills `into`, the input of the route's operation, from a request. What is wrong with the input's
/// content is returned; what cannot be decoded at all ends decoding.
///
/// A payload that streams ([`input_stream`]) is left out: whoever has the body puts it there, and
/// `body` is empty then.
pub fn decode(
    route: &Route,
    head: &Head<'_>,
    body: &Bytes,
    into: &mut dyn Obj,
    limits: Limits,
) -> Result<Violations, Malformed> {
    let mut violations = Violations::new();
    match route.protocol {
        Protocol::AwsJson10 | Protocol::AwsJson11 => {
            let mut seen = Seen::default();
            let words = json::Words::of(route.service.dialect.error_namespace);
            let decoder = json::Decoder::new(body, limits, &mut violations)?.wording(words);
            decoder.top(into, Members::All, &mut seen, &Path::ROOT)?;
            Fill::new(limits, &mut violations).finish(into.shape(), &seen, &Path::ROOT);
        }
        Protocol::RpcV2Cbor => cbor::decode(body, into, limits, &mut violations)?,
        Protocol::AwsQuery | Protocol::Ec2Query => {
            let dialect = match route.protocol {
                Protocol::Ec2Query => Dialect::Ec2,
                _ => Dialect::Query,
            };
            let pairs = Pairs::read(head.query, body)?;
            query::decode(dialect, &pairs, &route.labels, into, limits, &mut violations)?;
        }
        Protocol::RestJson1 | Protocol::RestXml => {
            rest::bind(route, head, body, into, limits, &mut violations)?;
        }
    }
    Ok(violations)
}

/// The member of the input that is a streaming body: its index in the input.
pub fn input_stream(operation: &OperationShape) -> Option<usize> {
    let mut members = operation.input.members.iter();
    members.position(|member| member.location == Location::Payload && matches!(member.ty, Ty::Stream { .. }))
}
