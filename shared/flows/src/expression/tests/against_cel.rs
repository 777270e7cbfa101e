//! Our parser and evaluator against the `cel` crate's, where both have a meaning: doubles only, as
//! CEL does not mix numbers, and no comprehension or name that only one of them knows.

use proptest::prelude::*;

use super::*;

fn arithmetic() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (0_u32..100).prop_map(|n| format!("{}.{}", n / 10, n % 10)),
        prop::sample::select(vec!["n", "m"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let sign = prop::sample::select(vec!["+", "-", "*", "/"]);
        prop_oneof![
            4 => (inner.clone(), sign, inner.clone()).prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
            1 => inner.clone().prop_map(|a| format!("-({a})")),
            1 => inner.clone().prop_map(|a| format!("({a})")),
            1 => (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} < {b} ? {b} : {c})")),
        ]
    })
}

fn logic() -> impl Strategy<Value = String> {
    let comparison = (
        arithmetic(),
        prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]),
        arithmetic(),
    )
        .prop_map(|(a, sign, b)| format!("{a} {sign} {b}"));
    let text = prop::sample::select(vec![
        "s == 'Hello'",
        "s.startsWith('He')",
        "s.contains(\"l\\154o\")",
        "'a' in xs",
        "b",
        "xs.exists(x, x == 'ab')",
        "xs.all(x, x.contains('a'))",
        "s + 'x' > s",
    ]);
    prop_oneof![comparison, text.prop_map(str::to_owned)].prop_recursive(2, 6, 2, |inner| {
        let sign = prop::sample::select(vec!["&&", "||"]);
        prop_oneof![
            (inner.clone(), sign, inner.clone()).prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
            inner.clone().prop_map(|a| format!("!({a})")),
            (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a}) ? ({b}) : {c}")),
        ]
    })
}

fn reference(source: &str) -> Option<cel::Value> {
    let mut context = cel::Context::default();
    context.add_variable_from_value("n", 7.0);
    context.add_variable_from_value("m", -0.5);
    context.add_variable_from_value("s", "Hello");
    context.add_variable_from_value("b", true);
    context.add_variable_from_value("xs", vec!["a", "b", "ab"]);
    cel::Program::compile(source).unwrap().execute(&context).ok()
}

/// The reference parser recurses deeply.
fn with_stack(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new()
        .stack_size(256 << 20)
        .spawn(test)
        .unwrap()
        .join()
        .unwrap();
}

fn runner(cases: u32) -> proptest::test_runner::TestRunner {
    proptest::test_runner::TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases)
    })
}

#[test]
fn numbers_agree() {
    with_stack(|| {
        runner(300)
            .run(&arithmetic(), |source| {
                match (run(&source, &Type::Number), reference(&source)) {
                    (Ok(Value::Number(ours)), Some(cel::Value::Float(theirs))) => {
                        prop_assert_eq!(ours.to_bits(), theirs.to_bits(), "{}", source);
                    }
                    // Where we refuse to go on, CEL has an infinity or no number somewhere.
                    (Err(EvaluationError::DivisionByZero | EvaluationError::NotFinite), _) => {}
                    (ours, theirs) => prop_assert!(false, "{}: {:?} {:?}", source, ours, theirs),
                }
                Ok(())
            })
            .unwrap();
    });
}

#[test]
fn logic_agrees() {
    with_stack(|| {
        runner(300)
            .run(&logic(), |source| {
                match (run(&source, &Type::Boolean), reference(&source)) {
                    (Ok(Value::Boolean(ours)), Some(cel::Value::Bool(theirs))) => {
                        prop_assert_eq!(ours, theirs, "{}", source);
                    }
                    (Err(EvaluationError::DivisionByZero | EvaluationError::NotFinite), _) => {}
                    // One side of `&&` or `||` that decides made up for a division by zero.
                    (ours, theirs) if source.contains('/') => drop((ours, theirs)),
                    (ours, theirs) => prop_assert!(false, "{}: {:?} {:?}", source, ours, theirs),
                }
                Ok(())
            })
            .unwrap();
    });
}
