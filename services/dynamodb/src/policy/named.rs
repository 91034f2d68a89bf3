//! The attributes that a request names: in its parameters, and in the paths of its expressions.

use crate::expressions::Expressions;
use crate::request::Binder;
use crate::rules::expression::path::Path;
use crate::rules::expression::placeholders::{Names, Values};
use crate::rules::expression::update::Action;
use service::{Demand, Peek};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The attributes of one request, or of one of its parts. An expression that cannot be read names none: the
/// operation refuses it.
pub struct Named<'r> {
    parsed: Arc<Expressions>,
    names: Option<&'r Names>,
    values: Option<&'r Values>,
    found: BTreeSet<String>,
}

impl<'r> Named<'r> {
    /// Of a request with its placeholders.
    pub fn new(peek: &Peek, names: Option<&'r Names>, values: Option<&'r Values>) -> Self {
        let aliased = names.iter().flat_map(|names| names.values()).cloned().collect();
        Named { parsed: peek.part::<Expressions>().clone(), names, values, found: aliased }
    }

    /// With attributes that stand there by their names.
    pub fn names<'n>(mut self, names: impl Iterator<Item = &'n String>) -> Self {
        self.found.extend(names.cloned());
        self
    }

    /// With those of a condition, filter or key condition.
    pub fn condition(mut self, text: Option<&String>) -> Self {
        let bound = self.binder().and_then(|mut binder| binder.condition("", text).ok().flatten());
        let attributes = bound.iter().flat_map(|bound| bound.attributes()).map(str::to_owned);
        self.found.extend(attributes);
        self
    }

    /// With those of a projection.
    pub fn projection(mut self, text: Option<&String>) -> Self {
        let bound = self.binder().and_then(|mut binder| binder.projection(text).ok().flatten());
        self.found.extend(bound.iter().flat_map(|bound| bound.paths()).map(|path| path.head.clone()));
        self
    }

    /// With those that an update changes or reads.
    pub fn update(mut self, text: Option<&String>) -> Self {
        let bound = self.binder().and_then(|mut binder| binder.update(text).ok().flatten());
        for action in bound.iter().flatten() {
            self.found.insert(action.path().head.clone());
            if let Action::Set(_, source) = action {
                source.each_path(&mut |path: &Path| {
                    self.found.insert(path.head.clone());
                });
            }
        }
        self
    }

    fn binder(&self) -> Option<Binder<'_>> {
        Binder::new(&self.parsed, self.names, self.values).ok()
    }

    /// The demand with its attributes.
    pub fn demand(self, demand: Demand) -> Demand {
        match self.found.is_empty() {
            true => demand,
            false => demand.when("dynamodb:Attributes", self.found),
        }
    }
}
