//! From the untyped tree to typed terms.

use super::MAX_LIST;
use super::builtin::{Builtin, Found};
use super::check::{Comprehensions, ExpressionProblem, Options};
use super::evaluate::{Evaluation, EvaluationError};
use super::syntax::{Kind, Syntax, parse};
use super::term::{Arithmetic, Comparison, Comprehension, Term};
use super::token::problem;
use super::value::{Type, Value};
use super::vocabulary::{Values, Vocabulary};

/// What goes through a list costs as much as the longest list.
const LIST_COST: u64 = MAX_LIST as u64;

/// A term, its type, and the operations that its worst run takes.
pub(super) struct Typed {
    pub(super) term: Term,
    pub(super) of: Type,
    pub(super) cost: u64,
}

pub(super) struct Lowering<'a> {
    vocabulary: &'a Vocabulary,
    options: Options,
    source: &'a str,
    locals: Vec<(String, Type)>,
    names: Vec<String>,
    /// How often something is read that may be another at another moment.
    reads: usize,
}

type Lowered<T> = Result<T, ExpressionProblem>;

impl<'a> Lowering<'a> {
    pub(super) fn new(vocabulary: &'a Vocabulary, options: Options, source: &'a str) -> Self {
        Self {
            vocabulary,
            options,
            source,
            locals: Vec::new(),
            names: Vec::new(),
            reads: 0,
        }
    }

    /// Whether what was lowered is the same at every moment.
    pub(super) const fn is_constant(&self) -> bool {
        self.reads == 0
    }

    /// The declared names that were used, in order of first use.
    pub(super) fn into_names(self) -> Vec<String> {
        self.names
    }

    /// Parses and types the source.
    pub(super) fn run(&mut self) -> Lowered<Typed> {
        let syntax = parse(self.source)?;
        self.expression(&syntax)
    }

    fn problem<T>(&self, at: &Syntax, message: impl Into<String>) -> Lowered<T> {
        Err(problem(self.source, at.at, message))
    }

    fn expression(&mut self, syntax: &Syntax) -> Lowered<Typed> {
        if let Some(local) = self.local(syntax) {
            return Ok(local);
        }
        if let Some(path) = path(syntax) {
            let (path, of) = self.declared(syntax, path)?;
            return Ok(Typed {
                term: Term::Name(path, of.clone()),
                of,
                cost: 2,
            });
        }
        match &syntax.kind {
            Kind::Literal(value) => Ok(literal(value)),
            Kind::Call { name, on, arguments } => self.call(syntax, name, on.as_deref(), arguments),
            Kind::List(items) => {
                let items = items
                    .iter()
                    .map(|item| self.expression(item))
                    .collect::<Lowered<_>>()?;
                self.list(syntax, items)
            }
            Kind::Unary(sign, a) => {
                let operands = vec![self.expression(a)?];
                self.operator(syntax, sign, operands)
            }
            Kind::Binary(sign, a, b) => {
                let operands = vec![self.expression(a)?, self.expression(b)?];
                self.operator(syntax, sign, operands)
            }
            Kind::Conditional(c, a, b) => {
                let operands = vec![self.expression(c)?, self.expression(a)?, self.expression(b)?];
                self.operator(syntax, "?:", operands)
            }
            Kind::Index(list, place) => {
                let operands = vec![self.expression(list)?, self.expression(place)?];
                self.operator(syntax, "[]", operands)
            }
            Kind::Select(_, field) => self.problem(syntax, format!("`.{field}`: only names have parts")),
            Kind::Name(name) => self.problem(syntax, format!("`{name}` is not known")),
        }
    }

    fn local(&mut self, syntax: &Syntax) -> Option<Typed> {
        let Kind::Name(name) = &syntax.kind else {
            return None;
        };
        let place = self.locals.iter().rposition(|(local, _)| local == name)?;
        let (_, of) = self.locals.get(place)?;
        let of = of.clone();
        self.reads += 1;
        Some(Typed {
            term: Term::Local(place),
            of,
            cost: 1,
        })
    }

