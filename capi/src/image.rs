//! `pven_image_info`: one entry of a chain as a struct.

use std::ffi::c_char;
use std::ptr;

use pve_native_core::chain::walk::Broken;
use pve_native_core::image::qcow2::{CompressionType, EncryptionMethod, Qcow2Info};
use pve_native_core::image::{ImageFormat, ImageInfo};
use pve_native_core::io::FileKind;

use crate::chain::{Chain, Entry};
use crate::error::Error;
use crate::ffi::{self, Plain};
use crate::format::{self, PVEN_FORMAT_UNKNOWN};
use crate::string::lent;
use crate::texts::Texts;

/// virtual_size is known.
pub const PVEN_IMAGE_HAS_VIRTUAL_SIZE: u32 = 1 << 0;
/// The format records whether an image was closed cleanly: PVEN_IMAGE_DIRTY means something.
pub const PVEN_IMAGE_HAS_DIRTY_FLAG: u32 = 1 << 1;
/// The image was not closed cleanly.
pub const PVEN_IMAGE_DIRTY: u32 = 1 << 2;
/// The image is marked as corrupt.
pub const PVEN_IMAGE_CORRUPT: u32 = 1 << 3;
/// Guest data is encrypted.
pub const PVEN_IMAGE_ENCRYPTED: u32 = 1 << 4;
/// The file is a block device.
pub const PVEN_IMAGE_BLOCK_DEVICE: u32 = 1 << 5;
/// qcow2: guest data lies in another file.
pub const PVEN_IMAGE_DATA_FILE: u32 = 1 << 6;
/// qcow2: that file may be read as a raw image.
pub const PVEN_IMAGE_DATA_FILE_RAW: u32 = 1 << 7;
/// qcow2: refcounts may be updated late.
pub const PVEN_IMAGE_LAZY_REFCOUNTS: u32 = 1 << 8;
/// qcow2: L2 entries have subclusters.
pub const PVEN_IMAGE_EXTENDED_L2: u32 = 1 << 9;
/// qcow2: there are bitmaps, but a program that does not know them changed the image since.
pub const PVEN_IMAGE_STALE_BITMAPS: u32 = 1 << 10;

/// The format does not compress, or does not say how.
pub const PVEN_COMPRESSION_NONE: u32 = 0;
/// Raw deflate.
pub const PVEN_COMPRESSION_ZLIB: u32 = 1;
/// Zstandard.
pub const PVEN_COMPRESSION_ZSTD: u32 = 2;

/// Not encrypted.
pub const PVEN_ENCRYPTION_NONE: u32 = 0;
/// AES-CBC, as qcow version 1 had it; broken by design.
pub const PVEN_ENCRYPTION_AES: u32 = 1;
/// LUKS version 1.
pub const PVEN_ENCRYPTION_LUKS: u32 = 2;

/// One entry of a chain. Strings are bytes and live as long as the chain; sizes are bytes. An
/// entry whose error_code is not PVEN_OK only has its filename and what begins with error_.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ImageInfoC {
    /// The file's name as QEMU prints it: without a leading "file:".
    pub filename: *const c_char,
    /// QEMU's name of the format; NULL if it is not known. Static.
    pub format_name: *const c_char,
    /// The backing file's name as the image stores it; NULL without one.
    pub backing_filename: *const c_char,
    /// The backing file's name seen from this image, as QEMU builds it; NULL without one.
    pub full_backing_filename: *const c_char,
    /// The recorded format of the backing file; NULL if none is recorded.
    pub backing_format: *const c_char,
    /// qcow2: the recorded name of the data file; NULL if none is recorded.
    pub data_file: *const c_char,
    /// Why this image could not be read, for people; NULL if it could.
    pub error_message: *const c_char,
    /// Size of the disk that the guest sees, if PVEN_IMAGE_HAS_VIRTUAL_SIZE is set.
    pub virtual_size: u64,
    /// Storage that the image takes: the file and, for vmdk, its extents.
    pub actual_size: u64,
    /// Length of the file, or size of the device.
    pub file_size: u64,
    /// Unit of allocation; 0 where the format has none.
    pub cluster_size: u64,
    /// Last status change of the file, seconds since the epoch.
    pub ctime: i64,
    /// qcow2: feature bits that a reader must know.
    pub incompatible_features: u64,
    /// qcow2: feature bits that a reader may ignore.
    pub compatible_features: u64,
    /// qcow2: feature bits that a writer clears if it does not know them.
    pub autoclear_features: u64,
    /// Internal snapshots: see pven_chain_image_snapshot().
    pub snapshots: usize,
    /// Persistent bitmaps: see pven_chain_image_bitmap().
    pub bitmaps: usize,
    /// qcow2: names of feature bits: see pven_chain_image_feature_name().
    pub feature_names: usize,
    /// Further files that hold data: see pven_chain_image_extent().
    pub extents: usize,
    /// Warnings: see pven_chain_image_warning().
    pub warnings: usize,
    /// PVEN_FORMAT_*.
    pub format: u32,
    /// PVEN_IMAGE_* bits.
    pub flags: u32,
    /// qcow2: 2 or 3; else 0.
    pub qcow2_version: u32,
    /// qcow2: width of a refcount in bits; else 0.
    pub refcount_bits: u32,
    /// PVEN_COMPRESSION_*.
    pub compression: u32,
    /// PVEN_ENCRYPTION_*.
    pub encryption: u32,
    /// PVEN_OK, or the PVEN_ERR_* code of the failure at which the chain is broken.
    pub error_code: i32,
    /// The errno of that failure.
    pub error_errno: i32,
}

