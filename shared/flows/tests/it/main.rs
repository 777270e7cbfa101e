//! Flows from document to last effect.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod common;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod size;
#[cfg(test)]
mod validation;
#[cfg(test)]
mod walks;
