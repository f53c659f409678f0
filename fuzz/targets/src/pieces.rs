//! An image out of a short input: pieces of it lie far apart, and all else is zero.
//!
//! VHDX has its structures at 64 KiB, 128 KiB, 192 KiB and behind the first MiB; a fuzzer that had
//! to write the zeros between them would hardly ever change anything else. The first byte of an
//! input says how much follows the last piece, and whether checksums are to be made right.

use std::sync::atomic::{AtomicU64, Ordering};

use pve_native_core::Result;
use pve_native_core::io::ReadAt;

/// A part of an image that the input holds: its offset and its length.
pub type Piece = (u64, usize);

/// The whole input is the image, from its first byte on.
pub const WHOLE: [Piece; 1] = [(0, usize::MAX)];

/// Set in the first byte: the checksums shall fit.
pub const REPAIR: u8 = 0x80;

/// Bytes of zeros behind the last piece, chosen by the first byte's lower half.
const BEHIND: [u64; 16] = [
    0,
    1,
    511,
    512,
    4096,
    64 << 10,
    1 << 20,
    8 << 20,
    64 << 20,
    2 << 30,
    1 << 40,
    64 << 40,
    1 << 62,
    0x7fff_ffff_c000_0000,
    i64::MAX as u64,
    u64::MAX,
];

/// An image whose bytes are a fuzzer's.
pub struct Image {
    pieces: Vec<(u64, Vec<u8>)>,
    size: u64,
    /// Bytes that were read, those behind the end left out.
    pub read: AtomicU64,
}

impl Image {
    /// The image that `input` describes. `repair` makes its checksums fit if the input asks for it.
    pub fn new(input: &[u8], pieces: &[Piece], repair: fn(&mut [(u64, Vec<u8>)])) -> Self {
        let (&control, mut rest) = input.split_first().unwrap_or((&0, &[]));
        let mut filled = Vec::with_capacity(pieces.len());
        for &(at, length) in pieces {
            let (piece, behind) = rest.split_at(length.min(rest.len()));
            filled.push((at, piece.to_vec()));
            rest = behind;
        }
        if control & REPAIR != 0 {
            repair(&mut filled);
        }
        let end = filled
            .iter()
            .filter(|(_, piece)| !piece.is_empty())
            .map(|(at, piece)| at + piece.len() as u64)
            .max()
            .unwrap_or(0);
        Image {
            size: end.saturating_add(BEHIND[usize::from(control & 0xf)]),
            pieces: filled,
            read: AtomicU64::new(0),
        }
    }

    /// The first bytes, as [`Storage::open`](pve_native_core::io::Storage::open) gives them.
    pub fn head(&self, most: usize) -> Vec<u8> {
        let mut head = vec![0; most.min(usize::try_from(self.size).unwrap_or(most))];
        self.copy(0, &mut head);
        head
    }

    fn copy(&self, offset: u64, buffer: &mut [u8]) {
        buffer.fill(0);
        let end = offset.saturating_add(buffer.len() as u64);
        for (at, piece) in &self.pieces {
            let from = offset.max(*at);
            let to = end.min(at + piece.len() as u64);
            if from < to {
                let length = (to - from) as usize;
                buffer[(from - offset) as usize..][..length]
                    .copy_from_slice(&piece[(from - at) as usize..][..length]);
            }
        }
    }
}

impl ReadAt for Image {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let within = self.size.saturating_sub(offset).min(buffer.len() as u64);
        self.read.fetch_add(within, Ordering::Relaxed);
        self.copy(offset, buffer);
        Ok(())
    }
}

/// The input that gives `image`, of which all that is not zero lies in the pieces.
pub fn input(control: u8, pieces: &[Piece], image: &[u8]) -> Vec<u8> {
    let mut input = vec![control];
    for &(at, length) in pieces {
        let at = usize::try_from(at).unwrap_or(usize::MAX).min(image.len());
        let end = at.saturating_add(length).min(image.len());
        input.extend(&image[at..end]);
        if length != usize::MAX {
            input.resize(input.len() + length - (end - at), 0);
        }
    }
    input
}
