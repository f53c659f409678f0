//! Random numbers that are the same in every run (SplitMix64).

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// `length` bytes of which many begin, continue or break UTF-8 sequences.
    pub fn name(&mut self, length: usize) -> Vec<u8> {
        let mut name: Vec<u8> = (0..length)
            .map(|_| match self.below(4) {
                0 => b'a' + self.below(26) as u8,
                1 => 0x80 + self.below(64) as u8,
                2 => 0xc0 + self.below(64) as u8,
                _ => 1 + self.below(255) as u8,
            })
            .collect();
        // A colon would make it a protocol, a slash another directory: other cases have those.
        for byte in &mut name {
            if matches!(*byte, b':' | b'/') {
                *byte = b'_';
            }
        }
        name
    }
}
