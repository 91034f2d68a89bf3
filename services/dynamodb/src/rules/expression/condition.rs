//! The grammar of conditions, filters and key conditions.
//!
//! What is parsed holds placeholders, so that it can be kept for the next request with the same text;
//! `bind` fills them in and checks what depends on them.

use super::syntax::{Cursor, Grouped, Raw};

/// How two operands are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    const ALL: [(&'static str, Comparison); 6] = [
        ("=", Comparison::Equal),
        ("<>", Comparison::NotEqual),
        ("<", Comparison::Less),
        ("<=", Comparison::LessOrEqual),
        (">", Comparison::Greater),
        (">=", Comparison::GreaterOrEqual),
    ];

    /// The sign.
    pub fn sign(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "<>",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }
}

/// What a test asks of its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// A comparison of two.
    Compare(Comparison),
    /// `a BETWEEN b AND c`
    Between,
    /// `a IN (b, c)`
    In,
    /// `attribute_exists`
    Exists,
    /// `attribute_not_exists`
    NotExists,
    /// `attribute_type`
    Type,
    /// `begins_with`
    BeginsWith,
    /// `contains`
    Contains,
    /// `size`, which is no condition by itself.
    Size,
}

impl Ask {
    /// The function of a name, which is sensitive to case.
    pub fn function(name: &str) -> Option<Ask> {
        Some(match name {
            "attribute_exists" => Ask::Exists,
            "attribute_not_exists" => Ask::NotExists,
            "attribute_type" => Ask::Type,
            "begins_with" => Ask::BeginsWith,
            "contains" => Ask::Contains,
            "size" => Ask::Size,
            _ => return None,
        })
    }

    /// The operator or function in messages.
    pub fn name(self) -> &'static str {
        match self {
            Ask::Compare(comparison) => comparison.sign(),
            Ask::Between => "BETWEEN",
            Ask::In => "IN",
            Ask::Exists => "attribute_exists",
            Ask::NotExists => "attribute_not_exists",
            Ask::Type => "attribute_type",
            Ask::BeginsWith => "begins_with",
            Ask::Contains => "contains",
            Ask::Size => "size",
        }
    }
}

/// A condition over operands of some form.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition<O> {
    /// All of them.
    All(Vec<Condition<O>>),
    /// One of them.
    Any(Vec<Condition<O>>),
    /// Not that.
    Not(Box<Condition<O>>),
    /// A test of operands.
    Test(Ask, Vec<O>),
}

/// A condition as it is written, its text found to be right.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The condition.
    pub condition: Condition<Raw>,
}

const KEYWORDS: &[&str] = &["AND", "OR", "NOT", "BETWEEN", "IN"];

/// What stands at a place where a condition or the first operand of one may stand.
enum Term {
    Condition(Condition<Raw>),
    Operand(Raw),
}

/// Parses a condition.
///
/// # Errors
/// AWS's message, without the name of the parameter.
pub fn parse(text: &str) -> Result<Parsed, String> {
    let mut grammar = Grammar { cursor: Cursor::new(text, KEYWORDS)?, unknown: None, misused: None };
    let term = grammar.any()?.inner;
    let condition = grammar.condition(term)?;
    grammar.cursor.expect_end()?;
    if grammar.cursor.redundant_parentheses {
        return Err("The expression has redundant parentheses;".to_owned());
    }
    if let Some(name) = grammar.unknown {
        return Err(match name.as_str() {
            "if_not_exists" | "list_append" => {
                format!("The function is not allowed in a condition expression; function: {name}")
            }
            _ => format!("Invalid function name; function: {name}"),
        });
    }
    if let Some(name) = grammar.misused {
        return Err(format!(
            "The function is not allowed to be used this way in an expression; function: {name}"
        ));
    }
    match grammar.cursor.reserved {
        Some(word) => Err(format!("Attribute name is a reserved keyword; reserved keyword: {word}")),
        None => Ok(Parsed { condition }),
    }
}

struct Grammar<'t> {
    cursor: Cursor<'t>,
    /// The first function that there is not.
    unknown: Option<String>,
    /// The first function where it may not stand.
    misused: Option<String>,
}

