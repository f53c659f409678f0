//! Numbers, as Perl keeps and writes them: integers of 64 bits, else floating point with 15 digits.

use std::fmt;

/// A number. No two ways of writing the same number differ, save an integer and a float of its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// An integer from 1 - 2⁶³ to 2⁶⁴ - 1.
    Int(i128),
    /// All else; not finite if it was too large, as `1e400` is.
    Float(f64),
}

impl Number {
    /// The number of a text that is one for JSON, as `JSON::XS` has it.
    pub(super) fn of_text(text: &str) -> Self {
        Self::integer(text).unwrap_or_else(|| Number::Float(float(text)))
    }

    /// The same as C has it: the nearest.
    fn nearest(text: &str) -> Self {
        Self::integer(text).unwrap_or_else(|| Number::Float(text.parse().unwrap_or(f64::NAN)))
    }

    /// The integer of a text that is one, if it fits.
    pub(super) fn integer(text: &str) -> Option<Self> {
        let value = text.parse::<i128>().ok()?;
        fits(value).then_some(Number::Int(value))
    }

    /// Its value; integers above 2⁵³ are rounded.
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Int(value) => value as f64,
            Number::Float(value) => value,
        }
    }

    /// The integer that it is, if it is one, however it is written.
    pub fn as_integer(self) -> Option<i128> {
        match self {
            Number::Int(value) => Some(value),
            Number::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => {
                Some(value as i128)
            }
            Number::Float(_) => None,
        }
    }
}

/// A float as `JSON::XS` reads it: in groups of digits that fit into 64 bits, each times its power of ten,
/// and these added up from the last to the first. What comes of it can differ from the nearest float in
/// the last digits, and where powers of ten end, in all of them.
fn float(text: &str) -> f64 {
    /// From here on the next digit might not fit.
    const FULL: u64 = u64::MAX / 10 - 1;
    /// Groups that are looked at.
    const GROUPS: usize = 10;
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, ""));
    let (whole, places) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let negative = exponent.starts_with('-');
    let exponent = exponent.trim_start_matches(['+', '-']).bytes();
    let exponent = exponent.fold(0_i32, |sum, digit| {
        sum.wrapping_mul(10).wrapping_add(i32::from(digit - b'0'))
    });
    let exponent = if negative {
        exponent.wrapping_neg()
    } else {
        exponent
    };
    let mut left = GROUPS;
    let mut groups = |digits: &str| {
        let mut groups: Vec<(u64, i32)> = Vec::new();
        let mut group = (0_u64, 0_i32);
        for digit in digits.bytes() {
            group = (group.0 * 10 + u64::from(digit - b'0'), group.1 + 1);
            if group.0 >= FULL {
                groups.push(std::mem::take(&mut group));
            }
        }
        groups.push(group);
        groups.truncate(left);
        left -= groups.len();
        groups
    };
    let whole = groups(whole);
    let places = match mantissa.contains('.') {
        true => groups(places),
        false => Vec::new(),
    };
    let power = |value: u64, exponent: i32| match exponent {
        ..=-324 => value as f64 * 0.0,
        309.. => value as f64 * f64::INFINITY,
        _ => value as f64 * 10_f64.powf(f64::from(exponent)),
    };
    let mut sum = 0.0;
    let behind: i32 = places.iter().map(|group| group.1).sum();
    let mut before = behind;
    for (value, digits) in places.into_iter().rev() {
        sum += power(value, exponent.wrapping_sub(before));
        before -= digits;
    }
    let mut later = 0;
    for (value, digits) in whole.into_iter().rev() {
        sum += power(value, exponent.wrapping_add(later));
        later += digits;
    }
    sign * sum
}

fn fits(value: i128) -> bool {
    (-i128::from(i64::MAX)..=i128::from(u64::MAX)).contains(&value)
}

impl fmt::Display for Number {
    /// As Perl writes it: `%.15g`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = match self {
            Number::Int(value) => return write!(f, "{value}"),
            Number::Float(value) => *value,
        };
        if value == 0.0 || !value.is_finite() {
            // Perl has words for what is not finite, JSON has none.
            return f.write_str(match value == 0.0 {
                true if value.is_sign_negative() => "-0",
                true => "0",
                false => "null",
            });
        }
        let scientific = format!("{value:.14e}");
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        if (-4..15).contains(&exponent) {
            let places = usize::try_from(14 - exponent).unwrap_or(0);
            return f.write_str(without_zeros(&format!("{value:.places$}")));
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        write!(f, "{}e{sign}{:02}", without_zeros(digits), exponent.abs())
    }
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

/// The number that Perl takes a string for: what it begins with, 0 if that is none.
pub fn leading_number(text: &str) -> Number {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (sign, rest) = match text.as_bytes().first() {
        Some(b'-') => (-1.0, &text[1..]),
        Some(b'+') => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let begins = |word: &str| {
        let start = rest.get(..word.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    if begins("inf") {
        return Number::Float(sign * f64::INFINITY);
    }
    if begins("nan") {
        return Number::Float(f64::NAN);
    }
    // As some systems write what is not finite.
    let word = rest
        .strip_prefix('1')
        .map(|rest| rest.strip_prefix('.').unwrap_or(rest));
    let word = word
        .and_then(|rest| rest.strip_prefix('#'))
        .unwrap_or_default();
    let is_word = |known: &str| {
        let start = word.get(..known.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(known))
    };
    if is_word("inf") {
        return Number::Float(sign * f64::INFINITY);
    }
    if is_word("qnan") || is_word("ind") || is_word("nan") {
        return Number::Float(f64::NAN);
    }
    let digits = |from: usize| {
        let rest = rest.as_bytes().get(from..).unwrap_or_default();
        rest.iter().take_while(|b| b.is_ascii_digit()).count()
    };
    let whole = digits(0);
    let mut end = whole;
    if rest.as_bytes().get(end) == Some(&b'.') {
        let places = digits(end + 1);
        if whole + places == 0 {
            return Number::Int(0);
        }
        end += 1 + places;
    }
    if end == 0 {
        return Number::Int(0);
    }
    if let Some(b'e' | b'E') = rest.as_bytes().get(end) {
        let signed = usize::from(matches!(rest.as_bytes().get(end + 1), Some(b'+' | b'-')));
        let power = digits(end + 1 + signed);
        if power > 0 {
            end += 1 + signed + power;
        }
    }
    let number = rest[..end].strip_suffix('.').unwrap_or(&rest[..end]);
    match (Number::nearest(number), sign < 0.0) {
        (Number::Int(value), true) if fits(-value) => Number::Int(-value),
        (number, true) => Number::Float(-number.as_f64()),
        (number, false) => number,
    }
}
