//! How large an image would become: `qemu-img measure` for raw and qcow2, from the size of a disk
//! and the options that the image would be created with.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::ImageFormat;
use super::request::SECTOR;
use crate::error::{Error, Result};
use crate::limits;
use crate::text::printable;

/// What an image takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Bytes for what there is to store.
    pub required: u64,
    /// Bytes once all of the disk has been written.
    pub fully_allocated: u64,
    /// Bytes for the persistent bitmaps of the source, where both formats have them.
    pub bitmaps: Option<u64>,
}

/// In the order in which `qemu-img measure --output=json` prints it.
impl Serialize for Measure {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Measure", 3)?;
        match &self.bitmaps {
            Some(bytes) => map.serialize_field("bitmaps", bytes)?,
            None => map.skip_field("bitmaps")?,
        }
        map.serialize_field("required", &self.required)?;
        map.serialize_field("fully-allocated", &self.fully_allocated)?;
        map.end()
    }
}

/// How a qcow2 image is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Qcow2Layout {
    /// log2 of the cluster size.
    pub cluster_bits: u32,
    /// log2 of the width of a refcount in bits.
    pub refcount_order: u32,
    /// Whether L2 entries have subcluster bitmaps.
    pub extended_l2: bool,
}

impl Qcow2Layout {
    /// Bytes of the whole image for a disk of `size` bytes, all of it allocated.
    pub fn fully_allocated(&self, size: u64) -> Option<u64> {
        let cluster = 1u64 << self.cluster_bits;
        let data = size.checked_next_multiple_of(cluster)? / cluster;
        let l2_tables = data.div_ceil(self.l2_entries());
        let l1 = (l2_tables * 8).div_ceil(cluster);
        let counted = 1 + data + l2_tables + l1;
        let clusters = counted + refcount_clusters(counted, self.cluster_bits, self.refcount_order);
        clusters.checked_mul(cluster)
    }

    fn l2_entries(&self) -> u64 {
        1 << (self.cluster_bits - if self.extended_l2 { 4 } else { 3 })
    }
}

/// Clusters of the refcount table and blocks for so many other clusters and themselves.
pub(crate) fn refcount_clusters(clusters: u64, cluster_bits: u32, refcount_order: u32) -> u64 {
    let per_block = 1u64 << (cluster_bits + 3 - refcount_order);
    let (mut table, mut blocks) = (0, 0);
    loop {
        let needed = (clusters + table + blocks).div_ceil(per_block);
        let table_needed = (needed * 8).div_ceil(1 << cluster_bits);
        if (table_needed, needed) == (table, blocks) {
            return table + blocks;
        }
        (table, blocks) = (table_needed, needed);
    }
}

/// Options for creating an image, as `-o` takes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateOptions {
    /// The layout, for qcow2.
    pub layout: Qcow2Layout,
    /// 2 or 3.
    version: u32,
    /// Whether all of the disk is allocated at once.
    preallocated: bool,
    /// Whether the image would stand on another one.
    backing: bool,
}

impl Default for CreateOptions {
    fn default() -> Self {
        CreateOptions {
            layout: Qcow2Layout {
                cluster_bits: 16,
                refcount_order: 4,
                extended_l2: false,
            },
            version: 3,
            preallocated: false,
            backing: false,
        }
    }
}

impl CreateOptions {
    /// Understands options such as `cluster_size=128k`, of an image of this format.
    pub fn parse<'a>(
        format: ImageFormat,
        options: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self> {
        let mut parsed = CreateOptions::default();
        for option in options {
            let text = std::str::from_utf8(option).map_err(|_| invalid(option))?;
            // An option alone is a switch that is on.
            let (name, value) = text.split_once('=').unwrap_or((text, "on"));
            let known = match format {
                ImageFormat::Qcow2 => parsed.set_qcow2(name, value)?,
                ImageFormat::Raw => set_raw(name, value)?,
                _ => return Err(unsupported(format)),
            };
            if !known {
                let shown = printable(name.as_bytes());
                return Err(Error::argument(format!("unknown option '{shown}'")));
            }
        }
        parsed.check()?;
        Ok(parsed)
    }

