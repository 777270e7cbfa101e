//! Message templates: minijinja, checked before publishing and bounded when rendered.

use std::sync::{Arc, LazyLock};

use minijinja::machinery::{Token, tokenize};
use minijinja::{Environment, Value};

use crate::expression::Vocabulary;
use crate::limits::MAX_TEMPLATE_BYTES;

/// What a template may read of the vocabulary.
pub(crate) const ROOTS: [&str; 5] = ["profile", "contact", "data", "campaign", "response"];

/// The filters of minijinja that templates may use.
const FILTERS: [&str; 22] = [
    "upper",
    "lower",
    "title",
    "capitalize",
    "trim",
    "replace",
    "default",
    "d",
    "length",
    "first",
    "last",
    "join",
    "split",
    "round",
    "int",
    "float",
    "abs",
    "min",
    "max",
    "sort",
    "list",
    "string",
];

/// The tests of minijinja that templates may use.
const TESTS: [&str; 11] = [
    "defined",
    "undefined",
    "none",
    "number",
    "string",
    "eq",
    "ne",
    "lt",
    "gt",
    "in",
    "startingwith",
];

/// Words of the template language that may stand before a bracket without being a function.
const KEYWORDS: [&str; 11] = [
    "if",
    "elif",
    "else",
    "for",
    "in",
    "not",
    "and",
    "or",
    "is",
    "set",
    "recursive",
];

/// Work that one rendering may do: instructions, and bytes at 64 to the unit.
const FUEL: u64 = 20_000;
/// Longest rendered text, in bytes.
const MAX_RENDERED_BYTES: usize = 40_000;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(16);
    environment
});

/// A template that compiles and reads only what is declared.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    source: Arc<str>,
    names: Vec<String>,
}

impl Template {
    /// Checks a source; tells all that is wrong with it.
    pub(crate) fn check(source: &str, vocabulary: &Vocabulary) -> Result<Self, Vec<String>> {
        if source.len() > MAX_TEMPLATE_BYTES {
            return Err(vec![format!("is longer than {MAX_TEMPLATE_BYTES} bytes")]);
        }
        let template = ENVIRONMENT.template_from_str(source).map_err(|error| {
            let line = error.line().unwrap_or(1);
            vec![format!(
                "line {line}: {}",
                error.detail().unwrap_or("is no template")
            )]
        })?;
        let mut scan = Scan {
            vocabulary,
            names: Vec::new(),
            problems: Vec::new(),
        };
        let mut roots: Vec<String> = template.undeclared_variables(false).into_iter().collect();
        roots.sort();
        for root in roots.iter().filter(|root| !ROOTS.contains(&root.as_str())) {
            scan.problems.push(format!("`{root}` is not known"));
        }
        scan.run(source);
        if scan.problems.is_empty() {
            Ok(Self {
                source: source.into(),
                names: scan.names,
            })
        } else {
            scan.problems.sort();
            scan.problems.dedup();
            Err(scan.problems)
        }
    }

    /// The declared names that it reads.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Renders.
    ///
    /// # Errors
    /// It runs out of its bounds or meets a value that it cannot handle.
    pub(crate) fn render(&self, context: &Value) -> Result<String, NotRendered> {
        if !self.source.contains('{') {
            return Ok(self.source.to_string());
        }
        let text = ENVIRONMENT.render_str(&self.source, context.clone());
        // Its details may show values, so that only its kind is told.
        let text = text.map_err(|error| {
            let line = error.line().unwrap_or(1);
            NotRendered(format!("line {line}: {}", error.kind()))
        })?;
        if text.len() > MAX_RENDERED_BYTES {
            let detail = format!("comes out longer than {MAX_RENDERED_BYTES} bytes");
            return Err(NotRendered(detail));
        }
        Ok(text)
    }
}

/// Why a template comes to nothing, as the reason of an outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("template: {0}")]
pub(crate) struct NotRendered(String);

impl NotRendered {
    /// Nothing is left of it.
    pub(crate) fn empty() -> Self {
        Self("comes out empty".to_owned())
    }

    /// It makes a message of a shape that cannot be sent.
    pub(crate) fn unfit(problem: impl ToString) -> Self {
        Self(problem.to_string())
    }
}

/// Goes through the words of a template. minijinja finds unknown filters and fields only when it
/// comes to them, and so after publishing.
struct Scan<'a> {
    vocabulary: &'a Vocabulary,
    names: Vec<String>,
    problems: Vec<String>,
}