    /// The declared name that a path spells.
    fn declared(&mut self, syntax: &Syntax, path: String) -> Lowered<(String, Type)> {
        let Some(of) = self.vocabulary.type_of(&path) else {
            let message = if self.vocabulary.is_namespace(&path) {
                format!("`{path}` is a group of names, not a value")
            } else {
                format!("`{path}` is not known")
            };
            return self.problem(syntax, message);
        };
        self.reads += 1;
        if !self.names.contains(&path) {
            self.names.push(path.clone());
        }
        Ok((path, of.clone()))
    }

    fn list(&self, syntax: &Syntax, items: Vec<Typed>) -> Lowered<Typed> {
        let Some(of) = items.first().map(|item| item.of.clone()) else {
            return self.problem(syntax, "an empty list has no type");
        };
        if items.len() > MAX_LIST {
            return self.problem(syntax, format!("a list may have at most {MAX_LIST} items"));
        }
        if items.iter().any(|item| item.of != of) {
            return self.problem(syntax, "the items of a list must have one type");
        }
        let cost = items.iter().map(|item| item.cost).sum::<u64>() + 1;
        let terms = items.into_iter().map(|item| item.term).collect();
        Ok(Typed {
            term: Term::List(terms),
            of: Type::List(Box::new(of)),
            cost,
        })
    }

    fn call(
        &mut self,
        syntax: &Syntax,
        name: &str,
        on: Option<&Syntax>,
        arguments: &[Syntax],
    ) -> Lowered<Typed> {
        if name == "has" && on.is_none() {
            return self.has(syntax, arguments);
        }
        if let (Some(list), Some(kind)) = (on, Comprehension::parse(name)) {
            return self.comprehension(syntax, kind, list, arguments);
        }
        let arguments = on
            .into_iter()
            .chain(arguments)
            .map(|argument| self.argument(name, argument))
            .collect::<Lowered<Vec<_>>>()?;
        if self.vocabulary.signature(name).is_some() {
            self.reads += 1;
        }
        self.function(syntax, name, arguments)
    }

    /// An argument. One that is always the same is refused if it never makes sense.
    fn argument(&mut self, function: &str, syntax: &Syntax) -> Lowered<Typed> {
        let reads = self.reads;
        let argument = self.expression(syntax)?;
        let range = self.vocabulary.signature(function).and_then(|known| known.range);
        if let Some(range) = range.filter(|_| self.reads == reads && argument.of == Type::Number) {
            let refused = match constant(&argument.term) {
                Ok(Value::Number(number)) => range.refuses(function, number),
                Ok(_) => None,
                Err(error) => Some(format!("never has a value: {error}")),
            };
            if let Some(message) = refused {
                return self.problem(syntax, message);
            }
        }
        Ok(argument)
    }

    fn has(&mut self, syntax: &Syntax, arguments: &[Syntax]) -> Lowered<Typed> {
        let [argument] = arguments else {
            return self.problem(syntax, "`has` takes one name");
        };
        let Some(path) = path(argument) else {
            return self.problem(argument, "`has` takes a name");
        };
        let (path, of) = self.declared(argument, path)?;
        Ok(Typed {
            term: Term::Has(path, of),
            of: Type::Boolean,
            cost: 2,
        })
    }

