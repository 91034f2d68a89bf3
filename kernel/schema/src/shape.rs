//! The static tables: what members a shape has, of what type, where they travel, what constrains them.

use crate::{Obj, Unit};

/// Inclusive bounds of a length, in characters (text), bytes (blobs) or elements (lists, maps).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeRange {
    /// Least length; 0 where the model gives none.
    pub min: u64,
    /// Greatest length; `u64::MAX` where the model gives none.
    pub max: u64,
}

impl SizeRange {
    /// No constraint.
    pub const ANY: SizeRange = SizeRange { min: 0, max: u64::MAX };
}

/// Inclusive bounds of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberRange {
    /// Least value; negative infinity where the model gives none.
    pub min: f64,
    /// Greatest value; infinity where the model gives none.
    pub max: f64,
}

impl NumberRange {
    /// No constraint.
    pub const ANY: NumberRange = NumberRange { min: f64::NEG_INFINITY, max: f64::INFINITY };
}

/// The text of a timestamp where a shape or member states it; otherwise the protocol's default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeFormat {
    /// What the protocol and location use: epoch seconds in JSON, ISO 8601 in XML and query, HTTP date in headers.
    ProtocolDefault,
    /// `2026-01-31T12:00:00Z`
    Iso8601,
    /// `Sat, 31 Jan 2026 12:00:00 GMT`
    HttpDate,
    /// Seconds since the epoch, with a fraction.
    EpochSeconds,
}

/// A text shape.
#[derive(Debug)]
pub struct TextTy {
    /// Bounds of the length in characters.
    pub size: SizeRange,
    /// The pattern that the whole text must match, as the model writes it.
    pub pattern: Option<&'static str>,
    /// The text is JSON inside a header, base64-encoded there.
    pub json_value: bool,
    /// An ARN may stand in its place, which the constraints do not hold for.
    pub or_arn: bool,
    /// As a member of an input: its absence and a length out of bounds are told alone, before all else.
    pub told_alone: bool,
}

/// A text shape with a list of values.
#[derive(Debug)]
pub struct EnumTy {
    /// The values, in the model's order: AWS's messages print them so.
    pub values: &'static [&'static str],
}

/// A list shape.
#[derive(Debug)]
pub struct ListTy {
    /// The type of an element.
    pub element: &'static Ty,
    /// The name of an element in XML and query: `member` unless the model says otherwise.
    pub element_name: &'static str,
    /// No wrapper element in XML; no `.member` in query.
    pub flattened: bool,
    /// Elements may be null: the Rust type is `Vec<Option<T>>`.
    pub sparse: bool,
    /// Among the rules of an element that are told, the last is that it is not null.
    pub told_not_null: bool,
    /// Bounds of the number of elements.
    pub size: SizeRange,
}

/// A map shape. Keys are texts.
#[derive(Debug)]
pub struct MapTy {
    /// The type of a key: its constraints are checked.
    pub key: &'static Ty,
    /// The type of a value.
    pub value: &'static Ty,
    /// The name of a key in XML and query: `key` unless the model says otherwise.
    pub key_name: &'static str,
    /// The name of a value in XML and query: `value` unless the model says otherwise.
    pub value_name: &'static str,
    /// No `entry` wrapper in XML and query.
    pub flattened: bool,
    /// Values may be null: the Rust type is `BTreeMap<String, Option<T>>`.
    pub sparse: bool,
    /// Bounds of the number of entries.
    pub size: SizeRange,
}

