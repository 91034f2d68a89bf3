//! What a statement is, its parameters open.

use crate::rules::expression::condition::Condition;
use crate::rules::expression::path::Path;

/// A value, or what stands for one.
#[derive(Debug, Clone, PartialEq)]
pub enum Term {
    /// A document path.
    Path(Path),
    /// A text.
    Text(String),
    /// A number, with its sign.
    Number(String),
    /// A truth value.
    Bool(bool),
    /// Null.
    Null,
    /// The parameter of a place in the statement's order.
    Parameter(usize),
    /// `[…]`
    List(Vec<Term>),
    /// `{'name': …}`
    Map(Vec<(String, Term)>),
    /// `<<…>>`, a set.
    Bag(Vec<Term>),
    /// A call of a function.
    Call(Call),
    /// `a + b`
    Plus(Box<Term>, Box<Term>),
    /// `a - b`
    Minus(Box<Term>, Box<Term>),
}

impl Term {
    /// Visits the paths in it; its depth is bounded by the parser.
    pub fn each_path(&self, visit: &mut impl FnMut(&Path)) {
        match self {
            Term::Path(path) => visit(path),
            Term::List(inner) | Term::Bag(inner) => inner.iter().for_each(|term| term.each_path(visit)),
            Term::Map(inner) => inner.iter().for_each(|(_, term)| term.each_path(visit)),
            Term::Call(call) => call.operands.iter().for_each(|term| term.each_path(visit)),
            Term::Plus(one, two) | Term::Minus(one, two) => {
                one.each_path(visit);
                two.each_path(visit);
            }
            Term::Text(_) | Term::Number(_) | Term::Bool(_) | Term::Null | Term::Parameter(_) => {}
        }
    }
}

/// A call of a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The function, in small letters.
    pub name: String,
    /// Where its name stands, as messages tell it.
    pub place: String,
    /// What it is called with.
    pub operands: Vec<Term>,
    /// Where the first operand stands.
    pub first: String,
}

/// A condition over terms.
pub type Where = Condition<Term>;

/// A table, or an index of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The table's name.
    pub table: String,
    /// The index's name.
    pub index: Option<String>,
}

/// A statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    /// What it does.
    pub verb: Verb,
    /// What it reads or writes.
    pub source: Source,
    /// Which items.
    pub condition: Option<Where>,
    /// How many parameters it has.
    pub parameters: usize,
}

/// What a statement does.
#[derive(Debug, Clone, PartialEq)]
pub enum Verb {
    /// `SELECT`; all attributes where no columns are named.
    Select(Option<Vec<Path>>, Vec<Order>),
    /// `EXISTS(SELECT …)`, a check in a transaction.
    Exists,
    /// `INSERT`
    Insert(Term),
    /// `UPDATE`
    Update(Vec<Change>, Option<Returning>),
    /// `DELETE`
    Delete(Option<Returning>),
}

/// A column that items are ordered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The column.
    pub path: Path,
    /// From the greatest down.
    pub descending: bool,
}

/// A change of an update.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// `SET path = term`
    Set(Path, Term),
    /// `REMOVE path`
    Remove(Path),
}

/// What a write answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returning {
    /// Only what was changed.
    pub modified_only: bool,
    /// As it is afterwards.
    pub new: bool,
}

impl Verb {
    /// Whether it reads only.
    pub fn reads(&self) -> bool {
        matches!(self, Verb::Select(..))
    }
}
