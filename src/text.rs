//! Names are bytes; this is how they become text.
//!
//! [`qemu`] is what QEMU's JSON writer makes of a byte string (`util/unicode.c`: modified UTF-8,
//! each ill-formed sequence one U+FFFD), [`printable`] is what may be shown on a terminal.

use std::borrow::Cow;

const REPLACEMENT: char = '\u{fffd}';

/// The text that QEMU prints in JSON for this name. Ends at the first NUL, as C strings do.
pub fn qemu(bytes: &[u8]) -> Cow<'_, str> {
    let bytes = until_nul(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(is_noncharacter) => Cow::Borrowed(text),
        _ => Cow::Owned(decode(bytes)),
    }
}

/// A line of text in which nothing moves the cursor or changes a colour: control characters and
/// bytes that are not UTF-8 appear as `\n`, `\x1b`, ….
pub fn printable(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_printable(bytes) => Cow::Borrowed(text),
        _ => Cow::Owned(escape(bytes)),
    }
}

/// A number with commas between groups of three digits.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// The part of `bytes` before the first NUL.
pub fn until_nul(bytes: &[u8]) -> &[u8] {
    match bytes.iter().position(|&b| b == 0) {
        Some(end) => &bytes[..end],
        None => bytes,
    }
}

/// The part of a path behind its last slash.
pub fn last_component(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|&b| b == b'/');
    &path[slash.map_or(0, |slash| slash + 1)..]
}

/// The folder in a path as written, with its slash.
pub fn folder(path: &[u8]) -> &[u8] {
    &path[..path.len() - last_component(path).len()]
}

/// Whether `bytes` are UTF-8 of which nothing would be escaped by [`printable`].
pub fn is_printable(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(is_unprintable))
}

fn is_unprintable(c: char) -> bool {
    // Bidirectional overrides can make a name look like another one.
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_noncharacter(c: char) -> bool {
    let c = c as u32;
    (0xfdd0..=0xfdef).contains(&c) || c & 0xfffe == 0xfffe
}

fn escape(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_unprintable(c) {
                out.extend(c.escape_default());
            } else {
                out.push(c);
            }
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    out
}

fn decode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        let (codepoint, length) = codepoint(rest);
        out.push(codepoint.unwrap_or(REPLACEMENT));
        rest = &rest[length..];
    }
    out
}

/// The code point at the start of `bytes` (None if ill-formed) and how many bytes it takes.
fn codepoint(bytes: &[u8]) -> (Option<char>, usize) {
    let first = bytes[0];
    if first < 0x80 {
        return (Some(char::from(first)), 1);
    }
    // Sequences of up to six bytes are recognised as one, though none above four is valid.
    let length = first.leading_ones() as usize;
    if !(2..=6).contains(&length) {
        return (None, 1);
    }
    let mut value = u32::from(first) & ((0x80 >> length) - 1);
    for i in 1..length {
        match bytes.get(i) {
            Some(next) if next & 0xc0 == 0x80 => value = value << 6 | u32::from(next & 0x3f),
            _ => return (None, i),
        }
    }
    let smallest = [0x80, 0x800, 0x1_0000, 0x20_0000, 0x400_0000][length - 2];
    let overlong = value < smallest && !(value == 0 && length == 2);
    let valid = char::from_u32(value).filter(|&c| !overlong && !is_noncharacter(c));
    (valid, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_groups() {
        let found = [0, 999, 1000, 10_000, 1_234_567].map(thousands);
        assert_eq!(found, ["0", "999", "1,000", "10,000", "1,234,567"]);
    }

    #[test]
    fn ascii_and_utf8_are_kept() {
        assert_eq!(qemu(b"vm-100-disk-0.qcow2"), "vm-100-disk-0.qcow2");
        assert_eq!(
            qemu("Gr\u{fc}\u{df}e \u{1f980}".as_bytes()),
            "Gr\u{fc}\u{df}e \u{1f980}"
        );
    }

    #[test]
    fn ill_formed_sequences_become_one_replacement_each() {
        assert_eq!(qemu(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(qemu(b"\xe2\x82"), "\u{fffd}");
        assert_eq!(qemu(b"\xe2\x82x"), "\u{fffd}x");
        assert_eq!(qemu(b"\xed\xa0\x80"), "\u{fffd}");
        assert_eq!(qemu(b"\xef\xbf\xbf"), "\u{fffd}");
        assert_eq!(qemu(b"\xf8\x88\x80\x80\x80z"), "\u{fffd}z");
        assert_eq!(qemu(b"\xc0\x80"), "\0");
    }

    #[test]
    fn terminal_escapes_are_shown_not_obeyed() {
        assert_eq!(printable(b"a\x1b[31mb\nc\xff"), "a\\u{1b}[31mb\\nc\\xff");
        assert_eq!(printable("x\u{202e}y".as_bytes()), "x\\u{202e}y");
    }
}
