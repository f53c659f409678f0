//! `pven_snapshot_graph`: the images of a volume, and the snapshots that they mean. How graphs are made;
//! what they answer is in `graph_answers`.

use std::ffi::c_char;
use std::sync::OnceLock;

use pve_native_core as core;
use pve_native_core::image::FormatChoice;
use pve_native_core::inspect::{self, GraphOptions};
use pve_native_core::snapshot::Graph;
use pve_native_core::snapshot::graph::Listed;

use crate::audit::Held;
use crate::error::Error;
use crate::ffi::{self, Handle, Out, Plain, Poison};
use crate::graph_image::{GraphImageC, Texts};
use crate::limits::LimitsC;
use crate::opts;

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

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn findings(&self) -> &[Held] {
        self.findings.get_or_init(|| {
            let held = |finding: &core::snapshot::graph::Finding| {
                let code = finding.code.name();
                Held::of(code, &finding.name, &finding.message, finding.severity)
            };
            self.graph.findings().iter().map(held).collect()
        })
    }

    pub(crate) fn image(&self, index: usize) -> core::Result<GraphImageC> {
        let image = ffi::at(self.graph.images(), index, "images of the graph")?;
        let texts = ffi::at(&self.texts, index, "images of the graph")?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_threads_may_use_one_graph() {
        fn shared<T: Send + Sync>() {}
        shared::<SnapshotGraph>();
    }
}
