//! Operations and services as static tables: what routing, codecs, errors and coverage are driven by.

use crate::{Location, Obj, Shape, XmlNamespace};

/// The wire protocols of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// `X-Amz-Target` with `application/x-amz-json-1.0`
    AwsJson10,
    /// `X-Amz-Target` with `application/x-amz-json-1.1`
    AwsJson11,
    /// Form-encoded `Action=…`, answers in XML with a wrapper
    AwsQuery,
    /// EC2's dialect of query
    Ec2Query,
    /// Paths and JSON
    RestJson1,
    /// Paths and XML
    RestXml,
    /// `/service/{Service}/operation/{Operation}` with CBOR
    RpcV2Cbor,
}

/// How a request of an operation is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthType {
    /// SigV4, payload included.
    V4,
    /// SigV4 without the payload.
    V4UnsignedBody,
    /// Not signed.
    None,
}

/// The REST binding of an operation. The other protocols use `POST /`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpBinding {
    /// The method.
    pub method: &'static str,
    /// The path with its labels and fixed query keys: `/{Bucket}/{Key+}?tagging`.
    pub path: &'static str,
    /// The status of a success.
    pub status: u16,
}

/// The flexible checksums of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checksum {
    /// The request must bear one.
    pub required: bool,
    /// The member that names the algorithm of the request's checksum.
    pub algorithm_member: Option<&'static str>,
    /// The member that asks for the checksum of the answer.
    pub validation_mode_member: Option<&'static str>,
}

/// A modelled error of a service.
#[derive(Debug)]
pub struct ErrorShape {
    /// The error structure.
    pub shape: &'static Shape,
    /// The code on the wire, where it differs from the structure's name.
    pub code: Option<&'static str>,
    /// The code in query-compatible services' `x-amzn-query-error` and in the query protocol.
    pub query_code: Option<&'static str>,
    /// The HTTP status.
    pub status: u16,
    /// The sender is at fault.
    pub sender: bool,
}

/// An operation that is served.
#[derive(Debug)]
pub struct OperationShape {
    /// AWS's name: `SendMessage`.
    pub name: &'static str,
    /// The input.
    pub input: &'static Shape,
    /// The output.
    pub output: &'static Shape,
    /// The element around the answer in query, where there is one: `SendMessageResult`.
    pub result_wrapper: Option<&'static str>,
    /// The root element of a REST-XML request body, where the payload names none.
    pub input_root: Option<&'static str>,
    /// The namespace of the input's root element.
    pub input_namespace: Option<XmlNamespace>,
    /// The modelled errors.
    pub errors: &'static [&'static ErrorShape],
    /// The REST binding.
    pub http: HttpBinding,
    /// The prefix of the host name: `{AccountId}.`
    pub host_prefix: Option<&'static str>,
    /// How a request is signed.
    pub auth: AuthType,
    /// The flexible checksums.
    pub checksum: Option<Checksum>,
    /// The root element of the XML answer is the text of the output's only member (`LocationConstraint`).
    pub bare_output: bool,
    /// Changes nothing: its name begins with Get, List, Describe, Head, …, or the overlay says so.
    pub read_only: bool,
}

/// The name and binding of an operation that is known and not served.
#[derive(Debug)]
pub struct NamedOperation {
    /// AWS's name.
    pub name: &'static str,
    /// The REST binding's method.
    pub method: &'static str,
    /// The REST binding's path.
    pub path: &'static str,
    /// The headers and query keys that its input requires: they tell operations of one path apart.
    pub required: &'static [Location],
}

/// What a request bears by which a service refuses it, whichever operation it might mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misfit {
    /// Its method is one of these.
    pub methods: &'static [&'static str],
    /// The number of labels in its path, at least.
    pub labels: usize,
    /// It has this; a key of the query that ends with `*` stands for all that begin so.
    pub with: Location,
    /// The keys of the query that such a key does not stand for.
    pub except: &'static [&'static str],
    /// It does not have this.
    pub without: Option<Location>,
    /// It has a body.
    pub body: bool,
    /// The error's code, status and message.
    pub error: (&'static str, u16, &'static str),
    /// Further members of the error. In them `{}` stands for the value of what the request has, `{name}` for its name, as
    /// in the message, and `{method}` for the request's method.
    pub fields: &'static [(&'static str, &'static str)],
    /// The methods that there are instead, in the header `Allow`.
    pub allow: Option<&'static str>,
}

