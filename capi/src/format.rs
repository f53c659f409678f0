//! Formats as numbers and names.

use std::ffi::{CStr, c_char};
use std::ptr;

use pve_native_core::image::ImageFormat;

use crate::ffi;

/// Not known: an image that could not be read.
pub const PVEN_FORMAT_UNKNOWN: u32 = 0;
/// Bytes as they are.
pub const PVEN_FORMAT_RAW: u32 = 1;
/// qcow2, versions 2 and 3.
pub const PVEN_FORMAT_QCOW2: u32 = 2;
/// VMware's VMDK, all subformats.
pub const PVEN_FORMAT_VMDK: u32 = 3;
/// VirtualBox's VDI.
pub const PVEN_FORMAT_VDI: u32 = 4;
/// VHD, which QEMU calls vpc.
pub const PVEN_FORMAT_VPC: u32 = 5;
/// VHDX.
pub const PVEN_FORMAT_VHDX: u32 = 6;
/// QEMU's QED.
pub const PVEN_FORMAT_QED: u32 = 7;
/// LUKS version 1, as a format of its own.
pub const PVEN_FORMAT_LUKS: u32 = 8;
/// qcow version 1.
pub const PVEN_FORMAT_QCOW: u32 = 9;
/// Parallels; recognised, not read.
pub const PVEN_FORMAT_PARALLELS: u32 = 10;
/// Bochs' growing images; recognised, not read.
pub const PVEN_FORMAT_BOCHS: u32 = 11;
/// Compressed loop images; recognised, not read.
pub const PVEN_FORMAT_CLOOP: u32 = 12;
/// Apple's DMG; recognised, not read.
pub const PVEN_FORMAT_DMG: u32 = 13;

/// QEMU's name for a PVEN_FORMAT_* number; NULL if it is none or PVEN_FORMAT_UNKNOWN. Static:
/// never freed.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn pven_format_name(format: u32) -> *const c_char {
    ffi::value(ptr::null(), || {
        name(format).map_or(ptr::null(), CStr::as_ptr)
    })
}

/// The static name of one of the core's formats.
pub fn name_of(format: ImageFormat) -> *const c_char {
    name(format as u32).map_or(ptr::null(), CStr::as_ptr)
}

fn name(format: u32) -> Option<&'static CStr> {
    Some(match format {
        PVEN_FORMAT_RAW => c"raw",
        PVEN_FORMAT_QCOW2 => c"qcow2",
        PVEN_FORMAT_VMDK => c"vmdk",
        PVEN_FORMAT_VDI => c"vdi",
        PVEN_FORMAT_VPC => c"vpc",
        PVEN_FORMAT_VHDX => c"vhdx",
        PVEN_FORMAT_QED => c"qed",
        PVEN_FORMAT_LUKS => c"luks",
        PVEN_FORMAT_QCOW => c"qcow",
        PVEN_FORMAT_PARALLELS => c"parallels",
        PVEN_FORMAT_BOCHS => c"bochs",
        PVEN_FORMAT_CLOOP => c"cloop",
        PVEN_FORMAT_DMG => c"dmg",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_the_cores() {
        for format in ImageFormat::ALL {
            assert_eq!(name(format as u32).unwrap().to_str(), Ok(format.name()));
        }
        assert_eq!(name(PVEN_FORMAT_UNKNOWN), None);
        assert_eq!(name(ImageFormat::ALL.len() as u32 + 1), None);
    }
}
