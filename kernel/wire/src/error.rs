//! An error as an answer, by the protocol that the client speaks.

use crate::answer::{content_type, drop_body, host_id, identify};
use crate::json::{self, Members};
use crate::message::Reply;
use crate::xml::{self, Naming};
use crate::{AnswerForm, cbor, query, rest};
use schema::{ApiError, ErrorShape, Location, Member, Protocol, TimeFormat, Val};

/// What a JSON service answers to a request that names no operation and is none of its protocol: XML, whatever the
/// client accepts (LocalStack's test_get_without_query_json_format_returns_returns_xml, recorded on AWS; DynamoDB's
/// front says the same).
const NO_OPERATION: &[u8] = b"<UnknownOperationException/>\n";

/// Writes an error in the protocol's form.
pub fn encode_error(form: &AnswerForm, error: &ApiError, request_id: &str) -> Reply {
    let said = Said { form, error, modelled: modelled(form, error) };
    let mut reply = Reply::new(error.status);
    for (name, value) in &error.headers {
        reply.header(name, value);
    }
    if let Some(detail) = &error.detail {
        rest::write_header_members(&mut reply, detail.as_ref());
    }
    if said.is_of_no_operation() {
        reply.body("text/html", NO_OPERATION.to_vec());
        identify(&mut reply, form, request_id);
        return reply;
    }
    said.query_error(&mut reply);
    if form.protocol == Protocol::RpcV2Cbor {
        reply.header("smithy-protocol", "rpc-v2-cbor");
    }
    if form.protocol == Protocol::RestJson1 {
        reply.header("x-amzn-errortype", said.code());
    }
    if form.head || error.status == 304 {
        drop_body(&mut reply);
    } else {
        let kind = if form.json { "application/json" } else { content_type(form.protocol) };
        reply.body(kind, said.body(request_id));
    }
    identify(&mut reply, form, request_id);
    reply
}

/// The model's entry of an error's code: among the operation's, else among all of the service's.
fn modelled(form: &AnswerForm, error: &ApiError) -> Option<&'static ErrorShape> {
    let named = |shape: &&&'static ErrorShape| {
        let names = [Some(shape.shape.name), shape.code, shape.query_code];
        names.contains(&Some(error.code.as_ref()))
    };
    let own = form.operation.and_then(|operation| operation.errors.iter().find(named));
    let any = || {
        let service = form.service?;
        service.operations.iter().find_map(|operation| operation.errors.iter().find(named))
    };
    own.or_else(any).copied()
}

/// An error with what the tables say of it.
struct Said<'a> {
    form: &'a AnswerForm,
    error: &'a ApiError,
    modelled: Option<&'static ErrorShape>,
}

