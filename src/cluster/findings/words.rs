//! Names, numbers and lists as sentences have them.

use std::borrow::Cow;

use crate::cluster::json::Json;
use crate::cluster::matrix::Matrix;
use crate::limits;
use crate::text::{printable, thousands};

/// Characters of a name in a sentence.
const SHOWN: usize = 64;
/// Items of a list in a sentence.
const LISTED: usize = 6;

/// A name, as it is shown: safe to print and not too long.
pub fn shown(name: &str) -> String {
    let text = printable(name.as_bytes());
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None if text.is_empty() => "''".into(),
        None => text.into_owned(),
    }
}

/// A text of any length that somebody else has written, as it is shown.
pub fn remark(text: &str) -> String {
    let text = printable(text.as_bytes());
    match text.char_indices().nth(limits::FINDING_NAME) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into_owned(),
    }
}

/// A name as it is, as far as there is room.
pub fn bounded(name: &str) -> String {
    let mut end = name.len().min(limits::FINDING_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}

/// The names of columns, as far as there is room.
pub fn nodes(matrix: &Matrix, columns: &[u32]) -> Vec<String> {
    let columns = columns.iter().take(limits::FINDING_NAMES);
    columns
        .map(|&column| bounded(matrix.node(column).name()))
        .collect()
}

/// The WWIDs of rows in their order, as far as there is room.
pub fn luns(matrix: &Matrix, rows: &[u32]) -> Vec<String> {
    let mut wwids: Vec<&str> = rows.iter().map(|&row| matrix.wwid(row)).collect();
    let most = limits::FINDING_NAMES;
    if wwids.len() > most {
        wwids.select_nth_unstable(most - 1);
        wwids.truncate(most);
    }
    wwids.sort_unstable();
    wwids.into_iter().map(bounded).collect()
}

/// A LUN: `LUN 3600…`, or with its alias `LUN tank (3600…)`.
pub fn lun(matrix: &Matrix, row: u32) -> String {
    format!("LUN {}", lun_name(matrix, row))
}

/// The same without saying that it is one.
pub fn lun_name(matrix: &Matrix, row: u32) -> String {
    let wwid = matrix.wwid(row);
    match matrix.config().aliases.get(wwid).and_then(alias) {
        Some(alias) => format!("{} ({})", shown(&alias), shown(wwid)),
        None => shown(wwid),
    }
}

/// The alias that a configured value is.
pub fn alias(value: &Json) -> Option<Cow<'_, str>> {
    match value {
        Json::String(alias) if !alias.is_empty() => Some(alias.into()),
        Json::Number(number) => Some(number.to_string().into()),
        _ => None,
    }
}

/// The name of a column's node.
pub fn node(matrix: &Matrix, column: u32) -> String {
    shown(matrix.node(column).name())
}

/// The names of columns as a list.
pub fn node_list(matrix: &Matrix, columns: &[u32]) -> String {
    list(columns.iter().map(|&column| node(matrix, column)))
}

/// Items as `a, b and c`, and how many more there are.
pub fn list(items: impl ExactSizeIterator<Item = String>) -> String {
    let count = items.len();
    let told = match count <= LISTED {
        true => count,
        false => LISTED - 1,
    };
    let mut told: Vec<String> = items.take(told).collect();
    let last = match count > told.len() {
        true => Some(format!("{} more", thousands((count - told.len()) as u64))),
        false => told.pop(),
    };
    match (told.is_empty(), last) {
        (_, None) => String::new(),
        (true, Some(last)) => last,
        (false, Some(last)) => format!("{} and {last}", told.join(", ")),
    }
}

/// A number of things: `1 path`, `12 paths`.
pub fn count(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{} {what}s", thousands(number)),
    }
}

/// Bytes, exactly, in the largest unit in which they are a whole number.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let (mut number, mut unit) = (bytes, "bytes");
    for larger in UNITS {
        if number == 0 || number % 1024 != 0 {
            break;
        }
        (number, unit) = (number / 1024, larger);
    }
    format!("{} {unit}", thousands(number))
}

/// A time in the unit in which it is easily read.
pub fn duration(seconds: f64) -> String {
    let seconds = seconds as u64;
    match seconds {
        0..120 => count(seconds, "second"),
        120..7200 => count(seconds / 60, "minute"),
        7200..172_800 => count(seconds / 3600, "hour"),
        _ => count(seconds / 86_400, "day"),
    }
}

/// That a node could not apply the configuration, and what it has said of that. Times that are none are
/// not shown.
pub fn not_applied(node: &str, error: &Json, time: f64) -> String {
    let error = match error {
        Json::String(text) => remark(text),
        // Writing to memory cannot fail.
        other => remark(&serde_json::to_string(other).unwrap_or_default()),
    };
    let node = shown(node);
    let error = error.trim_end_matches(['.', ' ']);
    match time {
        1.0..=4_102_444_800.0 => format!(
            "Node {node} could not apply the configuration ({}): {error}.",
            moment(time as u64)
        ),
        _ => format!("Node {node} could not apply the configuration: {error}."),
    }
}

/// A moment as UTC, in seconds since 1970: `2026-07-01 12:00:00 UTC`.
fn moment(seconds: u64) -> String {
    let (mut days, second) = (seconds / 86_400, seconds % 86_400);
    let is_leap = |year: u64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let mut year = 1970;
    let mut length = |days: &mut u64| {
        let length = if is_leap(year) { 366 } else { 365 };
        let fits = *days >= length;
        if fits {
            *days -= length;
            year += 1;
        }
        fits
    };
    while length(&mut days) {}
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        (days, month) = (days - length, month + 1);
    }
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!(
        "{year}-{month:02}-{:02} {hour:02}:{minute:02}:{:02} UTC",
        days + 1,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_utc() {
        assert_eq!(moment(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(moment(951_782_399), "2000-02-28 23:59:59 UTC");
        assert_eq!(moment(951_868_800), "2000-03-01 00:00:00 UTC");
        assert_eq!(moment(1_735_689_599), "2024-12-31 23:59:59 UTC");
        assert_eq!(moment(4_102_444_800), "2100-01-01 00:00:00 UTC");
    }

    #[test]
    fn lists_are_short() {
        let names = |count: u32| list((0..count).map(|n| format!("n{}", n + 1)));
        assert_eq!(names(1), "n1");
        assert_eq!(names(2), "n1 and n2");
        assert_eq!(names(6), "n1, n2, n3, n4, n5 and n6");
        assert_eq!(names(1005), "n1, n2, n3, n4, n5 and 1,000 more");
    }

    #[test]
    fn sizes_are_exact() {
        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(1 << 40), "1 TiB");
        assert_eq!(size(3 << 39), "1,536 GiB");
        assert_eq!(size((1 << 40) + 1), "1,099,511,627,777 bytes");
        assert_eq!(size(1 << 63), "8 EiB");
    }

    #[test]
    fn names_are_safe_and_short() {
        assert_eq!(shown("a\u{1b}b"), "a\\u{1b}b");
        assert_eq!(shown(&"x".repeat(99)).len(), SHOWN + 3);
        assert_eq!(bounded(&"é".repeat(200)).len(), limits::FINDING_NAME);
    }
}
