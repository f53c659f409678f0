//! Numbers. What a value counts as follows Perl's own flags, which say whether it was made or used
//! as a number without loss; only where there is none is the text read, and then strictly.

use serde::de::{Error as _, Expected, Unexpected};

use super::text;
use crate::error::Error;
use crate::ffi::{HAS_FLOAT, HAS_INTEGER, HAS_TEXT, IS_UNSIGNED, View};
use crate::interpreter::Interpreter;

/// A number without loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
}

fn stored_integer(view: &View) -> Option<Number> {
    if view.flags & HAS_INTEGER == 0 {
        None
    } else if view.flags & IS_UNSIGNED != 0 {
        Some(Number::Unsigned(view.integer as u64))
    } else {
        Some(Number::Signed(view.integer))
    }
}

fn stored(view: &View) -> Option<Number> {
    stored_integer(view)
        .or_else(|| (view.flags & HAS_FLOAT != 0).then_some(Number::Float(view.number)))
}

/// The number, if this is one in the first place and not a string.
pub(crate) fn as_number(view: &View) -> Option<Number> {
    if view.flags & HAS_TEXT != 0 {
        None
    } else {
        stored(view)
    }
}

/// The integer that a float is. 2⁶⁴ and −2⁶³ are exact as floats, so the comparisons are, too.
fn exact(v: f64) -> Option<Number> {
    if v.fract() != 0.0 {
        None
    } else if (0.0..18_446_744_073_709_551_616.0).contains(&v) {
        Some(Number::Unsigned(v as u64))
    } else if (-9_223_372_036_854_775_808.0..0.0).contains(&v) {
        Some(Number::Signed(v as i64))
    } else {
        None
    }
}

/// Digits with an optional sign; no spaces, no other base.
fn parse_integer(text: &[u8]) -> Option<Number> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if text.starts_with('-') {
        text.parse().ok().map(Number::Signed)
    } else {
        digits.parse().ok().map(Number::Unsigned)
    }
}

/// A decimal number with optional fraction and exponent; no infinities.
fn parse_float(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let decimal = |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E');
    if !text.bytes().all(decimal) {
        return None;
    }
    text.parse().ok().filter(|v: &f64| v.is_finite())
}

/// Integers beyond this lie apart as floats, so a text with a point or an exponent is not exact.
const EXACT_FLOAT: f64 = 9_007_199_254_740_992.0;

fn refuse<T>(thx: Interpreter, view: &View, expected: &dyn Expected) -> Result<T, Error> {
    if view.flags & HAS_TEXT == 0 {
        return Err(Error::invalid_value(
            Unexpected::Float(view.number),
            expected,
        ));
    }
    // SAFETY: the text is used up here.
    let text = unsafe { text::characters(thx, view, true) }.unwrap_or("");
    Err(Error::invalid_value(
        Unexpected::Str(text::excerpt(text)),
        expected,
    ))
}

/// The value as an integer, or as the error says.
pub(super) fn integer(
    thx: Interpreter,
    view: &View,
    expected: &dyn Expected,
) -> Result<Number, Error> {
    let found = match stored(view) {
        Some(Number::Float(v)) => exact(v),
        Some(integer) => Some(integer),
        None => {
            let text = text::stored(view);
            parse_integer(text).or_else(|| {
                parse_float(text)
                    .filter(|v| v.abs() <= EXACT_FLOAT)
                    .and_then(exact)
            })
        }
    };
    match found {
        Some(number) => Ok(number),
        None => refuse(thx, view, expected),
    }
}

/// The value as a float, or as the error says.
pub(super) fn float(thx: Interpreter, view: &View, expected: &dyn Expected) -> Result<f64, Error> {
    let found = match stored(view) {
        Some(Number::Signed(v)) => Some(v as f64),
        Some(Number::Unsigned(v)) => Some(v as f64),
        Some(Number::Float(v)) => Some(v),
        None => parse_float(text::stored(view)),
    };
    match found {
        Some(v) => Ok(v),
        None => refuse(thx, view, expected),
    }
}

/// The value as a boolean: numbers by their being zero, of texts only what Perl itself or a
/// configuration would have for one.
pub(super) fn truth(view: &View) -> Option<bool> {
    match stored(view) {
        Some(Number::Signed(v)) => Some(v != 0),
        Some(Number::Unsigned(v)) => Some(v != 0),
        Some(Number::Float(v)) => Some(v != 0.0),
        None => match text::stored(view) {
            b"" | b"0" => Some(false),
            b"1" => Some(true),
            _ => None,
        },
    }
}

/// The value as an integer by Perl's rules: the leading number of a text, without its fraction.
pub(crate) fn lenient_integer(view: &View) -> i64 {
    match stored_integer(view) {
        Some(Number::Unsigned(v)) => v as i64,
        Some(Number::Signed(v)) => v,
        _ => lenient_float(view) as i64,
    }
}

/// The value as a float by Perl's rules: the leading number of a text.
pub(crate) fn lenient_float(view: &View) -> f64 {
    match stored(view) {
        Some(Number::Signed(v)) => v as f64,
        Some(Number::Unsigned(v)) => v as f64,
        Some(Number::Float(v)) => v,
        None => {
            let text = text::stored(view).trim_ascii_start();
            // No number that means something is longer.
            let longest = text.len().min(64);
            (1..=longest)
                .rev()
                .find_map(|end| parse_float(&text[..end]))
                .unwrap_or(0.0)
        }
    }
}
