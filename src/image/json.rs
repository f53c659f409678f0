//! The answer in the shape of `qemu-img info --output=json`: same keys, same values, same order.
//!
//! Names can be given as QEMU's text (for JSON) or as the bytes that they are (for Perl); numbers
//! and structure are the same.

use serde::ser::{Serialize, SerializeSeq, SerializeStruct, Serializer};

use super::info::{Extent, FormatSpecific, ImageInfo, Snapshot};
use super::qcow2::{Bitmap, CompressionType, EncryptionMethod, Qcow2Info};
use crate::io::{FileKind, Meta};
use crate::text;

/// How names are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// As QEMU's JSON has them: ill-formed UTF-8 becomes U+FFFD.
    Text,
    /// As bytes.
    Bytes,
}

/// Something, to be serialised with names of one kind.
pub struct View<'a, T: ?Sized> {
    /// What.
    pub item: &'a T,
    /// With which names.
    pub names: Names,
}

impl<'a, T: ?Sized> View<'a, T> {
    /// A view of `item`.
    pub fn new(item: &'a T, names: Names) -> Self {
        View { item, names }
    }

    /// A part of this, seen the same way.
    pub fn part<'b, U: ?Sized>(&self, item: &'b U) -> View<'b, U> {
        View {
            item,
            names: self.names,
        }
    }
}

/// A name.
impl Serialize for View<'_, [u8]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.names {
            Names::Text => serializer.serialize_str(&text::qemu(self.item)),
            Names::Bytes => serializer.serialize_bytes(self.item),
        }
    }
}

impl<T> Serialize for View<'_, Vec<T>>
where
    for<'b> View<'b, T>: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.item.len()))?;
        for item in self.item {
            seq.serialize_element(&self.part(item))?;
        }
        seq.end()
    }
}

impl Serialize for View<'_, ImageInfo> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let info = self.item;
        let data = &info.metadata;
        let mut map = serializer.serialize_struct("ImageInfo", 12)?;
        map.serialize_field("children", &self.part(&Children(info)))?;
        if let Some(format) = info.backing.as_ref().and_then(|b| b.format.as_deref()) {
            map.serialize_field("backing-filename-format", &self.part(format))?;
        }
        // QEMU reads the snapshots of an image with an external data file, but does not list them.
        let listed = !info.qcow2().is_some_and(Qcow2Info::has_data_file);
        if listed && !data.snapshots.is_empty() {
            map.serialize_field("snapshots", &self.part(&data.snapshots))?;
        }
        if let Some(size) = data.virtual_size {
            map.serialize_field("virtual-size", &size)?;
        }
        map.serialize_field("filename", &self.part(&*info.filename))?;
        if let Some(size) = data.cluster_size {
            map.serialize_field("cluster-size", &size)?;
        }
        map.serialize_field("format", info.format.name())?;
        map.serialize_field("actual-size", &info.actual_size())?;
        match &data.specific {
            // QEMU has nothing to say of these.
            FormatSpecific::None
            | FormatSpecific::Vdi(_)
            | FormatSpecific::Vpc(_)
            | FormatSpecific::Qed(_)
            | FormatSpecific::Qcow1(_) => {}
            FormatSpecific::Qcow2(data) => {
                map.serialize_field("format-specific", &Typed("qcow2", self.part(&**data)))?;
            }
            FormatSpecific::Vmdk(data) => {
                map.serialize_field("format-specific", &Typed("vmdk", self.part(&**data)))?;
            }
            FormatSpecific::Luks(data) => {
                map.serialize_field("format-specific", &Typed("luks", &**data))?;
            }
        }
        if let Some(backing) = &info.backing {
            map.serialize_field("full-backing-filename", &self.part(&**backing.full_name()))?;
        }
        if data.encrypted {
            map.serialize_field("encrypted", &true)?;
        }
        if let Some(backing) = &info.backing {
            map.serialize_field("backing-filename", &self.part(backing.name()))?;
        }
        if let Some(dirty) = data.dirty {
            map.serialize_field("dirty-flag", &dirty)?;
        }
        map.end()
    }
}

/// `format-specific`.
struct Typed<T>(&'static str, T);

impl<T: Serialize> Serialize for Typed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("ImageInfoSpecific", 2)?;
        map.serialize_field("type", self.0)?;
        map.serialize_field("data", &self.1)?;
        map.end()
    }
}

/// The files under an image.
struct Children<'a>(&'a ImageInfo);

impl Serialize for View<'_, Children<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let info = self.item.0;
        let extents = &info.metadata.extents;
        let mut seq = serializer.serialize_seq(Some(1 + extents.len()))?;
        for Extent {
            child,
            filename,
            meta,
        } in extents
        {
            seq.serialize_element(&self.part(&Child {
                name: child,
                path: filename,
                meta,
            }))?;
        }
        let child = Child {
            name: "file",
            path: &info.filename,
            meta: &info.file,
        };
        seq.serialize_element(&self.part(&child))?;
        seq.end()
    }
}

