//! `pven_snapshot_graph`: the images of a volume, and the snapshots that they mean.

use std::ffi::{CString, c_char};
use std::ptr;
use std::sync::OnceLock;

use pve_native_core as core;
use pve_native_core::image::FormatChoice;
use pve_native_core::image::json::{Names, View};
use pve_native_core::inspect::{self, GraphOptions};
use pve_native_core::json as json_text;
use pve_native_core::snapshot::Graph;
use pve_native_core::snapshot::graph::Listed;

use crate::audit::{FindingC, Held};
use crate::error::Error;
use crate::ffi::{self, Handle, JsonOut, Out, Plain, Poison, StructOut};
use crate::graph_image::{GraphImageC, Texts};
use crate::limits::LimitsC;
use crate::opts;
use crate::string;

/// In place of an index where there is no such image.
pub const PVEN_NO_INDEX: i64 = -1;

/// Volumes that one call of pven_snapshot_graph_from_volumes() takes at the most.
pub const PVEN_VOLUMES_MAX: usize = 1 << 20;
/// Tags that each of them has at the most.
pub const PVEN_TAGS_MAX: usize = 4096;

/// Which volume a graph is about, and what it may cost. Zero is the default everywhere, but for the
/// scheme.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct GraphOpts {
    /// How the images are called: "lvmqcow2", "pve-dir", "pve-lvm" or "internal". Must be given.
    pub scheme: *const c_char,
    /// What Proxmox VE calls the volume, such as "100/vm-100-disk-0.qcow2". NULL: as the names of the
    /// images say.
    pub volname: *const c_char,
    /// ID of the storage. NULL: answers have no volume IDs.
    pub storeid: *const c_char,
    /// Format of the image at path, as in pven_open_opts. NULL: its name decides. Must be NULL for
    /// pven_snapshot_graph_from_volumes().
    pub format: *const c_char,
    /// How long storage may take altogether, in seconds; fractions are allowed. 0: no limit.
    pub timeout: f64,
    /// What each image may cost. NULL: all defaults.
    pub limits: *const LimitsC,
    /// Size of what limits points to.
    pub limits_size: usize,
}

/// A volume of a listing: a logical volume of the group, or a file of the folder.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct VolumeC {
    /// Its name in the volume group or folder. Must be given.
    pub name: *const c_char,
    /// Where it can be read. It need not be there: a logical volume that is not active has no device.
    /// Must be given.
    pub path: *const c_char,
    /// Bytes of the volume or file. 0: not known.
    pub size: u64,
    /// LVM's tags. NULL: none.
    pub tags: *const *const c_char,
    /// How many there are.
    pub tag_count: usize,
    /// 1: its device is suspended, so that who reads it waits until somebody resumes it. It is not
    /// opened, and counts as not active.
    pub suspended: u8,
    /// Zero.
    pub reserved: [u8; 7],
}

// SAFETY: each is repr(C), without padding, all fields plain.
unsafe impl Plain for GraphOpts {}
// SAFETY: as above.
unsafe impl Plain for VolumeC {}

/// The images of a volume as they were when they were read: no file stays open. Made by
/// pven_snapshot_graph_open() or pven_snapshot_graph_from_volumes(), freed by
/// pven_snapshot_graph_free().
///
/// What cannot be read, is missing or leads in a circle is part of the graph, and told by its
/// findings.
pub struct SnapshotGraph {
    poison: Poison,
    graph: Graph,
    texts: Vec<OnceLock<Box<Texts>>>,
    findings: OnceLock<Vec<Held>>,
}

impl Handle for SnapshotGraph {
    const NAME: &'static str = "graph";

    fn poison(&self) -> &Poison {
        &self.poison
    }
}

impl SnapshotGraph {
    fn new(graph: Graph) -> Box<Self> {
        let images = graph.images().len();
        let texts = std::iter::repeat_with(OnceLock::new).take(images);
        Box::new(SnapshotGraph {
            poison: Poison::default(),
            texts: texts.collect(),
            findings: OnceLock::new(),
            graph,
        })
    }

    fn findings(&self) -> &[Held] {
        self.findings.get_or_init(|| {
            let held = |finding: &core::snapshot::graph::Finding| {
                let code = finding.code.name();
                Held::of(code, &finding.name, &finding.message, finding.severity)
            };
            self.graph.findings().iter().map(held).collect()
        })
    }

    fn image(&self, index: usize) -> core::Result<GraphImageC> {
        let image = self.graph.images().get(index);
        let (Some(image), Some(texts)) = (image, self.texts.get(index)) else {
            let length = self.texts.len();
            let message = format!("index {index} is beyond the {length} images of the graph");
            return Err(core::Error::argument(message));
        };
        let texts = texts.get_or_init(|| Box::new(Texts::new(image)));
        Ok(GraphImageC::new(image, texts))
    }
}

/// Reads the graph of the chain under the image at path: what QEMU would see of its volume.
///
/// path: as for pven_chain_open().
/// opts, opts_size: a pven_snapshot_graph_opts and its size.
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_snapshot_graph_open(
    path: *const c_char,
    opts: *const GraphOpts,
    opts_size: usize,
    out: *mut Option<Box<SnapshotGraph>>,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = Out::cleared(out, None).required("out")?;
            let path = ffi::path(path)?;
            let (options, format) = read(opts, opts_size)?;
            let graph = inspect::graph_of_chain(path, format, &options)?;
            out.put_if_wanted(|| Some(SnapshotGraph::new(graph)));
            Ok(())
        })
    }
}

