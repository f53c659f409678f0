//! `pven_scheduler`: where Proxmox VE would start a guest, and what it would migrate.

use std::ffi::c_char;

use pve_native_core as core;
use pve_native_core::json as json_text;
use pve_native_core::placement::scoring::text::candidates_from_json;
use pve_native_core::placement::scoring::{
    Guest, GuestStats, ImbalanceScale, Method, Mode, NodeStats, Scheduler,
};

use crate::cluster::{bytes, name};
use crate::error::Error;
use crate::ffi::{self, Handle, JsonOut, Out, Plain, Poison};
use crate::opts::unset;

/// Nodes are loaded with what their guests may use at most, whatever they do use.
pub const PVEN_SCHEDULER_STATIC: u32 = 0;
/// Nodes are loaded with what they use now; guests about to start count with their maxima where the next one
/// is to start.
pub const PVEN_SCHEDULER_DYNAMIC: u32 = 1;

/// An imbalance of 1: the standard deviation of the nodes' loads is as large as their mean.
pub const PVEN_IMBALANCE_MEAN: u32 = 0;
/// An imbalance of 1: one node has all the load.
pub const PVEN_IMBALANCE_UNIT: u32 = 1;

/// How a scheduler works. Zero is the default everywhere.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct SchedulerOpts {
    /// PVEN_SCHEDULER_STATIC or PVEN_SCHEDULER_DYNAMIC.
    pub mode: u32,
    /// PVEN_IMBALANCE_MEAN or PVEN_IMBALANCE_UNIT.
    pub imbalance_scale: u32,
}

// SAFETY: repr(C), without padding, all fields plain.
unsafe impl Plain for SchedulerOpts {}

/// Capacity and usage of a node.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct NodeStatsC {
    /// Cores in use. Not looked at in the static mode.
    pub cpu: f64,
    /// Cores that there are.
    pub maxcpu: u64,
    /// Bytes of memory in use. Not looked at in the static mode.
    pub mem: u64,
    /// Bytes of memory that there are.
    pub maxmem: u64,
}

// SAFETY: repr(C), without padding, all fields plain.
unsafe impl Plain for NodeStatsC {}

/// What a guest may use, and does.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GuestStatsC {
    /// Cores in use. Not looked at in the static mode.
    pub cpu: f64,
    /// Cores that it may use; 0 is no limit, and counts as the whole node.
    pub maxcpu: f64,
    /// Bytes of memory in use. Not looked at in the static mode.
    pub mem: u64,
    /// Bytes of memory that it may use.
    pub maxmem: u64,
}

// SAFETY: repr(C), without padding, all fields plain.
unsafe impl Plain for GuestStatsC {}

/// A guest and where it is.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GuestC {
    /// As in pven_guest_stats.
    pub cpu: f64,
    /// As in pven_guest_stats.
    pub maxcpu: f64,
    /// As in pven_guest_stats.
    pub mem: u64,
    /// As in pven_guest_stats.
    pub maxmem: u64,
    /// The node it is on. Not NULL.
    pub node: *const c_char,
    /// The node it is moving to; it counts on both. NULL: it stays.
    pub target: *const c_char,
    /// 1: it runs. 0: it is about to start.
    pub running: u8,
    /// Zero.
    pub reserved: [u8; 7],
}

// SAFETY: repr(C), without padding, all fields plain.
unsafe impl Plain for GuestC {}

/// A cluster that is told of node by node and guest by guest. Made by pven_scheduler_new(), freed by
/// pven_scheduler_free(). It gives the scores of Proxmox VE's own scheduler, and equal clusters give equal
/// scores, whatever the order in which they were told of.
///
/// A const scheduler may be used from many threads, otherwise one at a time. Names are NUL-terminated UTF-8.
/// Numbers of cores are finite, from 0 to 2^32; others are PVEN_ERR_ARGUMENT. What is refused changes nothing.
pub struct SchedulerHandle {
    poison: Poison,
    scheduler: Scheduler,
}

impl Handle for SchedulerHandle {
    const NAME: &'static str = "scheduler";

    fn poison(&self) -> &Poison {
        &self.poison
    }
}

