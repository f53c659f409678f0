//! What operations have left behind: images that were being made or removed, and snapshots that are no
//! part of the line any more.

use super::Cause;
use super::view::Volume;
use crate::chain::Severity;
use crate::snapshot::graph::{Layout, Place};
use crate::snapshot::names::{Part, Standing};

/// Images that were being made or removed, and that nothing stands on.
pub fn passing(volume: &mut Volume<'_>) {
    for (unfinished, cause) in [
        (true, Cause::UnfinishedLeftover),
        (false, Cause::RemovedLeftover),
    ] {
        let of_kind = |index: &usize| {
            let member = volume.member(*index);
            member.is_some_and(|member| match member.standing {
                Standing::Kept => false,
                Standing::Unfinished => unfinished,
                Standing::Removed(_) => !unfinished,
            })
        };
        let used = |index: usize| {
            let above = volume.above(index);
            above.iter().any(|&index| volume.image(index).is_kept())
        };
        let free = |index: &usize| !volume.is_explained(*index) && !used(*index);
        let mut left: Vec<usize> = volume.own().filter(of_kind).filter(free).collect();
        // What stands on others of them goes first.
        left.sort_by_key(|&index| std::cmp::Reverse(volume.below(index).len()));
        let Some(&first) = left.first() else {
            continue;
        };
        let names: Vec<(String, Part)> = left
            .iter()
            .filter_map(|&index| Some((volume.name(index), volume.member(index)?.part.clone())))
            .collect();
        let plan = volume.plan(|draft| draft.remove(&names));
        let list: Vec<String> = names.iter().map(|(name, _)| format!("'{name}'")).collect();
        let what = if unfinished {
            "being made"
        } else {
            "being removed"
        };
        let mut message = format!("was {what}, and nothing needs it: {}", list.join(", "));
        let last = left.iter().any(|&index| could_be_current(volume, index));
        if last {
            message += "; but the volume has no current image, and it could be that one";
        }
        let severity = (cause, Severity::Warning);
        volume.say(severity, first, message, Some(plan), !last);
        volume.explain(left);
    }
}

/// Whether an image may be all that is left of what was written since the last snapshot. No plan leaves
/// it so, but a careless hand may.
fn could_be_current(volume: &Volume<'_>, index: usize) -> bool {
    let image = volume.image(index);
    let parent = image.parent.map(|parent| volume.image(parent));
    image.part() == Some(&Part::Current)
        && parent.is_some_and(|parent| parent.info().is_some() && parent.is_kept())
        && volume.graph.layout() == Layout::Named
        && volume.find(&Part::Current, Standing::Kept).is_none()
}

/// Snapshots beside the line: what is left of one that was being removed, or a branch that somebody
/// made.
pub fn snapshots(volume: &mut Volume<'_>) {
    let graph = volume.graph;
    let current = graph
        .current()
        .is_some_and(|image| image.part() == Some(&Part::Current));
    if graph.layout() == Layout::Overlays || !current {
        return;
    }
    for index in volume.leaves() {
        let image = volume.image(index);
        let beside = matches!(image.place, Place::Branch(_) | Place::Unlinked);
        let snapshot = volume
            .member(index)
            .and_then(|member| member.part.snapshot_name());
        let Some(snapshot) = snapshot.filter(|_| beside && !volume.is_explained(index)) else {
            continue;
        };
        let message = format!(
            "snapshot '{snapshot}' is not below the current image; if it was being removed, it can go, \
             and it can be of use only if it was not"
        );
        let name = (volume.name(index), Part::snapshot(snapshot.clone()));
        let plan = volume.plan(|draft| draft.remove(&[name]));
        let cause = (Cause::SnapshotLeftover, Severity::Warning);
        volume.say(cause, index, message, Some(plan), false);
    }
}
