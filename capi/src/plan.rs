//! What is to be done to a volume, and what is wrong with it: plans and diagnoses of a
//! `pven_snapshot_graph`. Options come as JSON, answers go out as JSON or text.

use std::ffi::c_char;

use pve_native_core as core;
use pve_native_core::image::json::{Names, View};
use pve_native_core::inspect::{self, DiagnosisOptions, PlanOptions};
use pve_native_core::json as json_text;
use pve_native_core::limits;
use pve_native_core::snapshot::{Graph, Plan};

use crate::error::Error;
use crate::ffi;
use crate::graph::SnapshotGraph;
use crate::graph_answers::{answer, drawing};

/// What is to be done to a volume, step by step, in such an order that nothing is lost wherever it
/// ends, as a JSON object; nothing is done here. docs/snapshots.md has its keys. PVEN_ERR_ARGUMENT
/// also if the volume does not allow it, or is not in order.
///
/// The graph must be from a listing. Images are read where that takes a look at what they hold.
///
/// op: "create", "delete", "delete-many", "rollback", "resize", "rename", "create-base", "adopt",
/// "unadopt", "convert" or "free".
/// args, args_len: a JSON object, UTF-8: { "snapshot" or "snapshots", "size", "to", "online", "drive",
/// "extent-size", "free", "put-aside", "cluster-size", "extended-l2", "preallocation",
/// "bytes-per-second", "timeout" }, as far as the operation needs them. NULL and 0: none.
/// json, len: as for pven_snapshot_graph_info_json().
/// Many threads may use one graph.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_snapshot_plan_json(
    g: Option<&SnapshotGraph>,
    op: *const c_char,
    args: *const c_char,
    args_len: usize,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        answer(g, json, len, err, |graph| {
            let plan = plan(graph, op, args, args_len)?;
            Ok(json_text::to_text(&View::new(&plan, Names::Text)))
        })
    }
}

/// The same for a terminal: the steps as commands that could be typed, and what they cost.
///
/// op, args, args_len: as for pven_snapshot_plan_json().
/// text: NUL-terminated; free it with pven_string_free().
/// Many threads may use one graph.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_snapshot_plan_text(
    g: Option<&SnapshotGraph>,
    op: *const c_char,
    args: *const c_char,
    args_len: usize,
    text: *mut *mut c_char,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        drawing(g, text, err, |graph| {
            Ok(plan(graph, op, args, args_len)?.to_text())
        })
    }
}

/// What is wrong with a volume, the most urgent first, and what helps, as a JSON array of { "code",
/// "severity", "volume", "message", "plan", "certain" }. A plan is as pven_snapshot_plan_json() gives
/// it; certain says whether it is certain to be right. It is for the volume as it is now: after it has
/// been carried out, another diagnosis tells what comes next.
///
/// The graph must be from a listing, and the guest be stopped, on all nodes.
///
/// opts, opts_len: a JSON object, UTF-8: { "check", whether the tables of the images are checked, too
/// (default: true), "timeout" }, and of the arguments of pven_snapshot_plan_json() those that are not
/// about one operation. NULL and 0: none.
/// json, len: as for pven_snapshot_graph_info_json().
/// Many threads may use one graph.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_snapshot_diagnose_json(
    g: Option<&SnapshotGraph>,
    opts: *const c_char,
    opts_len: usize,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        answer(g, json, len, err, |graph| {
            let options = DiagnosisOptions::from_json(options("opts", opts, opts_len)?)?;
            let found = inspect::diagnose(graph, &options)?;
            let found: Vec<_> = found.iter().map(|d| View::new(d, Names::Text)).collect();
            Ok(json_text::to_text(&found))
        })
    }
}

/// # Safety
/// Pointers are NULL or what their types say.
unsafe fn plan(
    graph: &Graph,
    op: *const c_char,
    args: *const c_char,
    args_len: usize,
) -> core::Result<Plan> {
    // SAFETY: as this function demands.
    let (op, args) = unsafe { (ffi::word("op", op)?, options("args", args, args_len)?) };
    let options = PlanOptions::from_json(args)?;
    let wish = options.wish(op)?;
    inspect::plan(graph, &wish, &options)
}

/// # Safety
/// NULL or a pointer to `length` bytes that outlive the call.
unsafe fn options<'a>(name: &str, json: *const c_char, length: usize) -> core::Result<&'a [u8]> {
    match json.is_null() && length == 0 {
        true => Ok(&[]),
        // SAFETY: as this function demands.
        false => unsafe { ffi::array(name, json.cast(), length, limits::OPTIONS) },
    }
}
