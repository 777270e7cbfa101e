use proptest::prelude::*;

use super::*;

struct Fixture {
    tenant: TenantId,
    list: ContactListId,
}

impl Fixture {
    fn new() -> Self {
        Self {
            tenant: TenantId::parse("ten_1").unwrap(),
            list: ContactListId::parse("lst_1").unwrap(),
        }
    }

    fn target(&self) -> Target<'_> {
        Target {
            tenant: &self.tenant,
            list: &self.list,
            at: Timestamp::parse("2026-11-23T12:00:00Z").unwrap(),
        }
    }

    fn rows(&self, csv: &[u8]) -> Vec<Row> {
        let (header, start) = Header::read(csv, true).unwrap().unwrap();
        let rest = &csv[usize::try_from(start.offset).unwrap()..];
        read(&self.target(), &header, start, rest, true, usize::MAX).rows
    }

    fn one(&self, csv: &str) -> Result<Contact, Reject> {
        let mut rows = self.rows(csv.as_bytes());
        assert_eq!(rows.len(), 1);
        rows.remove(0).outcome
    }
}

fn reject(csv: &str) -> (RejectCode, Option<String>) {
    let reject = Fixture::new().one(csv).unwrap_err();
    (reject.code, reject.column)
}

#[test]
fn a_row_becomes_a_contact() {
    let contact = Fixture::new()
        .one(
            "Id;First Name;Last Name;Phone;SMS;E-Mail;Time Zone;Lang;Consent;Consent Date;Consent Purpose;City;Note\n\
             C-7;Ann;O'Neill;+44 20 7946 0958;+1 212 555 0123;Ann@Example.ORG;Europe/London;en_gb;yes;2026-05-01;\
             marketing;Leeds;\n",
        )
        .unwrap();
    insta::assert_json_snapshot!(contact);
    let text = serde_json::to_string(&contact).unwrap();
    assert_eq!(serde_json::from_str::<Contact>(&text).unwrap(), contact);
}

#[test]
fn phone_fills_what_has_no_number_of_its_own() {
    let contact = Fixture::new()
        .one("sms,phone\n+12125550123,+442079460958\n")
        .unwrap();
    let numbers: Vec<(Channel, &str)> = contact.addresses.iter().map(|(c, a)| (*c, a.as_str())).collect();
    assert_eq!(
        numbers,
        [
            (Channel::Sms, "+12125550123"),
            (Channel::Whatsapp, "+442079460958"),
            (Channel::Voice, "+442079460958"),
        ]
    );
}

#[test]
fn one_person_is_one_contact_however_the_row_is_spelled() {
    let fixture = Fixture::new();
    let id = |csv: &str| fixture.one(csv).unwrap().id;
    let by_number = id("phone\n+442079460958\n");
    assert_eq!(
        by_number,
        id("E-Mail;Phone;City\nann@example.org;+44 (20) 7946-0958;Leeds\n")
    );
    assert_ne!(by_number, id("phone\n+442079460959\n"));
    assert_eq!(
        id("id,phone\nC-7,+442079460958\n"),
        id("email,id\nann@example.org,C-7\n")
    );
    let contact = fixture.one("phone\n+442079460958\n").unwrap();
    let address = Address::parse(Channel::Sms, "+442079460958").unwrap();
    assert_eq!(
        contact.customer_id,
        CustomerId::derive(Timestamp::default(), &["ten_1", address.as_str()])
    );
    let elsewhere = Fixture {
        list: ContactListId::parse("lst_2").unwrap(),
        ..Fixture::new()
    };
    let other = elsewhere.one("phone\n+442079460958\n").unwrap();
    assert_ne!(other.id, contact.id);
    assert_eq!(other.customer_id, contact.customer_id);
}

#[test]
fn every_reject_names_its_column() {
    use RejectCode::*;
    let long = format!("phone,City\n+442079460958,{}\n", "x".repeat(2_001));
    let name = format!("phone,First name\n+442079460958,{}\n", "x".repeat(101));
    let table = [
        ("phone,City\n,Leeds\n", NoAddress, None),
        (
            "phone,email\n020 7946 0958,ann@example.org\n",
            Phone,
            Some("phone"),
        ),
        ("phone,WhatsApp\n+442079460958,none\n", Phone, Some("WhatsApp")),
        ("phone,E-Mail\n+442079460958,ann\n", Email, Some("E-Mail")),
        ("phone,TZ\n+442079460958,GMT plus 1\n", TimeZone, Some("TZ")),
        (
            "phone,language\n+442079460958,English\n",
            Language,
            Some("language"),
        ),
        ("phone,ID\n+442079460958,a/b\n", CustomerId, Some("ID")),
        ("phone,consent\n+442079460958,maybe\n", Consent, Some("consent")),
        (
            "phone,consentAt\n+442079460958,yesterday\n",
            Consent,
            Some("consentAt"),
        ),
        (
            "phone,consentAt\n+442079460958,2026-11-24\n",
            Consent,
            Some("consentAt"),
        ),
        (&long, TooLong, Some("City")),
        (&name, TooLong, Some("First name")),
        (
            "phone,City\n+442079460958,Le\u{1}eds\n",
            ControlCharacter,
            Some("City"),
        ),
        ("phone,City\n+442079460958,Leeds,York\n", TooManyFields, None),
        ("phone,City\n+442079460958,\"Leeds\" North\n", Quotes, None),
    ];
    for (csv, code, column) in table {
        assert_eq!(reject(csv), (code, column.map(ToOwned::to_owned)), "{csv:?}");
    }
    let rows = Fixture::new().rows(b"phone\n+44\xFF2079460958\n+442079460958\n");
    assert_eq!(rows[0].outcome.as_ref().unwrap_err().code, Encoding);
    assert!(rows[1].outcome.is_ok());
    let mut csv = b"phone\n".to_vec();
    csv.extend(b"x".repeat(70_000));
    csv.extend(b"\n+442079460958\n");
    let rows = Fixture::new().rows(&csv);
    assert_eq!(rows[0].outcome.as_ref().unwrap_err().code, RowTooLong);
    assert!(rows[1].outcome.is_ok());
}

