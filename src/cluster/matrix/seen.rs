//! Maps that are written as one before was: most are.

use std::ops::Range;

use super::cell::Cell;
use crate::cluster::json::Scanner;

/// Maps of a broadcast by their texts. Most are written as one before was, as most are healthy and have
/// the same size; Perl writes keys in some orders.
#[derive(Default)]
pub(super) struct Seen([Option<(Range<usize>, Cell)>; 32]);

impl Seen {
    /// Where a map is kept that begins like what comes next.
    #[inline]
    pub fn place(scanner: &Scanner<'_>) -> usize {
        let begin: [u8; 24] = scanner.ahead().unwrap_or_default();
        let word = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&begin[at..at + 8]);
            u64::from_le_bytes(bytes)
        };
        let mixed = word(0) ^ word(8).rotate_left(21) ^ word(16).rotate_left(42);
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 59) as usize
    }

    /// The cell of a map that comes next and was kept; it has been passed over then.
    #[inline]
    pub fn again(&self, place: usize, scanner: &mut Scanner<'_>) -> Option<Cell> {
        let (text, cell) = self.0[place].as_ref()?;
        scanner.repeats(text).then_some(*cell)
    }

    /// Keeps a map that stands there in the broadcast.
    pub fn keep(&mut self, place: usize, text: Range<usize>, cell: Cell) {
        self.0[place] = Some((text, cell));
    }
}
