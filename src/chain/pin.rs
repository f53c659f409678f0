//! An audited chain, kept open, and how to give QEMU exactly those files.
//!
//! QEMU takes files by descriptor in three ways: `qemu-img` and `qemu-storage-daemon` under names
//! in `/proc`, a system emulator in descriptor sets. In all of them each image is described by
//! itself, with its format, its data file and what it stands on, so that QEMU follows no name in
//! a header and guesses no format.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::audit::{Audit, Kept, walk};
use super::policy::Policy;
use crate::error::{Error, Result};
use crate::image::ImageFormat;
use crate::inspect::Bounds;
use crate::io::{Descriptor, File, FileKind};
use crate::text::printable;

mod text;

pub use text::{first_set_from_text, prefix_from_text};

/// Longest prefix of node names: QEMU's names have 31 bytes at the most.
const PREFIX: usize = 16;

/// An audited chain, its files open until it is dropped.
///
/// The files are open for reading only. That does not keep others from writing to them, nor does
/// it take QEMU's locks: what stays true is which files they are, and what they are described as.
pub struct Pin {
    audit: Audit,
    files: Vec<Open>,
}

/// The files of one image, and whether they are block devices.
struct Open {
    image: (Descriptor, bool),
    data: Option<(Descriptor, bool)>,
}

/// Audits the chain under `filename` and keeps it open. An error if the policy forbids its use.
pub fn pin(filename: &[u8], policy: &Policy, bounds: impl Into<Bounds>) -> Result<Pin> {
    let mut kept = Vec::new();
    let audit = walk(filename, policy, bounds.into(), Some(&mut kept))?.or_error()?;
    for image in &audit.chain.images {
        let unsupported = |message| Err(Error::unsupported(message).in_file(&image.filename));
        if !image.metadata.extents.is_empty() {
            return unsupported("extents in other files cannot be given to QEMU by descriptor");
        }
    }
    match audit.chain.images.last() {
        // Allowed by the policy, but not a file: left out, QEMU would open the header's name.
        Some(last) if last.backing.is_some() => {
            Err(Error::unsupported("the backing image is not a file").in_file(&last.filename))
        }
        // Only now are there descriptors in this process: it would have to close them itself.
        _ => {
            let files = kept.iter().zip(&audit.chain.images);
            let files = files
                .map(|(kept, image)| open(kept).map_err(|e| e.in_file(&image.filename)))
                .collect::<Result<_>>()?;
            Ok(Pin { audit, files })
        }
    }
}

fn open(kept: &Kept) -> Result<Open> {
    let open = |file: &File| {
        let device = file.meta().kind == FileKind::Block;
        file.descriptor().map(|open| (open, device))
    };
    Ok(Open {
        image: open(&kept.image)?,
        data: kept.data.as_ref().map(open).transpose()?,
    })
}

/// How QEMU finds the files.
#[derive(Clone, Copy)]
enum Files {
    /// Under `/proc/PID/fd`.
    Proc,
    /// In descriptor sets, numbered from this one on.
    Sets(u32),
}

impl Pin {
    /// What the audit found; none of it forbids the use of the chain.
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// The open descriptors, the top image first, each data file behind its image.
    pub fn descriptors(&self) -> Vec<i32> {
        self.open().map(|(open, _)| open.number()).collect()
    }

    /// How the names of block nodes begin unless the caller says otherwise.
    pub const NODE_PREFIX: &str = "pin";

    /// Block nodes for `qemu-storage-daemon --blockdev` or QMP's `blockdev-add`, in the order in
    /// which to add them; the last one is the top image. Their names begin with `prefix`.
    pub fn block_nodes(&self, prefix: &str) -> Result<Vec<BlockNode>> {
        self.nodes(prefix, Files::Proc)
    }

    /// The same for a system emulator that is given the descriptors with [`Pin::add_fd_args`].
    pub fn block_nodes_in_sets(&self, prefix: &str, first_set: u32) -> Result<Vec<BlockNode>> {
        self.nodes(prefix, Files::Sets(first_set))
    }

    /// Arguments that put the descriptors into sets, numbered from `first_set` on. The emulator
    /// must inherit the descriptors under their numbers.
    pub fn add_fd_args(&self, first_set: u32) -> Vec<String> {
        let sets = (u64::from(first_set)..).zip(self.descriptors());
        sets.flat_map(|(set, fd)| ["-add-fd".to_owned(), format!("fd={fd},set={set}")])
            .collect()
    }

