//! A volume without a current image: its successor is there under another name, or it was put aside,
//! or it is gone.

use super::Cause;
use super::view::Volume;
use crate::chain::Severity;
use crate::snapshot::graph::{Content, Layout};
use crate::snapshot::names::{Part, Standing};
use crate::snapshot::plan::{Draft, Operation, rollback};

/// Looks for the current image if there is none.
pub fn missing(volume: &mut Volume<'_>) {
    let graph = volume.graph;
    let is_overlays = graph.layout() == Layout::Overlays;
    let has_images = graph
        .subject()
        .scheme()
        .has_snapshot_images(graph.subject().volume());
    if volume.has_found() || is_overlays || !has_images {
        return;
    }
    if volume.find(&Part::Current, Standing::Kept).is_some() {
        return;
    }
    let leaves = volume.leaves();
    let [top] = leaves[..] else {
        return;
    };
    if successor(volume, top) || put_aside(volume, top) {
        return;
    }
    let snapshot = volume
        .member(top)
        .and_then(|member| member.part.snapshot_name());
    let name = volume.name(top);
    let message = match snapshot {
        Some(_) => format!(
            "there is no current image above '{name}'; if it cannot be found, a new one can be made, \
             and what was written since that snapshot is lost"
        ),
        None => format!("there is no current image above '{name}', and no snapshot to go back to"),
    };
    let plan = snapshot.map(|snapshot| {
        let mut draft = Draft::new(graph, volume.terms)?;
        rollback::plan(&mut draft, graph, snapshot)?;
        Ok(draft.finish(Operation::Repair))
    });
    volume.say(
        (Cause::CurrentLost, Severity::Error),
        top,
        message,
        plan,
        false,
    );
}

/// A new current image that is complete: it stands on the topmost one.
fn successor(volume: &mut Volume<'_>, top: usize) -> bool {
    let Some(new) = volume.find(&Part::Current, Standing::Unfinished) else {
        return false;
    };
    let image = volume.image(new);
    let complete = matches!(image.content, Content::Read(_)) && image.parent == Some(top);
    let sizes = (image.virtual_size(), volume.image(top).virtual_size());
    let complete = complete && sizes.0.is_some() && sizes.0 == sizes.1;
    if !complete {
        return false;
    }
    let (name, below) = (volume.name(new), volume.name(top));
    let plan = volume.plan(|draft| {
        let target = draft.name(&Part::Current)?;
        draft.rename(&name, &target)
    });
    let message = format!(
        "the current image '{name}' stands on '{below}' and is complete, but does not have its name"
    );
    volume.say(
        (Cause::NotInPlace, Severity::Error),
        new,
        message,
        Some(plan),
        true,
    );
    volume.explain([top]);
    true
}

/// The current image under the name for its removal.
fn put_aside(volume: &mut Volume<'_>, top: usize) -> bool {
    let aside: Vec<usize> = volume
        .own()
        .filter(|&index| {
            let image = volume.image(index);
            let member = volume.member(index);
            let is_current = member.is_some_and(|member| {
                let removed = matches!(member.standing, Standing::Removed(Some(_)));
                member.part == Part::Current && removed
            });
            is_current && image.info().is_some() && image.parent == Some(top)
        })
        .collect();
    let Some(&first) = aside.first() else {
        return false;
    };
    let name = volume.name(first);
    let only = aside.len() == 1;
    let plan = volume.plan(|draft| {
        let target = draft.name(&Part::Current)?;
        draft.rename(&name, &target)
    });
    let message = match only {
        true => format!("the current image was put aside as '{name}', and nothing replaced it"),
        false => format!(
            "the current image was put aside, and {} images could be it; '{name}' is one of them",
            aside.len()
        ),
    };
    volume.say(
        (Cause::PutAside, Severity::Error),
        first,
        message,
        Some(plan),
        only,
    );
    volume.explain(aside);
    volume.explain([top]);
    true
}
