//! Plans while the guest runs: its QEMU does what `qemu-img` does otherwise, and its block nodes follow
//! the names of the images. `docs/snapshots.md`, "Running guests", says why the steps stand in this
//! order; `tests/vm/online` cuts them off between any two.
//!
//! Three things are different from plans for guests that are stopped. QEMU keeps tables of an image in
//! memory, so an image must have been written out before another node opens it or a header refers to
//! what it holds. QEMU may open a file anew by the name under which it was opened, so no node is left
//! with a name that has another image by then. And where a write could go to an image that is not the
//! current one any more, the guest stands still.

mod guest;
mod nodes;
mod steps;

pub use guest::{Guest, Nodes};
pub use nodes::Open;

use self::nodes::{Backing, File};
use super::delete::put_in_place;
use super::draft::Draft;
use super::line::{Line, Own};
use super::step::Reference;
use super::{Operation, Wish};
use crate::error::{Error, Result};
use crate::image::ImageFormat;
use crate::snapshot::graph::Graph;
use crate::snapshot::names::{Part, SnapshotName};

/// Begins a plan with the guest running: an error if it cannot be made so.
pub fn begin(draft: &mut Draft<'_>, graph: &Graph, wish: &Wish) -> Result<()> {
    let Some(guest) = &draft.terms.guest else {
        return Ok(());
    };
    guest.check()?;
    match wish.operation() {
        Operation::Create | Operation::Delete | Operation::DeleteMany | Operation::Resize => {}
        other => {
            let operation = other.name();
            return Err(Error::argument(format!(
                "{operation} needs the guest to be stopped"
            )));
        }
    }
    let mut open = Open::new(guest, draft.scheme().is_lvm());
    for own in &Line::new(graph)?.images {
        open.insert(&own.name, nodes_of(guest, &own.name, own.part));
    }
    draft.online = Some(open);
    Ok(())
}

fn nodes_of(guest: &Guest, name: &str, part: &Part) -> Nodes {
    if let Some(nodes) = guest.nodes.get(name) {
        return nodes.clone();
    }
    match part {
        Part::Current => guest.nodes_of(None),
        Part::Snapshot { name, .. } => guest.nodes_of(Some(name)),
        Part::Bottom => guest.nodes_of_other(name),
    }
}

/// The nodes that qemu-server would look for, whatever the caller called those that were there.
fn new_nodes(draft: &Draft<'_>, name: &str, part: &Part) -> Result<Nodes> {
    let guest = draft.guest()?;
    Ok(match part {
        Part::Current => guest.nodes_of(None),
        Part::Snapshot { name, .. } => guest.nodes_of(Some(name)),
        Part::Bottom => guest.nodes_of_other(name),
    })
}

/// Taking a snapshot: the current image is to be called `kept`, and `unfinished` stands on it already,
/// by name.
///
/// The names change first. From then on the guest writes to the snapshot's image until it gets the
/// new one: if it dies in between, the new image is empty, and all was written to the one below it.
pub fn create(
    draft: &mut Draft<'_>,
    current: &Own<'_>,
    snapshot: &SnapshotName,
    kept: &str,
    unfinished: &str,
) -> Result<()> {
    let name = current.name.as_str();
    let old = draft.nodes(name)?;
    draft.settle(name)?;
    draft.rename(name, kept)?;
    draft.rename(unfinished, name)?;
    draft.stop();
    // A second node of the image, under its new name: nobody may write through the first meanwhile.
    let new = draft.guest()?.nodes_of(Some(snapshot));
    let below = draft.backing_of(kept)?;
    draft.attach(kept, new, &below, File::Part)?;
    draft.use_image(kept, &old)?;
    draft.detach_nodes(kept, &old)?;
    draft.go_on();
    let nodes = draft.guest()?.nodes_of(None);
    draft.attach(name, nodes, &Backing::None, File::Part)?;
    draft.put_above(kept, name)
}

