//! What the parsers read from: a file or memory, seen through its first page. It counts what they
//! read and how much they look at, and ends that at the call's [`Limits`].

use std::cell::Cell;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::limits::Limits;

/// Something with a length that can be read at any offset.
pub trait ReadAt {
    /// Length in bytes.
    fn size(&self) -> u64;

    /// Fills `buffer` from `offset`. Bytes past the end are zero: an image may end before its
    /// metadata does, and QEMU reads it so.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()>;
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn size(&self) -> u64 {
        (**self).size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        (**self).read_at(offset, buffer)
    }
}

/// What several readers read from, perhaps in several threads.
pub type Shared<'a> = Arc<dyn ReadAt + Send + Sync + 'a>;

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

/// What it took to read an image, all its extents included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Bytes read from storage. At most [`Limits::read_bytes`].
    pub bytes_read: u64,
    /// Bytes read of a block allocation table, which count in no other number. At most
    /// [`Limits::block_table_bytes`].
    pub block_table_bytes: u64,
    /// Structures, entries and lines that were looked at. At most [`Limits::steps`].
    pub steps: u64,
}

/// The bounded reader of all parsers.
pub struct Source<'a> {
    reader: &'a dyn ReadAt,
    head: &'a [u8],
    limits: &'a Limits,
    used: Cell<Used>,
    /// The image that this is an extent of: all is counted there.
    image: Option<&'a Source<'a>>,
}

impl<'a> Source<'a> {
    /// A source whose first bytes have been read already.
    pub fn new(reader: &'a dyn ReadAt, head: &'a [u8]) -> Self {
        Source {
            reader,
            head,
            limits: &Limits::DEFAULT,
            used: Cell::new(Used {
                bytes_read: head.len() as u64,
                ..Used::default()
            }),
            image: None,
        }
    }

