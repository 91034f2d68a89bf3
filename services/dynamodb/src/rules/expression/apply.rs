//! Applying an update to an item. All that is read is read of the item as it was before.

use super::path::{Path, Step};
use super::update::{Action, Source};
use crate::rules::number::{NotANumber, Number};
use crate::rules::value::{self, Item, Value};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// Why an update cannot be applied to an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inapplicable {
    /// A path leads through what is not there, or is no map or list.
    Path,
    /// What is read is not there.
    Absent,
    /// What is read or added to has another type.
    WrongType,
    /// A sum is no number of DynamoDB.
    Number(NotANumber),
}

impl fmt::Display for Inapplicable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Inapplicable::Path => {
                f.write_str("The document path provided in the update expression is invalid for update")
            }
            Inapplicable::Absent => {
                f.write_str("The provided expression refers to an attribute that does not exist in the item")
            }
            Inapplicable::WrongType => {
                f.write_str("An operand in the update expression has an incorrect data type")
            }
            Inapplicable::Number(refusal) => refusal.fmt(f),
        }
    }
}

/// Applies an update.
///
/// # Errors
/// Where the item does not allow it; the item is then half changed and of no more use.
pub fn apply(actions: &[Action], item: &mut Item) -> Result<(), Inapplicable> {
    let mut sources = Vec::with_capacity(actions.len());
    for action in actions {
        sources.push(match action {
            Action::Set(_, source) => Some(read(source, item)?.into_owned()),
            Action::Remove(_) | Action::Add(..) | Action::Delete(..) => None,
        });
    }
    let mut edit = Edit::default();
    for (action, source) in actions.iter().zip(sources) {
        match action {
            Action::Set(path, _) => edit.put(item, path, source.unwrap_or_default())?,
            Action::Remove(path) => edit.remove(item, path)?,
            Action::Add(path, value) => edit.add(item, path, value)?,
            Action::Delete(path, value) => edit.delete(item, path, value)?,
        }
    }
    edit.finish(item)
}

fn read<'v>(source: &'v Source, item: &'v Item) -> Result<Cow<'v, Value>, Inapplicable> {
    match source {
        Source::Value(value) => Ok(Cow::Borrowed(value)),
        Source::Path(path) => path.find(item).map(Cow::Borrowed).ok_or(Inapplicable::Absent),
        Source::IfNotExists(path, other) => match path.find(item) {
            Some(value) => Ok(Cow::Borrowed(value)),
            None => read(other, item),
        },
        Source::Append(one, two) => match (read(one, item)?.as_ref(), read(two, item)?.as_ref()) {
            (Value::L(one), Value::L(two)) => {
                Ok(Cow::Owned(Value::L(one.iter().chain(two).cloned().collect())))
            }
            _ => Err(Inapplicable::WrongType),
        },
        Source::Plus(one, two) => sum(source_number(one, item)?, source_number(two, item)?, Number::plus),
        Source::Minus(one, two) => sum(source_number(one, item)?, source_number(two, item)?, Number::minus),
    }
}

fn source_number(source: &Source, item: &Item) -> Result<Number, Inapplicable> {
    match read(source, item)?.as_ref() {
        Value::N(text) => Ok(value::number(text)),
        _ => Err(Inapplicable::WrongType),
    }
}

fn sum<'v>(
    one: Number,
    two: Number,
    how: fn(Number, Number) -> Result<Number, NotANumber>,
) -> Result<Cow<'v, Value>, Inapplicable> {
    let sum = how(one, two).map_err(Inapplicable::Number)?;
    Ok(Cow::Owned(Value::N(sum.to_string())))
}

/// A list: the attribute and the steps to it.
type ListPath<'u> = (&'u str, &'u [Step]);

/// What the actions of an update leave to be done after all of them: until then every index means the
/// element that it meant at the beginning.
#[derive(Default)]
struct Edit<'u> {
    /// Lists with holes where elements were removed.
    holes: Vec<ListPath<'u>>,
    /// Elements behind the end of a list: the list, the index asked for, the value.
    appended: Vec<(ListPath<'u>, usize, Value)>,
}

fn descend<'i>(item: &'i mut Item, head: &str, steps: &[Step]) -> Result<&'i mut Value, Inapplicable> {
    let mut value = item.get_mut(head).ok_or(Inapplicable::Path)?;
    for step in steps {
        let next = match (step, value) {
            (Step::Name(name), Value::M(map)) => map.get_mut(name),
            (Step::Index(index), Value::L(list)) => list.get_mut(*index),
            _ => None,
        };
        value = next.ok_or(Inapplicable::Path)?;
    }
    Ok(value)
}

