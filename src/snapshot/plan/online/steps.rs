//! What plans for running guests are made of: each changes the nodes of one image, or has QEMU do
//! something with it, and knows the way back.

use serde_json::{Value, json};

use super::guest::{Guest, Nodes};
use super::nodes::{Backing, File, Open, command, job};
use crate::error::{Error, Result};
use crate::snapshot::plan::draft::{About, Draft, Inverse};
use crate::snapshot::plan::step::{Action, ImageState, Reference, States, Task, Until};

/// Nothing to undo.
fn nothing() -> Inverse {
    Some(Vec::new())
}

impl<'a> Draft<'a> {
    fn open(&self) -> Result<&Open<'a>> {
        let missing = || Error::argument("the guest is stopped");
        self.online.as_ref().ok_or_else(missing)
    }

    /// The guest.
    pub(super) fn guest(&self) -> Result<&'a Guest> {
        Ok(self.open()?.guest)
    }

    /// The nodes of an image.
    pub(super) fn nodes(&self, image: &str) -> Result<Nodes> {
        self.open()?.of(image).cloned()
    }

    /// What the node of an image is to stand on, as the image itself says.
    pub(super) fn backing_of(&self, image: &str) -> Result<Backing> {
        let Some(on) = &self.image(image)?.backing else {
            return Ok(Backing::None);
        };
        let open = self.open()?;
        let named = open.guest.nodes.get(&on.name);
        let node = open.of(&on.name).ok().or(named);
        Ok(node.map_or(Backing::Named, |nodes| Backing::Node(nodes.format.clone())))
    }

    /// A step that leaves the images as they are.
    fn nodes_step(&mut self, task: Task, action: Action, image: &str, inverse: Inverse) {
        let about = About {
            reads: vec![image.to_owned()],
            ..About::default()
        };
        self.step(task, action, about, nothing(), inverse);
    }

    /// The guest stands still from here on, and everything that it wrote is written out.
    pub(super) fn stop(&mut self) {
        self.pause("stop", "cont", Task::Stop);
    }

    /// The guest goes on.
    pub(super) fn go_on(&mut self) {
        self.pause("cont", "stop", Task::Continue);
    }

    fn pause(&mut self, execute: &str, back: &str, task: Task) {
        let paused = self.online.as_ref().is_none_or(|open| open.guest.paused);
        if !paused {
            let back = command(back, Value::Null);
            let action = command(execute, Value::Null);
            self.step(task, action, About::default(), nothing(), Some(vec![back]));
        }
    }

    /// QEMU will not open the image's file anew by the name that it has now.
    pub(super) fn settle(&mut self, image: &str) -> Result<()> {
        let [add, delete] = self.open()?.settle(image)?;
        self.nodes_step(Task::Attach, add, image, Some(vec![delete.clone()]));
        self.nodes_step(Task::Detach, delete, image, nothing());
        Ok(())
    }

    /// Gives QEMU an image, under nodes with these names.
    pub(super) fn attach(
        &mut self,
        image: &str,
        nodes: Nodes,
        backing: &Backing,
        file: File,
    ) -> Result<()> {
        let format = self.image(image)?.format;
        let path = self.site.path(image);
        let open = self.open()?;
        let add = open.add(&nodes, &path, format, backing, file);
        let delete = open.delete(&nodes);
        for action in add {
            self.nodes_step(Task::Attach, action, image, Some(delete.clone().into()));
        }
        if let Some(open) = &mut self.online {
            open.insert(image, nodes);
        }
        Ok(())
    }

    /// Takes an image from QEMU, which closes it. There is no way back from there.
    pub(super) fn detach(&mut self, image: &str) -> Result<()> {
        let nodes = self.nodes(image)?;
        self.detach_nodes(image, &nodes)?;
        if let Some(open) = &mut self.online {
            open.forget(image);
        }
        Ok(())
    }

    /// Takes nodes away that an image had.
    pub(super) fn detach_nodes(&mut self, image: &str, nodes: &Nodes) -> Result<()> {
        for action in self.open()?.delete(nodes) {
            self.nodes_step(Task::Detach, action, image, None);
        }
        Ok(())
    }

    /// The guest's device uses this image from here on, and not the one with the nodes `old`.
    pub(super) fn use_image(&mut self, image: &str, old: &Nodes) -> Result<()> {
        let open = self.open()?;
        let (action, back) = (open.use_node(open.of(image)?), open.use_node(old));
        self.nodes_step(Task::Switch, action, image, Some(vec![back]));
        Ok(())
    }

    /// In QEMU, `image` stands on this node from here on; its header says so already.
    pub(super) fn stand_on(&mut self, image: &str, on: &Nodes, old: &Nodes) -> Result<()> {
        let format = self.image(image)?.format;
        let open = self.open()?;
        let to = |nodes: &Nodes| open.reopen(image, format, &Backing::Node(nodes.format.clone()));
        let (action, back) = (to(on)?, to(old)?);
        self.nodes_step(Task::Switch, action, image, Some(vec![back]));
        Ok(())
    }

    /// QEMU writes out what it has of the image in memory. `on` is what its node stands on.
    pub(super) fn write_out(&mut self, image: &str, on: &Backing) -> Result<()> {
        let format = self.image(image)?.format;
        let action = self.open()?.reopen(image, format, on)?;
        self.nodes_step(Task::Flush, action, image, nothing());
        Ok(())
    }

    /// Puts the empty image `upper` above `lower` for whoever uses that.
    pub(super) fn put_above(&mut self, lower: &str, upper: &str) -> Result<()> {
        let open = self.open()?;
        let (node, overlay) = (&open.of(lower)?.format, &open.of(upper)?.format);
        let arguments = json!({ "node": node, "overlay": overlay });
        let action = command("blockdev-snapshot", arguments);
        self.nodes_step(Task::Switch, action, upper, None);
        Ok(())
    }

    /// Records in an open image that it stands on an image of the volume in qcow2, which is not called
    /// so yet: its node stays where it is. (QMP records an image's own format for the one below.)
    pub(super) fn announce(&mut self, image: &str, on: Reference, old: &str) -> Result<()> {
        let open = self.open()?;
        let (top, node) = (open.guest.top(), &open.of(image)?.format);
        let change = |name: &str| {
            let arguments = json!({ "device": top, "image-node-name": node, "backing-file": name });
            command("change-backing-file", arguments)
        };
        let (action, back) = (change(&on.name), vec![change(old)]);
        let mut state = self.image(image)?.clone();
        state.backing = Some(on);
        let about = About::writes(image, Some(state));
        self.step(Task::Refer, action, about, Some(back.clone()), Some(back));
        Ok(())
    }

    /// Copies into `image` what the images between it and the one with node `base` hold; with nothing
    /// between them, only the header changes. If it is to be written out first, the header does not
    /// change yet: see [`Draft::finish_stream`].
    pub(super) fn begin_stream(
        &mut self,
        image: &str,
        between: &[String],
        base: Option<(&str, &str)>,
        bytes: u64,
    ) -> Result<()> {
        let open = self.open()?;
        let id = stream_id(open.guest);
        let mut arguments = json!({
            "job-id": id,
            "device": open.of(image)?.format,
            "auto-finalize": false,
            "auto-dismiss": false,
        });
        if let Some((node, name)) = base {
            arguments["base-node"] = node.into();
            arguments["backing-file"] = name.into();
        }
        let action = job("block-stream", arguments, &id, Until::Pending);
        let back = command("job-cancel", json!({ "id": id }));
        let mut about = About::writes(image, Some(self.image(image)?.clone()));
        about.reads = between.to_vec();
        about.slow = true;
        self.bytes_moved += bytes;
        self.step(Task::Stream, action, about, nothing(), Some(vec![back]));
        Ok(())
    }

    /// The header says what `image` stands on now.
    pub(super) fn finish_stream(&mut self, image: &str, on: Option<Reference>) -> Result<()> {
        let id = stream_id(self.guest()?);
        let action = job("job-finalize", json!({ "id": id }), &id, Until::Concluded);
        let mut state = self.image(image)?.clone();
        state.backing = on;
        let about = About::writes(image, Some(state));
        self.step(Task::Refer, action, about, None, None);
        Ok(())
    }

    /// Moves what `image` and those between hold down into `into`. If the guest writes to `image`,
    /// that is copied, too, until [`Draft::finish_commit`].
    pub(super) fn begin_commit(
        &mut self,
        image: &str,
        between: &[String],
        into: &str,
        bytes: u64,
        active: bool,
    ) -> Result<()> {
        let open = self.open()?;
        let id = commit_id(open.guest);
        let mut arguments = json!({
            "job-id": id,
            "device": open.guest.top(),
            "top-node": open.of(image)?.format,
            "base-node": open.of(into)?.format,
            "auto-dismiss": false,
        });
        let until = match active {
            true => Until::Ready,
            false => {
                // What stands on `image` goes on to say so: that will be the name of the result.
                arguments["backing-file"] = image.into();
                Until::Concluded
            }
        };
        let action = job("block-commit", arguments, &id, until);
        let size = self.image(image)?.virtual_size;
        let mut state = self.image(into)?.clone();
        state.virtual_size = state.virtual_size.max(size);
        let mut about = About::writes(into, Some(state));
        about.reads = [&[image.to_owned()], between].concat();
        about.slow = true;
        self.bytes_moved += bytes;
        self.step(Task::Commit, action, about, None, None);
        Ok(())
    }

    /// The guest uses the lower image from here on.
    pub(super) fn finish_commit(&mut self, into: &str) -> Result<()> {
        let id = commit_id(self.guest()?);
        let action = job("job-complete", json!({ "id": id }), &id, Until::Concluded);
        self.nodes_step(Task::Switch, action, into, None);
        Ok(())
    }

    /// Makes the disk larger, for the guest, too.
    pub fn resize_online(&mut self, image: &str, size: u64) -> Result<()> {
        let top = self.guest()?.top();
        let action = command("block_resize", json!({ "node-name": top, "size": size }));
        let state = ImageState {
            virtual_size: Some(size),
            ..self.image(image)?.clone()
        };
        let about = About {
            post: States::from([(image.to_owned(), Some(state))]),
            ..About::default()
        };
        self.step(Task::Resize, action, about, nothing(), None);
        Ok(())
    }
}

fn stream_id(guest: &Guest) -> String {
    format!("stream-{}", guest.top())
}

fn commit_id(guest: &Guest) -> String {
    format!("commit-{}", guest.top())
}
