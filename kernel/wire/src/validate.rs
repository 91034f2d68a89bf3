//! The model's constraints, checked over a decoded input and worded as AWS words them.
//!
//! A scalar in a list or map is reported at the list or map, with all rules of its type; a structure's
//! members are reported one by one, at their own paths.

use crate::path::Path;
use crate::{Violations, pattern, printed};
use schema::{List, Map, Member, NumberRange, Obj, SizeRange, TextTy, Ty, Val};
use std::fmt::Display;

/// Adds what is wrong with the content of an input to what decoding found missing, in the model's order.
pub fn validate(obj: &dyn Obj, violations: &mut Violations) {
    for (index, member) in obj.shape().members.iter().enumerate() {
        if let Ty::Text(ty) = member.ty
            && ty.told_alone
        {
            tell_alone(obj.get(index), member, ty, violations);
        }
    }
    structure(obj, &Path::ROOT, violations);
}

/// What is told of a member alone, in the words of DynamoDB's operations on tables (dynalite,
/// test/createTable.js).
fn tell_alone(val: Option<Val<'_>>, member: &Member, ty: &TextTy, violations: &mut Violations) {
    if member.required && violations.is_missing(&Path::ROOT.member(member.name).text()) {
        violations
            .alone(format!("The parameter '{}' is required but was not present in the request", member.name));
    } else if let Some(Val::Text(text)) = val
        && !(ty.size.min..=ty.size.max).contains(&(text.chars().count() as u64))
        && !(ty.or_arn && text.starts_with("arn:"))
    {
        violations.alone(format!(
            "{} must be at least {} characters long and at most {} characters long",
            member.name, ty.size.min, ty.size.max
        ));
    }
}

fn structure(obj: &dyn Obj, path: &Path<'_>, violations: &mut Violations) {
    let shape = obj.shape();
    for (index, member) in shape.members.iter().enumerate() {
        let path = path.member(member.name);
        if member.required && violations.has_missing() && violations.take_missing(&path.text()) {
            violations.broken(|| (Some("null".to_owned()), path.text(), "Member must not be null"));
            continue;
        }
        if let Some(val) = obj.get(index) {
            value(&val, member.ty, member, &path, violations);
            if shape.union && !shape.lenient {
                return;
            }
        }
    }
}

/// A value by itself, and what is inside it. `member` is the structure's member that it is or belongs to.
fn value(val: &Val<'_>, ty: &'static Ty, member: &Member, path: &Path<'_>, violations: &mut Violations) {
    broken(val, ty, &mut |rule| report(val, member, path, &rule, violations));
    inside(val, ty, member, path, violations);
}

fn inside(val: &Val<'_>, ty: &'static Ty, member: &Member, path: &Path<'_>, violations: &mut Violations) {
    match (val, ty) {
        (Val::Struct(obj), _) => structure(*obj, path, violations),
        (Val::List(list), Ty::List(ty)) => {
            let elements = Elements { list: *list, ty: ty.element };
            if elements.any_broken() {
                let rule = collective("Member must satisfy constraint", ty.element, ty.told_not_null);
                report(val, member, path, &rule, violations);
            }
            for index in 0..list.len() {
                if let Some(element) = list.at(index) {
                    inside(&element, ty.element, member, &path.element(index), violations);
                }
            }
        }
        (Val::Map(map), Ty::Map(ty)) => {
            let (keys, values) = broken_entries(*map, ty.key, ty.value);
            if keys {
                let rule = collective("Map keys must satisfy constraint", ty.key, false);
                report(val, member, path, &rule, violations);
            }
            if values {
                let rule = collective("Map value must satisfy constraint", ty.value, is_fraction(ty.value));
                report(val, member, path, &rule, violations);
            }
            map.each(&mut |key, val| {
                if let Some(val) = val {
                    inside(&val, ty.value, member, &path.entry(key), violations);
                }
            });
        }
        _ => {}
    }
}

fn report(val: &Val<'_>, member: &Member, path: &Path<'_>, rule: &str, violations: &mut Violations) {
    let shown = || (!member.sensitive).then(|| format!("'{}'", printed::java(val)));
    violations.broken(|| (shown(), path.text(), rule));
}

struct Elements<'a> {
    list: &'a dyn List,
    ty: &'static Ty,
}

impl Elements<'_> {
    fn any_broken(&self) -> bool {
        constrained(self.ty)
            && (0..self.list.len())
                .filter_map(|index| self.list.at(index))
                .any(|val| is_broken(&val, self.ty))
    }
}

/// Whether any key and any value of a map breaks a rule of its type.
fn broken_entries(map: &dyn Map, key: &'static Ty, value: &'static Ty) -> (bool, bool) {
    let (mut keys, mut values) = (false, false);
    if constrained(key) || constrained(value) {
        map.each(&mut |text, val| {
            keys = keys || is_broken(&Val::Text(text), key);
            values = values || val.is_some_and(|val| is_broken(&val, value));
        });
    }
    (keys, values)
}

/// Whether a type has rules of its own.
fn constrained(ty: &Ty) -> bool {
    match ty {
        Ty::Int(range) | Ty::Long(range) | Ty::Float(range) | Ty::Double(range) => *range != NumberRange::ANY,
        Ty::Text(text) => text.size != SizeRange::ANY || text.pattern.is_some(),
        Ty::Enum(_) => true,
        Ty::Blob(size) => *size != SizeRange::ANY,
        Ty::List(list) => list.size != SizeRange::ANY,
        Ty::Map(map) => map.size != SizeRange::ANY,
        Ty::Bool | Ty::Stream { .. } | Ty::Time(_) | Ty::Struct(_) | Ty::Document | Ty::Events(_) => false,
    }
}

