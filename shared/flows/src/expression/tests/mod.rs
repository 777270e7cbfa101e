//! What passes the check evaluates without error of type, agrees with CEL, and is bounded.

use std::time::{Duration, Instant};

use domain::time::Timestamp;

use super::*;

mod against_cel;
mod generated;

fn vocabulary() -> Vocabulary {
    let mut vocabulary = Vocabulary::default();
    vocabulary
        .name("n", Type::Number)
        .name("m", Type::Number)
        .name("s", Type::String)
        .name("contact.First name", Type::String)
        .name("contact.age", Type::Number)
        .name("b", Type::Boolean)
        .name("xs", Type::strings())
        .name("at", Type::Timestamp)
        .name("missing", Type::Number)
        .function(
            "twice",
            Signature {
                parameters: vec![Type::Number],
                result: Type::Number,
                cost: 1,
                range: None,
            },
        )
        .function(
            "part",
            Signature {
                parameters: vec![Type::Number],
                result: Type::Number,
                cost: 1,
                range: Some(Range {
                    least: 0.0,
                    most: 1.0,
                    example: 0.5,
                }),
            },
        );
    vocabulary
}

struct Sample(Values);

impl Scope for Sample {
    fn value(&self, name: &str) -> Option<Value> {
        self.0.value(name)
    }

    fn call(&self, function: &str, arguments: &[Value]) -> Option<Value> {
        match (function, arguments) {
            ("twice", [Value::Number(x)]) => Some(Value::Number(2.0 * x)),
            _ => None,
        }
    }
}

fn sample() -> Sample {
    let at = Timestamp::parse("2026-03-01T12:00:00Z").unwrap();
    let xs: Vec<Value> = ["a", "b", "ab"].into_iter().map(Value::text).collect();
    Sample(Values::from_iter([
        ("n", Value::Number(7.0)),
        ("m", Value::Number(-0.5)),
        ("s", Value::text("Hello")),
        ("contact.First name", Value::text("Ann")),
        ("contact.age", Value::text("of the wrong type")),
        ("b", Value::Boolean(true)),
        ("xs", Value::List(xs.into())),
        ("at", Value::Timestamp(at)),
    ]))
}

const BOUNDED: Options = Options {
    comprehensions: Comprehensions::Bounded,
};
const REFUSED: Options = Options {
    comprehensions: Comprehensions::Refused,
};

fn check(source: &str, of: &Type) -> Result<Checked, ExpressionProblem> {
    Checker::new(&vocabulary()).check(source, of, BOUNDED)
}

fn run(source: &str, of: &Type) -> Result<Value, EvaluationError> {
    check(source, of)
        .unwrap_or_else(|problem| panic!("{source}: {problem}"))
        .evaluate(&sample())
}

#[test]
fn numbers() {
    for (source, value) in [
        ("2 * 1.5", 3.0),
        ("7 / 2", 3.5),
        ("-7 % 4", -3.0),
        ("1 + 2 * 3 - 4", 3.0),
        ("-(2 - 5)", 3.0),
        ("--3", 3.0),
        ("0x1F + 1u + .5 + 1e2", 132.5),
        ("n > 5 ? n : m", 7.0),
        ("size(s) + xs.size()", 8.0),
        ("[3, 1, 2][1]", 1.0),
        (
            "min(n, max(m, 0)) + abs(m) + floor(1.5) + ceil(1.5) + round(2.5)",
            6.5,
        ),
        ("sqrt(16) + pow(2, 3) + exp(0) + ln(1)", 13.0),
        ("double(\" 1.5 \") + int(\"2.9\")", 3.5),
        ("twice(n)", 14.0),
        ("n.twice()", 14.0),
        ("(at - timestamp(\"2026-03-01T11:30:00Z\")).getMinutes()", 30.0),
        ("(duration(\"1d\") - duration(\"1h30m\")).getHours()", 22.0),
        ("duration(\"-90s\").getSeconds()", -90.0),
        ("1 // a comment\n + 1", 2.0),
    ] {
        assert_eq!(run(source, &Type::Number), Ok(Value::Number(value)), "{source}");
    }
}

