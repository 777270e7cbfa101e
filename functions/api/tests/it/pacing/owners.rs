//! Who owns a group, and when somebody does.

use application::keys;
use application::pacing;
use application::sweep::{From, sweep};
use application::timers::TimerMessage;
use domain::time::Millis;
use domain::timer::DUE_SHARDS;
use futures::FutureExt as _;
use platform::queues::{QueueName, Queues as _};
use platform::table::{Consistency, Order, Query, SortRange};

use super::*;

#[tokio::test]
async fn what_was_said_to_an_owner_that_died_is_heard_by_the_next() {
    for (decision, becomes) in [("reject", "FAILED"), ("skip", "SCHEDULED")] {
        let api = Api::new().await;
        let (call, died) = paced(&api, "preview").await;
        says(&api, &call, decision).await.expect(202);
        drop(died);
        let queued = json!({"items": [{"callId": "in-1", "event": "queued"}]});
        api.post("/v1/skill-groups/sales/inbound-calls", &queued)
            .await
            .expect(202);
        assert!(take(&api).await.is_none());

        // Its lease ends; the offer would stand for longer.
        api.pass(20).await;
        let mut next = owner(&api).await;
        work(&api, &mut next, 3).await;
        api.get("/v1/agents/ada/offer").await.expect(404);
        assert_eq!(state(&api, &call).await["state"], becomes, "{decision}");
        assert_eq!(seen_of_group(&api).await["inQueue"], 1);
    }
}

/// What a worker makes of the messages that have arrived: the owner of a group that nobody has, if there is one.
async fn owner_by_message(api: &Api) -> Option<Owner> {
    // An empty queue makes its caller wait.
    let arrived = api.world.receive(QueueName::Pacing, 10, Millis::minutes(1));
    for message in arrived.now_or_never()?.unwrap() {
        let timer = TimerMessage::decode(&message.body).unwrap();
        let owner = pacing::due(&api.context, &timer).await.unwrap();
        api.world
            .delete(QueueName::Pacing, vec![message.receipt])
            .await
            .unwrap();
        if owner.is_some() {
            return owner;
        }
    }
    None
}

#[tokio::test]
async fn the_group_of_an_owner_who_died_has_another_within_fifteen_seconds() {
    let api = Api::new().await;
    floor(&api).await;
    for lived in [1, 7, 31] {
        let mut owner = owner(&api).await;
        for _ in 0..lived {
            work(&api, &mut owner, 1).await;
            assert!(owner_by_message(&api).await.is_none(), "the group has an owner");
        }
        drop(owner);
        // Nothing happens that would wake anybody, and no sweep passes.
        let mut waited = 0;
        while owner_by_message(&api).await.is_none() {
            waited += 1;
            assert!(waited <= 15, "nobody has found the group");
            api.pass(1).await;
        }
        assert!(
            waited >= 9,
            "the lease of the dead owner still held after {waited} seconds"
        );
        api.pass(11).await;
    }
}

/// The group `sales`, paced, with an agent who is not at work.
async fn new_group(api: &Api) {
    let group = json!({"name": "Sales", "pacing": {}});
    api.put("/v1/skill-groups/sales", &group).await.expect(200);
    let agent = json!({"name": "Ada", "skillGroups": ["sales"]});
    api.put("/v1/agents/ada", &agent).await.expect(200);
}

/// The same, whose owner has given it up.
async fn nobody_at_work(api: &Api) {
    new_group(api).await;
    let mut owner = owner_by_message(api)
        .await
        .expect("a group that is new finds an owner");
    assert_eq!(owner.pulse(&api.context).await.unwrap(), Pulsed::Idle);
    owner.give_up(&api.context).await.unwrap();
}

#[tokio::test]
async fn who_comes_to_work_just_after_a_group_was_given_up_is_not_kept_waiting() {
    let api = Api::new().await;
    nobody_at_work(&api).await;
    gets_ready(&api, "ada").await;
    api.pass(1).await;
    let mut owner = owner_by_message(&api).await.expect("within a second");
    assert_eq!(owner.pulse(&api.context).await.unwrap(), Pulsed::Busy);
}

#[tokio::test]
async fn who_comes_to_work_while_a_group_is_given_up_is_not_kept_waiting() {
    let api = Api::new().await;
    new_group(&api).await;
    let mut owner = owner(&api).await;
    assert_eq!(owner.pulse(&api.context).await.unwrap(), Pulsed::Idle);
    // Its owner has read the news; what wakes it now finds it owned.
    api.pass(3).await;
    gets_ready(&api, "ada").await;
    api.pass(1).await;
    assert!(owner_by_message(&api).await.is_none());
    owner.give_up(&api.context).await.unwrap();
    let mut owner = owner_by_message(&api).await.expect("at once");
    assert_eq!(owner.pulse(&api.context).await.unwrap(), Pulsed::Busy);
}