/// A scheduler without nodes.
///
/// opts, opts_size: a pven_scheduler_opts and its size; NULL: all defaults.
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_scheduler_new(
    opts: *const SchedulerOpts,
    opts_size: usize,
    out: *mut Option<Box<SchedulerHandle>>,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = Out::cleared(out, None).required("out")?;
            let opts = ffi::options(opts, opts_size)?;
            let unknown = |what| core::Error::argument(format!("the {what} is unknown"));
            let mode = match opts.mode {
                PVEN_SCHEDULER_STATIC => Mode::Static,
                PVEN_SCHEDULER_DYNAMIC => Mode::Dynamic,
                _ => return Err(unknown("scheduler's mode")),
            };
            let scale = match opts.imbalance_scale {
                PVEN_IMBALANCE_MEAN => ImbalanceScale::Mean,
                PVEN_IMBALANCE_UNIT => ImbalanceScale::Unit,
                _ => return Err(unknown("scale of imbalance")),
            };
            let (poison, scheduler) = (Poison::default(), Scheduler::new(mode, scale));
            out.put_if_wanted(|| Some(Box::new(SchedulerHandle { poison, scheduler })));
            Ok(())
        })
    }
}

/// Frees a scheduler. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn pven_scheduler_free(s: Option<Box<SchedulerHandle>>) {
    ffi::value((), || drop(s));
}

/// Adds a node. PVEN_ERR_ARGUMENT: there is one of that name.
///
/// stats, stats_size: a pven_node_stats and its size. In the dynamic mode guests that run are in what it uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_scheduler_add_node(
    s: Option<&mut SchedulerHandle>,
    node: *const c_char,
    stats: *const NodeStatsC,
    stats_size: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on_mut(s, err, |s| {
            let (node, stats) = (name("node", node)?, ffi::options(stats, stats_size)?);
            let stats = NodeStats {
                cpu: stats.cpu,
                maxcpu: stats.maxcpu,
                mem: stats.mem,
                maxmem: stats.maxmem,
            };
            s?.scheduler.add_node(node, stats)
        })
    }
}

/// Removes a node, and the guests that are on it alone. One that is not there is no error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_scheduler_remove_node(
    s: Option<&mut SchedulerHandle>,
    node: *const c_char,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on_mut(s, err, |s| {
            let node = name("node", node)?;
            s?.scheduler.remove_node(node);
            Ok(())
        })
    }
}

/// How many nodes there are. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pven_scheduler_node_count(s: Option<&SchedulerHandle>) -> usize {
    ffi::value_of(s, 0, |s| s.scheduler.list_nodes().count())
}

/// The names of all nodes in their order, as a JSON array.
///
/// json, len: as for pven_storage_capabilities_json().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_scheduler_nodes_json(
    s: Option<&SchedulerHandle>,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on(s, err, |s| {
            let json = JsonOut::cleared(json, len).required();
            let nodes: Vec<&str> = s?.scheduler.list_nodes().collect();
            json?.put(&json_text::to_text(&nodes))
        })
    }
}

/// Whether there is a node of this name.
///
/// is: 1 or 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_scheduler_contains_node(
    s: Option<&SchedulerHandle>,
    node: *const c_char,
    is: *mut u8,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on(s, err, |s| {
            let is = Out::cleared(is, 0).required("is");
            let contained = s?.scheduler.contains_node(name("node", node)?);
            is?.put_if_wanted(|| u8::from(contained));
            Ok(())
        })
    }
}

/// Adds a guest to its nodes. PVEN_ERR_ARGUMENT: it is there already, or its nodes are not.
///
/// guest, guest_size: a pven_guest and its size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_scheduler_add_guest(
    s: Option<&mut SchedulerHandle>,
    sid: *const c_char,
    guest: *const GuestC,
    guest_size: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on_mut(s, err, |s| {
            let (sid, guest) = (name("sid", sid)?, ffi::options(guest, guest_size)?);
            unset(&guest.reserved)?;
            let target = match guest.target.is_null() {
                true => None,
                false => Some(name("target", guest.target)?.to_owned()),
            };
            let guest = Guest {
                stats: GuestStats {
                    cpu: guest.cpu,
                    maxcpu: guest.maxcpu,
                    mem: guest.mem,
                    maxmem: guest.maxmem,
                },
                running: ffi::flag("running", guest.running)?,
                node: name("node", guest.node)?.to_owned(),
                target,
            };
            s?.scheduler.add_guest(sid, guest)
        })
    }
}