    fn set_qcow2(&mut self, name: &str, value: &str) -> Result<bool> {
        let invalid = || invalid(format!("{name}={value}").as_bytes());
        match name {
            "cluster_size" => {
                let bytes = size(value).ok_or_else(invalid)?;
                if !bytes.is_power_of_two()
                    || !limits::QCOW2_CLUSTER_BITS.contains(&bytes.trailing_zeros())
                {
                    return Err(invalid());
                }
                self.layout.cluster_bits = bytes.trailing_zeros();
            }
            "refcount_bits" => {
                let bits: u64 = value.parse().map_err(|_| invalid())?;
                if !bits.is_power_of_two() || bits > 64 {
                    return Err(invalid());
                }
                self.layout.refcount_order = bits.trailing_zeros();
            }
            "extended_l2" => self.layout.extended_l2 = switch(value).ok_or_else(invalid)?,
            "compat" => {
                self.version = match value {
                    "0.10" => 2,
                    "1.1" => 3,
                    _ => return Err(invalid()),
                }
            }
            "preallocation" => {
                self.preallocated = match value {
                    "off" | "metadata" => false,
                    "falloc" | "full" => true,
                    _ => return Err(invalid()),
                }
            }
            "backing_file" => self.backing = true,
            "lazy_refcounts" | "data_file_raw" | "nocow" => {
                switch(value).ok_or_else(invalid)?;
            }
            "backing_fmt" | "data_file" | "compression_type" => {}
            "extent_size_hint" => {
                size(value).ok_or_else(invalid)?;
            }
            "encryption" | "encrypt.format" => {
                return Err(Error::unsupported("encrypted images are not measured"));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn check(&self) -> Result<()> {
        if self.layout.extended_l2 && self.layout.cluster_bits < 14 {
            let message = "extended_l2 needs clusters of at least 16 KiB";
            return Err(Error::argument(message));
        }
        if self.version < 3 && self.layout.refcount_order != 4 {
            return Err(Error::argument("compat=0.10 has refcounts of 16 bits only"));
        }
        Ok(())
    }
}

fn set_raw(name: &str, value: &str) -> Result<bool> {
    let invalid = || invalid(format!("{name}={value}").as_bytes());
    match name {
        // QEMU looks at it only when it makes the image.
        "preallocation" => Ok(true),
        "nocow" => switch(value).map(|_| true).ok_or_else(invalid),
        "extent_size_hint" => size(value).map(|_| true).ok_or_else(invalid),
        _ => Ok(false),
    }
}

/// What is stored of a source, for [`measure`].
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Bytes of the disk.
    pub size: u64,
    /// Bytes of data in it, in whole clusters of the new image.
    pub data: u64,
    /// Bytes for its persistent bitmaps in the new image; None if its format has none.
    pub bitmaps: Option<u64>,
}

/// What an image of `format` takes for this disk.
pub fn measure(format: ImageFormat, options: &CreateOptions, disk: &Disk) -> Result<Measure> {
    let size = match disk {
        Disk::Empty(size) => *size,
        Disk::Filled(source) => source.size,
    };
    let too_large = || Error::argument(format!("a disk of {size} bytes is too large"));
    match format {
        ImageFormat::Raw => {
            let bytes = size
                .checked_next_multiple_of(SECTOR)
                .ok_or_else(too_large)?;
            Ok(Measure {
                required: bytes,
                fully_allocated: bytes,
                bitmaps: None,
            })
        }
        ImageFormat::Qcow2 => {
            let layout = &options.layout;
            let cluster = 1u64 << layout.cluster_bits;
            let disk_bytes = size
                .checked_next_multiple_of(cluster)
                .ok_or_else(too_large)?;
            let tables = (disk_bytes / cluster).div_ceil(layout.l2_entries());
            if tables * 8 > limits::QCOW2_L1_BYTES {
                return Err(too_large());
            }
            let fully_allocated = layout.fully_allocated(size).ok_or_else(too_large)?;
            let (data, bitmaps) = match disk {
                Disk::Filled(_) if options.backing => (disk_bytes, None),
                Disk::Filled(source) => (source.data, source.bitmaps),
                Disk::Empty(_) => (0, None),
            };
            let data = if options.preallocated {
                disk_bytes
            } else {
                data
            };
            Ok(Measure {
                required: fully_allocated - disk_bytes + data,
                fully_allocated,
                bitmaps: bitmaps.filter(|_| options.version >= 3),
            })
        }
        _ => Err(unsupported(format)),
    }
}

/// What is to be stored.
#[derive(Clone, Copy, Debug)]
pub enum Disk {
    /// A new disk of so many bytes.
    Empty(u64),
    /// One that exists.
    Filled(Source),
}

fn invalid(option: &[u8]) -> Error {
    Error::argument(format!("option '{}' is not valid", printable(option)))
}

fn unsupported(format: ImageFormat) -> Error {
    Error::unsupported(format!(
        "images of format {} are not measured",
        format.name()
    ))
}

fn switch(value: &str) -> Option<bool> {
    match value {
        "on" | "yes" | "true" | "y" => Some(true),
        "off" | "no" | "false" | "n" => Some(false),
        _ => None,
    }
}

/// A number of bytes, with a suffix of powers of 1024.
fn size(value: &str) -> Option<u64> {
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match &value[digits.len()..] {
        "" | "b" | "B" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        "t" | "T" => 40,
        _ => return None,
    };
    let number: u64 = digits.parse().ok()?;
    number.checked_mul(1 << shift)
}
