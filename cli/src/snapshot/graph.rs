//! `pve-native snapshot graph`: the images of a volume as a tree, a drawing, or what Proxmox VE's
//! `volume_snapshot_info` gives.

use std::os::unix::ffi::OsStrExt;

use pve_native_core::chain::Severity;
use pve_native_core::image::json::{Names, View};
use pve_native_core::inspect::{GraphOptions, graph_of_chain, graph_of_volumes};
use pve_native_core::snapshot::{Graph, Scheme};
use pve_native_core::{Error, ErrorKind, Result, json};

use super::listing::{Deadline, Group, Listing, Place};
use crate::answer::{Answer, Status};
use crate::args::{Output, snapshot as args};
use crate::image::only;
use crate::{human, svg};

/// A volume, and the group that it lies in, if it does.
pub struct Volume {
    /// Its images.
    pub graph: Graph,
    /// The group.
    pub group: Option<Group>,
}

/// Answers the question.
pub fn run(args: &args::Graph, output: Output) -> Result<Answer> {
    if output == Output::Html {
        return Err(only("snapshot graph", "human, json, dot or svg"));
    }
    let Volume { graph, group } = read(args.path.as_bytes(), &args.volume)?;
    let text = match output {
        Output::Json => json::to_text(&View::new(&graph.snapshot_info(), Names::Text)) + "\n",
        Output::Dot => graph.to_dot(),
        Output::Svg => svg::graph::drawing(&graph),
        _ => human::graph::tree(&graph, group.as_ref()),
    };
    let broken = |severity| severity == Severity::Error;
    let status = match graph.findings().iter().any(|f| broken(f.severity)) {
        true => Status::No,
        false => Status::Fine,
    };
    Ok(Answer::whole(text, status))
}

/// Reads the volume that has the image at `path`, with all that lies beside it.
pub fn read(path: &[u8], args: &args::Volume) -> Result<Volume> {
    let bounds = args.bounds()?;
    let deadline = Deadline::after(bounds.timeout);
    let place = Place::of(path);
    let in_file = |e: Error| match e.kind() {
        ErrorKind::Timeout => e.in_file(path),
        _ => e,
    };
    let listing = match args.scheme {
        Some(Scheme::Internal) => Listing::default(),
        _ => place.list(deadline).map_err(in_file)?,
    };
    let path = place.path(path);
    let names = listing.volumes.iter().map(|volume| volume.name.as_slice());
    let scheme = args.scheme.unwrap_or_else(|| Scheme::guess(&path, names));
    let options = |scheme| -> Result<GraphOptions<'_>> {
        let mut bounds = bounds;
        bounds.timeout = deadline.left().map_err(in_file)?;
        Ok(GraphOptions {
            volname: args.volname.as_ref().map(|name| name.as_bytes()),
            storage: args.storeid.as_ref().map(|id| id.as_bytes()),
            bounds,
            ..GraphOptions::new(scheme)
        })
    };
    let alone = scheme == Scheme::Internal || place == Place::Alone;
    let mut graph = match alone {
        true => graph_of_chain(&path, None, &options(scheme)?)?,
        false => graph_of_volume(&path, &listing, options(scheme)?)?,
    };
    // Nothing in a name tells of snapshots within.
    if args.scheme.is_none() && has_only_internal(&graph) {
        graph = graph_of_chain(&path, None, &options(Scheme::Internal)?)?;
    }
    Ok(Volume {
        graph,
        group: listing.group,
    })
}

/// The graph of the volume that the image at `path` belongs to.
fn graph_of_volume(path: &[u8], listing: &Listing, options: GraphOptions<'_>) -> Result<Graph> {
    let subject = options.subject_of(path)?;
    let volname = subject.volname(subject.volume().as_str().as_bytes());
    let options = GraphOptions {
        volname: Some(&volname),
        ..options
    };
    let graph = graph_of_volumes(&listing.volumes, &options)?;
    match graph.images().is_empty() {
        // Neither the image is there nor any other of its volume.
        true => Err(Error::io("open", NOT_THERE).in_file(path)),
        false => Ok(graph),
    }
}

/// The number that all of Linux' processors have for `ENOENT`.
const NOT_THERE: i32 = 2;

fn has_only_internal(graph: &Graph) -> bool {
    let within = |info: &pve_native_core::image::ImageInfo| !info.metadata.snapshots.is_empty();
    let current = graph.current().and_then(|image| image.info());
    graph.images().len() == 1 && current.is_some_and(within)
}
