//! Long work: the options that it takes, and who is told how far it is.

use std::ffi::c_void;

use pve_native_core as core;
use pve_native_core::work::{self, Work};

use crate::ffi::{self, Plain};
use crate::opts::{Open, OpenOpts};

/// Told how far long work is: what is done, and what there is to do as far as that is known, in
/// units of the work's own. 0 cancels the work, which then fails with PVEN_ERR_CANCELLED; anything
/// else goes on. Called in the calling thread, about once a millisecond. It must return: no
/// longjmp(), no exception.
pub type ProgressFn = Option<unsafe extern "C" fn(data: *mut c_void, done: u64, total: u64) -> i32>;

/// How to do long work. Zero is the default everywhere.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WorkOpts {
    /// How to open the image or chain, and how long all of the work may take. NULL: all defaults.
    pub open: *const OpenOpts,
    /// Size of what open points to.
    pub open_size: usize,
    /// Told how far it is. NULL: nobody.
    pub progress: ProgressFn,
    /// Handed to progress.
    pub progress_data: *mut c_void,
}

// SAFETY: repr(C), without padding; integers, raw pointers and an optional function.
unsafe impl Plain for WorkOpts {}

/// The same, understood.
pub struct Watched {
    /// How to open the image or chain.
    pub open: Open,
    progress: ProgressFn,
    data: *mut c_void,
}

impl Watched {
    /// Reads and validates the options.
    ///
    /// # Safety
    /// NULL or a pointer to `size` bytes; open as for [`Open::read`], progress a function that may
    /// be called with the data.
    pub unsafe fn read(opts: *const WorkOpts, size: usize) -> core::Result<Self> {
        // SAFETY: as this function demands.
        unsafe {
            let opts = ffi::options(opts, size)?;
            if !opts.open.is_null() && opts.open_size == 0 {
                return Err(core::Error::argument("open_size is 0"));
            }
            Ok(Watched {
                open: Open::read(opts.open, opts.open_size)?,
                progress: opts.progress,
                data: opts.progress_data,
            })
        }
    }

    /// An error if something is set that only a chain has.
    pub fn single(mut self) -> core::Result<Self> {
        self.open = self.open.single()?;
        Ok(self)
    }

    /// Does the work, and tells how far it is.
    pub fn finish<W: Work>(&self, work: W) -> core::Result<W::Answer> {
        work::finish(work, &mut |at| match self.progress {
            None => true,
            // SAFETY: the caller gave both for this.
            Some(tell) => ffi::outside(|| unsafe { tell(self.data, at.done, at.total) } != 0),
        })
    }
}
