//! Contact lists and customer profiles.
//!
//! Pure: no I/O, no clock, no randomness. The caller brings the bytes of a file piece by piece and
//! stores what comes out; an import that stopped is continued from its last [`records::Position`].
//!
//! - [`records`]: records of a CSV file, from any piece that starts at a record
//! - [`header`]: what the columns mean
//! - [`import`]: rows to contacts and rejects
//! - [`contact`]: a row of a contact list
//! - [`profile`]: what is known about a customer
//! - [`text`]: names, languages, attributes
//! - [`sample`]: example data

pub mod contact;
pub mod header;
pub mod import;
pub mod profile;
pub mod records;
pub mod sample;
pub mod text;

pub use compliance::{FieldError, TimeZone};
