//! How an activity is scheduled, changed, cancelled and parked.

use super::samples::*;
use super::*;

#[test]
fn a_revision_voids_earlier_messages() {
    let before = scheduled();
    let after = before
        .clone()
        .revise(
            Revision {
                due_at: Some(at(5_000)),
                ..Revision::default()
            },
            writing(10, 2),
        )
        .unwrap();
    assert_eq!(after.timer().unwrap().at, at(5_000));
    assert!(after.timer().unwrap().generation > before.timer().unwrap().generation);
    let bad = Revision {
        due_at: Some(at(100_000)),
        ..Revision::default()
    };
    assert_eq!(
        before.revise(bad, writing(10, 2)),
        Err(ChangeError::ExpiryBeforeDue)
    );
}

#[test]
fn a_revision_that_asks_for_what_stands_changes_nothing() {
    let before = scheduled();
    let same = Revision {
        due_at: Some(before.plan.due_at),
        expires_at: Some(before.plan.expires_at),
        message: Some(before.plan.message.clone()),
        priority: Some(before.plan.priority),
        metadata: Some(before.plan.metadata.clone()),
    };
    for revision in [same.clone(), Revision::default()] {
        assert_eq!(
            before.clone().revise(revision, writing(10, 2)),
            Ok(before.clone())
        );
    }
    // What was put off is due at its time again.
    let put_off = before.clone().await_turn(Turn::Place(at(60_000)), at(2_000));
    let again = put_off.revise(same, writing(3_000, 2)).unwrap();
    assert_eq!(again.next_at, before.plan.due_at);
}

#[test]
fn a_cancelled_activity_leaves_the_index_and_stays_cancelled() {
    let Cancel::Cancelled(activity) = scheduled().cancel(CancelReason::Requested, writing(10, 2)) else {
        panic!("not cancelled")
    };
    assert_eq!(activity.timer(), None);
    assert_eq!(
        activity.cancel(CancelReason::Requested, writing(11, 3)),
        Cancel::TooLate(State::Cancelled)
    );
}

#[test]
fn a_parked_activity_is_open_but_not_due() {
    let parked = scheduled().park(Parked::CampaignPaused);
    assert_eq!((parked.timer(), parked.state), (None, State::Scheduled));
    assert!(parked.unpark().timer().is_some());
}

#[test]
fn a_call_that_waits_for_an_agent_is_due_at_its_last_moment() {
    let parked = scheduled().park(Parked::AwaitsAgent);
    assert_eq!(parked.timer().map(|timer| timer.at), parked.plan.expires_at);
    let released = Released {
        at: at(5_000),
        group: SkillGroupId::parse("sales").unwrap(),
        agent: None,
    };
    let released = parked.release(released);
    assert_eq!(released.timer().map(|timer| timer.at), Some(at(5_000)));
    assert!(released.is_released(at(24_999)) && !released.is_released(at(25_000)));
    assert!(!released.is_release_over(at(184_999)) && released.is_release_over(at(185_000)));
    let again = released.defer(at(60_000), "window", writing(6_000, 3));
    assert!(!again.is_released(at(6_000)));
}

#[test]
fn a_place_in_the_queue_is_waited_for_with_a_look_now_and_then() {
    let waits = |turn| scheduled().await_turn(turn, at(2_000)).next_at;
    assert_eq!(waits(Turn::Slot(at(2_500))), at(2_500));
    assert_eq!(waits(Turn::Place(at(60_000))), at(60_000));
    // Its last moment is told when it comes, not when its turn would have been.
    assert_eq!(waits(Turn::Place(at(9_000_000))), at(100_000));
    let mut endless = scheduled();
    endless.plan.expires_at = None;
    let waiting = endless.await_turn(Turn::Place(at(9_000_000)), at(2_000));
    assert_eq!(waiting.next_at, at(2_000) + ASKS_AGAIN);
}

#[test]
fn of_another_priority_it_asks_the_connector_again_at_once() {
    let waiting = scheduled().await_turn(Turn::Place(at(60_000)), at(2_000));
    let to = |priority| Revision {
        priority: Some(priority),
        ..Revision::default()
    };
    let same = waiting
        .clone()
        .revise(to(Priority::Normal), writing(3_000, 2))
        .unwrap();
    assert_eq!(same.next_at, at(60_000));
    let raised = waiting.revise(to(Priority::High), writing(3_000, 2)).unwrap();
    assert_eq!((raised.next_at, raised.turn), (at(3_000), None));
}

#[test]
fn the_stored_form_reads_back() {
    let activity = scheduled().await_turn(Turn::Place(at(2_000)), at(1_000));
    let json = serde_json::to_string(&activity).unwrap();
    assert_eq!(serde_json::from_str::<Activity>(&json).unwrap(), activity);
}
