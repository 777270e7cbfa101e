//! What the columns of a contact file mean.
//!
//! Names are compared without regard to case, blanks and punctuation: `First Name`, `first_name` and
//! `FIRSTNAME` are one. A column whose name is not known here becomes a column of the contact, under
//! the name that the file gives it.

use std::collections::BTreeSet;

use compliance::Channels;
use domain::channel::Channel;
use serde::{Deserialize, Serialize};

use crate::records::{Position, RecordError, Records};
use crate::text::{MAX_KEY, attribute_key};

/// Most columns of a file.
pub const MAX_COLUMNS: usize = 200;

/// A column's meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Column {
    /// The customer's id in the tenant's systems.
    CustomerId,
    /// First name.
    FirstName,
    /// Last name.
    LastName,
    /// A phone number for every phone channel that has no column or value of its own.
    Phone,
    /// The address for one channel.
    Address(Channel),
    /// The IANA time zone.
    TimeZone,
    /// The language tag.
    Language,
    /// Consent for some channels: `yes`, `no`, or nothing.
    Consent(Channels),
    /// When consent was given or refused.
    ConsentAt,
    /// Where.
    ConsentSource,
    /// What for.
    ConsentPurpose,
    /// A column of the contact, by the file's name.
    Other,
    /// A nameless column at the end, as spreadsheets leave them.
    Ignored,
}

/// The first record of a file, understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// What stands between fields: a comma, a semicolon or a tab.
    pub separator: u8,
    /// The columns in the file's order: name and meaning.
    pub columns: Vec<(String, Column)>,
}

/// What is wrong with a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeaderProblem {
    /// Which column, counted from 1; absent where the whole header is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The column's name as the file gives it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// What kind of problem.
    pub code: HeaderCode,
    /// What is wrong, in words.
    pub message: String,
}

/// Kinds of header problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HeaderCode {
    /// The file is empty, or its first line is.
    Missing,
    /// Not UTF-8.
    Encoding,
    /// The header cannot be read as a record.
    Unreadable,
    /// More than [`MAX_COLUMNS`] columns.
    TooManyColumns,
    /// No column holds an address.
    NoAddressColumn,
    /// Two columns mean the same.
    Duplicate,
    /// A column without a name, ahead of others that have one.
    Unnamed,
    /// A name that is too long or holds control characters.
    BadName,
    /// The file was lost, or changed while it was read.
    Lost,
}

/// The names that are known, folded. The first of each is the one that documentation uses. Words that
/// are as likely to mean something else (`customer`, `zone`, `purpose`) are not among them.
const KNOWN: &[(&[&str], Column)] = &[
    (
        &["customerid", "id", "customernumber", "externalid"],
        Column::CustomerId,
    ),
    (
        &["firstname", "givenname", "forename", "first"],
        Column::FirstName,
    ),
    (&["lastname", "surname", "familyname", "last"], Column::LastName),
    (
        &[
            "phone",
            "phonenumber",
            "telephone",
            "telephonenumber",
            "tel",
            "mobile",
            "mobilenumber",
            "mobilephone",
            "cell",
            "cellphone",
            "msisdn",
        ],
        Column::Phone,
    ),
    (&["sms", "smsnumber"], Column::Address(Channel::Sms)),
    (
        &["whatsapp", "whatsappnumber"],
        Column::Address(Channel::Whatsapp),
    ),
    (
        &["email", "emailaddress", "mail"],
        Column::Address(Channel::Email),
    ),
    (
        &["voice", "voicenumber", "landline"],
        Column::Address(Channel::Voice),
    ),
    (&["timezone", "tz"], Column::TimeZone),
    (&["language", "lang", "locale"], Column::Language),
    (&["consent", "optin"], Column::Consent(Channels::All)),
    (&["consentat", "consentdate"], Column::ConsentAt),
    (&["consentsource"], Column::ConsentSource),
    (&["consentpurpose"], Column::ConsentPurpose),
];

