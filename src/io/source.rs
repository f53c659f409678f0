//! What the parsers read from: a file or memory, seen through its first page.

use crate::error::Result;

/// Something with a length that can be read at any offset.
pub trait ReadAt {
    /// Length in bytes.
    fn size(&self) -> u64;

    /// Fills `buffer` from `offset`. Bytes past the end are zero: an image may end before its
    /// metadata does, and QEMU reads it so.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()>;
}

/// An image that lies in memory.
pub struct Memory<'a>(pub &'a [u8]);

impl ReadAt for Memory<'_> {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        copy_or_zero(self.0, offset, buffer);
        Ok(())
    }
}

/// The bounded reader of all parsers.
pub struct Source<'a> {
    reader: &'a dyn ReadAt,
    head: &'a [u8],
}

impl<'a> Source<'a> {
    /// A source whose first bytes are at hand already.
    pub fn new(reader: &'a dyn ReadAt, head: &'a [u8]) -> Self {
        Source { reader, head }
    }

    /// Length of the file or device in bytes.
    pub fn size(&self) -> u64 {
        self.reader.size()
    }

    /// Whether this range is answered without touching storage.
    fn at_hand(&self, offset: u64, length: usize) -> bool {
        let end = offset.saturating_add(length as u64);
        end <= self.head.len() as u64 || self.head.len() as u64 >= self.size()
    }

    /// Fills `buffer` from `offset`, zeros past the end.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        if self.at_hand(offset, buffer.len()) {
            copy_or_zero(self.head, offset, buffer);
            return Ok(());
        }
        self.reader.read_at(offset, buffer)
    }

    /// `length` bytes from `offset`. The caller has checked `length` against `limits`.
    pub fn bytes(&self, offset: u64, length: usize) -> Result<Vec<u8>> {
        let mut buffer = vec![0; length];
        self.read(offset, &mut buffer)?;
        Ok(buffer)
    }

    /// `N` bytes from `offset`.
    pub fn array<const N: usize>(&self, offset: u64) -> Result<[u8; N]> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|at| self.head.get(at..));
        if let Some(bytes) = rest.and_then(<[u8]>::first_chunk) {
            return Ok(*bytes);
        }
        let mut buffer = [0; N];
        self.read(offset, &mut buffer)?;
        Ok(buffer)
    }

    /// Big-endian u16 at `offset`.
    pub fn be16(&self, offset: u64) -> Result<u16> {
        self.array(offset).map(u16::from_be_bytes)
    }

    /// Big-endian u32 at `offset`.
    pub fn be32(&self, offset: u64) -> Result<u32> {
        self.array(offset).map(u32::from_be_bytes)
    }

    /// Big-endian u64 at `offset`.
    pub fn be64(&self, offset: u64) -> Result<u64> {
        self.array(offset).map(u64::from_be_bytes)
    }

    /// Little-endian u16 at `offset`.
    pub fn le16(&self, offset: u64) -> Result<u16> {
        self.array(offset).map(u16::from_le_bytes)
    }

    /// Little-endian u32 at `offset`.
    pub fn le32(&self, offset: u64) -> Result<u32> {
        self.array(offset).map(u32::from_le_bytes)
    }

    /// Little-endian u64 at `offset`.
    pub fn le64(&self, offset: u64) -> Result<u64> {
        self.array(offset).map(u64::from_le_bytes)
    }
}

fn copy_or_zero(from: &[u8], offset: u64, buffer: &mut [u8]) {
    let start = usize::try_from(offset).map_or(from.len(), |start| start.min(from.len()));
    let length = buffer.len().min(from.len() - start);
    buffer[..length].copy_from_slice(&from[start..start + length]);
    buffer[length..].fill(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_the_end_there_are_zeros() {
        let memory = Memory(b"abcd");
        let source = Source::new(&memory, b"abcd");
        assert_eq!(source.bytes(2, 4).unwrap(), b"cd\0\0");
        assert_eq!(source.be32(u64::MAX).unwrap(), 0);
        assert_eq!(source.size(), 4);
    }

    #[test]
    fn what_the_head_lacks_is_read() {
        let memory = Memory(b"abcdefgh");
        let source = Source::new(&memory, b"abcd");
        assert_eq!(source.le16(1).unwrap(), u16::from_le_bytes(*b"bc"));
        assert_eq!(source.bytes(3, 3).unwrap(), b"def");
    }
}