fn is_broken(val: &Val<'_>, ty: &'static Ty) -> bool {
    let mut any = false;
    broken(val, ty, &mut |_| any = true);
    any
}

/// The rules of a type that a value breaks, one by one.
fn broken(val: &Val<'_>, ty: &'static Ty, report: &mut dyn FnMut(String)) {
    match (val, ty) {
        (Val::Text(text), Ty::Text(ty)) if ty.or_arn && text.starts_with("arn:") => {}
        (Val::Text(text), Ty::Text(ty)) => {
            if ty.pattern.is_some_and(|pattern| !pattern::matches(pattern, text)) {
                report(pattern_rule(ty.pattern.unwrap_or_default()));
            }
            check_text_size(text, ty.size, report);
        }
        (Val::Text(text), Ty::Enum(ty)) if !ty.values.contains(text) => report(enum_rule(ty.values)),
        (Val::Blob(bytes), Ty::Blob(size)) => check_size(bytes.len() as u64, *size, report),
        (Val::List(list), Ty::List(ty)) => check_size(list.len() as u64, ty.size, report),
        (Val::Map(map), Ty::Map(ty)) => check_size(map.len() as u64, ty.size, report),
        (Val::Int(number), Ty::Int(range)) => check_number(f64::from(*number), *range, report),
        (Val::Long(number), Ty::Long(range)) => check_number(*number as f64, *range, report),
        (Val::Float(number), Ty::Float(range)) => check_fraction(f64::from(*number), *range, report),
        (Val::Double(number), Ty::Double(range)) => check_fraction(*number, *range, report),
        _ => {}
    }
}

fn check_text_size(text: &str, size: SizeRange, report: &mut dyn FnMut(String)) {
    let bytes = text.len() as u64;
    // A character is at most four bytes: mostly the bytes alone decide.
    if size.min <= bytes.div_ceil(4) && bytes <= size.max {
        return;
    }
    check_size(text.chars().count() as u64, size, report);
}

fn check_size(size: u64, range: SizeRange, report: &mut dyn FnMut(String)) {
    if size < range.min {
        report(least_length(range.min));
    }
    if size > range.max {
        report(greatest_length(range.max));
    }
}

fn check_number(number: f64, range: NumberRange, report: &mut dyn FnMut(String)) {
    if number < range.min {
        report(least_value(range.min));
    }
    if number > range.max {
        report(greatest_value(range.max));
    }
}

/// Bounds of fractions are told as Java prints them: `1.0`.
fn check_fraction(number: f64, range: NumberRange, report: &mut dyn FnMut(String)) {
    if number < range.min {
        report(least_value(format!("{:?}", range.min)));
    }
    if number > range.max {
        report(greatest_value(format!("{:?}", range.max)));
    }
}

fn least_length(bound: u64) -> String {
    format!("Member must have length greater than or equal to {bound}")
}

fn greatest_length(bound: u64) -> String {
    format!("Member must have length less than or equal to {bound}")
}

fn least_value(bound: impl Display) -> String {
    format!("Member must have value greater than or equal to {bound}")
}

fn greatest_value(bound: impl Display) -> String {
    format!("Member must have value less than or equal to {bound}")
}

fn pattern_rule(pattern: &str) -> String {
    format!("Member must satisfy regular expression pattern: {pattern}")
}

fn enum_rule(values: &[&str]) -> String {
    format!("Member must satisfy enum value set: [{}]", values.join(", "))
}

/// Of maps to such numbers it is told that they are not null (an alias's weights, recorded answers of Lambda); of
/// other maps it is not (DynamoDB's answers).
fn is_fraction(ty: &Ty) -> bool {
    matches!(ty, Ty::Float(_) | Ty::Double(_))
}

/// All rules of a type in one: `Map keys must satisfy constraint: [Member must …, Member must …]`.
fn collective(what: &str, ty: &Ty, not_null: bool) -> String {
    let mut rules = Vec::new();
    let mut sizes = |size: SizeRange| {
        rules.extend((size.max != u64::MAX).then(|| greatest_length(size.max)));
        rules.extend((size.min != 0).then(|| least_length(size.min)));
    };
    match ty {
        Ty::Text(text) => {
            sizes(text.size);
            rules.extend(text.pattern.map(pattern_rule));
        }
        Ty::Blob(size) => sizes(*size),
        Ty::List(list) => sizes(list.size),
        Ty::Map(map) => sizes(map.size),
        Ty::Enum(ty) => rules.push(enum_rule(ty.values)),
        Ty::Int(range) | Ty::Long(range) => {
            rules.extend(range.max.is_finite().then(|| greatest_value(range.max)));
            rules.extend(range.min.is_finite().then(|| least_value(range.min)));
        }
        Ty::Float(range) | Ty::Double(range) => {
            rules.extend(range.max.is_finite().then(|| greatest_value(format!("{:?}", range.max))));
            rules.extend(range.min.is_finite().then(|| least_value(format!("{:?}", range.min))));
        }
        Ty::Bool | Ty::Stream { .. } | Ty::Time(_) | Ty::Struct(_) | Ty::Document | Ty::Events(_) => {}
    }
    rules.extend(not_null.then(|| String::from("Member must not be null")));
    format!("{what}: [{}]", rules.join(", "))
}
