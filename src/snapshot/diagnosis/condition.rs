//! The condition of the images themselves: whether they are at hand, large enough, recorded with the
//! right format, and sound within.

use std::collections::BTreeSet;

use super::Cause;
use super::view::Volume;
use crate::chain::Severity;
use crate::error::Result;
use crate::image::{FormatChoice, ImageFormat};
use crate::inspect;
use crate::io::{FileKind, Storage};
use crate::snapshot::graph::{Content, FindingCode, Layout};
use crate::snapshot::names::Part;
use crate::snapshot::plan::{Task, layout, room, state_of, tags};
use crate::work;

/// Logical volumes without a device, or with one that is suspended. Says whether there are any.
pub fn inactive(volume: &mut Volume<'_>) -> bool {
    // Those too that it stands on while it is being renamed: one may have its new name already.
    let images = volume.graph.images().iter().enumerate();
    let all: Vec<usize> = images
        .filter(|(_, image)| image.content == Content::Inactive)
        .filter(|(_, image)| !image.is_foreign() || image.listed)
        .map(|(index, _)| index)
        .collect();
    let Some(&first) = all.first() else {
        return false;
    };
    // What is not listed is a device that has kept the old name of one that is: LVM knows only the new
    // one, and fails for the other.
    let is_listed = |index: &&usize| volume.image(**index).listed;
    let any_listed = all.iter().any(|index| is_listed(&index));
    let known = all.iter().filter(|index| !any_listed || is_listed(index));
    let names: Vec<String> = known.map(|&index| volume.name(index)).collect();
    let plan = volume.plan(|draft| {
        let action = draft.site.activate(&names);
        // Nothing can be said of how they are before: one may be there under another name.
        draft.other(Task::Activate, action, &[], Some(Vec::new()));
        Ok(())
    });
    let message = format!(
        "{} of the volume's images are not active on this node, or suspended: what is wrong can be told \
         only when they are. No other node may use them meanwhile",
        names.len()
    );
    volume.say(
        (Cause::NotActive, Severity::Warning),
        first,
        message,
        Some(plan),
        true,
    );
    // Where the others stand is not known either.
    let own: Vec<usize> = volume.own().collect();
    volume.explain(all.into_iter().chain(own));
    true
}

/// Logical volumes whose devices this node has set up before another node, or a command that was killed,
/// gave the volumes another size.
pub fn stale_devices(volume: &mut Volume<'_>) {
    let stale = |index: &usize| {
        let image = volume.image(*index);
        let device = image.info().map(|info| &info.file);
        device.is_some_and(|device| {
            device.kind == FileKind::Block && image.size.is_some_and(|size| size != device.size)
        })
    };
    let all: Vec<usize> = volume.own().filter(stale).collect();
    let Some(&first) = all
        .first()
        .filter(|_| volume.graph.subject().scheme().is_lvm())
    else {
        return;
    };
    let names: Vec<String> = all.iter().map(|&index| volume.name(index)).collect();
    let plan = volume.plan(|draft| {
        let action = draft.site.refresh(&names);
        draft.other(Task::Activate, action, &names, Some(Vec::new()));
        Ok(())
    });
    let list: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    let message = format!(
        "the device on this node has another size than the logical volume: {}",
        list.join(", ")
    );
    let cause = (Cause::StaleDevice, Severity::Warning);
    volume.say(cause, first, message, Some(plan), true);
    volume.explain(all);
}

/// Images of the volume that are recorded with another format than they have.
pub fn recorded_formats(volume: &mut Volume<'_>) {
    let wrong: Vec<usize> = volume
        .graph
        .findings()
        .iter()
        .filter(|finding| {
            matches!(
                finding.code,
                FindingCode::RecordedFormat | FindingCode::UnnamedFormat
            )
        })
        .filter_map(|finding| finding.image)
        .collect();
    for index in wrong {
        let Some(parent) = volume
            .image(index)
            .parent
            .filter(|_| !volume.is_explained(index))
        else {
            continue;
        };
        let below = volume.image(parent);
        let named = volume
            .graph
            .named_format(below)
            .filter(|_| below.info().is_some());
        let Some(format) = named.filter(|_| !volume.image(index).is_foreign()) else {
            continue;
        };
        let state = state_of(volume.graph, volume.image(index));
        let Some(mut on) = state.backing else {
            continue;
        };
        on.format = format;
        let name = volume.name(index);
        let plan = volume.plan(|draft| draft.refer(&name, Some(on)));
        let message = format!(
            "'{name}' does not record that '{}' is {}, as its name says",
            volume.name(parent),
            format.name()
        );
        volume.say(
            (Cause::RecordedFormat, Severity::Error),
            index,
            message,
            Some(plan),
            true,
        );
    }
}

