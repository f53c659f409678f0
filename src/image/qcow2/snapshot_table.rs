//! The table of internal snapshots (`docs/interop/qcow2`, section "Snapshots").

use super::header::{Header, offset_of};
use crate::error::{Error, Result};
use crate::image::info::Snapshot;
use crate::io::{Source, Window};
use crate::limits::{self, Limits};
use crate::text::until_nul;

/// Bytes of the fixed part of an entry.
pub(super) const ENTRY: u64 = 40;
/// Longest identifier that QEMU prints, in bytes.
pub const ID_PRINTED: usize = 127;
/// Longest name that QEMU prints, in bytes.
pub const NAME_PRINTED: usize = 255;

/// Reads the whole table, and says how many bytes it has; the number of entries is checked already.
pub(super) fn read(source: &Source<'_>, header: &Header) -> Result<(Vec<Snapshot>, u64)> {
    let mut snapshots = Vec::new();
    let mut offset = header.snapshots_offset;
    let mut window = Window::new(source, u64::MAX);
    let mut bytes = 0;
    for index in 0..header.nb_snapshots {
        let start = offset;
        source.step(1)?;
        let (snapshot, end) = entry(&mut window, source.limits(), header, start)
            .map_err(|e| e.at(start))?
            .ok_or_else(|| {
                Error::corrupt(format!("too much extra data in snapshot {index}")).at(start)
            })?;
        if end - header.snapshots_offset > limits::QCOW2_SNAPSHOT_TABLE_BYTES {
            return Err(Error::limit("snapshot table").at(offset_of::SNAPSHOTS_OFFSET));
        }
        if end > limits::IMAGE_BYTES {
            return Err(Error::corrupt(format!("snapshot {index} lies too far out")).at(start));
        }
        snapshots.push(snapshot);
        bytes = end - header.snapshots_offset;
        offset = end.next_multiple_of(8);
    }
    Ok((snapshots, bytes))
}

/// The entry at `offset` and where it ends; None if its extra data are too long.
fn entry(
    window: &mut Window<'_>,
    limits: &Limits,
    header: &Header,
    offset: u64,
) -> Result<Option<(Snapshot, u64)>> {
    let fixed: [u8; ENTRY as usize] = window.array(offset)?;
    let be16 = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
    let be32 = |at: usize| u32::from(be16(at)) << 16 | u32::from(be16(at + 2));
    let be64 = |at: usize| u64::from(be32(at)) << 32 | u64::from(be32(at + 4));
    let extra_size = be32(36);
    if extra_size > limits::QCOW2_SNAPSHOT_EXTRA_DATA {
        return Ok(None);
    }
    let extra_at = offset + ENTRY;
    let extra: [u8; 24] = window.array(extra_at)?;
    let extra64 = |at: usize| {
        let known = extra_size as usize >= at + 8;
        let bytes = [0, 1, 2, 3, 4, 5, 6, 7].map(|i| extra[at + i]);
        known.then(|| u64::from_be_bytes(bytes))
    };
    let longest = u64::from(be16(12).max(be16(14)));
    if longest > limits.name {
        let what = format!("name of a snapshot of {longest} bytes");
        return Err(limits::above(what, "max-name", limits.name));
    }
    let id_at = extra_at + u64::from(extra_size);
    let name_at = id_at + u64::from(be16(12));
    let mut text = |at: u64, length: u16, printed: usize| -> Result<Vec<u8>> {
        let bytes = window.bytes(at, usize::from(length).min(printed))?;
        Ok(until_nul(&bytes).to_vec())
    };
    let snapshot = Snapshot {
        id: text(id_at, be16(12), ID_PRINTED)?,
        name: text(name_at, be16(14), NAME_PRINTED)?,
        vm_state_size: extra64(0).unwrap_or(u64::from(be32(32))),
        date_sec: be32(16),
        date_nsec: be32(20),
        vm_clock_nsec: be64(24),
        icount: extra64(16).filter(|&icount| icount != u64::MAX),
        disk_size: extra64(8).unwrap_or(header.virtual_size()),
        l1_table_offset: be64(0),
        l1_size: be32(8),
        extra_data_size: extra_size,
    };
    Ok(Some((snapshot, name_at + u64::from(be16(14)))))
}
