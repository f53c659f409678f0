//! How healthy LUNs are: what a node tells the others of its maps, and what all nodes say together.

use std::ffi::c_char;

use pve_native_core as core;
use pve_native_core::cluster::broadcast::{self, SummaryOptions};
use pve_native_core::cluster::status::{self, Answer, Options};
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

/// The state of each LUN of the cluster, as JSON: { "luns": [...], "nodes": {...}, "findings": [...] }, from what
/// the nodes have broadcast. docs/cluster-status.md has the keys. Compat mode has no findings.
///
/// nodes, raw, raw_len, count: the names of the nodes, NUL-terminated UTF-8, and the broadcast of each, in any
/// form and with anything in it, with the number of its bytes; of a NULL the node has broadcast nothing.
/// All three may be NULL if count is 0.
/// opts, opts_len: a JSON object, UTF-8: { "mode": "strict" (that is it if nothing is said) or "compat",
/// "now": seconds since 1970, "allow": [WWID, ...], "aliases": { WWID: name }, "used-by": { WWID: storages },
/// "members": { node: { "online": 0 or 1 } } or null, "expected": { WWID: [node, ...] }, "expected-nodes":
/// [node, ...], "apply": { node: broadcast }, "stale-seconds", "skew-seconds" }, all of them optional. NULL and
/// 0: none.
/// json, len: as for pven_storage_capabilities_json().
/// PVEN_ERR_ARGUMENT only of options and names: in strict mode a broadcast that is not understood harms
/// nobody else. In compat mode also of an entry that is no object.
/// Thread-safe. Touches no storage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_cluster_status_json(
    nodes: *const *const c_char,
    raw: *const *const c_char,
    raw_len: *const usize,
    count: usize,
    opts: *const c_char,
    opts_len: usize,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = JsonOut::cleared(json, len).required()?;
            let broadcasts = broadcasts(nodes, raw, raw_len, count)?;
            let options = match opts.is_null() && opts_len == 0 {
                true => Options::default(),
                false => Options::of_text(bytes("opts", opts, opts_len)?)?,
            };
            put(out, &status::status(&broadcasts, &options)?)
        })
    }
}

/// The same for a question that is one document: the options, and under "nodes" the broadcasts by node, as
/// strings, or decoded.
///
/// document, document_len: a JSON object, UTF-8.
/// json, len: as for pven_storage_capabilities_json().
/// PVEN_ERR_ARGUMENT: as for pven_cluster_status_json(), and of what is no such document.
/// Thread-safe. Touches no storage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_cluster_status_document_json(
    document: *const c_char,
    document_len: usize,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = JsonOut::cleared(json, len).required()?;
            let most = limits::CLUSTER_DOCUMENT;
            let document = ffi::array("document", document.cast(), document_len, most)?;
            put(out, &status::document(document)?)
        })
    }
}

fn put(out: JsonOut, answer: &Answer) -> core::Result<()> {
    put_text(out, &answer.to_json()?)
}

/// Hands out a text of the core.
pub(crate) fn put_text(out: JsonOut, text: &[u8]) -> core::Result<()> {
    let text = std::str::from_utf8(text);
    out.put(text.map_err(|_| core::Error::corrupt("the answer is no UTF-8"))?)
}

/// The name of a node, a LUN, a code or what it is about, which is UTF-8.
///
/// # Safety
/// NULL, or with a NUL at its end, and outlives the call.
pub(crate) unsafe fn name<'a>(what: &str, name: *const c_char) -> core::Result<&'a str> {
    // SAFETY: as this function demands.
    let name = std::str::from_utf8(unsafe { ffi::name(what, name)? });
    name.map_err(|_| core::Error::argument(format!("{what} is no UTF-8")))
}

/// The names of nodes with what they have broadcast, as far as they have.
///
/// # Safety
/// Each NULL or a pointer to `count` items that outlive the call: names, each NULL or with a NUL at its end,
/// broadcasts, each NULL or with as many bytes as the third says.
unsafe fn broadcasts<'a>(
    nodes: *const *const c_char,
    raw: *const *const c_char,
    raw_len: *const usize,
    count: usize,
) -> core::Result<Vec<(&'a str, &'a [u8])>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let most = limits::CLUSTER_NODES;
    // SAFETY: as this function demands.
    let (nodes, raw, lengths) = unsafe {
        (
            ffi::array("nodes", nodes, count, most)?,
            ffi::array("raw", raw, count, most)?,
            ffi::array("raw_len", raw_len, count, most)?,
        )
    };
    let mut broadcasts = Vec::with_capacity(count);
    for ((&node, &raw), &length) in nodes.iter().zip(raw).zip(lengths) {
        // SAFETY: as this function demands.
        let name = unsafe { name("the name of a node", node)? };
        if raw.is_null() {
            continue;
        }
        // What is too long is so for the core, too, and is only its node's harm.
        let length = length.min(limits::BROADCAST_READ + 1);
        // SAFETY: as this function demands.
        let raw = unsafe { ffi::array("raw", raw.cast(), length, usize::MAX)? };
        broadcasts.push((name, raw));
    }
    Ok(broadcasts)
}

/// # Safety
/// NULL or a pointer to `length` bytes that outlive the call.
pub(crate) unsafe fn bytes<'a>(
    name: &str,
    text: *const c_char,
    length: usize,
) -> core::Result<&'a [u8]> {
    // SAFETY: as this function demands.
    unsafe { ffi::array(name, text.cast(), length, limits::MULTIPATHD_REPLY) }
}
