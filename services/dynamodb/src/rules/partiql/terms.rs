//! The grammar of what statements consist of: names, paths, values, conditions. Every recursion is bounded.

use super::lexer::{self, Kind, Token};
use super::not_well_formed;
use super::syntax::{Call, Term, Where};
use crate::rules::expression::condition::{Ask, Comparison, Condition};
use crate::rules::expression::path::{Path, Step};

/// How deep parentheses, lists and maps may be nested.
const MAX_DEPTH: u32 = 100;
/// The most steps of a path: an item has at most 32 levels.
const MAX_STEPS: usize = 32;

/// Keywords that no path uses without quotes.
const KEYWORDS: &[&str] = &[
    "ALL",
    "AND",
    "ANY",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CROSS",
    "DELETE",
    "DESC",
    "DISTINCT",
    "ELSE",
    "END",
    "EXCEPT",
    "FALSE",
    "FROM",
    "FULL",
    "GROUP",
    "HAVING",
    "IN",
    "INNER",
    "INSERT",
    "INTERSECT",
    "INTO",
    "IS",
    "JOIN",
    "LEFT",
    "LIKE",
    "MISSING",
    "NOT",
    "NULL",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "REMOVE",
    "RETURNING",
    "RIGHT",
    "SELECT",
    "SET",
    "THEN",
    "TRUE",
    "UNION",
    "UPDATE",
    "WHEN",
    "WHERE",
];

/// The functions of conditions, which no expression but these uses.
const FUNCTIONS: [(&str, Ask); 6] = [
    ("attribute_exists", Ask::Exists),
    ("attribute_not_exists", Ask::NotExists),
    ("attribute_type", Ask::Type),
    ("begins_with", Ask::BeginsWith),
    ("contains", Ask::Contains),
    ("size", Ask::Size),
];

const COMPARISONS: [(&str, Comparison); 7] = [
    ("=", Comparison::Equal),
    ("<>", Comparison::NotEqual),
    ("!=", Comparison::NotEqual),
    ("<", Comparison::Less),
    ("<=", Comparison::LessOrEqual),
    (">", Comparison::Greater),
    (">=", Comparison::GreaterOrEqual),
];

/// What stands where a condition or the first term of one may stand.
enum Either {
    Condition(Where),
    Term(Term),
}

/// A place among the tokens of a statement.
pub struct Cursor<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    parameters: usize,
}

impl<'t> Cursor<'t> {
    /// The beginning of a statement.
    ///
    /// # Errors
    /// Where it cannot be cut into tokens.
    pub fn new(text: &'t str) -> Result<Self, String> {
        Ok(Cursor { text, tokens: lexer::tokens(text)?, at: 0, depth: 0, parameters: 0 })
    }

    /// How many parameters were read so far.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// What the present token is.
    pub fn kind(&self) -> &Kind {
        &self.tokens[self.at].kind
    }

