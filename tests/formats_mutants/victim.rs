//! An image that works, and many ways to break it.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::common::{oracle_text, our_text, random::Random};

/// A field of a structure: offset, width in bytes.
pub type Field = (usize, usize);

/// An image that works, and how to break it.
pub struct Victim<'a> {
    pub format: &'a str,
    pub path: PathBuf,
    /// The file with the structures; for vmdk it may be an extent.
    pub file: PathBuf,
    pub fields: Vec<Field>,
    pub big_endian: bool,
    /// Makes checksums fit again, so that what they protect is looked at.
    pub repair: fn(&mut [u8]),
    /// What ours may say of a mutant that QEMU reads.
    pub stricter: &'a [&'a str],
}

/// How often a mutant was judged in which way.
#[derive(Debug, Default)]
pub struct Tally {
    pub read: usize,
    pub refused: usize,
    pub stricter: Vec<String>,
}

impl Victim<'_> {
    /// Tries `rounds` values for each field, alone, and as many pairs of fields.
    #[track_caller]
    pub fn attack(&self, rounds: usize, seed: u64) {
        let original = std::fs::read(&self.file).unwrap();
        let mut random = Random::new(seed);
        let mut tally = Tally::default();
        for i in 0..self.fields.len() * rounds {
            let mut bytes = original.clone();
            let mut what = Vec::new();
            let field = self.fields[i % self.fields.len()];
            what.push(self.poke(&mut bytes, field, &mut random));
            if i % 3 == 0 {
                let field = self.fields[random.below(self.fields.len())];
                what.push(self.poke(&mut bytes, field, &mut random));
            }
            // Some keep their wrong checksums.
            if i % 16 != 0 {
                (self.repair)(&mut bytes);
            }
            self.judge(
                &original,
                &bytes,
                &format!("{} {what:x?}", self.format),
                &mut tally,
            );
        }
        assert!(
            tally.read > 0 && tally.refused > 0,
            "{}: {tally:?}",
            self.format
        );
        let known = |message: &String| self.stricter.iter().any(|known| message.contains(known));
        tally.stricter.retain(|message| !known(message));
        assert!(tally.stricter.is_empty(), "{}: {tally:#?}", self.format);
    }

    fn poke(&self, bytes: &mut [u8], (at, width): Field, random: &mut Random) -> (usize, u64) {
        let field = &mut bytes[at..at + width];
        let mut word = [0; 8];
        word[..width].copy_from_slice(field);
        if self.big_endian {
            word[..width].reverse();
        }
        let now = u64::from_le_bytes(word);
        let max = u64::MAX >> (64 - 8 * width);
        let value = match random.below(12) {
            0 => 0,
            1 => 1,
            2 => max,
            3 => max >> 1,
            4 => (max >> 1) + 1,
            5 => now.wrapping_add(1),
            6 => now.wrapping_sub(1),
            7 => now.wrapping_mul(2),
            8 => now / 2,
            9 => now ^ 1 << random.below(8 * width),
            10 => 1 << random.below(8 * width),
            _ => random.next() >> random.below(8 * width),
        };
        let mut word = (value & max).to_le_bytes();
        if self.big_endian {
            word[..width].reverse();
        }
        field.copy_from_slice(&word[..width]);
        (at, value & max)
    }

    /// Puts the mutant in the original's place, asks both, and puts the original back.
    #[track_caller]
    pub fn judge(&self, original: &[u8], mutant: &[u8], what: &str, tally: &mut Tally) {
        overwrite(&self.file, original, mutant);
        let theirs = oracle_text(&self.path, Some(self.format));
        let ours = our_text(&self.path, Some(self.format));
        overwrite(&self.file, mutant, original);
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                tally.read += 1;
                assert_eq!(ours, theirs, "{what}");
            }
            (Err(_), Err(_)) => tally.refused += 1,
            (Ok(_), Err(theirs)) => panic!("{what}: we read it, but {theirs}"),
            (Err(ours), Ok(_)) => tally.stricter.push(format!("{what}: {ours}")),
        }
    }
}

/// Writes the sectors that differ, so that the file's place on disk stays as it is.
fn overwrite(path: &Path, before: &[u8], after: &[u8]) {
    const SECTOR: usize = 512;
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    let sectors = before.chunks(SECTOR).zip(after.chunks(SECTOR)).enumerate();
    for (i, (_, after)) in sectors.filter(|(_, (before, after))| before != after) {
        file.write_all_at(after, (i * SECTOR) as u64).unwrap();
    }
}
