//! Rows of a contact file to contacts and rejects.
//!
//! A row is taken whole or not at all: an address, zone, language or id that is given and cannot be
//! read rejects the row and names the column. Dropping the cell instead would silently contact people
//! on the wrong channel, or at the wrong hour.

use std::collections::BTreeMap;

use compliance::Channels;
use compliance::consent::{Consent, ConsentStatus, MAX_TEXT};
use compliance::zones::TimeZone;
use domain::address::Address;
use domain::channel::Channel;
use domain::id::{ContactListId, CustomerId, TenantId};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::contact::{Contact, derived_contact_id, derived_customer_id, identity};
use crate::header::{Column, Header};
use crate::records::{Position, RecordError, Records};
use crate::text::{Language, PersonName, TextError, attribute_value, checked};

/// Where the rows go.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Whose contacts they are.
    pub tenant: &'a TenantId,
    /// Into which list.
    pub list: &'a ContactListId,
    /// When the import was asked for. The same for every piece of a file, so that repeating one gives
    /// the same contacts.
    pub at: Timestamp,
}

/// The rows of a piece, and where the next one starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The rows that are not blank, in order.
    pub rows: Vec<Row>,
    /// Where reading goes on.
    pub position: Position,
}

/// One row of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number, as a spreadsheet shows it: the header is 1.
    pub number: u64,
    /// The contact, or why there is none.
    pub outcome: Result<Contact, Reject>,
}

/// A row that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reject {
    /// The row's number.
    pub row: u64,
    /// The column, as the file names it; absent where the whole row is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What kind of problem.
    pub code: RejectCode,
    /// What is wrong, in words that follow the column's name. It does not repeat the value.
    pub reason: String,
}

/// Kinds of rejects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RejectCode {
    /// No address at all.
    NoAddress,
    /// A phone number that is none.
    Phone,
    /// An e-mail address that is none.
    Email,
    /// No zone of the IANA database.
    TimeZone,
    /// No language tag.
    Language,
    /// A customer id with characters that ids do not have.
    CustomerId,
    /// Consent that is neither yes nor no, or an unreadable or future date of it.
    Consent,
    /// A value that is too long.
    TooLong,
    /// A control character.
    ControlCharacter,
    /// More values than the header has columns: a separator within a value, most likely.
    TooManyFields,
    /// Quotes that cannot be understood.
    Quotes,
    /// A row of more than 64 KB.
    RowTooLong,
    /// Not UTF-8.
    Encoding,
}

/// Reads up to `limit` rows. `bytes` are the file's bytes from `position` on, `last` says that the
/// file ends with them. Pieces of [`crate::records::MAX_RECORD`] bytes or more always get on.
///
/// Cutting a file elsewhere gives the same rows.
pub fn read(
    target: &Target<'_>,
    header: &Header,
    position: Position,
    bytes: &[u8],
    last: bool,
    limit: usize,
) -> Piece {
    let mut records = Records::new(bytes, header.separator, position, last);
    let mut rows = Vec::new();
    while rows.len() < limit {
        let Some((number, record)) = records.next() else {
            break;
        };
        let outcome = match record {
            Ok(fields) if fields.iter().all(|field| field.trim().is_empty()) => continue,
            Ok(fields) => contact(target, header, &fields),
            Err(error) => Err(Problem {
                column: None,
                code: match error {
                    RecordError::Quotes => RejectCode::Quotes,
                    RecordError::Long => RejectCode::RowTooLong,
                    RecordError::Encoding => RejectCode::Encoding,
                },
                reason: error.to_string(),
            }),
        };
        rows.push(Row {
            number,
            outcome: outcome.map_err(|problem| Reject {
                row: number,
                column: problem.column,
                code: problem.code,
                reason: problem.reason,
            }),
        });
    }
    Piece {
        rows,
        position: records.position(),
    }
}

/// A reject that does not know its row yet.
struct Problem {
    column: Option<String>,
    code: RejectCode,
    reason: String,
}

impl Problem {
    fn new(code: RejectCode, reason: impl ToString) -> Self {
        Self {
            column: None,
            code,
            reason: reason.to_string(),
        }
    }
}

impl From<TextError> for Problem {
    fn from(error: TextError) -> Self {
        let code = match error {
            TextError::Long(_) => RejectCode::TooLong,
            TextError::Control => RejectCode::ControlCharacter,
            TextError::Empty | TextError::Language => RejectCode::Language,
        };
        Self::new(code, error)
    }
}

/// What the cells of a row say, before they are put together.
#[derive(Default)]
struct Cells {
    customer_id: Option<CustomerId>,
    first_name: Option<PersonName>,
    last_name: Option<PersonName>,
    phone: Option<Address>,
    addresses: BTreeMap<Channel, Address>,
    time_zone: Option<TimeZone>,
    language: Option<Language>,
    consent: Vec<(Channels, ConsentStatus)>,
    consent_at: Option<Timestamp>,
    consent_source: Option<String>,
    consent_purpose: Option<String>,
    columns: BTreeMap<String, String>,
}

