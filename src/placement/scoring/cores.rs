//! Sums of cores that are exact: whatever was added can be taken away again without a trace, and
//! the order of additions does not show.

use std::ops::{AddAssign, SubAssign};

/// The most cores that one guest or node can have here; far above any machine, and far below what
/// a sum of as many guests as memory holds could overflow.
pub(super) const MOST_CORES: f64 = (1u64 << 32) as f64;

/// One core, in the units of [`Cores`].
const ONE: f64 = (1u128 << 64) as f64;

/// A number of cores in units of 2^-64 core. A double below 2^32 is held exactly down to that unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cores(i128);

impl Cores {
    /// From a finite number from 0 to [`MOST_CORES`].
    pub(super) fn new(cores: f64) -> Self {
        Cores((cores * ONE) as i128)
    }

    /// The nearest double.
    pub(super) fn get(self) -> f64 {
        self.0 as f64 / ONE
    }
}

impl AddAssign for Cores {
    fn add_assign(&mut self, other: Cores) {
        self.0 = self.0.saturating_add(other.0);
    }
}

impl SubAssign for Cores {
    fn sub_assign(&mut self, other: Cores) {
        self.0 = self.0.saturating_sub(other.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_do_not_depend_on_order_and_leave_no_trace() {
        let (mut ascending, mut descending) = (Cores::new(1e9), Cores::new(1e9));
        let shares: Vec<f64> = (1..1000).map(|i| f64::from(i) / 7.0).collect();
        shares.iter().for_each(|s| ascending += Cores::new(*s));
        shares
            .iter()
            .rev()
            .for_each(|s| descending += Cores::new(*s));
        assert_eq!(ascending, descending);
        shares.iter().for_each(|s| ascending -= Cores::new(*s));
        assert_eq!(ascending.get(), 1e9);
        for exact in [0.0, 0.1, 1.0 / 3.0, 16.0, MOST_CORES] {
            assert_eq!(Cores::new(exact).get(), exact);
        }
    }
}
