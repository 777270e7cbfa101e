//! End-to-end tests over HTTP: of the program, or of a deployment ([`target`]). One program, so that it is
//! linked once.

#[cfg(test)]
mod api;
#[cfg(test)]
mod backstop;
#[cfg(test)]
mod calls;
#[cfg(test)]
mod campaigns;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod crashes;
#[cfg(test)]
mod dead_letters;
#[cfg(test)]
mod inputs;
#[cfg(test)]
mod outside;
#[cfg(test)]
mod process;
#[cfg(test)]
mod restarts;
#[cfg(test)]
mod steps;
#[cfg(test)]
mod target;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod voice;
#[cfg(test)]
mod webhooks;
#[cfg(test)]
mod workers;
