//! The two headers, of which one counts (MS-VHDX, "Header").

use super::super::fields::Fields;
use super::checksum;
use super::guid::Guid;
use crate::error::{Error, Result};
use crate::io::Source;

const OFFSETS: [u64; 2] = [64 << 10, 128 << 10];
/// The checksum covers all of it.
const LENGTH: usize = 4096;
/// What of it has a meaning.
const MEANINGFUL: usize = 80;
const SIGNATURE: [u8; 4] = *b"head";
const VERSION: u16 = 1;

/// Byte offsets of the header's fields.
mod offset_of {
    /// u64.
    pub const SEQUENCE_NUMBER: usize = 8;
    /// GUID that the entries of the log bear.
    pub const LOG_GUID: usize = 48;
    /// u16.
    pub const LOG_VERSION: usize = 64;
    /// u16.
    pub const VERSION: usize = 66;
    /// u32, bytes.
    pub const LOG_LENGTH: usize = 68;
    /// u64.
    pub const LOG_OFFSET: usize = 72;
}

/// What the header that counts says.
pub(super) struct Header {
    /// Entries of the log with another GUID do not count; zero if none does.
    pub log_guid: Guid,
    /// Version of the log's format.
    pub log_version: u16,
    /// Bytes of the log.
    pub log_length: u32,
    /// Where it lies.
    pub log_offset: u64,
}

impl Header {
    /// The valid header with the higher sequence number. Two different ones with the same number
    /// are no header.
    pub fn read(source: &Source<'_>) -> Result<Header> {
        let first = valid(source, OFFSETS[0])?;
        let second = valid(source, OFFSETS[1])?;
        let chosen = match (first, second) {
            (Some(first), Some(second)) => match sequence(&first).cmp(&sequence(&second)) {
                std::cmp::Ordering::Greater => Some(first),
                std::cmp::Ordering::Less => Some(second),
                // Disk2vhd writes the same header twice.
                std::cmp::Ordering::Equal => {
                    (first[..MEANINGFUL] == second[..MEANINGFUL]).then_some(first)
                }
            },
            (first, second) => first.or(second),
        };
        let bytes = chosen.ok_or_else(|| Error::corrupt("no valid header").at(OFFSETS[0]))?;
        let fields = Fields(&bytes);
        Ok(Header {
            log_guid: fields.array(offset_of::LOG_GUID),
            log_version: fields.le16(offset_of::LOG_VERSION),
            log_length: fields.le32(offset_of::LOG_LENGTH),
            log_offset: fields.le64(offset_of::LOG_OFFSET),
        })
    }
}

fn valid(source: &Source<'_>, offset: u64) -> Result<Option<Vec<u8>>> {
    let bytes = source.bytes(offset, LENGTH)?;
    let valid = bytes.starts_with(&SIGNATURE)
        && Fields(&bytes).le16(offset_of::VERSION) == VERSION
        && checksum::is_valid(&bytes);
    Ok(valid.then_some(bytes))
}

fn sequence(header: &[u8]) -> u64 {
    Fields(header).le64(offset_of::SEQUENCE_NUMBER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::Memory;

    fn put_header(file: &mut [u8], which: usize, sequence: u64, log_offset: u64) {
        let header = &mut file[OFFSETS[which] as usize..][..LENGTH];
        header[..4].copy_from_slice(&SIGNATURE);
        header[offset_of::SEQUENCE_NUMBER..][..8].copy_from_slice(&sequence.to_le_bytes());
        header[offset_of::VERSION..][..2].copy_from_slice(&VERSION.to_le_bytes());
        header[offset_of::LOG_OFFSET..][..8].copy_from_slice(&log_offset.to_le_bytes());
        let mut crc = checksum::Crc32c::new();
        crc.add_structure(header);
        header[4..8].copy_from_slice(&crc.value().to_le_bytes());
    }

    fn log_offset(file: &[u8]) -> Option<u64> {
        let header = Header::read(&Source::new(&Memory(file), file));
        header.ok().map(|header| header.log_offset)
    }

    #[test]
    fn the_higher_sequence_number_wins_if_its_header_is_valid() {
        let mut file = vec![0; 256 << 10];
        assert_eq!(log_offset(&file), None);
        put_header(&mut file, 0, 7, 1);
        assert_eq!(log_offset(&file), Some(1));
        put_header(&mut file, 1, 8, 2);
        assert_eq!(log_offset(&file), Some(2));
        file[OFFSETS[1] as usize + 4] ^= 1;
        assert_eq!(log_offset(&file), Some(1));
    }

    #[test]
    fn equal_numbers_are_only_allowed_on_equal_headers() {
        let mut file = vec![0; 256 << 10];
        put_header(&mut file, 0, 7, 1);
        put_header(&mut file, 1, 7, 1);
        assert_eq!(log_offset(&file), Some(1));
        put_header(&mut file, 1, 7, 2);
        assert_eq!(log_offset(&file), None);
    }
}
