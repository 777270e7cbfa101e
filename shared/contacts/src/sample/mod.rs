//! Example data: a contact file that looks like a real one, the same for the same seed.
//!
//! Nobody is in it. Phone numbers come from ranges that regulators reserve for fiction (555-01xx of the
//! North American plan; Ofcom's, Bundesnetzagentur's, ARCEP's, PTS's and ACMA's drama numbers), e-mail
//! addresses from the domains of RFC 2606. In files of much more than 2,000 rows numbers
//! come back: the American ranges hold a hundred each.
//!
//! Of the rows (counted from 0 after the header):
//!
//! - every 25th (those with remainder 13) is **invalid**, taking turns through [`INVALID`]: every
//!   reject but those for text that is not UTF-8 and for rows of more than 64 KB;
//! - every 50th (remainder 37) is a **duplicate** of the row ahead of it, in another spelling;
//! - the others are good. One in 12 has no phone number, one in 8 no e-mail address, one in 10 no
//!   customer id. One in 5 names its time zone, some of them far from their number. One in 20 says
//!   nothing about consent and one in 20 refuses; the others agreed.

mod places;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::import::RejectCode;
use places::{AWAY, LONDON, PLACES, Place};

/// The kinds of invalid rows, in the order in which they take turns.
pub const INVALID: [RejectCode; 11] = [
    RejectCode::Phone,
    RejectCode::NoAddress,
    RejectCode::Email,
    RejectCode::TimeZone,
    RejectCode::Quotes,
    RejectCode::TooManyFields,
    RejectCode::Language,
    RejectCode::CustomerId,
    RejectCode::Consent,
    RejectCode::TooLong,
    RejectCode::ControlCharacter,
];

/// The header of the file.
const HEADER: &str =
    "customerId,firstName,lastName,phone,email,timeZone,language,consent,consentAt,city,plan,renewal";

const DOMAINS: [&str; 3] = ["example.com", "example.org", "example.net"];
const PLANS: [&str; 4] = ["Basic", "Family", "Business", "\"Unlimited, 5G\""];

/// What importing a sample into an empty list gives.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Expected {
    /// Different contacts.
    pub contacts: usize,
    /// Rows that repeat a contact.
    pub duplicates: usize,
    /// Rejected rows by kind.
    pub rejected: BTreeMap<RejectCode, usize>,
}

/// What a row is to be.
enum Kind {
    Good,
    Duplicate,
    Invalid(RejectCode),
}

fn kind(row: usize) -> Kind {
    match (row % 25, row % 50) {
        (13, _) => {
            let turn = row / 25 % INVALID.len();
            INVALID.get(turn).map_or(Kind::Good, |code| Kind::Invalid(*code))
        }
        (_, 37) => Kind::Duplicate,
        _ => Kind::Good,
    }
}

/// What a sample of so many rows holds, whatever its seed.
pub fn expected(rows: usize) -> Expected {
    let mut expected = Expected::default();
    for row in 0..rows {
        match kind(row) {
            Kind::Good => expected.contacts += 1,
            Kind::Duplicate => expected.duplicates += 1,
            Kind::Invalid(code) => *expected.rejected.entry(code).or_default() += 1,
        }
    }
    expected
}

/// The example file: [`contacts_csv`] with [`EXAMPLE_SEED`] and [`EXAMPLE_ROWS`].
pub const EXAMPLE: &str = include_str!("../../examples/contacts.csv");
/// Of the example file.
pub const EXAMPLE_SEED: u64 = 1;
/// Of the example file, without its header.
pub const EXAMPLE_ROWS: usize = 2_000;

/// A contact file of so many rows after its header.
pub fn contacts_csv(seed: u64, rows: usize) -> String {
    let mut csv = String::with_capacity((rows + 1) * 128);
    csv.push_str(HEADER);
    csv.push_str("\r\n");
    let mut people = People {
        random: Random(seed),
        taken: BTreeMap::new(),
    };
    let mut last = people.next(0);
    for row in 0..rows {
        match kind(row) {
            Kind::Duplicate => last.clone().respelled().write(&mut csv),
            Kind::Good => {
                last = people.next(row);
                last.write(&mut csv);
            }
            Kind::Invalid(code) => people.next(row).spoilt(code).write(&mut csv),
        }
    }
    csv
}

/// A row before it is written.
#[derive(Clone)]
struct Person {
    id: String,
    first_name: String,
    last_name: String,
    phone: String,
    email: String,
    time_zone: String,
    language: String,
    consent: String,
    consent_at: String,
    city: String,
    plan: String,
    renewal: String,
}

impl Person {
    /// The same person as another system would write it.
    fn respelled(mut self) -> Self {
        // +442079460000 becomes +44 (207) 946-0000.
        if let (Some(country), Some(area), Some(middle), Some(rest)) = (
            self.phone.get(..3),
            self.phone.get(3..6),
            self.phone.get(6..9),
            self.phone.get(9..),
        ) {
            self.phone = format!("{country} ({area}) {middle}-{rest}");
        }
        if let Some((local, domain)) = self.email.split_once('@') {
            self.email = format!(" {local}@{} ", domain.to_uppercase());
        }
        self
    }

