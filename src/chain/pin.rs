//! An audited chain, kept open, and how to give QEMU exactly those files.
//!
//! QEMU takes files by descriptor in three ways: `qemu-img` and `qemu-storage-daemon` under names
//! in `/proc`, a system emulator in descriptor sets. In all of them each image is described by
//! itself, with its format, its data file and what it stands on, so that QEMU follows no name in
//! a header and guesses no format.
//!
//! What a caller has to do for it:
//!
//! - Keep the [`Pin`] until QEMU has opened the files. A name in `/proc` leads to a file for as long
//!   as the process that holds it lives, its pin is not dropped, and QEMU may look into that process
//!   (it is root, or of the same user and not set-user-ID). What QEMU has open it keeps. Dropping
//!   the pin closes files, which can take long on FUSE and network file systems that hang.
//! - The descriptors are closed on exec. For descriptor sets clear `FD_CLOEXEC` in the child only,
//!   between fork and exec. QEMU then shares the open file with the pin, and with it its locks: those
//!   of an emulator that was killed last until the pin is dropped. Names in `/proc` open the file
//!   anew and have none of that.
//! - Give QEMU an object `secret` for each encrypted image, and name it with [`Pin::set_secret`].
//! - Wherever QEMU is to write a name into a header (`block-commit`, `block-stream`), say which
//!   (`backing-file`): it would write the one in `/proc`.
//!
//! It fixes which files QEMU opens, not what they contain. Whoever may write to a file can put other
//! data into it, and other metadata as well. A name of a backing file that is written there now is
//! not followed; but a qcow2 header that begins to ask for a data file, or a vmdk that becomes a
//! list of extents, makes QEMU open local files by name, as nothing in QEMU's options forbids that.
//! An image that somebody else may still write to must be copied first.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::audit::{Audit, Kept, walk};
use super::policy::Policy;
use crate::error::{Error, Result};
use crate::image::qcow2::EncryptionMethod;
use crate::image::{ImageFormat, ImageInfo};
use crate::io::{Descriptor, File, FileKind};
use crate::text::printable;

/// Longest prefix of node names: QEMU's names have 31 bytes at the most.
const PREFIX: usize = 16;
/// Longest name of an object with a secret. Ours: QEMU sets no bound.
const SECRET: usize = 127;

/// An audited chain, its files open until it is dropped.
///
/// The files are open for reading only. That does not keep others from writing to them, nor does
/// it take QEMU's locks: what stays true is which files they are, and what they are described as.
pub struct Pin {
    audit: Audit,
    files: Vec<Open>,
    /// By the position of the image.
    keys: BTreeMap<usize, Key>,
}

/// The files of one image, and whether they are block devices.
struct Open {
    image: (Descriptor, bool),
    data: Option<(Descriptor, bool)>,
}

