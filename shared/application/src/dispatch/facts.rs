//! What the gate reads, as fresh as it has to be: consent, do-not-contact and the ledger by a strong
//! read just before the claim; campaign and settings at most a moment old.

use std::sync::Arc;

use compliance::caps::Ledger;
use compliance::do_not_contact::Entry;
use compliance::gate::{self, CampaignInput, Decision, GateInput, TenantInput};
use compliance::zones::ZoneInputs;
use contacts::profile::CustomerProfile;
use domain::activity::{Activity, CancelReason};
use domain::campaign::CampaignState;
use domain::time::Timestamp;
use platform::table::{Consistency, Item};

use crate::cache::READ_WITHIN;
use crate::campaigns::{self, Campaign, Standing};
use crate::context::Context;
use crate::error::Error;
use crate::keys;
use crate::persons;
use crate::settings::{self, ContactLedger, Settings};
use crate::store::{Stored, decode};

/// How often they are read for one decision. What takes too long again and again is not hurried by more of it.
pub(super) const READS: usize = 3;

/// What the gate reads about one activity.
pub(super) struct Facts {
    settings: Arc<Stored<Settings>>,
    campaign: Option<Arc<Stored<Campaign>>>,
    campaign_gone: bool,
    profile: Option<CustomerProfile>,
    barred: Vec<Entry>,
    ledger: Ledger,
    /// The version in which the ledger was read; 0 where none stood.
    pub(super) ledger_version: u64,
    /// Whether what is written from the address will find the person.
    pub(super) knows_person: bool,
    /// When reading began.
    begun: Timestamp,
}

impl Facts {
    /// Reads them; none where it took so long that no decision may rest on them: what was read first may have changed.
    pub(super) async fn read(context: &Context, activity: &Activity) -> Result<Option<Self>, Error> {
        let facts = Self::read_at_once(context, activity).await?;
        Ok(Some(facts).filter(|facts| facts.still_hold(context.now())))
    }

    /// Whether a decision may still rest on them.
    pub(super) fn still_hold(&self, now: Timestamp) -> bool {
        now < self.begun + READ_WITHIN
    }

    async fn read_at_once(context: &Context, activity: &Activity) -> Result<Self, Error> {
        let begun = context.now();
        let (tenant, plan) = (&activity.tenant, &activity.plan);
        let campaign = async {
            match &plan.campaign {
                Some(id) => {
                    let walked = plan.step.as_ref().map(|step| step.campaign_version);
                    campaigns::surely(context, tenant, id, walked).await
                }
                None => Ok(None),
            }
        };
        let persons = persons::place(tenant, &plan.to, &plan.customer);
        let is_named = persons.is_some();
        let mut wanted = vec![
            keys::customer(tenant, &plan.customer),
            keys::barred_address(tenant, &plan.to),
            keys::barred_person(tenant, &plan.customer),
            keys::ledger(tenant, &plan.customer),
        ];
        wanted.extend(persons);
        let person = async { Ok(context.table.get_many(&wanted, Consistency::Strong).await?) };
        let (settings, campaign, person) =
            futures::try_join!(settings::surely(context, tenant), campaign, person)?;
        let mut person = person.into_iter();
        let mut next = || person.next().flatten();
        let profile = value::<CustomerProfile>(next())?.map(|stored| stored.value);
        let mut barred = value::<Vec<Entry>>(next())?
            .map(|stored| stored.value)
            .unwrap_or_default();
        barred.extend(
            value::<Vec<Entry>>(next())?
                .map(|stored| stored.value)
                .unwrap_or_default(),
        );
        let (ledger, ledger_version) =
            value::<Ledger>(next())?.map_or((Ledger::default(), 0), |s| (s.value, s.version));
        let knows_person = !is_named || persons::knows(next().as_ref(), &plan.customer)?;
        Ok(Self {
            campaign_gone: plan.campaign.is_some() && campaign.is_none(),
            settings,
            campaign,
            profile,
            barred,
            ledger,
            ledger_version,
            knows_person,
            begun,
        })
    }

    /// Asks the gate.
    pub(super) fn decide(&self, activity: &Activity, now: Timestamp) -> Decision {
        gate::decide(&self.input(activity), now)
    }

    /// Why what may never leave any more is cancelled.
    pub(super) fn cancel_reason(&self) -> CancelReason {
        if self.settings.value.stopped_at.is_some() {
            CancelReason::EverythingStopped
        } else {
            CancelReason::CampaignEnded
        }
    }

    fn input<'a>(&'a self, activity: &'a Activity) -> GateInput<'a> {
        let plan = &activity.plan;
        let campaign = self.campaign.as_ref().map(|stored| CampaignInput {
            id: &stored.value.id,
            state: state_for(&stored.value, activity),
            version: stored.value.published_version,
            policy: &stored.value.definition.policy,
        });
        let end_at = self
            .campaign
            .as_ref()
            .and_then(|stored| stored.value.definition.end_at);
        let settings = &self.settings.value;
        let capped = !settings.policy.caps.is_empty() || campaign.is_some_and(|c| !c.policy.caps.is_empty());
        GateInput {
            activity: &activity.id,
            redrives: activity.redrives(),
            channel: plan.channel,
            dialing: plan.dialing.as_ref(),
            address: &plan.to,
            customer: Some(&plan.customer),
            expires_at: [plan.expires_at, end_at].into_iter().flatten().min(),
            tenant: TenantInput {
                // A campaign that is gone cannot be asked: nothing of it leaves.
                stopped: settings.stopped_at.is_some() || self.campaign_gone,
                version: self.settings.version,
                policy: &settings.policy,
            },
            campaign,
            zones: ZoneInputs {
                profile: self.profile.as_ref().and_then(|profile| profile.time_zone),
                contact: plan.step.as_ref().and_then(|step| step.contact_zone),
            },
            consents: self.profile.as_ref().map_or(&[], |profile| &profile.consent),
            do_not_contact: &self.barred,
            abandoned_at: self.ledger.abandoned_at,
            ledger: (capped || settings.contact_ledger == ContactLedger::Always).then_some(&self.ledger),
        }
    }
}

/// The campaign's state, as an activity of one of its published versions sees it.
fn state_for(campaign: &Campaign, activity: &Activity) -> CampaignState {
    let version = activity.plan.step.as_ref().map(|step| step.campaign_version);
    match campaign.standing(version) {
        Standing::Running => CampaignState::Published,
        Standing::Paused => CampaignState::Paused,
        Standing::Over if campaign.state == CampaignState::Stopped => CampaignState::Stopped,
        Standing::Over => CampaignState::Draft,
    }
}

fn value<T: serde::de::DeserializeOwned>(item: Option<Item>) -> Result<Option<Stored<T>>, Error> {
    item.as_ref().map(decode).transpose()
}
