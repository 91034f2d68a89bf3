//! What the grammars of all expressions share: the cursor over tokens, document paths, operands.

use super::lexer::{self, Sort, Token};
use super::words;

/// The longest expression, in bytes.
const MAX_BYTES: usize = 4096;
/// How deep parentheses and calls may be nested.
const MAX_DEPTH: u32 = 150;
/// The most operators and functions.
const MAX_OPERATORS: usize = 300;
/// The most steps of a document path: an item has at most 32 levels.
const MAX_STEPS: usize = 32;

/// A step of a path as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawStep {
    /// A name.
    Name(String),
    /// `#name`
    Alias(String),
    /// `[1]`
    Index(usize),
}

/// A path as it is written.
pub type RawPath = Vec<RawStep>;

/// An operand as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raw {
    /// A document path.
    Path(RawPath),
    /// `:value`
    Value(String),
    /// A call of a function.
    Call(String, Vec<Raw>),
}

impl Raw {
    /// Visits the calls in it, the inner ones first.
    pub fn each_call<'r>(&'r self, visit: &mut impl FnMut(&'r str, &'r [Raw])) {
        if let Raw::Call(name, operands) = self {
            operands.iter().for_each(|operand| operand.each_call(visit));
            visit(name, operands);
        }
    }
}

/// A place among the tokens of an expression.
pub struct Cursor<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    depth: u32,
    operators: usize,
    keywords: &'static [&'static str],
    /// Some parentheses hold nothing but parentheses.
    pub redundant_parentheses: bool,
    /// The first reserved word that is used as a name.
    pub reserved: Option<String>,
    /// The aliases in the order they are used.
    pub aliases: Vec<String>,
    /// The value placeholders in the order they are used.
    pub values: Vec<String>,
}

/// An operand, and whether it stands in parentheses of its own.
pub struct Grouped<T> {
    /// What is in them.
    pub inner: T,
    /// Whether there are some.
    pub grouped: bool,
}

impl<'t> Cursor<'t> {
    /// The beginning of an expression; the keywords are words that no path may use.
    ///
    /// # Errors
    /// Where it is empty or too long.
    pub fn new(text: &'t str, keywords: &'static [&'static str]) -> Result<Self, String> {
        if text.is_empty() {
            return Err("The expression can not be empty;".to_owned());
        }
        if text.len() > MAX_BYTES {
            return Err(format!(
                "Expression size has exceeded the maximum allowed size; expression size: {}",
                text.len()
            ));
        }
        Ok(Cursor {
            text,
            tokens: lexer::tokens(text),
            at: 0,
            depth: 0,
            operators: 0,
            keywords,
            redundant_parentheses: false,
            reserved: None,
            aliases: Vec::new(),
            values: Vec::new(),
        })
    }

    fn token(&self) -> Token {
        self.tokens[self.at]
    }

    fn cut(&self, token: Token) -> &'t str {
        &self.text[token.start..token.end]
    }

    /// The syntax error at the present token.
    pub fn error(&self) -> String {
        let token = self.token();
        let shown = if token.sort == Sort::End { "<EOF>" } else { self.cut(token) };
        let first = self.tokens[self.at.saturating_sub(1)];
        let last = if token.sort == Sort::End { first } else { self.tokens[self.at + 1] };
        let last =
            if last.sort == Sort::End && self.at > 0 && token.sort != Sort::End { token } else { last };
        let near = self.text[first.start..last.end.max(first.end)].trim_end();
        format!("Syntax error; token: \"{shown}\", near: \"{near}\"")
    }

    /// What the present token is.
    pub fn sort(&self) -> Sort {
        self.token().sort
    }

    /// Whether the present token is a sign.
    pub fn is_sign(&self, sign: &str) -> bool {
        matches!(self.sort(), Sort::Sign(found) if found == sign)
    }