/// The type of a value, with the constraints that validation checks.
#[derive(Debug)]
pub enum Ty {
    /// `bool`
    Bool,
    /// `i32`: the model's byte, short and integer.
    Int(NumberRange),
    /// `i64`
    Long(NumberRange),
    /// `f32`
    Float(NumberRange),
    /// `f64`
    Double(NumberRange),
    /// `String`
    Text(TextTy),
    /// A generated enum; it keeps values it does not know.
    Enum(EnumTy),
    /// `Bytes`
    Blob(SizeRange),
    /// [`crate::Body`]: a blob that is not held in memory. Only as a payload member.
    Stream {
        /// The length must be known before the body is sent.
        requires_length: bool,
    },
    /// `Timestamp`
    Time(TimeFormat),
    /// `Vec<T>`
    List(ListTy),
    /// `BTreeMap<String, T>`
    Map(MapTy),
    /// A generated struct, or an enum where the shape is a union.
    Struct(&'static Shape),
    /// [`crate::Document`]: any JSON value.
    Document,
    /// [`crate::EventStream`] of the events of a union shape. Only as a payload member.
    Events(&'static Shape),
}

/// Where a member travels in the REST protocols. The others ignore it, but for `Host`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// A field of the body's structure.
    Body,
    /// The whole body is this member.
    Payload,
    /// A header, by name.
    Header(&'static str),
    /// All headers with a prefix, as a map.
    Headers(&'static str),
    /// A query parameter, by name.
    Query(&'static str),
    /// All query parameters that no other member names, as a map.
    QueryMap,
    /// A label of the path, by name.
    Path(&'static str),
    /// The status code of the answer.
    StatusCode,
    /// In an event: a header of the event's message.
    EventHeader,
    /// In an event: the whole payload of the event's message.
    EventPayload,
}

/// An XML namespace that an element declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XmlNamespace {
    /// The URI.
    pub uri: &'static str,
    /// The prefix, where the model gives one.
    pub prefix: Option<&'static str>,
}

/// One member of a structure or union.
#[derive(Debug)]
pub struct Member {
    /// The model's name, as messages and JSON without a location name print it.
    pub name: &'static str,
    /// The type.
    pub ty: &'static Ty,
    /// Must be present in a request. The Rust field is then `T`, otherwise `Option<T>`.
    pub required: bool,
    /// The name on the wire in bodies (the model's `locationName`), where it differs from `name`.
    pub wire_name: Option<&'static str>,
    /// The name in requests of query and ec2, and in XML answers of query services that also speak
    /// JSON, where given (the model's `queryName`): it goes before `wire_name` there.
    pub query_name: Option<&'static str>,
    /// Where it travels.
    pub location: Location,
    /// Written as an attribute of the parent's element in XML.
    pub xml_attribute: bool,
    /// The list or map is flattened at this member.
    pub flattened: bool,
    /// The namespace its XML element declares.
    pub xml_namespace: Option<XmlNamespace>,
    /// The timestamp's text at this member.
    pub time_format: TimeFormat,
    /// A client fills it with a random token where it is absent.
    pub idempotency_token: bool,
    /// Part of the host name (`hostLabel`).
    pub host_label: bool,
    /// Never printed.
    pub sensitive: bool,
}

/// A structure or union: its name and members. The index of a member here is its index in `Obj`.
pub struct Shape {
    /// The model's name.
    pub name: &'static str,
    /// The members, in the model's order.
    pub members: &'static [Member],
    /// Exactly one member is set; the Rust type is an enum.
    pub union: bool,
    /// A union that keeps what is wrong with it, none or several members, for its service to judge.
    pub lenient: bool,
    /// The name of the XML root element, where it differs from the protocol's rule.
    pub xml_root: Option<&'static str>,
    /// The namespace of the XML root element.
    pub xml_namespace: Option<XmlNamespace>,
    /// The structure of an error: as an event, it ends its stream.
    pub error: bool,
    /// Never printed.
    pub sensitive: bool,
    /// Makes an empty value of the shape's Rust type.
    pub make: fn() -> Box<dyn Obj>,
}

impl std::fmt::Debug for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Shapes may contain themselves: the name is all that can be printed.
        write!(f, "Shape({})", self.name)
    }
}

impl TextTy {
    /// No constraint.
    pub const ANY: TextTy =
        TextTy { size: SizeRange::ANY, pattern: None, json_value: false, or_arn: false, told_alone: false };
}

impl ListTy {
    /// A list without traits.
    pub const fn of(element: &'static Ty) -> Self {
        ListTy {
            element,
            element_name: "member",
            flattened: false,
            sparse: false,
            told_not_null: false,
            size: SizeRange::ANY,
        }
    }
}

impl MapTy {
    /// A map without traits.
    pub const fn of(key: &'static Ty, value: &'static Ty) -> Self {
        MapTy {
            key,
            value,
            key_name: "key",
            value_name: "value",
            flattened: false,
            sparse: false,
            size: SizeRange::ANY,
        }
    }
}

impl Ty {
    /// `i32` without bounds.
    pub const INT: Ty = Ty::Int(NumberRange::ANY);
    /// `i64` without bounds.
    pub const LONG: Ty = Ty::Long(NumberRange::ANY);
    /// `f32` without bounds.
    pub const FLOAT: Ty = Ty::Float(NumberRange::ANY);
    /// `f64` without bounds.
    pub const DOUBLE: Ty = Ty::Double(NumberRange::ANY);
    /// Text without constraints.
    pub const TEXT: Ty = Ty::Text(TextTy::ANY);
    /// Bytes without bounds.
    pub const BLOB: Ty = Ty::Blob(SizeRange::ANY);
    /// A timestamp in the protocol's text.
    pub const TIME: Ty = Ty::Time(TimeFormat::ProtocolDefault);
}

impl Member {
    /// A member of the body without traits.
    pub const fn new(name: &'static str, ty: &'static Ty) -> Self {
        Member {
            name,
            ty,
            required: false,
            wire_name: None,
            query_name: None,
            location: Location::Body,
            xml_attribute: false,
            flattened: false,
            xml_namespace: None,
            time_format: TimeFormat::ProtocolDefault,
            idempotency_token: false,
            host_label: false,
            sensitive: false,
        }
    }
}

impl Shape {
    /// A structure without members: the input or output of operations that have none.
    pub const EMPTY: Shape = Shape::new("Unit", &[], || Box::new(Unit));

    /// A structure without traits.
    pub const fn new(name: &'static str, members: &'static [Member], make: fn() -> Box<dyn Obj>) -> Self {
        Shape {
            name,
            members,
            union: false,
            lenient: false,
            xml_root: None,
            xml_namespace: None,
            error: false,
            sensitive: false,
            make,
        }
    }

    /// The member that is the whole body, where there is one.
    pub fn payload(&self) -> Option<(usize, &'static Member)> {
        self.members.iter().enumerate().find(|(_, member)| member.location == Location::Payload)
    }
}
