//! The grammar of CEL: from words to an untyped tree.
//!
//! The parser is ours because the tree must be bounded before anything recurses over it and every
//! problem must know its place; the `cel` crate's own parser overflows a two megabyte stack at a
//! dozen nested brackets in a debug build. Tests compare both on generated expressions.

use super::MAX_DEPTH;
use super::check::ExpressionProblem;
use super::token::{Token, is_reserved, problem, tokens};
use super::value::Value;

/// A part of an expression.
#[derive(Clone, Debug)]
pub(super) struct Syntax {
    /// Its first byte; for an operation, that of its sign.
    pub(super) at: usize,
    pub(super) kind: Kind,
    depth: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Literal(Value),
    Name(String),
    Select(Box<Syntax>, String),
    Index(Box<Syntax>, Box<Syntax>),
    /// A function and its arguments; the target of a method call comes first.
    Call {
        name: String,
        on: Option<Box<Syntax>>,
        arguments: Vec<Syntax>,
    },
    List(Vec<Syntax>),
    Unary(&'static str, Box<Syntax>),
    Binary(&'static str, Box<Syntax>, Box<Syntax>),
    Conditional(Box<Syntax>, Box<Syntax>, Box<Syntax>),
}

/// Parses a source.
pub(super) fn parse(source: &str) -> Result<Syntax, ExpressionProblem> {
    let mut words = tokens(source)?;
    words.reverse();
    let mut parser = Parser {
        source,
        words,
        depth: 0,
    };
    let expression = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(expression),
        _ => parser.unexpected(),
    }
}

/// Left-associative operators by level, the loosest first.
const LEVELS: [&[&str]; 5] = [
    &["||"],
    &["&&"],
    &["<", "<=", ">", ">=", "==", "!=", "in"],
    &["+", "-"],
    &["*", "/", "%"],
];

struct Parser<'s> {
    source: &'s str,
    /// The words that are left, the next one last.
    words: Vec<(usize, Token)>,
    depth: usize,
}

type Parsed<T> = Result<T, ExpressionProblem>;

