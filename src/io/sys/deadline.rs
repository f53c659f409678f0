//! A moment after which nobody waits any more, by the clock that nobody sets.

use std::mem::MaybeUninit;
use std::time::Duration;

/// Nanoseconds of `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::io) struct Deadline(u64);

const SECOND: u64 = 1_000_000_000;

impl Deadline {
    /// Later than anything.
    pub const NEVER: Deadline = Deadline(u64::MAX);

    /// So long after now.
    pub fn after(time: Duration) -> Self {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Deadline(now().saturating_add(time))
    }

    pub fn is_over(self) -> bool {
        now() >= self.0
    }

    /// How long until then; nothing if it is over.
    pub fn remaining(self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(now()))
    }

    pub(super) fn timespec(self) -> libc::timespec {
        libc::timespec {
            tv_sec: (self.0 / SECOND) as _,
            tv_nsec: (self.0 % SECOND) as _,
        }
    }
}

fn now() -> u64 {
    let mut now = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: clock_gettime writes the struct; it cannot fail for this clock.
    let now = unsafe {
        libc::clock_gettime(libc::CLOCK_MONOTONIC, now.as_mut_ptr());
        now.assume_init()
    };
    (now.tv_sec as u64)
        .saturating_mul(SECOND)
        .saturating_add(now.tv_nsec as u64)
}
