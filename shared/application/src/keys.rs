//! The map of the table: every key, in one place.
//!
//! | entity | partition | sort |
//! |---|---|---|
//! | activity | `<tenant>#A#<activity>` | `A` |
//! | customer's message to an activity | `<tenant>#A#<activity>` | `R#<message id>` |
//! | conversation | `<tenant>#V#<conversation>` | `V` |
//! | customer profile | `<tenant>#P#<shard>` | `<customer>` |
//! | frequency ledger of a person | `<tenant>#F#<customer>` | `F` |
//! | do-not-contact entries of an address or a person | `<tenant>#N#<shard>` | `a:<address>` or `p:<customer>` |
//! | persons of an address | `<tenant>#AP#<address>` | `P` |
//! | customer's message that quoted none of ours | `<tenant>#AM#<hash of address and message id>` | `M` |
//! | customer history, an entry per activity | `<tenant>#H#<customer>` | `<activity, its time first>#act` |
//! | customer's answers without activity | `<tenant>#H#<customer>` | `<message, its time first>#msg` |
//! | activities of a campaign (pointers) | `<tenant>#CA#<campaign>#<shard>` | `<activity>` |
//! | parked activities of a campaign (pointers) | `<tenant>#CK#<campaign>#<shard>` | `<activity>` |
//! | conversations of a campaign (pointers) | `<tenant>#CV#<campaign>#<shard>` | `<conversation>` |
//! | activity by provider message | `<tenant>#M#<connector>#<provider id>` | `M` |
//! | campaign | `<tenant>#C` | `<campaign>` |
//! | published version of a campaign | `<tenant>#CP#<campaign>` | `<version, 10 digits>` |
//! | contact list | `<tenant>#L` | `<list>` |
//! | contact | `<tenant>#LC#<list>#<shard>` | `<contact>` |
//! | import of a list | `<tenant>#LI#<list>` | `<import>` |
//! | rejected row of an import | `<tenant>#LR#<import>` | `<row, 10 digits>` |
//! | counters | `<tenant>#G#<campaign>` | `<stream shard>` |
//! | job (paced work) | `<tenant>#J#<job>` | `J` |
//! | connector | `<tenant>#K` | `<connector>` |
//! | rate of a connector | `<tenant>#KR#<connector>` | `R` |
//! | webhook endpoint | `<tenant>#W` | `<webhook>` |
//! | secrets that sign callbacks | `<tenant>#WS` | `S` |
//! | webhook delivery | `<tenant>#WD#<webhook>` | `<event>` |
//! | dead letter | `<tenant>#D` | `<activity>` |
//! | orphaned receipt | `<tenant>#O` | `<orphan>` |
//! | agent | `<tenant>#AG` | `<agent>` |
//! | owner of a group's pacing | `<tenant>#PO#<skill group>` | `O` |
//! | state of a group's pacing | `<tenant>#PO#<skill group>` | `S` |
//! | states from which audits begin | `<tenant>#PS#<skill group>` | `<entry, 12 digits>` |
//! | log of a group's pacing | `<tenant>#PL#<skill group>` | `<entry, 12 digits>` |
//! | news for a group's pacing | `<tenant>#PM#<skill group>` | `<millis, 13 digits>#<token>` |
//! | call that waits for an agent | `<tenant>#PW#<skill group>` | `<campaign>#<mode>#<priority><due, 13 digits>#<activity>` |
//! | skill group | `<tenant>#SG` | `<skill group>` |
//! | settings of a tenant | `<tenant>#S` | `S` |
//! | idempotency record | `<tenant>#I#<hash of route and key>` | `I` |
//! | API key by hash | `key#<sha-256>` | `K` |
//! | API keys of a tenant | `<tenant>#KEYS` | `<api key>` |
//! | cursor of the sweep | `sweep#<due shard>` | `S` |

use domain::address::Address;
use domain::id::{
    ActivityId, AgentId, ApiKeyId, CampaignId, ConnectorId, ContactId, ContactListId, ConversationId,
    CustomerId, EventId, ImportId, SkillGroupId, TenantId, WebhookId, hash_bits,
};
use platform::table::Key;

/// Over how many partitions a large collection is spread.
pub const COLLECTION_SHARDS: u16 = 8;

