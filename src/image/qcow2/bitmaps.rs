//! The directory of persistent bitmaps (`docs/interop/qcow2`, section "Bitmaps").
//!
//! QEMU loads the bitmaps whenever it opens an image, so what makes that fail is an error here:
//! the tables are read and checked, the bits themselves are not.

use std::collections::HashSet;

use super::extensions::BitmapDirectory;
use super::header::Header;
use crate::error::{Error, Result};
use crate::io::{Source, Window};
use crate::limits::{self, Limits};
use crate::text::until_nul;

/// Bytes of the fixed part of a directory entry.
const ENTRY: u64 = 24;
/// Bytes of an entry of a bitmap's table.
const TABLE_ENTRY: u64 = 8;
/// Without an offset: all bits of this cluster are set.
const TABLE_ENTRY_ALL_ONES: u64 = 1;
/// Where a cluster of the bitmap lies, 0 if nowhere.
const TABLE_ENTRY_OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
const TABLE_ENTRY_RESERVED: u64 = !(TABLE_ENTRY_OFFSET | TABLE_ENTRY_ALL_ONES);
/// Dirty tracking, the only type there is.
const DIRTY_TRACKING: u8 = 1;
/// How much of a table is read at once.
const CHUNK: u64 = 64 << 10;

/// A persistent bitmap, as the directory describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitmap {
    /// Its name.
    pub name: Vec<u8>,
    /// log2 of the bytes that one bit stands for.
    pub granularity_bits: u8,
    /// It was not saved properly: its contents are worth nothing.
    pub in_use: bool,
    /// It must track all changes to the disk.
    pub auto: bool,
    /// Where its table lies.
    pub table_offset: u64,
    /// Entries of its table.
    pub table_size: u32,
}

impl Bitmap {
    /// Bytes that one bit stands for.
    pub fn granularity(&self) -> u64 {
        1 << self.granularity_bits
    }
}

/// Reads the directory.
pub(super) fn read(
    source: &Source<'_>,
    header: &Header,
    directory: &BitmapDirectory,
) -> Result<Vec<Bitmap>> {
    let end = match directory.offset.checked_add(directory.size) {
        Some(end) if directory.size > 0 => end,
        _ => return Err(Error::corrupt("empty bitmap directory").at(directory.offset)),
    };
    let mut window = Window::new(source, end);
    let mut bitmaps = Vec::new();
    let mut offset = directory.offset;
    while offset < end {
        if bitmaps.len() as u64 >= u64::from(directory.count) {
            return Err(Error::corrupt("more bitmaps than the header says").at(offset));
        }
        source.step(1)?;
        let (bitmap, next) =
            entry(&mut window, source.limits(), header, offset, end).map_err(|e| e.at(offset))?;
        bitmaps.push(bitmap);
        offset = next;
    }
    if bitmaps.len() as u64 != u64::from(directory.count) {
        return Err(Error::corrupt("fewer bitmaps than the header says").at(directory.offset));
    }
    check_loadable(source, header, &bitmaps)?;
    Ok(bitmaps)
}

/// Whether QEMU can load them all: names stand alone, tables have the right length and entries.
fn check_loadable(source: &Source<'_>, header: &Header, bitmaps: &[Bitmap]) -> Result<()> {
    let mut names = HashSet::new();
    let mut tables_bytes = 0;
    for bitmap in bitmaps {
        source.step(1)?;
        let failed = |why: &str| {
            let name = crate::text::printable(&bitmap.name);
            Error::corrupt(format!("bitmap '{name}' {why}")).at(bitmap.table_offset)
        };
        if !names.insert(bitmap.name.as_slice()) {
            // One that is in use is passed over if the name is taken.
            if bitmap.in_use {
                continue;
            }
            return Err(failed("appears twice"));
        }
        let bits = header.virtual_size().div_ceil(bitmap.granularity());
        if bits > 1 << limits::QCOW2_BITMAP_BITS_LOG2 {
            return Err(failed("is too fine for the disk"));
        }
        if bitmap.in_use {
            continue;
        }
        let bytes = bits.div_ceil(64) * 8;
        if bytes.div_ceil(header.cluster_size()) != u64::from(bitmap.table_size) {
            return Err(failed("has a table of the wrong length"));
        }
        tables_bytes += u64::from(bitmap.table_size) * TABLE_ENTRY;
        if tables_bytes > limits::QCOW2_BITMAP_TABLES_BYTES {
            return Err(Error::limit("bitmap tables").at(bitmap.table_offset));
        }
        check_table(source, header, bitmap, failed)?;
    }
    Ok(())
}

