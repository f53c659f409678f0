//! Reading a table from front to back: in chunks rather than entry by entry, each twice as long as
//! the one before, so that a short table costs one small read and a long one few.

use super::source::Source;
use crate::error::Result;

/// Bytes of the first chunk, and of the longest.
const CHUNK: std::ops::RangeInclusive<usize> = 4 << 10..=64 << 10;

/// A table of a source, of which a chunk is at hand.
pub struct Window<'a> {
    source: &'a Source<'a>,
    end: u64,
    start: u64,
    chunk: Vec<u8>,
    next: usize,
}

impl<'a> Window<'a> {
    /// A table that ends at `end` or before.
    pub fn new(source: &'a Source<'a>, end: u64) -> Self {
        Window {
            source,
            end: end.min(source.size()),
            start: 0,
            chunk: Vec::new(),
            next: *CHUNK.start(),
        }
    }

    /// `N` bytes from `offset`.
    pub fn array<const N: usize>(&mut self, offset: u64) -> Result<[u8; N]> {
        // Nearly always, as headers end within the first page.
        if self.source.is_at_hand(offset, N) {
            return self.source.array(offset);
        }
        let mut buffer = [0; N];
        self.read(offset, &mut buffer)?;
        Ok(buffer)
    }

    /// `length` bytes from `offset`. The caller has checked `length` against `limits`.
    pub fn bytes(&mut self, offset: u64, length: usize) -> Result<Vec<u8>> {
        let mut buffer = vec![0; length];
        self.read(offset, &mut buffer)?;
        Ok(buffer)
    }

    /// Fills `buffer` from `offset`, as [`Source::read`] does.
    pub fn read(&mut self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let end = offset.saturating_add(buffer.len() as u64);
        // What is at hand, past the end or longer than a chunk needs none.
        if self.source.is_at_hand(offset, buffer.len())
            || end > self.end
            || buffer.len() > *CHUNK.end()
        {
            return self.source.read(offset, buffer);
        }
        let chunk_end = self.start + self.chunk.len() as u64;
        if offset < self.start || end > chunk_end {
            // Entries that lie far apart are not worth reading ahead for.
            if offset > chunk_end {
                self.next = *CHUNK.start();
            }
            let rest = usize::try_from(self.end - offset).unwrap_or(usize::MAX);
            let length = self.next.max(buffer.len()).min(rest);
            self.chunk = self.source.bytes(offset, length)?;
            self.start = offset;
            self.next = (self.next * 2).min(*CHUNK.end());
        }
        let at = (offset - self.start) as usize;
        buffer.copy_from_slice(&self.chunk[at..at + buffer.len()]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Memory;

    #[test]
    fn a_window_shows_what_is_there_and_reads_it_once() {
        let bytes: Vec<u8> = (0..200_000u32).map(|i| (i * 7 % 251) as u8).collect();
        let memory = Memory(&bytes);
        for (step, length) in [(8, 8), (40, 100), (1000, 37), (70_000, 66_000)] {
            let source = Source::new(&memory, &bytes[..100]);
            let plain = Source::new(&memory, &bytes[..100]);
            let mut window = Window::new(&source, 150_000);
            for offset in (0..250_000).step_by(step) {
                let seen = window.bytes(offset, length).unwrap();
                assert_eq!(seen, plain.bytes(offset, length).unwrap(), "{offset}");
            }
            let read = source.used().bytes_read;
            assert!(read <= plain.used().bytes_read.max(bytes.len() as u64 + 1000 * 100));
        }
    }

    #[test]
    fn a_short_table_costs_one_small_read() {
        let memory = Memory(&[0; 1 << 20]);
        let source = Source::new(&memory, &[]);
        let mut window = Window::new(&source, u64::MAX);
        for entry in 0..100 {
            window.array::<40>(65_536 + entry * 40).unwrap();
        }
        assert_eq!(source.used().bytes_read, 4096);
    }
}
