//! What a public call may cost, in time and in what it reads.

use std::time::Duration;

use super::Storage;
use crate::limits::Limits;

/// What a call may cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bounds {
    /// How long all storage calls together may take; None is for ever.
    pub timeout: Option<Duration>,
    /// How large and how much what it reads may be.
    pub limits: Limits,
}

impl From<Option<Duration>> for Bounds {
    /// Only the time is bounded by the caller.
    fn from(timeout: Option<Duration>) -> Self {
        Bounds {
            timeout,
            limits: Limits::DEFAULT,
        }
    }
}

impl Storage {
    /// Access for a call with these bounds.
    pub fn for_call(bounds: impl Into<Bounds>) -> Self {
        let Bounds { timeout, limits } = bounds.into();
        match timeout {
            None => Storage::inline(),
            Some(timeout) => Storage::with_timeout(timeout),
        }
        .with_limits(limits)
    }
}
