//! What a plan is made for, besides the wish: how new images are laid out, how much room there is,
//! how fast storage is. Callers name each of these, and write its value as text.

use super::online::Guest;
use crate::codes::codes;
use crate::error::{Error, Result};
use crate::image::measure::Qcow2Layout;
use crate::inspect::options::{count_from_text, flag_from_text};
use crate::text::printable;

codes! {
    /// What a new image has allocated from the beginning.
    pub enum Preallocation {
        /// Nothing.
        Off = "off",
        /// Its tables.
        Metadata = "metadata",
    }
}

/// What a plan is made for.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// How new images are laid out.
    pub layout: Qcow2Layout,
    /// What new images have allocated.
    pub preallocation: Preallocation,
    /// Bytes of the volume group's extents.
    pub extent_size: u64,
    /// Bytes that are free in the volume group or file system. None if that is not known: then it is
    /// not checked.
    pub free: Option<u64>,
    /// Whether images are not removed in the end, but only renamed for it, so that the caller can
    /// overwrite them first (`saferemove`).
    pub put_aside: bool,
    /// Bytes that storage moves in a second, for the estimate.
    pub rate: u64,
    /// The name of the guest's drive, such as `scsi0`, for the line that changes its configuration.
    pub drive: Option<String>,
    /// The guest that runs on the volume, on this node; its QEMU takes part in the plan. None if it is
    /// stopped.
    pub guest: Option<Guest>,
}

impl Default for Terms {
    /// Proxmox VE's layout: clusters of 128 KiB with subclusters; LVM's extents of 4 MiB.
    fn default() -> Self {
        Terms {
            layout: Qcow2Layout {
                cluster_bits: 17,
                refcount_order: 4,
                extended_l2: true,
            },
            preallocation: Preallocation::Off,
            extent_size: 4 << 20,
            free: None,
            put_aside: false,
            rate: 200 << 20,
            drive: None,
            guest: None,
        }
    }
}

/// Clusters of qcow2, and the smallest that have subclusters, as powers of two (QEMU
/// `docs/interop/qcow2`, sections "Header" and "Extended L2 Entries").
const CLUSTER_BITS: std::ops::RangeInclusive<u32> = 9..=21;
const SUBCLUSTER_BITS: u32 = 14;
/// Bytes of a drive's name at the most.
const DRIVE: usize = 32;

impl Terms {
    /// The names of all terms, as callers write them.
    pub const NAMES: [&str; 9] = [
        "bytes-per-second",
        "cluster-size",
        "drive",
        "extended-l2",
        "extent-size",
        "free",
        "guest",
        "preallocation",
        "put-aside",
    ];

    /// Sets the term called `name`. False if there is none of that name.
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> Result<bool> {
        let bytes = |name| count_from_text(name, value).map(|count| count as u64);
        let positive = |name| match bytes(name)? {
            0 => Err(Error::argument(format!("{name} is 0"))),
            bytes => Ok(bytes),
        };
        match name {
            b"bytes-per-second" => self.rate = positive("bytes-per-second")?,
            b"cluster-size" => self.layout.cluster_bits = cluster_bits(bytes("cluster-size")?)?,
            b"drive" => self.drive = Some(drive(value)?),
            b"extended-l2" => self.layout.extended_l2 = flag_from_text("extended-l2", value)?,
            b"extent-size" => self.extent_size = positive("extent-size")?,
            b"free" => self.free = Some(bytes("free")?),
            b"guest" => self.guest = Some(Guest::from_document(value)?),
            b"preallocation" => self.preallocation = preallocation(value)?,
            b"put-aside" => self.put_aside = flag_from_text("put-aside", value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// An error if they contradict each other.
    pub fn check(&self) -> Result<()> {
        if self.layout.extended_l2 && self.layout.cluster_bits < SUBCLUSTER_BITS {
            let size = 1u64 << self.layout.cluster_bits;
            return Err(Error::argument(format!(
                "cluster-size {size} is too small for extended-l2, which needs {}",
                1u64 << SUBCLUSTER_BITS
            )));
        }
        Ok(())
    }
}

fn cluster_bits(size: u64) -> Result<u32> {
    let bits = size.trailing_zeros();
    if !size.is_power_of_two() || !CLUSTER_BITS.contains(&bits) {
        let (least, most) = (1u64 << CLUSTER_BITS.start(), 1u64 << CLUSTER_BITS.end());
        return Err(Error::argument(format!(
            "cluster-size {size} is no power of two from {least} to {most}"
        )));
    }
    Ok(bits)
}

/// The name of a drive goes into commands and lines that people copy.
fn drive(name: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(name).unwrap_or_default();
    let begins = text.starts_with(|c: char| c.is_ascii_lowercase());
    if !begins || text.len() > DRIVE || !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        let name = printable(name);
        return Err(Error::argument(format!(
            "drive '{name}' is no name such as scsi0"
        )));
    }
    Ok(text.to_owned())
}

fn preallocation(name: &[u8]) -> Result<Preallocation> {
    let named = |kind: &&Preallocation| kind.name().as_bytes() == name;
    let found = Preallocation::ALL.iter().find(named).copied();
    found.ok_or_else(|| {
        let name = printable(name);
        Error::argument(format!(
            "preallocation '{name}' is neither off nor metadata"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_called_by_their_names() {
        let mut terms = Terms::default();
        for (name, value) in [
            ("bytes-per-second", "1000"),
            ("cluster-size", "65536"),
            ("drive", "scsi0"),
            ("extended-l2", "0"),
            ("extent-size", "1048576"),
            ("free", "0"),
            (
                "guest",
                r#"{"drive":"scsi0","volid":"san:vm-1-disk-0.qcow2"}"#,
            ),
            ("preallocation", "metadata"),
            ("put-aside", "1"),
        ] {
            assert!(terms.set(name.as_bytes(), value.as_bytes()).unwrap());
            assert!(Terms::NAMES.contains(&name));
        }
        let wanted = Terms {
            layout: Qcow2Layout {
                cluster_bits: 16,
                refcount_order: 4,
                extended_l2: false,
            },
            preallocation: Preallocation::Metadata,
            extent_size: 1 << 20,
            free: Some(0),
            put_aside: true,
            rate: 1000,
            drive: Some("scsi0".into()),
            guest: Some(Guest::new("scsi0", "san:vm-1-disk-0.qcow2")),
        };
        assert_eq!(terms, wanted);
        assert!(terms.check().is_ok());
        assert!(!terms.set(b"size", b"1").unwrap());
    }

    #[test]
    fn junk_is_refused() {
        let mut terms = Terms::default();
        for (name, value) in [
            ("bytes-per-second", "0"),
            ("cluster-size", "100000"),
            ("cluster-size", "256"),
            ("cluster-size", "4194304"),
            ("drive", "scsi0; reboot"),
            ("drive", ""),
            ("extended-l2", "maybe"),
            ("extent-size", "0"),
            ("free", "10G"),
            ("guest", "scsi0"),
            ("preallocation", "full"),
            ("put-aside", "2"),
        ] {
            let error = terms.set(name.as_bytes(), value.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
        assert_eq!(terms, Terms::default());
        terms.set(b"cluster-size", b"4096").unwrap();
        assert!(terms.check().is_err());
    }
}
