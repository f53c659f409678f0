//! Whether images are as a plan takes them to be. Whoever runs a plan looks at them just before each
//! step, so that a plan that was made for another state is not carried out; and after going back,
//! whether all is as it was.
//!
//! Only names and headers are looked at, and no process is started.

use super::site::Site;
use super::step::{ImageState, Plan, States, Step, Task};
use crate::error::{Code, Error, Result};
use crate::image::{FormatChoice, ImageFormat, ImageInfo, open};
use crate::io::{Links, Storage};
use crate::text::printable;

impl Step {
    /// An error unless the images that the step is about are as they must be before it.
    pub fn check(&self, storage: &Storage, site: &Site) -> Result<()> {
        let inactive = self.task == Task::Activate;
        self.pre.iter().try_for_each(|(name, state)| match state {
            // It is there, but has no device: that is what the step is for.
            Some(_) if inactive => Ok(()),
            state => check(storage, site, name, state.as_ref()),
        })
    }
}

impl Plan {
    /// An error unless the images that the plan is about are as they were before its first step.
    pub fn check_start(&self, storage: &Storage, site: &Site) -> Result<()> {
        let mut before = States::new();
        for step in &self.steps {
            for (name, state) in &step.pre {
                before.entry(name.clone()).or_insert_with(|| state.clone());
            }
        }
        before
            .iter()
            .try_for_each(|(name, state)| check(storage, site, name, state.as_ref()))
    }
}

fn check(storage: &Storage, site: &Site, name: &str, state: Option<&ImageState>) -> Result<()> {
    let path = site.path(name);
    let there = match storage.find(path.as_bytes(), Links::All) {
        Ok(_) => true,
        Err(error) if is_gone(&error) => false,
        Err(error) => return Err(error),
    };
    match state {
        None if there => Err(differs(&path, "is there, and must not be")),
        Some(_) if !there => Err(differs(&path, "is not there, or not active")),
        // What was not read before is not now.
        Some(state) if state.written && state.virtual_size.is_some() => {
            let choice = FormatChoice::Named(state.format);
            compare(&path, state, &open(storage, path.as_bytes(), choice)?)
        }
        _ => Ok(()),
    }
}

fn is_gone(error: &Error) -> bool {
    error.code() == Code::Io && matches!(error.errno(), libc::ENOENT | libc::ENOTDIR | libc::ENXIO)
}

fn compare(path: &str, state: &ImageState, info: &ImageInfo) -> Result<()> {
    let size = info.metadata.virtual_size;
    // A raw logical volume may have been rounded up to whole extents.
    let is_volume = state.format == ImageFormat::Raw && state.volume_size.is_some();
    if size != state.virtual_size && !is_volume {
        let (is, was) = (shown(size), shown(state.virtual_size));
        return Err(differs(
            path,
            &format!("has a disk of {is} bytes, not {was}"),
        ));
    }
    if let Some(least) = state.volume_size.filter(|&least| info.file.size < least) {
        let size = info.file.size;
        return Err(differs(path, &format!("has {size} bytes, not {least}")));
    }
    let backing = info.backing.as_ref();
    let name = backing.map(|backing| String::from_utf8_lossy(backing.name()));
    let wanted = state.backing.as_ref();
    if name.as_deref() != wanted.map(|wanted| wanted.name.as_str()) {
        let name = name.map_or("nothing".into(), |name| format!("'{name}'"));
        let wanted = wanted.map_or("nothing".into(), |wanted| format!("'{}'", wanted.name));
        let text = format!("stands on {name}, not on {wanted}");
        return Err(differs(path, &printable(text.as_bytes())));
    }
    Ok(())
}

fn shown(size: Option<u64>) -> String {
    size.map_or("unknown".into(), |size| size.to_string())
}

/// The plan was made for another state.
fn differs(path: &str, what: &str) -> Error {
    let path = printable(path.as_bytes());
    Error::argument(format!(
        "the plan is for another state of the volume: '{path}' {what}"
    ))
}