/// Audits the chain under `filename` and keeps it open. An error if the policy forbids its use.
pub fn pin(filename: &[u8], policy: &Policy, timeout: Option<Duration>) -> Result<Pin> {
    let mut kept = Vec::new();
    let audit = walk(filename, policy, timeout, Some(&mut kept))?.or_error()?;
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
            let keys = BTreeMap::new();
            Ok(Pin { audit, files, keys })
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

    /// Names the object of QEMU's (`secret`, or one like it) that holds the key of the encrypted
    /// image at this position in the audited chain; QEMU opens none without. From now on the
    /// descriptions have it. An error if that image is not encrypted, or if QEMU knows no object by
    /// such a name.
    pub fn set_secret(&mut self, image: usize, object: &str) -> Result<()> {
        let Some(info) = self.audit.chain.images.get(image) else {
            return Err(Error::argument(format!("there is no image {image}")));
        };
        let Some(format) = encryption(info) else {
            return Err(Error::argument("is not encrypted").in_file(&info.filename));
        };
        check_identifier(object, SECRET, "is not the name of an object of QEMU's")?;
        let secret = object.to_owned();
        self.keys.insert(image, Key { format, secret });
        Ok(())
    }

    /// The positions of the encrypted images that have no secret yet.
    pub fn missing_secrets(&self) -> Vec<usize> {
        let images = self.audit.chain.images.iter().enumerate();
        images
            .filter(|(index, image)| encryption(image).is_some() && !self.keys.contains_key(index))
            .map(|(index, _)| index)
            .collect()
    }

    /// The open descriptors, the top image first, each data file behind its image.
    pub fn descriptors(&self) -> Vec<i32> {
        self.open().map(|(open, _)| open.number()).collect()
    }

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
    /// must inherit the descriptors under their numbers: they are closed on exec unless the child
    /// clears `FD_CLOEXEC` before. There are as many sets as [`Pin::descriptors`].
    pub fn add_fd_args(&self, first_set: u32) -> Vec<String> {
        let sets = (u64::from(first_set)..).zip(self.descriptors());
        sets.flat_map(|(set, fd)| ["-add-fd".to_owned(), format!("fd={fd},set={set}")])
            .collect()
    }

    /// The arguments that stand for the image on a command line of `qemu-img`: one, a description
    /// of the whole chain. It holds while this process lives and keeps the pin, and it is for
    /// reading: `check -r`, `commit` and the like are refused. Not for `info`, which refuses nested
    /// descriptions.
    pub fn qemu_img_args(&self) -> Vec<String> {
        // Each image stands inside the one above it. No recursion: chains can be long.
        let images = &self.audit.chain.images;
        let mut text = String::from("json:");
        for (index, (image, kept)) in images.iter().zip(&self.files).enumerate() {
            let (format, file) = (image.format.name(), nested(&kept.image));
            text += &format!(r#"{{"driver":"{format}","read-only":true,"file":{file}"#);
            match self.keys.get(&index) {
                Some(Key { format, secret }) if image.format != ImageFormat::Luks => {
                    text +=
                        &format!(r#","encrypt":{{"format":"{format}","key-secret":"{secret}"}}"#);
                }
                Some(key) => text += &format!(r#","key-secret":"{}""#, key.secret),
                None => {}
            }
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
        check_identifier(prefix, PREFIX, "cannot begin the name of a block node")?;
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
                key: self.keys.get(&index).cloned(),
            });
        }
        Ok(nodes)
    }
}

/// QEMU's rule for the names of nodes and objects; what passes needs no escaping in JSON.
fn check_identifier(name: &str, longest: usize, otherwise: &str) -> Result<()> {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic());
    let rest = bytes.all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
    if first && rest && name.len() <= longest {
        return Ok(());
    }
    let name = printable(name.as_bytes());
    Err(Error::argument(format!("'{name}' {otherwise}")))
}

/// What an image is encrypted with, by QEMU's word for it.
fn encryption(image: &ImageInfo) -> Option<&'static str> {
    if !image.metadata.encrypted {
        return None;
    }
    let method = image.qcow2().map(|data| data.header.encryption_method());
    match (image.format, method) {
        (ImageFormat::Luks, _) | (_, Some(Ok(EncryptionMethod::Luks))) => Some("luks"),
        _ => Some("aes"),
    }
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
        key: None,
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

/// How QEMU gets the key of an encrypted image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The kind of encryption: `luks`, or `aes` in qcow and old qcow2 images.
    pub format: &'static str,
    /// The name of QEMU's object that holds the secret.
    pub secret: String,
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
    /// Of an encrypted image: where its key is, once it was told.
    pub key: Option<Key>,
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
        match &self.key {
            Some(key) if self.driver == ImageFormat::Luks.name() => {
                map.serialize_entry("key-secret", &key.secret)?;
            }
            Some(Key { format, secret }) => {
                let encrypt = BTreeMap::from([("format", *format), ("key-secret", secret)]);
                map.serialize_entry("encrypt", &encrypt)?;
            }
            None => {}
        }
        map.end()
    }
}

/// A file inside the description of its image. Neither part needs escaping.
fn nested((open, device): &(Descriptor, bool)) -> String {
    let (driver, filename) = (file_driver(*device), open.proc_name());
    format!(r#"{{"driver":"{driver}","filename":"{filename}"}}"#)
}
