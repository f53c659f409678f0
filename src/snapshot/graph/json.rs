//! A graph as one document: the volume, its images with what each stands on, the line and the
//! findings. Images are referred to by their index.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::{Content, Graph, Image, Layout, Place, Role};
use crate::image::json::View;
use crate::snapshot::names::{Part, Standing};

impl Serialize for View<'_, Graph> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let graph = self.item;
        let subject = graph.subject();
        let name = subject.volname(subject.volume().as_str().as_bytes());
        let layout = match graph.layout {
            Layout::Named => "named",
            Layout::Overlays => "overlays",
        };
        let mut map = serializer.serialize_struct("Graph", 8)?;
        map.serialize_field("scheme", subject.scheme().name())?;
        map.serialize_field("volname", &self.part(name.as_slice()))?;
        map.serialize_field("layout", layout)?;
        if let Some(current) = graph.line.first() {
            map.serialize_field("current", current)?;
        }
        map.serialize_field("line", &graph.line)?;
        map.serialize_field("snapshots", &self.part(&graph.snapshot_info()))?;
        map.serialize_field("images", &self.part(&graph.images))?;
        map.serialize_field("findings", &self.part(&graph.findings))?;
        map.end()
    }
}

impl Role {
    /// The stable word for what an image is to the volume.
    pub fn name(&self) -> &'static str {
        match self {
            Role::Member(member) => match member.part {
                Part::Current => "current",
                Part::Snapshot { .. } => "snapshot",
                Part::Bottom => "bottom",
            },
            Role::Overlay(_) => "overlay",
            Role::Foreign(_) => "foreign",
        }
    }
}

impl Place {
    /// The stable word for where an image stands.
    pub fn name(self) -> &'static str {
        match self {
            Place::Line(_) => "line",
            Place::Branch(_) => "branch",
            Place::Unlinked => "unlinked",
            Place::Cycle => "cycle",
        }
    }
}

impl Content {
    /// The stable word for what could be read of an image.
    pub fn name(&self) -> &'static str {
        match self {
            Content::Read(_) => "read",
            Content::Inactive => "inactive",
            Content::Missing => "missing",
            Content::Unread(_) => "unread",
        }
    }
}

impl Serialize for View<'_, Image> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let image = self.item;
        let mut map = serializer.serialize_struct("Image", 16)?;
        map.serialize_field("name", &self.part(&*image.name))?;
        map.serialize_field("path", &self.part(&*image.path))?;
        map.serialize_field("role", image.role.name())?;
        match &image.role {
            Role::Overlay(snapshot) => map.serialize_field("snapshot", snapshot.as_str())?,
            Role::Member(member) => {
                if let Some(snapshot) = member.part.snapshot_name() {
                    map.serialize_field("snapshot", snapshot.as_str())?;
                }
                match member.standing {
                    Standing::Kept => {}
                    Standing::Unfinished => map.serialize_field("standing", "unfinished")?,
                    Standing::Removed(_) => map.serialize_field("standing", "removed")?,
                }
            }
            Role::Foreign(_) => {}
        }
        map.serialize_field("place", image.place.name())?;
        map.serialize_field("content", image.content.name())?;
        if let Content::Unread(error) = &image.content {
            map.serialize_field("error", error)?;
        }
        if let Some(info) = image.info() {
            map.serialize_field("format", info.format.name())?;
            map.serialize_field("actual-size", &info.actual_size())?;
        }
        if let Some(size) = image.virtual_size() {
            map.serialize_field("virtual-size", &size)?;
        }
        if let Some(backing) = image.backing() {
            map.serialize_field("backing-filename", &self.part(backing.name()))?;
            if let Some(format) = &backing.format {
                map.serialize_field("backing-filename-format", &self.part(&**format))?;
            }
        }
        if let Some(parent) = image.parent {
            map.serialize_field("parent", &parent)?;
        }
        map.serialize_field("listed", &image.listed)?;
        if let Some(size) = image.size {
            map.serialize_field("size", &size)?;
        }
        if !image.tags.is_empty() {
            map.serialize_field("tags", &self.part(&image.tags))?;
        }
        map.end()
    }
}

/// LVM's tags.
impl Serialize for View<'_, Vec<u8>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.part(self.item.as_slice()).serialize(serializer)
    }
}