impl Scan<'_> {
    fn run(&mut self, source: &str) {
        let words: Vec<Token<'_>> = tokenize(source, false, Default::default())
            .map_while(|word| word.ok().map(|(word, _)| word))
            .collect();
        for at in 0..words.len() {
            let Some(Token::Ident(name)) = words.get(at) else {
                continue;
            };
            let before = |back: usize| at.checked_sub(back).and_then(|place| words.get(place));
            let after = words.get(at + 1);
            let follows = |word: &str| matches!(before(1), Some(Token::Ident(other)) if *other == word);
            let is_call = matches!(after, Some(Token::ParenOpen));
            if matches!(before(1), Some(Token::Pipe)) || follows("filter") {
                if !FILTERS.contains(name) {
                    self.problems.push(format!("there is no filter `{name}`"));
                }
            } else if follows("is") || (follows("not") && matches!(before(2), Some(Token::Ident("is")))) {
                if *name != "not" && !TESTS.contains(name) {
                    self.problems.push(format!("there is no test `{name}`"));
                }
            } else if is_call && !KEYWORDS.contains(name) {
                self.problems
                    .push(format!("`{name}()`: functions are not supported, use a filter"));
            } else if ROOTS.contains(name) && !matches!(before(1), Some(Token::Dot)) {
                self.path(name, words.get(at + 1..).unwrap_or_default());
            }
        }
    }

    /// A root must be followed by a declared name: `root.name` or `root["name"]`.
    fn path(&mut self, root: &str, rest: &[Token<'_>]) {
        let field = match rest {
            [Token::Dot, Token::Ident(field), ..] => Some(*field),
            [Token::BracketOpen, Token::Str(field), Token::BracketClose, ..] => Some(*field),
            [Token::BracketOpen, Token::String(field), Token::BracketClose, ..] => Some(&**field),
            _ => None,
        };
        let Some(field) = field else {
            return self
                .problems
                .push(format!("`{root}` is a group of names, not a value"));
        };
        let name = format!("{root}.{field}");
        if self.vocabulary.type_of(&name).is_none() {
            self.problems.push(format!("`{name}` is not known"));
        } else if !self.names.contains(&name) {
            self.names.push(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::Type;
    use serde_json::json;

    fn vocabulary() -> Vocabulary {
        let mut vocabulary = Vocabulary::default();
        vocabulary
            .name("profile.firstName", Type::String)
            .name("contact.First name", Type::String)
            .name("data.items", Type::strings());
        vocabulary
    }

    fn render(source: &str) -> Result<String, NotRendered> {
        let context = json!({
            "profile": {"firstName": "Ann"}, "contact": {"First name": "ann"}, "data": {"items": ["a", "b"]},
            "campaign": {}, "response": {},
        });
        Template::check(source, &vocabulary())
            .unwrap()
            .render(&Value::from(minijinja::value::Serde(context)))
    }

    #[test]
    fn renders() {
        for (source, text) in [
            ("Hello", "Hello"),
            ("Hello {{ profile.firstName | upper }}", "Hello ANN"),
            ("{{ contact[\"First name\"] }}", "ann"),
            (
                "{% for item in data.items %}{{ loop.index }}{{ item }}{% endfor %}",
                "1a2b",
            ),
            (
                "{% if (profile.firstName is defined) and not (1 == 2) %}yes{% endif %}",
                "yes",
            ),
            ("{{ profile.firstName is not none }}", "True"),
        ] {
            assert_eq!(render(source).as_deref(), Ok(text), "{source}");
        }
    }

    #[test]
    fn refuses() {
        for (source, problem) in [
            ("{{ profile.firstName", "line 1"),
            ("{{ profile.surname }}", "`profile.surname` is not known"),
            (
                "{% if false %}{{ profile.firstName | uper }}{% endif %}",
                "there is no filter `uper`",
            ),
            ("{{ profile.firstName is lucky }}", "there is no test `lucky`"),
            ("{{ profile }}", "group of names"),
            ("{{ profile[data.items] }}", "group of names"),
            ("{{ customer.name }}", "`customer` is not known"),
            ("{{ range(10) }}", "functions"),
            ("{{ profile.firstName.upper() }}", "functions"),
            ("{% include 'x' %}", "line 1"),
            (
                &format!("{{{{ {}1{} }}}}", "(".repeat(4_900), ")".repeat(4_900)),
                "line 1",
            ),
            (&"a".repeat(10_001), "longer than"),
        ] {
            let problems = Template::check(source, &vocabulary()).unwrap_err();
            assert!(
                problems.iter().any(|told| told.contains(problem)),
                "{source}: {problems:?}"
            );
        }
    }

    #[test]
    fn rendering_is_bounded() {
        for source in [
            "{{ 'a' * 100000000 }}",
            "{% set x = 'aaaaaaaaaaaaaaaa' %}{% for a in data.items * 100000 %}{{ x * 1000 }}{% endfor %}",
            "{% for a in 'aaaaaaaaaaaaaaaaaaaaaaaaaaaa' * 50 %}{% for a in 'a' * 10000 %}x{% endfor %}{% endfor %}",
        ] {
            let told = render(source).unwrap_err().to_string();
            assert!(told.starts_with("template: line 1: "), "{source}: {told}");
        }
    }

    #[test]
    fn what_does_not_render_says_why_without_values() {
        for (source, told) in [
            (
                "{{ profile.firstName }}\n{{ profile.firstName / 2 }}",
                "template: line 2: invalid operation",
            ),
            ("{{ 'a' * 50000 }}", "template: comes out longer than 40000 bytes"),
        ] {
            assert_eq!(render(source).unwrap_err().to_string(), told, "{source}");
        }
    }
}