/// The shard of a member of a large collection.
pub fn collection_shard(member: &str) -> u16 {
    u16::try_from(hash_bits(&[member]) % u128::from(COLLECTION_SHARDS)).unwrap_or(0)
}

/// An activity.
pub fn activity(tenant: &TenantId, id: &ActivityId) -> Key {
    Key::new(format!("{tenant}#A#{id}"), "A")
}

/// Reads the key of an activity.
pub fn parse_activity(key: &Key) -> Option<(TenantId, ActivityId)> {
    if key.sort != "A" {
        return None;
    }
    let (tenant, id) = key.partition.split_once("#A#")?;
    Some((TenantId::parse(tenant).ok()?, ActivityId::parse(id).ok()?))
}

/// A customer's message that answers an activity.
pub fn response(tenant: &TenantId, activity: &ActivityId, message: &str) -> Key {
    Key::new(format!("{tenant}#A#{activity}"), format!("R#{message}"))
}

/// A conversation.
pub fn conversation(tenant: &TenantId, id: &ConversationId) -> Key {
    Key::new(format!("{tenant}#V#{id}"), "V")
}

/// Reads the key of a conversation.
pub fn parse_conversation(key: &Key) -> Option<(TenantId, ConversationId)> {
    if key.sort != "V" {
        return None;
    }
    let (tenant, id) = key.partition.split_once("#V#")?;
    Some((TenantId::parse(tenant).ok()?, ConversationId::parse(id).ok()?))
}

/// The partition of a shard of customer profiles.
pub fn customers(tenant: &TenantId, shard: u16) -> String {
    format!("{tenant}#P#{shard}")
}

/// A customer profile.
pub fn customer(tenant: &TenantId, id: &CustomerId) -> Key {
    Key::new(customers(tenant, collection_shard(id.as_str())), id.as_str())
}

/// The frequency ledger of a person.
pub fn ledger(tenant: &TenantId, customer: &CustomerId) -> Key {
    Key::new(format!("{tenant}#F#{customer}"), "F")
}

/// The partition of a shard of do-not-contact entries.
pub fn do_not_contact_shard(tenant: &TenantId, shard: u16) -> String {
    format!("{tenant}#N#{shard}")
}

/// The do-not-contact entries of an address.
pub fn barred_address(tenant: &TenantId, address: &Address) -> Key {
    barred(tenant, format!("a:{}", address.key()))
}

/// The do-not-contact entries of a person.
pub fn barred_person(tenant: &TenantId, customer: &CustomerId) -> Key {
    barred(tenant, format!("p:{customer}"))
}

fn barred(tenant: &TenantId, subject: String) -> Key {
    Key::new(do_not_contact_shard(tenant, collection_shard(&subject)), subject)
}

/// The persons of an address.
pub fn persons(tenant: &TenantId, address: &Address) -> Key {
    Key::new(format!("{tenant}#AP#{}", address.key()), "P")
}

/// A customer's message that quoted none of ours. Ids of any form are hashed.
pub fn unquoted(tenant: &TenantId, from: &Address, message: &str) -> Key {
    let hash = hash_bits(&[&from.key(), message]);
    Key::new(format!("{tenant}#AM#{hash:032x}"), "M")
}

/// The partition of a customer's history.
pub fn history(tenant: &TenantId, customer: &CustomerId) -> String {
    format!("{tenant}#H#{customer}")
}

/// An entry of a customer's history, by the id of what it tells of. The time in the id comes before the kind, so that
/// a history is in its order.
pub fn history_entry(tenant: &TenantId, customer: &CustomerId, id: &str) -> Key {
    let sort = match id.split_once('_') {
        Some((kind, rest)) => format!("{rest}#{kind}"),
        None => id.to_owned(),
    };
    Key::new(history(tenant, customer), sort)
}

/// Whether an entry of a history is a message of the customer's own, from its sort key.
pub fn is_message(sort: &str) -> bool {
    sort.ends_with("#msg")
}

/// The id of what an entry of a history tells of, from its sort key.
pub fn id_in_history(sort: &str) -> String {
    match sort.split_once('#') {
        Some((rest, kind)) => format!("{kind}_{rest}"),
        None => sort.to_owned(),
    }
}

/// The partition of a shard of a campaign's activities.
pub fn campaign_activities(tenant: &TenantId, campaign: &CampaignId, shard: u16) -> String {
    format!("{tenant}#CA#{campaign}#{shard}")
}