fn contact<T: AsRef<str>>(target: &Target<'_>, header: &Header, fields: &[T]) -> Result<Contact, Problem> {
    let mut cells = Cells::default();
    for (i, field) in fields.iter().enumerate() {
        let value = field.as_ref().trim();
        if value.is_empty() {
            continue;
        }
        let Some((name, column)) = header.columns.get(i) else {
            return Err(Problem::new(
                RejectCode::TooManyFields,
                format!(
                    "has more values than the header's {} columns",
                    header.columns.len()
                ),
            ));
        };
        cells
            .fill(target, name, column, value)
            .map_err(|problem| Problem {
                column: Some(name.clone()),
                ..problem
            })?;
    }
    cells.contact(target)
}

impl Cells {
    fn fill(&mut self, target: &Target<'_>, name: &str, column: &Column, value: &str) -> Result<(), Problem> {
        match column {
            Column::CustomerId => {
                self.customer_id =
                    Some(CustomerId::parse(value).map_err(|e| Problem::new(RejectCode::CustomerId, e))?);
            }
            Column::FirstName => self.first_name = Some(PersonName::parse(value)?),
            Column::LastName => self.last_name = Some(PersonName::parse(value)?),
            Column::Phone => self.phone = Some(address(Channel::Sms, value)?),
            Column::Address(channel) => {
                self.addresses.insert(*channel, address(*channel, value)?);
            }
            Column::TimeZone => {
                self.time_zone =
                    Some(TimeZone::parse(value).map_err(|e| Problem::new(RejectCode::TimeZone, e))?);
            }
            Column::Language => self.language = Some(Language::parse(value)?),
            Column::Consent(channels) => self.consent.push((channels.clone(), consent_status(value)?)),
            Column::ConsentAt => self.consent_at = Some(consent_date(value, target.at)?),
            Column::ConsentSource => self.consent_source = Some(checked(value, MAX_TEXT, false)?.to_owned()),
            Column::ConsentPurpose => {
                self.consent_purpose = Some(checked(value, MAX_TEXT, false)?.to_owned());
            }
            Column::Other => {
                self.columns
                    .insert(name.to_owned(), attribute_value(value)?.to_owned());
            }
            Column::Ignored => {}
        }
        Ok(())
    }

    fn contact(mut self, target: &Target<'_>) -> Result<Contact, Problem> {
        if let Some(phone) = self.phone.take() {
            for channel in [Channel::Sms, Channel::Whatsapp, Channel::Voice] {
                self.addresses.entry(channel).or_insert_with(|| phone.clone());
            }
        }
        let Some(known_by) = identity(&self.addresses) else {
            return Err(Problem::new(
                RejectCode::NoAddress,
                "has neither phone number nor e-mail address",
            ));
        };
        let customer_id = self
            .customer_id
            .take()
            .unwrap_or_else(|| derived_customer_id(target.tenant, known_by));
        let consent = self.consent_records(target.at);
        Ok(Contact {
            id: derived_contact_id(target.list, &customer_id),
            customer_id,
            addresses: self.addresses,
            first_name: self.first_name,
            last_name: self.last_name,
            time_zone: self.time_zone,
            language: self.language,
            consent,
            columns: self.columns,
        })
    }

    /// An agreement without a date counts as older than anything on record: importing a stale list
    /// must not undo a refusal that came in since. A refusal without a date counts from the import.
    fn consent_records(&mut self, imported_at: Timestamp) -> Vec<Consent> {
        let source = self.consent_source.take().unwrap_or_else(|| "import".to_owned());
        std::mem::take(&mut self.consent)
            .into_iter()
            .map(|(channels, status)| Consent {
                channels,
                status,
                purpose: self.consent_purpose.clone(),
                source: source.clone(),
                at: self.consent_at.unwrap_or(match status {
                    ConsentStatus::Granted => Timestamp::default(),
                    ConsentStatus::Denied => imported_at,
                }),
            })
            .collect()
    }
}

fn address(channel: Channel, value: &str) -> Result<Address, Problem> {
    let code = match channel {
        Channel::Email => RejectCode::Email,
        Channel::Sms | Channel::Whatsapp | Channel::Voice => RejectCode::Phone,
    };
    Address::parse(channel, value).map_err(|error| Problem::new(code, error))
}

fn consent_status(value: &str) -> Result<ConsentStatus, Problem> {
    match value.to_lowercase().as_str() {
        "granted" | "yes" | "y" | "true" | "1" => Ok(ConsentStatus::Granted),
        "denied" | "no" | "n" | "false" | "0" => Ok(ConsentStatus::Denied),
        _ => Err(Problem::new(
            RejectCode::Consent,
            "is neither yes (granted, y, true, 1) nor no (denied, n, false, 0)",
        )),
    }
}

/// Reads an instant, or a date as its first moment in UTC.
fn consent_date(value: &str, imported_at: Timestamp) -> Result<Timestamp, Problem> {
    let at = Timestamp::parse(value)
        .or_else(|_| Timestamp::parse(&format!("{value}T00:00:00Z")))
        .map_err(|_| {
            Problem::new(
                RejectCode::Consent,
                "is no date such as 2026-11-23 or 2026-11-23T09:30:00Z",
            )
        })?;
    if at > imported_at {
        return Err(Problem::new(RejectCode::Consent, "lies in the future"));
    }
    Ok(at)
}

#[cfg(test)]
mod tests;
