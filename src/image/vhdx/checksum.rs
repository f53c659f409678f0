//! CRC-32C, the checksum of all of VHDX's structures (MS-VHDX, "Header").

const POLYNOMIAL: u32 = 0x82f6_3b78;

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < table.len() {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 != 0 {
                crc >> 1 ^ POLYNOMIAL
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// A checksum in the making.
pub(super) struct Crc32c(u32);

impl Crc32c {
    /// Of nothing yet.
    pub fn new() -> Self {
        Crc32c(u32::MAX)
    }

    /// Takes these bytes in.
    pub fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = TABLE[usize::from(self.0 as u8 ^ byte)] ^ self.0 >> 8;
        }
    }

    /// Takes a structure in whose own checksum lies at byte 4 and counts as zero.
    pub fn add_structure(&mut self, bytes: &[u8]) {
        self.add(&bytes[..4]);
        self.add(&[0; 4]);
        self.add(&bytes[8..]);
    }

    /// The checksum.
    pub fn value(&self) -> u32 {
        !self.0
    }
}

/// Whether a structure holds its own checksum at byte 4.
pub(super) fn is_valid(structure: &[u8]) -> bool {
    let mut crc = Crc32c::new();
    crc.add_structure(structure);
    structure[4..8] == crc.value().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_the_catalogue() {
        let mut crc = Crc32c::new();
        crc.add(b"123456789");
        assert_eq!(crc.value(), 0xe306_9283);
    }
}
