//! Parsed expressions by their text: applications send few texts, very often. Bounded, and forgotten by
//! generations: what was not used since the last turn goes.

use crate::rules::expression::{condition, projection, update};
use crate::rules::partiql;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How many texts a generation holds; two generations are kept.
const GENERATION: usize = 512;

/// The parsed expressions of the room.
#[derive(Default)]
pub struct Expressions {
    conditions: Cache<condition::Parsed>,
    projections: Cache<projection::Parsed>,
    updates: Cache<update::Parsed>,
    statements: Cache<partiql::syntax::Statement>,
}

impl Expressions {
    /// A condition, filter or key condition.
    ///
    /// # Errors
    /// AWS's message, without the name of the parameter.
    pub fn condition(&self, text: &str) -> Result<Arc<condition::Parsed>, String> {
        self.conditions.get(text, condition::parse)
    }

    /// A projection.
    ///
    /// # Errors
    /// AWS's message, without the name of the parameter.
    pub fn projection(&self, text: &str) -> Result<Arc<projection::Parsed>, String> {
        self.projections.get(text, projection::parse)
    }

    /// An update.
    ///
    /// # Errors
    /// AWS's message, without the name of the parameter.
    pub fn update(&self, text: &str) -> Result<Arc<update::Parsed>, String> {
        self.updates.get(text, update::parse)
    }

    /// A statement of PartiQL.
    ///
    /// # Errors
    /// AWS's message.
    pub fn statement(&self, text: &str) -> Result<Arc<partiql::syntax::Statement>, String> {
        self.statements.get(text, partiql::parse)
    }
}

struct Cache<T> {
    generations: Mutex<[HashMap<Box<str>, Arc<T>>; 2]>,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Cache { generations: Mutex::default() }
    }
}

impl<T> Cache<T> {
    fn get(&self, text: &str, parse: fn(&str) -> Result<T, String>) -> Result<Arc<T>, String> {
        {
            let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(parsed) = generations[0].get(text) {
                return Ok(parsed.clone());
            }
            if let Some((text, parsed)) = generations[1].remove_entry(text) {
                keep(&mut generations, text, parsed.clone());
                return Ok(parsed);
            }
        }
        let parsed = Arc::new(parse(text)?);
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        keep(&mut generations, text.into(), parsed.clone());
        Ok(parsed)
    }
}

fn keep<T>(generations: &mut [HashMap<Box<str>, Arc<T>>; 2], text: Box<str>, parsed: Arc<T>) {
    if generations[0].len() >= GENERATION {
        generations.swap(0, 1);
        generations[0].clear();
    }
    generations[0].insert(text, parsed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_the_rest_goes() {
        let cache: Cache<String> = Cache::default();
        let parse = |text: &str| Ok(text.to_owned());
        let kept = cache.get("kept", parse).unwrap();
        for number in 0..GENERATION * 5 {
            cache.get(&number.to_string(), parse).unwrap();
            assert!(Arc::ptr_eq(&kept, &cache.get("kept", parse).unwrap()));
        }
        let generations = cache.generations.lock().unwrap();
        assert!(generations.iter().all(|generation| generation.len() <= GENERATION));
        assert!(!generations.iter().any(|generation| generation.contains_key("0")));
    }
}
