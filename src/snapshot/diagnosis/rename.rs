//! A volume whose lower images have another volume's name already, while the current one has its old
//! name: it was being renamed. The way is back, since the guest's configuration has the old name.

use super::Cause;
use super::view::Volume;
use crate::chain::Severity;
use crate::image::ImageFormat;
use crate::snapshot::graph::{Image, Role};
use crate::snapshot::names::{ImageName, Part, Standing, VolumeName};
use crate::snapshot::plan::state_of;

/// The images below the volume's own that were its own before.
pub fn interrupted(volume: &mut Volume<'_>) {
    let graph = volume.graph;
    let line = graph.line();
    let own = line
        .iter()
        .take_while(|&&index| !volume.image(index).is_foreign())
        .count();
    let Some(&first) = line.get(own).filter(|_| own > 0) else {
        return;
    };
    let Some(target) = renamed(volume.image(first)) else {
        return;
    };
    let target = target.clone();
    let mut away: Vec<(String, Part, ImageFormat)> = Vec::new();
    for &index in &line[own..] {
        let image = volume.image(index);
        match (&image.role, image.info()) {
            (Role::Foreign(Some(name)), Some(info))
                if name.volume == target && name.standing == Standing::Kept =>
            {
                away.push((volume.name(index), name.part.clone(), info.format));
            }
            _ => break,
        }
    }
    let current = ImageName::new(target.clone(), Part::Current);
    let scheme = graph.subject().scheme();
    let has_current = scheme
        .form(&current)
        .is_ok_and(|name| graph.neighbours().contains(name.as_bytes()));
    // A linked clone stands on another volume's base image; its own can only be what it was to become.
    let disk = graph.subject().volume().as_str().strip_prefix("vm-");
    let is_anothers_base = target.is_base() && target.as_str().strip_prefix("base-") != disk;
    if away.is_empty()
        || has_current
        || is_anothers_base
        || away.iter().any(|(_, part, _)| *part == Part::Current)
    {
        return;
    }
    let mut above = volume.name(line[own - 1]);
    let foreign: Vec<usize> = line[own..own + away.len()].to_vec();
    let plan = volume.plan(|draft| {
        for &index in &foreign {
            let state = state_of(graph, volume.image(index));
            draft.images.insert(volume.name(index), state);
        }
        for (name, part, format) in &away {
            let back = draft.name(part)?;
            let on = draft.reference(&back, *format);
            draft.refer(&above, on)?;
            draft.rename(name, &back)?;
            above = back;
        }
        Ok(())
    });
    let message = format!(
        "the volume was to be called '{target}', and {} of its images have that name already",
        away.len()
    );
    let cause = (Cause::RenameInterrupted, Severity::Error);
    volume.say(cause, first, message, Some(plan), true);
    volume.explain(foreign);
}

/// The volume whose name an image has, if that is not this one's.
fn renamed(image: &Image) -> Option<&VolumeName> {
    match &image.role {
        Role::Foreign(Some(name)) if name.standing == Standing::Kept => Some(&name.volume),
        _ => None,
    }
}
