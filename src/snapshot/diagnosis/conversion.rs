//! Volumes on their way from the layout of 2024 to today's. While the raw volume still has its own name,
//! an image called after a snapshot holds what was written since it, and the name belongs to the
//! image below.

use super::Cause;
use super::view::Volume;
use crate::chain::Severity;
use crate::error::Result;
use crate::image::ImageFormat;
use crate::snapshot::graph::{Content, Role};
use crate::snapshot::names::{Part, Scheme, Standing};
use crate::snapshot::plan::{Draft, ImageState};

/// The name of the raw volume that this one was, or still is in part, if it is there.
fn raw_name(volume: &Volume<'_>) -> Option<String> {
    let subject = volume.graph.subject();
    let stem = subject.volume().stem();
    let is_today = subject.volume().format() == ImageFormat::Qcow2;
    let there = volume.graph.neighbours().contains(stem.as_bytes());
    (subject.scheme() == Scheme::LvmQcow2 && is_today && there).then(|| stem.to_owned())
}

/// The way back of a conversion that has only written its first reference, and what is said of the raw
/// volume once it has gone further.
pub fn begun(volume: &mut Volume<'_>) {
    let graph = volume.graph;
    let is_overlay = |index: &usize| matches!(volume.image(*index).role, Role::Overlay(_));
    let own: Vec<usize> = volume.own().collect();
    let raw = own
        .iter()
        .copied()
        .find(|&index| volume.image(index).part() == Some(&Part::Current));
    let Some(raw) = raw.filter(|_| graph.subject().volume().format() == ImageFormat::Raw) else {
        return;
    };
    let today = format!("{}.qcow2", graph.subject().volume());
    if graph.neighbours().contains(today.as_bytes()) {
        let message = format!("'{today}' is there, too: its diagnosis tells what goes on");
        let cause = (Cause::ConversionInterrupted, Severity::Error);
        volume.say(cause, raw, message, None, false);
        volume.explain(own);
        return;
    }
    let announced = |index: &usize| {
        let parent = volume.image(*index).parent;
        parent == Some(*index) || parent.is_some_and(|parent| names_raw(volume, *index, parent))
    };
    let Some(top) = own.iter().copied().filter(is_overlay).find(announced) else {
        return;
    };
    let mut leaves = volume.leaves().into_iter().filter(|&index| index != top);
    let Some(below) = leaves.next().filter(|_| leaves.next().is_none()) else {
        return;
    };
    let format = if below == raw {
        ImageFormat::Raw
    } else {
        ImageFormat::Qcow2
    };
    let (name, on) = (volume.name(top), volume.name(below));
    let plan = volume.plan(|draft| {
        let on = draft.reference(&on, format);
        draft.refer(&name, on)
    });
    let message = format!("the volume was to be converted, and '{name}' stands on '{on}'");
    let cause = (Cause::ConversionInterrupted, Severity::Error);
    volume.say(cause, top, message, Some(plan), true);
    volume.explain(own);
}

/// Whether an overlay names the raw image by the name that it is to get, which is not there.
fn names_raw(volume: &Volume<'_>, overlay: usize, parent: usize) -> bool {
    let image = volume.image(parent);
    let (Role::Overlay(snapshot), Role::Foreign(Some(name))) =
        (&volume.image(overlay).role, &image.role)
    else {
        return false;
    };
    let raw = Part::Snapshot {
        name: snapshot.clone(),
        raw: true,
    };
    image.content == Content::Missing && name.part == raw
}

/// What is known of a raw image that nothing leads to.
const RAW: ImageState = ImageState {
    format: ImageFormat::Raw,
    backing: None,
    virtual_size: None,
    volume_size: None,
    written: true,
};

/// The raw volume gets its name at last: it holds the oldest snapshot.
pub fn last(volume: &mut Volume<'_>, missing: usize) -> bool {
    let Some(raw) = raw_name(volume) else {
        return false;
    };
    if volume.find(&Part::Current, Standing::Kept).is_none() {
        return false;
    }
    let new = volume.name(missing);
    let plan = volume.plan(|draft| {
        draft.images.insert(raw.clone(), RAW);
        draft.rename(&raw, &new)
    });
    let message = format!("'{new}' is not there, and '{raw}' was about to get that name");
    let cause = (Cause::ConversionInterrupted, Severity::Error);
    volume.say(cause, missing, message, Some(plan), true);
    let above = volume.above(missing);
    volume.explain(above);
    true
}

/// Before an overlay of 2024 gets another name, it names what it stands on as that will be called: the
/// overlay's own name says how.
pub fn refer_on(volume: &Volume<'_>, draft: &mut Draft<'_>, overlay: usize) -> Result<()> {
    let (Some(raw), Some(parent)) = (raw_name(volume), volume.image(overlay).parent) else {
        return Ok(());
    };
    let Some(snapshot) = volume
        .member(overlay)
        .and_then(|member| member.part.snapshot_name())
    else {
        return Ok(());
    };
    let below = volume.image(parent);
    let on_raw = *below.name == *raw.as_bytes();
    if parent == overlay || below.content == Content::Missing {
        return Ok(());
    }
    let part = Part::Snapshot {
        name: snapshot.clone(),
        raw: on_raw,
    };
    let name = draft.name(&part)?;
    let format = if on_raw {
        ImageFormat::Raw
    } else {
        ImageFormat::Qcow2
    };
    let on = draft.reference(&name, format);
    draft.refer(&volume.name(overlay), on)
}
