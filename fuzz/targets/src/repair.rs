//! Checksums that fit what they cover, so that a fuzzer gets past them.

use std::sync::LazyLock;

use crate::image::VHDX_LOG;

/// An image's pieces: offset, bytes.
type Pieces = [(u64, Vec<u8>)];

const POLYNOMIAL: u32 = 0x82f6_3b78;

/// For formats without checksums.
pub fn nothing(_: &mut Pieces) {}

/// VHD: the footer's sum, wherever a footer may lie.
pub fn vpc(pieces: &mut Pieces) {
    const FOOTER: usize = 512;
    for (_, piece) in pieces {
        let Some(last) = piece.len().checked_sub(FOOTER) else {
            continue;
        };
        for at in [0, last] {
            let footer = &mut piece[at..at + FOOTER];
            footer[64..68].fill(0);
            let sum: u32 = footer.iter().map(|&byte| u32::from(byte)).sum();
            footer[64..68].copy_from_slice(&(!sum).to_be_bytes());
        }
    }
}

/// VHDX: the CRC-32C of both headers, of the region table and of an entry at the log's start.
pub fn vhdx(pieces: &mut Pieces) {
    for (at, piece) in pieces {
        let covered = match *at {
            0x1_0000 | 0x2_0000 => 4096,
            0x3_0000 => 65536,
            VHDX_LOG => match piece.get(8..12) {
                Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]) as usize,
                _ => continue,
            },
            _ => continue,
        };
        if piece.len() < 8 || covered < piece.len().min(4096) {
            continue;
        }
        let covered_here = piece.len().min(covered);
        piece[4..8].fill(0);
        let zeros = covered - covered_here;
        // Long runs of zeros come in one length each: see `Zeros`.
        let crc = match zeros {
            0..=8192 => {
                (0..zeros).fold(crc(u32::MAX, &piece[..covered_here]), |crc, _| step(crc, 0))
            }
            _ => ZEROS.after(crc(u32::MAX, &piece[..covered_here]), zeros),
        };
        piece[4..8].copy_from_slice(&(!crc).to_le_bytes());
    }
}

fn step(crc: u32, byte: u8) -> u32 {
    BYTES[usize::from(crc as u8 ^ byte)] ^ crc >> 8
}

fn crc(start: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(start, |crc, &byte| step(crc, byte))
}

static BYTES: LazyLock<[u32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|byte| {
        (0..8).fold(byte as u32, |crc, _| {
            crc >> 1 ^ if crc & 1 != 0 { POLYNOMIAL } else { 0 }
        })
    })
});

/// What 2^n bytes of zeros make of each bit of a checksum, which is all there is to know.
struct Zeros([[u32; 32]; 32]);

static ZEROS: LazyLock<Zeros> = LazyLock::new(|| {
    let mut zeros = Zeros([[0; 32]; 32]);
    zeros.0[0] = std::array::from_fn(|bit| step(1 << bit, 0));
    for power in 1..32 {
        let half = zeros.0[power - 1];
        zeros.0[power] = half.map(|image| Zeros::apply(&half, image));
    }
    zeros
});

impl Zeros {
    fn apply(images: &[u32; 32], crc: u32) -> u32 {
        let bits = images.iter().enumerate();
        bits.fold(0, |sum, (bit, image)| {
            sum ^ if crc >> bit & 1 != 0 { *image } else { 0 }
        })
    }

    fn after(&self, crc: u32, zeros: usize) -> u32 {
        let powers = self.0.iter().enumerate();
        powers
            .filter(|(power, _)| zeros >> power & 1 != 0)
            .fold(crc, |crc, (_, images)| Zeros::apply(images, crc))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_count_in_runs_as_they_do_one_by_one() {
        assert_eq!(!crc(u32::MAX, b"123456789"), 0xe306_9283);
        for zeros in [1, 7, 4096, 65_000, 100_001] {
            let slow = crc(0x1234_5678, &vec![0; zeros]);
            assert_eq!(ZEROS.after(0x1234_5678, zeros), slow);
        }
    }
}
