//! Names as text of an XML document.

use std::borrow::Cow;

use pve_native_core::text::printable;
use unicode_width::UnicodeWidthChar;

/// `text` between two tags. Control characters are shown as on a terminal, other characters that
/// XML has no place for as U+FFFD.
pub fn escaped(text: &str) -> String {
    let text = printable(text.as_bytes());
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// A name for a place of so many columns: its end, which tells more than where it begins.
pub fn shortened(name: &[u8], columns: usize) -> Cow<'_, str> {
    let name = printable(name);
    let (mut kept, mut width) = (0, 0);
    for (count, c) in name.chars().rev().enumerate() {
        width += c.width().unwrap_or(0);
        // Characters without a width must not come for nothing.
        if width > columns || count >= 2 * columns {
            let start = name.len() - kept;
            let mut out = String::from("…");
            // In place of what the mark takes.
            out.extend(name[start..].chars().skip(1));
            return Cow::Owned(out);
        }
        kept += c.len_utf8();
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_is_markup() {
        assert_eq!(escaped("a<b>&\"'c"), "a&lt;b&gt;&amp;\"'c");
        assert_eq!(escaped("\u{1b}[2J\0"), "\\u{1b}[2J\\u{0}");
        assert_eq!(escaped("x\u{ffff}\u{202e}"), "x\u{fffd}\\u{202e}");
    }

    #[test]
    fn long_names_keep_their_end() {
        assert_eq!(shortened(b"disk.qcow2", 10), "disk.qcow2");
        assert_eq!(shortened(b"/images/disk.qcow2", 10), "…isk.qcow2");
        assert_eq!(shortened("日本日本日本".as_bytes(), 5), "…本");
        let zalgo = "e\u{301}".repeat(10) + &"\u{301}".repeat(4000);
        assert!(shortened(zalgo.as_bytes(), 10).chars().count() <= 20);
        assert_eq!(shortened(b"", 10), "");
    }
}
