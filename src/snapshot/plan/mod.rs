//! What is to be done to a volume, step by step: taking, removing and going back to snapshots, making
//! the disk larger, giving the volume another name or another layout.
//!
//! Nothing is done here. A plan comes from a graph and a wish, and its steps are commands that somebody
//! else runs. They stand in such an order that nothing is lost if it ends between any two of them, or
//! inside one: `docs/snapshots.md` says how, and a diagnosis finds out where it ended from the
//! names and headers alone.
//!
//! Three rules make that possible. What is being made has a name that says so until it is complete.
//! Before an image gets another name, the one that stands on it refers to that name: then the name
//! that is missing tells which image was to get it. What is to be removed is removed last.

mod create;
pub(in crate::snapshot) mod delete;
mod draft;
mod free;
mod internal;
mod json;
pub(in crate::snapshot) mod layout;
mod line;
mod look;
mod naming;
mod online;
mod rename;
mod resize;
pub(in crate::snapshot) mod rollback;
pub mod room;
mod site;
mod step;
mod terms;
mod text;
mod wish;

pub use online::{Guest, Nodes};
pub use site::Site;
pub use step::{
    Action, ImageState, Job, Native, OnFailure, Outcome, Plan, Reference, States, Step, Task, Until,
};
pub use terms::{Preallocation, Terms};
pub use wish::{Arguments, Operation, Wish};

pub(in crate::snapshot) use draft::Draft;
pub(in crate::snapshot) use naming::tags;

use crate::error::Result;
use crate::image::ImageFormat;
use crate::io::{FileKind, Storage};
use crate::snapshot::graph::{Graph, Image};
use crate::snapshot::names::Scheme;

impl Plan {
    /// What fulfils a wish. The storage is read where that takes a look at what the images hold. An
    /// error if the volume is not in order, or the wish cannot be fulfilled; it says why.
    pub fn new(storage: &Storage, graph: &Graph, wish: &Wish, terms: &Terms) -> Result<Plan> {
        let mut draft = Draft::new(graph, terms)?;
        online::begin(&mut draft, graph, wish)?;
        if graph.subject().scheme() == Scheme::Internal {
            internal::plan(&mut draft, graph, wish)?;
            return Ok(draft.finish(wish.operation()));
        }
        match wish {
            Wish::Create(name) => create::plan(&mut draft, graph, name)?,
            Wish::Delete(names) => delete::plan(&mut draft, storage, graph, names)?,
            Wish::Rollback(name) => rollback::plan(&mut draft, graph, name)?,
            Wish::Resize(size) => resize::plan(&mut draft, graph, *size)?,
            Wish::Rename(to) => rename::plan(&mut draft, graph, to)?,
            Wish::CreateBase => rename::create_base(&mut draft, graph)?,
            Wish::Adopt => layout::adopt(&mut draft, graph)?,
            Wish::Unadopt => layout::unadopt(&mut draft, storage, graph)?,
            Wish::Convert => layout::convert(&mut draft, graph)?,
            Wish::Free => free::plan(&mut draft, graph)?,
        }
        Ok(draft.finish(wish.operation()))
    }
}

/// An image of a graph as a plan sees it.
pub(in crate::snapshot) fn state_of(graph: &Graph, image: &Image) -> ImageState {
    let info = image.info();
    let on_device = info.filter(|info| info.file.kind == FileKind::Block);
    let device = on_device.map(|info| info.file.size);
    let named = match info {
        Some(info) => info.format,
        None => graph.named_format(image).unwrap_or(ImageFormat::Qcow2),
    };
    ImageState {
        format: named,
        backing: image.backing().map(|backing| Reference {
            name: String::from_utf8_lossy(backing.name()).into_owned(),
            format: recorded(backing.format.as_deref(), graph, image),
        }),
        virtual_size: image.virtual_size(),
        volume_size: match graph.subject().scheme().is_lvm() {
            true => image.size.or(device),
            false => None,
        },
        written: true,
    }
}

/// The format that is recorded of what an image stands on. Where none is, or one that is not known, the
/// graph has an error of it, and what counts is the format that the image below has.
fn recorded(format: Option<&[u8]>, graph: &Graph, image: &Image) -> ImageFormat {
    let parent = image
        .parent
        .and_then(|parent| graph.images()[parent].info());
    format
        .and_then(ImageFormat::from_name)
        .or(parent.map(|info| info.format))
        .unwrap_or(ImageFormat::Raw)
}
