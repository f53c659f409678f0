//! Whether the caller wants a run to end: Ctrl-C, or a signal to terminate. A step must not be torn
//! apart where that can be helped, so the signals are only noted, and looked at while steps run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pve_native_core::{Error, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// Tells whether a signal has come.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on the signals do not end this program any more.
    pub fn watch() -> Result<Self> {
        let interrupt = Interrupt::default();
        for signal in [SIGINT, SIGTERM] {
            flag::register(signal, Arc::clone(&interrupt.0))
                .map_err(|e| Error::io("watch signals", e.raw_os_error().unwrap_or_default()))?;
        }
        Ok(interrupt)
    }

    /// Whether one has come.
    pub fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// As if none had: what clears up after an interrupted step is not interrupted.
    pub fn forget(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
impl Interrupt {
    pub fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
