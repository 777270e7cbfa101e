//! The life of a campaign.
//!
//! ```text
//! draft --publish--> published --pause--> paused --resume--> published
//!   ^                    |                   |
//!   +---- unpublish -----+-------------------+
//!                        +------- stop ------+--> stopped (terminal)
//! ```

use serde::{Deserialize, Serialize};

/// Where a campaign stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CampaignState {
    /// Being written; nothing happens. Expertflow's "unpublished".
    Draft,
    /// Running.
    Published,
    /// Held: nothing leaves, nothing is refused, waits go on but act only after resume.
    Paused,
    /// Ended for good.
    Stopped,
}

/// What is asked of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CampaignAction {
    /// Freeze a version and start.
    Publish,
    /// Hold.
    Pause,
    /// Go on.
    Resume,
    /// End: cancel what has not left, end conversations.
    Stop,
    /// Back to draft: cancel what has not left, end conversations.
    Unpublish,
}

impl CampaignState {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
        }
    }

    /// The state after an action; `None` where the action is not possible. What is so already stays
    /// so: repeating an action does no harm.
    pub fn after(self, action: CampaignAction) -> Option<Self> {
        use CampaignAction as A;
        match (self, action) {
            (Self::Draft | Self::Published, A::Publish) => Some(Self::Published),
            (Self::Published | Self::Paused, A::Resume) => Some(Self::Published),
            (Self::Published | Self::Paused, A::Pause) => Some(Self::Paused),
            (_, A::Stop) => Some(Self::Stopped),
            (Self::Published | Self::Paused | Self::Draft, A::Unpublish) => Some(Self::Draft),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CampaignAction::*;

    #[test]
    fn stopped_is_terminal() {
        for action in [Publish, Pause, Resume, Unpublish] {
            assert_eq!(CampaignState::Stopped.after(action), None);
        }
    }

    #[test]
    fn a_paused_campaign_goes_on_by_resume_only() {
        assert_eq!(
            CampaignState::Paused.after(Resume),
            Some(CampaignState::Published)
        );
        assert_eq!(CampaignState::Paused.after(Publish), None);
        assert_eq!(CampaignState::Draft.after(Pause), None);
    }
}
