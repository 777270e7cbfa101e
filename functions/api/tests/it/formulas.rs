//! Formulas are tried before they run.

use serde_json::{Value, json};

use crate::harness::Api;

const PATH: &str = "/v1/formulas/evaluate";

#[tokio::test]
async fn a_formula_is_tried_at_moments() {
    let api = Api::new().await;
    let body = json!({
        "kind": "init",
        "expression": "power(parameters.ratio) + 0 / calls.waiting",
        "parameters": {"ratio": 2.5},
        "moments": [
            {"idle": 4, "talking": 10, "inFlight": 3, "waiting": 1},
            {"idle": 4, "talking": 10, "answerRate": 0.2, "pending": 2},
        ],
    });
    let found = api.post(PATH, &body).await.expect(200).json;
    assert_eq!((&found["valid"], found.get("errors")), (&json!(true), None));
    let results = found["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    // 3 agents are left for 2.5 calls each, of which 3 are in flight.
    assert_eq!(results[0]["decision"], json!({"dial": 4}));
    assert_eq!(results[0]["usual"], json!({"dial": 0}));
    assert_eq!(results[0]["moment"]["inFlight"], 3);
    // Without a value, the usual is done; nothing is dialed beyond the contacts.
    assert_eq!(results[1]["failed"], "division by zero");
    assert_eq!(results[1]["decision"], json!({"dial": 2}));
}

#[tokio::test]
async fn moments_are_made_up_if_none_are_given() {
    let api = Api::new().await;
    let made = async |kind: &str, expression: &str| {
        let body = json!({"kind": kind, "expression": expression});
        let found = api.post(PATH, &body).await.expect(200).json;
        found["results"].as_array().unwrap().clone()
    };
    let init = made("init", "min(predictive(0.03), power(3))").await;
    assert_eq!(init.len(), 24);
    let seize = made("seize", "threshold(2)").await;
    let decisions: Vec<&Value> = seize.iter().map(|result| &result["decision"]["seize"]).collect();
    assert!(decisions.contains(&&json!(true)) && decisions.contains(&&json!(false)));
}

#[tokio::test]
async fn a_wrong_formula_is_told_where() {
    let api = Api::new().await;
    for (kind, expression, position, told) in [
        ("init", "1 + powr(2)", 4, "there is no function `powr`"),
        ("init", "agents.idle > 2", 0, "a number is needed"),
        (
            "init",
            "min(predictive(3), power(4))",
            15,
            "for 3 % write `predictive(0.03)`",
        ),
        ("init", "1 / 0", 0, "never has a value: division by zero"),
        (
            "seize",
            "credit() && parameters.x",
            22,
            "`parameters.x` is not known",
        ),
    ] {
        let body = json!({"kind": kind, "expression": expression});
        let found = api.post(PATH, &body).await.expect(200).json;
        assert_eq!((&found["valid"], &found["results"]), (&json!(false), &json!([])));
        assert_eq!(found["errors"][0]["position"], position, "{expression}: {found}");
        let message = found["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(told), "{message}");
    }
}

#[tokio::test]
async fn bad_requests_name_the_field() {
    let api = Api::new().await;
    let rates: Vec<Value> = (1..=101)
        .map(|rate| json!({"answerRate": f64::from(rate) / 200.0}))
        .collect();
    for (change, pointer) in [
        (json!({"kind": "route"}), "/kind"),
        (json!({"expression": 7}), "/expression"),
        (json!({"parameters": {"a b": 1}}), "/parameters/a b"),
        (json!({"parameters": {"a": "1"}}), "/parameters/a"),
        (json!({"moments": [{}, {"idle": 1_001}]}), "/moments/1/idle"),
        (json!({"moments": [{"idle": -1}]}), "/moments/0/idle"),
        (json!({"moments": [{"answerRate": 0}]}), "/moments/0/answerRate"),
        (json!({"moments": [{"staff": 1}]}), "/moments/0/staff"),
        (json!({"moments": vec![json!({}); 1_001]}), "/moments"),
        (json!({"moments": rates}), "/moments"),
        (
            json!({"moments": vec![json!({"talking": 1_000}); 501]}),
            "/moments",
        ),
        (json!({"moment": []}), "/moment"),
    ] {
        let mut body = json!({"kind": "init", "expression": "1"});
        for (key, value) in change.as_object().unwrap() {
            body[key] = value.clone();
        }
        let answer = api.post(PATH, &body).await.problem(422, "invalid-request");
        assert_eq!(answer.pointers(), [pointer], "{}", answer.text);
    }
}