/// What a service does its own way where its protocols leave a choice: from its overlay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// What stands before `#` in the JSON `__type` of modelled errors: `com.amazonaws.sqs`.
    pub error_namespace: Option<&'static str>,
    /// The code of a broken constraint, where it is not the protocol's.
    pub validation_code: Option<&'static str>,
    /// The error of a required member that is absent, where it is told alone: its code, and its message with
    /// `{}` in the place of the member's name.
    pub missing_member: Option<(&'static str, &'static str)>,
    /// The key of the message of errors that are not modelled: `message`, or `Message`.
    pub message_key: &'static str,
    /// The service stands behind a front of its own, older than the protocols' libraries: answers carry the CRC-32
    /// of their body, which is compressed where the client accepts that; request ids have the front's form; and it
    /// is the front that answers what means no operation, has no body or is nobody's.
    pub sums_bodies: bool,
    /// XML errors are a bare `<Error>` with a `HostId`; answers carry `x-amz-request-id` and `x-amz-id-2`.
    pub bare_errors: bool,
    /// The label that may be given in the host name instead of the path: `Bucket`.
    pub host_label: Option<&'static str>,
    /// The operation that a form becomes which a browser uploads to the place of the host label: `PutObject`.
    pub form_upload: Option<&'static str>,
    /// The operations that are refused without a digest of their body, which is held whole: `DeleteObjects`.
    pub digest_demanded: &'static [&'static str],
    /// The operations that are refused without a body: `PutBucketVersioning`.
    pub body_demanded: &'static [&'static str],
    /// The operations whose bodies have no other elements than those of the model.
    pub exact_bodies: &'static [&'static str],
    /// The longest bodies of operations that are held whole, in bytes, where the service has a bound of its own.
    pub longest_bodies: &'static [(&'static str, usize)],
    /// The member that is the request's own URL, where a query request leaves it out: `QueueUrl`.
    pub url_member: Option<&'static str>,
    /// The operations that are none of such a URL, with blanks between their names.
    pub not_of_url: Option<&'static str>,
    /// An error, by its code, that query is told of in other words.
    pub query_words: Option<(&'static str, &'static str)>,
    /// What query is told of an action that there is not, with `{}` in the place of its name.
    pub unknown_action: Option<&'static str>,
    /// The members that query has under other names where it answers in JSON: `Messages`, `messages`.
    pub json_names: &'static [(&'static str, &'static str)],
    /// The types of what paths stand for, by the number of their labels, that the refusal of a method tells: `SERVICE`,
    /// `BUCKET`, `OBJECT`; the last of them for all longer paths. Such a refusal says, too, which methods there are.
    pub resource_types: &'static [&'static str],
    /// What is refused before an operation is looked for; the first that fits says how.
    pub misfits: &'static [Misfit],
    /// A second name in credential scopes and hosts, and the operation that only requests so named mean:
    /// `s3express`, `ListDirectoryBuckets`. Credentials that a room lends are good for requests so signed.
    pub also_signed: Option<(&'static str, &'static str)>,
}

impl Dialect {
    /// What the protocols say, and nothing else.
    pub const PLAIN: Dialect = Dialect {
        error_namespace: None,
        validation_code: None,
        missing_member: None,
        message_key: "message",
        sums_bodies: false,
        bare_errors: false,
        host_label: None,
        form_upload: None,
        digest_demanded: &[],
        body_demanded: &[],
        exact_bodies: &[],
        longest_bodies: &[],
        url_member: None,
        not_of_url: None,
        query_words: None,
        unknown_action: None,
        json_names: &[],
        resource_types: &[],
        misfits: &[],
        also_signed: None,
    };
}

/// A service's API.
#[derive(Debug)]
pub struct ServiceShape {
    /// The name of the room's model here and of botocore's folder: `sqs`, `dynamodb`, `apigatewayv2`.
    pub name: &'static str,
    /// The service's id in SDKs and metrics: `SQS`, `ApiGatewayV2`.
    pub service_id: &'static str,
    /// The name in credential scopes: `sqs`, `apigateway`.
    pub signing_name: &'static str,
    /// The first label of the service's host names.
    pub endpoint_prefix: &'static str,
    /// The API's version: `2012-11-05`.
    pub api_version: &'static str,
    /// The part of `X-Amz-Target` before the last dot.
    pub target_prefix: Option<&'static str>,
    /// The name in rpc-v2 paths.
    pub rpc_name: Option<&'static str>,
    /// Answers carry `x-amzn-query-error` for clients that came from query.
    pub query_compatible: bool,
    /// The protocols spoken, the preferred one first.
    pub protocols: &'static [Protocol],
    /// The namespace of XML answers.
    pub xml_namespace: Option<XmlNamespace>,
    /// What it does its own way.
    pub dialect: Dialect,
    /// The operations that are served.
    pub operations: &'static [&'static OperationShape],
    /// The operations that are known and not served.
    pub unserved: &'static [NamedOperation],
}

impl ServiceShape {
    /// A served operation by its name.
    pub fn operation(&self, name: &str) -> Option<&'static OperationShape> {
        self.operations.iter().find(|operation| operation.name == name).copied()
    }
}

/// A generated marker type for an operation, binding its name to its Rust types.
pub trait OperationModel: Send + Sync + 'static {
    /// The input.
    type Input: Obj + Default;
    /// The output.
    type Output: Obj + Default;
    /// The operation's table.
    const SHAPE: &'static OperationShape;
    /// The service's table.
    const SERVICE: &'static ServiceShape;
}