#[test]
fn booleans() {
    for source in [
        "n == 7 && s != \"hello\"",
        "s.lowerAscii() == 'hello' && s.upperAscii().startsWith(\"HEL\") && s.endsWith('lo')",
        "contact[\"First name\"] + \"!\" == 'Ann!'",
        "\"a\" in xs && !(\"c\" in xs)",
        "[1, 2] == [1.0, 2.0]",
        "at + duration(\"1h\") > at && at - duration(\"1h\") < at",
        "\"\\u00e9\\x41\\101\\n\" == \"éAA\\n\"",
        "r\"\\n\" == '\\\\n' && '''a\nb''' == \"a\\nb\"",
        "string(1.5) + string(2) + string(true) == \"1.52true\"",
        "string(at) == \"2026-03-01T12:00:00.000Z\"",
        "\" a \".trim() == \"a\" && s.contains(\"ell\")",
        "has(s) && !has(missing) && !has(contact.age)",
        "b || missing > 0",
        "missing > 0 || b",
        "!(missing > 0 && !b)",
        "xs.all(x, size(x) > 0) && xs.exists(x, x == \"ab\") && xs.exists_one(x, x == \"a\")",
        "xs.map(x, x + \"!\") == [\"a!\", \"b!\", \"ab!\"] && xs.filter(x, x < \"b\").size() == 2",
        "xs.exists(x, xs.exists(y, x + x == y + y))",
    ] {
        assert_eq!(run(source, &Type::Boolean), Ok(Value::Boolean(true)), "{source}");
    }
}

#[test]
fn defined_errors() {
    for (source, error) in [
        ("1 / (n - 7)", EvaluationError::DivisionByZero),
        ("n % 0", EvaluationError::DivisionByZero),
        ("1e308 * 10", EvaluationError::NotFinite),
        ("sqrt(-1)", EvaluationError::NotFinite),
        ("ln(0)", EvaluationError::NotFinite),
        ("double(\"inf\")", EvaluationError::NotFinite),
        ("double(s)", EvaluationError::Conversion),
        ("[1][1]", EvaluationError::Index),
        ("[1][0.5]", EvaluationError::Index),
        ("missing + 1", EvaluationError::Absent("missing".to_owned())),
        ("contact.age", EvaluationError::Absent("contact.age".to_owned())),
    ] {
        assert_eq!(run(source, &Type::Number), Err(error), "{source}");
    }
}

#[test]
fn problems_have_a_place() {
    for (source, position, message) in [
        ("typo_var > 3", 0, "`typo_var` is not known"),
        ("n + nosuch(3)", 4, "no function `nosuch`"),
        ("1 + 'a'", 2, "`+` does not take (number, string)"),
        ("n > s", 2, "`>` does not take"),
        ("s == 1", 2, "`==` does not take"),
        ("b ? 1 : s", 2, "`?:` does not take"),
        ("contact", 0, "group of names"),
        ("contact.nick", 7, "`contact.nick` is not known"),
        ("s.nick", 1, "`s.nick` is not known"),
        ("[1, 'a']", 0, "one type"),
        ("[]", 0, "empty list"),
        ("null", 0, "no null"),
        ("{'a': 1}", 0, "maps"),
        ("b\"abc\"", 0, "bytes"),
        ("n +", 3, "ends too early"),
        ("(n", 2, "`)` is expected"),
        ("n n", 2, "`n` is not expected"),
        ("\"abc", 0, "not closed"),
        ("9007199254740993", 0, "too large"),
        ("1e999", 0, "too large"),
        ("size(1)", 0, "`size` does not take (number)"),
        ("xs.all(x, 1)", 10, "must be a boolean"),
        ("n.all(x, true)", 1, "goes through a list"),
        ("n", 0, "is a number, but a boolean is needed"),
        ("§", 0, "is not expected"),
        ("'é' + 1 > 2", 4, "does not take"),
        ("for == 1", 0, "reserved"),
    ] {
        let problem = check(source, &Type::Boolean).unwrap_err();
        assert!(problem.message.contains(message), "{source}: {problem}");
        assert_eq!(problem.position, position, "{source}: {problem}");
    }
}

#[test]
fn formulas_go_through_no_lists() {
    let problem = Checker::new(&vocabulary())
        .check("xs.all(x, b)", &Type::Boolean, REFUSED)
        .unwrap_err();
    assert!(problem.message.contains("not allowed"), "{problem}");
}

