//! JSON text as QEMU writes it: indented by four, pure ASCII.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};

/// Texts that are longer, in bytes, are measured before they are written: a buffer that grows takes
/// up to three times as much memory, and an image can have 20 MB to tell.
const MEASURED: usize = 64 << 10;

/// The text, without a newline at its end.
pub fn to_text<T: Serialize + ?Sized>(value: &T) -> String {
    let mut start = Start {
        text: Vec::with_capacity(1024),
        length: 0,
    };
    write(value, &mut start);
    let mut text = start.text;
    if start.length > MEASURED {
        text = Vec::with_capacity(start.length);
        write(value, &mut text);
    }
    String::from_utf8(text).unwrap_or_default()
}

fn write<T: Serialize + ?Sized>(value: &T, to: &mut impl Write) {
    let mut serializer = serde_json::Serializer::with_formatter(to, Qemu { depth: 0 });
    // Writing to memory cannot fail, and our own types do not refuse to be written.
    let written = value.serialize(&mut serializer);
    debug_assert!(written.is_ok());
}

/// The length of a text, and the text itself unless it is long.
struct Start {
    text: Vec<u8>,
    length: usize,
}

impl Write for Start {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.length += bytes.len();
        if self.length <= MEASURED {
            self.text.extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// QEMU's way of writing: every bracket ends its line, also around nothing.
struct Qemu {
    depth: usize,
}

impl Qemu {
    fn open<W: Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        writer.write_all(bracket)
    }

    fn close<W: Write + ?Sized>(&mut self, writer: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        self.line(writer)?;
        writer.write_all(bracket)
    }

    fn line<W: Write + ?Sized>(&self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| writer.write_all(b"    "))
    }

    fn item<W: Write + ?Sized>(&self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b"," })?;
        self.line(writer)
    }
}

impl Formatter for Qemu {
    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|c: char| !c.is_ascii() || c == '\x7f') {
            writer.write_all(&rest.as_bytes()[..at])?;
            let c = rest[at..].chars().next().unwrap_or_default();
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04X}")?;
            }
            rest = &rest[at + c.len_utf8()..];
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        match escape {
            CharEscape::AsciiControl(byte) => write!(writer, "\\u{byte:04X}"),
            other => CompactFormatter.write_char_escape(writer, other),
        }
    }

    fn begin_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.item(writer, first)
    }

    fn begin_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.open(writer, b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.close(writer, b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.item(writer, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_ascii_and_means_the_same() {
        let value = serde_json::json!({ "a": ["\u{e9}\u{1f980}\x7f\"\n\x1b", 1], "b": {} });
        let text = to_text(&value);
        assert!(text.is_ascii());
        assert!(text.contains("\\u00E9\\uD83E\\uDD80\\u007F\\\"\\n\\u001B"));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }

    #[test]
    fn a_long_text_is_whole_and_takes_no_more_than_it_needs() {
        for length in [MEASURED - 3, MEASURED - 2, MEASURED - 1, 10 * MEASURED] {
            let text = to_text(&"x".repeat(length));
            assert_eq!(text.len(), length + 2);
            assert_eq!(text, format!("\"{}\"", "x".repeat(length)));
            assert!(length < MEASURED || text.capacity() == text.len());
        }
    }
}
