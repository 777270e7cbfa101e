//! Gateways: what each of them bears, besides what the group as a whole may do.

use std::collections::BTreeMap;

use domain::id::ConnectorId;
use serde::{Deserialize, Serialize};

use super::Group;

/// What a gateway bears of the group's calls. Where groups share one, each has its part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Gateway {
    /// Most calls that are on their way through it at once: its trunks; unbounded if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<u32>,
    /// Most calls that are started through it in any second; unbounded if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_second: Option<u32>,
}

/// How many calls each gateway still bears in a step; those that are not named bear any.
pub(super) struct Room(BTreeMap<ConnectorId, u32>);

impl Room {
    /// Whether a call could be started through a gateway.
    pub(super) fn is_for(&self, gateway: Option<&ConnectorId>) -> bool {
        let left = gateway.and_then(|gateway| self.0.get(gateway));
        left.is_none_or(|left| *left > 0)
    }

    /// A call is started.
    pub(super) fn take(&mut self, gateway: Option<&ConnectorId>) {
        if let Some(left) = gateway.and_then(|gateway| self.0.get_mut(gateway)) {
            *left = left.saturating_sub(1);
        }
    }
}

impl Group {
    /// What the gateways still bear.
    pub(super) fn room(&self) -> Room {
        let mut room: BTreeMap<_, _> = self
            .settings
            .gateways
            .iter()
            .map(|(id, gateway)| {
                let lines = gateway.lines.unwrap_or(u32::MAX);
                (id.clone(), (lines, gateway.calls_per_second.unwrap_or(u32::MAX)))
            })
            .collect();
        if room.is_empty() {
            return Room(BTreeMap::new());
        }
        let on_their_way = self.calls.values().filter(|call| call.stage.is_started());
        for gateway in on_their_way.filter_map(|call| call.gateway.as_ref()) {
            if let Some((lines, _)) = room.get_mut(gateway) {
                *lines = lines.saturating_sub(1);
            }
        }
        for gateway in self.started.iter().filter_map(|(_, gateway)| gateway.as_ref()) {
            if let Some((_, starts)) = room.get_mut(gateway) {
                *starts = starts.saturating_sub(1);
            }
        }
        let left = room
            .into_iter()
            .map(|(id, (lines, starts))| (id, lines.min(starts)));
        Room(left.collect())
    }
}
