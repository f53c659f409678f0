//! How healthy LUNs are: what a node tells the others of its maps.

use std::ffi::c_char;

use pve_native_core as core;
use pve_native_core::cluster::broadcast::{self, SummaryOptions};
use pve_native_core::limits;

use crate::error::Error;
use crate::ffi::{self, JsonOut};

/// What a node broadcasts of its multipath maps, made of what multipathd says of them. The longest form
/// that fits is chosen: JSON as Proxmox VE's own code reads it, JSON with short keys, or that compressed,
/// which begins with "z2:". Where none has room for all maps the worst are kept, and how many are missing
/// is said in it. docs/cluster-status.md has the forms.
///
/// reply, reply_len: what "multipathd show maps json" or "show map NAME json" wrote.
/// opts, opts_len: a JSON object, UTF-8: { "sizes": { WWID or name: bytes }, "transports": { name: word },
/// or the text that "multipathd show paths raw format '%d|%m|%P'" wrote, "sysfs": folder from whose
/// block/ sizes are read that are not given, "limit": bytes (32767), "time": seconds since 1970, "seq":
/// number }, all of them optional; one without a time is taken for an old one. NULL and 0: none.
/// payload, len: the bytes, NUL-terminated, and their number without the NUL, which is not above the
/// limit; no other NUL is among them. Free it with pven_string_free().
/// PVEN_ERR_CORRUPT: that is no whole reply of multipathd. PVEN_ERR_ARGUMENT also if the limit has no
/// room for anything.
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_cluster_summarize(
    reply: *const c_char,
    reply_len: usize,
    opts: *const c_char,
    opts_len: usize,
    payload: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = JsonOut::cleared(payload, len).required()?;
            let reply = bytes("reply", reply, reply_len)?;
            let opts = match opts.is_null() && opts_len == 0 {
                true => &[],
                false => bytes("opts", opts, opts_len)?,
            };
            let options = SummaryOptions::from_json(opts)?;
            let fitted = broadcast::broadcast(reply, &options)?;
            // All forms are text.
            out.put(&String::from_utf8_lossy(&fitted.payload))
        })
    }
}

/// # Safety
/// NULL or a pointer to `length` bytes that outlive the call.
unsafe fn bytes<'a>(name: &str, text: *const c_char, length: usize) -> core::Result<&'a [u8]> {
    // SAFETY: as this function demands.
    unsafe { ffi::array(name, text.cast(), length, limits::MULTIPATHD_REPLY) }
}
