//! Webhooks, callbacks, the CX Activities sink and the bus, from the announced change to the call.

#[cfg(test)]
mod delivering;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod first_calls;
#[cfg(test)]
mod registering;
#[cfg(test)]
mod telling;
