//! What a load must have led to: an account of anything else would be of something else.

use application::keys::{self, Kind};
use domain::activity::Activity;
use domain::activity::state::State;
use domain::webhook::delivery::{Delivery, DeliveryState};
use platform::table::Item;
use platform_memory::World;

/// Every activity was sent at the first attempt and read, the endpoint took three events of each at the
/// first call, and nothing was complained of. Otherwise the answer says what is wrong.
pub(crate) fn check(world: &World, activities: usize) -> Result<(), String> {
    let (mut read, mut taken) = (0, 0);
    for item in world.dump() {
        match keys::kind(&item.key) {
            Kind::Activity if is_read(&item) => read += 1,
            Kind::Delivery if is_taken(&item) => taken += 1,
            Kind::Activity | Kind::Delivery => return Err(format!("{:?} holds {}", item.key, item.body)),
            _ => {}
        }
    }
    if let Some(complaint) = world.complaints().first() {
        return Err(complaint.clone());
    }
    if (read, taken) == (activities, 3 * activities) {
        return Ok(());
    }
    Err(format!(
        "{read} activities are read and {taken} events taken, not {activities} and three of each"
    ))
}

fn is_read(item: &Item) -> bool {
    let activity = serde_json::from_str::<Activity>(&item.body);
    activity.is_ok_and(|activity| activity.state == State::Read && activity.attempt == 1)
}

fn is_taken(item: &Item) -> bool {
    let delivery = serde_json::from_str::<Delivery>(&item.body);
    delivery.is_ok_and(|delivery| delivery.state == DeliveryState::Delivered && delivery.attempts == 1)
}
