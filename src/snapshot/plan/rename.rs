//! Giving a volume another name: from the lowest image up, first the image above refers to the new
//! name, then the image gets it. The current image is renamed last, and the volume has its new name
//! then.

use super::draft::Draft;
use super::line::Line;
use super::step::{Reference, Task};
use crate::error::{Error, Result};
use crate::snapshot::graph::{Graph, Place, Role, Subject};
use crate::snapshot::names::{Standing, VolumeName};
use crate::text::printable;

/// The steps of another name.
pub fn plan(draft: &mut Draft<'_>, graph: &Graph, to: &[u8]) -> Result<()> {
    let target = Subject::new(draft.scheme(), to, None)?;
    let own = draft.subject.volname(b"");
    if target.volname(b"") != own && !target.volname(b"").is_empty() {
        let to = printable(to);
        return Err(Error::unsupported(format!(
            "'{to}' lies in another folder: the images refer to each other by names within one"
        )));
    }
    let volume = draft.subject.volume();
    for name in [volume, target.volume()] {
        if name.is_base() {
            return Err(Error::argument(format!(
                "'{name}' is a base image: clones refer to it by its name"
            )));
        }
    }
    rename(draft, graph, target.volume())
}

/// The steps that make it a base image.
pub fn create_base(draft: &mut Draft<'_>, graph: &Graph) -> Result<()> {
    let volume = draft.subject.volume();
    if volume.is_base() {
        return Err(Error::argument(format!(
            "'{volume}' is a base image already"
        )));
    }
    let line = Line::new(graph)?;
    if let Some(snapshot) = line.snapshots().next() {
        return Err(Error::argument(format!(
            "volume '{volume}' has snapshots ('{snapshot}'), which a base image cannot have"
        )));
    }
    let Some(rest) = volume.as_str().strip_prefix("vm-") else {
        return Err(Error::argument(format!(
            "'{volume}' is not called as a guest's disk"
        )));
    };
    let base = VolumeName::new(draft.scheme(), format!("base-{rest}").as_bytes())?;
    rename(draft, graph, &base)?;
    if draft.scheme().is_lvm() {
        let names = line
            .images
            .iter()
            .map(|own| draft.name_of(&base, own.part, Standing::Kept));
        let names: Vec<String> = names.collect::<Result<_>>()?;
        let action = draft.site.write_protect(&names);
        draft.other(Task::Deactivate, action, &names, None);
    }
    Ok(())
}

fn rename(draft: &mut Draft<'_>, graph: &Graph, to: &VolumeName) -> Result<()> {
    let line = Line::new(graph)?;
    let scheme = draft.scheme();
    let volume = draft.subject.volume();
    if to == volume {
        return Err(Error::argument(format!(
            "volume '{volume}' has that name already"
        )));
    }
    if to.format() != volume.format() {
        let (old, new) = (volume.format().name(), to.format().name());
        return Err(Error::argument(format!(
            "'{to}' would be an image in format {new}, and the volume's is {old}"
        )));
    }
    scheme.check_volume(to, draft.site.group())?;
    for image in graph.images() {
        if matches!(image.role, Role::Member(_)) && !matches!(image.place, Place::Line(_)) {
            let name = printable(&image.name);
            return Err(Error::argument(format!(
                "'{name}' is not on the line of '{volume}': see what a diagnosis says"
            )));
        }
    }
    let mut names = Vec::new();
    for (nth, own) in line.images.iter().enumerate().rev() {
        let new = draft.name_of(to, own.part, Standing::Kept)?;
        if let Some(above) = nth.checked_sub(1).map(|above| &line.images[above]) {
            let format = own.image.info().map_or(to.format(), |info| info.format);
            draft.refer(
                &above.name,
                Some(Reference {
                    name: new.clone(),
                    format,
                }),
            )?;
        }
        draft.rename(&own.name, &new)?;
        names.push(new);
    }
    if scheme.is_lvm() {
        let (old, new) = (draft.tags(volume), draft.tags(to));
        let add: Vec<String> = new
            .iter()
            .filter(|tag| !old.contains(tag))
            .cloned()
            .collect();
        let gone: Vec<String> = old
            .iter()
            .filter(|tag| !new.contains(tag))
            .cloned()
            .collect();
        if !add.is_empty() || !gone.is_empty() {
            let action = draft.site.tag(&names, &add, &gone);
            let undo = draft.site.tag(&names, &gone, &add);
            draft.other(Task::Tag, action, &names, Some(vec![undo]));
        }
    }
    draft.now_called(to.as_str());
    Ok(())
}
