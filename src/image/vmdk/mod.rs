//! VMware's VMDK: one sparse file, or a descriptor that names the files which hold the data.
//!
//! Follows VMware's "Virtual Disk Format 5.0"; the checks, and the reading of the descriptor's
//! lines, are those of QEMU's `block/vmdk.c`. Further files are opened only for what the operating
//! system says of them and, where they are sparse, for their header.

pub mod check;
mod descriptor;
mod extent;
pub mod grains;
pub mod mapping;
mod scan;
mod se_sparse;
mod sparse;

pub use extent::{ExtentData, ExtentKind, GrainEntries, GrainTables, VmdkExtent};

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::info::{FormatName, FormatSpecific, Metadata, StoredBacking};
use super::json::View;
use super::open::Context;
use super::request;
use crate::error::{Error, Result};
use crate::io::Source;
use crate::limits;
use descriptor::Descriptor;
use extent::Extents;

/// What `qemu-img info` prints of a VMDK image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VmdkInfo {
    /// Identifies the content: a writer changes it.
    pub cid: u32,
    /// The parent's content ID when this image was made; all ones without a parent.
    pub parent_cid: u32,
    /// The subformat as the descriptor or the header tells it; empty for a lone COWD file.
    pub create_type: &'static str,
    /// Where the data lies, in the order of the disk.
    pub extents: Vec<VmdkExtent>,
}

/// Whether a file with these first bytes is a sparse extent rather than a descriptor.
pub(super) fn is_extent(head: &[u8]) -> bool {
    head.starts_with(&sparse::MAGIC) || head.starts_with(&sparse::COWD_MAGIC)
}

/// Whether probing takes a file with these first bytes for a descriptor: comments and blank lines
/// of at least one space, then its version.
pub(super) fn is_descriptor(head: &[u8]) -> bool {
    let mut rest = head;
    loop {
        match rest.first() {
            Some(b'#') => {
                let Some(end) = rest.iter().position(|&b| b == b'\n') else {
                    return false;
                };
                rest = &rest[end + 1..];
            }
            Some(b' ') => {
                let spaces = rest.iter().take_while(|&&b| b == b' ').count();
                let line = &rest[spaces..];
                let line = line.strip_prefix(b"\r").unwrap_or(line);
                let Some(next) = line.strip_prefix(b"\n") else {
                    return false;
                };
                rest = next;
            }
            _ => break,
        }
    }
    let Some([version, end @ ..]) = rest.strip_prefix(b"version=") else {
        return false;
    };
    (b'1'..=b'3').contains(version) && (end.starts_with(b"\n") || end.starts_with(b"\r\n"))
}

/// Reads the descriptor and the headers of the extents it names.
pub fn read(source: &Source<'_>, context: &Context<'_>) -> Result<Metadata> {
    let length = request::file_length(source)?;
    if length == 0 {
        return Err(Error::format("not a VMDK image: empty"));
    }
    let mut extents = Extents::new(length);
    let magic: [u8; 4] = source.array(0)?;
    // Where the descriptor's text begins; embedded it stands behind the header's sector.
    let mut text_at = 0;
    if is_extent(&magic) {
        text_at = request::SECTOR;
        match sparse::embedded_descriptor(source)? {
            Some(offset) => read_described(source, offset, length, context, &mut extents)?,
            None => extents.add_sparse(source, context.path, None)?,
        }
    } else {
        read_described(source, 0, length, context, &mut extents)?;
    }
    let head = source.bytes(text_at, limits::VMDK_DESCRIPTOR_HEAD)?;
    let backing = descriptor::parent(&head)?.map(|name| StoredBacking {
        name,
        format: Some(FormatName::new(b"vmdk")),
    });
    let cid = descriptor::content_id(&head, b"CID")?;
    let parent_cid = descriptor::content_id(&head, b"parentCID")?;
    let virtual_size = extents.disk_size()?;
    let uniform = extents.are_alike();
    let (create_type, extents, files) = extents.finish();
    let Some(first) = extents.first() else {
        return Err(Error::corrupt("VMDK image without extents"));
    };
    Ok(Metadata {
        virtual_size: Some(virtual_size),
        cluster_size: first.cluster_size.filter(|&size| uniform && size != 0),
        dirty: uniform.then_some(false),
        backing,
        specific: FormatSpecific::Vmdk(Box::new(VmdkInfo {
            cid,
            parent_cid,
            create_type,
            extents,
        })),
        extents: files,
        ..Metadata::default()
    })
}

/// Reads the descriptor at `offset` and opens what it names.
fn read_described(
    source: &Source<'_>,
    offset: u64,
    length: u64,
    context: &Context<'_>,
    extents: &mut Extents,
) -> Result<()> {
    let length = length.min(limits::VMDK_DESCRIPTOR_BYTES);
    request::check_read("descriptor", offset, length)?;
    let text = read_text(source, offset, length as usize)?;
    let descriptor = Descriptor::parse(&text, source)?;
    extents.create_type = Some(descriptor.create_type);
    for line in &descriptor.extents {
        extents.open(line, source, context)?;
    }
    Ok(())
}

/// The text of at most `length` bytes at `offset`, not read further than to the chunk in which its
/// first NUL lies: of an image with data behind its descriptor that is all but a little of it.
fn read_text(source: &Source<'_>, offset: u64, length: usize) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    while text.len() < length {
        let part = limits::VMDK_DESCRIPTOR_CHUNK.min(length - text.len());
        let chunk = source.bytes(offset + text.len() as u64, part)?;
        text.extend_from_slice(&chunk);
        if chunk.contains(&0) {
            break;
        }
    }
    Ok(text)
}

impl Serialize for View<'_, VmdkInfo> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let info = self.item;
        let mut map = serializer.serialize_struct("ImageInfoSpecificVmdk", 4)?;
        map.serialize_field("cid", &info.cid)?;
        map.serialize_field("parent-cid", &info.parent_cid)?;
        map.serialize_field("create-type", info.create_type)?;
        map.serialize_field("extents", &self.part(&info.extents))?;
        map.end()
    }
}

impl Serialize for View<'_, VmdkExtent> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let extent = self.item;
        let mut map = serializer.serialize_struct("VmdkExtentInfo", 5)?;
        if extent.compressed {
            map.serialize_field("compressed", &true)?;
        }
        map.serialize_field("virtual-size", &extent.virtual_size)?;
        map.serialize_field("filename", &self.part(extent.filename.as_slice()))?;
        if let Some(size) = extent.cluster_size {
            map.serialize_field("cluster-size", &size)?;
        }
        map.serialize_field("format", extent.kind.map_or("", ExtentKind::name))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_begins_with_comments_and_its_version() {
        for text in [
            &b"version=1\n"[..],
            b"# Disk DescriptorFile\nversion=3\n",
            b"#\r\n \r\n   \nversion=2\r\n",
        ] {
            assert!(is_descriptor(text), "{text:?}");
        }
        for text in [
            &b""[..],
            b"version=4\n",
            b"version=1",
            b"\nversion=1\n",
            b" version=1\n",
            b"# no end",
            b"CID=1\nversion=1\n",
        ] {
            assert!(!is_descriptor(text), "{text:?}");
        }
    }
}
