//! The answers as documents: what JSON, Perl and C show of them. Keys are kebab-case, enumerations
//! are their words, what there is none of is null.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::capabilities::{Capabilities, Storage};
use super::content_type::ContentType;
use super::storage_type::Formats;
use super::volume::Snapshots;

impl Serialize for Snapshots {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Snapshots", 3)?;
        map.serialize_field("method", &self.method)?;
        map.serialize_field("rollback", &self.rollback)?;
        map.serialize_field("running", &self.running)?;
        map.end()
    }
}

impl Serialize for Formats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Formats", 2)?;
        map.serialize_field("default", &self.default)?;
        map.serialize_field("valid", &self.valid)?;
        map.end()
    }
}

impl Serialize for Capabilities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let facts = &self.volume;
        let mut map = serializer.serialize_struct("Capabilities", 18)?;
        map.serialize_field("type", &self.storage)?;
        map.serialize_field("format", &self.format)?;
        map.serialize_field("level", &facts.level)?;
        map.serialize_field("shared", &self.shared())?;
        map.serialize_field("content-types", &self.content_types())?;
        map.serialize_field("allocation", &facts.allocation)?;
        map.serialize_field("needs-volume-chain", &self.needs_volume_chain)?;
        map.serialize_field("provisioning", &facts.provisioning)?;
        map.serialize_field("initially-zero", &facts.initially_zero)?;
        map.serialize_field("snapshots", &facts.snapshots)?;
        map.serialize_field(
            "snapshots-with-volume-chain",
            &self.snapshots_with_volume_chain,
        )?;
        map.serialize_field("linked-clone-from", facts.linked_clone_from)?;
        map.serialize_field("linked-clone-format", &facts.linked_clone_format)?;
        map.serialize_field("full-clone-from", facts.full_clone_from)?;
        map.serialize_field("template", &facts.template)?;
        map.serialize_field("rename", &facts.rename)?;
        map.serialize_field("replication", &facts.replication)?;
        map.serialize_field("live-migration-without-copying", &self.live_migration())?;
        map.end()
    }
}

impl Serialize for Storage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let facts = &self.facts;
        let mut map = serializer.serialize_struct("Storage", 11)?;
        map.serialize_field("type", &self.storage)?;
        map.serialize_field("title", facts.title)?;
        map.serialize_field("level", &facts.level)?;
        map.serialize_field("shared", &facts.shared)?;
        map.serialize_field("maturity", &facts.maturity)?;
        map.serialize_field("content-types", facts.content_types)?;
        map.serialize_field("default-content-types", facts.default_content_types)?;
        map.serialize_field("formats", &facts.formats)?;
        map.serialize_field(
            "formats-with-volume-chain",
            &facts.formats_with_volume_chain,
        )?;
        map.serialize_field("volume-chain", &facts.volume_chain)?;
        map.serialize_field("volumes", &self.volumes)?;
        map.end()
    }
}

/// A content type with what it is: the entries of the list of all of them.
#[derive(Clone, Copy, Debug)]
pub struct Described(pub ContentType);

impl Serialize for Described {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("ContentType", 2)?;
        map.serialize_field("content-type", &self.0)?;
        map.serialize_field("description", self.0.description())?;
        map.end()
    }
}