/// The pointer from a campaign to its activity.
pub fn campaign_activity(tenant: &TenantId, campaign: &CampaignId, id: &ActivityId) -> Key {
    Key::new(
        campaign_activities(tenant, campaign, collection_shard(id.as_str())),
        id.as_str(),
    )
}

/// The partition of a shard of a campaign's parked activities.
pub fn all_parked(tenant: &TenantId, campaign: &CampaignId, shard: u16) -> String {
    format!("{tenant}#CK#{campaign}#{shard}")
}

/// The pointer from a paused campaign to an activity that waits for it.
pub fn parked(tenant: &TenantId, campaign: &CampaignId, id: &ActivityId) -> Key {
    Key::new(
        all_parked(tenant, campaign, collection_shard(id.as_str())),
        id.as_str(),
    )
}

/// The partition of a shard of a campaign's conversations.
pub fn campaign_conversations(tenant: &TenantId, campaign: &CampaignId, shard: u16) -> String {
    format!("{tenant}#CV#{campaign}#{shard}")
}

/// The pointer from a campaign to its conversation.
pub fn campaign_conversation(tenant: &TenantId, campaign: &CampaignId, id: &ConversationId) -> Key {
    Key::new(
        campaign_conversations(tenant, campaign, collection_shard(id.as_str())),
        id.as_str(),
    )
}

/// The pointer from a provider's message id to our activity. Ids of any form are hashed.
pub fn provider_message(tenant: &TenantId, connector: &ConnectorId, provider_id: &str) -> Key {
    Key::new(
        format!("{tenant}#M#{connector}#{:032x}", hash_bits(&[provider_id])),
        "M",
    )
}

/// The partition of a tenant's campaigns.
pub fn campaigns(tenant: &TenantId) -> String {
    format!("{tenant}#C")
}

/// A campaign.
pub fn campaign(tenant: &TenantId, id: &CampaignId) -> Key {
    Key::new(campaigns(tenant), id.as_str())
}

/// A published version of a campaign.
pub fn published(tenant: &TenantId, id: &CampaignId, version: u64) -> Key {
    Key::new(format!("{tenant}#CP#{id}"), format!("{version:010}"))
}

/// The partition of a tenant's contact lists.
pub fn contact_lists(tenant: &TenantId) -> String {
    format!("{tenant}#L")
}

/// A contact list.
pub fn contact_list(tenant: &TenantId, id: &ContactListId) -> Key {
    Key::new(contact_lists(tenant), id.as_str())
}

/// The partition of a shard of a list's contacts.
pub fn contacts(tenant: &TenantId, list: &ContactListId, shard: u16) -> String {
    format!("{tenant}#LC#{list}#{shard}")
}

/// A contact.
pub fn contact(tenant: &TenantId, list: &ContactListId, id: &ContactId) -> Key {
    Key::new(contacts(tenant, list, collection_shard(id.as_str())), id.as_str())
}

/// The partition of a list's imports.
pub fn imports(tenant: &TenantId, list: &ContactListId) -> String {
    format!("{tenant}#LI#{list}")
}

/// An import.
pub fn import(tenant: &TenantId, list: &ContactListId, id: &ImportId) -> Key {
    Key::new(imports(tenant, list), id.as_str())
}

/// The partition of an import's rejected rows.
pub fn rejects(tenant: &TenantId, import: &ImportId) -> String {
    format!("{tenant}#LR#{import}")
}

/// A rejected row.
pub fn reject(tenant: &TenantId, import: &ImportId, row: u64) -> Key {
    Key::new(rejects(tenant, import), format!("{row:010}"))
}

/// The partition of a campaign's counters.
pub fn counters(tenant: &TenantId, campaign: &CampaignId) -> String {
    format!("{tenant}#G#{campaign}")
}

/// A job: paced work, found again after a crash.
pub fn job(tenant: &TenantId, name: &str) -> Key {
    Key::new(format!("{tenant}#J#{name}"), "J")
}

/// Reads the key of a job.
pub fn parse_job(key: &Key) -> Option<(TenantId, &str)> {
    if key.sort != "J" {
        return None;
    }
    let (tenant, name) = key.partition.split_once("#J#")?;
    Some((TenantId::parse(tenant).ok()?, name))
}

/// The partition of a tenant's connectors.
pub fn connectors(tenant: &TenantId) -> String {
    format!("{tenant}#K")
}

