//! The resources, a file each: what comes in, what goes out, and the handlers between.

pub mod activity_batches;
pub mod agents;
pub mod api_keys;
pub mod callbacks;
pub mod campaign_actions;
pub mod campaigns;
pub(crate) mod checks;
pub mod cim_messages;
pub mod connectors;
pub mod contact_lists;
pub mod conversations;
pub mod customers;
pub mod dead_letters;
pub mod do_not_contact;
pub mod event_types;
pub mod flows;
pub mod formulas;
pub mod group_pacing;
pub mod health;
pub mod imports;
pub mod offers;
pub mod scheduled_activities;
pub mod settings;
pub mod skill_groups;
pub mod webhooks;
