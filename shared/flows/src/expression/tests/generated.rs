//! Generated expressions: well typed ones pass and evaluate, others do no harm.

use proptest::prelude::*;

use super::*;

/// Well-typed expressions of each kind, built from each other.
fn typed(of: Type, depth: u32) -> BoxedStrategy<String> {
    let leaves: &'static [&'static str] = match of {
        Type::Number => &["0", "1", "2.5", "1e300", "n", "m", "missing", "contact.age"],
        Type::Boolean => &["true", "false", "b", "has(missing)", "has(n)"],
        Type::String => &["''", "'12'", "\"é\"", "s", "contact['First name']", "r'\\'"],
        Type::Timestamp => &["at", "timestamp('2026-03-01T00:00:00Z')", "timestamp(s)"],
        Type::Duration => &["duration('1h30m')", "duration('-2d')", "duration(s)"],
        Type::List(_) => &["xs", "['a', 'b']"],
    };
    let leaf = prop::sample::select(leaves).prop_map(str::to_owned);
    if depth == 0 {
        return leaf.boxed();
    }
    let part = |of| typed(of, depth - 1);
    let number = || part(Type::Number);
    let text = || part(Type::String);
    let truth = || part(Type::Boolean);
    let (time, span, list) = (
        || part(Type::Timestamp),
        || part(Type::Duration),
        || part(Type::strings()),
    );
    let same = |of: Type| (part(of.clone()), part(of));
    let choice =
        (truth(), part(of.clone()), part(of.clone())).prop_map(|(c, a, b)| format!("({c} ? {a} : {b})"));
    let grown = match &of {
        Type::Number => prop_oneof![
            (
                number(),
                prop::sample::select(&["+", "-", "*", "/", "%"][..]),
                number()
            )
                .prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
            (
                prop::sample::select(
                    &[
                        "-", "abs", "sqrt", "ln", "exp", "floor", "ceil", "round", "int", "twice"
                    ][..]
                ),
                number()
            )
                .prop_map(|(f, a)| format!("{f}({a})")),
            (
                prop::sample::select(&["min", "max", "pow"][..]),
                number(),
                number()
            )
                .prop_map(|(f, a, b)| format!("{f}({a}, {b})")),
            (prop::sample::select(&["size", "double", "int"][..]), text())
                .prop_map(|(f, a)| format!("{f}({a})")),
            list().prop_map(|a| format!("size({a})")),
            span().prop_map(|a| format!("({a}).getSeconds()")),
            (number(), number(), number()).prop_map(|(a, b, place)| format!("[{a}, {b}][{place}]")),
        ]
        .boxed(),
        Type::Boolean => prop_oneof![
            (
                truth(),
                prop::sample::select(&["&&", "||", "==", "!="][..]),
                truth()
            )
                .prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
            truth().prop_map(|a| format!("!({a})")),
            prop_oneof![
                same(Type::Number),
                same(Type::String),
                same(Type::Timestamp),
                same(Type::Duration)
            ]
            .prop_flat_map(|(a, b)| prop::sample::select(
                &["<", "<=", "==", "!=", ">=", ">"][..]
            )
            .prop_map(move |sign| format!("({a} {sign} {b})"))),
            (
                text(),
                prop::sample::select(&["contains", "startsWith", "endsWith"][..]),
                text()
            )
                .prop_map(|(a, f, b)| format!("({a}).{f}({b})")),
            (text(), list()).prop_map(|(a, b)| format!("({a} in {b})")),
            (
                list(),
                prop::sample::select(&["all", "exists", "exists_one"][..]),
                truth()
            )
                .prop_map(|(a, f, b)| format!("({a}).{f}(x, {b} || x > 'a')")),
        ]
        .boxed(),
        Type::String => prop_oneof![
            (text(), text()).prop_map(|(a, b)| format!("({a} + {b})")),
            (
                prop::sample::select(&["trim", "lowerAscii", "upperAscii", "string"][..]),
                text()
            )
                .prop_map(|(f, a)| format!("{f}({a})")),
            prop_oneof![number(), truth(), time()].prop_map(|a| format!("string({a})")),
            (list(), number()).prop_map(|(a, b)| format!("({a})[{b}]")),
        ]
        .boxed(),
        Type::Timestamp => (time(), prop::sample::select(&["+", "-"][..]), span())
            .prop_map(|(a, sign, b)| format!("({a} {sign} {b})"))
            .boxed(),
        Type::Duration => prop_oneof![
            (time(), time()).prop_map(|(a, b)| format!("({a} - {b})")),
            (span(), span()).prop_map(|(a, b)| format!("({a} + {b})")),
            span().prop_map(|a| format!("-({a})")),
        ]
        .boxed(),
        Type::List(_) => prop_oneof![
            (text(), text()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            (list(), text()).prop_map(|(a, b)| format!("({a}).map(x, x + {b})")),
            (list(), truth()).prop_map(|(a, b)| format!("({a}).filter(x, {b})")),
        ]
        .boxed(),
    };
    prop_oneof![1 => leaf, 4 => grown, 1 => choice].boxed()
}

