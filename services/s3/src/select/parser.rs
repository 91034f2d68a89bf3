//! A query out of its pieces, by recursive descent with a bound on the depth.

use super::Fault;
use super::lexer::{self, Token};
use super::value::Value;

/// Longest query, in bytes.
const MAX_BYTES: usize = 256 * 1024;
/// How deep expressions nest, and how many operators follow one another in a query.
const MAX_DEPTH: usize = 64;
const MAX_CHAINED: usize = 1000;

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// What of each record is given; `None` for all of it.
    pub items: Option<Vec<Item>>,
    /// The name of the records.
    pub alias: Option<String>,
    /// What of each document are records.
    pub source: Vec<Step>,
    /// Which records.
    pub filter: Option<Expr>,
    /// How many.
    pub limit: Option<u64>,
}

/// What is given of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The value.
    pub expr: Expr,
    /// Its name.
    pub name: Option<String>,
}

/// A step into a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// A member, and whether its case counts.
    Member(String, bool),
    /// An element.
    At(usize),
    /// Every element.
    Every,
}

/// An operator between two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Join,
}

/// An aggregate over all records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    Count,
    Sum,
    Average,
    Least,
    Greatest,
}

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    Literal(Value),
    Path(Vec<Step>),
    Not(Box<Expr>),
    Minus(Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    Like {
        value: Box<Expr>,
        pattern: Box<Expr>,
        escape: Option<Box<Expr>>,
    },
    In(Box<Expr>, Vec<Expr>),
    Between(Box<Expr>, Box<Expr>, Box<Expr>),
    /// Whether it is null, or missing where that is asked.
    Is {
        value: Box<Expr>,
        missing: bool,
    },
    Case {
        subject: Option<Box<Expr>>,
        branches: Vec<(Expr, Expr)>,
        other: Option<Box<Expr>>,
    },
    Cast(Box<Expr>, String),
    Call(String, Vec<Expr>),
    /// The number of the aggregate among those of the query.
    Aggregate(Aggregate, Option<Box<Expr>>),
}

fn unexpected(token: Option<&Token>) -> Fault {
    let shown = token.map_or_else(|| "the end".to_owned(), Token::shown);
    Fault::new("ParseUnexpectedToken", format!("The SQL expression contains an unexpected token: {shown}"))
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    chained: usize,
}

