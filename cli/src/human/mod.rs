//! Answers for people. Each kind of answer has a file; what they share is here: colours, symbols,
//! sizes, times.
//!
//! Names come from images and may hold anything, so each passes through
//! [`printable`](pve_native_core::text::printable) on its way. Colour only adds: what it says is
//! said in words too.

pub mod audit;
pub mod chain;
pub mod changed;
pub mod check;
pub mod cluster;
pub mod facts;
pub mod graph;
pub mod info;
pub mod map;
pub mod matrix;
pub mod placement;
pub mod plan;
pub mod room;
pub mod storage;
mod table;

use std::time::{Duration, SystemTime};

use anstyle::{AnsiColor, Style};
use humansize::{BINARY, FormatSizeOptions, format_size};

/// File names that head something.
pub const NAME: Style = Style::new().bold();
/// Formats.
pub const FORMAT: Style = AnsiColor::Cyan.on_default();
/// What is there for completeness.
pub const QUIET: Style = Style::new().dimmed();
/// What to have a look at.
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// What is as it should be.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What is broken.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();

/// `text` in a style.
pub fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// A size for the eye: `196.5 KiB`.
pub fn size(bytes: u64) -> String {
    let options = FormatSizeOptions::from(BINARY)
        .decimal_places(1)
        .decimal_zeroes(0);
    format_size(bytes, options)
}

/// The same for sizes that are round in binary, such as the marks of a scale: `1.25 GiB`.
pub fn round_size(bytes: u64) -> String {
    let text = format_size(bytes, FormatSizeOptions::from(BINARY).decimal_places(3));
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            let number = number.trim_end_matches('0').trim_end_matches('.');
            format!("{number} {unit}")
        }
        _ => text,
    }
}

/// The same with the exact number, unless that is what it shows already.
pub fn exact_size(bytes: u64) -> String {
    if bytes < 1024 {
        return size(bytes);
    }
    let exact = styled(QUIET, &format!("({bytes} bytes)"));
    format!("{} {exact}", size(bytes))
}

/// A moment as UTC, `2026-07-01T12:00:00Z`.
pub fn moment(seconds: u32) -> String {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.into());
    humantime::format_rfc3339_seconds(time).to_string()
}

/// How long a guest had been running, to the millisecond.
pub fn running_time(nanoseconds: u64) -> String {
    let millis = Duration::from_millis(nanoseconds / 1_000_000);
    humantime::format_duration(millis).to_string()
}

/// Whether the caller's locale can show more than ASCII.
pub fn locale_is_utf8() -> bool {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set);
    let locale = locale.unwrap_or_default().to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Columns of the terminal; what is no terminal has 80.
pub fn width() -> usize {
    width_or(80)
}

/// The same, with another width for what is no terminal.
pub fn width_or(other: usize) -> usize {
    let size = console::Term::stdout().size_checked();
    size.map_or(other, |(_, columns)| columns.into())
}

/// A part of something in percent. What is not quite nothing, or not quite all, does not look as if
/// it were.
pub fn percent(part: u64, whole: u64) -> String {
    let permille = (part as f64 / whole.max(1) as f64 * 1000.0).round();
    match permille {
        0.0 if part > 0 => "<0.1 %".into(),
        1000.0 if part < whole => ">99.9 %".into(),
        permille => format!("{:.1} %", permille / 10.0),
    }
}

/// The symbols that can be shown here.
#[derive(Clone, Copy, Debug)]
pub struct Symbols {
    good: &'static str,
    error: &'static str,
    warning: &'static str,
    note: &'static str,
    lines: termtree::GlyphPalette,
    graph: graph::Glyphs,
    bars: placement::Glyphs,
}

impl Symbols {
    /// Those of the caller's locale: plain ASCII unless it is one of UTF-8.
    pub fn of_locale() -> Self {
        match locale_is_utf8() {
            true => Self::unicode(),
            false => Self::ascii(),
        }
    }

    /// Those of a locale of UTF-8.
    pub fn unicode() -> Self {
        Symbols {
            good: "✓",
            error: "✗",
            warning: "⚠",
            note: "·",
            lines: termtree::GlyphPalette {
                item_indent: "─ ",
                skip_indent: "  ",
                ..termtree::GlyphPalette::new()
            },
            graph: graph::Glyphs::UNICODE,
            bars: placement::Glyphs::UNICODE,
        }
    }

    fn ascii() -> Self {
        Symbols {
            good: "+",
            error: "x",
            warning: "!",
            note: "-",
            lines: termtree::GlyphPalette {
                middle_item: "|",
                last_item: "`",
                item_indent: "- ",
                middle_skip: "|",
                last_skip: " ",
                skip_indent: "  ",
            },
            graph: graph::Glyphs::ASCII,
            bars: placement::Glyphs::ASCII,
        }
    }

    /// A line that says that all is well.
    pub fn good(&self, word: &str, text: &str) -> String {
        let label = styled(GOOD, &format!("{} {word}:", self.good));
        format!("{label} {text}")
    }

    /// A line that says that something must not be.
    pub fn bad(&self, word: &str, text: &str) -> String {
        let label = styled(ERROR, &format!("{} {word}:", self.error));
        format!("{label} {text}")
    }

    /// A line that is there for completeness.
    pub fn note(&self, text: &str) -> String {
        let label = styled(QUIET, &format!("{} note:", self.note));
        format!("{label} {text}")
    }

    /// A line that says what is broken.
    pub fn error(&self, text: &str) -> String {
        self.bad("error", text)
    }

    /// A line that says what to have a look at.
    pub fn warning(&self, text: &str) -> String {
        let label = styled(WARNING, &format!("{} warning:", self.warning));
        format!("{label} {text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short_and_exact() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1 << 36), "64 GiB");
        assert_eq!(size(201_216), "196.5 KiB");
        assert_eq!(size(u64::MAX), "16 EiB");
        assert_eq!(exact_size(512), "512 B");
        assert_eq!(round_size(0), "0 B");
        assert_eq!(round_size(9 << 27), "1.125 GiB");
        assert_eq!(round_size(100 << 30), "100 GiB");
    }

    #[test]
    fn a_little_is_not_nothing() {
        assert_eq!(percent(0, 0), "0.0 %");
        assert_eq!(percent(0, 100), "0.0 %");
        assert_eq!(percent(1, 1 << 40), "<0.1 %");
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(percent((1 << 40) - 1, 1 << 40), ">99.9 %");
        assert_eq!(percent(u64::MAX, u64::MAX), "100.0 %");
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(moment(0), "1970-01-01T00:00:00Z");
        assert_eq!(moment(u32::MAX), "2106-02-07T06:28:15Z");
        assert_eq!(running_time(0), "0s");
        assert_eq!(running_time(3_723_004_000_123), "1h 2m 3s 4ms");
    }
}