    /// Goes past a sign, if it is here.
    pub fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        self.at += usize::from(found);
        found
    }

    /// Goes past a sign.
    ///
    /// # Errors
    /// Where it is not here.
    pub fn expect_sign(&mut self, sign: &str) -> Result<(), String> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.error()) }
    }

    /// Whether the present token is a keyword.
    pub fn at_keyword(&self, keyword: &str) -> bool {
        self.sort() == Sort::Word && self.cut(self.token()).eq_ignore_ascii_case(keyword)
    }

    /// Goes past a keyword, if it is here.
    pub fn take_keyword(&mut self, keyword: &str) -> bool {
        let found = self.at_keyword(keyword);
        self.at += usize::from(found);
        found
    }

    /// Goes past a keyword.
    ///
    /// # Errors
    /// Where it is not here.
    pub fn expect_keyword(&mut self, keyword: &str) -> Result<(), String> {
        if self.take_keyword(keyword) { Ok(()) } else { Err(self.error()) }
    }

    /// Ends the expression.
    ///
    /// # Errors
    /// Where there is more.
    pub fn expect_end(&self) -> Result<(), String> {
        if self.sort() == Sort::End { Ok(()) } else { Err(self.error()) }
    }

    /// Counts an operator or function.
    ///
    /// # Errors
    /// Where there are too many.
    pub fn count_operator(&mut self) -> Result<(), String> {
        self.operators += 1;
        if self.operators <= MAX_OPERATORS {
            return Ok(());
        }
        Err(format!(
            "The expression contains too many operators; operator count exceeds the limit of {MAX_OPERATORS}"
        ))
    }

    /// Goes one level deeper.
    ///
    /// # Errors
    /// Where that is too deep.
    pub fn descend(&mut self) -> Result<(), String> {
        self.depth += 1;
        if self.depth <= MAX_DEPTH {
            return Ok(());
        }
        Err(format!("The expression is nested too deeply; nesting exceeds the limit of {MAX_DEPTH} levels"))
    }

    /// Comes one level up.
    pub fn ascend(&mut self) {
        self.depth -= 1;
    }

    fn is_keyword(&self, word: &str) -> bool {
        self.keywords.iter().any(|keyword| keyword.eq_ignore_ascii_case(word))
    }

    /// Whether a path can begin here.
    pub fn at_name(&self) -> bool {
        match self.sort() {
            Sort::Alias => true,
            Sort::Word => !self.is_keyword(self.cut(self.token())),
            _ => false,
        }
    }

    fn step(&mut self) -> Result<RawStep, String> {
        if !self.at_name() {
            return Err(self.error());
        }
        let (token, text) = (self.token(), self.cut(self.token()).to_owned());
        self.at += 1;
        if token.sort == Sort::Alias {
            self.aliases.push(text.clone());
            return Ok(RawStep::Alias(text));
        }
        if self.reserved.is_none() && words::is_reserved(&text) {
            self.reserved = Some(text.clone());
        }
        Ok(RawStep::Name(text))
    }

    /// A document path.
    ///
    /// # Errors
    /// Where there is none.
    pub fn path(&mut self) -> Result<RawPath, String> {
        let first = self.step()?;
        let mut path = vec![first];
        self.extend(&mut path)?;
        Ok(path)
    }

    /// The steps that follow a path.
    ///
    /// # Errors
    /// Where a step is cut.
    pub fn extend(&mut self, path: &mut RawPath) -> Result<(), String> {
        loop {
            if self.take_sign("[") {
                path.push(RawStep::Index(self.index()?));
                self.expect_sign("]")?;
            } else if self.take_sign(".") {
                path.push(self.step()?);
            } else {
                return Ok(());
            }
            if path.len() > MAX_STEPS {
                return Err(format!(
                    "The document path has too many nesting levels; nesting levels: {}",
                    path.len()
                ));
            }
        }
    }

    fn index(&mut self) -> Result<usize, String> {
        if self.sort() != Sort::Digits {
            return Err(self.error());
        }
        let digits = self.cut(self.token());
        self.at += 1;
        let index: Option<u32> = digits.parse().ok();
        index
            .map(|index| index as usize)
            .ok_or_else(|| format!("List index is not within the allowable range; index: [{digits}]"))
    }

    /// The name of a function that is called here.
    pub fn take_function(&mut self) -> Option<String> {
        let called = self.at_name()
            && self.sort() == Sort::Word
            && self.tokens.get(self.at + 1).is_some_and(|next| next.sort == Sort::Sign("("));
        if !called {
            return None;
        }
        let name = self.cut(self.token()).to_owned();
        self.at += 2;
        Some(name)
    }

    /// A value placeholder, without parentheses.
    ///
    /// # Errors
    /// Where there is none.
    pub fn value(&mut self) -> Result<String, String> {
        if self.sort() != Sort::Placeholder {
            return Err(self.error());
        }
        let name = self.cut(self.token()).to_owned();
        self.at += 1;
        self.values.push(name.clone());
        Ok(name)
    }

    /// An operand that is not in parentheses.
    ///
    /// # Errors
    /// Where there is none.
    pub fn bare_operand(&mut self) -> Result<Raw, String> {
        if self.sort() == Sort::Placeholder {
            return self.value().map(Raw::Value);
        }
        if let Some(name) = self.take_function() {
            self.count_operator()?;
            self.descend()?;
            let operands = self.operands()?;
            self.ascend();
            return Ok(Raw::Call(name, operands));
        }
        self.path().map(Raw::Path)
    }

    /// Operands up to the closing parenthesis.
    ///
    /// # Errors
    /// Where one is missing.
    pub fn operands(&mut self) -> Result<Vec<Raw>, String> {
        let mut operands = vec![self.operand()?.inner];
        while self.take_sign(",") {
            operands.push(self.operand()?.inner);
        }
        self.expect_sign(")")?;
        Ok(operands)
    }

    /// An operand, maybe in parentheses.
    ///
    /// # Errors
    /// Where there is none.
    pub fn operand(&mut self) -> Result<Grouped<Raw>, String> {
        if !self.take_sign("(") {
            return Ok(Grouped { inner: self.bare_operand()?, grouped: false });
        }
        self.descend()?;
        let operand = self.operand()?;
        self.expect_sign(")")?;
        self.ascend();
        self.redundant_parentheses |= operand.grouped;
        self.after_group(operand.inner)
    }

    /// A path in parentheses may go on behind them.
    ///
    /// # Errors
    /// Where it does so wrongly.
    pub fn after_group(&mut self, mut operand: Raw) -> Result<Grouped<Raw>, String> {
        let mut grouped = true;
        if let Raw::Path(path) = &mut operand
            && (self.is_sign(".") || self.is_sign("["))
        {
            self.extend(path)?;
            grouped = false;
        }
        Ok(Grouped { inner: operand, grouped })
    }
}