/// Reads the graph of all images of a volume in a listing of its volume group or folder, which may hold
/// other volumes' images as well. Without a volname all images in it must be of one volume.
///
/// volumes, volume_size, count: an array of so many pven_volume, each of volume_size bytes: sizeof
/// pven_volume. At most PVEN_VOLUMES_MAX.
/// opts, opts_size: a pven_snapshot_graph_opts and its size.
/// PVEN_ERR_LIMIT if more than 10000 images are of this volume.
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_snapshot_graph_from_volumes(
    volumes: *const VolumeC,
    volume_size: usize,
    count: usize,
    opts: *const GraphOpts,
    opts_size: usize,
    out: *mut Option<Box<SnapshotGraph>>,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = Out::cleared(out, None).required("out")?;
            let volumes = ffi::structs("volumes", volumes, volume_size, count, PVEN_VOLUMES_MAX)?;
            let listing = volumes.into_iter().map(|volume| listed(&volume));
            let listing = listing.collect::<core::Result<Vec<Listed>>>()?;
            let (options, format) = read(opts, opts_size)?;
            if format.is_some() {
                let message = "format is for one chain: the names of volumes say theirs";
                return Err(core::Error::argument(message));
            }
            let graph = inspect::graph_of_volumes(&listing, &options)?;
            out.put_if_wanted(|| Some(SnapshotGraph::new(graph)));
            Ok(())
        })
    }
}

/// # Safety
/// NULL or a pointer to `size` bytes, with strings and limits as their types say.
unsafe fn read<'a>(
    opts: *const GraphOpts,
    size: usize,
) -> core::Result<(GraphOptions<'a>, Option<FormatChoice>)> {
    // SAFETY: as this function demands.
    unsafe {
        let opts = ffi::options(opts, size)?;
        let scheme = ffi::text("scheme", opts.scheme)?;
        let scheme = scheme.ok_or_else(|| core::Error::argument("scheme is NULL"))?;
        let volname = ffi::optional_name("volname", opts.volname)?;
        let storeid = ffi::optional_name("storeid", opts.storeid)?;
        let bounds = opts::bounds(opts.timeout, opts.limits, opts.limits_size)?;
        let options = GraphOptions::from_caller(scheme, volname, storeid, bounds)?;
        let format = match ffi::text("format", opts.format)? {
            None => None,
            name => Some(FormatChoice::from_caller(name)?),
        };
        Ok((options, format))
    }
}

/// # Safety
/// Strings and an array of strings as the struct says.
unsafe fn listed(volume: &VolumeC) -> core::Result<Listed> {
    // SAFETY: as this function demands.
    unsafe {
        let name = ffi::name("name of a volume", volume.name)?;
        let path = ffi::name("path of a volume", volume.path)?;
        let tags = match volume.tag_count {
            0 => &[][..],
            count => ffi::array("tags of a volume", volume.tags, count, PVEN_TAGS_MAX)?,
        };
        opts::unset(&volume.reserved)?;
        let suspended = ffi::flag("suspended", volume.suspended)?;
        let tags = tags.iter().map(|&tag| Ok(ffi::name("tag", tag)?.to_vec()));
        Ok(Listed {
            name: name.to_vec(),
            path: path.to_vec(),
            size: (volume.size != 0).then_some(volume.size),
            tags: tags.collect::<core::Result<_>>()?,
            suspended,
        })
    }
}

/// Frees a graph and all strings it lent. NULL is allowed.
///
/// One thread, when no other uses the graph any more.
#[unsafe(no_mangle)]
pub extern "C" fn pven_snapshot_graph_free(g: Option<Box<SnapshotGraph>>) {
    ffi::value((), || drop(g));
}

/// Images in a graph: those of the listing in the order of their names, then what they lead to; or
/// those of the chain from its top down. 0 for NULL.
///
/// Many threads may use one graph.
#[unsafe(no_mangle)]
pub extern "C" fn pven_snapshot_graph_len(g: Option<&SnapshotGraph>) -> usize {
    ffi::value_of(g, 0, |graph| graph.graph.images().len())
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
    unsafe {
        ffi::on(g, err, |g| {
            let out = StructOut::cleared(out, out_size).required();
            let image = g?.image(index)?;
            out?.put(&image);
            Ok(())
        })
    }
}

/// Index of the image that the guest writes to: the one on which no other stands. PVEN_NO_INDEX if it
/// cannot be told which one that is, and for NULL.
///
/// Many threads may use one graph.
#[unsafe(no_mangle)]
pub extern "C" fn pven_snapshot_graph_current(g: Option<&SnapshotGraph>) -> i64 {
    ffi::value_of(g, PVEN_NO_INDEX, |graph| {
        let current = graph.graph.line().first();
        current.map_or(PVEN_NO_INDEX, |&index| index as i64)
    })
}

/// Number of findings. 0 for NULL.
///
/// Many threads may use one graph.
#[unsafe(no_mangle)]
pub extern "C" fn pven_snapshot_graph_finding_count(g: Option<&SnapshotGraph>) -> usize {
    ffi::value_of(g, 0, |graph| graph.graph.findings().len())
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
        ffi::on(g, err, |g| {
            let out = StructOut::cleared(out, out_size).required();
            let findings = g?.findings();
            let Some(finding) = findings.get(index) else {
                let length = findings.len();
                let message = format!("index {index} is beyond the {length} findings of the graph");
                return Err(core::Error::argument(message));
            };
            out?.put(&finding.lent());
            Ok(())
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
            Ok(json_text::to_text(&View::new(
                &graph.snapshot_info(),
                Names::Text,
            )))
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
            let (graph, json) = (&g?.graph, json?);
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
            let (graph, text) = (&g?.graph, text?);
            let drawn: CString = string::held_text(&draw(graph)?);
            let drawn = string::owned(drawn.as_bytes())?;
            text.put_if_wanted(|| drawn);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_threads_may_use_one_graph() {
        fn shared<T: Send + Sync>() {}
        shared::<SnapshotGraph>();
    }
}