    fn comprehension(
        &mut self,
        syntax: &Syntax,
        kind: Comprehension,
        list: &Syntax,
        arguments: &[Syntax],
    ) -> Lowered<Typed> {
        if self.options.comprehensions == Comprehensions::Refused {
            return self.problem(syntax, "going through lists is not allowed here");
        }
        let [variable, body] = arguments else {
            return self.problem(syntax, "takes a variable and an expression");
        };
        let Kind::Name(name) = &variable.kind else {
            return self.problem(variable, "is no name of a variable");
        };
        let list = self.expression(list)?;
        let Type::List(item) = &list.of else {
            return self.problem(syntax, format!("goes through a list, not a {}", list.of));
        };
        self.locals.push((name.clone(), (**item).clone()));
        let lowered = self.expression(body);
        self.locals.pop();
        let lowered = lowered?;
        if kind != Comprehension::Map && lowered.of != Type::Boolean {
            return self.problem(body, format!("must be a boolean, not a {}", lowered.of));
        }
        let of = match kind {
            Comprehension::Map => Type::List(Box::new(lowered.of)),
            Comprehension::Filter => list.of.clone(),
            _ => Type::Boolean,
        };
        let cost = list
            .cost
            .saturating_add(LIST_COST.saturating_mul(lowered.cost.saturating_add(2)));
        let term = Term::Comprehension(kind, Box::new(list.term), Box::new(lowered.term));
        Ok(Typed { term, of, cost })
    }

    fn function(&self, syntax: &Syntax, name: &str, arguments: Vec<Typed>) -> Lowered<Typed> {
        let types: Vec<Type> = arguments.iter().map(|argument| argument.of.clone()).collect();
        let cost = total(&arguments);
        let terms = arguments.into_iter().map(|argument| argument.term).collect();
        if let Some(signature) = self.vocabulary.signature(name) {
            if signature.parameters != types {
                return self.wrong_arguments(syntax, name, &types);
            }
            let of = signature.result.clone();
            let term = Term::Call(name.to_owned(), terms, of.clone());
            return Ok(Typed {
                term,
                of,
                cost: cost.saturating_add(signature.cost),
            });
        }
        match Builtin::find(name, &types) {
            Found::Overload(builtin, of) => {
                let term = Term::Builtin(builtin, terms);
                Ok(Typed {
                    term,
                    of,
                    cost: cost.saturating_add(builtin.cost()),
                })
            }
            Found::WrongArguments => self.wrong_arguments(syntax, name, &types),
            Found::Unknown => self.problem(syntax, format!("there is no function `{name}`")),
        }
    }

    fn wrong_arguments<T>(&self, syntax: &Syntax, name: &str, types: &[Type]) -> Lowered<T> {
        self.problem(syntax, format!("`{name}` does not take ({})", listing(types)))
    }

    fn operator(&self, syntax: &Syntax, name: &str, arguments: Vec<Typed>) -> Lowered<Typed> {
        let types: Vec<Type> = arguments.iter().map(|argument| argument.of.clone()).collect();
        let mut cost = total(&arguments).saturating_add(1);
        let mut terms = arguments.into_iter().map(|argument| Box::new(argument.term));
        let (first, second, third) = (terms.next(), terms.next(), terms.next());
        let operation = match (first, second, third) {
            (Some(a), None, None) => unary(name, a, &types),
            (Some(a), Some(b), None) => binary(name, a, b, &types),
            (Some(c), Some(a), Some(b)) => match types.as_slice() {
                [Type::Boolean, x, y] if x == y && name == "?:" => Some((Term::If(c, a, b), x.clone())),
                _ => None,
            },
            _ => None,
        };
        let Some((term, of)) = operation else {
            return self.wrong_arguments(syntax, name, &types);
        };
        if types.iter().any(|of| matches!(of, Type::List(_))) {
            cost = cost.saturating_add(LIST_COST);
        }
        Ok(Typed { term, of, cost })
    }
}

/// The value of what reads nothing.
fn constant(term: &Term) -> Result<Value, EvaluationError> {
    Evaluation::new(&Values::default()).value(term)
}

fn unary(name: &str, a: Box<Term>, types: &[Type]) -> Option<(Term, Type)> {
    match (name, types) {
        ("!", [Type::Boolean]) => Some((Term::Not(a), Type::Boolean)),
        ("-", [of @ (Type::Number | Type::Duration)]) => Some((Term::Negate(a), of.clone())),
        _ => None,
    }
}

