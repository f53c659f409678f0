//! Going back to the newest snapshot: a new image on it takes the current one's place, which is
//! removed last.
//!
//! The current image need not be readable, or there at all: what is broken in it is what a rollback
//! gets rid of.

use super::draft::Draft;
use super::line::refuse;
use crate::chain::Severity;
use crate::error::{Error, Result};
use crate::snapshot::graph::{Finding, Graph, Image, Layout};
use crate::snapshot::names::{Part, SnapshotName};

/// The steps.
pub fn plan(draft: &mut Draft<'_>, graph: &Graph, snapshot: &SnapshotName) -> Result<()> {
    let volume = draft.subject.volume();
    if graph.layout() == Layout::Overlays {
        return Err(Error::argument(format!(
            "volume '{volume}' has the layout of 2024: convert it first"
        )));
    }
    let has_part = |part: &Part, image: &Image| image.is_kept() && image.part() == Some(part);
    let held = |image: &&Image| {
        image.is_kept() && image.part().and_then(Part::snapshot_name) == Some(snapshot)
    };
    let Some(kept) = graph.images().iter().find(held) else {
        return Err(Error::argument(format!(
            "snapshot '{snapshot}' does not exist on '{volume}'"
        )));
    };
    let above = kept.children.iter().map(|&index| &graph.images()[index]);
    let newer = above
        .into_iter()
        .find(|image| image.is_kept() && !has_part(&Part::Current, image));
    let current = graph
        .images()
        .iter()
        .find(|image| has_part(&Part::Current, image));
    // A current image that can be read must stand on the snapshot.
    let stands = current.is_none_or(|image| match image.parent {
        Some(parent) => std::ptr::eq(&graph.images()[parent], kept),
        None => image.info().is_none(),
    });
    if newer.is_some() || !stands {
        return Err(Error::argument(format!(
            "can't rollback, '{snapshot}' is not most recent snapshot on '{volume}'"
        )));
    }
    sound_below(graph, kept)?;
    let size = kept.virtual_size().ok_or_else(|| {
        let message = "the size of the disk is not known";
        Error::unsupported(message).in_file(&kept.path)
    })?;
    let format = graph
        .named_format(kept)
        .unwrap_or(crate::image::ImageFormat::Qcow2);
    let on = draft.reference(&String::from_utf8_lossy(&kept.name), format);
    let name = draft.name(&Part::Current)?;
    let unfinished = draft.unfinished(&Part::Current)?;
    draft.make(&unfinished, on, size)?;
    if current.is_none() {
        return draft.rename(&unfinished, &name);
    }
    let aside = draft.removed(&Part::Current)?;
    draft.rename(&name, &aside)?;
    draft.rename(&unfinished, &name)?;
    draft.remove(&[(aside, Part::Current)])
}

/// An error if anything is wrong with an image or what it stands on.
pub fn sound_below(graph: &Graph, top: &Image) -> Result<()> {
    let mut images = Vec::new();
    let mut at = graph
        .images()
        .iter()
        .position(|image| std::ptr::eq(image, top));
    while let Some(index) = at.filter(|index| !images.contains(index)) {
        images.push(index);
        at = graph.images()[index].parent;
    }
    let broken = |finding: &&Finding| {
        finding.image.is_some_and(|index| images.contains(&index))
            && (finding.severity == Severity::Error
                || finding.code == crate::snapshot::graph::FindingCode::Inactive)
    };
    match graph.findings().iter().find(broken) {
        Some(finding) => Err(refuse(finding)),
        None => Ok(()),
    }
}
