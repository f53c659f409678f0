//! When broadcasts grow stale: the columns in the order of the times at which they have to be looked at
//! again, each once.

use std::collections::{BTreeMap, BTreeSet};

/// A time from which a column must be looked at, and the time at which something will have changed then.
#[derive(Clone, Copy)]
struct Due {
    look: f64,
    change: f64,
}

/// What is due, and when.
#[derive(Default)]
pub(super) struct Deadlines {
    /// The bits of a time that is not negative are in the order of time.
    order: BTreeSet<(u64, u32)>,
    columns: BTreeMap<u32, Due>,
}

impl Deadlines {
    /// A column is due at that time, give or take some slack, and at no other; or not at all.
    pub fn set(&mut self, column: u32, until: Option<(f64, f64)>) {
        if let Some(old) = self.columns.remove(&column) {
            self.order.remove(&(old.look.to_bits(), column));
        }
        let Some((until, slack)) = until else {
            return;
        };
        let due = Due {
            look: (until - slack).max(0.0),
            change: (until + slack).max(0.0),
        };
        self.order.insert((due.look.to_bits(), column));
        self.columns.insert(column, due);
    }

    /// A column that must be looked at by then. It is not due any more.
    pub fn pop(&mut self, now: f64) -> Option<u32> {
        let &(look, column) = self.order.first()?;
        if f64::from_bits(look) > now {
            return None;
        }
        self.order.pop_first();
        self.columns.remove(&column);
        Some(column)
    }

    /// The first time at which something changes.
    pub fn next(&self) -> Option<f64> {
        let (_, column) = self.order.first()?;
        self.columns.get(column).map(|due| due.change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_in_the_order_of_their_times() {
        let mut deadlines = Deadlines::default();
        for (column, until) in [(1, 30.0), (2, 10.0), (3, 20.0), (2, 40.0), (3, 20.5)] {
            deadlines.set(column, Some((until, 0.25)));
        }
        assert_eq!(deadlines.next(), Some(20.75));
        assert_eq!(deadlines.pop(20.0), None);
        assert_eq!(deadlines.pop(20.25), Some(3));
        deadlines.set(1, None);
        assert_eq!(deadlines.next(), Some(40.25));
        assert_eq!(deadlines.pop(50.0), Some(2));
        assert_eq!((deadlines.pop(f64::MAX), deadlines.next()), (None, None));
    }

    #[test]
    fn times_before_the_first_are_the_first() {
        let mut deadlines = Deadlines::default();
        deadlines.set(7, Some((-3.0, 1.0)));
        assert_eq!(deadlines.next(), Some(0.0));
        assert_eq!(deadlines.pop(0.0), Some(7));
    }
}
