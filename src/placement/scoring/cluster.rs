//! The loads of all nodes at one moment, as fractions of their capacity, and the sums over them
//! from which every score is made.

use super::columns::{Column, Columns};
use super::stats::GuestStats;
use super::wide::Wide;

/// One resource's load on one node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    used: f64,
    capacity: f64,
    fraction: f64,
}

impl Load {
    /// Of a capacity above 0.
    fn new(used: f64, capacity: f64) -> Load {
        Load {
            used,
            capacity,
            fraction: used / capacity,
        }
    }

    /// The share in use, above 1 if overcommitted.
    pub(super) fn fraction(self) -> f64 {
        self.fraction
    }

    /// With `amount` more on it.
    pub(super) fn with(self, amount: f64) -> Load {
        Load::new(self.used + amount, self.capacity)
    }

    /// With `amount` less on it, and never below nothing.
    pub(super) fn without(self, amount: f64) -> Load {
        Load::new((self.used - amount).max(0.0), self.capacity)
    }
}

/// A node's load of both resources.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loads {
    pub(super) cpu: Load,
    pub(super) mem: Load,
}

impl Loads {
    pub(super) fn with(self, guest: &GuestStats) -> Loads {
        Loads {
            cpu: self.cpu.with(guest.cpu),
            mem: self.mem.with(guest.mem as f64),
        }
    }

    pub(super) fn without(self, guest: &GuestStats) -> Loads {
        Loads {
            cpu: self.cpu.without(guest.cpu),
            mem: self.mem.without(guest.mem as f64),
        }
    }

    /// The mean of both fractions: what imbalance is measured in.
    pub(super) fn mean(self) -> f64 {
        (self.cpu.fraction() + self.mem.fraction()) / 2.0
    }
}

/// All nodes in the order of their names; `None` for one without cores or without memory, which
/// counts nowhere, as no fraction of nothing is a load.
#[derive(Debug)]
pub(super) struct Cluster(pub(super) Vec<Option<Loads>>);

impl Cluster {
    pub(super) fn new(nodes: &Columns) -> Self {
        let load = |column: &Column, place: usize| Load {
            used: column.used[place],
            capacity: column.capacity[place],
            fraction: column.fraction[place],
        };
        let loads = nodes.capable().iter().enumerate().map(|(place, capable)| {
            capable.then(|| Loads {
                cpu: load(&nodes.cpu, place),
                mem: load(&nodes.mem, place),
            })
        });
        Cluster(loads.collect())
    }

    /// How many nodes count.
    pub(super) fn count(&self) -> usize {
        self.0.iter().flatten().count()
    }

    /// The sum of the squared fractions of one resource.
    pub(super) fn squares(&self, of: impl Fn(&Loads) -> Load) -> Wide {
        let squares = self.0.iter().flatten().map(|loads| {
            let fraction = of(loads).fraction();
            Wide::difference(fraction, 0.0).squared()
        });
        squares.fold(Wide::default(), |sum, square| sum + square)
    }

    /// The highest fractions of one resource.
    pub(super) fn highest(&self, of: impl Fn(&Loads) -> Load) -> Highest {
        let mut highest = Highest::default();
        for (place, loads) in self.0.iter().enumerate() {
            if let Some(loads) = loads {
                highest.offer(place, of(loads).fraction());
            }
        }
        highest
    }
}

/// The three highest fractions and where they are: with any two nodes left out, the highest of the
/// rest is still one of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Highest([Option<(usize, f64)>; 3]);

impl Highest {
    fn offer(&mut self, place: usize, fraction: f64) {
        let mut offered = Some((place, fraction));
        for slot in &mut self.0 {
            if slot.is_none_or(|(_, held)| offered.is_some_and(|(_, f)| f > held)) {
                std::mem::swap(slot, &mut offered);
            }
        }
    }

    /// The highest of all nodes but these two; 0 if there are no others.
    pub(super) fn besides(&self, one: Option<usize>, other: Option<usize>) -> f64 {
        let left = self.0.iter().flatten();
        let mut left = left.filter(|(place, _)| Some(*place) != one && Some(*place) != other);
        left.next().map_or(0.0, |(_, fraction)| *fraction)
    }
}
