//! Merges that were cut off. The image that is being written to is called as what it is to become,
//! unfinished, and what stands on it is being merged into it.

use super::Cause;
use super::view::Volume;
use crate::chain::Severity;
use crate::error::Result;
use crate::image::ImageFormat;
use crate::io::Storage;
use crate::snapshot::names::{Part, Standing};
use crate::snapshot::plan::{delete, room};

/// The unfinished images on which others of the volume stand.
fn merged(volume: &Volume<'_>) -> Vec<(usize, Part)> {
    let own = volume.own().filter_map(|index| {
        let member = volume.member(index)?;
        let used = !volume.above(index).is_empty();
        let unfinished = member.standing == Standing::Unfinished && used;
        unfinished.then(|| (index, member.part.clone()))
    });
    own.collect()
}

/// Something is still being merged: it goes on from where it was.
pub fn interrupted(volume: &mut Volume<'_>, storage: &Storage) -> Result<()> {
    for (lower, part) in merged(volume) {
        let Some(upper) = volume.find(&part, Standing::Kept) else {
            continue;
        };
        let path = volume.below(upper);
        let Some(depth) = path.iter().position(|&index| index == lower) else {
            continue;
        };
        let between = path[1..depth].to_vec();
        let names: Vec<String> = between.iter().map(|&index| volume.name(index)).collect();
        let (upper_name, lower_name) = (volume.name(upper), volume.name(lower));
        let (top, base) = (volume.image(upper), volume.image(lower));
        let plan = volume.plan(|draft| {
            let size = top.virtual_size();
            let room = base
                .info()
                .zip(size)
                .map(|(info, size)| room::of_image(info, size));
            if let Some(room) = room.transpose()?.flatten() {
                draft.extend(&lower_name, room)?;
            }
            if let (Some(size), Some(below)) = (size, base.virtual_size()) {
                if below < size {
                    draft.resize(&lower_name, size)?;
                }
            }
            let cost = delete::cost(storage, &top.path, depth)?;
            draft.commit(&upper_name, &names, &lower_name, cost.commit.data)?;
            let aside = delete::put_in_place(draft, &upper_name, &part, &lower_name)?;
            let mut gone = vec![(aside, part.clone())];
            for (name, &index) in names.iter().zip(&between) {
                let part = volume.member(index).map_or(&part, |member| &member.part);
                gone.push((name.clone(), part.clone()));
            }
            draft.remove(&gone)
        });
        let lost = match names.is_empty() {
            true => String::new(),
            false => format!(", but {} hold no snapshots any more", quoted(&names)),
        };
        let message = format!(
            "'{upper_name}' is being merged into '{lower_name}': it can be read{lost}; the merge has to \
             go on"
        );
        let cause = (Cause::MergeInterrupted, Severity::Error);
        volume.say(cause, lower, message, Some(plan), true);
        volume.explain(path);
    }
    Ok(())
}

/// Everything was merged, and the result does not have its name yet: what was merged into it was put
/// aside before.
pub fn not_in_place(volume: &mut Volume<'_>) {
    for (lower, part) in merged(volume) {
        if volume.is_explained(lower) || volume.find(&part, Standing::Kept).is_some() {
            continue;
        }
        let aside = volume.above(lower).into_iter().find(|&index| {
            let removed = |standing| matches!(standing, Standing::Removed(_));
            let member = volume.member(index);
            member.is_some_and(|member| member.part == part && removed(member.standing))
        });
        if aside.is_none() {
            continue;
        }
        let name = volume.name(lower);
        let plan = volume.plan(|draft| {
            let target = draft.name(&part)?;
            draft.rename(&name, &target)
        });
        let message =
            format!("'{name}' holds all that was merged into it, and only lacks its name");
        let cause = (Cause::NotInPlace, Severity::Error);
        volume.say(cause, lower, message, Some(plan), true);
        let above = volume.above(lower);
        volume.explain(above);
        // Those that stand on the image by the name that it is to get.
        let waiting: Vec<usize> = (0..volume.graph.images().len())
            .filter(|&index| {
                let member = volume.member(index);
                let same = member.is_some_and(|m| m.part == part && m.standing == Standing::Kept);
                volume.is_missing(index) && same
            })
            .collect();
        for missing in waiting {
            let above = volume.above(missing);
            volume.explain(above);
            volume.explain([missing]);
        }
    }
}

/// An image refers to one that is unfinished and not there: a merge that was only announced, or one
/// that is over.
pub fn announced(volume: &mut Volume<'_>, missing: usize, part: &Part) {
    let above = volume.above(missing);
    let lower_name = volume.name(missing);
    let is_upper = |&index: &usize| {
        let member = volume.member(index);
        member.is_some_and(|m| m.part == *part && m.standing == Standing::Kept)
    };
    if above.iter().any(is_upper) {
        let leaves = volume.leaves();
        let mut unused = leaves.into_iter().filter(|index| {
            let snapshot = volume.member(*index).and_then(|m| m.part.snapshot_name());
            snapshot.is_some() && !above.contains(index)
        });
        let only = unused.next().filter(|_| unused.next().is_none());
        let direct = volume.image(missing).children.first().copied();
        let plan = only.zip(direct).map(|(lowest, child)| {
            let (name, child) = (volume.name(lowest), volume.name(child));
            volume.plan(|draft| {
                let on = draft.reference(&name, ImageFormat::Qcow2);
                draft.refer(&child, on)
            })
        });
        let message = match only {
            Some(lowest) => format!(
                "a merge into '{}' was to begin as '{lower_name}', and nothing was moved",
                volume.name(lowest)
            ),
            None => format!(
                "a merge was to begin, and which image was to become '{lower_name}' cannot be told"
            ),
        };
        let cause = (Cause::MergeNotBegun, Severity::Error);
        let about = direct.unwrap_or(missing);
        volume.say(cause, about, message, plan, true);
        volume.explain(only);
        volume.explain([missing]);
        volume.explain(above);
        return;
    }
    let sound = volume.find(part, Standing::Kept).is_some_and(|upper| {
        let below = volume.below(upper);
        below
            .iter()
            .all(|&index| volume.image(index).info().is_some())
    });
    if !sound {
        super::reference::lost(volume, missing);
        return;
    }
    let gone: Vec<(String, Part)> = above
        .iter()
        .filter_map(|&index| Some((volume.name(index), volume.member(index)?.part.clone())))
        .collect();
    let plan = volume.plan(|draft| draft.remove(&gone));
    let message = format!(
        "what stood on '{lower_name}' was merged, and is still there: {}",
        quoted(gone.iter().map(|(name, _)| name))
    );
    let cause = (Cause::MergeLeftover, Severity::Warning);
    let about = above.first().copied().unwrap_or(missing);
    volume.say(cause, about, message, Some(plan), true);
    volume.explain([missing]);
    volume.explain(above);
}

/// Names in a sentence.
fn quoted<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("'{name}'")).collect();
    names.join(", ")
}