// SAFETY: repr(C), without padding, all fields plain.
unsafe impl Plain for ImageInfoC {}

/// One entry of a chain; the top image has index 0.
///
/// out, out_size: a pven_image_info and its size. As much of it as both sides know is filled, the
/// rest is zero. An index that is not below pven_chain_len() is PVEN_ERR_ARGUMENT.
/// Many threads may use one chain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_chain_image(
    c: Option<&Chain>,
    index: usize,
    out: *mut ImageInfoC,
    out_size: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::fill(c, out, out_size, err, |c| {
            let (entry, texts) = c.entry(index)?;
            Ok(match entry {
                Entry::Image(image) => of_image(image, texts),
                Entry::Broken(broken) => of_broken(broken, texts),
            })
        })
    }
}

fn of_broken(broken: &Broken, texts: &Texts) -> ImageInfoC {
    ImageInfoC {
        filename: texts.filename.as_ptr(),
        error_message: lent(texts.error_message.as_ref()),
        format: PVEN_FORMAT_UNKNOWN,
        error_code: broken.error.code() as i32,
        error_errno: broken.error.errno(),
        ..ImageInfoC::zeroed()
    }
}

fn of_image(image: &ImageInfo, texts: &Texts) -> ImageInfoC {
    let data = &image.metadata;
    let mut info = ImageInfoC {
        filename: texts.filename.as_ptr(),
        format_name: format::name_of(image.format),
        backing_filename: lent(texts.backing_filename.as_ref()),
        full_backing_filename: lent(texts.full_backing_filename.as_ref()),
        backing_format: lent(texts.backing_format.as_ref()),
        data_file: lent(texts.data_file.as_ref()),
        error_message: ptr::null(),
        virtual_size: data.virtual_size.unwrap_or(0),
        actual_size: image.actual_size(),
        file_size: image.file.size,
        cluster_size: data.cluster_size.unwrap_or(0),
        ctime: image.file.ctime,
        snapshots: texts.snapshots.len(),
        bitmaps: texts.bitmaps.len(),
        feature_names: texts.feature_names.len(),
        extents: texts.extents.len(),
        warnings: texts.warnings.len(),
        format: image.format as u32,
        flags: bits(&[
            (data.virtual_size.is_some(), PVEN_IMAGE_HAS_VIRTUAL_SIZE),
            (data.dirty.is_some(), PVEN_IMAGE_HAS_DIRTY_FLAG),
            (data.dirty == Some(true), PVEN_IMAGE_DIRTY),
            (data.encrypted, PVEN_IMAGE_ENCRYPTED),
            (image.file.kind == FileKind::Block, PVEN_IMAGE_BLOCK_DEVICE),
        ]),
        ..ImageInfoC::zeroed()
    };
    if image.format == ImageFormat::Luks {
        info.encryption = PVEN_ENCRYPTION_LUKS;
    }
    if let Some(qcow2) = image.qcow2() {
        add_qcow2(&mut info, qcow2);
    }
    info
}

fn add_qcow2(info: &mut ImageInfoC, qcow2: &Qcow2Info) {
    let header = &qcow2.header;
    info.incompatible_features = header.incompatible_features;
    info.compatible_features = header.compatible_features;
    info.autoclear_features = header.autoclear_features;
    info.qcow2_version = header.version;
    info.refcount_bits = header.refcount_bits();
    info.compression = match header.compression() {
        CompressionType::Zlib => PVEN_COMPRESSION_ZLIB,
        CompressionType::Zstd => PVEN_COMPRESSION_ZSTD,
    };
    info.encryption = match header.encryption_method() {
        Ok(EncryptionMethod::Aes) => PVEN_ENCRYPTION_AES,
        Ok(EncryptionMethod::Luks) => PVEN_ENCRYPTION_LUKS,
        Ok(EncryptionMethod::None) | Err(_) => PVEN_ENCRYPTION_NONE,
    };
    info.flags |= bits(&[
        (header.corrupt(), PVEN_IMAGE_CORRUPT),
        (qcow2.has_data_file(), PVEN_IMAGE_DATA_FILE),
        (header.data_file_raw(), PVEN_IMAGE_DATA_FILE_RAW),
        (header.lazy_refcounts(), PVEN_IMAGE_LAZY_REFCOUNTS),
        (header.extended_l2(), PVEN_IMAGE_EXTENDED_L2),
        (qcow2.extensions.stale_bitmaps, PVEN_IMAGE_STALE_BITMAPS),
    ]);
}

/// The bits whose condition holds.
pub fn bits(conditions: &[(bool, u32)]) -> u32 {
    let set = conditions.iter().filter(|(holds, _)| *holds);
    set.fold(0, |all, (_, bit)| all | bit)
}
