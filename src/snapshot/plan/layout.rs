//! Changing how the images of a volume are called: making a raw logical volume one that can have
//! snapshots and back, and giving a volume of the layout of 2024 today's names. No data is copied
//! for it.

use super::delete;
use super::draft::Draft;
use super::line::{Line, check};
use super::step::Reference;
use crate::chain::ChainOptions;
use crate::chain::merge_cost;
use crate::error::{Error, Result};
use crate::image::{FormatChoice, ImageFormat};
use crate::io::Storage;
use crate::snapshot::graph::{Graph, Image, Layout, Place, Role};
use crate::snapshot::names::legacy;
use crate::snapshot::names::{ImageName, Part, Scheme, SnapshotName, Standing, VolumeName};
use crate::text::printable;
use crate::work;

/// The volume that a raw volume becomes when it is adopted.
fn adopted(volume: &VolumeName) -> Result<VolumeName> {
    VolumeName::new(Scheme::LvmQcow2, format!("{volume}.qcow2").as_bytes())
}

fn only_here(draft: &Draft<'_>, what: &str) -> Result<()> {
    match draft.scheme() {
        Scheme::LvmQcow2 => Ok(()),
        scheme => Err(Error::unsupported(format!(
            "only volumes of the layout lvmqcow2 can be {what}, not of {}",
            scheme.name()
        ))),
    }
}

/// The steps of making a raw volume one that can have snapshots: it becomes the bottom of a chain,
/// whose current image is new.
pub fn adopt(draft: &mut Draft<'_>, graph: &Graph) -> Result<()> {
    only_here(draft, "adopted")?;
    check(graph)?;
    let volume = draft.subject.volume();
    if graph.layout() == Layout::Overlays {
        return Err(Error::argument(format!(
            "volume '{volume}' has the layout of 2024: convert it instead"
        )));
    }
    if !legacy::can_have_overlays(volume) || volume.is_base() {
        return Err(Error::argument(format!(
            "'{volume}' is no raw disk of a guest"
        )));
    }
    if let Some(name) = graph.neighbours().first() {
        let (name, to) = (printable(name), adopted(volume)?);
        return Err(Error::argument(format!(
            "there is '{name}' already: see what a diagnosis of '{to}' says"
        )));
    }
    let current = graph.current().and_then(|image| image.virtual_size());
    let size = current
        .ok_or_else(|| Error::unsupported(format!("the size of volume '{volume}' is not known")))?;
    let to = adopted(volume)?;
    draft.scheme().check_volume(&to, draft.site.group())?;
    let name = |part: &Part, standing| draft.name_of(&to, part, standing);
    let unfinished = name(&Part::Current, Standing::Unfinished)?;
    let current = name(&Part::Current, Standing::Kept)?;
    let bottom = name(&Part::Bottom, Standing::Kept)?;
    draft.make(
        &unfinished,
        draft.reference(&bottom, ImageFormat::Raw),
        size,
    )?;
    draft.rename(volume.as_str(), &bottom)?;
    draft.rename(&unfinished, &current)?;
    draft.now_called(to.as_str());
    Ok(())
}

/// The steps back, as long as there are no snapshots.
pub fn unadopt(draft: &mut Draft<'_>, storage: &Storage, graph: &Graph) -> Result<()> {
    only_here(draft, "made raw again")?;
    let line = Line::new(graph)?;
    let volume = draft.subject.volume();
    if let Some(snapshot) = line.snapshots().next() {
        return Err(Error::argument(format!(
            "volume '{volume}' has snapshots ('{snapshot}'): remove them first"
        )));
    }
    let [current, bottom] = &line.images[..] else {
        return Err(Error::argument(format!(
            "volume '{volume}' was not adopted"
        )));
    };
    let (size, below) = (current.virtual_size()?, bottom.virtual_size()?);
    if size < below {
        return Err(Error::argument(format!(
            "the disk has {size} bytes, and the raw image below it {below}"
        )));
    }
    if size > below {
        // What a logical volume grows by holds what lay on the disk before, and until that is zeros
        // the current state would show it.
        return Err(Error::argument(format!(
            "the disk was made larger, to {size} bytes, since the volume was adopted with {below}: its \
             raw image cannot grow without showing what lay on the disk before, so it has to be copied"
        )));
    }
    delete::can_be_merged(current.image)?;
    let options = ChainOptions::new(FormatChoice::Named(ImageFormat::Qcow2));
    let costs = merge_cost::merge_costs(storage, &current.image.path, &options)?;
    let moved = work::finish_unwatched(costs)?
        .first()
        .map_or(0, |cost| cost.commit.data);
    let raw = volume.stem().to_owned();
    draft.commit(&current.name, &[], &bottom.name, moved)?;
    let aside = draft.removed(&Part::Current)?;
    draft.rename(&current.name, &aside)?;
    draft.rename(&bottom.name, &raw)?;
    draft.remove(&[(aside, Part::Current)])?;
    draft.now_called(&raw);
    Ok(())
}

