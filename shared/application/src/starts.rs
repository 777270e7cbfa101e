//! Starting a campaign's conversations: paced, page by page, and surviving a crash. A conversation's
//! id is derived from campaign, version and customer, so that nobody is started twice: neither by a
//! repeated page nor because they stand in two lists.

use std::collections::BTreeMap;

use contacts::profile::CustomerProfile;
use domain::id::{CampaignId, ConversationId, CustomerId, TenantId};
use domain::time::{Millis, Timestamp};
use flows::conversation::Opening;
use flows::{Conversation, Event, Flow};
use platform::table::{Consistency, TableError, Write};
use serde_json::Value;

use crate::campaigns::{self, Published, Standing};
use crate::contact_lists::ListedContact;
use crate::context::Context;
use crate::error::Error;
use crate::history::Pointer;
use crate::jobs::{Next, Place, Work};
use crate::store::{self, Put, decode};
use crate::{conversations, keys, timers};

/// Most conversations started per page.
const PAGE: usize = 100;
/// How long the start waits while its campaign is paused, before it looks again.
const PAUSED: Millis = Millis::seconds(10);

/// How many conversations a page starts: a fifth of a second's worth, so that they come evenly; where
/// that is little, up to ten, at most a second's worth, because every page has its price.
fn page_size(rate_per_second: u32) -> usize {
    usize::try_from((rate_per_second / 5).max(rate_per_second.min(10)))
        .unwrap_or(PAGE)
        .clamp(1, PAGE)
}

/// Does one page.
pub(crate) async fn page(
    context: &Context,
    tenant: &TenantId,
    campaign: &CampaignId,
    version: u64,
    list: usize,
    place: &Place,
) -> Result<Next, Error> {
    let again = |list, place, at| {
        let work = Work::Start {
            campaign: campaign.clone(),
            version,
            list,
            place,
        };
        Next::Page(work, at)
    };
    let published = campaigns::published(context, tenant, campaign, version).await?;
    if published
        .definition
        .end_at
        .is_some_and(|end| end <= context.now())
    {
        // Whoever was not reached by then is not: each of their messages would only expire.
        return Ok(Next::Done);
    }
    // Read strongly: what starts after the answer to a stop would be a surprise.
    match campaigns::get(context, tenant, campaign)
        .await?
        .value
        .standing(Some(version))
    {
        Standing::Over => return Ok(Next::Done),
        Standing::Paused => return Ok(again(list, place.clone(), context.now() + PAUSED)),
        Standing::Running => {}
    }
    let Some(contact_list) = published.definition.contact_lists.get(list) else {
        return Ok(Next::Done);
    };
    let flow = campaigns::flow(context, tenant, campaign, version).await?;
    let rate = published.definition.start_rate_per_second;
    let now = context.now();
    let page = place
        .page(
            context,
            keys::contacts(tenant, contact_list, place.shard),
            page_size(rate),
        )
        .await?;
    let contacts: Vec<ListedContact> = page
        .items
        .iter()
        .map(|item| Ok(decode(item)?.value))
        .collect::<Result<_, Error>>()?;
    start(context, tenant, campaign, &published, &flow, &contacts).await?;
    let taken = Millis::new(contacts.len() as u64 * 1_000 / u64::from(rate.max(1)));
    Ok(match place.behind(&page) {
        Some(place) => again(list, place, now + taken),
        None => again(list + 1, Place::default(), now + taken),
    })
}

async fn start(
    context: &Context,
    tenant: &TenantId,
    campaign: &CampaignId,
    published: &Published,
    flow: &Flow,
    contacts: &[ListedContact],
) -> Result<(), Error> {
    let wanted: Vec<_> = contacts
        .iter()
        .map(|listed| keys::customer(tenant, &listed.contact.customer_id))
        .collect();
    let profiles = context.table.get_many(&wanted, Consistency::Strong).await?;
    let mut transactions = Vec::with_capacity(contacts.len());
    let mut pointers = Vec::with_capacity(contacts.len());
    for (listed, profile) in contacts.iter().zip(profiles) {
        let profile = profile
            .as_ref()
            .map(decode::<CustomerProfile>)
            .transpose()?
            .map(|stored| stored.value);
        pointers.push(pointer(tenant, campaign, published, &listed.contact.customer_id)?);
        transactions.push(opening(context, tenant, campaign, published, flow, listed, profile).await?);
    }
    // Pointers stand before what they point to, so that no walk over the campaign misses a conversation;
    // one by one, because in the conversation's own transaction they would cost twice as much.
    store::ensure(context.table.as_ref(), pointers).await?;
    for _ in 0..crate::commit::MAX_TRIES {
        if transactions.is_empty() {
            return Ok(());
        }
        transactions = commit_each(context, transactions).await?;
    }
    Err(TableError::Conflict.into())
}

