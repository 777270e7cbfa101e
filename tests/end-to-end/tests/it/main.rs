//! End-to-end tests: the real program, over HTTP. One program, so that it is linked once.

#[cfg(test)]
mod api;
#[cfg(test)]
mod campaigns;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod crashes;
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