#[test]
fn rows_are_numbered_as_a_spreadsheet_shows_them() {
    let rows = Fixture::new()
        .rows(b"phone,City\n+442079460958,\"Lee\nds\"\n\n , \nx,\n+442079460959\n+442079460957,York,,\n");
    let numbers: Vec<(u64, bool)> = rows.iter().map(|row| (row.number, row.outcome.is_ok())).collect();
    assert_eq!(numbers, [(2, true), (5, false), (6, true), (7, true)]);
    assert_eq!(rows[1].outcome.as_ref().unwrap_err().row, 5);
}

#[test]
fn a_stale_list_does_not_undo_a_refusal() {
    let consent = |csv: &str| Fixture::new().one(csv).unwrap().consent;
    let records = consent("phone,consent,consent sms,voice_consent\n+442079460958,yes,no,\n");
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].at, Timestamp::default());
    assert_eq!(records[0].channels, Channels::All);
    assert_eq!(records[1].status, ConsentStatus::Denied);
    assert_eq!(records[1].channels, Channels::one(Channel::Sms));
    assert_eq!(records[1].at.to_string(), "2026-11-23T12:00:00.000Z");
    assert_eq!(records[0].source, "import");
    let dated = consent(
        "phone,consent,consentAt,consentSource\n+442079460958,Y,2026-05-01T08:00:00+02:00,web form\n",
    );
    assert_eq!(dated[0].at.to_string(), "2026-05-01T06:00:00.000Z");
    assert_eq!(dated[0].source, "web form");
}

#[test]
fn reading_stops_at_the_limit_and_goes_on_there() {
    let fixture = Fixture::new();
    let csv = crate::sample::contacts_csv(7, 100);
    let whole = fixture.rows(csv.as_bytes());
    let (header, mut position) = Header::read(csv.as_bytes(), true).unwrap().unwrap();
    let mut rows = Vec::new();
    loop {
        let rest = &csv.as_bytes()[usize::try_from(position.offset).unwrap()..];
        let piece = read(&fixture.target(), &header, position, rest, true, 7);
        if piece.rows.is_empty() {
            break;
        }
        assert!(piece.rows.len() <= 7);
        rows.extend(piece.rows);
        position = piece.position;
    }
    assert_eq!(rows, whole);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_file_cut_anywhere_gives_the_same_rows(seed: u64, cut in 0_usize..6_000) {
        let fixture = Fixture::new();
        let csv = crate::sample::contacts_csv(seed, 60);
        let bytes = csv.as_bytes();
        let (header, start) = Header::read(bytes, true).unwrap().unwrap();
        let rest = &bytes[usize::try_from(start.offset).unwrap()..];
        let cut = cut.min(rest.len());
        let first = read(&fixture.target(), &header, start, &rest[..cut], false, usize::MAX);
        let done = usize::try_from(first.position.offset - start.offset).unwrap();
        let second = read(&fixture.target(), &header, first.position, &rest[done..], true, usize::MAX);
        let mut rows = first.rows;
        rows.extend(second.rows);
        prop_assert_eq!(rows, fixture.rows(bytes));
    }

    #[test]
    fn any_bytes_give_rows(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut csv = b"phone,email,id,timeZone,language,consent,consentAt,x\n".to_vec();
        csv.extend(bytes);
        Fixture::new().rows(&csv);
        let _ = Header::read(&csv[53..], true);
    }

    #[test]
    fn any_cells_give_rows(cells in proptest::collection::vec("\\PC{0,20}", 8)) {
        let fixture = Fixture::new();
        let header = Header::read(b"phone,email,id,timeZone,language,consent,consentAt,x\n", true).unwrap().unwrap().0;
        let _ = contact(&fixture.target(), &header, &cells);
    }
}
