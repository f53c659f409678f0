//! What a graph finds: a stable code, how grave it is, the image, and a sentence.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::chain::Severity;
use crate::codes::codes;
use crate::image::json::View;

codes! {
    /// What was found. The names are contract.
    pub enum FindingCode {
        /// No image of the volume is there.
        NoImage = "no-image",
        /// Which image is the current one cannot be told: none is on top, or several are.
        NoCurrent = "no-current",
        /// The topmost image is a snapshot's: there is no current one.
        CurrentMissing = "current-missing",
        /// Another image of the volume stands on the one that is called current.
        CurrentNotTop = "current-not-top",
        /// An image names this one, which is not there.
        Missing = "missing",
        /// It is listed, but cannot be found.
        Inactive = "inactive",
        /// It cannot be read.
        Unreadable = "unreadable",
        /// It does not have the format that it should have.
        WrongFormat = "wrong-format",
        /// Its metadata break the format's rules.
        Corrupt = "corrupt",
        /// It says itself that it is corrupt.
        MarkedCorrupt = "marked-corrupt",
        /// The chain is longer than allowed.
        TooDeep = "too-deep",
        /// What it stands on is recorded with another format than it has.
        RecordedFormat = "recorded-format",
        /// What it stands on is recorded without a format, which QEMU would probe.
        UnnamedFormat = "unnamed-format",
        /// It stands on itself.
        Cycle = "cycle",
        /// It stands on an image below the current one, beside the line.
        Branch = "branch",
        /// The current image does not lead to it, nor does it lead to the current one's line.
        Unlinked = "unlinked",
        /// It was being made.
        Unfinished = "unfinished",
        /// It was being removed.
        Removed = "removed",
        /// It is unfinished or removed, but an image of the volume stands on it.
        PassingInUse = "passing-in-use",
        /// An image of no snapshot stands between those of the volume.
        Stranger = "stranger",
        /// It is called like an image of the volume, but lies in another folder.
        Elsewhere = "elsewhere",
        /// The chain ends with an image of another volume.
        ForeignBase = "foreign-base",
        /// Two images hold one state, or two names lead to one file.
        Duplicate = "duplicate",
        /// Its name can be that of another volume's image.
        AmbiguousName = "ambiguous-name",
        /// It names what it stands on with a whole path, which is wrong after a move.
        AbsoluteName = "absolute-name",
        /// Its disk is larger than the one that it stands on: the volume was resized.
        Grown = "grown",
        /// Its disk is smaller than the one that it stands on.
        Shrunk = "shrunk",
        /// Its data lie in another file.
        DataFile = "data-file",
        /// It has snapshots within.
        InternalSnapshots = "internal-snapshots",
        /// The volume has the layout of 2024.
        OverlayLayout = "overlay-layout",
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub code: FindingCode,
    /// How grave it is: errors keep the volume, or a part of it, from being used.
    pub severity: Severity,
    /// Index of the image; None if it is about the volume.
    pub image: Option<usize>,
    /// The name of the image, or of the volume.
    pub name: Box<[u8]>,
    /// A sentence for an administrator, safe to print.
    pub message: String,
}

impl Serialize for View<'_, Finding> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let finding = self.item;
        let mut map = serializer.serialize_struct("Finding", 4)?;
        map.serialize_field("code", finding.code.name())?;
        map.serialize_field("severity", finding.severity.name())?;
        map.serialize_field("volume", &self.part(&*finding.name))?;
        map.serialize_field("message", &finding.message)?;
        map.end()
    }
}
