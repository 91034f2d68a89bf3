//! The constraints that an input breaks, counted and worded as AWS words them.
//!
//! The decoder records what only it can know (required members that never came, unions with other than
//! one member); `validate` walks the value and writes the texts of all of them in the model's order.

use crate::AnswerForm;
use schema::{ApiError, Protocol};
use std::collections::BTreeSet;

/// How many texts and paths are kept; all are counted.
const KEPT: usize = 100;
/// How many services of the older framework tell of, and count (dynalite, test/createTable.js).
const TOLD_BY_OLDER: usize = 10;

/// What is wrong with an input that could be decoded.
#[derive(Debug, Default)]
pub struct Violations {
    missing: BTreeSet<String>,
    /// The first required member that was found missing, as the model names it.
    first_missing: Option<&'static str>,
    ambiguous: Option<(&'static str, u32)>,
    alone: Option<String>,
    texts: Vec<String>,
    count: usize,
}

impl Violations {
    /// None so far.
    pub fn new() -> Self {
        Violations::default()
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.count == 0 && self.missing.is_empty() && self.ambiguous.is_none() && self.alone.is_none()
    }

    /// How many constraints are broken.
    pub fn count(&self) -> usize {
        self.count
    }

    /// A required member, by its path, was not in the input.
    pub(crate) fn missing(&mut self, member: &'static str, path: String) {
        self.first_missing.get_or_insert(member);
        if self.missing.len() < KEPT {
            self.missing.insert(path);
        }
    }

    pub(crate) fn has_missing(&self) -> bool {
        !self.missing.is_empty()
    }

    pub(crate) fn is_missing(&self, path: &str) -> bool {
        self.missing.contains(path)
    }

    /// A message that stands for all the others.
    pub(crate) fn alone(&mut self, message: String) {
        self.alone.get_or_insert(message);
    }

    /// Takes a missing member's path out, to be worded at its place.
    pub(crate) fn take_missing(&mut self, path: &str) -> bool {
        self.missing.remove(path)
    }

    /// A union has not exactly one member.
    pub(crate) fn ambiguous(&mut self, shape: &'static str, set: u32) {
        self.ambiguous.get_or_insert((shape, set));
    }

    /// A broken constraint. `worded` makes its text, which is not asked for once enough are kept: the value
    /// in Java's print form (`None` prints nothing), where it is, and the rule.
    pub(crate) fn broken<'r>(&mut self, worded: impl FnOnce() -> (Option<String>, String, &'r str)) {
        self.count += 1;
        if self.texts.len() < KEPT {
            let (value, path, rule) = worded();
            let value = value.map_or(String::from("Value"), |value| format!("Value {value}"));
            self.texts.push(format!("{value} at '{path}' failed to satisfy constraint: {rule}"));
        }
    }

    /// AWS's message.
    pub fn message(&self) -> String {
        self.worded(KEPT, usize::MAX)
    }

    fn worded(&self, told: usize, counted: usize) -> String {
        if let Some(alone) = &self.alone {
            return alone.clone();
        }
        let mut texts = self.texts.clone();
        let mut count = self.count;
        for path in &self.missing {
            count += 1;
            texts.push(format!(
                "Value null at '{path}' failed to satisfy constraint: Member must not be null"
            ));
        }
        match self.ambiguous {
            Some((shape, 0)) if count == 0 => {
                format!("Supplied {shape} is empty, must contain exactly one of the supported datatypes")
            }
            Some((shape, _)) if count == 0 => format!(
                "Supplied {shape} has more than one datatypes set, must contain exactly one of the \
                 supported datatypes"
            ),
            _ => {
                texts.truncate(told);
                let count = count.min(counted);
                let plural = if count == 1 { "" } else { "s" };
                format!("{count} validation error{plural} detected: {}", texts.join("; "))
            }
        }
    }

    /// The error that a client is answered.
    pub fn into_error(self, form: &AnswerForm) -> ApiError {
        let own = form.service.and_then(|service| service.dialect.missing_member);
        let ec2 = ("MissingParameter", "The request must contain the parameter {}");
        let told_alone = own.or((form.protocol == Protocol::Ec2Query).then_some(ec2));
        if let (Some((code, message)), Some(member)) = (told_alone, self.first_missing) {
            return ApiError::new(code, 400, message.replace("{}", member));
        }
        if form.bare_errors() {
            let message =
                "The XML you provided was not well-formed or did not validate against our published schema";
            return ApiError::new("MalformedXML", 400, message);
        }
        let own = form.service.and_then(|service| service.dialect.validation_code);
        let code = own.unwrap_or(match form.protocol {
            Protocol::AwsQuery => "ValidationError",
            Protocol::Ec2Query => "InvalidParameterValue",
            Protocol::RestXml => "InvalidArgument",
            _ => "ValidationException",
        });
        let is_older = form.service.is_some_and(|service| service.dialect.error_namespace.is_some());
        let message = if is_older { self.worded(TOLD_BY_OLDER, TOLD_BY_OLDER) } else { self.message() };
        ApiError::new(code, 400, message)
    }
}