impl Parser<'_> {
    fn peek(&self) -> &Token {
        self.words.last().map_or(&Token::End, |(_, token)| token)
    }

    fn at(&self) -> usize {
        self.words.last().map_or(self.source.len(), |(at, _)| *at)
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(next) if *next == sign);
        if found {
            self.words.pop();
        }
        found
    }

    fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.eat(sign) {
            Ok(())
        } else {
            Err(self.problem(format!("`{sign}` is expected here")))
        }
    }

    fn problem(&self, message: impl Into<String>) -> ExpressionProblem {
        problem(self.source, self.at(), message)
    }

    fn unexpected<T>(&self) -> Parsed<T> {
        Err(self.problem(match self.peek() {
            Token::End => "ends too early".to_owned(),
            Token::Sign("{" | "}") => "maps and messages are not supported".to_owned(),
            Token::Sign(sign) => format!("`{sign}` is not expected here"),
            Token::Name(name) => format!("`{name}` is not expected here"),
            Token::Number(_) => "a number is not expected here".to_owned(),
            Token::Text(_) => "a text is not expected here".to_owned(),
        }))
    }

    fn node(&self, at: usize, kind: Kind) -> Parsed<Syntax> {
        let depth = 1 + kind.parts().map(|part| part.depth).max().unwrap_or(0);
        if depth > MAX_DEPTH {
            return Err(problem(self.source, at, too_deep()));
        }
        Ok(Syntax { at, kind, depth })
    }

    fn expression(&mut self) -> Parsed<Syntax> {
        if self.depth >= MAX_DEPTH {
            return Err(self.problem(too_deep()));
        }
        self.depth += 1;
        let parsed = self.conditional();
        self.depth -= 1;
        parsed
    }

    fn conditional(&mut self) -> Parsed<Syntax> {
        let condition = self.level(0)?;
        let at = self.at();
        if !self.eat("?") {
            return Ok(condition);
        }
        let yes = self.level(0)?;
        self.expect(":")?;
        let no = self.expression()?;
        self.node(
            at,
            Kind::Conditional(Box::new(condition), Box::new(yes), Box::new(no)),
        )
    }

    fn level(&mut self, level: usize) -> Parsed<Syntax> {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.level(level + 1)?;
        loop {
            let at = self.at();
            let Some(sign) = operators.iter().copied().find(|sign| self.eat(sign)) else {
                return Ok(left);
            };
            let right = self.level(level + 1)?;
            left = self.node(at, Kind::Binary(sign, Box::new(left), Box::new(right)))?;
        }
    }

    /// A run of one and the same sign, as CEL has it: `!-a` is no expression.
    fn unary(&mut self) -> Parsed<Syntax> {
        let Some(sign) = ["!", "-"]
            .into_iter()
            .find(|sign| matches!(self.peek(), Token::Sign(s) if s == sign))
        else {
            return self.member();
        };
        let mut places = Vec::new();
        loop {
            let at = self.at();
            if !self.eat(sign) {
                break;
            }
            places.push(at);
        }
        let mut operand = self.member()?;
        for at in places.into_iter().rev() {
            operand = self.node(at, Kind::Unary(sign, Box::new(operand)))?;
        }
        Ok(operand)
    }

    fn member(&mut self) -> Parsed<Syntax> {
        let mut left = self.primary()?;
        loop {
            let at = self.at();
            if self.eat(".") {
                let name = self.name()?;
                let kind = if self.eat("(") {
                    Kind::Call {
                        name,
                        on: Some(Box::new(left)),
                        arguments: self.list(")")?,
                    }
                } else {
                    Kind::Select(Box::new(left), name)
                };
                left = self.node(at, kind)?;
            } else if self.eat("[") {
                let index = self.expression()?;
                self.expect("]")?;
                left = self.node(at, Kind::Index(Box::new(left), Box::new(index)))?;
            } else {
                return Ok(left);
            }
        }
    }

    fn name(&mut self) -> Parsed<String> {
        match self.words.pop() {
            Some((_, Token::Name(name))) => Ok(name),
            Some(other) => {
                self.words.push(other);
                Err(self.problem("a name is expected here"))
            }
            None => self.unexpected(),
        }
    }

    fn primary(&mut self) -> Parsed<Syntax> {
        let at = self.at();
        if self.eat("(") {
            let inner = self.expression()?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.eat("[") {
            let items = self.list("]")?;
            return self.node(at, Kind::List(items));
        }
        match self.words.pop() {
            Some((_, Token::Number(number))) => self.node(at, Kind::Literal(Value::Number(number))),
            Some((_, Token::Text(text))) => self.node(at, Kind::Literal(Value::text(text))),
            Some((_, Token::Name(name))) => match name.as_str() {
                "true" => self.node(at, Kind::Literal(Value::Boolean(true))),
                "false" => self.node(at, Kind::Literal(Value::Boolean(false))),
                "null" => Err(problem(self.source, at, "there is no null: ask with has(name)")),
                reserved if is_reserved(reserved) => Err(problem(
                    self.source,
                    at,
                    format!("`{reserved}` is a reserved word"),
                )),
                _ if self.eat("(") => {
                    let arguments = self.list(")")?;
                    self.node(
                        at,
                        Kind::Call {
                            name,
                            on: None,
                            arguments,
                        },
                    )
                }
                _ => self.node(at, Kind::Name(name)),
            },
            Some(other) => {
                self.words.push(other);
                self.unexpected()
            }
            None => self.unexpected(),
        }
    }

    /// Expressions up to the closing bracket; lists, but not arguments, may end with a comma.
    fn list(&mut self, close: &'static str) -> Parsed<Vec<Syntax>> {
        let mut items = Vec::new();
        if self.eat(close) {
            return Ok(items);
        }
        loop {
            items.push(self.expression()?);
            if self.eat(close) {
                return Ok(items);
            }
            self.expect(",")?;
            if close == "]" && self.eat(close) {
                return Ok(items);
            }
        }
    }
}

fn too_deep() -> String {
    format!("is nested more than {MAX_DEPTH} deep")
}

impl Kind {
    /// What it is made of.
    fn parts(&self) -> impl Iterator<Item = &Syntax> {
        let (boxed, listed): ([Option<&Syntax>; 3], &[Syntax]) = match self {
            Self::Literal(_) | Self::Name(_) => ([None; 3], &[]),
            Self::Select(a, _) | Self::Unary(_, a) => ([Some(a), None, None], &[]),
            Self::Index(a, b) | Self::Binary(_, a, b) => ([Some(a), Some(b), None], &[]),
            Self::Conditional(a, b, c) => ([Some(a), Some(b), Some(c)], &[]),
            Self::List(items) => ([None; 3], items),
            Self::Call { on, arguments, .. } => ([on.as_deref(), None, None], arguments),
        };
        boxed.into_iter().flatten().chain(listed)
    }
}