    /// The row with one thing wrong.
    fn spoilt(mut self, code: RejectCode) -> Self {
        match code {
            RejectCode::NoAddress => {
                self.phone.clear();
                self.email.clear();
            }
            // Without plus and country code, as many systems keep them.
            RejectCode::Phone => self.phone = "020 7946 0958".to_owned(),
            RejectCode::Email => self.email = format!("{}.example.com", self.id),
            RejectCode::TimeZone => self.time_zone = "Europe/Atlantis".to_owned(),
            RejectCode::Language => self.language = "English (UK)".to_owned(),
            RejectCode::CustomerId => self.id = format!("{}/a", self.id),
            RejectCode::Consent => self.consent = "perhaps".to_owned(),
            RejectCode::TooLong => self.first_name = self.first_name.repeat(40),
            RejectCode::ControlCharacter => self.last_name.push_str("\u{7}ski"),
            // A comma that should have been quoted.
            RejectCode::TooManyFields => self.renewal.push_str(", then yearly"),
            RejectCode::Quotes => self.city = format!("\"{}\" (north)", self.city),
            // Not made here: they need text that is no string, or is very long.
            RejectCode::Encoding | RejectCode::RowTooLong => {}
        }
        self
    }

    fn write(&self, csv: &mut String) {
        let Self {
            id,
            first_name,
            last_name,
            phone,
            email,
            time_zone,
            language,
            consent,
            consent_at,
            city,
            plan,
            renewal,
        } = self;
        // Writing to a string cannot fail.
        let _ = write!(
            csv,
            "{id},{first_name},{last_name},{phone},{email},{time_zone},{language},{consent},{consent_at},{city},\
             {plan},{renewal}\r\n"
        );
    }
}

/// Makes up people.
struct People {
    random: Random,
    /// How many numbers of each place are taken.
    taken: BTreeMap<&'static str, u32>,
}

impl People {
    fn next(&mut self, row: usize) -> Person {
        let random = &mut self.random;
        let place = PLACES.get(random.place(PLACES.len())).unwrap_or(&LONDON);
        let first_name = random.word(place.people.first);
        let last_name = random.word(place.people.last);
        let reach = random.below(24);
        // One in 12 by e-mail only, one in 8 by phone only.
        let (has_phone, has_email) = (!(0..2).contains(&reach), !(2..5).contains(&reach));
        let phone = if has_phone {
            self.number(place)
        } else {
            String::new()
        };
        let random = &mut self.random;
        let email = if has_email {
            let local = format!("{first_name}.{last_name}").to_lowercase();
            format!("{}{row}@{}", ascii(&local), random.word(&DOMAINS))
        } else {
            String::new()
        };
        let time_zone = match random.below(40) {
            0 => random.word(AWAY),
            1..8 => place.zone,
            _ => "",
        };
        let consent = match random.below(20) {
            0 => "",
            1 => "no",
            _ => "yes",
        };
        let date = |random: &mut Random, year: u32| {
            format!("{year}-{:02}-{:02}", random.below(12) + 1, random.below(28) + 1)
        };
        let consent_at = if consent.is_empty() {
            String::new()
        } else {
            date(random, 2025)
        };
        Person {
            id: if random.below(10) == 0 {
                String::new()
            } else {
                format!("C-{:06}", row + 1)
            },
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            phone,
            email,
            time_zone: time_zone.to_owned(),
            language: place.people.language.to_owned(),
            consent: consent.to_owned(),
            consent_at,
            city: place.city.to_owned(),
            plan: random.word(&PLANS).to_owned(),
            renewal: date(random, 2027),
        }
    }

    /// The next number of a place.
    fn number(&mut self, place: &Place) -> String {
        let taken = self.taken.entry(place.range).or_default();
        let digits = place.digits;
        let number = format!(
            "{}{:0digits$}",
            place.range,
            *taken % 10_u32.pow(u32::try_from(digits).unwrap_or(0))
        );
        *taken += 1;
        number
    }
}

/// A name in letters that every mail system knows.
fn ascii(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            'ä' => plain.push_str("ae"),
            'ö' => plain.push_str("oe"),
            'ü' => plain.push_str("ue"),
            'ß' => plain.push_str("ss"),
            'å' => plain.push('a'),
            'ç' => plain.push('c'),
            'é' | 'è' | 'ë' => plain.push('e'),
            c if c.is_ascii_alphanumeric() || c == '.' => plain.push(c),
            _ => {}
        }
    }
    plain
}

/// SplitMix64: small, and the same everywhere. Not for secrets.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^= bits >> 31;
        u32::try_from(bits % u64::from(end.max(1))).unwrap_or(0)
    }

    /// A place in a list of so many.
    fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(u32::try_from(length).unwrap_or(u32::MAX))).unwrap_or(0)
    }

    /// One of the words.
    fn word(&mut self, list: &[&'static str]) -> &'static str {
        let place = self.place(list.len());
        list.get(place).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
