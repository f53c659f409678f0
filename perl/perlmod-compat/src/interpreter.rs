//! The running Perl interpreter, which every call into Perl's C interface needs. With ithreads each
//! thread has its own; it is asked for once where work begins and handed on from there.

use std::ffi::c_void;

use crate::ffi;

/// The interpreter of the current thread.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Interpreter(*mut c_void);

impl Interpreter {
    /// # Panics
    ///
    /// On a thread that Perl does not know: Perl values cannot be used there.
    pub(crate) fn current() -> Self {
        // SAFETY: takes no arguments and reads a thread-local pointer.
        let pointer = unsafe { ffi::pvm_interpreter() };
        assert!(
            !pointer.is_null(),
            "Perl values can be used on threads of Perl's only"
        );
        Self(pointer)
    }
}
