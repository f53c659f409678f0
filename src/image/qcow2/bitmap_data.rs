//! The bits of a persistent bitmap (`docs/interop/qcow2`, section "Bitmap data"): which parts of
//! the disk were written since it was made.

use super::mapping::be64;
use super::{Bitmap, Header};
use crate::error::{Error, Result};
use crate::io::ReadAt;

/// Bits of an entry of the bitmap's table that hold an offset.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
/// Without an offset: all bits of this cluster are set.
const ALL_ONES: u64 = 1;
/// Bytes of the table, and of the bits, that are read at a time.
const PART: usize = 64 << 10;

/// Calls `dirty` with the start and length of each dirty part of the disk, in order; parts that
/// touch may come apart. A bitmap that was not saved properly says nothing, which is an error.
pub fn read(
    file: &dyn ReadAt,
    header: &Header,
    bitmap: &Bitmap,
    dirty: &mut dyn FnMut(u64, u64),
) -> Result<()> {
    if bitmap.in_use {
        return Err(Error::corrupt("the bitmap was not saved properly").at(bitmap.table_offset));
    }
    let mut bits = Bits {
        size: header.virtual_size(),
        granularity_bits: bitmap.granularity_bits.into(),
        dirty,
    };
    let cluster = header.cluster_size();
    // Bytes of the disk that a cluster of bits stands for.
    let covered = u128::from(cluster * 8) << bitmap.granularity_bits;
    let entries = u64::from(bitmap.table_size);
    let (mut table, mut part) = (vec![0; PART], vec![0; PART.min(cluster as usize)]);
    for index in 0..entries {
        let within = index as usize % (PART / 8);
        if within == 0 {
            let length = ((entries - index) * 8).min(PART as u64) as usize;
            file.read_at(bitmap.table_offset + index * 8, &mut table[..length])?;
        }
        let entry = be64(&table[within * 8..]);
        let start = match u64::try_from(u128::from(index) * covered) {
            Ok(start) if start < bits.size => start,
            _ => break,
        };
        match entry & OFFSET {
            0 if entry & ALL_ONES != 0 => {
                let end = (u128::from(start) + covered).min(bits.size.into());
                (bits.dirty)(start, end as u64 - start);
            }
            0 => {}
            offset => {
                let mut at = 0;
                while at < cluster {
                    file.read_at(offset + at, &mut part)?;
                    let first = u128::from(index) * u128::from(cluster * 8) + u128::from(at * 8);
                    bits.add(first, &part);
                    at += part.len() as u64;
                }
            }
        }
    }
    Ok(())
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
