//! How agents answer previews.

use domain::voice::CallResult;
use serde_json::{Value, json};

use super::{Scene, config, reserved, sales};
use crate::simulator::config::Span;
use crate::simulator::floor::{FloorConfig, Previews};

fn offered(agent: &str, activity: &str, until: &str) -> Value {
    json!([{"id": agent, "state": "RESERVED", "activityId": activity,
        "offer": {"activityId": activity, "until": until, "shown": {}}}])
}

const UNTIL: &str = "1970-01-01T00:17:30Z";

fn deciding(skip: f64, reject: f64, missed: f64) -> Scene {
    Scene::new(FloorConfig {
        previews: Some(Previews {
            deciding: Span::millis(3_000, 3_000),
            skip,
            reject,
        }),
        missed,
        ..config()
    })
}

#[test]
fn a_preview_is_answered_once() {
    for (skip, reject, decision) in [(0.0, 0.0, "accept"), (1.0, 0.0, "skip"), (0.0, 1.0, "reject")] {
        let mut scene = deciding(skip, reject, 0.0);
        for _ in 0..3 {
            scene.see(&offered("ann", "act_1", UNTIL));
        }
        scene.run(10);
        let said = format!("/v1/agents/ann/offer {{\"activityId\":\"act_1\",\"decision\":\"{decision}\"}}");
        assert_eq!(scene.told(), [(3, said.as_str())]);
        assert_eq!(scene.floor.stats().previews, [(decision.into(), 1)].into());
        // The same contact once more is a new offer.
        scene.see(&offered("ann", "act_1", "1970-01-01T00:20:00Z"));
        scene.run(20);
        assert_eq!(scene.told().len(), 2);
    }
}

#[test]
fn who_looks_at_a_preview_takes_no_other_call_and_then_the_accepted_one() {
    let mut scene = deciding(0.0, 0.0, 0.0);
    scene.see(&offered("ann", "act_1", UNTIL));
    scene.call("7", sales(), CallResult::Answered, 0, 60);
    scene.run(5);
    assert!(scene.told().contains(&(0, "ben busy")));
    // Accepted: the offer is gone, the activity is not.
    scene.see(&json!([{"id": "ann", "state": "RESERVED", "activityId": "act_1"}]));
    scene.call("8", sales(), CallResult::Answered, 0, 60);
    scene.run(8);
    assert_eq!(scene.floor.stats().abandoned, 1, "ann is waiting for her call");
    scene.call("1", reserved("ann"), CallResult::Answered, 0, 60);
    scene.run(9);
    assert!(scene.told().contains(&(8, "ann busy")));
    assert_eq!(scene.floor.stats().unasked, 0);
}

#[test]
fn a_call_that_no_agent_accepted_is_told_apart() {
    let mut scene = deciding(1.0, 0.0, 0.0);
    scene.see(&offered("ann", "act_1", UNTIL));
    scene.run(5);
    scene.call("1", reserved("ann"), CallResult::Answered, 0, 60);
    assert_eq!(scene.floor.stats().unasked, 1);
}

#[test]
fn a_preview_that_is_withdrawn_frees_its_agent() {
    let mut scene = deciding(0.0, 0.0, 0.0);
    scene.see(&offered("ann", "act_1", UNTIL));
    scene.call("1", sales(), CallResult::Answered, 0, 60);
    scene.call("2", sales(), CallResult::Answered, 0, 60);
    scene.run(1);
    scene.see(&json!([{"id": "ann", "state": "SEIZED"}]));
    assert!(scene.told().contains(&(1, "ann busy")), "{:?}", scene.told());
}

#[test]
fn a_preview_may_be_ignored() {
    let mut scene = deciding(0.0, 0.0, 1.0);
    scene.see(&offered("ann", "act_1", UNTIL));
    scene.run(100);
    assert_eq!(scene.told(), [(50, "ann missed"), (55, "ann ready")]);

    let mut scene = deciding(0.0, 0.0, 1.0);
    scene.see(&offered("ann", "act_1", UNTIL));
    scene.run(20);
    scene.see(&json!([{"id": "ann", "state": "NOT_READY"}]));
    scene.run(100);
    assert_eq!(scene.told(), [(20, "ann missed"), (25, "ann ready")]);
}