/// Parses a query.
///
/// # Errors
/// Where it is none that is understood.
pub fn parse(text: &str) -> Result<Query, Fault> {
    if text.len() > MAX_BYTES {
        return Err(Fault::new(
            "ExpressionTooLong",
            "The SQL expression is too long: The maximum byte-length for the SQL expression is 256 KB.",
        ));
    }
    let mut parser = Parser { tokens: lexer::tokens(text)?, at: 0, depth: 0, chained: 0 };
    let query = parser.query()?;
    match parser.peek() {
        None => Ok(query),
        token => Err(unexpected(token)),
    }
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let found = self.peek().is_some_and(|token| token.is(keyword));
        self.at += usize::from(found);
        found
    }

    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(known)) if *known == sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Fault> {
        if self.sign(sign) { Ok(()) } else { Err(unexpected(self.peek())) }
    }

    fn expect_keyword(&mut self, keyword: &str) -> Result<(), Fault> {
        if self.keyword(keyword) {
            return Ok(());
        }
        Err(Fault::new(
            "ParseExpectedKeyword",
            format!("Did not find the expected keyword {keyword} in the SQL expression."),
        ))
    }

    fn query(&mut self) -> Result<Query, Fault> {
        self.expect_keyword("SELECT")?;
        let items = if self.sign("*") { None } else { Some(self.items()?) };
        if !self.keyword("FROM") {
            return Err(Fault::new(
                "ParseSelectMissingFrom",
                "Missing FROM after SELECT list in the SQL expression.",
            ));
        }
        let source = self.source()?;
        let keyword = ["WHERE", "LIMIT"].iter().any(|word| self.peek().is_some_and(|token| token.is(word)));
        let named = self.keyword("AS")
            || (!keyword && matches!(self.peek(), Some(Token::Word(_) | Token::Quoted(_))));
        let alias = if named { Some(self.name()?) } else { None };
        let filter = if self.keyword("WHERE") { Some(self.expr()?) } else { None };
        let limit = if self.keyword("LIMIT") {
            match self.next() {
                Some(Token::Int(limit)) => u64::try_from(limit).ok(),
                token => return Err(unexpected(token.as_ref())),
            }
        } else {
            None
        };
        Ok(Query { items, alias, source, filter, limit })
    }

    fn name(&mut self) -> Result<String, Fault> {
        match self.next() {
            Some(Token::Word(name) | Token::Quoted(name)) => Ok(name),
            token => Err(unexpected(token.as_ref())),
        }
    }

    fn source(&mut self) -> Result<Vec<Step>, Fault> {
        let name = self.name()?;
        if !name.eq_ignore_ascii_case("S3Object") {
            return Err(Fault::new(
                "InvalidTableAlias",
                "The SQL expression contains an invalid table alias.",
            ));
        }
        self.steps()
    }

    /// Steps that follow a name.
    fn steps(&mut self) -> Result<Vec<Step>, Fault> {
        let mut steps = Vec::new();
        loop {
            if self.sign(".") {
                steps.push(match self.next() {
                    Some(Token::Word(name)) => Step::Member(name, false),
                    Some(Token::Quoted(name)) => Step::Member(name, true),
                    Some(Token::Sign("*")) => Step::Every,
                    token => return Err(unexpected(token.as_ref())),
                });
            } else if self.sign("[") {
                steps.push(match self.next() {
                    Some(Token::Int(at)) => Step::At(usize::try_from(at).unwrap_or(usize::MAX)),
                    Some(Token::Text(name)) => Step::Member(name, true),
                    Some(Token::Sign("*")) => Step::Every,
                    token => return Err(unexpected(token.as_ref())),
                });
                self.expect("]")?;
            } else {
                return Ok(steps);
            }
        }
    }

    fn items(&mut self) -> Result<Vec<Item>, Fault> {
        let mut items = Vec::new();
        loop {
            let expr = self.expr()?;
            let named = self.keyword("AS")
                || matches!(self.peek(), Some(Token::Word(word)) if !word.eq_ignore_ascii_case("FROM"))
                || matches!(self.peek(), Some(Token::Quoted(_)));
            let name = if named { Some(self.name()?) } else { None };
            items.push(Item { expr, name });
            if !self.sign(",") {
                return Ok(items);
            }
        }
    }

    fn expr(&mut self) -> Result<Expr, Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Fault::new(
                "UnsupportedSqlStructure",
                "Encountered an unsupported SQL structure: it is too deep.",
            ));
        }
        let expr = self.either();
        self.depth -= 1;
        expr
    }

    /// Operators that follow one another make a tree as deep as they are many.
    fn chain(&mut self) -> Result<(), Fault> {
        self.chained += 1;
        if self.chained > MAX_CHAINED {
            return Err(Fault::new(
                "UnsupportedSqlStructure",
                "Encountered an unsupported SQL structure: it is too long.",
            ));
        }
        Ok(())
    }

    fn either(&mut self) -> Result<Expr, Fault> {
        let mut left = self.both()?;
        while self.keyword("OR") {
            self.chain()?;
            left = Expr::Binary(Operator::Or, Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Expr, Fault> {
        let mut left = self.negation()?;
        while self.keyword("AND") {
            self.chain()?;
            left = Expr::Binary(Operator::And, Box::new(left), Box::new(self.negation()?));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Expr, Fault> {
        let mut negated = false;
        while self.keyword("NOT") {
            negated = !negated;
        }
        let expr = self.comparison()?;
        Ok(if negated { Expr::Not(Box::new(expr)) } else { expr })
    }

    fn comparison(&mut self) -> Result<Expr, Fault> {
        let left = self.sum()?;
        for (sign, operator) in [
            ("=", Operator::Equal),
            ("<>", Operator::Unequal),
            ("!=", Operator::Unequal),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ] {
            if self.sign(sign) {
                return Ok(Expr::Binary(operator, Box::new(left), Box::new(self.sum()?)));
            }
        }
        if self.keyword("IS") {
            let negated = self.keyword("NOT");
            let missing = self.keyword("MISSING");
            if !missing {
                self.expect_keyword("NULL")?;
            }
            return Ok(negated_if(negated, Expr::Is { value: Box::new(left), missing }));
        }
        let negated = self.keyword("NOT");
        let test = self.membership(left)?;
        match test {
            (expr, true) => Ok(negated_if(negated, expr)),
            (expr, false) if !negated => Ok(expr),
            _ => Err(unexpected(self.peek())),
        }
    }

    /// `LIKE`, `IN` and `BETWEEN`; whether there was one.
    fn membership(&mut self, left: Expr) -> Result<(Expr, bool), Fault> {
        let value = Box::new(left);
        if self.keyword("LIKE") {
            let pattern = Box::new(self.sum()?);
            let escape = if self.keyword("ESCAPE") { Some(Box::new(self.sum()?)) } else { None };
            return Ok((Expr::Like { value, pattern, escape }, true));
        }
        if self.keyword("IN") {
            self.expect("(")?;
            let list = self.list()?;
            return Ok((Expr::In(value, list), true));
        }
        if self.keyword("BETWEEN") {
            let low = Box::new(self.sum()?);
            self.expect_keyword("AND")?;
            return Ok((Expr::Between(value, low, Box::new(self.sum()?)), true));
        }
        Ok((*value, false))
    }

    /// Expressions up to the closing mark.
    fn list(&mut self) -> Result<Vec<Expr>, Fault> {
        let mut list = Vec::new();
        if self.sign(")") {
            return Ok(list);
        }
        loop {
            list.push(self.expr()?);
            if self.sign(")") {
                return Ok(list);
            }
            self.expect(",")?;
        }
    }

    fn binary(
        &mut self,
        operators: &[(&str, Operator)],
        operand: fn(&mut Self) -> Result<Expr, Fault>,
    ) -> Result<Expr, Fault> {
        let mut left = operand(self)?;
        while let Some((_, operator)) = operators.iter().find(|(sign, _)| self.sign(sign)) {
            self.chain()?;
            left = Expr::Binary(*operator, Box::new(left), Box::new(operand(self)?));
        }
        Ok(left)
    }

    fn sum(&mut self) -> Result<Expr, Fault> {
        let operators = [("+", Operator::Add), ("-", Operator::Subtract), ("||", Operator::Join)];
        self.binary(&operators, Self::product)
    }

    fn product(&mut self) -> Result<Expr, Fault> {
        let operators = [("*", Operator::Multiply), ("/", Operator::Divide), ("%", Operator::Remainder)];
        self.binary(&operators, Self::signed)
    }

    fn signed(&mut self) -> Result<Expr, Fault> {
        let mut negative = false;
        loop {
            if self.sign("-") {
                negative = !negative;
            } else if !self.sign("+") {
                break;
            }
        }
        let expr = self.primary()?;
        Ok(if negative { Expr::Minus(Box::new(expr)) } else { expr })
    }

    fn primary(&mut self) -> Result<Expr, Fault> {
        match self.next() {
            Some(Token::Int(number)) => Ok(Expr::Literal(Value::Int(number))),
            Some(Token::Float(number)) => Ok(Expr::Literal(Value::Float(number))),
            Some(Token::Text(text)) => Ok(Expr::Literal(Value::Text(text))),
            Some(Token::Sign("(")) => {
                let expr = self.expr()?;
                self.expect(")")?;
                Ok(expr)
            }
            Some(Token::Quoted(name)) => self.path(Step::Member(name, true)),
            Some(Token::Word(word)) => self.worded(word),
            token => Err(unexpected(token.as_ref())),
        }
    }

    fn path(&mut self, first: Step) -> Result<Expr, Fault> {
        let mut steps = vec![first];
        steps.extend(self.steps()?);
        Ok(Expr::Path(steps))
    }

    fn worded(&mut self, word: String) -> Result<Expr, Fault> {
        let upper = word.to_ascii_uppercase();
        match upper.as_str() {
            "TRUE" => return Ok(Expr::Literal(Value::Bool(true))),
            "FALSE" => return Ok(Expr::Literal(Value::Bool(false))),
            "NULL" => return Ok(Expr::Literal(Value::Null)),
            "MISSING" => return Ok(Expr::Literal(Value::Missing)),
            "CASE" => return self.case(),
            "SELECT" | "FROM" | "WHERE" | "LIMIT" => return Err(unexpected(Some(&Token::Word(word)))),
            _ => {}
        }
        if !self.sign("(") {
            return self.path(Step::Member(word, false));
        }
        let aggregate = match upper.as_str() {
            "COUNT" => Some(Aggregate::Count),
            "SUM" => Some(Aggregate::Sum),
            "AVG" => Some(Aggregate::Average),
            "MIN" => Some(Aggregate::Least),
            "MAX" => Some(Aggregate::Greatest),
            _ => None,
        };
        if let Some(aggregate) = aggregate {
            let of = if self.sign("*") { None } else { Some(Box::new(self.expr()?)) };
            self.expect(")")?;
            return Ok(Expr::Aggregate(aggregate, of));
        }
        self.call(upper)
    }

    /// The functions whose arguments have words between them; the others have a list.
    fn call(&mut self, name: String) -> Result<Expr, Fault> {
        match name.as_str() {
            "CAST" => {
                let value = Box::new(self.expr()?);
                self.expect_keyword("AS")?;
                let kind = self.name()?.to_ascii_uppercase();
                if self.sign("(") {
                    self.list()?;
                }
                self.expect(")")?;
                Ok(Expr::Cast(value, kind))
            }
            "SUBSTRING" => {
                let mut arguments = vec![self.expr()?];
                if self.keyword("FROM") {
                    arguments.push(self.expr()?);
                    if self.keyword("FOR") {
                        arguments.push(self.expr()?);
                    }
                    self.expect(")")?;
                } else if self.sign(",") {
                    arguments.extend(self.list()?);
                } else {
                    return Err(unexpected(self.peek()));
                }
                Ok(Expr::Call(name, arguments))
            }
            "TRIM" => {
                let side = ["LEADING", "TRAILING", "BOTH"].into_iter().find(|side| self.keyword(side));
                let side = Expr::Literal(Value::Text(side.unwrap_or("BOTH").to_owned()));
                let blank = || Expr::Literal(Value::Text(" ".to_owned()));
                let first = if self.keyword("FROM") { None } else { Some(self.expr()?) };
                let arguments = match first {
                    None => vec![self.expr()?, blank(), side],
                    Some(what) if self.keyword("FROM") => vec![self.expr()?, what, side],
                    Some(value) => vec![value, blank(), side],
                };
                self.expect(")")?;
                Ok(Expr::Call(name, arguments))
            }
            "EXTRACT" => {
                let part = Expr::Literal(Value::Text(self.name()?.to_ascii_uppercase()));
                self.expect_keyword("FROM")?;
                let value = self.expr()?;
                self.expect(")")?;
                Ok(Expr::Call(name, vec![part, value]))
            }
            _ => Ok(Expr::Call(name, self.list()?)),
        }
    }

    fn case(&mut self) -> Result<Expr, Fault> {
        let subject = if self.peek().is_some_and(|token| token.is("WHEN")) {
            None
        } else {
            Some(Box::new(self.expr()?))
        };
        let mut branches = Vec::new();
        while self.keyword("WHEN") {
            let test = self.expr()?;
            self.expect_keyword("THEN")?;
            branches.push((test, self.expr()?));
        }
        if branches.is_empty() {
            return Err(unexpected(self.peek()));
        }
        let other = if self.keyword("ELSE") { Some(Box::new(self.expr()?)) } else { None };
        self.expect_keyword("END")?;
        Ok(Expr::Case { subject, branches, other })
    }
}

fn negated_if(negated: bool, expr: Expr) -> Expr {
    if negated { Expr::Not(Box::new(expr)) } else { expr }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        let query =
            parse("select s.a AS x, count(*) from S3Object[*].rows s where s.b like 'a%' limit 5").unwrap();
        assert_eq!(query.alias.as_deref(), Some("s"));
        assert_eq!(query.limit, Some(5));
        assert_eq!(query.source, [Step::Every, Step::Member("rows".into(), false)]);
        let items = query.items.unwrap();
        assert_eq!(items[0].name.as_deref(), Some("x"));
        assert_eq!(items[1].expr, Expr::Aggregate(Aggregate::Count, None));
        for text in [
            "SELECT * FROM S3Object",
            "SELECT \"a b\" FROM S3Object s WHERE NOT s._1 IN (1, 2) AND _2 NOT BETWEEN 1 AND 2 OR _3 IS NOT NULL",
            "SELECT CAST(_1 AS DECIMAL(10, 2)), SUBSTRING(_2 FROM 1 FOR 2), TRIM(LEADING 'x' FROM _3) FROM s3object",
            "SELECT CASE WHEN _1 = 1 THEN 'a' ELSE 'b' END FROM S3Object",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_refused() {
        for (text, code) in [
            ("SELECT", "ParseUnexpectedToken"),
            ("SELECT a", "ParseSelectMissingFrom"),
            ("DELETE FROM S3Object", "ParseExpectedKeyword"),
            ("SELECT * FROM other", "InvalidTableAlias"),
            ("SELECT * FROM S3Object WHERE", "ParseUnexpectedToken"),
            ("SELECT * FROM S3Object s extra", "ParseUnexpectedToken"),
            ("SELECT a + FROM S3Object", "ParseUnexpectedToken"),
        ] {
            assert_eq!(parse(text).unwrap_err().code, code, "{text}");
        }
        let deep = format!("SELECT {}1{} FROM S3Object", "(".repeat(10_000), ")".repeat(10_000));
        assert_eq!(parse(&deep).unwrap_err().code, "UnsupportedSqlStructure");
        let long = format!("SELECT {}1 FROM S3Object", "- ".repeat(100_000));
        assert!(parse(&long).is_ok());
        let chain = format!("SELECT 1{} FROM S3Object", " OR 1".repeat(40_000));
        assert_eq!(parse(&chain).unwrap_err().code, "UnsupportedSqlStructure");
    }
}
