//! What a `pven_snapshot_graph` answers: its images and findings one by one, and all else as JSON or
//! text. The structs are in `graph_image` and `audit`.

use std::ffi::{CString, c_char};
use std::ptr;

use pve_native_core as core;
use pve_native_core::image::json::{Names, View};
use pve_native_core::json as json_text;
use pve_native_core::snapshot::Graph;

use crate::audit::FindingC;
use crate::error::Error;
use crate::ffi::{self, JsonOut, Out};
use crate::graph::{PVEN_NO_INDEX, SnapshotGraph};
use crate::graph_image::GraphImageC;
use crate::string;

/// Images in a graph: those of the listing in the order of their names, then what they lead to; or
/// those of the chain from its top down. 0 for NULL.
///
/// Many threads may use one graph.
#[unsafe(no_mangle)]
pub extern "C" fn pven_snapshot_graph_len(g: Option<&SnapshotGraph>) -> usize {
    ffi::value_of(g, 0, |g| g.graph().images().len())
}

/// One image of a graph.
///
/// index: below pven_snapshot_graph_len(). out, out_size: a pven_graph_image and its size. As much of
/// it as both sides know is filled, the rest is zero.
/// Many threads may use one graph.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_snapshot_graph_image(
    g: Option<&SnapshotGraph>,
    index: usize,
    out: *mut GraphImageC,
    out_size: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe { ffi::fill(g, out, out_size, err, |g| g.image(index)) }
}

/// Index of the image that the guest writes to: the one on which no other stands. PVEN_NO_INDEX if it
/// cannot be told which one that is, and for NULL.
///
/// Many threads may use one graph.
#[unsafe(no_mangle)]
pub extern "C" fn pven_snapshot_graph_current(g: Option<&SnapshotGraph>) -> i64 {
    ffi::value_of(g, PVEN_NO_INDEX, |g| {
        let current = g.graph().line().first();
        current.map_or(PVEN_NO_INDEX, |&index| index as i64)
    })
}

/// Number of findings. 0 for NULL.
///
/// Many threads may use one graph.
#[unsafe(no_mangle)]
pub extern "C" fn pven_snapshot_graph_finding_count(g: Option<&SnapshotGraph>) -> usize {
    ffi::value_of(g, 0, |g| g.graph().findings().len())
}

/// One finding, in the order of the images. Its image is a name in the volume group or folder, its
/// offset PVEN_NO_OFFSET; docs/snapshots.md lists the codes.
///
/// index: below pven_snapshot_graph_finding_count(). out, out_size: a pven_finding and its size. As
/// much of it as both sides know is filled, the rest is zero. Strings live as long as the graph.
/// Many threads may use one graph.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_snapshot_graph_finding(
    g: Option<&SnapshotGraph>,
    index: usize,
    out: *mut FindingC,
    out_size: usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::fill(g, out, out_size, err, |g| {
            let finding = ffi::at(g.findings(), index, "findings of the graph")?;
            Ok(finding.lent())
        })
    }
}

/// What Proxmox VE's volume_snapshot_info gives, as a JSON object: for each state from the current one
/// down { "order", "file", "volname", "volid", "virtual-size", "parent", "child" }, as far as they are
/// known; for snapshots within an image { "timestamp" }.
///
/// json, len: the text, NUL-terminated, and its length without the NUL; free it with
/// pven_string_free().
/// Many threads may use one graph.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_snapshot_graph_info_json(
    g: Option<&SnapshotGraph>,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        answer(g, json, len, err, |graph| {
            let info = graph.snapshot_info();
            Ok(json_text::to_text(&View::new(&info, Names::Text)))
        })
    }
}

/// The names of the snapshots, the oldest first, as a JSON array.
///
/// json, len: as for pven_snapshot_graph_info_json().
/// Many threads may use one graph.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_snapshot_graph_names_json(
    g: Option<&SnapshotGraph>,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe { answer(g, json, len, err, |graph| Ok(list(&graph.names()))) }
}

/// The snapshots that a rollback to this one would lose, as a JSON array: the newer ones, the oldest
/// first, and then those on branches of images that would go. PVEN_ERR_ARGUMENT if the current state
/// has no such snapshot.
///
/// snapshot: its name, NUL-terminated.
/// json, len: as for pven_snapshot_graph_info_json().
/// Many threads may use one graph.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_snapshot_graph_blockers_json(
    g: Option<&SnapshotGraph>,
    snapshot: *const c_char,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        answer(g, json, len, err, |graph| {
            let snapshot = ffi::name("snapshot", snapshot)?;
            Ok(list(&graph.blockers(snapshot)?))
        })
    }
}

/// All of the graph as a JSON object: { "scheme", "volname", "layout", "current", "line", "snapshots",
/// "images", "findings" }. The images are those of pven_snapshot_graph_image(), current and line are
/// indices of them, snapshots is what pven_snapshot_graph_info_json() gives.
///
/// json, len: as for pven_snapshot_graph_info_json().
/// Many threads may use one graph.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_snapshot_graph_json(
    g: Option<&SnapshotGraph>,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        answer(g, json, len, err, |graph| {
            Ok(json_text::to_text(&View::new(graph, Names::Text)))
        })
    }
}

/// The graph for a terminal, a line for each image.
///
/// text: NUL-terminated; free it with pven_string_free().
/// Many threads may use one graph.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_snapshot_graph_text(
    g: Option<&SnapshotGraph>,
    text: *mut *mut c_char,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe { drawing(g, text, err, |graph| Ok(graph.to_text())) }
}

/// The graph in the language of graphviz.
///
/// text: NUL-terminated; free it with pven_string_free().
/// Many threads may use one graph.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_snapshot_graph_dot(
    g: Option<&SnapshotGraph>,
    text: *mut *mut c_char,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe { drawing(g, text, err, |graph| Ok(graph.to_dot())) }
}

fn list(names: &[&[u8]]) -> String {
    let names: Vec<View<[u8]>> = names.iter().map(|n| View::new(*n, Names::Text)).collect();
    json_text::to_text(&names)
}

/// Answers a question with JSON.
///
/// # Safety
/// Places are NULL or what their types say.
pub(crate) unsafe fn answer(
    g: Option<&SnapshotGraph>,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
    ask: impl FnOnce(&Graph) -> core::Result<String>,
) -> i32 {
    // SAFETY: as this function demands.
    unsafe {
        ffi::on(g, err, |g| {
            let json = JsonOut::cleared(json, len).required();
            let (graph, json) = (g?.graph(), json?);
            json.put(&ask(graph)?)
        })
    }
}

/// Answers a question with text.
///
/// # Safety
/// Places are NULL or what their types say.
pub(crate) unsafe fn drawing(
    g: Option<&SnapshotGraph>,
    text: *mut *mut c_char,
    err: *mut Option<Box<Error>>,
    draw: impl FnOnce(&Graph) -> core::Result<String>,
) -> i32 {
    // SAFETY: as this function demands.
    unsafe {
        ffi::on(g, err, |g| {
            let text = Out::cleared(text, ptr::null_mut()).required("text");
            let (graph, text) = (g?.graph(), text?);
            let drawn: CString = string::held_text(&draw(graph)?);
            let drawn = string::owned(drawn.as_bytes())?;
            text.put_if_wanted(|| drawn);
            Ok(())
        })
    }
}
