//! `pven_limits`: what an image may cost, by the names of the core's table.

use pve_native_core as core;
use pve_native_core::limits::Limits;

use crate::ffi::{self, Plain};

/// What an image may cost; docs/limits.md has more on each. Zero is the default everywhere. All can
/// be lowered; a value above what can be asked for is PVEN_ERR_ARGUMENT. An image that is above one
/// of them is PVEN_ERR_LIMIT.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct LimitsC {
    /// Images in one backing chain. 0: 200; at most 10000. max_depth of the options comes first.
    pub max_depth: u64,
    /// Bytes of the disk that the guest sees. 0: as many as QEMU takes.
    pub max_virtual_size: u64,
    /// vmdk: further files that hold data. 0: 4096, which is also the most.
    pub max_extents: u64,
    /// Length of a backing file name in bytes. 0: what QEMU takes.
    pub max_backing_name: u64,
    /// Length of other names in bytes: of snapshots, bitmaps, data files. 0: what the format takes.
    pub max_name: u64,
    /// qcow2: internal snapshots. 0: 65536, as many as QEMU takes.
    pub max_snapshots: u64,
    /// qcow2: persistent bitmaps. 0: 65535, as many as QEMU takes.
    pub max_bitmaps: u64,
    /// qcow2: bytes of the active L1 table. 0: 32 MiB, as many as QEMU takes.
    pub max_l1_bytes: u64,
    /// qcow2: bytes of the refcount table. 0: 8 MiB, as many as QEMU takes.
    pub max_refcount_table_bytes: u64,
    /// vpc, vhdx: bytes in use of the block allocation table. 0: 64 MiB, which is also the most.
    pub max_block_table_bytes: u64,
    /// Bytes read of one image with all its extents, that table left out. 0: 1 MiB; at most 256 MiB.
    pub max_read_bytes: u64,
    /// Structures, table entries and lines that are looked at in one image with all its extents.
    /// 0: a million; at most 100 millions.
    pub max_steps: u64,
    /// Ranges in an answer that is a list of them. 0: 4 Mi; at most 256 Mi.
    pub max_ranges: u64,
    /// Bytes of memory for counting the references of a check, one for each cluster in use.
    /// 0: 2 GiB; at most 64 GiB.
    pub max_check_bytes: u64,
}

// SAFETY: repr(C), without padding, all fields plain.
unsafe impl Plain for LimitsC {}

impl LimitsC {
    /// The values by their names in the core.
    fn by_name(self) -> [(&'static str, u64); 14] {
        [
            ("max-depth", self.max_depth),
            ("max-virtual-size", self.max_virtual_size),
            ("max-extents", self.max_extents),
            ("max-backing-name", self.max_backing_name),
            ("max-name", self.max_name),
            ("max-snapshots", self.max_snapshots),
            ("max-bitmaps", self.max_bitmaps),
            ("max-l1-bytes", self.max_l1_bytes),
            ("max-refcount-table-bytes", self.max_refcount_table_bytes),
            ("max-block-table-bytes", self.max_block_table_bytes),
            ("max-read-bytes", self.max_read_bytes),
            ("max-steps", self.max_steps),
            ("max-ranges", self.max_ranges),
            ("max-check-bytes", self.max_check_bytes),
        ]
    }
}

/// Reads the limits that options point to.
///
/// # Safety
/// NULL or a pointer to `size` bytes.
pub unsafe fn read(limits: *const LimitsC, size: usize) -> core::Result<Limits> {
    let mut read = Limits::DEFAULT;
    if limits.is_null() {
        return Ok(read);
    }
    if size == 0 {
        return Err(core::Error::argument("limits_size is 0"));
    }
    // SAFETY: as this function demands.
    let limits = unsafe { ffi::options(limits, size)? };
    for (name, value) in limits.by_name() {
        read.set(name, value)?;
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_of_the_core_can_be_set() {
        let ours = LimitsC::zeroed().by_name().map(|(name, _)| name);
        let core: Vec<&str> = Limits::TABLE.iter().map(|limit| limit.name).collect();
        assert_eq!(ours[..], core);
    }
}