/// The steps that give the images of a volume in the layout of 2024 today's names, from the topmost
/// down: the image that was written to since a snapshot was taken gets the name of the next snapshot,
/// whose state it holds.
pub fn convert(draft: &mut Draft<'_>, graph: &Graph) -> Result<()> {
    only_here(draft, "converted")?;
    let volume = draft.subject.volume();
    if graph.layout() != Layout::Overlays {
        return Err(Error::argument(format!(
            "volume '{volume}' does not have the layout of 2024"
        )));
    }
    check_overlays(graph)?;
    let to = adopted(volume)?;
    draft.scheme().check_volume(&to, draft.site.group())?;
    let line = graph.line().iter().map(|&index| &graph.images()[index]);
    let images: Vec<&Image> = line.take_while(|image| !image.is_foreign()).collect();
    // The part that each image becomes: what the name of the one above it says.
    let mut above: Option<&SnapshotName> = None;
    let mut renamed = Vec::new();
    for image in images {
        let name = String::from_utf8_lossy(&image.name).into_owned();
        let part = match &above {
            None => Part::Current,
            Some(snapshot) => Part::Snapshot {
                name: (*snapshot).clone(),
                raw: matches!(image.role, Role::Member(_)),
            },
        };
        let target = ImageName::new(to.clone(), part);
        draft.scheme().check_new(&target, draft.site.group())?;
        let new = draft.scheme().form(&target)?;
        renamed.push((name, new));
        above = match &image.role {
            Role::Overlay(snapshot) => Some(snapshot),
            _ => None,
        };
    }
    for (nth, (name, new)) in renamed.iter().enumerate() {
        if let Some((_, below)) = renamed.get(nth + 1) {
            let last = nth + 2 == renamed.len();
            let format = if last {
                ImageFormat::Raw
            } else {
                ImageFormat::Qcow2
            };
            let name_below = below.clone();
            draft.refer(
                name,
                Some(Reference {
                    name: name_below,
                    format,
                }),
            )?;
        }
        draft.rename(name, new)?;
    }
    draft.now_called(to.as_str());
    Ok(())
}

/// An error if anything but the layout itself is wrong.
fn check_overlays(graph: &Graph) -> Result<()> {
    check(graph)?;
    match graph.images().iter().find(|image| {
        matches!(image.role, Role::Overlay(_)) && !matches!(image.place, Place::Line(_))
    }) {
        None => Ok(()),
        Some(image) => {
            let name = printable(&image.name);
            Err(Error::argument(format!(
                "overlay '{name}' does not belong to the current state: see what a diagnosis says"
            )))
        }
    }
}

impl Draft<'_> {
    /// Tells what Proxmox VE calls the volume from now on.
    pub fn now_called(&mut self, name: &str) {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let volname = text(self.subject.volname(name.as_bytes()));
        let volid = self.subject.volid(name.as_bytes()).map(text);
        let owner = self.subject.volume().owner();
        if let (Some(volid), Some(owner)) = (&volid, owner) {
            let drive = self.terms.drive.as_deref().unwrap_or("DRIVE");
            let line = format!("qm set {owner} --{drive} {volid}");
            self.result.notes.push(format!(
                "the guest's configuration must name the volume '{volid}' from now on: {line}"
            ));
        }
        self.result.volname = Some(volname);
        self.result.volid = volid;
    }
}
