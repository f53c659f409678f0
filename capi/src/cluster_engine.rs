//! `pven_cluster_engine`: what all nodes say together, as it changes.

use std::ffi::c_char;

use pve_native_core as core;
use pve_native_core::cluster::MapState;
use pve_native_core::cluster::broadcast::Entry;
use pve_native_core::cluster::engine::Engine;
use pve_native_core::cluster::multipathd::{Impairment, Transport};
use pve_native_core::limits;

use crate::cluster::{bytes, name, put_text};
use crate::error::Error;
use crate::ffi::{self, Handle, JsonOut, Out, Plain, Poison};

/// Nothing reliable is known of a map.
pub const PVEN_MAP_UNKNOWN: u32 = 0;
/// All paths of a map can be used.
pub const PVEN_MAP_OPTIMAL: u32 = 1;
/// Some paths of a map can be used.
pub const PVEN_MAP_DEGRADED: u32 = 2;
/// The node should have the map, and has not.
pub const PVEN_MAP_MISSING: u32 = 3;
/// No path of a map can be used.
pub const PVEN_MAP_FAILED: u32 = 4;

/// Bit of the flags of a map: it is suspended, I/O waits whatever the paths are.
pub const PVEN_MAP_SUSPENDED: u32 = 1;
/// Bit of the flags of a map: I/O without paths waits for them, instead of failing.
pub const PVEN_MAP_QUEUEING: u32 = 2;
/// Bit of the flags of a map: all paths in use have shown intermittent errors.
pub const PVEN_MAP_MARGINAL: u32 = 4;

/// What a node says of a LUN.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ClusterMapC {
    /// PVEN_MAP_UNKNOWN to PVEN_MAP_FAILED. In strict mode the numbers of paths count.
    pub state: u32,
    /// Bits: PVEN_MAP_SUSPENDED and the following ones.
    pub flags: u32,
    /// Paths that can be used.
    pub paths_active: u32,
    /// All paths.
    pub paths_total: u32,
    /// Bytes; 0 if that is not known.
    pub size: u64,
    /// "fc", "iscsi", "sas", ... as for pven_cluster_summarize(). NULL: not known.
    pub transport: *const c_char,
}

// SAFETY: repr(C), without padding, all fields plain.
unsafe impl Plain for ClusterMapC {}

/// How healthy the LUNs of a cluster are, kept up to date. Made by pven_cluster_engine_new(), freed by
/// pven_cluster_engine_free(). At each moment it says what pven_cluster_status_json() would say of all
/// broadcasts at once, but what is told again costs next to nothing, and what changes costs that change.
///
/// One thread at a time, not always the same. Touches no storage. A process that was forked has an engine
/// of its own from then on. Times are in seconds since 1970; a time before the last one makes it that time
/// again.
pub struct ClusterEngine {
    poison: Poison,
    engine: Engine,
}

impl Handle for ClusterEngine {
    const NAME: &'static str = "engine";

    fn poison(&self) -> &Poison {
        &self.poison
    }
}

/// An engine of a cluster of which nothing is known yet.
///
/// opts, opts_len: a JSON object, UTF-8: { "mode", "stale-seconds", "skew-seconds" }, as for
/// pven_cluster_status_json(). NULL and 0: none.
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_cluster_engine_new(
    opts: *const c_char,
    opts_len: usize,
    out: *mut Option<Box<ClusterEngine>>,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = Out::cleared(out, None).required("out")?;
            let engine = Engine::of_text(object("opts", opts, opts_len)?)?;
            let poison = Poison::default();
            out.put_if_wanted(|| Some(Box::new(ClusterEngine { poison, engine })));
            Ok(())
        })
    }
}

/// Frees an engine. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn pven_cluster_engine_free(e: Option<Box<ClusterEngine>>) {
    ffi::value((), || drop(e));
}

