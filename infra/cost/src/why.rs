//! Why each write stays: the rule that asks for it.

use application::keys::Kind;

use crate::meter::Step;

/// The reason for a write.
pub(crate) const fn why(step: Step, kind: Kind) -> &'static str {
    match (step, kind) {
        (Step::Create, Kind::Activity) => "the promise itself; its timer is an index entry",
        (Step::Create, Kind::Idempotency) => "once when begun, once with the answer",
        (Step::Start, Kind::Activity) => "scheduled with the conversation's step, or not at all",
        (Step::Start, Kind::Conversation) => "one transaction with what its step schedules",
        (Step::Start, Kind::Pointer) => "pause, stop and lists find the conversation by it",
        (Step::Start, Kind::Job) => "how far the start came; one a page",
        (Step::Claim, Kind::Activity) => "the attempt, written before it is made",
        (Step::Claim, Kind::Ledger) => "the cap binds at the claim: one transaction",
        (Step::Claim, Kind::Address) => {
            "once for an address: who answers from it and quotes nothing is known by it"
        }
        (Step::Claim, Kind::Rate) => "a block of moments of the connector's rate",
        (Step::Settle, Kind::Activity) => "what the provider said; out of the due index",
        (Step::Settle | Step::Delivered | Step::Read, Kind::Conversation) => {
            "steps in one transaction with its cause"
        }
        (Step::Settle, Kind::ProviderMessage) => "receipts that name only the provider's id",
        (Step::Delivered | Step::Read, Kind::Activity) => "the fold of the receipt",
        (Step::History, Kind::History) => "the customer's history, once a batch",
        (Step::History, Kind::Pointer) => "the campaign's list of activities",
        (Step::History, Kind::Counter) => "once a batch, shard and campaign",
        (Step::Webhooks, Kind::Delivery) => "told, and to be seen as told",
        (Step::Deliver, Kind::Delivery) => "what came of a call that was not taken at once",
        (Step::Webhooks | Step::Deliver, Kind::Webhook) => "when its health changes",
        (Step::Sweep, Kind::SweepCursor) => "how far the sweep came; once a minute and shard",
        (Step::Wait, _) => "the conversation moves on",
        _ => "",
    }
}
