//! What is known of one image. Sizes are bytes; names are the bytes that the image holds.

use std::sync::Arc;

use super::format::ImageFormat;
use super::luks::LuksInfo;
use super::qcow1::Qcow1Info;
use super::qcow2::Qcow2Info;
use super::qed::QedInfo;
use super::vdi::VdiInfo;
use super::vmdk::VmdkInfo;
use super::vpc::VpcInfo;
use crate::chain::reference;
use crate::io::{Meta, Used};
use crate::limits;
use crate::text::until_nul;

/// What a format's reader finds in an image's own bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Size of the disk that the guest sees. None where the format is only recognised.
    pub virtual_size: Option<u64>,
    /// Unit of allocation, where the format has one.
    pub cluster_size: Option<u64>,
    /// Whether the image was not closed cleanly. None where the format cannot tell.
    pub dirty: Option<bool>,
    /// Whether guest data is encrypted.
    pub encrypted: bool,
    /// Name and format of the backing file, as stored.
    pub backing: Option<StoredBacking>,
    /// Internal snapshots in the order of the table.
    pub snapshots: Vec<Snapshot>,
    /// Details that only this format has.
    pub specific: FormatSpecific,
    /// Further files that hold the image's data (vmdk).
    pub extents: Vec<Extent>,
    /// Whether the name of a backing or data file has bytes behind the NUL that ends it: another
    /// reader may take it for another name.
    pub name_has_nul: bool,
    /// What QEMU would warn about: a sentence each.
    pub warnings: Vec<String>,
}

/// A backing file as the image names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBacking {
    /// The name, up to its first NUL.
    pub name: Vec<u8>,
    /// The recorded format. None if there is none.
    pub format: Option<FormatName>,
}

/// Name of a backing file's format, as an image stores it: up to 15 bytes before the first NUL.
/// It may be the name of no format.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FormatName([u8; limits::QCOW2_BACKING_FORMAT as usize]);

impl FormatName {
    /// The name in `bytes`, cut after 15 bytes.
    pub fn new(bytes: &[u8]) -> Self {
        let mut name = FormatName::default();
        name.0
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        name
    }
}

impl std::ops::Deref for FormatName {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        until_nul(&self.0)
    }
}

/// A backing file and where its name leads. A chain of images shares each path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backing {
    path: Arc<[u8]>,
    /// Where the stored name begins in the path.
    name_at: usize,
    /// The recorded format. None if none is recorded: QEMU would probe.
    pub format: Option<FormatName>,
}

impl Backing {
    /// The backing file called `name` in the image at `image`.
    pub fn new(image: &[u8], name: &[u8], format: Option<FormatName>) -> Self {
        let path: Arc<[u8]> = reference::full_name(image, name).into();
        let name_at = path.len() - name.len();
        Backing {
            path,
            name_at,
            format,
        }
    }

    /// The name as the image stores it.
    pub fn name(&self) -> &[u8] {
        &self.path[self.name_at..]
    }

    /// The name seen from the image, as QEMU builds it.
    pub fn full_name(&self) -> &Arc<[u8]> {
        &self.path
    }
}

/// An internal snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The identifier, usually a small number. Up to its first NUL.
    pub id: Vec<u8>,
    /// The name. Up to its first NUL.
    pub name: Vec<u8>,
    /// Bytes of saved machine state; 0 for a snapshot of the disk alone.
    pub vm_state_size: u64,
    /// When it was taken: seconds since the epoch.
    pub date_sec: u32,
    /// The rest of that second in nanoseconds.
    pub date_nsec: u32,
    /// How long the guest had been running, in nanoseconds.
    pub vm_clock_nsec: u64,
    /// Executed instructions, where record and replay counted them.
    pub icount: Option<u64>,
    /// Size of the disk when it was taken.
    pub disk_size: u64,
    /// Where its L1 table lies.
    pub l1_table_offset: u64,
    /// Entries of its L1 table.
    pub l1_size: u32,
    /// Bytes of the entry that version 2 of the format leaves to extensions.
    pub extra_data_size: u32,
}

/// A further file that holds data of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// QEMU's name of the child node, such as `extents.0`.
    pub child: String,
    /// Path of the file, seen from the image.
    pub filename: Vec<u8>,
    /// What the operating system says of it.
    pub meta: Meta,
}

/// Details that only one format has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FormatSpecific {
    /// The format has none.
    #[default]
    None,
    /// qcow2.
    Qcow2(Box<Qcow2Info>),
    /// vmdk.
    Vmdk(Box<VmdkInfo>),
    /// luks.
    Luks(Box<LuksInfo>),
    /// vdi: where its table lies.
    Vdi(VdiInfo),
    /// vpc: where its table lies.
    Vpc(VpcInfo),
    /// qed: where its tables lie.
    Qed(QedInfo),
    /// qcow: where its tables lie.
    Qcow1(Qcow1Info),
}

/// Everything about one image file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageInfo {
    /// The path as QEMU prints it: a leading `file:` is gone.
    pub filename: Arc<[u8]>,
    /// The format it was read as.
    pub format: ImageFormat,
    /// The file under it.
    pub file: Meta,
    /// What its own bytes say.
    pub metadata: Metadata,
    /// The image it stands on.
    pub backing: Option<Backing>,
    /// What it took to read it. Not part of `qemu-img info`'s answer.
    pub used: Used,
}

impl ImageInfo {
    /// qcow2's details, if it is one.
    pub fn qcow2(&self) -> Option<&Qcow2Info> {
        match &self.metadata.specific {
            FormatSpecific::Qcow2(info) => Some(info),
            _ => None,
        }
    }
}
