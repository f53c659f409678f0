//! Options that several questions take.

use std::ffi::c_char;

use pve_native_core as core;
use pve_native_core::chain::ChainOptions;
use pve_native_core::image::FormatChoice;
use pve_native_core::inspect::Bounds;
use pve_native_core::inspect::options::timeout_from_seconds;

use crate::ffi::{self, Plain};
use crate::limits::{self, LimitsC};

/// How to open an image or a chain. Zero is the default everywhere.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct OpenOpts {
    /// Format of the top image by QEMU's name. NULL: the extension of the file's name decides, and
    /// a name without one means raw. "auto-detect" probes: never on data that a guest can write.
    pub format: *const c_char,
    /// How long storage may take altogether, in seconds; fractions are allowed. 0: no limit.
    pub timeout: f64,
    /// Images in the chain at the most. 0: 200. Above 10000 is refused.
    pub max_depth: u32,
    /// 1: probe backing images whose format is not recorded, as QEMU does. Unsafe on data that a
    /// guest can write.
    pub allow_probe: u8,
    /// 1: a chain that is not whole is an error.
    pub strict: u8,
    /// Zero.
    pub reserved: [u8; 2],
    /// What each image may cost. NULL: all defaults.
    pub limits: *const LimitsC,
    /// Size of what limits points to.
    pub limits_size: usize,
}

// SAFETY: repr(C), without padding, all fields plain.
unsafe impl Plain for OpenOpts {}

/// The same, understood.
pub struct Open {
    /// How the top image's format is decided.
    pub format: FormatChoice,
    /// How long storage may take, and what each image may cost.
    pub bounds: Bounds,
    /// Images at the most; 0 means the core's default.
    pub max_depth: usize,
    /// Probe backing images whose format is not recorded.
    pub allow_probe: bool,
    /// A damaged chain is an error.
    pub strict: bool,
}

impl Open {
    /// Reads and validates the options.
    ///
    /// # Safety
    /// NULL or a pointer to `size` bytes; the format NULL or a string, the limits as for
    /// [`bounds`].
    pub unsafe fn read(opts: *const OpenOpts, size: usize) -> core::Result<Self> {
        // SAFETY: as this function demands.
        let (opts, format) = unsafe {
            let opts = ffi::options(opts, size)?;
            (opts, ffi::text("format", opts.format)?)
        };
        unset(&opts.reserved)?;
        Ok(Open {
            format: FormatChoice::from_caller(format)?,
            // SAFETY: as this function demands.
            bounds: unsafe { bounds(opts.timeout, opts.limits, opts.limits_size)? },
            max_depth: opts.max_depth as usize,
            allow_probe: ffi::flag("allow_probe", opts.allow_probe)?,
            strict: ffi::flag("strict", opts.strict)?,
        })
    }

    /// The part that concerns the walk.
    pub fn chain(&self) -> ChainOptions {
        ChainOptions {
            format: self.format,
            allow_probe: self.allow_probe,
            max_depth: self.max_depth,
            strict: self.strict,
        }
    }

    /// An error if something is set that only a chain has.
    pub fn single(self) -> core::Result<Self> {
        if self.allow_probe || self.strict || self.max_depth != 0 {
            return Err(core::Error::argument(
                "max_depth, allow_probe and strict are for chains, not for one image",
            ));
        }
        Ok(self)
    }
}

/// What a call may cost.
///
/// # Safety
/// `limits` is NULL or points to `limits_size` bytes.
pub unsafe fn bounds(
    timeout: f64,
    limits: *const LimitsC,
    limits_size: usize,
) -> core::Result<Bounds> {
    Ok(Bounds {
        timeout: timeout_from_seconds(timeout)?,
        // SAFETY: as this function demands.
        limits: unsafe { limits::read(limits, limits_size)? },
    })
}

/// An error unless all reserved bytes are zero.
pub fn unset(reserved: &[u8]) -> core::Result<()> {
    if reserved.iter().any(|&byte| byte != 0) {
        return Err(core::Error::argument(
            "reserved bytes of the options are set",
        ));
    }
    Ok(())
}
