//! Options as `qemu-img -o` takes them: `name=value` pairs divided by commas, and how their values
//! are read. The rules are those of QEMU's option parser, so that what it refuses is refused.

/// An option's name, and its value with doubled commas made single.
pub type Pair = (Vec<u8>, Vec<u8>);

/// Takes `text` apart. None if `qemu-img` would not take it for a list: if it is empty, begins with
/// a comma or ends with one that is not doubled, which would run into what it is joined to.
pub fn pairs(text: &[u8]) -> Option<Vec<Pair>> {
    let commas = text.iter().rev().take_while(|&&b| b == b',').count();
    if text.is_empty() || text[0] == b',' || commas % 2 != 0 || text.contains(&0) {
        return None;
    }
    let mut pairs = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let length = rest.iter().position(|b| b"=,".contains(b));
        let (name, after) = rest.split_at(length.unwrap_or(rest.len()));
        if let Some(value_on) = after.strip_prefix(b"=") {
            let (value, after) = value(value_on);
            pairs.push((name.to_vec(), value));
            rest = after;
        } else {
            // A name alone is a switch: on, or off if "no" stands before it.
            let (name, value) = match name.strip_prefix(b"no") {
                Some(name) => (name, &b"off"[..]),
                None => (name, &b"on"[..]),
            };
            pairs.push((name.to_vec(), value.to_vec()));
            rest = after.get(1..).unwrap_or_default();
        }
    }
    Some(pairs)
}

/// The value at the start of a text, and what follows the comma behind it.
fn value(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b',' {
            match after.strip_prefix(b",") {
                Some(after) => rest = after,
                None => break,
            }
        }
        value.push(byte);
    }
    (value, rest)
}

/// A switch.
pub fn switch(value: &[u8]) -> Option<bool> {
    match value {
        b"on" | b"yes" | b"true" | b"y" => Some(true),
        b"off" | b"no" | b"false" | b"n" => Some(false),
        _ => None,
    }
}

/// A number as C reads it: decimal, octal after `0`, hexadecimal after `0x`; a minus sign counts
/// down from 2^64.
pub fn number(value: &[u8]) -> Option<u64> {
    let (negative, digits) = sign(value);
    let (radix, digits) = match digits {
        [b'0', b'x' | b'X', hex @ ..] => (16, hex),
        [b'0', octal @ ..] if !octal.is_empty() => (8, octal),
        decimal => (10, decimal),
    };
    match integer(digits, radix)? {
        (number, []) if negative => Some(number.wrapping_neg()),
        (number, []) => Some(number),
        _ => None,
    }
}

/// Bytes, with a suffix `b`, `k`, `m`, `g`, `t`, `p` or `e` in steps of 1024. What has such a suffix
/// may have a fraction, which is rounded to whole bytes. Hexadecimal numbers have neither.
pub fn size(value: &[u8]) -> Option<u64> {
    let (negative, digits) = sign(value);
    if let [b'0', b'x' | b'X', hex @ ..] = digits {
        return match integer(hex, 16)? {
            (number, []) if !negative => Some(number),
            _ => None,
        };
    }
    let (whole, rest) = match digits.first() {
        Some(b'0'..=b'9') => integer(digits, 10)?,
        Some(b'.') if digits.get(1).is_some_and(u8::is_ascii_digit) => (0, digits),
        _ => return None,
    };
    let (fraction, suffix) = match rest.strip_prefix(b".") {
        Some(rest) => fraction(rest),
        None => (Fraction::Bits(0), rest),
    };
    let shift = match suffix {
        [] => 0,
        [letter] => match letter.to_ascii_uppercase() {
            b'B' => 0,
            b'K' => 10,
            b'M' => 20,
            b'G' => 30,
            b'T' => 40,
            b'P' => 50,
            b'E' => 60,
            _ => return None,
        },
        _ => return None,
    };
    let (whole, bits) = match fraction {
        Fraction::Bits(bits) => (whole, bits),
        Fraction::One => (whole.checked_add(1)?, 0),
    };
    if negative || shift == 0 && bits != 0 {
        return None;
    }
    // 64 bits and 64 behind the point; the product has up to 60 more.
    let part = (u128::from(bits) << shift) + (1 << 63);
    u64::try_from((u128::from(whole) << shift) + (part >> 64)).ok()
}

