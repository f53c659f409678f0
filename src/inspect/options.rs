//! Options as callers write them: numbers may come as text, junk is refused.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::image::option_text;
use crate::limits::{self, Limits};
use crate::text::printable;

/// The longest time-out that makes a difference: about thirty years.
const LONGEST: f64 = 1e9;

/// Sets the limit called `name`; a number as text. Zero is its default.
pub fn limit_from_text(limits: &mut Limits, name: &[u8], value: &[u8]) -> Result<()> {
    let name = printable(name);
    limits.set(&name, count_from_text(&name, value)? as u64)
}

/// Sets the limit in a text such as `max-snapshots=10`.
pub fn limit_from_pair(limits: &mut Limits, pair: &[u8]) -> Result<()> {
    let Some(at) = pair.iter().position(|&b| b == b'=') else {
        let pair = printable(pair);
        return Err(Error::argument(format!("limit '{pair}' is not NAME=VALUE")));
    };
    limit_from_text(limits, &pair[..at], &pair[at + 1..])
}

/// Seconds, fractions allowed; 0 means no bound.
pub fn timeout_from_seconds(seconds: f64) -> Result<Option<Duration>> {
    if !seconds.is_finite() || seconds < 0.0 {
        return Err(Error::argument(format!(
            "timeout {seconds} is not a number of seconds"
        )));
    }
    // Less than a nanosecond is still a time-out, and not the absence of one.
    let duration = Duration::from_secs_f64(seconds.min(LONGEST));
    Ok((seconds > 0.0).then(|| duration.max(Duration::from_nanos(1))))
}

/// The same, from text such as `5` or `0.25`.
pub fn timeout_from_text(text: &[u8]) -> Result<Option<Duration>> {
    let numeric = text
        .iter()
        .all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    let seconds = std::str::from_utf8(text)
        .ok()
        .filter(|_| numeric)
        .and_then(|t| t.parse().ok());
    match seconds {
        Some(seconds) => timeout_from_seconds(seconds),
        None => Err(not_a_number("timeout", text)),
    }
}

/// A whole number, called `name` in the error.
pub fn count_from_text(name: &str, text: &[u8]) -> Result<usize> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(text).ok().filter(|_| digits);
    let number = number.and_then(|text| text.parse().ok());
    number.ok_or_else(|| not_a_number(name, text))
}

/// A switch, called `name` in the error: `1` is on; `0` and the empty text are off.
pub fn flag_from_text(name: &str, text: &[u8]) -> Result<bool> {
    match text {
        b"" | b"0" => Ok(false),
        b"1" => Ok(true),
        _ => {
            let text = printable(text);
            Err(Error::argument(format!(
                "{name} '{text}' is neither 0 nor 1"
            )))
        }
    }
}

/// How many extents are wanted at a time: 1 to [`limits::EXTENTS`].
pub fn extents_from_text(name: &str, text: &[u8]) -> Result<usize> {
    match at_most(name, count_from_text(name, text)?, limits::EXTENTS)? {
        0 => Err(Error::argument(format!("{name} is 0"))),
        number => Ok(number),
    }
}

/// Bytes as QEMU takes them on a command line: `10737418240`, `10G`, `1.5T`.
pub fn bytes_from_text(name: &str, text: &[u8]) -> Result<u64> {
    option_text::size(text).ok_or_else(|| {
        let text = printable(text);
        Error::argument(format!("{name} '{text}' is not a size such as 10G"))
    })
}

/// A number that must not be above `most`.
pub(crate) fn at_most(name: &str, number: usize, most: usize) -> Result<usize> {
    if number > most {
        return Err(Error::argument(format!("{name} {number} is above {most}")));
    }
    Ok(number)
}

fn not_a_number(name: &str, text: &[u8]) -> Error {
    Error::argument(format!("{name} '{}' is not a number", printable(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_be_text() {
        let half = Some(Duration::from_millis(500));
        assert_eq!(timeout_from_text(b"0.5").unwrap(), half);
        assert_eq!(timeout_from_text(b"5e-1").unwrap(), half);
        assert_eq!(timeout_from_text(b"0").unwrap(), None);
        assert_eq!(count_from_text("max-depth", b"200").unwrap(), 200);
    }

    #[test]
    fn sizes_may_have_a_suffix() {
        assert_eq!(bytes_from_text("size", b"10G").unwrap(), 10 << 30);
        assert_eq!(bytes_from_text("size", b"512").unwrap(), 512);
        for junk in [&b""[..], b"10X", b"-1", b"G"] {
            assert!(bytes_from_text("size", junk).is_err());
        }
    }

    #[test]
    fn limits_are_called_by_their_names() {
        let mut limits = Limits::default();
        limit_from_pair(&mut limits, b"max-snapshots=10").unwrap();
        limit_from_text(&mut limits, b"max-steps", b"5").unwrap();
        assert_eq!((limits.snapshots, limits.steps), (10, 5));
        for (pair, why) in [
            (&b"max-snapshots"[..], "not NAME=VALUE"),
            (b"max-snapshots=", "not a number"),
            (b"max-snapshots=x", "not a number"),
            (b"max-snapshots=65537", "above 65536"),
            (b"max_snapshots=1", "unknown limit"),
            (b"\x1b=1", "unknown limit"),
            (b"=1", "unknown limit"),
        ] {
            let error = limit_from_pair(&mut limits, pair).unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        }
        assert_eq!((limits.snapshots, limits.steps), (10, 5));
    }

    #[test]
    fn junk_is_refused() {
        for junk in [
            &b"abc"[..],
            b"10G",
            b"",
            b"inf",
            b"nan",
            b"-1",
            b" 5",
            b"0x10",
            b"\xff",
        ] {
            assert!(timeout_from_text(junk).is_err(), "{junk:?}");
            assert!(count_from_text("n", junk).is_err(), "{junk:?}");
        }
        assert!(count_from_text("n", b"3.7").is_err());
        assert!(at_most("n", 11, 10).is_err());
        assert_eq!(extents_from_text("n", b"1048576").unwrap(), 1 << 20);
        assert!(extents_from_text("n", b"1048577").is_err());
        assert!(extents_from_text("n", b"0").is_err());
        assert!(count_from_text("n", b"99999999999999999999999").is_err());
    }
}