fn check_table(
    source: &Source<'_>,
    header: &Header,
    bitmap: &Bitmap,
    failed: impl Fn(&str) -> Error,
) -> Result<()> {
    let length = u64::from(bitmap.table_size) * TABLE_ENTRY;
    if bitmap.table_offset > limits::IMAGE_BYTES - length {
        return Err(failed("has its table too far out"));
    }
    // Behind the end of the file are zeros: clusters of the bitmap that are nowhere.
    let file_end = source.size().checked_next_multiple_of(TABLE_ENTRY);
    let end = (bitmap.table_offset + length).min(file_end.unwrap_or(u64::MAX));
    let mut offset = bitmap.table_offset;
    while offset < end {
        let chunk = source.bytes(offset, CHUNK.min(end - offset) as usize)?;
        source.step(chunk.len() as u64 / TABLE_ENTRY)?;
        for entry in chunk.chunks_exact(TABLE_ENTRY as usize) {
            let entry = entry.iter().fold(0, |n, &byte| n << 8 | u64::from(byte));
            let cluster = entry & TABLE_ENTRY_OFFSET;
            let broken = entry & TABLE_ENTRY_RESERVED != 0
                || cluster % header.cluster_size() != 0
                || (cluster != 0 && entry & TABLE_ENTRY_ALL_ONES != 0);
            if broken {
                return Err(failed("has a broken table"));
            }
        }
        offset += chunk.len() as u64;
    }
    Ok(())
}

/// `length` bytes of a directory that ends at `end`, or an error if that is before.
fn within(window: &mut Window<'_>, end: u64, offset: u64, length: u64) -> Result<Vec<u8>> {
    if length > end.saturating_sub(offset) {
        return Err(directory_ends());
    }
    window.bytes(offset, length as usize)
}

#[cold]
fn directory_ends() -> Error {
    Error::corrupt("bitmap directory ends within an entry")
}

fn entry(
    window: &mut Window<'_>,
    limits: &Limits,
    header: &Header,
    offset: u64,
    end: u64,
) -> Result<(Bitmap, u64)> {
    let fixed = within(window, end, offset, ENTRY)?;
    let be16 = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
    let be32 = |at: usize| u32::from(be16(at)) << 16 | u32::from(be16(at + 2));
    let be64 = |at: usize| u64::from(be32(at)) << 32 | u64::from(be32(at + 4));
    let (flags, kind, granularity_bits, name_size) = (be32(12), fixed[16], fixed[17], be16(18));
    let size = (ENTRY + u64::from(name_size) + u64::from(be32(20))).next_multiple_of(8);
    if size > end - offset {
        return Err(directory_ends());
    }
    if be32(20) != 0 {
        return Err(Error::unsupported("extra data of bitmaps"));
    }
    if u64::from(name_size) > limits.name {
        let what = format!("name of a bitmap of {name_size} bytes");
        return Err(limits::above(what, "max-name", limits.name));
    }
    let name = within(window, end, offset + ENTRY, u64::from(name_size))?;
    let bitmap = Bitmap {
        name: until_nul(&name).to_vec(),
        granularity_bits,
        in_use: flags & 1 != 0,
        auto: flags & 2 != 0,
        table_offset: be64(0),
        table_size: be32(8),
    };
    check(&bitmap, header, flags, kind, name_size)?;
    Ok((bitmap, offset + size))
}

fn check(bitmap: &Bitmap, header: &Header, flags: u32, kind: u8, name_size: u16) -> Result<()> {
    let bytes = u64::from(bitmap.table_size) << header.cluster_bits;
    // A bitmap that is in use may be of the wrong size: the disk may have been resized since.
    let covered = |granularity: u8| (u128::from(bytes) * 8) << granularity;
    let broken = bitmap.table_size == 0
        || bitmap.table_size > limits::QCOW2_BITMAP_TABLE_ENTRIES
        || bitmap.table_offset == 0
        || bitmap.table_offset % header.cluster_size() != 0
        || !limits::QCOW2_BITMAP_GRANULARITY_BITS.contains(&bitmap.granularity_bits)
        || flags & !3 != 0
        || name_size > limits::QCOW2_BITMAP_NAME
        || kind != DIRTY_TRACKING
        || bytes > limits::QCOW2_BITMAP_BYTES
        || (!bitmap.in_use && u128::from(header.virtual_size()) > covered(bitmap.granularity_bits));
    if broken {
        return Err(Error::corrupt(format!(
            "bitmap '{}' breaks the format's rules",
            crate::text::printable(&bitmap.name)
        )));
    }
    Ok(())
}
