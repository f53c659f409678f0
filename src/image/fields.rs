//! Reading fields out of a structure that is at hand, by their offsets.

/// The bytes of an on-disk structure. What lies past their end reads as zero.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    /// `length` bytes at `at`; fewer if the structure ends before.
    pub fn bytes(self, at: usize, length: usize) -> &'a [u8] {
        let end = at.saturating_add(length).min(self.0.len());
        self.0.get(at..end).unwrap_or_default()
    }

    /// `N` bytes at `at`.
    pub fn array<const N: usize>(self, at: usize) -> [u8; N] {
        let mut array = [0; N];
        let bytes = self.bytes(at, N);
        array[..bytes.len()].copy_from_slice(bytes);
        array
    }

    /// One byte.
    pub fn u8(self, at: usize) -> u8 {
        u8::from_le_bytes(self.array(at))
    }

    /// Little-endian u16.
    pub fn le16(self, at: usize) -> u16 {
        u16::from_le_bytes(self.array(at))
    }

    /// Little-endian u32.
    pub fn le32(self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    /// Little-endian u64.
    pub fn le64(self, at: usize) -> u64 {
        u64::from_le_bytes(self.array(at))
    }

    /// Big-endian u16.
    pub fn be16(self, at: usize) -> u16 {
        u16::from_be_bytes(self.array(at))
    }

    /// Big-endian u32.
    pub fn be32(self, at: usize) -> u32 {
        u32::from_be_bytes(self.array(at))
    }

    /// Big-endian u64.
    pub fn be64(self, at: usize) -> u64 {
        u64::from_be_bytes(self.array(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_the_end_there_are_zeros() {
        let fields = Fields(&[1, 2, 3]);
        assert_eq!(fields.le16(0), 0x201);
        assert_eq!(fields.be32(1), 0x0203_0000);
        assert_eq!(fields.be64(usize::MAX), 0);
        assert_eq!(fields.bytes(2, 9), [3]);
    }
}
