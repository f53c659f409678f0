//! What a search may cost, and how sure its answer is.

/// The default number of nodes of search trees, when a problem names none. Ours: about a second of a slow
/// core.
pub const WORK: u64 = 2_000_000;

/// What is left of the work that a search may do. Counting decides where it ends, so that equal questions
/// get equal answers; the clock is only a safety net.
pub struct Budget<'c> {
    left: u64,
    /// Whether the time is up.
    expired: &'c dyn Fn() -> bool,
    /// Whether that was ever so: what has come of the search depends on the clock then.
    cut_off: bool,
}

impl<'c> Budget<'c> {
    /// So many steps (0: [`WORK`]), and an end when `expired` says so.
    pub fn new(steps: u64, expired: &'c dyn Fn() -> bool) -> Budget<'c> {
        Budget {
            left: if steps == 0 { WORK } else { steps },
            expired,
            cut_off: false,
        }
    }

    /// Takes one step; false if there is none left.
    pub fn step(&mut self) -> bool {
        if self.left == 0 || self.cut_off {
            return false;
        }
        self.left -= 1;
        if self.left % 1024 == 0 && (self.expired)() {
            self.cut_off = true;
        }
        true
    }

    /// Takes many steps at once, or all that are left; false if those were too few.
    pub fn steps(&mut self, count: u64) -> bool {
        if self.cut_off || self.left < count {
            self.left = 0;
            return false;
        }
        let before = self.left / 1024;
        self.left -= count;
        if self.left / 1024 != before && (self.expired)() {
            self.cut_off = true;
        }
        true
    }

    /// The steps that are left.
    pub fn left(&self) -> u64 {
        if self.cut_off { 0 } else { self.left }
    }

    /// Whether the clock has ended it.
    pub fn is_cut_off(&self) -> bool {
        self.cut_off
    }

    /// At most `steps` of what is left, for one part of the search; what it has not used comes back.
    pub fn part<T>(&mut self, steps: u64, part: impl FnOnce(&mut Budget<'c>) -> T) -> T {
        let taken = steps.min(self.left);
        let mut own = Budget {
            left: taken,
            expired: self.expired,
            cut_off: self.cut_off,
        };
        let answer = part(&mut own);
        self.left -= taken - own.left;
        self.cut_off = own.cut_off;
        answer
    }
}

/// How sure an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It keeps everything, and there is a proof that none is better.
    Optimal,
    /// It keeps everything.
    Feasible,
    /// There is a proof that nothing keeps everything.
    Infeasible,
    /// The work ended before either was found.
    Unknown,
}