/// Copies into `top` what the images below it hold, and removes these.
///
/// QEMU writes the new name into the header as soon as everything is copied, but may still have in
/// memory where it was copied to: so it waits for that, and is told to write it out first.
pub fn stream(draft: &mut Draft<'_>, top: &Own<'_>, below: &[Own<'_>], bytes: u64) -> Result<()> {
    let (Some(first), Some(lowest)) = (below.first(), below.last()) else {
        return Ok(());
    };
    let names: Vec<String> = below.iter().map(|own| own.name.clone()).collect();
    let on = draft.image(&lowest.name)?.backing.clone();
    let base = match (draft.backing_of(&lowest.name)?, &on) {
        (Backing::Node(node), Some(on)) => Some((node, on.name.clone())),
        (Backing::Named, Some(on)) => {
            return Err(Error::argument(format!(
                "what the guest's QEMU calls the node of base image '{}' is not known",
                on.name
            )));
        }
        _ => None,
    };
    let base = base.as_ref().map(|(node, name)| (&node[..], &name[..]));
    draft.begin_stream(&top.name, &names, base, bytes)?;
    let above_first = Backing::Node(draft.nodes(&first.name)?.format);
    draft.write_out(&top.name, &above_first)?;
    draft.finish_stream(&top.name, on)?;
    for name in &names {
        draft.detach(name)?;
    }
    let gone = below.iter().map(|own| (own.name.clone(), own.part.clone()));
    draft.remove(&gone.collect::<Vec<_>>())
}

/// Moves what `top` and the images between hold down into `lowest`, which takes the place of `top`.
///
/// What the guest writes to the current image is moved, too. Once everything was, the guest stands
/// still until the lower image is called as the current one: in between both hold the same.
pub fn commit(
    draft: &mut Draft<'_>,
    graph: &Graph,
    top: &Own<'_>,
    between: &[Own<'_>],
    lowest: &Own<'_>,
    bytes: u64,
) -> Result<()> {
    let merged = draft.unfinished(top.part)?;
    let above = &between.last().unwrap_or(top).name;
    let old = draft.nodes(&lowest.name)?;
    let below = draft.backing_of(&lowest.name)?;
    let on = Reference {
        name: merged.clone(),
        format: ImageFormat::Qcow2,
    };
    draft.announce(above, on, &lowest.name)?;
    draft.write_out(above, &Backing::Node(old.format.clone()))?;
    draft.settle(&lowest.name)?;
    draft.rename(&lowest.name, &merged)?;
    let passing = draft.guest()?.nodes_of_other(&merged);
    draft.attach(&merged, passing.clone(), &below, File::Separate)?;
    draft.stand_on(above, &passing, &old)?;
    draft.detach_nodes(&merged, &old)?;

    let names: Vec<String> = between.iter().map(|own| own.name.clone()).collect();
    let active = *top.part == Part::Current;
    draft.begin_commit(&top.name, &names, &merged, bytes, active)?;
    let aside = if active {
        draft.stop();
        // From here on the guest would write to the lower image, and the names say so at once.
        draft.finish_commit(&merged)?;
        let aside = put_in_place(draft, &top.name, top.part, &merged)?;
        draft.detach(&aside)?;
        aside
    } else {
        draft.detach(&top.name)?;
        draft.write_out(&merged, &below)?;
        put_in_place(draft, &top.name, top.part, &merged)?
    };
    for name in &names {
        draft.detach(name)?;
    }
    let nodes = new_nodes(draft, &top.name, top.part)?;
    draft.attach(&top.name, nodes.clone(), &below, File::Part)?;
    if active {
        draft.use_image(&top.name, &passing)?;
    } else {
        let line = Line::new(graph)?;
        let position = line.images.iter().position(|own| own.name == top.name);
        let user = position.and_then(|position| line.images.get(position.checked_sub(1)?));
        let user = user.ok_or_else(|| Error::argument("nothing stands on what is merged"))?;
        draft.stand_on(&user.name, &nodes, &passing)?;
    }
    draft.detach_nodes(&top.name, &passing)?;
    if active {
        draft.go_on();
    }
    let mut gone = vec![(aside, top.part.clone())];
    gone.extend(
        between
            .iter()
            .map(|own| (own.name.clone(), own.part.clone())),
    );
    draft.remove(&gone)
}

/// The raw image `lowest` below `top` is called `bottom`.
pub fn call_bottom(draft: &mut Draft<'_>, top: &str, lowest: &str, bottom: &str) -> Result<()> {
    let old = draft.nodes(lowest)?;
    let on = draft.reference(bottom, ImageFormat::Raw);
    draft.begin_stream(top, &[], Some((&old.format, bottom)), 0)?;
    draft.finish_stream(top, on)?;
    draft.write_out(top, &Backing::Node(old.format.clone()))?;
    draft.settle(lowest)?;
    draft.rename(lowest, bottom)?;
    let nodes = new_nodes(draft, bottom, &Part::Bottom)?;
    draft.attach(bottom, nodes.clone(), &Backing::None, File::Part)?;
    draft.stand_on(top, &nodes, &old)?;
    draft.detach_nodes(bottom, &old)
}
