//! The bits of a persistent bitmap (`docs/interop/qcow2`, section "Bitmap data"): which parts of
//! the disk were written since it was made.

use super::mapping::be64;
use super::{Bitmap, Header};
use crate::error::{Error, Result};
use crate::io::Shared;
use crate::work::Progress;

/// Bits of an entry of the bitmap's table that hold an offset.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
/// Without an offset: all bits of this cluster are set.
const ALL_ONES: u64 = 1;
/// Bytes of the table, and of the bits, that are read at a time.
const PART: usize = 64 << 10;

/// The bits of one bitmap, a cluster of them at a time.
pub struct BitmapData<'a> {
    file: Shared<'a>,
    size: u64,
    cluster: u64,
    granularity_bits: u32,
    table_offset: u64,
    /// The next entry of the bitmap's table.
    next: u64,
    entries: u64,
    table: Vec<u8>,
    part: Vec<u8>,
}

impl<'a> BitmapData<'a> {
    /// The bits of a bitmap of the image in `file`. One that was not saved properly says nothing,
    /// which is an error.
    pub fn new(file: Shared<'a>, header: &Header, bitmap: &Bitmap) -> Result<Self> {
        if bitmap.in_use {
            let message = "the bitmap was not saved properly";
            return Err(Error::corrupt(message).at(bitmap.table_offset));
        }
        let cluster = header.cluster_size();
        Ok(BitmapData {
            file,
            size: header.virtual_size(),
            cluster,
            granularity_bits: bitmap.granularity_bits.into(),
            table_offset: bitmap.table_offset,
            next: 0,
            entries: bitmap.table_size.into(),
            table: vec![0; PART],
            part: vec![0; PART.min(cluster as usize)],
        })
    }

    /// Calls `dirty` with the start and length of each dirty part of what the next entry of the
    /// table tells of, in order; parts that touch may come apart. False at the end.
    pub fn next(&mut self, dirty: &mut dyn FnMut(u64, u64)) -> Result<bool> {
        if self.next == self.entries {
            return Ok(false);
        }
        let index = self.next;
        let within = index as usize % (PART / 8);
        if within == 0 {
            let length = ((self.entries - index) * 8).min(PART as u64) as usize;
            let at = self.table_offset + index * 8;
            self.file.read_at(at, &mut self.table[..length])?;
        }
        self.next += 1;
        let entry = be64(&self.table[within * 8..]);
        // Bytes of the disk that a cluster of bits stands for.
        let covered = u128::from(self.cluster * 8) << self.granularity_bits;
        let start = match u64::try_from(u128::from(index) * covered) {
            Ok(start) if start < self.size => start,
            _ => {
                self.next = self.entries;
                return Ok(false);
            }
        };
        match entry & OFFSET {
            0 if entry & ALL_ONES != 0 => {
                let end = (u128::from(start) + covered).min(self.size.into());
                dirty(start, end as u64 - start);
            }
            0 => {}
            offset => {
                let mut bits = Bits {
                    size: self.size,
                    granularity_bits: self.granularity_bits,
                    dirty,
                };
                let mut at = 0;
                while at < self.cluster {
                    self.file.read_at(offset + at, &mut self.part)?;
                    let first = u128::from(index) * u128::from(self.cluster * 8);
                    bits.add(first + u128::from(at * 8), &self.part);
                    at += self.part.len() as u64;
                }
            }
        }
        Ok(true)
    }

    /// How many entries of the table are done with, and how many there are.
    pub fn progress(&self) -> Progress {
        Progress {
            done: self.next,
            total: self.entries,
        }
    }
}

struct Bits<'a> {
    /// Bytes of the disk.
    size: u64,
    granularity_bits: u32,
    dirty: &'a mut dyn FnMut(u64, u64),
}

impl Bits<'_> {
    /// Reports the runs of ones in `bytes`, whose lowest bit is number `first`.
    fn add(&mut self, first: u128, bytes: &[u8]) {
        let mut run: Option<u128> = None;
        for (index, chunk) in bytes.chunks(8).enumerate() {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let word = u64::from_le_bytes(word);
            let base = first + index as u128 * 64;
            match (word, run) {
                (0, None) | (u64::MAX, Some(_)) => continue,
                _ => {}
            }
            for bit in 0..64 {
                match (word >> bit & 1 != 0, run) {
                    (true, None) => run = Some(base + bit),
                    (false, Some(start)) => {
                        self.report(start, base + bit);
                        run = None;
                    }
                    _ => {}
                }
            }
        }
        if let Some(start) = run {
            self.report(start, first + bytes.len() as u128 * 8);
        }
    }

    fn report(&mut self, from: u128, to: u128) {
        let byte = |bit: u128| (bit << self.granularity_bits).min(self.size.into()) as u64;
        let (start, end) = (byte(from), byte(to));
        if start < end {
            (self.dirty)(start, end - start);
        }
    }
}