/// What stands behind the point, in units of 2^-64.
enum Fraction {
    Bits(u64),
    /// So many nines that they are one.
    One,
}

fn fraction(text: &[u8]) -> (Fraction, &[u8]) {
    let length = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(length);
    let digits = std::str::from_utf8(digits).unwrap_or_default();
    let value: f64 = format!("0.{digits}0").parse().unwrap_or_default();
    let bits = (value * 2f64.powi(64)) as u64;
    match value {
        1.0 => (Fraction::One, rest),
        // However little it is, it is something.
        _ if digits.bytes().any(|digit| digit != b'0') => (Fraction::Bits(bits.max(1)), rest),
        _ => (Fraction::Bits(0), rest),
    }
}

/// Skips blanks and a sign; whether it is a minus.
fn sign(text: &[u8]) -> (bool, &[u8]) {
    let blank = |b: &&u8| matches!(**b, b' ' | b'\t'..=b'\r');
    let text = &text[text.iter().take_while(blank).count()..];
    match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    }
}

/// The digits at the start of a text, at least one, and what follows.
fn integer(text: &[u8], radix: u32) -> Option<(u64, &[u8])> {
    let digits = text.iter().map_while(|&b| char::from(b).to_digit(radix));
    let mut count = 0;
    let mut number = 0u64;
    for digit in digits {
        count += 1;
        number = number
            .checked_mul(radix.into())?
            .checked_add(digit.into())?;
    }
    (count > 0).then(|| (number, &text[count..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_taken_apart() {
        let text = |text: &str| {
            let pairs = pairs(text.as_bytes())?;
            let shown = |(name, value): &Pair| {
                String::from_utf8([&name[..], b"=", value].concat()).unwrap()
            };
            Some(pairs.iter().map(shown).collect::<Vec<_>>().join(" "))
        };
        for (list, wanted) in [
            ("a=1,b=2", Some("a=1 b=2")),
            ("a,nob,no", Some("a=on b=off =off")),
            ("a=1,,2,b", Some("a=1,2 b=on")),
            ("a=x=y", Some("a=x=y")),
            ("a=1,,", Some("a=1,")),
            ("a,,", Some("a=on =on")),
            ("a=", Some("a=")),
            ("=a", Some("=a")),
            ("", None),
            (",a", None),
            ("a,", None),
            ("a=,", None),
            ("a=,,,", None),
            ("a=\0", None),
        ] {
            assert_eq!(text(list).as_deref(), wanted, "{list}");
        }
    }

    #[test]
    fn sizes_and_numbers() {
        for (text, wanted) in [
            ("1.5M", Some(3 << 19)),
            (" +.5k", Some(512)),
            ("1.k", Some(1024)),
            ("1.", Some(1)),
            ("1.0", Some(1)),
            ("1.5", None),
            ("1.5b", None),
            ("1e", Some(1 << 60)),
            ("1e3", None),
            (".", None),
            (".k", None),
            ("0x10", Some(16)),
            ("0x10B", Some(0x10b)),
            ("0x10k", None),
            ("-1", None),
            ("-0", None),
            ("1kk", None),
            ("15.99999999999999999999E", None),
            ("0.99999999999999999999k", Some(1024)),
            ("0.0000000000000000000000001k", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("16E", None),
            ("", None),
        ] {
            assert_eq!(size(text.as_bytes()), wanted, "{text}");
        }
        for (text, wanted) in [
            ("16", Some(16)),
            ("0x10", Some(16)),
            ("020", Some(16)),
            ("0", Some(0)),
            ("08", None),
            ("-18446744073709551600", Some(16)),
            (" 16", Some(16)),
            ("16 ", None),
            ("16k", None),
            ("", None),
        ] {
            assert_eq!(number(text.as_bytes()), wanted, "{text}");
        }
    }
}