    fn word(&self) -> &'t str {
        let token = &self.tokens[self.at];
        &self.text[token.start..token.end]
    }

    /// Where a token stands, as messages tell it: line, column, length.
    fn place(&self, at: usize) -> String {
        let token = &self.tokens[at];
        let before = &self.text[..token.start];
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        format!("{line}:{column}:{}", self.text[token.start..token.end].chars().count())
    }

    fn next(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len() - 1);
    }

    fn unexpected(&self) -> String {
        not_well_formed("Unexpected term")
    }

    /// Whether the present token is a keyword, in any case of letters.
    pub fn at_keyword(&self, keyword: &str) -> bool {
        *self.kind() == Kind::Word && self.word().eq_ignore_ascii_case(keyword)
    }

    /// Goes past a keyword, if it is here.
    pub fn take_keyword(&mut self, keyword: &str) -> bool {
        let found = self.at_keyword(keyword);
        if found {
            self.next();
        }
        found
    }

    /// Goes past a keyword.
    ///
    /// # Errors
    /// Where it is not here.
    pub fn expect_keyword(&mut self, keyword: &str) -> Result<(), String> {
        if self.take_keyword(keyword) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Goes past a sign, if it is here.
    pub fn take_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.kind(), Kind::Sign(found) if *found == sign);
        if found {
            self.next();
        }
        found
    }

    /// Goes past a sign.
    ///
    /// # Errors
    /// Where it is not here.
    pub fn expect_sign(&mut self, sign: &str) -> Result<(), String> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Ends the statement.
    ///
    /// # Errors
    /// Where there is more.
    pub fn expect_end(&self) -> Result<(), String> {
        match self.kind() {
            Kind::End => Ok(()),
            _ => Err(not_well_formed("Unexpected token after expression")),
        }
    }

    fn descend(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth <= MAX_DEPTH { Ok(()) } else { Err(not_well_formed("")) }
    }

    fn at_plain_word(&self) -> bool {
        *self.kind() == Kind::Word && !KEYWORDS.iter().any(|word| word.eq_ignore_ascii_case(self.word()))
    }

    /// A name, with or without quotes.
    ///
    /// # Errors
    /// Where there is none.
    pub fn name(&mut self) -> Result<String, String> {
        let name = match self.kind() {
            Kind::Name(name) => name.clone(),
            Kind::Word if self.at_plain_word() => self.word().to_owned(),
            _ => return Err(not_well_formed("Expected identifier for simple path")),
        };
        self.next();
        Ok(name)
    }

    /// A document path.
    ///
    /// # Errors
    /// Where there is none.
    pub fn path(&mut self) -> Result<Path, String> {
        let mut path = Path::attribute(self.name()?);
        loop {
            if self.take_sign(".") {
                if !self.at_plain_word() && !matches!(self.kind(), Kind::Name(_)) {
                    return Err(not_well_formed("Invalid path dot component"));
                }
                path.steps.push(Step::Name(self.name()?));
            } else if self.take_sign("[") {
                path.steps.push(self.index()?);
                self.expect_sign("]")?;
            } else {
                return Ok(path);
            }
            if path.steps.len() > MAX_STEPS {
                return Err(not_well_formed("Invalid path dot component"));
            }
        }
    }

    /// An index of a list, or the name of a map's entry in quotes.
    fn index(&mut self) -> Result<Step, String> {
        let step = match self.kind() {
            Kind::Number => {
                let index: u32 = self.word().parse().map_err(|_| self.unexpected())?;
                Step::Index(index as usize)
            }
            Kind::Text(name) => Step::Name(name.clone()),
            _ => return Err(self.unexpected()),
        };
        self.next();
        Ok(step)
    }

    /// A column of a SELECT.
    ///
    /// # Errors
    /// Where it is no path.
    pub fn column(&mut self) -> Result<Path, String> {
        let begin = self.at;
        let is_path = self.at_plain_word() || matches!(self.kind(), Kind::Name(_));
        if !is_path {
            return Err(self.unexpected());
        }
        let path = self.path()?;
        match self.kind() {
            Kind::Sign("(") => Err(format!("Unexpected path component at {}", self.place(begin))),
            _ => Ok(path),
        }
    }

    /// A term: a value, a path or a call.
    ///
    /// # Errors
    /// Where there is none.
    pub fn term(&mut self) -> Result<Term, String> {
        self.descend()?;
        let term = self.one_term();
        self.depth -= 1;
        term
    }

    fn one_term(&mut self) -> Result<Term, String> {
        let literal = match self.kind() {
            Kind::Text(text) => Some(Term::Text(text.clone())),
            Kind::Number => Some(Term::Number(self.number("")?)),
            Kind::Parameter => {
                self.parameters += 1;
                Some(Term::Parameter(self.parameters - 1))
            }
            Kind::Word if self.at_keyword("TRUE") => Some(Term::Bool(true)),
            Kind::Word if self.at_keyword("FALSE") => Some(Term::Bool(false)),
            Kind::Word if self.at_keyword("NULL") => Some(Term::Null),
            _ => None,
        };
        if let Some(literal) = literal {
            self.next();
            return Ok(literal);
        }
        if self.take_sign("-") {
            let number = match self.kind() {
                Kind::Number => self.number("-")?,
                _ => return Err(self.unexpected()),
            };
            self.next();
            return Ok(Term::Number(number));
        }
        if self.take_sign("[") {
            return self.terms("]").map(Term::List);
        }
        if self.take_sign("<<") {
            return self.terms(">>").map(Term::Bag);
        }
        if self.take_sign("{") {
            return self.map();
        }
        if self.take_sign("(") {
            let term = self.sum()?;
            self.expect_sign(")")?;
            return Ok(term);
        }
        self.path_or_call()
    }

    /// A number with its sign. Beyond the exponents of Java's BigDecimal it is none.
    fn number(&self, sign: &str) -> Result<String, String> {
        let text = self.word();
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i64 = exponent.parse::<i32>().map_err(|_| not_well_formed(""))?.into();
        let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i64);
        if i32::try_from(fraction - exponent).is_err() {
            return Err(not_well_formed(""));
        }
        Ok(format!("{sign}{text}"))
    }

    fn path_or_call(&mut self) -> Result<Term, String> {
        let begin = self.at;
        // EXISTS is a word that stands before a parenthesis, though not as a function.
        let is_call = *self.kind() == Kind::Word
            && matches!(self.tokens.get(begin + 1).map(|next| &next.kind), Some(Kind::Sign("(")));
        if !is_call {
            if !self.at_plain_word() && !matches!(self.kind(), Kind::Name(_)) {
                return Err(self.unexpected());
            }
            return self.path().map(Term::Path);
        }
        let name = self.word().to_ascii_lowercase();
        self.next();
        self.next();
        let first = self.place(self.at);
        Ok(Term::Call(Call { name, place: self.place(begin), first, operands: self.terms(")")? }))
    }

    /// Terms up to a closing sign.
    fn terms(&mut self, close: &'static str) -> Result<Vec<Term>, String> {
        let mut terms = Vec::new();
        if self.take_sign(close) {
            return Ok(terms);
        }
        loop {
            terms.push(self.sum()?);
            if !self.take_sign(",") {
                self.expect_sign(close)?;
                return Ok(terms);
            }
        }
    }

    fn map(&mut self) -> Result<Term, String> {
        let mut entries = Vec::new();
        if self.take_sign("}") {
            return Ok(Term::Map(entries));
        }
        loop {
            let name = match self.kind() {
                Kind::Text(name) | Kind::Name(name) => name.clone(),
                _ => return Err(self.unexpected()),
            };
            self.next();
            self.expect_sign(":")?;
            entries.push((name, self.term()?));
            if !self.take_sign(",") {
                self.expect_sign("}")?;
                return Ok(Term::Map(entries));
            }
        }
    }

    /// A term, or a sum or difference of two.
    ///
    /// # Errors
    /// Where there is none.
    pub fn sum(&mut self) -> Result<Term, String> {
        let first = self.term()?;
        if self.take_sign("+") {
            return Ok(Term::Plus(Box::new(first), Box::new(self.term()?)));
        }
        if self.take_sign("-") {
            return Ok(Term::Minus(Box::new(first), Box::new(self.term()?)));
        }
        Ok(first)
    }

    /// `WHERE …`, where it is here.
    ///
    /// # Errors
    /// Where its condition is none.
    pub fn condition_clause(&mut self) -> Result<Option<Where>, String> {
        if !self.take_keyword("WHERE") {
            return Ok(None);
        }
        let either = self.any()?;
        self.condition(either).map(Some)
    }

    fn any(&mut self) -> Result<Either, String> {
        let first = self.all()?;
        if !self.at_keyword("OR") {
            return Ok(first);
        }
        let mut conditions = vec![self.condition(first)?];
        while self.take_keyword("OR") {
            let next = self.all()?;
            conditions.push(self.condition(next)?);
        }
        Ok(Either::Condition(Condition::Any(conditions)))
    }

    fn all(&mut self) -> Result<Either, String> {
        let first = self.negated()?;
        if !self.at_keyword("AND") {
            return Ok(first);
        }
        let mut conditions = vec![self.condition(first)?];
        while self.take_keyword("AND") {
            let next = self.negated()?;
            conditions.push(self.condition(next)?);
        }
        Ok(Either::Condition(Condition::All(conditions)))
    }

    fn negated(&mut self) -> Result<Either, String> {
        let mut negated = false;
        let mut any = false;
        while self.take_keyword("NOT") {
            negated = !negated;
            any = true;
        }
        let test = self.test()?;
        if !any {
            return Ok(test);
        }
        let condition = self.condition(test)?;
        Ok(Either::Condition(if negated { Condition::Not(Box::new(condition)) } else { condition }))
    }

    fn test(&mut self) -> Result<Either, String> {
        let first = match self.group()? {
            Either::Term(term) => term,
            condition => return Ok(condition),
        };
        if let Some((sign, comparison)) = COMPARISONS
            .into_iter()
            .find(|(sign, _)| matches!(self.kind(), Kind::Sign(found) if found == sign))
        {
            self.take_sign(sign);
            let second = self.sum()?;
            return self.compared(comparison, first, second).map(Either::Condition);
        }
        if self.take_keyword("IS") {
            return self.is(first).map(Either::Condition);
        }
        let negated = self.at_keyword("NOT") && self.followed_by(&["IN", "BETWEEN"]);
        if negated {
            self.next();
        }
        let test = if self.take_keyword("BETWEEN") {
            let low = self.sum()?;
            self.expect_keyword("AND")?;
            Condition::Test(Ask::Between, vec![first, low, self.sum()?])
        } else if self.take_keyword("IN") {
            let close = if self.take_sign("(") { ")" } else { "]" };
            if close == "]" {
                self.expect_sign("[")?;
            }
            let mut operands = vec![first];
            operands.extend(self.terms(close)?);
            Condition::Test(Ask::In, operands)
        } else {
            return Ok(Either::Term(first));
        };
        Ok(Either::Condition(if negated { Condition::Not(Box::new(test)) } else { test }))
    }

    fn followed_by(&self, words: &[&str]) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|next| {
            words.iter().any(|word| word.eq_ignore_ascii_case(&self.text[next.start..next.end]))
        })
    }

    fn group(&mut self) -> Result<Either, String> {
        if !matches!(self.kind(), Kind::Sign("(")) {
            return self.sum().map(Either::Term);
        }
        self.next();
        self.descend()?;
        let inner = self.any()?;
        self.expect_sign(")")?;
        self.depth -= 1;
        Ok(inner)
    }

    /// A comparison; a function that is a condition may be compared with a truth value.
    fn compared(&self, comparison: Comparison, one: Term, two: Term) -> Result<Where, String> {
        match (comparison, one, two) {
            (Comparison::Equal, Term::Call(call), Term::Bool(truth)) if is_condition(&call) => {
                let condition = self.condition(Either::Term(Term::Call(call)))?;
                Ok(if truth { condition } else { Condition::Not(Box::new(condition)) })
            }
            (comparison, one, two) => Ok(Condition::Test(Ask::Compare(comparison), vec![one, two])),
        }
    }

    /// What stands behind IS.
    fn is(&mut self, term: Term) -> Result<Where, String> {
        let negated = self.take_keyword("NOT");
        let word = self.word().to_ascii_uppercase();
        let typed = |kind: &str| Condition::Test(Ask::Type, vec![term.clone(), Term::Text(kind.to_owned())]);
        let exists = Condition::Test(Ask::Exists, vec![term.clone()]);
        let test = match word.as_str() {
            "MISSING" => {
                self.next();
                let ask = if negated { Ask::Exists } else { Ask::NotExists };
                return Ok(Condition::Test(ask, vec![term]));
            }
            "NULL" => typed("NULL"),
            "BOOL" | "BOOLEAN" => typed("BOOL"),
            "STRING" | "CHAR" | "VARCHAR" | "CHARACTER" => typed("S"),
            "INT" | "INTEGER" | "SMALLINT" | "NUMERIC" | "DECIMAL" | "FLOAT" | "REAL" | "NUMBER" => {
                typed("N")
            }
            "LIST" => typed("L"),
            "STRUCT" | "TUPLE" | "MAP" => typed("M"),
            "BLOB" | "BINARY" => typed("B"),
            _ => return Err(self.unexpected()),
        };
        self.next();
        // What is missing is of no type, and not of another either.
        Ok(if negated { Condition::All(vec![exists, Condition::Not(Box::new(test))]) } else { test })
    }

    /// A term as a condition: a call of a function may be one.
    fn condition(&self, either: Either) -> Result<Where, String> {
        match either {
            Either::Condition(condition) => Ok(condition),
            Either::Term(Term::Call(call)) => match function(&call.name) {
                Some(ask) if ask != Ask::Size => Ok(Condition::Test(ask, call.operands)),
                Some(_) => Err(self.unexpected()),
                None => Err(unknown_function(&call)),
            },
            Either::Term(_) => Err(self.unexpected()),
        }
    }
}

/// The condition that a function asks for.
pub fn function(name: &str) -> Option<Ask> {
    FUNCTIONS.into_iter().find(|(function, _)| *function == name).map(|(_, ask)| ask)
}

fn is_condition(call: &Call) -> bool {
    function(&call.name).is_some_and(|ask| ask != Ask::Size)
}

/// The message of a function that there is not.
pub fn unknown_function(call: &Call) -> String {
    format!("Unrecognized function: {} at {}", call.name, call.place)
}
