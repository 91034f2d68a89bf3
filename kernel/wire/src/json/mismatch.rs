//! The words in which AWS refuses a JSON value of the wrong type.
//!
//! Services of the older framework, which name their Java package in errors, use words of their own and
//! print whole class names.

use crate::Malformed;
use schema::Ty;

/// What a service says of values of the wrong type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    /// The Java package of the shapes, where the service names it.
    package: Option<&'static str>,
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A member of a structure.
    Field,
    /// An element of a list or the value of a map's entry.
    Element,
}

/// What the older framework says of a scalar where a list or map with a type argument is an element.
const CAST: &str = "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class \
                    java.lang.Class (sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and \
                    java.lang.Class are in module java.base of loader 'bootstrap')";

impl Words {
    /// Those of most services.
    pub(crate) const PLAIN: Words = Words { package: None };

    /// Those of a service that names this package in its errors.
    pub(crate) fn of(package: Option<&'static str>) -> Self {
        Words { package }
    }

    /// Whether texts that say yes or no stand for truth values.
    pub(super) fn reads_truth(self) -> bool {
        self.package.is_some()
    }

    /// The error for a text that is no truth value where one may stand.
    pub(super) fn no_truth(self) -> Malformed {
        Malformed::mistyped("Unexpected token received from parser")
    }

    fn structure_found(self) -> Malformed {
        let dot = if self.package.is_some() { "" } else { "." };
        Malformed::mistyped(format!("Start of structure or map found where not expected{dot}"))
    }

    /// The error for a value that begins with `found` where a scalar of a Java type is expected.
    pub(super) fn scalar(self, found: u8, expected: &str) -> Malformed {
        let token = match found {
            b'"' => "STRING_VALUE",
            b't' => "TRUE_VALUE",
            b'f' => "FALSE_VALUE",
            b'[' => {
                return Malformed::mistyped(format!(
                    "Unrecognized collection type class java.lang.{expected}"
                ));
            }
            b'{' => return self.structure_found(),
            _ => "NUMBER_VALUE",
        };
        self.unconvertible(token, expected)
    }

    /// The error for a number with a fraction where another scalar is expected.
    pub(super) fn decimal(self, expected: &str) -> Malformed {
        self.unconvertible("DECIMAL_VALUE", expected)
    }

    fn unconvertible(self, token: &str, expected: &str) -> Malformed {
        let article = if expected == "Integer" { "an" } else { "a" };
        Malformed::mistyped(match self.package {
            Some(_) => format!("{token} cannot be converted to {expected}"),
            None => format!("{token} can not be converted to {article} {expected}"),
        })
    }

    /// The error for a value that begins with `found` where a blob is expected.
    pub(super) fn blob(self, found: u8) -> Malformed {
        match found {
            b'[' => Malformed::mistyped("Unrecognized collection type class java.nio.ByteBuffer"),
            b'{' => self.structure_found(),
            _ => Malformed::mistyped("only base-64-encoded strings are convertible to bytes"),
        }
    }

    /// The error for a text that is no base64.
    pub(super) fn base64(self, text: &str) -> Malformed {
        let shown: String = text.chars().take(200).collect();
        let reason = match text.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '/' | '='))
        {
            _ if !text.len().is_multiple_of(4) => {
                format!("Base64 encoded length is expected a multiple of 4 bytes but found: {}", text.len())
            }
            Some(character) => format!("Invalid Base64 character: '{character}'"),
            None => "Invalid last non-pad Base64 character dectected".to_owned(),
        };
        Malformed::mistyped(match self.package {
            Some(_) => reason,
            None => format!("'{shown}' can not be converted to a Blob: {reason}"),
        })
    }

    /// The error for a value that begins with `found` where a list is expected.
    pub(super) fn list(self, found: u8, place: Place) -> Malformed {
        match found {
            b'{' => self.structure_found(),
            _ => self.no_collection(place),
        }
    }

    /// The error for a value that begins with `found` where a map of such values is expected.
    pub(super) fn map(self, found: u8, value: &'static Ty, place: Place) -> Malformed {
        match (found, self.package) {
            (b'[', Some(package)) => Malformed::mistyped(format!(
                "Unrecognized collection type java.util.Map<java.lang.String, {}>",
                java(value, package)
            )),
            (b'[', None) => Malformed::mistyped("Unrecognized collection type class java.util.Map"),
            _ => self.no_collection(place),
        }
    }

    fn no_collection(self, place: Place) -> Malformed {
        let is_argument = self.package.is_some() && place == Place::Element;
        Malformed::mistyped(if is_argument { CAST } else { "Unexpected field type" })
    }

    /// The error for a value that begins with `found` where a structure is expected.
    pub(super) fn structure(self, found: u8, name: &str, place: Place) -> Malformed {
        match (found, self.package) {
            (b'[', Some(package)) => {
                Malformed::mistyped(format!("Unrecognized collection type class {package}.{name}"))
            }
            (b'[', None) => Malformed::mistyped(format!("Unrecognized collection type class {name}")),
            (_, Some(_)) if place == Place::Field => Malformed::mistyped("Unexpected field type"),
            _ => Malformed::mistyped("Unexpected value type in payload"),
        }
    }
}

/// A type as Java prints it.
fn java(ty: &'static Ty, package: &str) -> String {
    match ty {
        Ty::Struct(shape) => format!("{package}.{}", shape.name),
        Ty::List(list) => format!("java.util.List<{}>", java(list.element, package)),
        Ty::Map(map) => format!("java.util.Map<java.lang.String, {}>", java(map.value, package)),
        Ty::Bool => "java.lang.Boolean".to_owned(),
        Ty::Int(_) => "java.lang.Integer".to_owned(),
        Ty::Long(_) => "java.lang.Long".to_owned(),
        Ty::Float(_) => "java.lang.Float".to_owned(),
        Ty::Double(_) => "java.lang.Double".to_owned(),
        Ty::Blob(_) | Ty::Stream { .. } => "java.nio.ByteBuffer".to_owned(),
        Ty::Time(_) => "java.util.Date".to_owned(),
        Ty::Text(_) | Ty::Enum(_) => "java.lang.String".to_owned(),
        Ty::Document | Ty::Events(_) => "java.lang.Object".to_owned(),
    }
}
