//! `pven_policy`: what an image may be and name, as the core has it.

use std::ffi::c_char;

use pve_native_core as core;
use pve_native_core::chain::{Policy, Preset, Symlinks};
use pve_native_core::image::FormatChoice;
use pve_native_core::inspect::Bounds;

use crate::ffi::{self, Plain};
use crate::limits::LimitsC;
use crate::opts;

/// Only what the policy says by itself.
pub const PVEN_PRESET_NONE: u32 = 0;
/// Somebody uploaded the image: one file that names no other.
pub const PVEN_PRESET_UPLOAD: u32 = 1;
/// A chain that is brought back from elsewhere: all of it lies inside the roots, which are needed.
pub const PVEN_PRESET_RESTORE: u32 = 2;
/// A volume of one of the caller's own storages: what a guest writes into a raw disk is no reason to
/// refuse it.
pub const PVEN_PRESET_STORAGE: u32 = 3;

/// Symbolic links are followed if they do not leave the roots; so are udev's to block devices.
pub const PVEN_SYMLINKS_INSIDE: u32 = 0;
/// No symbolic link is followed below the roots.
pub const PVEN_SYMLINKS_NONE: u32 = 1;
/// Any symbolic link is followed: the name must lie inside the roots, the file may lie elsewhere.
pub const PVEN_SYMLINKS_ANY: u32 = 2;

/// Roots, formats or protocols of one policy at the most.
pub const PVEN_POLICY_LIST_MAX: usize = 1024;

/// What an image may be and name. Zero is the default everywhere, and the safe one.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct PolicyC {
    /// PVEN_PRESET_*: where the image comes from.
    pub preset: u32,
    /// PVEN_SYMLINKS_*: which symbolic links may lead to a file.
    pub symlinks: u32,
    /// Format of the top image, as in pven_open_opts.
    pub format: *const c_char,
    /// How long storage may take altogether, in seconds; fractions are allowed. 0: no limit.
    pub timeout: f64,
    /// Directories in one of which every file must really lie. None: that of the top image, for all
    /// files but the top image itself.
    pub roots: *const *const c_char,
    /// Number of roots.
    pub roots_count: usize,
    /// Names of the formats that images may have. None: all whose metadata are read here.
    pub formats: *const *const c_char,
    /// Number of formats.
    pub formats_count: usize,
    /// Protocols that may be named, such as "nbd", although nothing is read over them. None: files
    /// only.
    pub protocols: *const *const c_char,
    /// Number of protocols.
    pub protocols_count: usize,
    /// Bytes of a disk at the most. 0: 128 TiB.
    pub max_virtual_size: u64,
    /// Images in the chain at the most. 0: 200. Above 10000 is refused.
    pub max_depth: u32,
    /// 1: an image must not stand on another one.
    pub deny_backing: u8,
    /// 1: the data may lie in an external data file.
    pub allow_data_file: u8,
    /// 1: a backing image whose format is not recorded may be probed, as QEMU does. Unsafe on data
    /// that a guest can write.
    pub allow_unnamed_format: u8,
    /// 1: all files must lie on the file system of the top image.
    pub same_device: u8,
    /// What each image may cost. NULL: all defaults.
    pub limits: *const LimitsC,
    /// Size of what limits points to.
    pub limits_size: usize,
}

// SAFETY: repr(C), without padding, all fields plain.
unsafe impl Plain for PolicyC {}

/// Reads and validates a policy; gives what the call may cost as well.
///
/// # Safety
/// NULL or a pointer to `size` bytes; strings NULL or strings, arrays as long as their counts.
pub unsafe fn read(policy: *const PolicyC, size: usize) -> core::Result<(Policy, Bounds)> {
    // SAFETY: as this function demands.
    let (c, format, roots, formats, protocols, bounds) = unsafe {
        let c = ffi::options(policy, size)?;
        (
            c,
            ffi::text("format", c.format)?,
            list("roots", c.roots, c.roots_count, |p| ffi::path(p))?,
            list("formats", c.formats, c.formats_count, |p| {
                ffi::word("formats", p)
            })?,
            list("protocols", c.protocols, c.protocols_count, |p| {
                ffi::word("protocols", p)
            })?,
            opts::bounds(c.timeout, c.limits, c.limits_size)?,
        )
    };
    let mut policy = Policy {
        preset: Preset::from_number(c.preset.into())?,
        format: FormatChoice::from_caller(format)?,
        roots: roots.into_iter().map(<[u8]>::to_vec).collect(),
        formats: Vec::new(),
        protocols: protocols.into_iter().map(<[u8]>::to_vec).collect(),
        deny_backing: ffi::flag("deny_backing", c.deny_backing)?,
        allow_data_file: ffi::flag("allow_data_file", c.allow_data_file)?,
        allow_unnamed_format: ffi::flag("allow_unnamed_format", c.allow_unnamed_format)?,
        same_device: ffi::flag("same_device", c.same_device)?,
        max_depth: c.max_depth as usize,
        max_virtual_size: c.max_virtual_size,
        symlinks: Symlinks::from_number(c.symlinks.into())?,
    };
    for format in formats {
        policy.allow_format(format)?;
    }
    Ok((policy, bounds))
}

/// The strings of an array; a count of 0 is none, whatever the pointer.
///
/// # Safety
/// A pointer to `count` strings, if that is not 0.
unsafe fn list<'a>(
    name: &str,
    items: *const *const c_char,
    count: usize,
    read: impl Fn(*const c_char) -> core::Result<&'a [u8]>,
) -> core::Result<Vec<&'a [u8]>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: as this function demands.
    let items = unsafe { ffi::array(name, items, count, PVEN_POLICY_LIST_MAX)? };
    items.iter().map(|&item| read(item)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pve_native_core::limits::Limits;

    #[test]
    fn zeros_are_the_cores_default() {
        // SAFETY: NULL is allowed.
        let (policy, bounds) = unsafe { read(std::ptr::null(), 0) }.unwrap();
        assert_eq!((policy, bounds.timeout), (Policy::default(), None));
        assert_eq!(bounds.limits, Limits::DEFAULT);
    }

    #[test]
    fn numbers_are_the_cores() {
        let presets = [
            (PVEN_PRESET_NONE, Preset::None),
            (PVEN_PRESET_UPLOAD, Preset::Upload),
            (PVEN_PRESET_RESTORE, Preset::Restore),
            (PVEN_PRESET_STORAGE, Preset::Storage),
        ];
        for (number, preset) in presets {
            assert_eq!(Preset::from_number(number.into()).unwrap(), preset);
        }
        let symlinks = [
            (PVEN_SYMLINKS_INSIDE, Symlinks::Inside),
            (PVEN_SYMLINKS_NONE, Symlinks::None),
            (PVEN_SYMLINKS_ANY, Symlinks::Any),
        ];
        for (number, links) in symlinks {
            assert_eq!(Symlinks::from_number(number.into()).unwrap(), links);
        }
    }
}
