//! What all decoders share while they fill a value: the budget, and which members of a structure were seen.

use crate::path::Path;
use crate::{Limits, Malformed, Violations};
use schema::{Member, Shape};

/// The budget of one decoding, and what it found missing.
pub(crate) struct Fill<'v> {
    pub(crate) violations: &'v mut Violations,
    depth: usize,
    memory: usize,
}

/// The estimated cost of a value in a list or map, and of a member of a structure.
const VALUE_COST: usize = 32;
const MEMBER_COST: usize = 24;

impl<'v> Fill<'v> {
    pub(crate) fn new(limits: Limits, violations: &'v mut Violations) -> Self {
        Fill { violations, depth: limits.depth, memory: limits.memory }
    }

    /// One level deeper, until [`Fill::leave`].
    pub(crate) fn enter(&mut self) -> Result<(), Malformed> {
        self.depth = self.depth.checked_sub(1).ok_or_else(Malformed::too_deep)?;
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.depth += 1;
    }

    /// Levels left.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// Pays for one more element or entry.
    pub(crate) fn value(&mut self) -> Result<(), Malformed> {
        self.pay(VALUE_COST)
    }

    /// Pays for a structure.
    pub(crate) fn structure(&mut self, shape: &Shape) -> Result<(), Malformed> {
        self.pay(shape.members.len() * MEMBER_COST)
    }

    fn pay(&mut self, cost: usize) -> Result<(), Malformed> {
        self.memory = self.memory.checked_sub(cost).ok_or_else(Malformed::too_large)?;
        Ok(())
    }

    /// At the end of a structure: records required members that never came, and unions with other than
    /// one member set.
    pub(crate) fn finish(&mut self, shape: &'static Shape, seen: &Seen, path: &Path<'_>) {
        if shape.union {
            if seen.count() != 1 && !shape.lenient {
                self.violations.ambiguous(shape.name, seen.count());
            }
            return;
        }
        for (index, member) in shape.members.iter().enumerate() {
            if member.required && !seen.has(index) {
                self.violations.missing(member.name, path.member(member.name).text());
            }
        }
    }
}

/// Which members of a structure were given.
#[derive(Default)]
pub(crate) struct Seen([u64; Seen::WORDS]);

impl Seen {
    const WORDS: usize = 5;

    /// Marks a member; `false` if it was marked before. No shape of AWS has more than 320 members.
    pub(crate) fn mark(&mut self, index: usize) -> bool {
        let Some(word) = self.0.get_mut(index / 64) else { return true };
        let bit = 1 << (index % 64);
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }

    pub(crate) fn has(&self, index: usize) -> bool {
        self.0.get(index / 64).is_none_or(|word| word & (1 << (index % 64)) != 0)
    }

    fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}

/// The member of a name, tried at `hint` first: clients mostly write members in the model's order.
pub(crate) fn lookup(
    shape: &'static Shape,
    hint: usize,
    fits: impl Fn(&Member) -> bool,
) -> Option<(usize, &'static Member)> {
    let members = shape.members;
    if let Some(member) = members.get(hint).filter(|member| fits(member)) {
        return Some((hint, member));
    }
    let found = members.iter().position(fits)?;
    Some((found, &members[found]))
}

/// Whether two names are the same; mostly their lengths and first letters already differ.
pub(crate) fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.as_bytes().first() == other.as_bytes().first() && one == other
}
