//! The words of CEL.

use super::check::ExpressionProblem;

/// A word of the source.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    Number(f64),
    Text(String),
    /// An operator, a bracket, or `in`.
    Sign(&'static str),
    End,
}

/// Longer signs first, so that `<=` is not read as `<`.
const SIGNS: [&str; 25] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")",
    "[", "]", "{", "}", "=",
];

/// Words that CEL reserves.
const RESERVED: [&str; 18] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "package",
    "namespace",
    "null",
    "return",
    "true",
];

/// Above this, not every whole number is a double.
const MAX_EXACT: u64 = 1 << 53;

/// Reads the words of a source, each with its first byte.
pub(super) fn tokens(source: &str) -> Result<Vec<(usize, Token)>, ExpressionProblem> {
    let mut words = Vec::new();
    let mut reader = Reader { source, at: 0 };
    loop {
        reader.skip_blanks();
        let start = reader.at;
        let token = reader
            .token()
            .map_err(|message| problem(source, start, message))?;
        let is_end = token == Token::End;
        words.push((start, token));
        if is_end {
            return Ok(words);
        }
    }
}

/// A problem at a byte of the source.
pub(super) fn problem(source: &str, at: usize, message: impl Into<String>) -> ExpressionProblem {
    let position = source.get(..at).unwrap_or(source).chars().count();
    ExpressionProblem {
        position,
        message: message.into(),
    }
}

struct Reader<'s> {
    source: &'s str,
    at: usize,
}

type Read<T> = Result<T, String>;

impl<'s> Reader<'s> {
    fn rest(&self) -> &'s str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'s str {
        let rest = self.rest();
        let length = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn skip_blanks(&mut self) {
        loop {
            self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}'));
            if !self.eat("//") {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    fn token(&mut self) -> Read<Token> {
        let Some(first) = self.peek() else {
            return Ok(Token::End);
        };
        let second = self.rest().chars().nth(1);
        if first.is_ascii_digit() || (first == '.' && second.is_some_and(|c| c.is_ascii_digit())) {
            return self.number();
        }
        if matches!(first, '"' | '\'') {
            return self.text(false);
        }
        if matches!(first, 'r' | 'R') && matches!(second, Some('"' | '\'')) {
            self.next();
            return self.text(true);
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let name = self.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
            if matches!(name, "b" | "B" | "br" | "bR" | "Br" | "BR")
                && matches!(self.peek(), Some('"' | '\''))
            {
                return Err("bytes are not supported".to_owned());
            }
            return Ok(if name == "in" {
                Token::Sign("in")
            } else {
                Token::Name(name.to_owned())
            });
        }
        match SIGNS.into_iter().find(|sign| self.eat(sign)) {
            Some(sign) => Ok(Token::Sign(sign)),
            None => Err(format!("`{first}` is not expected")),
        }
    }

    fn number(&mut self) -> Read<Token> {
        if self.eat("0x") || self.eat("0X") {
            let digits = self.take_while(|c| c.is_ascii_hexdigit());
            let whole = u64::from_str_radix(digits, 16);
            return self.whole(whole.map_err(|_| "is no hexadecimal number".to_owned()));
        }
        let start = self.at;
        self.take_while(|c| c.is_ascii_digit());
        let mut is_whole = true;
        if self
            .rest()
            .strip_prefix('.')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
        {
            is_whole = false;
            self.next();
            self.take_while(|c| c.is_ascii_digit());
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            is_whole = false;
            self.next();
            if matches!(self.peek(), Some('+' | '-')) {
                self.next();
            }
            if self.take_while(|c| c.is_ascii_digit()).is_empty() {
                return Err("is no number".to_owned());
            }
        }
        let digits = self.source.get(start..self.at).unwrap_or_default();
        if is_whole {
            return self.whole(digits.parse().map_err(|_| "is too large a number".to_owned()));
        }
        match digits.parse::<f64>() {
            Ok(number) if number.is_finite() => self.finish(number),
            _ => Err("is too large a number".to_owned()),
        }
    }

    fn whole(&mut self, number: Read<u64>) -> Read<Token> {
        let number = number?;
        if number > MAX_EXACT {
            return Err("is too large a whole number".to_owned());
        }
        if !self.eat("u") {
            self.eat("U");
        }
        #[allow(clippy::cast_precision_loss)]
        self.finish(number as f64)
    }

    fn finish(&mut self, number: f64) -> Read<Token> {
        if self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err("is no number".to_owned());
        }
        Ok(Token::Number(number))
    }

    fn text(&mut self, raw: bool) -> Read<Token> {
        let quote = ["\"\"\"", "'''", "\"", "'"]
            .into_iter()
            .find(|quote| self.eat(quote))
            .unwrap_or("\"");
        let mut text = String::new();
        loop {
            if self.eat(quote) {
                return Ok(Token::Text(text));
            }
            match self.next() {
                None => return Err("a text is not closed".to_owned()),
                Some('\n' | '\r') if quote.len() == 1 => return Err("a text is not closed".to_owned()),
                // As CEL has it: line ends in a text are always `\n`.
                Some('\r') => {
                    self.eat("\n");
                    text.push('\n');
                }
                Some('\\') if !raw => text.push(self.escape()?),
                Some(c) => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        Ok(match self.next() {
            Some('a') => '\u{7}',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('v') => '\u{b}',
            Some(c @ ('\\' | '?' | '"' | '\'' | '`')) => c,
            Some('x' | 'X') => self.code(2, 16)?,
            Some('u') => self.code(4, 16)?,
            Some('U') => self.code(8, 16)?,
            Some(c @ '0'..='3') => {
                self.at -= c.len_utf8();
                self.code(3, 8)?
            }
            _ => return Err("has an unknown escape in a text".to_owned()),
        })
    }

    fn code(&mut self, length: usize, radix: u32) -> Read<char> {
        let digits = self
            .rest()
            .get(..length)
            .filter(|digits| digits.chars().all(|c| c.is_digit(radix)));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, radix).ok());
        self.at += digits.map_or(0, str::len);
        code.and_then(char::from_u32)
            .ok_or_else(|| "has an unknown character in a text".to_owned())
    }
}

/// Whether a word cannot be a name.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}