/// What a node has broadcast last, at the time now. What is not understood is no error, and harms no other
/// node. A broadcast that takes the place of another one was seen to come, so that its age does not
/// depend on the node's clock.
///
/// node: NUL-terminated UTF-8.
/// raw, raw_len: the broadcast, in any form and with anything in it. NULL: the node has broadcast nothing,
/// or not any more.
/// PVEN_ERR_ARGUMENT: now is no time. PVEN_ERR_LIMIT: there are too many nodes. What was known before is
/// known then, too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_cluster_engine_update(
    e: Option<&mut ClusterEngine>,
    node: *const c_char,
    raw: *const c_char,
    raw_len: usize,
    now: f64,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on_mut(e, err, |e| {
            let engine = &mut e?.engine;
            let node = name("node", node)?;
            if raw.is_null() {
                engine.advance(now)?;
                engine.remove_node(node);
                return Ok(());
            }
            // What is too long is so for the core, too, and is only its node's harm.
            let length = raw_len.min(limits::BROADCAST_READ + 1);
            let raw = ffi::array("raw", raw.cast(), length, usize::MAX)?;
            engine.update_node(node, raw, now)
        })
    }
}

/// One map of a node is like that at the time now, or gone: as if the node had broadcast anew all that it
/// said last, with this one changed.
///
/// node, wwid: NUL-terminated UTF-8.
/// map, map_size: a pven_cluster_map and its size; NULL: the map is gone.
/// Errors as for pven_cluster_engine_update().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_cluster_engine_update_map(
    e: Option<&mut ClusterEngine>,
    node: *const c_char,
    wwid: *const c_char,
    map: *const ClusterMapC,
    map_size: usize,
    now: f64,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on_mut(e, err, |e| {
            let engine = &mut e?.engine;
            let (node, wwid) = (name("node", node)?, name("wwid", wwid)?);
            let map = match map.is_null() {
                true => None,
                false => Some(entry(&ffi::options(map, map_size)?)?),
            };
            engine.update_map(node, wwid, map.as_ref(), now)
        })
    }
}

/// # Safety
/// The transport is NULL or has a NUL at its end.
unsafe fn entry(map: &ClusterMapC) -> core::Result<Entry> {
    let wrong = |what: &str| core::Error::argument(format!("the map's {what} is unknown"));
    let state = MapState::ALL.get(map.state as usize);
    let flags = [
        (PVEN_MAP_MARGINAL, Impairment::Marginal),
        (PVEN_MAP_QUEUEING, Impairment::Queueing),
        (PVEN_MAP_SUSPENDED, Impairment::Suspended),
    ];
    if map.flags & !flags.iter().fold(0, |all, (bit, _)| all | bit) != 0 {
        return Err(wrong("flag"));
    }
    let set = flags.iter().filter(|(bit, _)| map.flags & bit != 0);
    // SAFETY: as this function demands.
    let transport = unsafe { ffi::text("transport", map.transport)? };
    let transport = transport.map(|word| Transport::from_name(word).ok_or(wrong("transport")));
    Ok(Entry {
        state: *state.ok_or_else(|| wrong("state"))?,
        active: map.paths_active,
        total: map.paths_total,
        transport: transport.transpose()?,
        size: (map.size > 0).then_some(map.size),
        impairments: set.map(|(_, impairment)| *impairment).collect(),
        down: Vec::new(),
    })
}

/// Who is there.
///
/// members, members_len: a JSON object, UTF-8: { node: 1 or 0 }, or { node: { "online": 1 or 0 } }. Who is not
/// in it is not there. NULL and 0, null or empty: there is no cluster, and every node is there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_cluster_engine_set_members_json(
    e: Option<&mut ClusterEngine>,
    members: *const c_char,
    members_len: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on_mut(e, err, |e| {
            let members = object("members", members, members_len)?;
            e?.engine.set_members_text(members)
        })
    }
}

/// What the cluster is configured to have.
///
/// config, config_len: a JSON object, UTF-8: { "allow", "aliases", "used-by", "expected", "expected-nodes" } as for
/// pven_cluster_status_json(). What is not in it is not configured. NULL and 0: nothing is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_cluster_engine_set_config_json(
    e: Option<&mut ClusterEngine>,
    config: *const c_char,
    config_len: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on_mut(e, err, |e| {
            let config = object("config", config, config_len)?;
            e?.engine.set_config_text(config)
        })
    }
}

/// It is that time now. pven_cluster_engine_update() does this, too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_cluster_engine_advance(
    e: Option<&mut ClusterEngine>,
    now: f64,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe { ffi::on_mut(e, err, |e| e?.engine.advance(now)) }
}

/// The next time at which something changes that nobody tells of: a broadcast grows stale, or a finding is
/// not muted any more. 0 if there is none; also for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pven_cluster_engine_next_deadline(e: Option<&ClusterEngine>) -> f64 {
    ffi::value_of(e, 0.0, |e| e.engine.next_deadline().unwrap_or(0.0))
}

