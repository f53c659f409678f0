//! The budget of a search, counted in steps instead of seconds: equal inputs then end at the same
//! place on every machine.

/// Steps taken, and the most that may be.
#[derive(Debug, Clone)]
pub struct Work {
    taken: u64,
    limit: u64,
}

impl Work {
    pub fn new(limit: u64) -> Self {
        Self { taken: 0, limit }
    }

    /// Counts steps; false once there are none left.
    pub fn take(&mut self, steps: usize) -> bool {
        self.taken = self.taken.saturating_add(steps as u64);
        self.taken < self.limit
    }

    pub fn is_left(&self) -> bool {
        self.taken < self.limit
    }

    pub fn taken(&self) -> u64 {
        self.taken
    }

    pub fn left(&self) -> u64 {
        self.limit.saturating_sub(self.taken)
    }

    /// Runs `part` with at most so many of the steps left.
    pub fn within<T>(&mut self, steps: u64, part: impl FnOnce(&mut Self) -> T) -> T {
        let whole = self.limit;
        self.limit = whole.min(self.taken.saturating_add(steps));
        let result = part(self);
        self.limit = whole;
        result
    }
}