/// Adds a guest that runs to a node. Of one that is on a node already this says that it is moving to this
/// one; its stats stay as they were. PVEN_ERR_ARGUMENT: it is moving or there already, or there is no such node.
///
/// stats, stats_size: a pven_guest_stats and its size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_scheduler_add_guest_to_node(
    s: Option<&mut SchedulerHandle>,
    node: *const c_char,
    sid: *const c_char,
    stats: *const GuestStatsC,
    stats_size: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on_mut(s, err, |s| {
            let (node, sid) = (name("node", node)?, name("sid", sid)?);
            let stats = guest_stats(&ffi::options(stats, stats_size)?);
            s?.scheduler.add_guest_to_node(node, sid, stats)
        })
    }
}

fn guest_stats(stats: &GuestStatsC) -> GuestStats {
    GuestStats {
        cpu: stats.cpu,
        maxcpu: stats.maxcpu,
        mem: stats.mem,
        maxmem: stats.maxmem,
    }
}

/// Removes a guest from all nodes. One that is not there is no error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_scheduler_remove_guest(
    s: Option<&mut SchedulerHandle>,
    sid: *const c_char,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on_mut(s, err, |s| {
            let sid = name("sid", sid)?;
            s?.scheduler.remove_guest(sid);
            Ok(())
        })
    }
}

/// How unevenly the nodes are loaded, from 0. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn pven_scheduler_imbalance(s: Option<&SchedulerHandle>) -> f64 {
    ffi::value_of(s, 0.0, |s| s.scheduler.imbalance())
}

/// The best of the migrations that are possible, as a JSON array:
/// [{ "migration": { "sid", "source-node", "target-node" }, "imbalance" }, ...], best first, with the imbalance
/// that each would leave.
///
/// candidates, candidates_len: a JSON array, UTF-8: [{ "leader": sid, "resources": [sid, ...], "nodes": [name, ...] }]:
/// guests that move together, the leader among them, and where to they could.
/// limit: how many are wanted at the most.
/// topsis: 0: by the imbalance; ties by guest, source and target. 1: by TOPSIS over CPU and memory apart; ties
/// in the order given.
/// json, len: as for pven_storage_capabilities_json().
/// PVEN_ERR_ARGUMENT: a guest is not known, is moving, or is not on the leader's node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_scheduler_best_migrations_json(
    s: Option<&SchedulerHandle>,
    candidates: *const c_char,
    candidates_len: usize,
    limit: usize,
    topsis: u8,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on(s, err, |s| {
            let json = JsonOut::cleared(json, len).required();
            let candidates = bytes("candidates", candidates, candidates_len)?;
            let candidates = candidates_from_json(candidates)?;
            let method = match ffi::flag("topsis", topsis)? {
                true => Method::Topsis,
                false => Method::Imbalance,
            };
            let best = s?.scheduler.best_migrations(&candidates, limit, method)?;
            json?.put(&json_text::to_text(&best))
        })
    }
}

/// A score for starting a guest on each node, in the order of pven_scheduler_nodes_json(): from 0 to 1, more
/// is better; -1 for a node without cores or memory.
///
/// stats, stats_size: a pven_guest_stats and its size.
/// scores, capacity: places for as many scores as there are nodes; fewer is PVEN_ERR_ARGUMENT.
/// count: how many were written. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_scheduler_score_start(
    s: Option<&SchedulerHandle>,
    stats: *const GuestStatsC,
    stats_size: usize,
    scores: *mut f64,
    capacity: usize,
    count: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on(s, err, |s| {
            let count = Out::cleared(count, 0);
            let stats = guest_stats(&ffi::options(stats, stats_size)?);
            let answer = s?.scheduler.score_start(&stats)?;
            ffi::copy_out(&answer, scores, capacity)?;
            count.put_if_wanted(|| answer.len());
            Ok(())
        })
    }
}
