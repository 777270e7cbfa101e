//! Frequency caps: how often one person is contacted, across campaigns and channels.
//!
//! Each contact **reserves** a slot in the person's [`Ledger`] before it leaves. Windows slide: a
//! cap of 3 in 24 hours holds in every span of 24 hours, not per calendar day (as e.g. the Florida
//! statute 501.059 counts its three calls). A reservation made at `t` counts in `[t, t + window)`.

use domain::channel::Channel;
use domain::id::ActivityId;
use domain::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

use crate::channels::Channels;
use crate::field::FieldError;

/// The largest number of contacts that a cap may allow.
pub const MAX_CONTACTS: u32 = 500;

/// The longest window of a cap: a leap year.
pub const MAX_WINDOW: Millis = Millis::hours(366 * 24);

/// How long reservations are kept at least, so that a cap set later finds its past. 31 days covers
/// the windows of the statutes known to us (France counts per month, Reg F per week).
pub const MIN_KEPT: Millis = Millis::hours(31 * 24);

/// Most reservations in one ledger; it keeps the item of a person below 100 KB.
///
/// It acts as a cap of its own, over what is kept: dropping the oldest instead would let a cap on
/// another channel forget a contact.
pub const MAX_RESERVATIONS: usize = 1_000;

/// Most caps of a tenant, and of a campaign.
pub const MAX_CAPS: usize = 10;

/// At most `max` contacts in any span of `window` over `channels` together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cap {
    /// How many contacts.
    pub max: u32,
    /// The length of the sliding window, in milliseconds.
    #[serde(rename = "windowMs")]
    pub window: Millis,
    /// Which channels count.
    #[serde(default)]
    pub channels: Channels,
}

impl Cap {
    /// What is wrong with the cap, with JSON pointers from it.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        let mut errors = Vec::new();
        if !(1..=MAX_CONTACTS).contains(&self.max) {
            errors.push(FieldError::new(
                "/max",
                "range",
                format!("must lie between 1 and {MAX_CONTACTS}"),
            ));
        }
        if !(Millis::seconds(1)..=MAX_WINDOW).contains(&self.window) {
            errors.push(FieldError::new(
                "/windowMs",
                "range",
                format!(
                    "must lie between 1000 (a second) and {} (366 days)",
                    MAX_WINDOW.get()
                ),
            ));
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}

/// One contact that was, or is about to be, made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// For which activity.
    pub activity: ActivityId,
    /// How often a person had sent that activity again by then. What went out before may have arrived, and keeps a
    /// slot of its own.
    #[serde(default, skip_serializing_if = "is_never")]
    pub redrives: u32,
    /// On which channel.
    pub channel: Channel,
    /// Since when it counts.
    pub at: Timestamp,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_never(redrives: &u32) -> bool {
    *redrives == 0
}

/// A contact for which a slot is asked.
#[derive(Clone, Copy, Debug)]
pub struct Contact<'a> {
    /// For which activity.
    pub activity: &'a ActivityId,
    /// How often a person has sent it again.
    pub redrives: u32,
    /// On which channel.
    pub channel: Channel,
}

/// The contacts of one person, over all campaigns and channels: one item per person.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// How long reservations are kept: the longest window that was ever asked, at least [`MIN_KEPT`].
    #[serde(default, rename = "keptMs")]
    pub kept: Millis,
    /// The reservations, oldest first.
    #[serde(default)]
    pub reservations: Vec<Reservation>,
    /// When the person last answered a call for which no agent was there in time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub abandoned_at: Option<Timestamp>,
}

/// A cap has no room.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at most {} contacts in {} over {}: free at {free_at}", cap.max, cap.window, cap.channels)]
pub struct CapFull {
    /// Of the full caps, the one that frees last.
    pub cap: Cap,
    /// The first instant at which every cap has room, if nothing else is reserved.
    pub free_at: Timestamp,
}

/// Takes a slot for the contact from now on, or says which cap is full and until when.
///
/// A slot that it has already moves to now: whatever was tried before was not made, or is the same attempt, and does
/// not count besides. It does not stay at its old time, for then a contact that was put off for longer than a window
/// would count in none.
pub fn reserve(
    caps: &[Cap],
    ledger: &Ledger,
    contact: Contact<'_>,
    now: Timestamp,
) -> Result<Ledger, CapFull> {
    let Contact {
        activity,
        redrives,
        channel,
    } = contact;
    let mut next = release(&ledger.pruned(caps, now), activity, redrives);
    let bound = Cap {
        max: u32::try_from(MAX_RESERVATIONS).unwrap_or(u32::MAX),
        window: next.kept,
        channels: Channels::All,
    };
    let full = caps
        .iter()
        .filter(|cap| cap.channels.contains(channel))
        .chain([&bound])
        .filter_map(|cap| Some((cap, next.free_at(cap, now)?)))
        .max_by_key(|(_, free_at)| *free_at);
    if let Some((cap, free_at)) = full {
        return Err(CapFull {
            cap: cap.clone(),
            free_at,
        });
    }
    let place = next.reservations.partition_point(|slot| slot.at <= now);
    next.reservations.insert(
        place,
        Reservation {
            activity: activity.clone(),
            redrives,
            channel,
            at: now,
        },
    );
    Ok(next)
}

/// Gives a contact's slot back: it was not made after all.
#[must_use]
pub fn release(ledger: &Ledger, activity: &ActivityId, redrives: u32) -> Ledger {
    let reservations = ledger.reservations.iter();
    Ledger {
        reservations: reservations
            .filter(|slot| slot.activity != *activity || slot.redrives != redrives)
            .cloned()
            .collect(),
        ..*ledger
    }
}

impl Ledger {
    /// The ledger of a person who has answered a call for which no agent was there in time. Told again, or of an
    /// earlier call, it stays as it is.
    #[must_use]
    pub fn abandoned(&self, at: Timestamp) -> Self {
        Self {
            abandoned_at: self.abandoned_at.max(Some(at)),
            ..self.clone()
        }
    }

    /// The ledger without what no window reaches any more.
    fn pruned(&self, caps: &[Cap], now: Timestamp) -> Self {
        let longest = caps.iter().map(|cap| cap.window).max().unwrap_or_default();
        let kept = self.kept.max(longest).max(MIN_KEPT).min(MAX_WINDOW);
        Self {
            kept,
            reservations: self
                .reservations
                .iter()
                .filter(|slot| now < slot.at + kept)
                .cloned()
                .collect(),
            abandoned_at: self.abandoned_at,
        }
    }

    /// When the cap has room for one more, if it has none now.
    fn free_at(&self, cap: &Cap, now: Timestamp) -> Option<Timestamp> {
        let ends: Vec<Timestamp> = self
            .reservations
            .iter()
            .filter(|slot| cap.channels.contains(slot.channel))
            .map(|slot| slot.at + cap.window)
            .filter(|end| now < *end)
            .collect();
        // Reservations are in order of time, and so are their ends. With `n` of them counted and room
        // for `max`, one more fits when `n - max + 1` have left.
        let max = usize::try_from(cap.max).unwrap_or(usize::MAX);
        let leaving = ends.len().checked_sub(max)?;
        // A cap of none never frees; the end of time says so.
        Some(ends.get(leaving).copied().unwrap_or(Timestamp::MAX))
    }
}

#[cfg(test)]
mod tests;