/// The whole answer, as pven_cluster_status_json() gives it.
///
/// json, len: as for pven_storage_capabilities_json().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_cluster_engine_status_json(
    e: Option<&mut ClusterEngine>,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe { answer(e, json, len, err, Engine::to_json) }
}

/// All LUNs in the order of their WWIDs: the "luns" of the whole answer.
///
/// json, len: as for pven_storage_capabilities_json().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_cluster_engine_rows_json(
    e: Option<&mut ClusterEngine>,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe { answer(e, json, len, err, Engine::rows_json) }
}

/// What there is to say of each node, by name: the "nodes" of the whole answer.
///
/// json, len: as for pven_storage_capabilities_json().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_cluster_engine_nodes_json(
    e: Option<&mut ClusterEngine>,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe { answer(e, json, len, err, |engine| Ok(engine.nodes_json())) }
}

/// What has changed since an answer of this function: { "cursor": text, "full": boolean, "rows": [...],
/// "removed": [WWID, ...], "events": [...], "passed-over": number }. docs/cluster-status.md has the keys.
///
/// cursor: that of the answer. NULL, one of another engine or process, and one that is too old: all rows are
/// new ("full").
/// json, len: as for pven_storage_capabilities_json().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_cluster_engine_changes_json(
    e: Option<&mut ClusterEngine>,
    cursor: *const c_char,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        answer(e, json, len, err, |engine| {
            let cursor = ffi::text("cursor", cursor)?.unwrap_or_default();
            // What is no text is no cursor of ours.
            let cursor = std::str::from_utf8(cursor).unwrap_or_default();
            Ok(engine.changes(Some(cursor))?.to_json())
        })
    }
}

/// What there is to say of LUNs and nodes, the worst first: the "findings" of the whole answer, each with
/// "muted".
///
/// json, len: as for pven_storage_capabilities_json().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_cluster_engine_findings_json(
    e: Option<&mut ClusterEngine>,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe { answer(e, json, len, err, |engine| Ok(engine.findings_json())) }
}

/// Findings are known, and are muted from now on, as long as they do not get worse: more severe, or more
/// LUNs, nodes or paths than there are now. That is seen whenever findings are asked for.
///
/// code: that of the findings. subject: what they are about; NULL: whatever it is.
/// until: the time up to which they are muted; 0: for good.
/// PVEN_ERR_ARGUMENT: there are no such findings, or the time is over. PVEN_ERR_LIMIT: there are too many
/// mutes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_cluster_engine_mute(
    e: Option<&mut ClusterEngine>,
    code: *const c_char,
    subject: *const c_char,
    until: f64,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on_mut(e, err, |e| {
            let (code, subject) = (ffi::name("code", code)?, ffi::text("subject", subject)?);
            let until = (until != 0.0).then_some(until);
            e?.engine.mute_text(code, subject, until)
        })
    }
}

/// Findings are to be told again.
///
/// code, subject: as they were muted.
/// was: 1 if they were muted, 0 if not. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_cluster_engine_unmute(
    e: Option<&mut ClusterEngine>,
    code: *const c_char,
    subject: *const c_char,
    was: *mut u8,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on_mut(e, err, |e| {
            let was = Out::cleared(was, 0);
            let (code, subject) = (ffi::name("code", code)?, ffi::text("subject", subject)?);
            let unmuted = e?.engine.unmute_text(code, subject)?;
            was.put_if_wanted(|| u8::from(unmuted));
            Ok(())
        })
    }
}

/// # Safety
/// As the header demands of its callers.
unsafe fn answer(
    e: Option<&mut ClusterEngine>,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
    ask: impl FnOnce(&mut Engine) -> core::Result<Vec<u8>>,
) -> i32 {
    // SAFETY: as this function demands.
    unsafe {
        ffi::on_mut(e, err, |e| {
            let json = JsonOut::cleared(json, len).required();
            let engine = &mut e?.engine;
            put_text(json?, &ask(engine)?)
        })
    }
}

/// A JSON text that may be missing.
///
/// # Safety
/// NULL or a pointer to `length` bytes that outlive the call.
unsafe fn object<'a>(what: &str, text: *const c_char, length: usize) -> core::Result<&'a [u8]> {
    match text.is_null() && length == 0 {
        true => Ok(b"{}"),
        // SAFETY: as this function demands.
        false => unsafe { bytes(what, text, length) },
    }
}