struct Child<'a> {
    name: &'a str,
    path: &'a [u8],
    meta: &'a Meta,
}

impl Serialize for View<'_, Child<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("BlockChildInfo", 2)?;
        map.serialize_field("name", self.item.name)?;
        map.serialize_field(
            "info",
            &self.part(&FileNode(self.item.path, self.item.meta)),
        )?;
        map.end()
    }
}

/// A file as a node of its own.
struct FileNode<'a>(&'a [u8], &'a Meta);

impl Serialize for View<'_, FileNode<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let FileNode(path, meta) = *self.item;
        let block = meta.kind == FileKind::Block;
        let driver = if block { "host_device" } else { "file" };
        let mut map = serializer.serialize_struct("BlockGraphInfo", 7)?;
        map.serialize_field("children", &[(); 0])?;
        map.serialize_field("virtual-size", &meta.size.next_multiple_of(512))?;
        map.serialize_field("filename", &self.part(path))?;
        map.serialize_field("format", driver)?;
        map.serialize_field("actual-size", &meta.allocated)?;
        // QEMU names the type `file` for devices too.
        map.serialize_field("format-specific", &Typed("file", Empty))?;
        map.serialize_field("dirty-flag", &false)?;
        map.end()
    }
}

struct Empty;

impl Serialize for Empty {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_struct("Empty", 0)?.end()
    }
}

impl Serialize for View<'_, Snapshot> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const SECOND: u64 = 1_000_000_000;
        let snapshot = self.item;
        let mut map = serializer.serialize_struct("SnapshotInfo", 8)?;
        if let Some(icount) = snapshot.icount {
            map.serialize_field("icount", &(icount as i64))?;
        }
        map.serialize_field("vm-clock-nsec", &(snapshot.vm_clock_nsec % SECOND))?;
        map.serialize_field("name", &self.part(snapshot.name.as_slice()))?;
        map.serialize_field("date-sec", &snapshot.date_sec)?;
        map.serialize_field("date-nsec", &snapshot.date_nsec)?;
        map.serialize_field("vm-clock-sec", &(snapshot.vm_clock_nsec / SECOND))?;
        map.serialize_field("id", &self.part(snapshot.id.as_slice()))?;
        map.serialize_field("vm-state-size", &(snapshot.vm_state_size as i64))?;
        map.end()
    }
}

impl Serialize for View<'_, Qcow2Info> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let info = self.item;
        let header = &info.header;
        let v3 = header.version >= 3;
        let mut map = serializer.serialize_struct("ImageInfoSpecificQCow2", 10)?;
        map.serialize_field("compat", if v3 { "1.1" } else { "0.10" })?;
        let compression = match header.compression() {
            CompressionType::Zlib => "zlib",
            CompressionType::Zstd => "zstd",
        };
        map.serialize_field("compression-type", compression)?;
        if v3 {
            map.serialize_field("lazy-refcounts", &header.lazy_refcounts())?;
        }
        if v3 && !info.bitmaps.is_empty() {
            map.serialize_field("bitmaps", &self.part(&info.bitmaps))?;
        }
        map.serialize_field("refcount-bits", &header.refcount_bits())?;
        if v3 {
            if let Some(name) = info.extensions.data_file.as_deref() {
                map.serialize_field("data-file", &self.part(name))?;
            }
        }
        match header.encryption_method() {
            Ok(EncryptionMethod::Aes) => map.serialize_field("encrypt", &Aes)?,
            Ok(EncryptionMethod::Luks) => {
                if let Some(luks) = &info.luks {
                    map.serialize_field("encrypt", &luks.within_qcow2())?;
                }
            }
            _ => {}
        }
        if v3 && info.has_data_file() {
            map.serialize_field("data-file-raw", &header.data_file_raw())?;
        }
        if v3 {
            map.serialize_field("corrupt", &header.corrupt())?;
            map.serialize_field("extended-l2", &header.extended_l2())?;
        }
        map.end()
    }
}

struct Aes;

impl Serialize for Aes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("ImageInfoSpecificQCow2Encryption", 1)?;
        map.serialize_field("format", "aes")?;
        map.end()
    }
}

impl Serialize for View<'_, Bitmap> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bitmap = self.item;
        let flags = [(bitmap.in_use, "in-use"), (bitmap.auto, "auto")];
        let flags: Vec<&str> = flags.into_iter().filter(|f| f.0).map(|f| f.1).collect();
        let mut map = serializer.serialize_struct("Qcow2BitmapInfo", 3)?;
        map.serialize_field("flags", &flags)?;
        map.serialize_field("name", &self.part(bitmap.name.as_slice()))?;
        map.serialize_field("granularity", &bitmap.granularity())?;
        map.end()
    }
}

impl ImageInfo {
    /// Bytes of storage that the image takes: the file and, for vmdk, its extents.
    pub fn actual_size(&self) -> u64 {
        let extents = self
            .metadata
            .extents
            .iter()
            .map(|extent| extent.meta.allocated);
        extents.fold(self.file.allocated, u64::saturating_add)
    }
}
