use proptest::prelude::*;

use super::*;

type Read = (u64, Result<Vec<String>, RecordError>);

fn owned((row, record): (u64, Result<Fields<'_>, RecordError>)) -> Read {
    (
        row,
        record.map(|fields| fields.into_iter().map(Cow::into_owned).collect()),
    )
}

fn all(bytes: &[u8]) -> (Vec<Read>, Position) {
    let mut records = Records::new(bytes, b',', Position::default(), true);
    let read = records.by_ref().map(owned).collect();
    (read, records.position())
}

fn texts(bytes: &str) -> Vec<Vec<String>> {
    all(bytes.as_bytes())
        .0
        .into_iter()
        .map(|(_, record)| record.unwrap())
        .collect()
}

/// Reads in pieces of the given sizes, as an import does that stores its position after each.
fn in_pieces(bytes: &[u8], sizes: &[usize]) -> (Vec<Read>, Position) {
    let (mut read, mut position) = (Vec::new(), Position::default());
    let mut sizes = sizes.iter().cycle();
    let mut size = 0;
    loop {
        let offset = usize::try_from(position.offset).unwrap();
        let rest = &bytes[offset..];
        if rest.is_empty() {
            return (read, position);
        }
        size += sizes.next().unwrap();
        let piece = &rest[..size.min(rest.len())];
        let mut records = Records::new(piece, b',', position, piece.len() == rest.len());
        read.extend(records.by_ref().map(owned));
        if records.position() != position {
            size = 0;
        }
        position = records.position();
    }
}

#[test]
fn reads_what_the_rfc_describes() {
    assert_eq!(texts("a,b\r\nc,d"), [["a", "b"], ["c", "d"]]);
    assert_eq!(texts("a,b\nc,d\n"), [["a", "b"], ["c", "d"]]);
    assert_eq!(
        texts("\"a,\r\nb\",\"say \"\"hi\"\"\"\r\n"),
        [["a,\r\nb", "say \"hi\""]]
    );
    assert_eq!(texts(",\n"), [["", ""]]);
    assert_eq!(texts("\"\",\"\""), [["", ""]]);
    assert_eq!(texts("\n\na\n"), [[""], [""], ["a"]]);
    assert_eq!(texts(""), Vec::<Vec<String>>::new());
    assert_eq!(texts("a\r"), [["a"]]);
    assert_eq!(texts("a\rb,c\r\n"), [["a\rb", "c"]]);
    assert_eq!(texts("5\" pipe,b\"c"), [["5\" pipe", "b\"c"]]);
}

#[test]
fn a_broken_record_costs_its_first_line() {
    for (broken, error) in [
        (&b"\"a\"b,c\nd\n"[..], RecordError::Quotes),
        (b"x,\"a,b\nd\n", RecordError::Quotes),
        (b"x,\"a\r,b\nd\n", RecordError::Quotes),
        (b"a,\xFF\nd\n", RecordError::Encoding),
    ] {
        let (read, position) = all(broken);
        assert_eq!(
            read,
            [(1, Err(error)), (2, Ok(vec!["d".to_owned()]))],
            "{broken:?}"
        );
        assert_eq!(position.offset, u64::try_from(broken.len()).unwrap());
    }
}

#[test]
fn long_records_are_bounded_to_the_byte() {
    let line = |length: usize| format!("{}\nend\n", "x".repeat(length - 1)).into_bytes();
    assert!(all(&line(MAX_RECORD)).0[0].1.is_ok());
    assert_eq!(all(&line(MAX_RECORD + 1)).0[0].1, Err(RecordError::Long));
    // The rest of an overlong line is skipped in whatever pieces it comes.
    let bytes = line(3 * MAX_RECORD);
    let whole = all(&bytes);
    assert_eq!(
        whole.0,
        [(1, Err(RecordError::Long)), (2, Ok(vec!["end".to_owned()]))]
    );
    assert_eq!(in_pieces(&bytes, &[MAX_RECORD]), whole);
    assert_eq!(in_pieces(&bytes, &[1_000, 70_001]), whole);
    // A quote that is never closed does not take the file with it.
    let mut bytes = b"a,\"b\n".to_vec();
    bytes.extend(b"c,d\n".repeat(MAX_RECORD / 2));
    let (read, _) = all(&bytes);
    assert_eq!(read[0].1, Err(RecordError::Long));
    assert_eq!(read.len(), 1 + MAX_RECORD / 2);
}

#[test]
fn a_full_piece_always_gets_on() {
    for byte in [b'"', b'x', b',', b'\r', b'\n', 0xFF] {
        let piece = vec![byte; MAX_RECORD];
        let mut records = Records::new(&piece, b',', Position::default(), false);
        assert!(records.next().is_some(), "{byte}");
    }
}

fn csv_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => Just(b"\"".to_vec()),
        4 => Just(b",".to_vec()),
        3 => Just(b"\n".to_vec()),
        2 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        4 => "[a-z]{1,3}".prop_map(String::into_bytes),
        1 => Just("é".as_bytes().to_vec()),
        1 => Just(vec![0xFF]),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn pieces_make_no_difference(bytes in csv_bytes(), sizes in proptest::collection::vec(1_usize..20, 1..5)) {
        prop_assert_eq!(in_pieces(&bytes, &sizes), all(&bytes));
    }

    #[test]
    fn any_bytes_are_read_to_the_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (read, position) = all(&bytes);
        prop_assert_eq!(position.offset, u64::try_from(bytes.len()).unwrap());
        prop_assert_eq!(position.row, u64::try_from(read.len()).unwrap());
        prop_assert!(!position.skipping);
    }

    #[test]
    fn what_another_program_writes_is_read_back(
        rows in proptest::collection::vec(proptest::collection::vec("[a-z\",\r\n é]{0,6}", 2..5), 0..8),
        crlf: bool,
        quote_all: bool,
    ) {
        let mut writer = csv::WriterBuilder::new()
            .flexible(true)
            .terminator(if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') })
            .quote_style(if quote_all { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary })
            .from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let bytes = writer.into_inner().unwrap();
        let read: Vec<Vec<String>> = all(&bytes).0.into_iter().map(|(_, record)| record.unwrap()).collect();
        prop_assert_eq!(read, rows);
    }
}
