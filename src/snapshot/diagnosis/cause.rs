//! What a diagnosis says: a stable code, how grave it is, a sentence, and what helps.

use crate::chain::Severity;
use crate::codes::codes;
use crate::snapshot::plan::Plan;

codes! {
    /// What has happened, where it is more than what the graph finds. The names are contract; those of
    /// [`FindingCode`](crate::snapshot::graph::FindingCode) occur beside them.
    pub enum Cause {
        /// Images are being merged: the lower one holds neither its own state nor the upper one's yet.
        MergeInterrupted = "merge-interrupted",
        /// Images were to be merged, but nothing has been moved yet.
        MergeNotBegun = "merge-not-begun",
        /// Images that were merged are still there.
        MergeLeftover = "merge-leftover",
        /// An image is complete, but does not have its name yet.
        NotInPlace = "not-in-place",
        /// The current image was put aside, and nothing has taken its place.
        PutAside = "put-aside",
        /// Some images of the volume have another volume's name.
        RenameInterrupted = "rename-interrupted",
        /// Some images of the volume have the names of today's layout, and some those of 2024.
        ConversionInterrupted = "conversion-interrupted",
        /// An image refers to a name that another one was to get.
        ReferenceAhead = "reference-ahead",
        /// An image that another one stands on is gone, and nothing in the volume can replace it.
        DataNeeded = "data-needed",
        /// There are snapshots, but what was written since is gone.
        CurrentLost = "current-lost",
        /// What is left of something that was being made.
        UnfinishedLeftover = "unfinished-leftover",
        /// What is left of something that was being removed.
        RemovedLeftover = "removed-leftover",
        /// A snapshot that the current image does not stand on.
        SnapshotLeftover = "snapshot-leftover",
        /// The volume's images are not active on this node.
        NotActive = "not-active",
        /// A logical volume's device has another size than the volume.
        StaleDevice = "stale-device",
        /// The logical volume has no room for all that the guest can write.
        TooSmall = "too-small",
        /// Logical volumes have the tags of another guest or volume.
        WrongTags = "wrong-tags",
        /// What an image stands on is recorded with a wrong format.
        RecordedFormat = "recorded-format",
        /// The volume has the layout of 2024.
        OverlayLayout = "overlay-layout",
        /// Clusters of an image are counted, but not used.
        Leaks = "leaks",
        /// The tables of an image contradict each other.
        Corrupt = "corrupt",
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnosis {
    /// The stable word: of a [`Cause`], or of what the graph has found.
    pub code: &'static str,
    /// How grave it is: errors keep the volume, or a part of it, from being used.
    pub severity: Severity,
    /// The name of the image, or of the volume.
    pub volume: String,
    /// A sentence for an administrator, safe to print.
    pub message: String,
    /// What brings it in order, if anything does.
    pub plan: Option<Plan>,
    /// Whether the plan is certain to be right, and can be run without asking. Where it is not, the
    /// message says what has to be known.
    pub certain: bool,
}