    /// The same with the bounds of a call.
    pub(crate) fn with_limits(mut self, limits: &'a Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same for an image that has been read before: what that took counts.
    pub(crate) fn after(self, used: Used) -> Self {
        self.used.set(used);
        self
    }

    /// A further file that holds data of this image, its first bytes read already. It has no bounds
    /// of its own.
    pub fn extent<'b>(&'b self, reader: &'b dyn ReadAt, head: &'b [u8]) -> Result<Source<'b>> {
        self.count_bytes(head.len() as u64)?;
        Ok(Source {
            reader,
            head,
            limits: self.limits,
            used: Cell::default(),
            image: Some(self.image.unwrap_or(self)),
        })
    }

    /// Length of the file or device in bytes.
    pub fn size(&self) -> u64 {
        self.reader.size()
    }

    /// The bounds of the call.
    pub fn limits(&self) -> &Limits {
        self.limits
    }

    /// What it took so far.
    pub fn used(&self) -> Used {
        self.image.unwrap_or(self).used.get()
    }

    /// Counts `count` structures, entries or lines that the image makes its reader look at. Every
    /// loop whose length comes from the image calls it.
    pub fn step(&self, count: u64) -> Result<()> {
        self.count(|used| {
            used.steps = used.steps.saturating_add(count);
            (used.steps, self.limits.steps, "max-steps")
        })
    }

    fn count_bytes(&self, count: u64) -> Result<()> {
        self.count(|used| {
            used.bytes_read = used.bytes_read.saturating_add(count);
            (used.bytes_read, self.limits.read_bytes, "max-read-bytes")
        })
    }

    /// Counts, unless that is more than there may be.
    fn count(&self, add: impl FnOnce(&mut Used) -> (u64, u64, &'static str)) -> Result<()> {
        let place = &self.image.unwrap_or(self).used;
        let mut used = place.get();
        let (number, most, name) = add(&mut used);
        if number > most {
            return Err(too_much(name, most));
        }
        place.set(used);
        Ok(())
    }

    /// Whether this range is answered without touching storage.
    pub(super) fn is_at_hand(&self, offset: u64, length: usize) -> bool {
        let end = offset.saturating_add(length as u64);
        end <= self.head.len() as u64 || self.head.len() as u64 >= self.size()
    }

    /// How much of this range storage has to be asked for: none past the end of the file.
    fn missing(&self, offset: u64, length: usize) -> u64 {
        if self.is_at_hand(offset, length) {
            return 0;
        }
        self.size().saturating_sub(offset).min(length as u64)
    }

    /// Fills `buffer` from `offset`, zeros past the end.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let missing = self.missing(offset, buffer.len());
        if missing > 0 {
            self.count_bytes(missing)?;
        }
        self.fill(missing, offset, buffer)
    }

    /// The same for a part of a block allocation table, which has a bound of its own.
    pub fn read_block_table(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let missing = self.missing(offset, buffer.len());
        self.count(|used| {
            used.block_table_bytes = used.block_table_bytes.saturating_add(missing);
            let most = self.limits.block_table_bytes;
            (used.block_table_bytes, most, "max-block-table-bytes")
        })?;
        self.fill(missing, offset, buffer)
    }

    fn fill(&self, missing: u64, offset: u64, buffer: &mut [u8]) -> Result<()> {
        if missing == 0 {
            copy_or_zero(self.head, offset, buffer);
            return Ok(());
        }
        self.reader.read_at(offset, buffer)
    }

    /// `length` bytes from `offset`. The caller has checked `length` against `limits`.
    pub fn bytes(&self, offset: u64, length: usize) -> Result<Vec<u8>> {
        // Counted before there is a buffer: what is too much is not allocated either.
        let missing = self.missing(offset, length);
        if missing > 0 {
            self.count_bytes(missing)?;
        }
        let mut buffer = vec![0; length];
        self.fill(missing, offset, &mut buffer)?;
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

#[cold]
fn too_much(name: &str, most: u64) -> Error {
    Error::limit(format!("too much to read: {name} is {most}"))
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
    use crate::error::Code;

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

    fn limited(name: &str, value: u64) -> Limits {
        let mut limits = Limits::default();
        limits.set(name, value).unwrap();
        limits
    }

    #[test]
    fn what_is_read_is_counted_and_ends_at_the_limit() {
        let memory = Memory(&[7; 100]);
        let limits = limited("max-read-bytes", 50);
        let source = Source::new(&memory, &[7; 10]).with_limits(&limits);
        source.bytes(0, 10).unwrap();
        assert_eq!(source.used().bytes_read, 10);
        source.bytes(90, 20).unwrap();
        source.be64(1 << 40).unwrap();
        assert_eq!(source.used().bytes_read, 20);
        assert_eq!(source.bytes(10, 31).unwrap_err().code(), Code::Limit);
        let extent = source.extent(&memory, &[7; 10]).unwrap();
        extent.bytes(10, 20).unwrap();
        assert_eq!(
            (source.used().bytes_read, extent.used()),
            (50, source.used())
        );
        assert_eq!(extent.le16(50).unwrap_err().code(), Code::Limit);
        assert!(source.extent(&memory, &[7; 1]).is_err());
    }

    #[test]
    fn a_block_table_is_counted_apart() {
        let memory = Memory(&[7; 100]);
        let limits = limited("max-block-table-bytes", 50);
        let source = Source::new(&memory, &[]).with_limits(&limits);
        source.read_block_table(0, &mut [0; 50]).unwrap();
        assert!(source.read_block_table(50, &mut [0; 1]).is_err());
        source.read_block_table(100, &mut [0; 50]).unwrap();
        let used = source.used();
        assert_eq!((used.bytes_read, used.block_table_bytes), (0, 50));
    }

    #[test]
    fn steps_end_at_the_limit() {
        let limits = limited("max-steps", 10);
        let source = Source::new(&Memory(b""), b"").with_limits(&limits);
        source.step(10).unwrap();
        let error = source.step(1).unwrap_err();
        assert_eq!(error.code(), Code::Limit);
        assert!(error.to_string().contains("max-steps"), "{error}");
        assert!(source.step(u64::MAX).is_err());
    }
}
