//! Numbers that look random and are always the same: SplitMix64, from a fixed start, so that equal questions
//! get equal answers.

/// The generator.
pub struct Random(u64);

impl Random {
    /// The same for everybody.
    pub fn new() -> Random {
        Random(0)
    }

    /// A number below `end`, which is above 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % end as u64) as usize
    }
}
