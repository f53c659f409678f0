//! The key slots of a LUKS header (specification, "PHDR key slots").

use crate::error::{Error, Result};
use crate::image::fields::Fields;
use crate::image::request::SECTOR;

/// Sectors that the header takes, key slots included; key material is aligned to it.
pub(super) const HEADER_SECTORS: u32 = 8;
/// Where the slots begin in the header.
pub(super) const KEY_SLOTS: usize = 208;
/// Number of slots.
pub(super) const SLOTS: usize = 8;
/// Bytes of a slot.
pub(super) const SLOT: usize = 48;
/// `active` of a slot with a key.
const SLOT_ENABLED: u32 = 0x00ac_71f3;
/// `active` of a slot without a key.
pub(super) const SLOT_DISABLED: u32 = 0x0000_dead;
/// Anti-forensic stripes of a key: the specification knows no other number.
pub(super) const STRIPES: u32 = 4000;

/// Byte offsets of a key slot's fields.
pub(super) mod offset_of {
    /// u32.
    pub const ACTIVE: usize = 0;
    /// u32.
    pub const ITERATIONS: usize = 4;
    /// u32, sectors.
    pub const KEY_OFFSET: usize = 40;
    /// u32.
    pub const STRIPES: usize = 44;
}

/// One key slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeySlot {
    /// Rounds and stripes of the key that the slot holds. None if it holds none.
    pub key: Option<SlotKey>,
    /// Where its key material lies, in bytes.
    pub key_offset: u64,
}

/// How the key in a slot is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotKey {
    /// Rounds that turn the passphrase into a key.
    pub iters: u32,
    /// Anti-forensic stripes.
    pub stripes: u32,
}

/// Reads the slots of a header whose keys have so many bytes and whose encrypted data begins at the
/// sector `payload`.
pub(super) fn read(header: Fields<'_>, key_bytes: u32, payload: u32) -> Result<[KeySlot; SLOTS]> {
    let mut slots = [KeySlot::default(); SLOTS];
    // All slots have the same number of stripes, hence the same length. QEMU's words are 32 bits
    // wide here, and wrap.
    let sectors = u64::from(key_bytes.wrapping_mul(STRIPES)).div_ceil(SECTOR);
    let sectors = sectors.next_multiple_of(u64::from(HEADER_SECTORS));
    for (i, slot) in slots.iter_mut().enumerate() {
        let field = |at: usize| header.be32(KEY_SLOTS + i * SLOT + at);
        let corrupt = |what: &str| Error::corrupt(format!("key slot {i}: {what}"));
        let start = field(offset_of::KEY_OFFSET);
        let stripes = field(offset_of::STRIPES);
        let iters = field(offset_of::ITERATIONS);
        if stripes != STRIPES {
            return Err(corrupt("wrong number of stripes"));
        }
        slot.key = match field(offset_of::ACTIVE) {
            SLOT_DISABLED => None,
            SLOT_ENABLED if iters == 0 => return Err(corrupt("no iterations")),
            SLOT_ENABLED => Some(SlotKey { iters, stripes }),
            _ => return Err(corrupt("neither enabled nor disabled")),
        };
        if start < HEADER_SECTORS {
            return Err(corrupt("overlaps the LUKS header"));
        }
        if start.wrapping_add(sectors as u32) > payload {
            return Err(corrupt("overlaps the encrypted data"));
        }
        slot.key_offset = u64::from(start) * SECTOR;
    }
    let overlap = |a: &KeySlot, b: &KeySlot| a.key_offset.abs_diff(b.key_offset) < sectors * SECTOR;
    for (i, slot) in slots.iter().enumerate() {
        if slots[i + 1..].iter().any(|other| overlap(slot, other)) {
            return Err(Error::corrupt(format!("key slot {i} overlaps another")));
        }
    }
    Ok(slots)
}
