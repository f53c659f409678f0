//! The lists of one image in a chain: snapshots, bitmaps, feature names, extents, warnings.

use std::ffi::c_char;
use std::ptr;

use pve_native_core as core;
use pve_native_core::image::ImageInfo;
use pve_native_core::image::qcow2::FeatureKind;

use crate::chain::{Chain, Entry};
use crate::error::Error;
use crate::ffi::{self, Out, Plain};
use crate::image::bits;
use crate::texts::Texts;

/// The bitmap was not saved properly: its contents are worth nothing.
pub const PVEN_BITMAP_IN_USE: u32 = 1 << 0;
/// The bitmap must track all changes to the disk.
pub const PVEN_BITMAP_AUTO: u32 = 1 << 1;

/// Readers must know the feature.
pub const PVEN_FEATURE_INCOMPATIBLE: u32 = 0;
/// Readers may ignore the feature.
pub const PVEN_FEATURE_COMPATIBLE: u32 = 1;
/// Writers clear the bit if they do not know the feature.
pub const PVEN_FEATURE_AUTOCLEAR: u32 = 2;

/// What pven_snapshot has for icount if instructions were not counted.
pub const PVEN_NO_ICOUNT: u64 = u64::MAX;

/// An internal snapshot. Strings are bytes and live as long as the chain.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SnapshotC {
    /// The identifier, usually a small number.
    pub id: *const c_char,
    /// The name.
    pub name: *const c_char,
    /// Bytes of saved machine state; 0 for a snapshot of the disk alone.
    pub vm_state_size: u64,
    /// Bytes of the disk when the snapshot was taken.
    pub disk_size: u64,
    /// When it was taken: seconds since the epoch.
    pub date_sec: u64,
    /// The rest of that second, in nanoseconds.
    pub date_nsec: u64,
    /// How long the guest had been running, in nanoseconds.
    pub vm_clock_nsec: u64,
    /// Executed instructions, where record and replay counted them; else PVEN_NO_ICOUNT.
    pub icount: u64,
}

/// A persistent bitmap of qcow2. Strings are bytes and live as long as the chain.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct BitmapC {
    /// The name.
    pub name: *const c_char,
    /// Bytes of the disk that one bit stands for.
    pub granularity: u64,
    /// PVEN_BITMAP_* bits.
    pub flags: u32,
    /// Zero.
    pub reserved: u32,
}

/// A feature bit of qcow2 and what the image calls it. Strings are bytes and live as long as the
/// chain.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FeatureNameC {
    /// The name; whoever wrote the image chose it.
    pub name: *const c_char,
    /// PVEN_FEATURE_*, or another number that the image has and the format does not know.
    pub kind: u32,
    /// The bit; 0 is the lowest.
    pub bit: u32,
}

/// A further file that holds data of an image (vmdk). Strings are bytes and live as long as the
/// chain.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ExtentFileC {
    /// QEMU's name of the child node, such as "extents.0".
    pub child: *const c_char,
    /// The file's name, seen from the image.
    pub filename: *const c_char,
    /// Length of the file, or size of the device, in bytes.
    pub file_size: u64,
    /// Bytes of storage that it takes.
    pub actual_size: u64,
}

// SAFETY: each is repr(C), without padding, all fields plain.
unsafe impl Plain for SnapshotC {}
// SAFETY: as above.
unsafe impl Plain for BitmapC {}
// SAFETY: as above.
unsafe impl Plain for FeatureNameC {}
// SAFETY: as above.
unsafe impl Plain for ExtentFileC {}

/// One internal snapshot of an image, in the order of the image's table.
///
/// image: index of the image in the chain. index: below snapshots in its pven_image_info.
/// out, out_size: a pven_snapshot and its size.
/// Many threads may use one chain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_chain_image_snapshot(
    c: Option<&Chain>,
    image: usize,
    index: usize,
    out: *mut SnapshotC,
    out_size: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::fill(c, out, out_size, err, |c| {
            let (info, texts) = readable(c, image)?;
            let snapshot = item("snapshot", &info.metadata.snapshots, index)?;
            let (id, name) = item("snapshot", &texts.snapshots, index)?;
            Ok(SnapshotC {
                id: id.as_ptr(),
                name: name.as_ptr(),
                vm_state_size: snapshot.vm_state_size,
                disk_size: snapshot.disk_size,
                date_sec: snapshot.date_sec.into(),
                date_nsec: snapshot.date_nsec.into(),
                vm_clock_nsec: snapshot.vm_clock_nsec,
                icount: snapshot.icount.unwrap_or(PVEN_NO_ICOUNT),
            })
        })
    }
}

