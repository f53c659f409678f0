//! `pven_file_size`: what Proxmox VE's storage layer wants to know of a volume.

use std::ffi::{c_char, c_void};
use std::mem::offset_of;
use std::ptr;

use pve_native_core as core;
use pve_native_core::image::ImageFormat;
use pve_native_core::inspect::options::timeout_from_seconds;
use pve_native_core::inspect::{FileSize, FileSizeRequest, file_size_info};

use crate::error::Error;
use crate::ffi::{self, Plain, StructOut};
use crate::opts::unset;
use crate::{format, string};

/// How to look at a volume. Zero is the default everywhere.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FileSizeOpts {
    /// Format of the volume by QEMU's name, or "subvol" for a directory. NULL or "auto-detect"
    /// probes: never on data that a guest can write.
    pub format: *const c_char,
    /// How long storage may take altogether, in seconds; fractions are allowed. 0: no limit.
    pub timeout: f64,
    /// Called on the same thread, before pven_file_size() returns, once for each sentence to warn
    /// with; it is UTF-8, for people, and lives until the callback returns. The callback must
    /// return: no exception, no longjmp. NULL: nobody wants to know.
    pub warning: Option<unsafe extern "C" fn(data: *mut c_void, message: *const c_char)>,
    /// The first argument of the callback.
    pub warning_data: *mut c_void,
    /// 1: somebody else made the image. No file but this one may belong to it, and whatever is
    /// wrong is an error.
    pub untrusted: u8,
    /// Zero.
    pub reserved: [u8; 7],
}

/// What a volume is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FileSizeC {
    /// Bytes that the guest sees; 0 for a directory.
    pub size: u64,
    /// Bytes of storage that it takes.
    pub used: u64,
    /// Last status change, seconds since the epoch; 0 if it could not be looked at.
    pub ctime: i64,
    /// QEMU's name of the format, or "subvol" for a directory. Static: never freed.
    pub format: *const c_char,
    /// Name of the backing file as stored, or NULL. The caller frees it with pven_string_free().
    pub parent: *mut c_char,
    /// 1: the volume could be looked at. 0: it could not, a warning says why, and all above is 0
    /// or NULL except perhaps ctime. Never 0 for an untrusted image.
    pub known: u8,
    /// Zero.
    pub reserved: [u8; 7],
}

// SAFETY: each is repr(C), without padding, all fields plain.
unsafe impl Plain for FileSizeOpts {}
// SAFETY: as above.
unsafe impl Plain for FileSizeC {}

/// Size, format, use and parent of a volume, by the rules of Proxmox VE's file_size_info. A
/// trusted volume that is not there is no error: known is 0 then.
///
/// path: as for pven_chain_open().
/// opts, opts_size: a pven_file_size_opts and its size; NULL means all defaults.
/// out, out_size: a pven_file_size_info and its size. As much of it as both sides know is filled,
/// the rest is zero.
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_file_size(
    path: *const c_char,
    opts: *const FileSizeOpts,
    opts_size: usize,
    out: *mut FileSizeC,
    out_size: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = StructOut::cleared(out, out_size).required()?;
            let filename = ffi::path(path)?;
            let opts = ffi::options(opts, opts_size)?;
            unset(&opts.reserved)?;
            let answer = file_size_info(&FileSizeRequest {
                filename,
                timeout: timeout_from_seconds(opts.timeout)?,
                format: ffi::text("format", opts.format)?,
                untrusted: ffi::flag("untrusted", opts.untrusted)?,
            });
            warn(&opts, &answer.warnings);
            let volume = answer.result?;
            let parent_fits = out.reaches(offset_of!(FileSizeC, parent) + size_of::<*mut c_char>());
            let ctime = answer.ctime.unwrap_or(0);
            out.put(&filled(volume, ctime, parent_fits)?);
            Ok(())
        })
    }
}

/// Tells the caller each warning.
///
/// # Safety
/// The callback can be called with its data.
unsafe fn warn(opts: &FileSizeOpts, warnings: &[String]) {
    let Some(callback) = opts.warning else {
        return;
    };
    for warning in warnings {
        let text = string::held_text(warning);
        // SAFETY: as this function demands; the text outlives the call.
        ffi::outside(|| unsafe { callback(opts.warning_data, text.as_ptr()) });
    }
}

/// The answer for C. A parent that the caller has no room for is not copied, since nobody could
/// free it.
fn filled(volume: Option<FileSize>, ctime: i64, parent_fits: bool) -> core::Result<FileSizeC> {
    let mut filled = FileSizeC {
        ctime,
        ..FileSizeC::zeroed()
    };
    let Some(volume) = volume else {
        return Ok(filled);
    };
    filled.size = volume.size;
    filled.used = volume.used;
    filled.format = static_name(volume.format);
    filled.parent = match volume.parent.filter(|_| parent_fits) {
        Some(parent) => string::owned(&parent)?,
        None => ptr::null_mut(),
    };
    filled.known = 1;
    Ok(filled)
}

fn static_name(name: &str) -> *const c_char {
    match ImageFormat::from_name(name.as_bytes()) {
        Some(format) => format::name_of(format),
        None => c"subvol".as_ptr(),
    }
}