fn binary(name: &str, a: Box<Term>, b: Box<Term>, types: &[Type]) -> Option<(Term, Type)> {
    use Type::{Boolean, Duration, List, Number, String as Text, Timestamp};
    let [x, y] = types else { return None };
    let compare = |comparison, a, b| match (x, y) {
        (Number, Number)
        | (Text, Text)
        | (Timestamp, Timestamp)
        | (Duration, Duration)
        | (Boolean, Boolean) => Some((Term::Compare(comparison, a, b), Boolean)),
        _ => None,
    };
    let arithmetic = |operation, a, b| match (x, y) {
        (Number, Number) => Some((Term::Arithmetic(operation, a, b), Number)),
        _ => None,
    };
    match name {
        "&&" if (x, y) == (&Boolean, &Boolean) => Some((Term::And(a, b), Boolean)),
        "||" if (x, y) == (&Boolean, &Boolean) => Some((Term::Or(a, b), Boolean)),
        "==" if x == y => Some((Term::Equal(a, b), Boolean)),
        "!=" if x == y => Some((Term::Not(Box::new(Term::Equal(a, b))), Boolean)),
        "<" => compare(Comparison::Less, a, b),
        "<=" => compare(Comparison::LessOrEqual, a, b),
        ">" => compare(Comparison::Greater, a, b),
        ">=" => compare(Comparison::GreaterOrEqual, a, b),
        "+" => match (x, y) {
            (Text, Text) => Some((Term::Join(a, b), Text)),
            (Timestamp, Duration) => Some((Term::Shift(a, b, false), Timestamp)),
            (Duration, Timestamp) => Some((Term::Shift(b, a, false), Timestamp)),
            (Duration, Duration) => Some((Term::Span(a, b, false), Duration)),
            _ => arithmetic(Arithmetic::Add, a, b),
        },
        "-" => match (x, y) {
            (Timestamp, Duration) => Some((Term::Shift(a, b, true), Timestamp)),
            (Timestamp, Timestamp) => Some((Term::Between(a, b), Duration)),
            (Duration, Duration) => Some((Term::Span(a, b, true), Duration)),
            _ => arithmetic(Arithmetic::Subtract, a, b),
        },
        "*" => arithmetic(Arithmetic::Multiply, a, b),
        "/" => arithmetic(Arithmetic::Divide, a, b),
        "%" => arithmetic(Arithmetic::Remainder, a, b),
        "in" => match y {
            List(item) if **item == *x => Some((Term::In(a, b), Boolean)),
            _ => None,
        },
        "[]" => match (x, y) {
            (List(item), Number) => Some((Term::Index(a, b), (**item).clone())),
            _ => None,
        },
        _ => None,
    }
}

/// The dotted path that an expression spells: `a.b`, `a["b"]`.
fn path(syntax: &Syntax) -> Option<String> {
    match &syntax.kind {
        Kind::Name(name) => Some(name.clone()),
        Kind::Select(on, field) => path(on).map(|start| format!("{start}.{field}")),
        Kind::Index(on, key) => match &key.kind {
            Kind::Literal(Value::String(key)) => path(on).map(|start| format!("{start}.{key}")),
            _ => None,
        },
        _ => None,
    }
}

fn literal(value: &Value) -> Typed {
    let of = match value {
        Value::Boolean(_) => Type::Boolean,
        Value::Number(_) => Type::Number,
        // The parser makes no others.
        _ => Type::String,
    };
    Typed {
        term: Term::Constant(value.clone()),
        of,
        cost: 1,
    }
}

fn total(arguments: &[Typed]) -> u64 {
    arguments
        .iter()
        .fold(0, |sum, argument| sum.saturating_add(argument.cost))
}

fn listing(types: &[Type]) -> String {
    types
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
