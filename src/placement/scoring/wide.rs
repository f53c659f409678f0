//! Numbers of twice a double's precision, as unevaluated sums of two doubles (Dekker 1971, Knuth
//! TAOCP 4.2.2): taking a share out of a large sum of squares then leaves the small rest intact.

use std::ops::{Add, Mul, Sub};

/// `high + low`, where `low` is what `high` could not hold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wide {
    high: f64,
    low: f64,
}

/// 2^27 + 1: splits a double into two halves whose products are exact.
const SPLIT: f64 = 134_217_729.0;

fn two_sum(a: f64, b: f64) -> Wide {
    let high = a + b;
    let part = high - a;
    let low = (a - (high - part)) + (b - part);
    Wide { high, low }
}

fn quick_two_sum(a: f64, b: f64) -> Wide {
    let high = a + b;
    let low = b - (high - a);
    Wide { high, low }
}

fn halves(a: f64) -> (f64, f64) {
    let scaled = SPLIT * a;
    let upper = scaled - (scaled - a);
    (upper, a - upper)
}

fn two_product(a: f64, b: f64) -> Wide {
    let high = a * b;
    let ((a1, a2), (b1, b2)) = (halves(a), halves(b));
    let low = ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2;
    Wide { high, low }
}

impl Wide {
    /// `a - b`, exactly.
    pub(super) fn difference(a: f64, b: f64) -> Self {
        two_sum(a, -b)
    }

    /// This number times itself.
    pub(super) fn squared(self) -> Self {
        self * self
    }

    /// The quotient by a number that is not 0.
    pub(super) fn over(self, divisor: f64) -> Self {
        let first = self.high / divisor;
        let rest = self - two_product(first, divisor);
        quick_two_sum(first, rest.get() / divisor)
    }

    /// The nearest double.
    pub(super) fn get(self) -> f64 {
        self.high + self.low
    }
}

impl Add for Wide {
    type Output = Wide;

    fn add(self, other: Wide) -> Wide {
        let (high, low) = (two_sum(self.high, other.high), two_sum(self.low, other.low));
        let sum = quick_two_sum(high.high, high.low + low.high);
        quick_two_sum(sum.high, sum.low + low.low)
    }
}

impl Sub for Wide {
    type Output = Wide;

    fn sub(self, other: Wide) -> Wide {
        self + Wide {
            high: -other.high,
            low: -other.low,
        }
    }
}

impl Mul for Wide {
    type Output = Wide;

    fn mul(self, other: Wide) -> Wide {
        let product = two_product(self.high, other.high);
        let cross = self.high * other.low + self.low * other.high;
        quick_two_sum(product.high, product.low + cross)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_rest_survives_a_large_share() {
        let (large, small) = (Wide::difference(1e6, 0.1), Wide::difference(1e-3, 0.0));
        let rest = large.squared() + small.squared() - large.squared();
        assert!((rest.get() - 1e-6).abs() < 1e-18);
        let third = Wide::difference(1.0, 0.0).over(3.0);
        let back = third + third + third - Wide::difference(1.0, 0.0);
        assert!(back.get().abs() < 1e-31);
    }
}
