//! Projections: which parts of an item are answered.

use super::path::{self, Path, Step};
use super::placeholders::Placeholders;
use super::syntax::{Cursor, RawPath};
use crate::rules::value::{Item, Value};
use std::collections::BTreeMap;

/// A projection as it is written, its text found to be right.
#[derive(Debug, Clone)]
pub struct Parsed {
    paths: Vec<RawPath>,
}

/// Parses a projection.
///
/// # Errors
/// AWS's message, without the name of the parameter.
pub fn parse(text: &str) -> Result<Parsed, String> {
    let mut cursor = Cursor::new(text, &[])?;
    let mut paths = vec![cursor.path()?];
    while cursor.take_sign(",") {
        paths.push(cursor.path()?);
    }
    cursor.expect_end()?;
    match cursor.reserved {
        Some(word) => Err(format!("Attribute name is a reserved keyword; reserved keyword: {word}")),
        None => Ok(Parsed { paths }),
    }
}

impl Parsed {
    /// The projection with the names of a request.
    ///
    /// # Errors
    /// AWS's message, without the name of the parameter.
    pub fn bind(&self, placeholders: &mut Placeholders<'_>) -> Result<Projection, String> {
        let paths = self.paths.iter().map(|raw| placeholders.path(raw)).collect::<Result<Vec<_>, _>>()?;
        path::disjoint(paths.iter())?;
        Ok(Projection::new(paths))
    }
}

/// What is answered of a value.
#[derive(Debug, Clone)]
enum Pick {
    All,
    Fields(BTreeMap<String, Pick>),
    Elements(BTreeMap<usize, Pick>),
}

/// A projection.
#[derive(Debug, Clone)]
pub struct Projection {
    paths: Vec<Path>,
    attributes: BTreeMap<String, Pick>,
}

impl Projection {
    /// The projection to some paths; of two that overlap the shorter counts.
    pub fn new(paths: Vec<Path>) -> Self {
        let mut attributes = BTreeMap::new();
        for path in &paths {
            add(attributes.entry(path.head.clone()), &path.steps);
        }
        Projection { paths, attributes }
    }

    /// The paths, in the order they were written.
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// The parts of an item.
    pub fn of(&self, item: &Item) -> Item {
        let picked = self.attributes.iter().filter_map(|(name, pick)| {
            let value = picked(pick, item.get(name)?)?;
            Some((name.clone(), value))
        });
        picked.collect()
    }
}

fn add<K: Ord>(entry: std::collections::btree_map::Entry<'_, K, Pick>, steps: &[Step]) {
    let Some((first, rest)) = steps.split_first() else {
        *entry.or_insert(Pick::All) = Pick::All;
        return;
    };
    match first {
        Step::Name(name) => {
            if let Pick::Fields(fields) = entry.or_insert_with(|| Pick::Fields(BTreeMap::new())) {
                add(fields.entry(name.clone()), rest);
            }
        }
        Step::Index(index) => {
            if let Pick::Elements(elements) = entry.or_insert_with(|| Pick::Elements(BTreeMap::new())) {
                add(elements.entry(*index), rest);
            }
        }
    }
}

fn picked(pick: &Pick, value: &Value) -> Option<Value> {
    match (pick, value) {
        (Pick::All, value) => Some(value.clone()),
        (Pick::Fields(fields), Value::M(map)) => {
            let inner: BTreeMap<String, Value> = fields
                .iter()
                .filter_map(|(name, pick)| Some((name.clone(), picked(pick, map.get(name)?)?)))
                .collect();
            (!inner.is_empty()).then_some(Value::M(inner))
        }
        (Pick::Elements(elements), Value::L(list)) => {
            let inner: Vec<Value> =
                elements.iter().filter_map(|(index, pick)| picked(pick, list.get(*index)?)).collect();
            (!inner.is_empty()).then_some(Value::L(inner))
        }
        (Pick::Fields(_) | Pick::Elements(_), _) => None,
    }
}