#[tokio::test]
async fn a_group_without_agents_is_looked_at_every_ten_minutes_and_no_sooner() {
    let api = Api::new().await;
    nobody_at_work(&api).await;
    let mut looks = Vec::new();
    for second in 0..31 * 60 {
        if second % 60 == 0 {
            for shard in 0..DUE_SHARDS {
                sweep(&api.context, shard, From::Cursor).await.unwrap();
            }
        }
        if let Some(mut owner) = owner_by_message(&api).await {
            looks.push(second);
            owner.pulse(&api.context).await.unwrap();
            owner.give_up(&api.context).await.unwrap();
        }
        api.pass(1).await;
    }
    assert_eq!(looks.len(), 3, "{looks:?}");
    // Of the states from which audits begin there is one an hour.
    let snapshots = Query {
        partition: keys::pacing_snapshots(&acme(), &sales()),
        range: SortRange::All,
        after: None,
        order: Order::Ascending,
        limit: 10,
        consistency: Consistency::Strong,
    };
    assert_eq!(api.context.table.query(&snapshots).await.unwrap().items.len(), 1);
}

#[tokio::test]
async fn a_group_of_many_campaigns_and_booked_agents_is_written_down() {
    let api = Api::new().await;
    floor(&api).await;
    // Together they have more to tell than an item holds.
    let booked: Vec<_> = (0..100)
        .map(|n| json!({"from": after(600 + 20 * n), "until": after(610 + 20 * n)}))
        .collect();
    for n in 0..70 {
        let path = format!("/v1/agents/agent-{n}");
        let agent = json!({"name": "Bo", "skillGroups": ["sales"]});
        api.put(&path, &agent).await.expect(200);
        let commitments = json!({"items": booked});
        api.put(&format!("{path}/commitments"), &commitments)
            .await
            .expect(200);
        let event = json!({"sequence": 1, "event": {"type": "log_on"}});
        api.post(&format!("{path}/events"), &event).await.expect(200);
    }
    // And their state is larger than one.
    for _ in 0..36 {
        let campaign = api.campaign().await.id();
        waiting_for(&api, "progressive", Some(&campaign)).await;
    }
    let mut first = owner(&api).await;
    work(&api, &mut first, 6).await;
    first.give_up(&api.context).await.unwrap();
    let before = seen_of_group(&api).await;
    assert_eq!(before["agents"], 71);
    assert_eq!(before["works"].as_array().unwrap().len(), 36);
    let mut next = owner(&api).await;
    work(&api, &mut next, 2).await;
    assert_eq!(seen_of_group(&api).await["agents"], 71);
}

#[tokio::test]
async fn agents_are_given_back_when_their_group_is_paced_no_longer() {
    let api = Api::new().await;
    let (call, mut owner) = paced(&api, "progressive").await;
    let agent = async || api.get("/v1/agents/ada").await.expect(200).json;
    assert_eq!(agent().await["state"], "RESERVED", "for {call}");
    api.put("/v1/skill-groups/sales", &json!({"name": "Sales"}))
        .await
        .expect(200);
    api.pass(3).await;
    assert_eq!(owner.pulse(&api.context).await.unwrap(), Pulsed::Lost);
    assert_eq!(agent().await["state"], "READY");
}

#[tokio::test]
async fn an_agent_who_leaves_for_a_group_that_is_not_paced_is_given_back() {
    let api = Api::new().await;
    floor(&api).await;
    waiting(&api, "progressive").await;
    let mut owner = owner(&api).await;
    let bo = json!({"name": "Bo", "skillGroups": ["sales"]});
    api.put("/v1/agents/bo", &bo).await.expect(200);
    gets_ready(&api, "bo").await;
    work(&api, &mut owner, 3).await;
    let state = async |agent: &str| {
        let agent = api.get(&format!("/v1/agents/{agent}")).await.expect(200);
        agent.text_of("state")
    };
    let mut states = [state("ada").await, state("bo").await];
    states.sort();
    assert_eq!(states, ["RESERVED", "SEIZED"]);
    let free = if state("bo").await == "SEIZED" {
        "bo"
    } else {
        "ada"
    };
    let elsewhere = json!({"name": "X", "skillGroups": ["help"]});
    api.put("/v1/skill-groups/help", &json!({"name": "Help"}))
        .await
        .expect(200);
    api.put(&format!("/v1/agents/{free}"), &elsewhere)
        .await
        .expect(200);
    work(&api, &mut owner, 40).await;
    assert_eq!(state(free).await, "READY");
}
