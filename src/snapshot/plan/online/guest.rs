//! The guest that runs on a volume: what its drive is, and what QEMU calls the block nodes of its
//! images. Without names of the caller's they are those of qemu-server 9: a throttle node
//! `drive-DRIVE` on top, and for each image a format node `f…` on a file node `e…`, with a part of a
//! digest of drive, snapshot and volume ID behind the letter.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::snapshot::names::SnapshotName;

/// Hexadecimal digits of the digest in a node's name: QEMU takes names of 31 characters.
const DIGITS: usize = 30;

/// What is known of a running guest. As a document its keys are these in kebab-case.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Guest {
    /// The drive in the guest's configuration, such as `scsi0`.
    pub drive: String,
    /// The volume as the configuration names it, such as `san:vm-100-disk-0.qcow2`.
    pub volid: String,
    /// Nodes of images that are not called as qemu-server does it, by the image's name.
    #[serde(default)]
    pub nodes: BTreeMap<String, Nodes>,
    /// What the drive's throttle node is to be, beyond its driver, names and file.
    #[serde(default)]
    pub top_options: Map<String, Value>,
    /// What format nodes are to be, beyond their driver, name, file and backing node.
    #[serde(default)]
    pub format_options: Map<String, Value>,
    /// What file nodes are to be, beyond their driver, name and file name.
    #[serde(default)]
    pub file_options: Map<String, Value>,
    /// Whether the guest is stopped anyhow, and goes on when the caller says so.
    #[serde(default)]
    pub paused: bool,
}

/// The two nodes of an image.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Nodes {
    /// The one that understands its format.
    pub format: String,
    /// The one that reads and writes its file or device.
    pub file: String,
}

impl Guest {
    /// A guest whose nodes are called as qemu-server calls them.
    pub fn new(drive: &str, volid: &str) -> Self {
        Guest {
            drive: drive.to_owned(),
            volid: volid.to_owned(),
            ..Guest::default()
        }
    }

    /// From a document with the keys of this structure.
    pub fn from_document(json: &[u8]) -> Result<Self> {
        serde_json::from_slice(json).map_err(|e| Error::argument(format!("the guest: {e}")))
    }

    /// An error if plans cannot be made for it.
    pub(super) fn check(&self) -> Result<()> {
        let drive = self.drive.as_bytes();
        if drive.is_empty() || !drive.iter().all(u8::is_ascii_alphanumeric) {
            return Err(Error::argument(format!(
                "no drive is called '{}'",
                self.drive
            )));
        }
        let all = [&self.top_options, &self.format_options, &self.file_options];
        for options in all {
            if options.get("read-only") == Some(&Value::Bool(true)) {
                return Err(Error::unsupported(
                    "the drive is read-only for QEMU: its images cannot be changed while it runs",
                ));
            }
            // The file would be opened anew by its name whenever somebody begins or ends to write.
            if options.contains_key("auto-read-only") {
                return Err(Error::unsupported(
                    "nodes with 'auto-read-only' open their files anew, whatever these are called then",
                ));
            }
        }
        Ok(())
    }

    /// The topmost node, which the guest's device uses.
    pub(super) fn top(&self) -> String {
        format!("drive-{}", self.drive)
    }

    /// The nodes of a snapshot's image, or of the current one, as qemu-server calls them.
    pub(super) fn nodes_of(&self, snapshot: Option<&SnapshotName>) -> Nodes {
        let snapshot = snapshot.map_or(String::new(), |name| format!("snap={name},"));
        self.hashed(&snapshot)
    }

    /// The nodes of an image that qemu-server does not know: one that is in the making, or the bottom of
    /// an adopted volume.
    pub(super) fn nodes_of_other(&self, image: &str) -> Nodes {
        self.hashed(&format!("image={image},"))
    }

    fn hashed(&self, which: &str) -> Nodes {
        let text = format!("drive={},{which}volid={}", self.drive, self.volid);
        let digest = Sha256::digest(text.as_bytes());
        let mut hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        hex.truncate(DIGITS);
        Nodes {
            format: format!("f{hex}"),
            file: format!("e{hex}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_called_as_qemu_server_calls_them() {
        let guest = Guest::new("scsi0", "san:vm-100-disk-0.qcow2");
        assert_eq!(guest.top(), "drive-scsi0");
        let nodes = guest.nodes_of(None);
        assert_eq!(nodes.format, "faaf2b34dc0c6fd4991d533b9d0b63a");
        assert_eq!(nodes.file, "eaaf2b34dc0c6fd4991d533b9d0b63a");
        let snapshot = SnapshotName::new(b"s1").unwrap();
        let nodes = guest.nodes_of(Some(&snapshot));
        assert_eq!(nodes.format, "f9749d74f11b0515b90a821a34db7f5");
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let document = br#"{"drive":"scsi0","volid":"a:b","file-options":{"read-only":true}}"#;
        let guest = Guest::from_document(document).unwrap();
        let error = guest.check().unwrap_err().to_string();
        assert!(error.contains("read-only"), "{error}");
        assert!(Guest::from_document(br#"{"drive":"scsi0","volid":"a:b","x":1}"#).is_err());
        assert!(Guest::new("", "a:b").check().is_err());
        assert!(Guest::new("scsi0\"", "a:b").check().is_err());
    }
}
