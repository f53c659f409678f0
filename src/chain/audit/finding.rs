//! What an audit finds: a stable code, how grave it is, where it is, and a sentence.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::codes::codes;
use crate::error::{Code, Error};
use crate::image::json::View;
use crate::limits;
use crate::severity::Severity;

codes! {
    /// What was found. The names are contract.
    pub enum FindingCode {
        /// A FIFO, socket, directory or character device.
        NotAFile = "not-a-file",
        /// The file cannot be found, opened or read.
        Unreadable = "unreadable",
        /// The file was exchanged for another one while it was looked at.
        Changed = "changed",
        /// The file does not have the format that it should have.
        WrongFormat = "wrong-format",
        /// The metadata break the format's rules.
        Corrupt = "corrupt",
        /// The image itself says that it is corrupt.
        MarkedCorrupt = "marked-corrupt",
        /// The image was not closed cleanly, or parts of it are void.
        Unclean = "unclean",
        /// A feature, version or driver that is not known here.
        Unsupported = "unsupported",
        /// A number in the metadata is above a limit.
        Limit = "limit",
        /// The disk is larger than allowed.
        VirtualSize = "virtual-size",
        /// The format is not among those allowed.
        FormatNotAllowed = "format-not-allowed",
        /// The content can be taken for another format than the one that it is said to have.
        HiddenFormat = "hidden-format",
        /// A backing image without a recorded format, which QEMU would probe.
        UnnamedFormat = "unnamed-format",
        /// A backing image, where none is allowed.
        BackingFile = "backing-file",
        /// An external data file, where none is allowed.
        DataFile = "data-file",
        /// The header wants a data file, but names none.
        DataFileUnnamed = "data-file-unnamed",
        /// The header names a data file, but does not say that it has one.
        DataFileUnused = "data-file-unused",
        /// Data in further files of the format, where none are allowed.
        Extent = "extent",
        /// A name with a protocol, such as `nbd:` or `fat:`.
        Protocol = "protocol",
        /// A `json:` description in place of a name.
        JsonName = "json-name",
        /// A name that begins with `file:`.
        FilePrefix = "file-prefix",
        /// A name that leads somewhere else from each working folder.
        RelativeName = "relative-name",
        /// A name with bytes behind a NUL.
        NameNul = "name-nul",
        /// A name that is not UTF-8.
        NameEncoding = "name-encoding",
        /// A name with control characters or with marks that turn the direction of writing.
        NameControl = "name-control",
        /// The file lies outside the allowed folders.
        OutsideRoots = "outside-roots",
        /// A symbolic link on the way to the file, where none is allowed.
        Symlink = "symlink",
        /// The file lies on another file system than the top image.
        OtherDevice = "other-device",
        /// The chain comes back to an image that is already in it.
        Cycle = "cycle",
        /// The chain has more images than allowed.
        TooDeep = "too-deep",
        /// Two parts of the metadata claim the same bytes.
        Overlap = "overlap",
        /// A header extension that stands twice; readers disagree which counts.
        RepeatedExtension = "repeated-extension",
        /// A header extension that is not known here.
        UnknownExtension = "unknown-extension",
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub code: FindingCode,
    /// How grave it is under the policy.
    pub severity: Severity,
    /// The image that it was found in, as a path.
    pub image: Vec<u8>,
    /// Where in that file, in bytes, if one place is to blame.
    pub offset: Option<u64>,
    /// A sentence for an administrator, safe to print.
    pub message: String,
}

impl Finding {
    /// An error of this kind.
    pub(super) fn error(code: FindingCode, image: &[u8], message: impl Into<String>) -> Self {
        Finding {
            code,
            severity: Severity::Error,
            image: image.to_vec(),
            offset: None,
            message: message.into(),
        }
    }

    /// The same, to be known only.
    pub(super) fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// The same, at an offset in the image.
    pub(super) fn at(mut self, offset: u64) -> Self {
        self.offset = Some(offset);
        self
    }

    /// What it means that the image at `image` could not be read.
    pub(super) fn from_error(error: &Error, image: &[u8]) -> Self {
        let code = match error.code() {
            Code::Io if error.errno() == libc::ESTALE => FindingCode::Changed,
            Code::Format => FindingCode::WrongFormat,
            Code::Corrupt => FindingCode::Corrupt,
            Code::Unsupported => FindingCode::Unsupported,
            Code::Limit => FindingCode::Limit,
            _ => FindingCode::Unreadable,
        };
        // What a header says can be as long as the header.
        let mut message = error.to_string();
        if let Some((end, _)) = message.char_indices().nth(8 * limits::AUDIT_SHOWN) {
            message.replace_range(end.., "...");
        }
        let mut finding = Finding::error(code, image, message);
        finding.offset = error.offset();
        finding
    }

    /// As an error, for callers that only want to know whether they may go on.
    pub fn to_error(&self) -> Error {
        let error = Error::denied(self.message.clone()).in_file(&self.image);
        match self.offset {
            Some(offset) => error.at(offset),
            None => error,
        }
    }
}

impl Serialize for View<'_, Finding> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Finding {
            code,
            severity,
            image,
            offset,
            message,
        } = self.item;
        let mut map = serializer.serialize_struct("Finding", 5)?;
        map.serialize_field("code", code.name())?;
        map.serialize_field("severity", severity.name())?;
        map.serialize_field("image", &self.part(image.as_slice()))?;
        if let Some(offset) = offset {
            map.serialize_field("offset", offset)?;
        }
        map.serialize_field("message", message)?;
        map.end()
    }
}