/// A connector.
pub fn connector(tenant: &TenantId, id: &ConnectorId) -> Key {
    Key::new(connectors(tenant), id.as_str())
}

/// The rate of a connector.
pub fn rate(tenant: &TenantId, id: &ConnectorId) -> Key {
    Key::new(format!("{tenant}#KR#{id}"), "R")
}

/// The partition of a tenant's webhooks.
pub fn webhooks(tenant: &TenantId) -> String {
    format!("{tenant}#W")
}

/// A webhook endpoint.
pub fn webhook(tenant: &TenantId, id: &WebhookId) -> Key {
    Key::new(webhooks(tenant), id.as_str())
}

/// Which secrets sign a tenant's callbacks and its CX Activities sink.
pub fn callback_signing(tenant: &TenantId) -> Key {
    Key::new(format!("{tenant}#WS"), "S")
}

/// The partition of a webhook's deliveries.
pub fn deliveries(tenant: &TenantId, webhook: &WebhookId) -> String {
    format!("{tenant}#WD#{webhook}")
}

/// A webhook delivery.
pub fn delivery(tenant: &TenantId, webhook: &WebhookId, event: &EventId) -> Key {
    Key::new(deliveries(tenant, webhook), event.as_str())
}

/// Reads the key of a webhook delivery.
pub fn parse_delivery(key: &Key) -> Option<(TenantId, WebhookId, EventId)> {
    let (tenant, webhook) = key.partition.split_once("#WD#")?;
    Some((
        TenantId::parse(tenant).ok()?,
        WebhookId::parse(webhook).ok()?,
        EventId::parse(&key.sort).ok()?,
    ))
}

/// The partition of a tenant's dead letters.
pub fn dead_letters(tenant: &TenantId) -> String {
    format!("{tenant}#D")
}

/// A dead letter.
pub fn dead_letter(tenant: &TenantId, id: &ActivityId) -> Key {
    Key::new(dead_letters(tenant), id.as_str())
}

/// The partition of a tenant's orphaned receipts.
pub fn orphans(tenant: &TenantId) -> String {
    format!("{tenant}#O")
}

/// An orphaned receipt.
pub fn orphan(tenant: &TenantId, id: &str) -> Key {
    Key::new(orphans(tenant), id)
}

/// The partition of a tenant's agents.
pub fn agents(tenant: &TenantId) -> String {
    format!("{tenant}#AG")
}

/// An agent.
pub fn agent(tenant: &TenantId, id: &AgentId) -> Key {
    Key::new(agents(tenant), id.as_str())
}

/// The partition of a tenant's skill groups.
pub fn skill_groups(tenant: &TenantId) -> String {
    format!("{tenant}#SG")
}

/// A skill group.
pub fn skill_group(tenant: &TenantId, id: &SkillGroupId) -> Key {
    Key::new(skill_groups(tenant), id.as_str())
}

/// Who paces the calls of a skill group.
pub fn pacing_owner(tenant: &TenantId, group: &SkillGroupId) -> Key {
    Key::new(format!("{tenant}#PO#{group}"), "O")
}

/// The latest state of a group's pacing.
pub fn pacing_state(tenant: &TenantId, group: &SkillGroupId) -> Key {
    Key::new(format!("{tenant}#PO#{group}"), "S")
}

/// A part of a state of a group's pacing; the first stands under the state's key.
pub fn pacing_part(state: &Key, part: usize) -> Key {
    match part {
        0 => state.clone(),
        part => Key::new(format!("{}#{part}", state.partition), state.sort.clone()),
    }
}

/// Reads [`pacing_owner`].
pub fn parse_pacing_owner(key: &Key) -> Option<(TenantId, SkillGroupId)> {
    if key.sort != "O" {
        return None;
    }
    let (tenant, group) = key.partition.split_once("#PO#")?;
    Some((TenantId::parse(tenant).ok()?, SkillGroupId::parse(group).ok()?))
}

/// The partition of the states from which audits of a group's pacing begin.
pub fn pacing_snapshots(tenant: &TenantId, group: &SkillGroupId) -> String {
    format!("{tenant}#PS#{group}")
}

/// A state from which audits begin: that in front of an entry of the log.
pub fn pacing_snapshot(tenant: &TenantId, group: &SkillGroupId, entry: u64) -> Key {
    Key::new(pacing_snapshots(tenant, group), format!("{entry:012}"))
}

