//! Removing snapshots: what their images hold is merged with the image above them.
//!
//! Neighbouring snapshots are merged in one pass, in the direction that moves fewer bytes. A *stream*
//! copies what the snapshots hold up into the image above them; until its end nothing has changed for
//! anybody. A *commit* moves what the images above hold down into the lowest of them, which spoils the
//! snapshots from its first byte on: before it begins, that image gets the name of what it is to
//! become, as one that is unfinished.

use super::draft::Draft;
use super::line::{Line, Own};
use super::online;
use super::room;
use crate::chain::ChainOptions;
use crate::chain::merge_cost::{self, MergeCost};
use crate::error::{Error, Result};
use crate::image::{FormatChoice, ImageFormat, ImageInfo};
use crate::io::Storage;
use crate::limits;
use crate::snapshot::graph::{Graph, Image, Place};
use crate::snapshot::names::{Part, SnapshotName};
use crate::text::printable;
use crate::work;

/// The steps.
pub fn plan(
    draft: &mut Draft<'_>,
    storage: &Storage,
    graph: &Graph,
    snapshots: &[SnapshotName],
) -> Result<()> {
    let line = Line::new(graph)?;
    let mut wanted = vec![false; line.images.len()];
    let mut beside = Vec::new();
    for snapshot in snapshots {
        match line.position(snapshot) {
            Some(position) => wanted[position] = true,
            None => beside.push(left_over(graph, snapshot, snapshots)?),
        }
    }
    // From below, so that what an image stands on has its name already.
    let mut end = line.images.len();
    while end > 0 {
        let Some(last) = wanted[..end].iter().rposition(|&wanted| wanted) else {
            break;
        };
        let first = wanted[..last].iter().rposition(|&wanted| !wanted);
        let first = first.map_or(0, |kept| kept + 1);
        merge(draft, storage, graph, &line.images[first - 1..=last])?;
        end = first;
    }
    // What stands on others of them goes first.
    beside.sort_by(|(a, a_name, _), (b, b_name, _)| (b, a_name).cmp(&(a, b_name)));
    beside.dedup();
    let beside: Vec<(String, Part)> = beside
        .into_iter()
        .map(|(_, name, part)| (name, part))
        .collect();
    if !beside.is_empty() {
        draft.remove(&beside)?;
    }
    Ok(())
}

/// The image of a snapshot that the current image does not stand on, nor any other that stays: what is
/// left of one that was being removed. With the number of images below it.
fn left_over(
    graph: &Graph,
    snapshot: &SnapshotName,
    all: &[SnapshotName],
) -> Result<(usize, String, Part)> {
    let volume = graph.subject().volume();
    let held = |image: &&Image| {
        image.is_kept() && image.part().and_then(Part::snapshot_name) == Some(snapshot)
    };
    let Some(image) = graph.images().iter().find(held) else {
        return Err(Error::argument(format!(
            "snapshot '{snapshot}' does not exist on '{volume}'"
        )));
    };
    let stays = |child: &Image| {
        let name = child.part().and_then(Part::snapshot_name);
        child.is_kept() && !name.is_some_and(|name| all.contains(name))
    };
    let children = image.children.iter().map(|&child| &graph.images()[child]);
    if image.place == Place::Cycle || children.into_iter().any(stays) {
        return Err(Error::argument(format!(
            "snapshot '{snapshot}' is beside the line of '{volume}', and other images stand on it"
        )));
    }
    let mut depth = 0;
    let mut at = image.parent;
    while let Some(index) = at.filter(|_| depth < graph.images().len()) {
        depth += 1;
        at = graph.images()[index].parent;
    }
    let name = String::from_utf8_lossy(&image.name).into_owned();
    let part = image.part().cloned().unwrap_or(Part::Current);
    Ok((depth, name, part))
}

/// Merges the first of these images with all others, which are those below it and are removed.
fn merge(draft: &mut Draft<'_>, storage: &Storage, graph: &Graph, run: &[Own<'_>]) -> Result<()> {
    let [top, below @ ..] = run else {
        return Ok(());
    };
    let Some((lowest, between)) = below.split_last() else {
        return Ok(());
    };
    if let Part::Snapshot { raw: true, .. } = lowest.part {
        // A raw image cannot be written through under another format; it becomes what all of the
        // volume stands on, and nothing is moved.
        merge(draft, storage, graph, &run[..run.len() - 1])?;
        let bottom = draft.name(&Part::Bottom)?;
        if draft.online.is_some() {
            return online::call_bottom(draft, &top.name, &lowest.name, &bottom);
        }
        draft.refer(&top.name, draft.reference(&bottom, ImageFormat::Raw))?;
        return draft.rename(&lowest.name, &bottom);
    }
    nothing_else_stands_on(graph, run)?;
    for own in run {
        can_be_merged(own.image)?;
    }
    let cost = cost(storage, &top.image.path, below.len())?;
    let sizes = (top.virtual_size()?, lowest.virtual_size()?);
    if cost.commit.data < cost.stream.data && can_commit(top.image, lowest.image, sizes) {
        commit(draft, graph, top, between, lowest, &cost)
    } else {
        stream(draft, top, below, &cost)
    }
}