#[test]
fn sources_are_bounded() {
    let nested = [
        format!("{}1{}", "(".repeat(900), ")".repeat(900)),
        format!("{}1{}", "[".repeat(900), "]".repeat(900)),
        "(".repeat(1999),
        "!".repeat(1999),
        format!("{}n", "-".repeat(1900)),
        vec!["1"; 900].join("+"),
        vec!["b"; 600].join("||"),
        "b?n:".repeat(400),
        format!("n{}", ".a".repeat(900)),
        format!("xs{}", "[0]".repeat(600)),
        format!("s{}", ".trim()".repeat(280)),
        "x".repeat(2_001),
        // Five levels of a hundred items each.
        "xs.all(a, xs.all(b, xs.all(c, xs.all(d, xs.all(e, true)))))".to_owned(),
    ];
    for source in nested {
        let started = Instant::now();
        assert!(check(&source, &Type::Boolean).is_err(), "{source}");
        assert!(started.elapsed() < Duration::from_secs(1), "{source}");
    }
}

#[test]
fn memory_is_bounded() {
    let long: Vec<Value> = (0..MAX_LIST)
        .map(|_| Value::text("x".repeat(MAX_TEXT_BYTES / 2)))
        .collect();
    let scope = Values::from_iter([("xs", Value::List(long.into()))]);
    let evaluate = |source, of| check(source, &of).unwrap().evaluate(&scope);
    assert_eq!(
        evaluate("xs[0] + xs[1] + xs[2]", Type::String),
        Err(EvaluationError::TooLarge)
    );
    assert_eq!(
        evaluate("xs.map(x, x + x).size() > 0", Type::Boolean),
        Err(EvaluationError::TooLarge)
    );
    let longer = Values::from_iter([("xs", Value::List(vec![Value::text(""); MAX_LIST + 1].into()))]);
    let absent = check("xs.size()", &Type::Number).unwrap().evaluate(&longer);
    assert_eq!(absent, Err(EvaluationError::Absent("xs".to_owned())));
}

/// The dearest expressions that pass, over the longest values, take no time to speak of.
#[test]
fn time_is_bounded() {
    let long: Vec<Value> = (0..MAX_LIST)
        .map(|_| Value::text("x".repeat(MAX_TEXT_BYTES)))
        .collect();
    let scope = Values::from_iter([
        ("xs", Value::List(long.into())),
        ("s", Value::text("x".repeat(MAX_TEXT_BYTES))),
    ]);
    for source in [
        "xs.all(a, xs.all(c, a == c && c <= a))",
        "xs.all(a, [s, a].all(c, xs.all(d, true)))",
        "xs.all(a, a.contains(s) && s.contains(a) && size(a) == size(s) && a.trim() == a && a.endsWith(s))",
        "xs.exists(a, [a + s + s, a].size() == 7)",
        "xs == xs.map(a, a) && xs.map(a, a) == xs.filter(a, a in xs)",
    ] {
        let Ok(checked) = check(source, &Type::Boolean) else {
            continue;
        };
        let started = Instant::now();
        let _ = checked.evaluate(&scope);
        assert!(
            started.elapsed() < Duration::from_secs(1),
            "{source}: {:?}",
            started.elapsed()
        );
    }
}

#[test]
fn constants_out_of_range_are_refused_with_what_to_write() {
    let vocabulary = vocabulary();
    let check = |source: &str| {
        let options = Options {
            comprehensions: Comprehensions::Refused,
        };
        Checker::new(&vocabulary).check(source, &Type::Number, options)
    };
    for (source, position, told) in [
        ("part(3)", 5, "for 3 % write `part(0.03)`"),
        (
            "n + part(-0.1)",
            9,
            "`part` takes 0 to 1, not -0.1: write for example `part(0.5)`",
        ),
        ("part(2 * 60)", 7, "`part` takes 0 to 1, not 120"),
        ("part(1 / 0)", 7, "never has a value: division by zero"),
    ] {
        let problem = check(source).unwrap_err();
        assert_eq!(problem.position, position, "{source}");
        assert!(problem.message.contains(told), "{source}: {problem}");
    }
    // What may be another at another moment is checked when it is read.
    for source in [
        "part(0.03)",
        "part(n)",
        "part(part(0.2) + 5)",
        "twice(-1)",
        "part(b ? 1 : 3)",
    ] {
        assert_eq!(check(source).unwrap().constant(), None, "{source}");
    }
    assert_eq!(check("2 * 3").unwrap().constant(), Some(Ok(Value::Number(6.0))));
    assert_eq!(
        check("1 / 0").unwrap().constant(),
        Some(Err(EvaluationError::DivisionByZero))
    );
}