/// A name without case, blanks and punctuation.
fn folded(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

fn meaning(name: &str) -> Column {
    let folded = folded(name);
    if let Some((_, column)) = KNOWN.iter().find(|(names, _)| names.contains(&folded.as_str())) {
        return column.clone();
    }
    // consentSms, smsConsent, consent:sms
    let channel = folded
        .strip_prefix("consent")
        .or_else(|| folded.strip_suffix("consent"))
        .and_then(Channel::parse);
    channel.map_or(Column::Other, |channel| Column::Consent(Channels::one(channel)))
}

/// The separator that occurs most often outside quotes in the first line; a comma where none does.
fn sniff(bytes: &[u8]) -> u8 {
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0)];
    let mut in_quotes = false;
    for byte in bytes {
        match byte {
            b'"' => in_quotes = !in_quotes,
            b'\n' if !in_quotes => break,
            _ if in_quotes => {}
            byte => {
                for (separator, count) in &mut counts {
                    *count += usize::from(separator == byte);
                }
            }
        }
    }
    // Of equals the last wins with `max_by_key`, the first is wanted.
    counts
        .iter()
        .rev()
        .max_by_key(|(_, count)| *count)
        .map_or(b',', |(separator, _)| *separator)
}

fn problem(code: HeaderCode, message: impl Into<String>) -> HeaderProblem {
    HeaderProblem {
        column: None,
        name: String::new(),
        code,
        message: message.into(),
    }
}

impl Header {
    /// Reads the header from the first bytes of a file; `last` says that they are the whole file.
    ///
    /// `None`: more bytes are needed; [`crate::records::MAX_RECORD`] of them and a few always suffice.
    /// The position is that of the first row.
    pub fn read(bytes: &[u8], last: bool) -> Result<Option<(Self, Position)>, Vec<HeaderProblem>> {
        if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
            let message = "is UTF-16 text; save the file as \"CSV UTF-8\"";
            return Err(vec![problem(HeaderCode::Encoding, message)]);
        }
        if bytes.len() < 3 && !last {
            return Ok(None);
        }
        // Spreadsheets write a byte order mark to say UTF-8.
        let text = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
        let start = Position {
            offset: u64::try_from(bytes.len() - text.len()).unwrap_or(0),
            ..Position::default()
        };
        let separator = sniff(text);
        let mut records = Records::new(text, separator, start, last);
        let fields = match records.next() {
            None if !last => return Ok(None),
            None => {
                return Err(vec![problem(
                    HeaderCode::Missing,
                    "is missing: the file is empty",
                )]);
            }
            Some((_, Err(error))) => {
                let code = match error {
                    RecordError::Encoding => HeaderCode::Encoding,
                    RecordError::Quotes | RecordError::Long => HeaderCode::Unreadable,
                };
                return Err(vec![problem(code, error.to_string())]);
            }
            Some((_, Ok(fields))) => fields,
        };
        let names: Vec<&str> = fields.iter().map(|name| name.trim()).collect();
        let columns = understand(&names)?;
        Ok(Some((Self { separator, columns }, records.position())))
    }
}

