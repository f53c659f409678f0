//! Threads and helpers of ours take no signals: handlers belong to the program around us, and
//! Perl's must not run anywhere but in its own thread.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;

/// While this lives, the calling thread takes no signals; whatever it starts never does.
#[must_use]
pub struct BlockedSignals {
    before: libc::sigset_t,
    /// It belongs to the thread that made it.
    _thread: PhantomData<*const ()>,
}

impl BlockedSignals {
    pub(in crate::io) fn all() -> Self {
        let mut all = MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigfillset writes `all`; pthread_sigmask writes `before` and can only fail for
        // an unknown first argument.
        let before = unsafe {
            libc::sigfillset(all.as_mut_ptr());
            libc::sigemptyset(before.as_mut_ptr());
            libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
            before.assume_init()
        };
        BlockedSignals {
            before,
            _thread: PhantomData,
        }
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        // SAFETY: the mask that this thread had.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, ptr::null_mut()) };
    }
}
