//! Results for whoever reads standard output.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use crate::failure::Failure;

/// Writes a result and a line break. A reader who has seen enough, such as `head`, is no failure.
pub(crate) fn show(result: &impl Display) -> Result<(), Failure> {
    write(&mut std::io::stdout().lock(), result)
}

fn write(output: &mut impl Write, result: &impl Display) -> Result<(), Failure> {
    match writeln!(output, "{result}").and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Told(format!(
            "cannot write the result to standard output: {error}"
        ))),
        _ => Ok(()),
    }
}

/// The word for so many.
pub(crate) fn noun(count: usize, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        let words = [0, 1, 2].map(|count| noun(count, "row", "rows"));
        assert_eq!(words, ["rows", "row", "rows"]);
    }

    struct Fails(ErrorKind);

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_who_left_is_no_failure() {
        assert!(write(&mut Fails(ErrorKind::BrokenPipe), &"a table").is_ok());
        let full = write(&mut Fails(ErrorKind::StorageFull), &"a table").unwrap_err();
        assert!(full.to_string().starts_with("cannot write the result"), "{full}");
    }
}