fn understand(names: &[&str]) -> Result<Vec<(String, Column)>, Vec<HeaderProblem>> {
    let Some(last_named) = names.iter().rposition(|name| !name.is_empty()) else {
        return Err(vec![problem(
            HeaderCode::Missing,
            "is missing: the first line is blank",
        )]);
    };
    if names.len() > MAX_COLUMNS {
        let message = format!("has {} columns, more than {MAX_COLUMNS}", names.len());
        return Err(vec![problem(HeaderCode::TooManyColumns, message)]);
    }
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    let mut columns = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let mut wrong = |code, message: String| {
            problems.push(HeaderProblem {
                column: Some(i + 1),
                name: name.chars().take(MAX_KEY).collect(),
                code,
                message,
            });
        };
        let column = if name.is_empty() {
            Column::Ignored
        } else {
            meaning(name)
        };
        if name.is_empty() {
            if i < last_named {
                wrong(HeaderCode::Unnamed, "has no name".to_owned());
            }
        } else if let Err(error) = attribute_key(name) {
            wrong(HeaderCode::BadName, error.to_string());
        } else {
            // Known columns are one by meaning, others by their exact name, as templates tell them apart.
            let key = match &column {
                Column::Other => format!("other {name}"),
                known => format!("{known:?}"),
            };
            if !seen.insert(key) {
                wrong(
                    HeaderCode::Duplicate,
                    "means the same as a column ahead of it".to_owned(),
                );
            }
        }
        columns.push(((*name).to_owned(), column));
    }
    let reachable = columns
        .iter()
        .any(|(_, column)| matches!(column, Column::Phone | Column::Address(_)));
    if !reachable {
        problems.push(problem(
            HeaderCode::NoAddressColumn,
            "has no column with addresses: name one phone, sms, whatsapp, email or voice",
        ));
    }
    if problems.is_empty() {
        Ok(columns)
    } else {
        Err(problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<HeaderCode> {
        Header::read(text.as_bytes(), true)
            .unwrap_err()
            .into_iter()
            .map(|problem| problem.code)
            .collect()
    }

    #[test]
    fn names_have_aliases_and_no_case() {
        let text = "\u{feff}ID;First Name;SURNAME;E-Mail;Mobile;time_zone;consent_sms;Loan amount;;\r\nx";
        let (header, position) = Header::read(text.as_bytes(), false).unwrap().unwrap();
        assert_eq!(header.separator, b';');
        let meanings: Vec<Column> = header.columns.into_iter().map(|(_, column)| column).collect();
        assert_eq!(
            meanings,
            [
                Column::CustomerId,
                Column::FirstName,
                Column::LastName,
                Column::Address(Channel::Email),
                Column::Phone,
                Column::TimeZone,
                Column::Consent(Channels::one(Channel::Sms)),
                Column::Other,
                Column::Ignored,
                Column::Ignored,
            ]
        );
        assert_eq!(position.offset, u64::try_from(text.len() - 1).unwrap());
        assert_eq!(position.row, 1);
    }

    #[test]
    fn the_separator_is_sniffed_outside_quotes() {
        for (text, separator) in [
            ("phone", b','),
            ("phone,\"a;b;c\"", b','),
            ("phone;\"a,b,c\"", b';'),
            ("phone\tname,first", b','),
            ("phone\tname\temail", b'\t'),
        ] {
            assert_eq!(sniff(text.as_bytes()), separator, "{text}");
        }
    }

    #[test]
    fn every_problem_is_named() {
        assert_eq!(codes(""), [HeaderCode::Missing]);
        assert_eq!(codes("\u{feff}"), [HeaderCode::Missing]);
        assert_eq!(codes(" , ,\n"), [HeaderCode::Missing]);
        assert_eq!(codes("name,city\n"), [HeaderCode::NoAddressColumn]);
        assert_eq!(codes("phone,Mobile\n"), [HeaderCode::Duplicate]);
        assert_eq!(codes("phone,,city\n"), [HeaderCode::Unnamed]);
        assert_eq!(
            codes(&format!("phone,{}\n", "x".repeat(65))),
            [HeaderCode::BadName]
        );
        assert_eq!(
            codes(&format!("phone{}\n", ",c".repeat(200))),
            [HeaderCode::TooManyColumns]
        );
        assert_eq!(codes("phone,\"city\n"), [HeaderCode::Unreadable]);
        assert_eq!(codes(&"x".repeat(70_000)), [HeaderCode::Unreadable]);
        let problems = Header::read(&[0xFF, 0xFE, b'p', 0], true).unwrap_err();
        assert_eq!(problems[0].code, HeaderCode::Encoding);
        let problems = Header::read(b"phone,caf\xE9\n", true).unwrap_err();
        assert_eq!(problems[0].code, HeaderCode::Encoding);
        assert_eq!(Header::read(b"phone,ema", false), Ok(None));
    }

    #[test]
    fn every_known_name_is_folded() {
        for (names, _) in KNOWN {
            for name in *names {
                assert_eq!(*name, folded(name));
            }
        }
    }
}