/// The partition of the log of a group's pacing.
pub fn pacing_log(tenant: &TenantId, group: &SkillGroupId) -> String {
    format!("{tenant}#PL#{group}")
}

/// An entry of the log of a group's pacing.
pub fn pacing_entry(tenant: &TenantId, group: &SkillGroupId, entry: u64) -> Key {
    Key::new(pacing_log(tenant, group), format!("{entry:012}"))
}

/// The partition of the news for a group's pacing.
pub fn pacing_mail(tenant: &TenantId, group: &SkillGroupId) -> String {
    format!("{tenant}#PM#{group}")
}

/// The partition of the calls that wait for a group's agents.
pub fn waiting_calls(tenant: &TenantId, group: &SkillGroupId) -> String {
    format!("{tenant}#PW#{group}")
}

/// The settings of a tenant.
pub fn settings(tenant: &TenantId) -> Key {
    Key::new(format!("{tenant}#S"), "S")
}

/// The record of an idempotency key.
pub fn idempotency(tenant: &TenantId, route: &str, key: &str) -> Key {
    Key::new(format!("{tenant}#I#{:032x}", hash_bits(&[route, key])), "I")
}

/// An API key, by the hash of its text.
pub fn api_key(hash: &str) -> Key {
    Key::new(format!("key#{hash}"), "K")
}

/// The partition of a tenant's API keys.
pub fn api_keys(tenant: &TenantId) -> String {
    format!("{tenant}#KEYS")
}

/// An API key in its tenant's list.
pub fn listed_api_key(tenant: &TenantId, id: &ApiKeyId) -> Key {
    Key::new(api_keys(tenant), id.as_str())
}

/// The cursor of the sweep over a shard of the due index.
pub fn sweep(shard: u16) -> Key {
    Key::new(format!("sweep#{shard}"), "S")
}

/// What kind of thing stands at a key: for accounts of what was read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An activity.
    Activity,
    /// A conversation.
    Conversation,
    /// The frequency ledger of a person.
    Ledger,
    /// What the gate reads about a person: profile and do-not-contact entries.
    Person,
    /// Whose an address is, and what came from it that quoted none of ours.
    Address,
    /// An entry of a customer's history.
    History,
    /// A pointer from a campaign to a member of it.
    Pointer,
    /// The pointer from a provider's message to an activity.
    ProviderMessage,
    /// A webhook delivery.
    Delivery,
    /// A webhook endpoint.
    Webhook,
    /// Counters.
    Counter,
    /// The rate of a connector.
    Rate,
    /// An idempotency record.
    Idempotency,
    /// A job.
    Job,
    /// A contact.
    Contact,
    /// The cursor of the sweep.
    SweepCursor,
    /// An entry of the due index, which stands beside the table.
    DueIndex,
    /// An agent.
    Agent,
    /// The pacing of a skill group: owner, log, snapshots, news, and calls that wait.
    Pacing,
    /// What is configured: settings, connectors, campaigns, API keys, ...
    Configuration,
}

/// The kind of what stands at a key.
pub fn kind(key: &Key) -> Kind {
    let mut parts = key.partition.split('#');
    match (parts.next(), parts.next()) {
        (Some("sweep"), _) => Kind::SweepCursor,
        (_, Some("A")) => Kind::Activity,
        (_, Some("V")) => Kind::Conversation,
        (_, Some("F")) => Kind::Ledger,
        (_, Some("P" | "N")) => Kind::Person,
        (_, Some("AP" | "AM")) => Kind::Address,
        (_, Some("H")) => Kind::History,
        (_, Some("CA" | "CK" | "CV")) => Kind::Pointer,
        (_, Some("M")) => Kind::ProviderMessage,
        (_, Some("WD")) => Kind::Delivery,
        (_, Some("W" | "WS")) => Kind::Webhook,
        (_, Some("G")) => Kind::Counter,
        (_, Some("KR")) => Kind::Rate,
        (_, Some("I")) => Kind::Idempotency,
        (_, Some("J")) => Kind::Job,
        (_, Some("LC")) => Kind::Contact,
        (_, Some("AG")) => Kind::Agent,
        (_, Some("PO" | "PS" | "PL" | "PM" | "PW")) => Kind::Pacing,
        _ => Kind::Configuration,
    }
}
