//! What the faces hand in as text: numbers as Perl prints them, words, and candidates as JSON.

use super::imbalance::ImbalanceScale;
use super::migration::Candidate;
use crate::error::{Error, Result};
use crate::text::printable;

/// A number of cores called `name`, from text such as `4` or `0.25`. Whether it can be one is asked
/// when it is used.
///
/// # Errors
///
/// [`Code::Argument`](crate::Code::Argument) if it is no number.
pub fn cores_from_text(name: &str, text: &[u8]) -> Result<f64> {
    let number = std::str::from_utf8(text).ok();
    let number = number.and_then(|text| text.parse().ok());
    number.ok_or_else(|| not_a("number of cores", name, text))
}

/// A whole number of bytes, cores or answers called `name`, from text such as `4` or `68719476736`.
///
/// # Errors
///
/// [`Code::Argument`](crate::Code::Argument) if it is no such number.
pub fn whole_from_text(name: &str, text: &[u8]) -> Result<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(text).ok().filter(|_| digits);
    let number = number.and_then(|text| text.parse().ok());
    number.ok_or_else(|| not_a("whole number", name, text))
}

/// What 1 means as an imbalance: `mean` or `unit`.
///
/// # Errors
///
/// [`Code::Argument`](crate::Code::Argument) if it is neither.
pub fn scale_from_text(text: &[u8]) -> Result<ImbalanceScale> {
    match text {
        b"mean" => Ok(ImbalanceScale::Mean),
        b"unit" => Ok(ImbalanceScale::Unit),
        _ => Err(not_a("scale", "imbalance-scale", text)),
    }
}

/// Candidates: a JSON array of `{ "leader", "resources", "nodes" }`.
///
/// # Errors
///
/// [`Code::Argument`](crate::Code::Argument) if it is anything else.
pub fn candidates_from_json(text: &[u8]) -> Result<Vec<Candidate>> {
    serde_json::from_slice(text).map_err(|error| {
        let why = error.to_string();
        Error::argument(format!("candidates: {}", printable(why.as_bytes())))
    })
}

fn not_a(kind: &str, name: &str, text: &[u8]) -> Error {
    Error::argument(format!("{name} '{}' is not a {kind}", printable(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_texts() {
        assert_eq!(cores_from_text("maxcpu", b"0.25").unwrap(), 0.25);
        assert_eq!(
            whole_from_text("maxmem", b"18446744073709551615").unwrap(),
            u64::MAX
        );
        for junk in [&b""[..], b"abc", b"10G", b" 1", b"1 ", b"\xff"] {
            assert!(cores_from_text("maxcpu", junk).is_err());
            assert!(whole_from_text("maxmem", junk).is_err());
        }
        for fraction in [&b"1.5"[..], b"-1", b"1e3", b"18446744073709551616"] {
            assert!(whole_from_text("maxmem", fraction).is_err());
        }
    }

    #[test]
    fn candidates_name_their_guests_resources() {
        let text = br#"[{"leader":"vm:1","resources":["vm:1","vm:2"],"nodes":["n2"]}]"#;
        let candidates = candidates_from_json(text).unwrap();
        assert_eq!(candidates[0].guests, ["vm:1", "vm:2"]);
        for junk in [&b"{}"[..], b"[1]", b"[{}]", b"[", b"\xff", b"[[[[["] {
            assert!(candidates_from_json(junk).is_err());
        }
    }
}
