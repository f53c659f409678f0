//! Mutants of the seeds, the same in every run: what a fuzzer does, without its feedback.

use crate::random::Random;

/// Numbers that tend to be the last that is allowed, or the first that is not.
const EDGES: [u64; 20] = [
    0,
    1,
    7,
    8,
    9,
    16,
    21,
    22,
    64,
    127,
    128,
    255,
    511,
    512,
    4096,
    65_535,
    1 << 20,
    i32::MAX as u64,
    i64::MAX as u64,
    u64::MAX,
];

/// Longest mutant in bytes.
const LONGEST: usize = 128 << 10;

/// An endless supply of mutants.
pub struct Mutator {
    random: Random,
    seeds: Vec<Vec<u8>>,
}

impl Mutator {
    /// Mutants of these seeds, of which there is at least one.
    pub fn new(seeds: Vec<Vec<u8>>) -> Self {
        assert!(!seeds.is_empty());
        Mutator {
            random: Random::new(seeds.len() as u64),
            seeds,
        }
    }

    /// The next one.
    pub fn mutant(&mut self) -> Vec<u8> {
        let mut bytes = self.random.pick(&self.seeds).clone();
        for _ in 0..1 + self.random.below(4) {
            self.change(&mut bytes);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let random = &mut self.random;
        if bytes.is_empty() {
            bytes.extend(random.name(16));
            return;
        }
        let at = random.below(bytes.len());
        match random.below(16) {
            0..=6 => self.number(bytes, at),
            7 | 8 => bytes[at] ^= 1 << random.below(8),
            9 => bytes[at] = random.next() as u8,
            10 => bytes.truncate(at),
            11 => {
                let name = random.next().to_le_bytes();
                let count = 1 + random.below(8);
                bytes.splice(at..at, name[..count].iter().copied());
            }
            12 => {
                let end = (at + 1 + random.below(16)).min(bytes.len());
                bytes.drain(at..end);
            }
            13 => {
                let end = (at + 1 + random.below(64)).min(bytes.len());
                let to = random.below(bytes.len() - (end - at) + 1);
                bytes.copy_within(at..end, to);
            }
            14 => {
                let other = random.pick(&self.seeds);
                bytes.truncate(at);
                bytes.extend(other.iter().skip(at));
            }
            _ => {
                let zeros = random.below(600);
                bytes.resize(bytes.len() + zeros, 0);
            }
        }
    }

    /// Sets a number of some width to an edge, or changes it a little.
    fn number(&mut self, bytes: &mut [u8], at: usize) {
        let random = &mut self.random;
        let width = 1 << random.below(4);
        // Most fields are aligned.
        let at = if random.below(4) == 0 {
            at
        } else {
            at / width * width
        };
        let Some(field) = bytes.get_mut(at..at + width) else {
            return;
        };
        let big_endian = random.below(2) == 0;
        let mut now = [0; 8];
        now[..width].copy_from_slice(field);
        if big_endian {
            now[..width].reverse();
        }
        let now = u64::from_le_bytes(now);
        let value = match random.below(8) {
            0 => now.wrapping_add(1),
            1 => now.wrapping_sub(1),
            2 => now.wrapping_mul(2),
            3 => now ^ 1 << random.below(64),
            4 => !now,
            5 => random.next() >> random.below(64),
            _ => *random.pick(&EDGES),
        };
        field.copy_from_slice(&value.to_le_bytes()[..width]);
        if big_endian {
            field.reverse();
        }
    }
}
