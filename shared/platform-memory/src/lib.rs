//! The platform for simulation: every port in memory, under a virtual clock, behaving in the worst
//! way that the contract allows.
//!
//! A [`World`] is one seeded run. It holds the clock, the randomness, the data and the faults, and
//! runs tasks on an executor of its own: single-threaded, in an order that the seed decides. A
//! crash of a process is a dropped future. The same seed gives the same run, to the bit.

mod blobs;
mod bus;
mod changes;
mod due;
pub mod executor;
pub mod faults;
mod queues;
mod secrets;
mod table;
pub mod world;

pub use executor::Executor;
pub use faults::{Fault, Faults};
pub use table::Written;
pub use world::World;