/// A volume in the layout of 2024.
pub fn overlay_layout(volume: &mut Volume<'_>) {
    let graph = volume.graph;
    if graph.layout() != Layout::Overlays || volume.has_found() {
        return;
    }
    let Some(&top) = graph.line().first() else {
        return;
    };
    let plan = volume.plan(|draft| layout::convert(draft, graph));
    let message = "the volume has the layout of 2024; it can be given today's names, and gets another \
                   volume ID by that";
    let cause = (Cause::OverlayLayout, Severity::Warning);
    volume.say(cause, top, message.to_owned(), Some(plan), false);
}

/// A logical volume that the guest can fill before its disk is full.
pub fn too_small(volume: &mut Volume<'_>) {
    let graph = volume.graph;
    let Some(&top) = graph
        .line()
        .first()
        .filter(|_| graph.subject().scheme().is_lvm())
    else {
        return;
    };
    let image = volume.image(top);
    let is_current = image.part() == Some(&Part::Current) || graph.layout() == Layout::Overlays;
    let state = state_of(graph, image);
    let known = (image.info(), state.virtual_size, state.volume_size);
    let (Some(info), Some(size), Some(has)) = known else {
        return;
    };
    let room = room::of_image(info, size);
    let Ok(Some(room)) = room else {
        return;
    };
    if !is_current || image.is_foreign() || has >= room {
        return;
    }
    let name = volume.name(top);
    let plan = volume.plan(|draft| draft.extend(&name, room));
    let message = format!(
        "'{name}' has {has} bytes, and would need {room} if all of its disk was written: the guest \
         would get write errors before"
    );
    volume.say(
        (Cause::TooSmall, Severity::Warning),
        top,
        message,
        Some(plan),
        true,
    );
}

/// Logical volumes that were renamed and kept their tags. Those without any are left alone: other tools
/// set none.
pub fn wrong_tags(volume: &mut Volume<'_>) {
    let subject = volume.graph.subject();
    if !subject.scheme().is_lvm() || volume.graph.layout() == Layout::Overlays {
        return;
    }
    let right = tags(subject.scheme(), subject.volume());
    let mut wrong: Vec<usize> = Vec::new();
    let mut gone = BTreeSet::new();
    for index in volume.own() {
        for tag in &volume.image(index).tags {
            let tag = String::from_utf8_lossy(tag);
            if is_ours(&tag) && !right.contains(&tag.to_string()) {
                gone.insert(tag.into_owned());
                if wrong.last() != Some(&index) {
                    wrong.push(index);
                }
            }
        }
    }
    let Some(&first) = wrong.first() else {
        return;
    };
    let names: Vec<String> = wrong.iter().map(|&index| volume.name(index)).collect();
    let gone: Vec<String> = gone.into_iter().collect();
    let plan = volume.plan(|draft| {
        let action = draft.site.tag(&names, &right, &gone);
        draft.other(Task::Tag, action, &names, Some(Vec::new()));
        Ok(())
    });
    let message = format!("tagged as another volume's: {}", gone.join(", "));
    volume.say(
        (Cause::WrongTags, Severity::Warning),
        first,
        message,
        Some(plan),
        true,
    );
}

/// Whether a tag names a guest or one of its volumes.
fn is_ours(tag: &str) -> bool {
    let rest = tag
        .strip_prefix("pve-vm-")
        .or(tag.strip_prefix("pve-base-"));
    rest.is_some_and(|rest| {
        rest.bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_digit())
    })
}

/// What a check of the tables finds.
pub fn tables(volume: &mut Volume<'_>, storage: &Storage) -> Result<()> {
    let images: Vec<usize> = volume.own().collect();
    for index in images {
        let image = volume.image(index);
        if image
            .info()
            .is_none_or(|info| info.format != ImageFormat::Qcow2)
        {
            continue;
        }
        let name = volume.name(index);
        let choice = FormatChoice::Named(ImageFormat::Qcow2);
        let checking = inspect::maps::check_in(storage, &image.path, choice)?;
        let checked = work::finish_unwatched(checking)?.result;
        let (errors, leaks) = (checked.corruptions, checked.leaks);
        if errors == 0 && leaks == 0 {
            continue;
        }
        let repair = |all: bool| {
            volume.plan(|draft| {
                let action = draft.site.repair(&name, ImageFormat::Qcow2, all);
                draft.other(Task::Repair, action, std::slice::from_ref(&name), None);
                Ok(())
            })
        };
        if errors == 0 {
            let plan = repair(false);
            let message =
                format!("{leaks} clusters of '{name}' are counted as in use, and are not");
            volume.say(
                (Cause::Leaks, Severity::Warning),
                index,
                message,
                Some(plan),
                true,
            );
        } else {
            let plan = repair(true);
            let message = format!(
                "the tables of '{name}' contradict each other in {errors} places; a repair makes them \
                 agree, which need not bring back what the guest had written"
            );
            volume.say(
                (Cause::Corrupt, Severity::Error),
                index,
                message,
                Some(plan),
                false,
            );
        }
    }
    Ok(())
}
