//! Numbers of the problem, and what becomes of them: everything is counted in whole units, so that sums are
//! exact and equal inputs give equal answers. Cores are counted in millionths, all else in its own unit.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, Unexpected, Visitor};

use crate::error::{Error, Result};
use crate::limits;
use crate::text::printable;

/// Parts of a core, and of a factor, that are told apart.
pub const MILLION: u64 = 1_000_000;

/// A number that is not negative. From Perl it can come as text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Exact.
    Whole(u64),
    /// Finite and at least 0.
    Real(f64),
}

impl Number {
    /// In whole units, the number being in `unit`s of them; what is needed is rounded up, what is there down.
    /// Millionths are rounded to the nearest: 0.7 cores are 700,000 of them, whatever the double says.
    pub fn scaled(self, unit: u64, round: Round, what: &dyn Fn() -> String) -> Result<u64> {
        let found = match self {
            Number::Whole(n) => n.checked_mul(unit),
            Number::Real(x) => {
                let units = x * unit as f64;
                let whole = match round {
                    _ if unit > 1 => units.round(),
                    Round::Up => units.ceil(),
                    Round::Down => units.floor(),
                };
                // What does not fit is at the end of the range after the cast, and refused below.
                Some(whole as u64)
            }
        };
        found
            .filter(|&n| n <= limits::PLACEMENT_AMOUNT)
            .ok_or_else(|| Error::limit(format!("{} is too large", what())))
    }

    /// A factor in millionths: at most 1,000.
    pub fn factor(self, what: &dyn Fn() -> String) -> Result<u64> {
        let factor = self.scaled(MILLION, Round::Down, what)?;
        match factor <= 1000 * MILLION {
            true => Ok(factor),
            false => Err(Error::argument(format!("{} is over 1,000", what()))),
        }
    }

    /// A whole number.
    pub fn whole(self, what: &dyn Fn() -> String) -> Result<u64> {
        match self {
            Number::Whole(n) => Ok(n),
            Number::Real(x) if x.fract() == 0.0 && x < 9e15 => Ok(x as u64),
            Number::Real(_) => Err(Error::argument(format!("{} is not a whole number", what()))),
        }
    }

    /// As a double.
    pub fn real(self) -> f64 {
        match self {
            Number::Whole(n) => n as f64,
            Number::Real(x) => x,
        }
    }
}

/// To which side an amount is rounded.
#[derive(Clone, Copy)]
pub enum Round {
    /// What is needed.
    Up,
    /// What is there.
    Down,
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        from.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a number that is not negative")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> std::result::Result<Number, E> {
        Ok(Number::Whole(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> std::result::Result<Number, E> {
        match u64::try_from(value) {
            Ok(value) => Ok(Number::Whole(value)),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(value), &self)),
        }
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> std::result::Result<Number, E> {
        match value.is_finite() && value >= 0.0 {
            true => Ok(Number::Real(value)),
            false => Err(E::invalid_value(Unexpected::Float(value), &self)),
        }
    }

    fn visit_str<E: de::Error>(self, value: &str) -> std::result::Result<Number, E> {
        // Rust reads more than Perl writes: inf, nan, infinity.
        let plain = value
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
        if let Ok(whole) = value.parse() {
            return Ok(Number::Whole(whole));
        }
        match value.parse() {
            Ok(real) if plain => self.visit_f64(real),
            _ => {
                let shown = printable(value.as_bytes());
                Err(E::invalid_value(Unexpected::Str(&shown), &self))
            }
        }
    }
}

/// What is left of `amount` after it was multiplied by factors in millionths, rounded down once. Never more
/// than a sum can be.
pub fn multiplied(amount: u64, factors: [u64; 3]) -> u64 {
    let parts = factors.iter().fold(u128::from(amount), |product, &f| {
        product.saturating_mul(u128::from(f))
    });
    let whole = parts / u128::from(MILLION).pow(3);
    u64::try_from(whole).map_or(limits::PLACEMENT_SUM, |n| n.min(limits::PLACEMENT_SUM))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> std::result::Result<Number, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn numbers_come_as_numbers_or_as_text_and_never_from_below_zero() {
        assert_eq!(
            read("9007199254740993").unwrap(),
            Number::Whole((1 << 53) + 1)
        );
        assert_eq!(read("\"5\"").unwrap(), Number::Whole(5));
        assert_eq!(read("5e9").unwrap(), Number::Real(5e9));
        assert_eq!(read("\"0.5\"").unwrap(), Number::Real(0.5));
        for junk in [
            "-1", "-0.5", "\"-1\"", "\"10G\"", "\"\"", "\"nan\"", "\"inf\"", "\" 5\"", "null",
            "true", "[]",
        ] {
            assert!(read(junk).is_err(), "{junk}");
        }
    }

    #[test]
    fn needs_are_rounded_up_rooms_down_and_cores_to_a_millionth() {
        let what = || "x".to_owned();
        let scaled = |n, unit, round| Number::scaled(n, unit, round, &what).unwrap();
        assert_eq!(scaled(Number::Real(1.5), 1, Round::Up), 2);
        assert_eq!(scaled(Number::Real(1.5), 1, Round::Down), 1);
        assert_eq!(scaled(Number::Real(0.7), MILLION, Round::Up), 700_000);
        assert_eq!(scaled(Number::Real(1.1), MILLION, Round::Up), 1_100_000);
        assert_eq!(
            scaled(Number::Whole(16), MILLION, Round::Down),
            16 * MILLION
        );
        assert!(
            Number::Whole(u64::MAX)
                .scaled(MILLION, Round::Up, &what)
                .is_err()
        );
        assert!(Number::Real(1e300).scaled(1, Round::Up, &what).is_err());
        assert!(
            Number::Whole((1 << 53) + 1)
                .scaled(1, Round::Up, &what)
                .is_err()
        );
    }

    #[test]
    fn factors_are_multiplied_before_anything_is_rounded() {
        assert_eq!(multiplied(10, [333_333, 3 * MILLION, MILLION]), 9);
        assert_eq!(
            multiplied(64 << 30, [MILLION, MILLION, 950_000]),
            (64 << 30) * 95 / 100
        );
        assert_eq!(
            multiplied(1 << 53, [1000 * MILLION; 3]),
            limits::PLACEMENT_SUM
        );
    }
}
