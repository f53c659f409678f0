//! A table of an image, read from front to back: of it only the part that is looked at is in
//! memory, however long its header says that it is.

use crate::error::Result;
use crate::io::ReadAt;

/// A table of which a part is in memory.
pub(super) struct Table {
    at: u64,
    entries: u64,
    entry_bytes: usize,
    /// The most bytes that are in memory.
    capacity: usize,
    first: u64,
    held: Vec<u8>,
}

impl Table {
    /// So many entries of `entry_bytes` bytes each at an offset in the file; of them at most
    /// `capacity` bytes are in memory at a time, which is at least one entry.
    pub fn new(at: u64, entries: u64, entry_bytes: usize, capacity: usize) -> Self {
        Table {
            at,
            entries,
            entry_bytes,
            capacity,
            first: 0,
            held: Vec::new(),
        }
    }

    /// Another table with entries of the same size; nothing happens if it is the same one.
    pub fn turn_to(&mut self, at: u64, entries: u64) {
        if (self.at, self.entries) != (at, entries) {
            (self.at, self.entries) = (at, entries);
            self.held.clear();
        }
    }

    /// The entries from `index` on, as many as are at hand: at least one, unless the table ends
    /// before it. What lies past the end of the file is zero.
    pub fn from(&mut self, file: &dyn ReadAt, index: u64) -> Result<&[u8]> {
        let size = self.entry_bytes as u64;
        let held = self.held.len() as u64 / size;
        if index < self.first || index >= self.first + held {
            let left = self.entries.saturating_sub(index);
            let count = left.min(self.capacity as u64 / size);
            self.held.clear();
            self.held.resize(count as usize * self.entry_bytes, 0);
            self.first = index;
            let read = file.read_at(self.at + index * size, &mut self.held);
            if let Err(error) = read {
                self.held.clear();
                return Err(error);
            }
        }
        Ok(&self.held[(index - self.first) as usize * self.entry_bytes..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Memory;

    #[test]
    fn entries_are_read_as_far_as_there_is_room() {
        let memory = Memory(b"..abcdefgh");
        let mut table = Table::new(2, 5, 2, 4);
        assert_eq!(table.from(&memory, 0).unwrap(), b"abcd");
        assert_eq!(table.from(&memory, 1).unwrap(), b"cd");
        assert_eq!(table.from(&memory, 3).unwrap(), b"gh\0\0");
        assert_eq!(table.from(&memory, 5).unwrap(), b"");
        table.turn_to(0, 1);
        assert_eq!(table.from(&memory, 0).unwrap(), b"..");
    }
}