/// Commits each, and gives back those to be tried again.
async fn commit_each(context: &Context, transactions: Vec<Vec<Write>>) -> Result<Vec<Vec<Write>>, Error> {
    let results = context.table.transact_each(transactions.clone()).await;
    let (mut again, mut near) = (Vec::new(), Vec::new());
    for (writes, result) in transactions.into_iter().zip(results) {
        match result {
            Ok(()) => near.extend(writes.iter().filter_map(timer_of)),
            // It stands: this page was done before, or the customer stands in another list too.
            Err(TableError::ConditionFailed(_)) => {}
            Err(TableError::Conflict | TableError::Unavailable(_)) => again.push(writes),
            Err(error) => return Err(error.into()),
        }
    }
    timers::hand_over_near(context, near).await;
    Ok(again)
}

fn timer_of(write: &Write) -> Option<(platform::table::Key, domain::timer::Timer)> {
    match write {
        Write::Put { item, .. } => item.due.map(|timer| (item.key.clone(), timer)),
        Write::Delete { .. } | Write::Check { .. } => None,
    }
}

/// The id of a customer's conversation in a published version.
pub(crate) fn conversation_id(
    campaign: &CampaignId,
    published: &Published,
    customer: &CustomerId,
) -> ConversationId {
    let parts = [
        campaign.as_str(),
        &published.version.to_string(),
        customer.as_str(),
    ];
    ConversationId::derive(published.at, &parts)
}

/// The write of the pointer from the campaign to a customer's conversation.
fn pointer(
    tenant: &TenantId,
    campaign: &CampaignId,
    published: &Published,
    customer: &CustomerId,
) -> Result<Write, Error> {
    let id = conversation_id(campaign, published, customer);
    Put::new(keys::campaign_conversation(tenant, campaign, &id), &Pointer {}).write()
}

/// The writes that start a contact's conversation, with its first step.
async fn opening(
    context: &Context,
    tenant: &TenantId,
    campaign: &CampaignId,
    published: &Published,
    flow: &Flow,
    listed: &ListedContact,
    profile: Option<CustomerProfile>,
) -> Result<Vec<Write>, Error> {
    let contact = &listed.contact;
    let now: Timestamp = context.now();
    let id = conversation_id(campaign, published, &contact.customer_id);
    let opening = Opening {
        tenant: tenant.clone(),
        id: id.clone(),
        campaign: campaign.clone(),
        campaign_version: published.version,
        customer: contact.customer_id.clone(),
        contact: contact.id.clone(),
        addresses: contact.addresses.clone(),
        contact_zone: contact.time_zone,
        snapshot: flow.snapshot(
            &profile.map(|profile| fields(&profile)).unwrap_or_default(),
            &columns(listed),
            &published.definition.name,
        ),
    };
    let conversation = Conversation::open(opening, now);
    let step = flows::step(flow, conversation, &Event::Started, now, 1)
        .map_err(|error| Error::Corrupt(format!("{id} does not start: {error}")))?;
    conversations::writes_of(context, &step.conversation, 0, step.effects, None).await
}

/// What templates and expressions see of a profile.
fn fields(profile: &CustomerProfile) -> BTreeMap<String, Value> {
    let mut fields: BTreeMap<String, Value> = profile
        .attributes
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect();
    let known = serde_json::to_value(profile).ok();
    for name in campaigns::KNOWN_FIELDS {
        if let Some(value) = known.as_ref().and_then(|known| known.get(name)) {
            fields.insert(name.to_owned(), value.clone());
        }
    }
    fields
}

/// What templates and expressions see of a contact's row: its columns and its names.
fn columns(listed: &ListedContact) -> BTreeMap<String, Value> {
    let contact = &listed.contact;
    let mut columns: BTreeMap<String, Value> = contact
        .columns
        .iter()
        .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect();
    let known = serde_json::to_value(contact).ok();
    for name in campaigns::KNOWN_FIELDS {
        if let Some(value) = known.as_ref().and_then(|known| known.get(name)) {
            columns.insert(name.to_owned(), value.clone());
        }
    }
    columns
}
