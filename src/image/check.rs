//! What a check says of an image, whatever its format: the numbers of `qemu-img check`, and what is
//! wrong with its place. Each format that can be checked has a checker of its own.

use std::sync::Arc;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::ImageFormat;
use super::json::View;
use crate::codes::codes;

/// Findings that are kept with their places; all of them are counted.
pub const MOST: usize = 1000;

codes! {
    /// What is wrong. The names are contract.
    pub enum CheckFindingCode {
        /// A cluster is used more often than its refcount says: writing to it changes other data.
        RefcountTooLow = "refcount-too-low",
        /// A cluster's refcount is higher than its use: space is lost.
        Leak = "leak",
        /// More references than the width of the refcounts can tell.
        Overflow = "refcount-overflow",
        /// A refcount block that something else uses too.
        SharedBlock = "shared-refcount-block",
        /// Something lies behind the end of the file.
        BeyondEnd = "beyond-end",
        /// A table or cluster does not begin where one can.
        Misaligned = "misaligned",
        /// A table is larger than allowed.
        TooLarge = "too-large",
        /// Bits that must be zero are not.
        ReservedBits = "reserved-bits",
        /// The flag for "refcount is exactly one" is wrong: it decides about copying before writing.
        CopiedFlag = "copied-flag",
        /// A compressed cluster with a flag or in an image that cannot have it.
        Compressed = "compressed-cluster",
        /// The map of subclusters contradicts itself.
        Subclusters = "subclusters",
        /// Snapshots, which an image with a data file cannot have.
        SnapshotsWithDataFile = "snapshots-with-data-file",
        /// An entry of the snapshot table without the sizes that version 3 asks for.
        IncompleteSnapshot = "incomplete-snapshot",
        /// An entry of a bitmap's table that cannot be.
        BitmapEntry = "bitmap-entry",
        /// A cluster or block that is used more than once (qed, vdi), or that lies on a table (qed,
        /// vhdx): writing to it changes other data.
        Overlap = "overlap",
        /// The header tells another number of blocks in use than the table (vdi).
        BlockCount = "block-count",
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckFinding {
    /// What.
    pub code: CheckFindingCode,
    /// Where in the file, in bytes.
    pub offset: u64,
    /// A sentence.
    pub message: String,
}

/// What a check says; the numbers of `qemu-img check`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckResult {
    /// What could not be checked.
    pub check_errors: u64,
    /// What would lose or mix data.
    pub corruptions: u64,
    /// Clusters that are taken, but used by nothing.
    pub leaks: u64,
    /// The first offset behind all that is in use.
    pub image_end_offset: u64,
    /// Clusters of the disk.
    pub total_clusters: u64,
    /// Those of them that have a place in the file.
    pub allocated_clusters: u64,
    /// Those of them that do not follow the one before.
    pub fragmented_clusters: u64,
    /// Those of them that are compressed.
    pub compressed_clusters: u64,
    /// What is wrong, each with its place; the first [`MOST`] of them.
    pub findings: Vec<CheckFinding>,
}

/// An image that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Its path as QEMU prints it.
    pub filename: Arc<[u8]>,
    /// The format it was read as.
    pub format: ImageFormat,
    /// What was found.
    pub result: CheckResult,
}

impl Checked {
    /// Whether nothing is wrong with it: the check of QEMU ends with status 0.
    pub fn is_sound(&self) -> bool {
        let result = &self.result;
        result.check_errors == 0 && result.corruptions == 0 && result.leaks == 0
    }
}

impl Serialize for CheckFinding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("CheckFinding", 3)?;
        map.serialize_field("code", self.code.name())?;
        map.serialize_field("offset", &self.offset)?;
        map.serialize_field("message", &self.message)?;
        map.end()
    }
}

/// As `qemu-img check --output=json` has it, in its order, and then the findings.
impl Serialize for View<'_, Checked> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Checked {
            filename,
            format,
            result,
        } = self.item;
        let mut map = serializer.serialize_struct("Checked", 11)?;
        let mut some = |name, number: u64| match number {
            0 => map.skip_field(name),
            number => map.serialize_field(name, &number),
        };
        some("image-end-offset", result.image_end_offset)?;
        some("compressed-clusters", result.compressed_clusters)?;
        some("total-clusters", result.total_clusters)?;
        some("corruptions", result.corruptions)?;
        map.serialize_field("check-errors", &result.check_errors)?;
        let mut some = |name, number: u64| match number {
            0 => map.skip_field(name),
            number => map.serialize_field(name, &number),
        };
        some("leaks", result.leaks)?;
        some("allocated-clusters", result.allocated_clusters)?;
        map.serialize_field("filename", &self.part(&**filename))?;
        map.serialize_field("format", format.name())?;
        match result.fragmented_clusters {
            0 => map.skip_field("fragmented-clusters")?,
            number => map.serialize_field("fragmented-clusters", &number)?,
        }
        map.serialize_field("findings", &result.findings)?;
        map.end()
    }
}

/// Collects findings.
#[derive(Default)]
pub(super) struct Findings(Vec<CheckFinding>);

impl Findings {
    /// One more; counted by the caller, kept while there is room.
    pub fn add(&mut self, code: CheckFindingCode, offset: u64, message: impl Into<String>) {
        if self.has_room() {
            self.0.push(CheckFinding {
                code,
                offset,
                message: message.into(),
            });
        }
    }

    /// Whether one more would be kept.
    pub fn has_room(&self) -> bool {
        self.0.len() < MOST
    }

    /// What was kept.
    pub fn into_inner(self) -> Vec<CheckFinding> {
        self.0
    }
}
