//! References to names that are not there. Plans write them before the image gets its name, so that
//! the missing name tells what was to get it.

use super::Cause;
use super::conversion;
use super::merge;
use super::view::Volume;
use crate::chain::Severity;
use crate::image::ImageFormat;
use crate::snapshot::graph::Role;
use crate::snapshot::names::{ImageName, Member, Part, Standing};

/// All references of the volume's images that lead nowhere.
pub fn dangling(volume: &mut Volume<'_>) {
    for missing in 0..volume.graph.images().len() {
        if !volume.is_missing(missing) || volume.is_explained(missing) {
            continue;
        }
        match &volume.image(missing).role {
            Role::Member(Member {
                part,
                standing: Standing::Unfinished,
            }) => merge::announced(volume, missing, part),
            Role::Member(Member {
                part,
                standing: Standing::Kept,
            }) => ahead(volume, missing, part),
            Role::Foreign(Some(name)) if name.standing == Standing::Kept => {
                elsewhere(volume, missing, name);
            }
            Role::Member(_) | Role::Overlay(_) | Role::Foreign(_) => unused(volume, missing),
        }
    }
}

/// What stands on a missing image matters only if anything of it is still in use.
fn unused(volume: &mut Volume<'_>, missing: usize) {
    let above = volume.above(missing);
    if above.iter().any(|&index| volume.image(index).is_kept()) {
        lost(volume, missing);
    }
}

/// The only kept image that is in no use: it leads to the missing one as little as anything to it.
fn candidate(volume: &Volume<'_>, above: &[usize], suits: impl Fn(&Part) -> bool) -> Option<usize> {
    let leaves = volume.leaves().into_iter();
    let free = leaves.filter(|index| {
        let part = volume.member(*index).map(|member| &member.part);
        let is_current = part == Some(&Part::Current);
        let overlay = part.is_none();
        !above.contains(index) && !is_current && (overlay || part.is_some_and(&suits))
    });
    let free: Vec<usize> = free.collect();
    // One that names itself names what is to get its name after it.
    let names_itself = |index: &&usize| volume.image(**index).parent == Some(**index);
    match (&free[..], free.iter().find(names_itself)) {
        (_, Some(index)) | ([index], None) => Some(*index),
        _ => None,
    }
}

/// The name of another image of this volume: of the snapshot that becomes the bottom, or of an image
/// of the layout of 2024 on its way to today's.
fn ahead(volume: &mut Volume<'_>, missing: usize, part: &Part) {
    let above = volume.above(missing);
    if !above.iter().any(|&index| volume.image(index).is_kept()) {
        return;
    }
    let raw = matches!(part, Part::Bottom | Part::Snapshot { raw: true, .. });
    let is_raw = |part: &Part| matches!(part, Part::Snapshot { raw: true, .. } | Part::Bottom);
    let suits = |part: &Part| is_raw(part) == raw;
    let found = candidate(volume, &above, suits);
    let new = volume.name(missing);
    let Some(found) = found else {
        if !(raw && conversion::last(volume, missing)) {
            lost(volume, missing);
        }
        return;
    };
    let old = volume.name(found);
    let plan = volume.plan(|draft| {
        conversion::refer_on(volume, draft, found)?;
        draft.rename(&old, &new)
    });
    let message = format!("'{new}' is not there, and '{old}' was about to get that name");
    let cause = (Cause::ReferenceAhead, Severity::Error);
    volume.say(cause, missing, message, Some(plan), true);
    volume.explain([found]);
    volume.explain(above);
}

/// The name of another volume's image: the volume was about to get another name.
fn elsewhere(volume: &mut Volume<'_>, missing: usize, name: &ImageName) {
    let above = volume.above(missing);
    let found = volume.leaves().into_iter().find(|index| {
        let part = volume.member(*index).map(|member| &member.part);
        part == Some(&name.part) && !above.contains(index)
    });
    let child = above
        .iter()
        .copied()
        .find(|&index| volume.image(index).parent == Some(missing));
    let (Some(found), Some(child)) = (found, child) else {
        unused(volume, missing);
        return;
    };
    let (own, above_name) = (volume.name(found), volume.name(child));
    let format = volume
        .image(found)
        .info()
        .map_or(ImageFormat::Qcow2, |info| info.format);
    let plan = volume.plan(|draft| {
        let on = draft.reference(&own, format);
        draft.refer(&above_name, on)
    });
    let message = format!(
        "'{own}' was about to become '{}': '{above_name}' refers to that name already",
        volume.name(missing)
    );
    let cause = (Cause::RenameInterrupted, Severity::Error);
    volume.say(cause, child, message, Some(plan), true);
    volume.explain([found, missing]);
    volume.explain(above);
}

/// Nothing in the volume can replace it.
pub fn lost(volume: &mut Volume<'_>, missing: usize) {
    let above = volume.above(missing);
    let name = volume.name(missing);
    let users: Vec<String> = above
        .iter()
        .map(|&index| format!("'{}'", volume.name(index)))
        .collect();
    let message = format!(
        "'{name}' is gone, and {} cannot be read without it: its data is needed from elsewhere, such \
         as a backup or a copy of the volume",
        users.join(", ")
    );
    volume.say(
        (Cause::DataNeeded, Severity::Error),
        missing,
        message,
        None,
        false,
    );
    volume.explain(above);
}
