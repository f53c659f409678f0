//! What a check finds, each with its place.

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

#[derive(Default)]
pub(super) struct Findings(Vec<CheckFinding>);

impl Findings {
    pub fn add(&mut self, code: CheckFindingCode, offset: u64, message: impl Into<String>) {
        if self.0.len() < MOST {
            self.0.push(CheckFinding {
                code,
                offset,
                message: message.into(),
            });
        }
    }

    pub fn into_inner(self) -> Vec<CheckFinding> {
        self.0
    }
}
