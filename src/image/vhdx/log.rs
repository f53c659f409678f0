//! The log: an image whose log holds a change cannot be read before it is replayed (MS-VHDX,
//! "Log").
//!
//! Nothing is replayed here: QEMU refuses such an image when it opens it for reading only. So it
//! is enough to look for the first entry that counts.

use super::super::fields::Fields;
use super::super::request;
use super::checksum::Crc32c;
use super::header::Header;
use crate::error::{Error, Result};
use crate::io::Source;
use crate::limits;

/// Offset and length of the log are multiples of it.
const ALIGNMENT: u64 = 1 << 20;
const SECTOR: u32 = 4096;
const SIGNATURE: [u8; 4] = *b"loge";
const HEADER: u32 = 64;
const DESCRIPTOR: u32 = 32;

/// What the checksum of a sector counts: a step for 16 bytes, which may all lie behind the end of
/// the file and be for nothing.
const CHECKSUM_STEPS: u64 = SECTOR as u64 / 16;

/// Byte offsets of the fields of an entry's header.
mod offset_of {
    /// u32.
    pub const CHECKSUM: usize = 4;
    /// u32, bytes.
    pub const ENTRY_LENGTH: usize = 8;
    /// u64.
    pub const SEQUENCE_NUMBER: usize = 16;
    /// u32.
    pub const DESCRIPTOR_COUNT: usize = 24;
    /// GUID, that of the image's header.
    pub const LOG_GUID: usize = 32;
}

/// Byte offsets of a descriptor's fields.
mod descriptor {
    /// u64, bytes, of a descriptor of zeros.
    pub const ZERO_LENGTH: usize = 8;
    /// u64.
    pub const FILE_OFFSET: usize = 16;
    /// u64.
    pub const SEQUENCE_NUMBER: usize = 24;
}

/// Makes sure that there is nothing to replay.
pub(super) fn check_empty(source: &Source<'_>, header: &Header) -> Result<()> {
    let (offset, length) = (header.log_offset, header.log_length);
    if offset < ALIGNMENT || offset % ALIGNMENT != 0 {
        return Err(Error::corrupt(format!("log at {offset}")));
    }
    if header.log_version != 0 {
        return Err(Error::unsupported(format!(
            "log version {}",
            header.log_version
        )));
    }
    if header.log_guid == [0; 16] || length == 0 {
        return Ok(());
    }
    if u64::from(length) % ALIGNMENT != 0 {
        return Err(Error::corrupt(format!("log of {length} bytes")).at(offset));
    }
    if length > limits::VHDX_LOG_BYTES {
        return Err(Error::limit(format!("log of {length} bytes in use")).at(offset));
    }
    request::check_read("log", offset, u64::from(length))?;
    let log = Log {
        source,
        header,
        sectors: length / SECTOR,
    };
    // Behind the end of the file are zeros: sectors without an entry.
    let stored = source
        .size()
        .saturating_sub(offset)
        .div_ceil(u64::from(SECTOR));
    let mut sector = 0;
    while sector < log.sectors && u64::from(sector) < stored {
        sector += log.skip_entry(sector)?;
    }
    Ok(())
}

/// The log, a ring of sectors.
struct Log<'a> {
    source: &'a Source<'a>,
    header: &'a Header,
    sectors: u32,
}

impl Log<'_> {
    /// Reads a sector; the numbers go round.
    fn read(&self, sector: u32, buffer: &mut [u8]) -> Result<()> {
        let at = u64::from(sector % self.sectors) * u64::from(SECTOR);
        self.source.read(self.header.log_offset + at, buffer)
    }

    /// How many sectors there are without an entry that counts. An error if there is one.
    fn skip_entry(&self, sector: u32) -> Result<u32> {
        self.source.step(1)?;
        let mut head = [0; HEADER as usize];
        self.read(sector, &mut head)?;
        let fields = Fields(&head);
        let length = fields.le32(offset_of::ENTRY_LENGTH);
        let sequence = fields.le64(offset_of::SEQUENCE_NUMBER);
        let descriptors = fields.le32(offset_of::DESCRIPTOR_COUNT);
        let plausible = head.starts_with(&SIGNATURE)
            && length <= self.header.log_length
            && length % SECTOR == 0
            && sequence != 0
            && fields.array(offset_of::LOG_GUID) == self.header.log_guid
            && u64::from(descriptors) * u64::from(DESCRIPTOR) <= u64::from(length);
        if !plausible {
            return Ok(1);
        }
        // The header takes the room of two descriptors.
        let descriptor_sectors = (descriptors + 2).div_ceil(SECTOR / DESCRIPTOR);
        let sectors = descriptor_sectors.max(length / SECTOR);
        let place = u64::from(sector) * u64::from(SECTOR) + self.header.log_offset;
        // QEMU searches on behind the entry, and for ever if that is where the entry begins.
        if sectors >= self.sectors {
            return Err(Error::corrupt("an entry fills the whole log").at(place));
        }
        let mut crc = Crc32c::new();
        let mut left = descriptors;
        let mut buffer = [0; SECTOR as usize];
        for i in 0..sectors {
            self.source.step(CHECKSUM_STEPS)?;
            self.read(sector + i, &mut buffer)?;
            let mut entries = &buffer[..];
            if i == 0 {
                crc.add_structure(&buffer);
                entries = &buffer[HEADER as usize..];
            } else {
                crc.add(&buffer);
            }
            let here = entries
                .chunks_exact(DESCRIPTOR as usize)
                .take(left as usize);
            left -= here.len() as u32;
            for descriptor in here {
                if !is_descriptor(Fields(descriptor), sequence) {
                    return Err(Error::corrupt("wrong descriptor in the log").at(place));
                }
            }
        }
        if crc.value() == fields.le32(offset_of::CHECKSUM) {
            return Err(Error::unsupported(
                "the log has to be replayed; 'qemu-img check -r all' does it",
            )
            .at(place));
        }
        Ok(sectors)
    }
}

fn is_descriptor(fields: Fields<'_>, sequence: u64) -> bool {
    let aligned = |at: usize| fields.le64(at) % u64::from(SECTOR) == 0;
    let known = match &fields.array(0) {
        b"zero" => aligned(descriptor::ZERO_LENGTH),
        b"desc" => true,
        _ => false,
    };
    known
        && fields.le64(descriptor::SEQUENCE_NUMBER) == sequence
        && aligned(descriptor::FILE_OFFSET)
}