    /// The arguments that stand for the image on a command line of `qemu-img`: one, a description
    /// of the whole chain. It holds while this process lives and keeps the pin.
    pub fn qemu_img_args(&self) -> Vec<String> {
        // Each image stands inside the one above it. No recursion: chains can be long.
        let images = &self.audit.chain.images;
        let mut text = String::from("json:");
        for (image, kept) in images.iter().zip(&self.files) {
            let format = image.format.name();
            text += &format!(r#"{{"driver":"{format}","file":{}"#, nested(&kept.image));
            if let Some(data) = &kept.data {
                text += &format!(r#","data-file":{}"#, nested(data));
            }
            if has_backing_option(image.format) {
                text += r#","backing":"#;
            }
        }
        let last = images.last().map(|image| image.format);
        if last.is_some_and(has_backing_option) {
            text += "null";
        }
        text.extend(images.iter().map(|_| '}'));
        vec![text]
    }

    fn open(&self) -> impl Iterator<Item = &(Descriptor, bool)> {
        self.files
            .iter()
            .flat_map(|kept| std::iter::once(&kept.image).chain(&kept.data))
    }

    fn nodes(&self, prefix: &str, files: Files) -> Result<Vec<BlockNode>> {
        check_prefix(prefix)?;
        let images = &self.audit.chain.images;
        let mut position = self.open().count();
        let mut nodes = Vec::with_capacity(2 * images.len());
        for (index, (image, kept)) in images.iter().zip(&self.files).enumerate().rev() {
            let name = |kind: &str, index: usize| format!("{prefix}-{kind}{index}");
            position -= 1 + usize::from(kept.data.is_some());
            nodes.push(file_node(name("file", index), &kept.image, files, position));
            let mut data_file = None;
            if let Some(data) = &kept.data {
                let name = name("data", index);
                nodes.push(file_node(name.clone(), data, files, position + 1));
                data_file = Some(name);
            }
            let backing = match (has_backing_option(image.format), index + 1 < images.len()) {
                (false, _) => None,
                (true, false) => Some(None),
                (true, true) => Some(Some(name("image", index + 1))),
            };
            nodes.push(BlockNode {
                driver: image.format.name(),
                node_name: name("image", index),
                filename: None,
                file: Some(name("file", index)),
                data_file,
                backing,
            });
        }
        Ok(nodes)
    }
}

fn check_prefix(prefix: &str) -> Result<()> {
    let mut bytes = prefix.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic());
    let rest = bytes.all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    if first && rest && prefix.len() <= PREFIX {
        return Ok(());
    }
    Err(Error::argument(format!(
        "'{}' cannot begin the name of a block node",
        printable(prefix.as_bytes())
    )))
}

fn file_node(
    node_name: String,
    (open, device): &(Descriptor, bool),
    files: Files,
    position: usize,
) -> BlockNode {
    BlockNode {
        driver: file_driver(*device),
        node_name,
        filename: Some(match files {
            Files::Proc => open.proc_name(),
            Files::Sets(first) => format!("/dev/fdset/{}", u64::from(first) + position as u64),
        }),
        file: None,
        data_file: None,
        backing: None,
    }
}

fn file_driver(device: bool) -> &'static str {
    if device { "host_device" } else { "file" }
}

/// Whether QEMU's driver takes the option `backing`: all that have backing files.
fn has_backing_option(format: ImageFormat) -> bool {
    matches!(
        format,
        ImageFormat::Qcow2 | ImageFormat::Qcow | ImageFormat::Qed | ImageFormat::Vmdk
    )
}

/// One node of QEMU's block graph, opened for reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockNode {
    /// The driver: a format, `file` or `host_device`.
    pub driver: &'static str,
    /// The node's name.
    pub node_name: String,
    /// Of a file: where it is.
    pub filename: Option<String>,
    /// Of an image: the node of its file.
    pub file: Option<String>,
    /// Of an image: the node of its data file.
    pub data_file: Option<String>,
    /// Of an image that could have one: the node of its backing image; none is said explicitly.
    pub backing: Option<Option<String>>,
}

/// As `blockdev-add` takes it.
impl Serialize for BlockNode {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("driver", self.driver)?;
        map.serialize_entry("node-name", &self.node_name)?;
        map.serialize_entry("read-only", &true)?;
        if let Some(filename) = &self.filename {
            map.serialize_entry("filename", filename)?;
        }
        if let Some(file) = &self.file {
            map.serialize_entry("file", file)?;
        }
        if let Some(data_file) = &self.data_file {
            map.serialize_entry("data-file", data_file)?;
        }
        if let Some(backing) = &self.backing {
            map.serialize_entry("backing", backing)?;
        }
        map.end()
    }
}

/// A file inside the description of its image. Neither part needs escaping.
fn nested((open, device): &(Descriptor, bool)) -> String {
    let (driver, filename) = (file_driver(*device), open.proc_name());
    format!(r#"{{"driver":"{driver}","filename":"{filename}"}}"#)
}