fn of_any_type() -> impl Strategy<Value = (Type, String)> {
    let types = TYPES.into_iter().chain([Type::strings()]).collect::<Vec<_>>();
    prop::sample::select(types).prop_flat_map(|of| (Just(of.clone()), typed(of, 3)))
}

/// Expressions of mixed kinds, most of them well typed.
fn generated() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0_u32..20).prop_map(|n| n.to_string()),
        (0_u32..100).prop_map(|n| format!("{}.{}", n / 10, n % 10)),
        prop::sample::select(vec![
            "n",
            "m",
            "s",
            "b",
            "xs",
            "at",
            "missing",
            "true",
            "'a'",
            "\"b\"",
            "x",
            "contact.age",
            "1e300",
            "duration('5m')",
            "contact['First name']",
            "has(missing)",
        ])
        .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        let sign = prop::sample::select(vec![
            "+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in",
        ]);
        let function = prop::sample::select(vec![
            "size",
            "string",
            "double",
            "abs",
            "sqrt",
            "ln",
            "exp",
            "trim",
            "timestamp",
            "int",
            "twice",
        ]);
        let pair = prop::sample::select(vec!["min", "max", "pow", "contains", "startsWith"]);
        let through = prop::sample::select(vec!["all", "exists", "exists_one", "map", "filter"]);
        prop_oneof![
            4 => (two.clone(), sign).prop_map(|((a, b), sign)| format!("({a} {sign} {b})")),
            1 => inner.clone().prop_map(|a| format!("!({a})")),
            1 => inner.clone().prop_map(|a| format!("-({a})")),
            2 => (inner.clone(), function).prop_map(|(a, f)| format!("{f}({a})")),
            1 => (two.clone(), pair).prop_map(|((a, b), f)| format!("{f}({a}, {b})")),
            1 => (inner, two.clone()).prop_map(|(c, (a, b))| format!("({c} ? {a} : {b})")),
            1 => two.clone().prop_map(|(a, b)| format!("[{a}, {b}]")),
            1 => two.clone().prop_map(|(a, b)| format!("{a}[{b}]")),
            1 => (two, through).prop_map(|((a, b), f)| format!("{a}.{f}(x, {b})")),
        ]
    })
}

const TYPES: [Type; 5] = [
    Type::Boolean,
    Type::Number,
    Type::String,
    Type::Timestamp,
    Type::Duration,
];

/// The type that a source has, and the checked expression.
fn any_type(source: &str) -> Option<Checked> {
    let lists = TYPES.map(|of| Type::List(Box::new(of)));
    TYPES.iter().chain(&lists).find_map(|of| check(source, of).ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_passes_has_its_type_and_repeats(source in generated()) {
        if let Some(checked) = any_type(&source) {
            match checked.evaluate(&sample()) {
                Ok(value) => prop_assert!(value.is(checked.of()), "{source}: {value}"),
                Err(error) => prop_assert_ne!(error, EvaluationError::Type, "{}", source),
            }
            prop_assert_eq!(checked.evaluate(&sample()), checked.evaluate(&sample()));
        }
    }

    #[test]
    fn what_is_well_typed_passes_and_evaluates((of, source) in of_any_type()) {
        match check(&source, &of) {
            Err(problem) => {
                let is_bound = problem.message.contains("longer than") || problem.message.contains("operations");
                prop_assert!(is_bound, "{}: {}", source, problem);
            }
            Ok(checked) => {
                let value = checked.evaluate(&sample());
                match &value {
                    Ok(value) => prop_assert!(value.is(&of), "{source}: {value}"),
                    Err(error) => prop_assert_ne!(error, &EvaluationError::Type, "{}", source),
                }
                prop_assert_eq!(value, checked.evaluate(&sample()));
            }
        }
    }

    #[test]
    fn nothing_makes_the_parser_panic(source in "\\PC{0,60}") {
        let _ = check(&source, &Type::Boolean);
    }

    #[test]
    fn nothing_cel_like_makes_the_parser_panic(
        words in prop::collection::vec(prop::sample::select(vec![
            "(", ")", "[", "]", "{", "}", "'", "\"", "'''", "\\", "r'", "b'", ".", ",", "?", ":", "!", "-", "+",
            "in", "n", "xs", "1", "0x", "1e", "1.", ".5", "//", "\n", "&&", "|", "=", "all", "x", "has", "é", "\u{0}",
        ]), 0..40),
    ) {
        let _ = check(&words.concat(), &Type::Boolean);
        let _ = check(&words.join(" "), &Type::Boolean);
    }
}