impl Grammar<'_> {
    /// Conditions joined by OR; or an operand alone, which makes sense in parentheses.
    fn any(&mut self) -> Result<Grouped<Term>, String> {
        let first = self.all()?;
        if !self.cursor.at_keyword("OR") {
            return Ok(first);
        }
        let mut conditions = vec![self.condition(first.inner)?];
        while self.cursor.take_keyword("OR") {
            self.cursor.count_operator()?;
            let next = self.all()?.inner;
            conditions.push(self.condition(next)?);
        }
        Ok(plain(Condition::Any(conditions)))
    }

    fn all(&mut self) -> Result<Grouped<Term>, String> {
        let first = self.negated()?;
        if !self.cursor.at_keyword("AND") {
            return Ok(first);
        }
        let mut conditions = vec![self.condition(first.inner)?];
        while self.cursor.take_keyword("AND") {
            self.cursor.count_operator()?;
            let next = self.negated()?.inner;
            conditions.push(self.condition(next)?);
        }
        Ok(plain(Condition::All(conditions)))
    }

    fn negated(&mut self) -> Result<Grouped<Term>, String> {
        let mut negations = 0;
        while self.cursor.take_keyword("NOT") {
            self.cursor.count_operator()?;
            negations += 1;
        }
        let term = self.test()?;
        if negations == 0 {
            return Ok(term);
        }
        let condition = self.condition(term.inner)?;
        // Two negations cancel each other, so the tree stays flat.
        Ok(plain(if negations % 2 == 0 { condition } else { Condition::Not(Box::new(condition)) }))
    }

    fn test(&mut self) -> Result<Grouped<Term>, String> {
        let first = self.group()?;
        let Term::Operand(operand) = first.inner else { return Ok(first) };
        if let Some(comparison) = self.comparison() {
            let second = self.cursor.operand()?.inner;
            return self.tested(Ask::Compare(comparison), vec![operand, second]);
        }
        if self.cursor.take_keyword("BETWEEN") {
            let low = self.cursor.operand()?.inner;
            self.cursor.expect_keyword("AND")?;
            let high = self.cursor.operand()?.inner;
            return self.tested(Ask::Between, vec![operand, low, high]);
        }
        if self.cursor.take_keyword("IN") {
            self.cursor.expect_sign("(")?;
            let mut operands = vec![operand];
            operands.extend(self.cursor.operands()?);
            return self.tested(Ask::In, operands);
        }
        Ok(Grouped { inner: Term::Operand(operand), grouped: first.grouped })
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let found = Comparison::ALL.into_iter().find(|(sign, _)| self.cursor.is_sign(sign));
        found.map(|(sign, comparison)| {
            self.cursor.take_sign(sign);
            comparison
        })
    }

    fn group(&mut self) -> Result<Grouped<Term>, String> {
        if !self.cursor.take_sign("(") {
            let operand = self.cursor.bare_operand()?;
            return Ok(Grouped { inner: Term::Operand(operand), grouped: false });
        }
        self.cursor.descend()?;
        let term = self.any()?;
        self.cursor.expect_sign(")")?;
        self.cursor.ascend();
        self.cursor.redundant_parentheses |= term.grouped;
        match term.inner {
            Term::Condition(condition) => Ok(Grouped { inner: Term::Condition(condition), grouped: true }),
            Term::Operand(operand) => {
                let operand = self.cursor.after_group(operand)?;
                Ok(Grouped { inner: Term::Operand(operand.inner), grouped: operand.grouped })
            }
        }
    }

    fn tested(&mut self, ask: Ask, operands: Vec<Raw>) -> Result<Grouped<Term>, String> {
        self.cursor.count_operator()?;
        operands.iter().for_each(|operand| self.look_at(operand));
        operands.iter().for_each(|operand| self.refuse_as_operand(operand));
        Ok(plain(Condition::Test(ask, operands)))
    }

    /// A term as a condition: a call of a function is one, another operand is not.
    fn condition(&mut self, term: Term) -> Result<Condition<Raw>, String> {
        match term {
            Term::Condition(condition) => Ok(condition),
            Term::Operand(call @ Raw::Call(..)) => {
                self.look_at(&call);
                let Raw::Call(name, operands) = call else { return Err(self.cursor.error()) };
                let ask = Ask::function(&name);
                if ask == Some(Ask::Size) {
                    self.misused.get_or_insert(name);
                }
                Ok(Condition::Test(ask.unwrap_or(Ask::Size), operands))
            }
            Term::Operand(_) => Err(self.cursor.error()),
        }
    }

    /// Notes the functions in an operand that do not exist or may not be operands of others.
    fn look_at(&mut self, operand: &Raw) {
        let (mut unknown, mut misused) = (self.unknown.take(), self.misused.take());
        operand.each_call(&mut |name, operands| {
            for inner in operands {
                if let Raw::Call(inner, _) = inner
                    && inner != "size"
                {
                    misused.get_or_insert_with(|| inner.clone());
                }
            }
            if Ask::function(name).is_none() {
                unknown.get_or_insert_with(|| name.to_owned());
            }
        });
        (self.unknown, self.misused) = (unknown, misused);
    }

    fn refuse_as_operand(&mut self, operand: &Raw) {
        if let Raw::Call(name, _) = operand
            && name != "size"
        {
            self.misused.get_or_insert_with(|| name.clone());
        }
    }
}

fn plain(condition: Condition<Raw>) -> Grouped<Term> {
    Grouped { inner: Term::Condition(condition), grouped: false }
}