/// One persistent bitmap of an image.
///
/// image: index of the image in the chain. index: below bitmaps in its pven_image_info.
/// out, out_size: a pven_bitmap and its size.
/// Many threads may use one chain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_chain_image_bitmap(
    c: Option<&Chain>,
    image: usize,
    index: usize,
    out: *mut BitmapC,
    out_size: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::fill(c, out, out_size, err, |c| {
            let (info, texts) = readable(c, image)?;
            let bitmaps = info.qcow2().map_or(&[][..], |qcow2| &qcow2.bitmaps);
            let bitmap = item("bitmap", bitmaps, index)?;
            Ok(BitmapC {
                name: item("bitmap", &texts.bitmaps, index)?.as_ptr(),
                granularity: bitmap.granularity(),
                flags: bits(&[
                    (bitmap.in_use, PVEN_BITMAP_IN_USE),
                    (bitmap.auto, PVEN_BITMAP_AUTO),
                ]),
                reserved: 0,
            })
        })
    }
}

/// One entry of an image's feature name table.
///
/// image: index of the image in the chain. index: below feature_names in its pven_image_info.
/// out, out_size: a pven_feature_name and its size.
/// Many threads may use one chain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_chain_image_feature_name(
    c: Option<&Chain>,
    image: usize,
    index: usize,
    out: *mut FeatureNameC,
    out_size: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::fill(c, out, out_size, err, |c| {
            let (info, texts) = readable(c, image)?;
            let name = item("feature name", &texts.feature_names, index)?;
            let mut names = info
                .qcow2()
                .into_iter()
                .flat_map(|q| q.extensions.feature_names());
            let feature = names
                .nth(index)
                .ok_or_else(|| beyond("feature name", index))?;
            Ok(FeatureNameC {
                name: name.as_ptr(),
                kind: match feature.kind {
                    FeatureKind::Incompatible => PVEN_FEATURE_INCOMPATIBLE,
                    FeatureKind::Compatible => PVEN_FEATURE_COMPATIBLE,
                    FeatureKind::Autoclear => PVEN_FEATURE_AUTOCLEAR,
                    FeatureKind::Unknown(kind) => kind.into(),
                },
                bit: feature.bit.into(),
            })
        })
    }
}

/// One further file that holds data of an image.
///
/// image: index of the image in the chain. index: below extents in its pven_image_info.
/// out, out_size: a pven_extent_file and its size.
/// Many threads may use one chain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_chain_image_extent(
    c: Option<&Chain>,
    image: usize,
    index: usize,
    out: *mut ExtentFileC,
    out_size: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::fill(c, out, out_size, err, |c| {
            let (info, texts) = readable(c, image)?;
            let extent = item("extent", &info.metadata.extents, index)?;
            let (child, filename) = item("extent", &texts.extents, index)?;
            Ok(ExtentFileC {
                child: child.as_ptr(),
                filename: filename.as_ptr(),
                file_size: extent.meta.size,
                actual_size: extent.meta.allocated,
            })
        })
    }
}

/// One sentence that the reader of an image is to be warned with. UTF-8, for people; it lives as
/// long as the chain.
///
/// image: index of the image in the chain. index: below warnings in its pven_image_info.
/// Many threads may use one chain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_chain_image_warning(
    c: Option<&Chain>,
    image: usize,
    index: usize,
    out: *mut *const c_char,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on(c, err, |c| {
            let out = Out::cleared(out, ptr::null()).required("out");
            let (_, texts) = readable(c?, image)?;
            let warning = item("warning", &texts.warnings, index)?;
            out?.put_if_wanted(|| warning.as_ptr());
            Ok(())
        })
    }
}

/// The image at `index` of the chain; the entry where a chain is broken has no lists.
fn readable(chain: &Chain, index: usize) -> core::Result<(&ImageInfo, &Texts)> {
    match chain.entry(index)? {
        (Entry::Image(image), texts) => Ok((image, texts)),
        (Entry::Broken(_), _) => Err(core::Error::argument(format!(
            "entry {index} of the chain could not be read"
        ))),
    }
}

fn item<'a, T>(what: &str, items: &'a [T], index: usize) -> core::Result<&'a T> {
    items.get(index).ok_or_else(|| beyond(what, index))
}

fn beyond(what: &str, index: usize) -> core::Error {
    core::Error::argument(format!("the image has no {what} {index}"))
}
