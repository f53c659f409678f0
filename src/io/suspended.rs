//! Whether a device is suspended, as the kernel says it without waiting for the device.

use std::fs;

use super::{FileKind, Meta};

/// Whether this is a block device of device-mapper that is suspended: who reads it waits until somebody
/// resumes it, and cannot be killed meanwhile. It may be so a moment later.
pub fn is_suspended(meta: &Meta) -> bool {
    if meta.kind != FileKind::Block {
        return false;
    }
    let device = meta.identity.0;
    let (major, minor) = (libc::major(device), libc::minor(device));
    // sysfs answers whatever the device does.
    let state = fs::read(format!("/sys/dev/block/{major}:{minor}/dm/suspended"));
    state.is_ok_and(|state| state.starts_with(b"1"))
}
