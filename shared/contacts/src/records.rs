//! CSV records (RFC 4180) from any piece of a file that starts at a record.
//!
//! Beyond the RFC: lines may end in LF or CRLF, the separator may be a comma, a semicolon or a tab,
//! and a quote inside a field that does not begin with one is an ordinary character. A record that
//! cannot be read (a quote that is never closed, text after a closing quote, more than
//! [`MAX_RECORD`] bytes) costs only its first line: reading goes on after the next line break, so that
//! a stray quote does not swallow the rest of the file.
//!
//! Where a record ends depends on its own bytes only, never on where the pieces were cut.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Longest record in bytes, with its line end. A piece of at least this size always gets on.
pub const MAX_RECORD: usize = 64 * 1024;

/// Where reading goes on. Store it with what was read, and a crash costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    /// How many bytes of the file are done.
    pub offset: u64,
    /// How many records are done, the header and blank ones included: the row number of the last one,
    /// as a spreadsheet shows it.
    pub row: u64,
    /// Whether the rest of a line that was rejected already is to be skipped.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub skipping: bool,
}

/// Why a record could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RecordError {
    /// A quote that is never closed, or text after a closing one.
    #[error("has a quote that is not closed, or text after a closing quote")]
    Quotes,
    /// More than [`MAX_RECORD`] bytes.
    #[error("is longer than {MAX_RECORD} bytes")]
    Long,
    /// Not UTF-8.
    #[error("is not UTF-8 text; save the file as \"CSV UTF-8\"")]
    Encoding,
}

/// The fields of a record.
pub type Fields<'a> = Vec<Cow<'a, str>>;

/// The records of one piece of a file.
#[derive(Debug)]
pub struct Records<'a> {
    bytes: &'a [u8],
    separator: u8,
    last: bool,
    position: Position,
}

impl<'a> Records<'a> {
    /// Reads from `position`; `bytes` are the file's bytes from there on. `last` says that the file
    /// ends with them.
    pub fn new(bytes: &'a [u8], separator: u8, position: Position, last: bool) -> Self {
        Self {
            bytes,
            separator,
            last,
            position,
        }
    }

    /// Where the next record starts.
    pub fn position(&self) -> Position {
        self.position
    }

    fn advance(&mut self, length: usize) -> &'a [u8] {
        let (done, rest) = self.bytes.split_at(length.min(self.bytes.len()));
        self.bytes = rest;
        self.position.offset += u64::try_from(done.len()).unwrap_or(u64::MAX);
        done
    }

    /// Leaves the line, or as much of it as there is.
    fn leave_line(&mut self) {
        let end = self.bytes.iter().position(|byte| *byte == b'\n');
        self.position.skipping = end.is_none() && !self.last;
        self.advance(end.map_or(self.bytes.len(), |end| end + 1));
    }
}

impl<'a> Iterator for Records<'a> {
    /// The row number and its fields. A blank line is a record with one empty field.
    type Item = (u64, Result<Fields<'a>, RecordError>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.position.skipping {
            self.leave_line();
        }
        if self.position.skipping || self.bytes.is_empty() {
            return None;
        }
        let read = match scan(self.bytes, self.separator, self.last) {
            Scan::Incomplete => return None,
            Scan::Broken(error) => {
                self.leave_line();
                Err(error)
            }
            Scan::Record { length, spans } => {
                let record = self.advance(length);
                fields(record, &spans).ok_or(RecordError::Encoding)
            }
        };
        self.position.row += 1;
        Some((self.position.row, read))
    }
}

/// A field as a range of its record's bytes, without quotes around it.
struct Span {
    from: usize,
    to: usize,
    /// Whether it holds doubled quotes.
    doubled: bool,
}

enum Scan {
    /// A whole record of `length` bytes, line end included.
    Record { length: usize, spans: Vec<Span> },
    /// No record, whatever follows.
    Broken(RecordError),
    /// More bytes are needed.
    Incomplete,
}

/// What stands at a place of the input.
enum At {
    Byte(u8),
    End,
}

fn scan(bytes: &[u8], separator: u8, last: bool) -> Scan {
    // Beyond the longest record nothing is looked at, so that the answer does not depend on how much
    // of the file happens to be at hand.
    let at = |i: usize| match bytes.get(i) {
        _ if i >= MAX_RECORD => Err(Scan::Broken(RecordError::Long)),
        Some(byte) => Ok(At::Byte(*byte)),
        None if last => Ok(At::End),
        None => Err(Scan::Incomplete),
    };
    let read = || {
        let mut spans = Vec::new();
        let mut i = 0;
        loop {
            let span = match at(i)? {
                At::Byte(b'"') => quoted(&at, &mut i, separator)?,
                _ => bare(&at, &mut i, separator)?,
            };
            spans.push(span);
            match at(i)? {
                At::Byte(byte) if byte == separator => i += 1,
                At::Byte(b'\r') => return Ok((i + 2, spans)),
                At::Byte(_) => return Ok((i + 1, spans)),
                At::End => return Ok((i, spans)),
            }
        }
    };
    match read() {
        Ok((length, spans)) => Scan::Record { length, spans },
        Err(scan) => scan,
    }
}

/// Reads a field without quotes around it; `i` comes to stand on what ends it.
fn bare(at: &impl Fn(usize) -> Result<At, Scan>, i: &mut usize, separator: u8) -> Result<Span, Scan> {
    let from = *i;
    while !ends(at, *i, separator)? {
        *i += 1;
    }
    Ok(Span {
        from,
        to: *i,
        doubled: false,
    })
}

/// Reads a field within quotes; `i` comes to stand on what ends it.
fn quoted(at: &impl Fn(usize) -> Result<At, Scan>, i: &mut usize, separator: u8) -> Result<Span, Scan> {
    *i += 1;
    let from = *i;
    let mut doubled = false;
    loop {
        match at(*i)? {
            At::End => return Err(Scan::Broken(RecordError::Quotes)),
            At::Byte(b'"') if matches!(at(*i + 1)?, At::Byte(b'"')) => {
                doubled = true;
                *i += 2;
            }
            At::Byte(b'"') => break,
            At::Byte(_) => *i += 1,
        }
    }
    let to = *i;
    *i += 1;
    if ends(at, *i, separator)? {
        Ok(Span { from, to, doubled })
    } else {
        Err(Scan::Broken(RecordError::Quotes))
    }
}

/// Whether a field ends at `i`: at a separator, a line end or the end of the file.
fn ends(at: &impl Fn(usize) -> Result<At, Scan>, i: usize, separator: u8) -> Result<bool, Scan> {
    Ok(match at(i)? {
        At::Byte(b'\n') | At::End => true,
        At::Byte(b'\r') => matches!(at(i + 1)?, At::Byte(b'\n') | At::End),
        At::Byte(byte) => byte == separator,
    })
}

/// The texts of the fields, if the record is UTF-8.
fn fields<'a>(record: &'a [u8], spans: &[Span]) -> Option<Fields<'a>> {
    let text = std::str::from_utf8(record).ok()?;
    spans
        .iter()
        .map(|span| {
            let field = text.get(span.from..span.to)?;
            Some(if span.doubled {
                Cow::Owned(field.replace("\"\"", "\""))
            } else {
                Cow::Borrowed(field)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
