//! Taking a snapshot: the current image gets the snapshot's name, and a new one is put above it.

use super::draft::Draft;
use super::line::Line;
use super::online;
use crate::error::{Error, Result};
use crate::image::ImageFormat;
use crate::snapshot::graph::Graph;
use crate::snapshot::names::{Part, Scheme, SnapshotName};

/// The steps.
pub fn plan(draft: &mut Draft<'_>, graph: &Graph, snapshot: &SnapshotName) -> Result<()> {
    can_have_snapshots(graph)?;
    let line = Line::new(graph)?;
    let volume = draft.subject.volume();
    if line.position(snapshot).is_some() {
        return Err(Error::argument(format!(
            "volume '{volume}' has a snapshot '{snapshot}' already"
        )));
    }
    let kept = draft.new_snapshot_name(snapshot)?;
    let current = line.current();
    let unfinished = draft.unfinished(&Part::Current)?;
    let on = draft.reference(&kept, ImageFormat::Qcow2);
    draft.make(&unfinished, on, current.virtual_size()?)?;
    if draft.online.is_some() {
        return online::create(draft, current, snapshot, &kept, &unfinished);
    }
    draft.rename(&current.name, &kept)?;
    draft.rename(&unfinished, &current.name)
}

/// An error if the volume cannot have snapshots of its own.
fn can_have_snapshots(graph: &Graph) -> Result<()> {
    let subject = graph.subject();
    let volume = subject.volume();
    if subject.scheme().has_snapshot_images(volume) {
        return match volume.is_base() {
            false => Ok(()),
            true => Err(Error::argument(format!(
                "base image '{volume}' can have no snapshots"
            ))),
        };
    }
    let adopt = match subject.scheme() {
        Scheme::LvmQcow2 if volume.format() == ImageFormat::Raw => ": adopt it first",
        _ => "",
    };
    let format = volume.format().name();
    Err(Error::unsupported(format!(
        "volume '{volume}' ({format}) can have no snapshots{adopt}"
    )))
}