impl Said<'_> {
    fn body(&self, request_id: &str) -> Vec<u8> {
        match self.form.protocol {
            Protocol::AwsJson10 | Protocol::AwsJson11 => self.json(Some(&self.type_name()), Members::All),
            Protocol::RestJson1 => self.json(None, Members::Body),
            Protocol::RpcV2Cbor => {
                let members = |index: usize, member: &Member| !is_message(member) && self.has(index);
                let leading =
                    [("__type", self.type_name()), (self.message_key(), self.error.message.clone())];
                cbor::encode_error(&leading, self.error.detail.as_deref(), members)
            }
            Protocol::AwsQuery if self.form.json => {
                let words =
                    [("Code", self.query_code()), ("Message", self.query_words()), ("Type", self.fault())];
                query::json::error(words, request_id)
            }
            Protocol::AwsQuery => self.query_xml(request_id),
            Protocol::Ec2Query => self.ec2_xml(request_id),
            Protocol::RestXml if self.form.bare_errors() => self.bare_xml(request_id),
            Protocol::RestXml => self.query_xml(request_id),
        }
    }

    fn is_of_no_operation(&self) -> bool {
        let is_json = matches!(self.form.protocol, Protocol::AwsJson10 | Protocol::AwsJson11);
        is_json
            && !self.form.head
            && self.error.status == 404
            && self.error.code == "UnknownOperationException"
    }

    fn has(&self, index: usize) -> bool {
        self.error.detail.as_ref().is_some_and(|detail| detail.get(index).is_some())
    }

    /// The code on the wire of the protocols that are not query.
    fn code(&self) -> &str {
        match self.modelled {
            // A query-compatible service's errors are known to JSON clients by their shapes' names.
            Some(shape) if shape.query_code.is_some() => shape.shape.name,
            Some(shape) => shape.code.unwrap_or(shape.shape.name),
            None => self.framework_code().unwrap_or(&self.error.code),
        }
    }

    /// What the framework calls an error that is no shape and that a query-compatible service tells by an older code
    /// (SQS's answers that LocalStack's tests recorded: `QueryErrorCode`).
    fn framework_code(&self) -> Option<&'static str> {
        self.form.service.filter(|service| service.query_compatible)?;
        match self.error.code.as_ref() {
            "InvalidParameterValue" => Some("InvalidParameterValueException"),
            "MissingParameter" => Some("MissingRequiredParameterException"),
            _ => None,
        }
    }

    fn query_code(&self) -> &str {
        let stated = self.modelled.and_then(|shape| shape.query_code.or(shape.code));
        stated.unwrap_or(&self.error.code)
    }

    /// `__type`: with the service's namespace where it has one; errors of the framework have the
    /// framework's there (`com.amazon.coral.service#UnknownOperationException` in DynamoDB's answers).
    fn type_name(&self) -> String {
        let own = self.form.service.and_then(|service| service.dialect.error_namespace);
        let namespace = match (own, self.modelled) {
            (Some(own), Some(_)) => own,
            (Some(_), None) if self.error.code == "ValidationException" => "com.amazon.coral.validate",
            (Some(_), None) => "com.amazon.coral.service",
            (None, _) => return self.code().to_owned(),
        };
        format!("{namespace}#{}", self.code())
    }

    fn is_older(&self) -> bool {
        self.form.service.is_some_and(|service| service.dialect.error_namespace.is_some())
    }

    /// The key of the message: the modelled shape's own, else the framework's.
    fn message_key(&self) -> &'static str {
        let members = self.modelled.map_or([].as_slice(), |shape| shape.shape.members);
        // Where the older framework has more to tell than a message, the message has a capital letter
        // (moto, test_dynamodb_exceptions.py, `TestReturnValuesOnConditionCheckFailure`, run on AWS).
        let is_older = self.is_older();
        let tells_more = || (0..members.len()).any(|index| !is_message(&members[index]) && self.has(index));
        if is_older && self.form.protocol != Protocol::RpcV2Cbor && tells_more() {
            return "Message";
        }
        if let Some(member) = members.iter().find(|member| is_message(member)) {
            return member.wire_name.unwrap_or(member.name);
        }
        // The two that the framework itself makes in the JSON protocols have a capital letter.
        let capital = matches!(self.error.code.as_ref(), "SerializationException" | "AccessDeniedException");
        match self.form.service {
            _ if capital && self.form.protocol != Protocol::RpcV2Cbor => "Message",
            Some(service) => service.dialect.message_key,
            None => "message",
        }
    }

    fn json(&self, type_name: Option<&str>, only: Members) -> Vec<u8> {
        let mut encoder = json::Encoder::new();
        encoder.out.push(b'{');
        if let Some(name) = type_name {
            encoder.out.extend_from_slice(b"\"__type\":");
            json::write_string(&mut encoder.out, name);
        }
        // The older framework says nothing where it has nothing to say.
        if !self.error.message.is_empty() || !self.is_older() {
            if type_name.is_some() {
                encoder.out.push(b',');
            }
            json::write_string(&mut encoder.out, self.message_key());
            encoder.out.push(b':');
            json::write_string(&mut encoder.out, &self.error.message);
        }
        self.each_detail(|member, val| {
            if only == Members::Body && member.location != Location::Body {
                return;
            }
            encoder.out.push(b',');
            json::write_string(&mut encoder.out, member.wire_name.unwrap_or(member.name));
            encoder.out.push(b':');
            encoder.member(val, member);
        });
        encoder.out.push(b'}');
        encoder.out
    }

    /// Visits the members of the detail besides the message.
    fn each_detail(&self, mut visit: impl FnMut(&'static Member, &Val<'_>)) {
        let Some(detail) = &self.error.detail else { return };
        for (index, member) in detail.shape().members.iter().enumerate() {
            if let Some(val) = detail.get(index).filter(|_| !is_message(member)) {
                visit(member, &val);
            }
        }
    }

    fn fault(&self) -> &'static str {
        let sender =
            self.modelled.map_or(self.error.is_sender(), |shape| shape.sender || self.error.is_sender());
        if sender { "Sender" } else { "Receiver" }
    }

    fn query_error(&self, reply: &mut Reply) {
        let compatible = self.form.service.is_some_and(|service| service.query_compatible);
        if compatible && !matches!(self.form.protocol, Protocol::AwsQuery | Protocol::Ec2Query) {
            reply.header("x-amzn-query-error", &format!("{};{}", self.query_code(), self.fault()));
        }
    }

    fn query_xml(&self, request_id: &str) -> Vec<u8> {
        let mut writer = match self.form.protocol {
            Protocol::RestXml => xml::Writer::document(),
            _ => xml::Writer::fragment(),
        };
        writer.open("ErrorResponse");
        writer.namespace(self.form.service.and_then(|service| service.xml_namespace));
        writer.inside();
        writer.open("Error");
        writer.inside();
        writer.leaf("Type", self.fault());
        self.coded(&mut writer, self.query_code(), self.query_words());
        writer.close("Error");
        writer.leaf("RequestId", request_id);
        writer.close("ErrorResponse");
        writer.into_bytes()
    }

    fn ec2_xml(&self, request_id: &str) -> Vec<u8> {
        let mut writer = xml::Writer::document();
        for name in ["Response", "Errors", "Error"] {
            writer.open(name);
            writer.inside();
        }
        self.code_and_message(&mut writer, self.query_code());
        writer.close("Error");
        writer.close("Errors");
        writer.leaf("RequestID", request_id);
        writer.close("Response");
        writer.into_bytes()
    }

    fn bare_xml(&self, request_id: &str) -> Vec<u8> {
        let mut writer = xml::Writer::document();
        writer.open("Error");
        writer.inside();
        self.code_and_message(&mut writer, self.code());
        writer.leaf("RequestId", request_id);
        writer.leaf("HostId", &host_id(request_id));
        writer.close("Error");
        writer.into_bytes()
    }

    /// The message, in the words that query has for it.
    fn query_words(&self) -> &str {
        match self.form.service.and_then(|service| service.dialect.query_words) {
            Some((code, words)) if code == self.error.code => words,
            _ => &self.error.message,
        }
    }

    fn code_and_message(&self, writer: &mut xml::Writer, code: &str) {
        self.coded(writer, code, &self.error.message);
    }

    fn coded(&self, writer: &mut xml::Writer, code: &str, message: &str) {
        writer.leaf("Code", code);
        writer.leaf("Message", message);
        for (name, value) in &self.error.fields {
            writer.leaf(name, value);
        }
        self.each_detail(|member, val| {
            if member.location == Location::Body {
                let name = member.wire_name.unwrap_or(member.name);
                let time = TimeFormat::ProtocolDefault;
                xml::element(writer, Naming::Rest, name, None, val, member.ty, time);
            }
        });
    }
}

fn is_message(member: &Member) -> bool {
    member.name.eq_ignore_ascii_case("message")
}