impl<'u> Edit<'u> {
    /// Puts a value under a path whose parent is there.
    fn put(&mut self, item: &mut Item, path: &'u Path, value: Value) -> Result<(), Inapplicable> {
        let Some((last, parents)) = path.steps.split_last() else {
            item.insert(path.head.clone(), value);
            return Ok(());
        };
        match (descend(item, &path.head, parents)?, last) {
            (Value::M(map), Step::Name(name)) => {
                map.insert(name.clone(), value);
            }
            (Value::L(list), Step::Index(index)) => match list.get_mut(*index) {
                Some(element) => *element = value,
                None => self.appended.push(((path.head.as_str(), parents), *index, value)),
            },
            _ => return Err(Inapplicable::Path),
        }
        Ok(())
    }

    fn remove(&mut self, item: &mut Item, path: &'u Path) -> Result<(), Inapplicable> {
        let Some((last, parents)) = path.steps.split_last() else {
            item.remove(&path.head);
            return Ok(());
        };
        match (descend(item, &path.head, parents)?, last) {
            (Value::M(map), Step::Name(name)) => {
                map.remove(name);
            }
            (Value::L(list), Step::Index(index)) => {
                if let Some(element) = list.get_mut(*index) {
                    *element = Value::Unset;
                    self.holes.push((path.head.as_str(), parents));
                }
            }
            _ => return Err(Inapplicable::Path),
        }
        Ok(())
    }

    fn add(&mut self, item: &mut Item, path: &'u Path, added: &Value) -> Result<(), Inapplicable> {
        let sum = match (path.find(item), added) {
            (None, added) => added.clone(),
            (Some(Value::N(present)), Value::N(added)) => {
                let sum = value::number(present).plus(value::number(added)).map_err(Inapplicable::Number)?;
                Value::N(sum.to_string())
            }
            (Some(Value::SS(present)), Value::SS(added)) => Value::SS(union(present, added)),
            (Some(Value::BS(present)), Value::BS(added)) => Value::BS(union(present, added)),
            // Only the update parameters from before expressions add to lists.
            (Some(Value::L(present)), Value::L(added)) => {
                Value::L(present.iter().chain(added).cloned().collect())
            }
            (Some(Value::NS(present)), Value::NS(added)) => {
                value::canonical(&Value::NS(union(present, added)))
            }
            (Some(_), _) => return Err(Inapplicable::WrongType),
        };
        self.put(item, path, sum)
    }

    fn delete(&mut self, item: &mut Item, path: &'u Path, gone: &Value) -> Result<(), Inapplicable> {
        let rest = match (path.find(item), gone) {
            (None, _) => {
                // The parent must be there all the same, and take such a step.
                let Some((last, parents)) = path.steps.split_last() else { return Ok(()) };
                return match (descend(item, &path.head, parents)?, last) {
                    (Value::M(_), Step::Name(_)) | (Value::L(_), Step::Index(_)) => Ok(()),
                    _ => Err(Inapplicable::Path),
                };
            }
            (Some(Value::SS(present)), Value::SS(gone)) => without(present, gone).map(Value::SS),
            (Some(Value::BS(present)), Value::BS(gone)) => without(present, gone).map(Value::BS),
            (Some(Value::NS(present)), Value::NS(gone)) => without(present, gone).map(Value::NS),
            (Some(_), _) => return Err(Inapplicable::WrongType),
        };
        match rest {
            Some(rest) => self.put(item, path, rest),
            None => self.remove(item, path),
        }
    }

    fn finish(self, item: &mut Item) -> Result<(), Inapplicable> {
        let mut appended = self.appended;
        appended.sort_by_key(|(_, index, _)| *index);
        for ((head, steps), _, value) in appended {
            if let Value::L(list) = descend(item, head, steps)? {
                list.push(value);
            }
        }
        // Inner lists first: an outer one that loses an element renumbers those behind it.
        let mut holes = self.holes;
        holes.sort_by_key(|(_, steps)| std::cmp::Reverse(steps.len()));
        for (head, steps) in holes {
            if let Ok(Value::L(list)) = descend(item, head, steps) {
                list.retain(|element| *element != Value::Unset);
            }
        }
        Ok(())
    }
}

fn union<T: Ord + Clone>(present: &[T], added: &[T]) -> Vec<T> {
    let mut all: Vec<T> = present.iter().chain(added).cloned().collect();
    all.sort();
    all.dedup();
    all
}

/// The rest of a set; `None` where nothing is left.
fn without<T: Ord + Clone>(present: &[T], gone: &[T]) -> Option<Vec<T>> {
    let gone: BTreeSet<&T> = gone.iter().collect();
    let rest: Vec<T> = present.iter().filter(|element| !gone.contains(element)).cloned().collect();
    (!rest.is_empty()).then_some(rest)
}
