//! Going over a JSON text, value by value, without keeping it.

use std::borrow::Cow;

use super::number::Number;
use super::value::Json;

/// How deep values may be nested. `JSON::XS`: `max_depth`.
const DEPTH: u32 = 512;

/// A text that is no JSON: where, and what is wrong there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Syntax {
    /// Offset in bytes.
    pub at: usize,
    /// What is wrong.
    pub what: &'static str,
}

impl std::fmt::Display for Syntax {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

type Result<T> = std::result::Result<T, Syntax>;

/// Stands before a value, or behind one.
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Scanner<'a> {
    /// At the beginning of a text.
    pub fn new(bytes: &'a [u8]) -> Result<Self> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self {
                text,
                at: 0,
                depth: 0,
            }),
            Err(error) => Err(Syntax {
                at: error.valid_up_to(),
                what: "invalid UTF-8",
            }),
        }
    }

    fn fail<T>(&self, what: &'static str) -> Result<T> {
        Err(Syntax { at: self.at, what })
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The first byte of what comes next, behind white space; none at the end.
    #[inline]
    pub fn peek(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.byte() {
            self.at += 1;
        }
        self.byte()
    }

    /// Where it is, in bytes.
    #[inline]
    pub fn offset(&self) -> usize {
        self.at
    }

    /// The next so many bytes, if there are as many.
    #[inline]
    pub fn ahead<const N: usize>(&self) -> Option<[u8; N]> {
        let bytes = self.text.as_bytes().get(self.at..self.at + N)?;
        bytes.try_into().ok()
    }

    /// Passes over the value that comes next if that is its text, which must be that of an object, an array or
    /// a string: these tell where they end.
    #[inline]
    pub fn passes(&mut self, text: &[u8]) -> bool {
        let is_there = self.text.as_bytes()[self.at..].starts_with(text);
        if is_there {
            self.at += text.len();
        }
        is_there
    }

    /// The text from an offset to where it is.
    pub fn since(&self, start: usize) -> &'a [u8] {
        &self.text.as_bytes()[start..self.at]
    }

    /// Nothing but white space may be left.
    pub fn end(&mut self) -> Result<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.fail("garbage behind the value"),
        }
    }

    /// Goes into an object; the next byte is its `{`.
    #[inline]
    pub fn enter(&mut self) -> Result<()> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH {
            return self.fail("nested too deeply");
        }
        Ok(())
    }

    /// The next key of the object that it is in, and then it is before the value; none at the end of
    /// the object, and then it is behind that. `first`: whether no key has been read yet.
    #[inline]
    pub fn key(&mut self, first: &mut bool) -> Result<Option<Cow<'a, str>>> {
        if !self.goes_on(first, b'}')? {
            return Ok(None);
        }
        if self.peek() != Some(b'"') {
            return self.fail("a key is missing");
        }
        let key = self.string()?;
        if self.peek() != Some(b':') {
            return self.fail("a colon is missing");
        }
        self.at += 1;
        Ok(Some(key))
    }

    /// Whether there is another element of the array that it is in, as with keys.
    pub fn element(&mut self, first: &mut bool) -> Result<bool> {
        self.goes_on(first, b']')
    }

    #[inline]
    fn goes_on(&mut self, first: &mut bool, close: u8) -> Result<bool> {
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth -= 1;
                return Ok(false);
            }
            Some(b',') if !*first => {
                self.at += 1;
                if self.peek() == Some(close) {
                    return self.fail("a comma with nothing behind it");
                }
            }
            Some(_) if *first => {}
            Some(_) => return self.fail("a comma is missing"),
            None => return self.fail("cut off"),
        }
        *first = false;
        Ok(true)
    }

    /// A string; the next byte is its first quote.
    #[inline]
    pub fn string(&mut self) -> Result<Cow<'a, str>> {
        self.at += 1;
        let start = self.at;
        self.at += plain(&self.text.as_bytes()[start..]);
        match self.byte() {
            Some(b'"') => {
                self.at += 1;
                Ok(Cow::Borrowed(&self.text[start..self.at - 1]))
            }
            Some(b'\\') => self.escaped(start).map(Cow::Owned),
            Some(_) => self.fail("a control character in a string"),
            None => self.fail("cut off in a string"),
        }
    }

    #[cold]
    fn escaped(&mut self, start: usize) -> Result<String> {
        let mut value = self.text[start..self.at].to_owned();
        loop {
            let from = self.at;
            self.at += plain(&self.text.as_bytes()[from..]);
            value.push_str(&self.text[from..self.at]);
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(value);
                }
                Some(b'\\') => self.at += 1,
                Some(_) => return self.fail("a control character in a string"),
                None => return self.fail("cut off in a string"),
            }
            let escape = self.byte();
            self.at += 1;
            value.push(match escape {
                Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
                Some(b'b') => '\x08',
                Some(b'f') => '\x0c',
                Some(b'n') => '\n',
                Some(b'r') => '\r',
                Some(b't') => '\t',
                Some(b'u') => self.unicode()?,
                _ => return self.fail("an unknown escape in a string"),
            });
        }
    }

    fn unicode(&mut self) -> Result<char> {
        let first = self.unit()?;
        let code = match first {
            0xd800..=0xdbff => {
                if self.text.as_bytes().get(self.at..self.at + 2) != Some(b"\\u") {
                    return self.fail("half of a surrogate pair");
                }
                self.at += 2;
                let second = self.unit()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return self.fail("half of a surrogate pair");
                }
                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            _ => first,
        };
        match char::from_u32(code) {
            Some(c) => Ok(c),
            None => self.fail("half of a surrogate pair"),
        }
    }

    fn unit(&mut self) -> Result<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(unit) => {
                self.at += 4;
                Ok(unit)
            }
            None => self.fail("an escape without four digits"),
        }
    }

    /// A number; the next byte is a digit or a minus. Integers of more than 64 bits stay text, as they
    /// do for `JSON::XS`.
    fn number(&mut self) -> Result<Json> {
        let text = self.number_text()?;
        let is_integer = text.bytes().all(|b| b == b'-' || b.is_ascii_digit());
        Ok(match Number::integer(text) {
            Some(number) => Json::Number(number),
            None if is_integer => Json::String(text.to_owned()),
            None => Json::Number(Number::of_text(text)),
        })
    }

    /// A small integer that is not negative, if that is what comes next; nothing has been read if not.
    #[inline]
    pub fn small(&mut self) -> Option<u64> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let mut value = 0_u64;
        let mut length = 0;
        while let Some(digit @ b'0'..=b'9') = rest.get(length) {
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            length += 1;
        }
        let is_number = matches!(length, 1..=18) && (rest[0] != b'0' || length == 1);
        if !is_number || matches!(rest.get(length), Some(b'.' | b'e' | b'E')) {
            return None;
        }
        self.at += length;
        Some(value)
    }

    fn number_text(&mut self) -> Result<&'a str> {
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        match self.byte() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte().is_some_and(|b| b.is_ascii_digit()) {
            return self.fail("a number with a leading zero");
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) -> Result<()> {
        if !self.byte().is_some_and(|b| b.is_ascii_digit()) {
            return self.fail("a digit is missing");
        }
        while self.byte().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<()> {
        if !self.text[self.at..].starts_with(word) {
            return self.fail("neither true, false nor null");
        }
        self.at += word.len();
        Ok(())
    }

    /// The value that comes next.
    pub fn value(&mut self) -> Result<Json> {
        Ok(match self.peek() {
            Some(b'"') => Json::String(self.string()?.into_owned()),
            Some(b'{') => {
                self.enter()?;
                let mut object = std::collections::BTreeMap::new();
                let mut first = true;
                while let Some(key) = self.key(&mut first)? {
                    object.insert(key.into_owned(), self.value()?);
                }
                Json::Object(object)
            }
            Some(b'[') => {
                self.enter()?;
                let mut array = Vec::new();
                let mut first = true;
                while self.element(&mut first)? {
                    array.push(self.value()?);
                }
                Json::Array(array)
            }
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true").map(|()| Json::Bool(true))?,
            Some(b'f') => self.word("false").map(|()| Json::Bool(false))?,
            Some(b'n') => self.word("null").map(|()| Json::Null)?,
            Some(_) => return self.fail("no value"),
            None => return self.fail("cut off"),
        })
    }

    /// Passes over the value that comes next.
    pub fn skip(&mut self) -> Result<()> {
        match self.peek() {
            Some(b'"') => self.string().map(|_| ()),
            Some(b'{') => {
                self.enter()?;
                let mut first = true;
                while self.key(&mut first)?.is_some() {
                    self.skip()?;
                }
                Ok(())
            }
            Some(b'[') => {
                self.enter()?;
                let mut first = true;
                while self.element(&mut first)? {
                    self.skip()?;
                }
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => self.number_text().map(|_| ()),
            _ => self.value().map(|_| ()),
        }
    }
}

/// How many bytes there are before a quote, a backslash or a control character, eight at a time.
#[inline]
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;
    // Sets the high bit of each byte that is 0; above the first it can err.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word;
    let mut at = 0;
    while let Some(Ok(eight)) = bytes.get(at..at + 8).map(<[u8; 8]>::try_from) {
        let word = u64::from_le_bytes(eight);
        let quotes = zeros(word ^ (ONES * u64::from(b'"')));
        let backslashes = zeros(word ^ (ONES * u64::from(b'\\')));
        let controls = word.wrapping_sub(ONES * 0x20) & !word;
        let ends = (quotes | backslashes | controls) & HIGH;
        if ends != 0 {
            return at + ends.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    let rest = &bytes[at..];
    let is_end = |b: &u8| matches!(b, b'"' | b'\\' | 0..=0x1f);
    at + rest.iter().position(is_end).unwrap_or(rest.len())
}