/// What it costs to merge the image at `top` with the `count` images below it.
pub fn cost(storage: &Storage, top: &[u8], count: usize) -> Result<MergeCost> {
    let options = ChainOptions {
        max_depth: limits::GRAPH_IMAGES,
        ..ChainOptions::new(FormatChoice::Named(ImageFormat::Qcow2))
    };
    let work = merge_cost::merge_cost_of_run(storage, top, count, &options)?;
    let mut costs = work::finish_unwatched(work)?;
    costs
        .pop()
        .ok_or_else(|| Error::argument("there is nothing to merge"))
}

fn stream(draft: &mut Draft<'_>, top: &Own<'_>, below: &[Own<'_>], cost: &MergeCost) -> Result<()> {
    make_room(draft, top, top.virtual_size()?)?;
    if !draft.scheme().is_lvm() {
        draft.needs(cost.stream.data)?;
    }
    if draft.online.is_some() {
        return online::stream(draft, top, below, cost.stream.data);
    }
    let names: Vec<String> = below.iter().map(|own| own.name.clone()).collect();
    draft.stream(&top.name, &names, cost.stream.data)?;
    let gone = below.iter().map(|own| (own.name.clone(), own.part.clone()));
    draft.remove(&gone.collect::<Vec<_>>())
}

fn commit(
    draft: &mut Draft<'_>,
    graph: &Graph,
    top: &Own<'_>,
    between: &[Own<'_>],
    lowest: &Own<'_>,
    cost: &MergeCost,
) -> Result<()> {
    let size = top.virtual_size()?;
    make_room(draft, lowest, size)?;
    if !draft.scheme().is_lvm() {
        draft.needs(cost.commit.data)?;
    }
    if draft.online.is_some() {
        return online::commit(draft, graph, top, between, lowest, cost.commit.data);
    }
    let merged = draft.unfinished(top.part)?;
    let above = between.last().unwrap_or(top);
    draft.refer(&above.name, draft.reference(&merged, ImageFormat::Qcow2))?;
    draft.rename(&lowest.name, &merged)?;
    if lowest.virtual_size()? < size {
        draft.resize(&merged, size)?;
    }
    let names: Vec<String> = between.iter().map(|own| own.name.clone()).collect();
    draft.commit(&top.name, &names, &merged, cost.commit.data)?;
    let aside = put_in_place(draft, &top.name, top.part, &merged)?;
    let mut gone = vec![(aside, top.part.clone())];
    gone.extend(
        between
            .iter()
            .map(|own| (own.name.clone(), own.part.clone())),
    );
    draft.remove(&gone)
}

/// The image `merged` takes the name of the one that was merged into it, which is put aside: the name
/// that it has then.
pub fn put_in_place(
    draft: &mut Draft<'_>,
    name: &str,
    part: &Part,
    merged: &str,
) -> Result<String> {
    let aside = draft.removed(part)?;
    draft.rename(name, &aside)?;
    draft.rename(merged, name)?;
    Ok(aside)
}

/// Sees to it that the logical volume under an image has room for all of a disk of `size` bytes.
fn make_room(draft: &mut Draft<'_>, own: &Own<'_>, size: u64) -> Result<()> {
    let room = own.image.info().map(|info| room::of_image(info, size));
    match room.transpose()?.flatten() {
        Some(room) => draft.extend(&own.name, room),
        None => Ok(()),
    }
}

/// An error if an image besides these stands on one that would be gone.
fn nothing_else_stands_on(graph: &Graph, run: &[Own<'_>]) -> Result<()> {
    for pair in run.windows(2) {
        let [above, own] = pair else { continue };
        let others = own
            .image
            .children
            .iter()
            .map(|&child| &graph.images()[child]);
        let mut others = others.filter(|child| !std::ptr::eq(*child, above.image));
        if let Some(other) = others.next() {
            let (other, name) = (printable(&other.name), &own.name);
            return Err(Error::argument(format!(
                "'{other}' stands on '{name}', too: see what a diagnosis says"
            )));
        }
    }
    Ok(())
}

/// An error if the image holds what a merge would lose or spoil.
pub fn can_be_merged(image: &Image) -> Result<()> {
    let Some(info) = image.info() else {
        return Ok(());
    };
    let reason = if info.metadata.encrypted {
        "encrypted images cannot be merged: their secret is not known"
    } else if !info.metadata.snapshots.is_empty() {
        "the image has snapshots within, which a merge would spoil"
    } else if info.qcow2().is_some_and(|qcow2| qcow2.has_data_file()) {
        "the data lie in another file"
    } else {
        return Ok(());
    };
    Err(Error::unsupported(reason).in_file(&image.path))
}

/// Whether the upper image can be moved down into the lowest: that grows only if it is smaller, and it
/// may hold no bitmaps, which would say what was written to another image.
fn can_commit(top: &Image, lowest: &Image, (size, below): (u64, u64)) -> bool {
    let has_no_bitmaps =
        |info: &ImageInfo| info.qcow2().is_some_and(|qcow2| qcow2.bitmaps.is_empty());
    let suits = |image: &Image| image.info().is_some_and(has_no_bitmaps);
    below <= size && suits(top) && suits(lowest)
}
