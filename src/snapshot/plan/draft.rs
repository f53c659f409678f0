//! A plan in the making: each thing that is done to an image becomes a step that knows the images as
//! they are before and after it, and how to go back from there.

use std::collections::BTreeMap;

use super::online::Open;
use super::room;
use super::site::Site;
use super::step::{Action, ImageState, OnFailure, Outcome, Plan, Reference, States, Step, Task};
use super::terms::Terms;
use super::wish::Operation;
use crate::error::{Error, Result};
use crate::image::ImageFormat;
use crate::snapshot::graph::{Content, Graph, Subject};
use crate::snapshot::names::{Part, Standing};

/// What undoes a step that was done: nothing, or some actions. None where nothing can.
pub type Inverse = Option<Vec<Action>>;

/// A plan in the making.
pub struct Draft<'a> {
    pub subject: &'a Subject,
    pub terms: &'a Terms,
    pub site: Site,
    /// All images in the folder or group that are known, as they are after the steps so far.
    pub images: BTreeMap<String, ImageState>,
    steps: Vec<Step>,
    inverses: Vec<Inverse>,
    pub bytes_moved: u64,
    pub bytes_needed: u64,
    pub result: Outcome,
    /// The nodes of the guest's QEMU, if it takes part.
    pub online: Option<Open<'a>>,
}

impl<'a> Draft<'a> {
    /// Before the first step.
    pub fn new(graph: &'a Graph, terms: &'a Terms) -> Result<Self> {
        let subject = graph.subject();
        let own = graph.images().iter().filter(|image| !image.is_foreign());
        let any = own.clone().next().ok_or_else(|| {
            let volume = subject.volume();
            Error::argument(format!("volume '{volume}' has no image"))
        })?;
        let path = graph
            .current()
            .filter(|image| !image.is_foreign())
            .unwrap_or(any);
        let site = Site::of(subject.scheme(), &path.path)?;
        let there = own.filter(|image| image.content != Content::Missing);
        let images = there.filter_map(|image| {
            let name = std::str::from_utf8(&image.name).ok()?;
            Some((name.to_owned(), super::state_of(graph, image)))
        });
        Ok(Draft {
            subject,
            terms,
            site,
            images: images.collect(),
            steps: Vec::new(),
            inverses: Vec::new(),
            bytes_moved: 0,
            bytes_needed: 0,
            result: Outcome::default(),
            online: None,
        })
    }

    /// What is known of an image.
    pub fn image(&self, name: &str) -> Result<&ImageState> {
        self.images
            .get(name)
            .ok_or_else(|| Error::argument(format!("there is no image '{name}'")))
    }

    /// Adds a step that turns the images it is about into `post`. `partly` is what clears up after it
    /// if it fails half-way, `inverse` what undoes it once it was done.
    pub(super) fn step(
        &mut self,
        task: Task,
        action: Action,
        about: About,
        partly: Inverse,
        inverse: Inverse,
    ) {
        let nth = 1 + self.steps.iter().filter(|step| step.task == task).count();
        let id = match nth {
            1 => task.name().to_owned(),
            nth => format!("{}-{nth}", task.name()),
        };
        let mut pre = States::new();
        for name in about.reads.iter().chain(about.post.keys()) {
            pre.insert(name.clone(), self.images.get(name).cloned());
        }
        let mut post = pre.clone();
        let writes = about.post.keys().cloned().collect();
        for (name, state) in about.post {
            match &state {
                Some(state) => self.images.insert(name.clone(), state.clone()),
                None => self.images.remove(&name),
            };
            post.insert(name, state);
        }
        let so_far = partly.and_then(|partly| {
            let mut undo = partly;
            for inverse in self.inverses.iter().rev() {
                undo.extend(inverse.as_ref()?.iter().cloned());
            }
            Some(undo)
        });
        self.inverses.push(inverse);
        self.steps.push(Step {
            on_failure: OnFailure {
                resume: id.clone(),
                undo: so_far,
            },
            id,
            task,
            action,
            slow: about.slow,
            reads: about.reads,
            writes,
            pre,
            post,
        });
    }

    /// Makes an empty image, under the name that says that it is not finished: so that nobody takes
    /// it for one that is. It is renamed when its time has come.
    pub fn make(&mut self, name: &str, on: Option<Reference>, virtual_size: u64) -> Result<()> {
        self.must_be_free(name)?;
        let mut state = ImageState {
            format: ImageFormat::Qcow2,
            backing: None,
            virtual_size: None,
            volume_size: None,
            written: false,
        };
        let room = room::of_new(&self.terms.layout, virtual_size)?;
        self.needs(room)?;
        let gone = self.site.remove(&[name.to_owned()]);
        if self.scheme().is_lvm() {
            let bytes = self.whole_extents(room);
            state.volume_size = Some(bytes);
            let tags = self.tags(self.subject.volume());
            let action = self.site.allocate(name, bytes, &tags);
            let about = About::writes(name, Some(state.clone()));
            self.step(
                Task::Allocate,
                action,
                about,
                Some(gone.clone()),
                Some(gone.clone()),
            );
        }
        let action = self
            .site
            .format(name, on.as_ref(), virtual_size, self.terms);
        state.backing = on;
        state.virtual_size = Some(virtual_size);
        state.written = true;
        let mut about = About::writes(name, Some(state));
        about.slow = self.terms.preallocation != super::Preallocation::Off;
        let (partly, inverse) = match self.scheme().is_lvm() {
            true => (Vec::new(), Vec::new()),
            false => (gone.clone(), gone),
        };
        self.step(Task::Format, action, about, Some(partly), Some(inverse));
        Ok(())
    }

    /// Gives an image another name.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<()> {
        self.must_be_free(to)?;
        let state = self.image(from)?.clone();
        let mut about = About::writes(from, None);
        about.post.insert(to.to_owned(), Some(state));
        let back = vec![self.site.rename(to, from)];
        let action = self.site.rename(from, to);
        self.step(Task::Rename, action, about, Some(Vec::new()), Some(back));
        if let Some(open) = &mut self.online {
            open.renamed(from, to);
        }
        Ok(())
    }

    /// Removes images, in this order, or puts them aside for it if the caller wants that.
    pub fn remove(&mut self, names: &[(String, Part)]) -> Result<()> {
        if self.terms.put_aside {
            for (name, part) in names {
                let is_aside = self
                    .scheme()
                    .parse_for(self.subject.volume(), name.as_bytes());
                if is_aside.is_some_and(|m| matches!(m.standing, Standing::Removed(Some(_)))) {
                    continue;
                }
                let aside = self.removed(part)?;
                self.rename(name, &aside)?;
                if let Some(last) = self.inverses.last_mut() {
                    *last = None;
                }
            }
            return Ok(());
        }
        let names: Vec<String> = names.iter().map(|(name, _)| name.clone()).collect();
        let actions = self.site.remove(&names);
        let all = actions.len() == 1;
        for (nth, action) in actions.into_iter().enumerate() {
            let mut about = About::default();
            let gone = if all { &names[..] } else { &names[nth..=nth] };
            about
                .post
                .extend(gone.iter().map(|name| (name.clone(), None)));
            self.step(Task::Remove, action, about, None, None);
        }
        Ok(())
    }

    /// Records that `name` stands on something else, whether that is there already or not.
    pub fn refer(&mut self, name: &str, on: Option<Reference>) -> Result<()> {
        let mut state = self.image(name)?.clone();
        let action = self.site.refer(name, on.as_ref());
        let back = self.site.refer(name, state.backing.as_ref());
        state.backing = on;
        let about = About::writes(name, Some(state));
        self.step(
            Task::Refer,
            action,
            about,
            Some(vec![back.clone()]),
            Some(vec![back]),
        );
        Ok(())
    }

    /// Moves into `name` what the images `between` hold, so that it stands on what they stand on.
    pub fn stream(&mut self, name: &str, between: &[String], bytes: u64) -> Result<()> {
        let mut state = self.image(name)?.clone();
        let old = state.backing.take();
        let lowest = between
            .last()
            .map(|lowest| self.image(lowest))
            .transpose()?;
        state.backing = lowest.and_then(|lowest| lowest.backing.clone());
        let action = self.site.stream(name, state.backing.as_ref());
        let back = self.site.refer(name, old.as_ref());
        let mut about = About::writes(name, Some(state));
        about.reads = between.to_vec();
        about.slow = true;
        self.bytes_moved += bytes;
        self.step(
            Task::Stream,
            action,
            about,
            Some(vec![back.clone()]),
            Some(vec![back]),
        );
        Ok(())
    }

    /// Moves what `name` and the images `between` hold down into `into`.
    pub fn commit(&mut self, name: &str, between: &[String], into: &str, bytes: u64) -> Result<()> {
        let state = self.image(into)?.clone();
        let action = self.site.commit(name, into);
        let mut about = About::writes(into, Some(state));
        about.reads = [&[name.to_owned()], between].concat();
        about.slow = true;
        self.bytes_moved += bytes;
        self.step(Task::Commit, action, about, None, None);
        Ok(())
    }

    /// Sees to it that a logical volume has room for all that its image can grow to.
    pub fn extend(&mut self, name: &str, room: u64) -> Result<()> {
        let mut state = self.image(name)?.clone();
        let Some(size) = state.volume_size.filter(|&size| size < room) else {
            return Ok(());
        };
        let bytes = self.whole_extents(room);
        self.needs(bytes - size)?;
        state.volume_size = Some(bytes);
        if state.format == ImageFormat::Raw {
            state.virtual_size = Some(bytes);
        }
        let action = self.site.extend(name, bytes);
        let about = About::writes(name, Some(state));
        self.step(
            Task::Extend,
            action,
            about,
            Some(Vec::new()),
            Some(Vec::new()),
        );
        Ok(())
    }

    /// Makes the disk of an image larger.
    pub fn resize(&mut self, name: &str, size: u64) -> Result<()> {
        let mut state = self.image(name)?.clone();
        state.virtual_size = Some(size);
        let action = self.site.resize(name, state.format, size);
        let about = About::writes(name, Some(state));
        self.step(Task::Resize, action, about, Some(Vec::new()), None);
        Ok(())
    }

    /// Anything that leaves what is known of the images `names` as it is, and need not be undone.
    pub fn other(&mut self, task: Task, action: Action, names: &[String], undo: Inverse) {
        let mut about = About::default();
        for name in names {
            about
                .post
                .insert(name.clone(), self.images.get(name).cloned());
        }
        about.slow = task == Task::Repair;
        let partly = undo.as_ref().map(|_| Vec::new());
        self.step(task, action, about, partly, undo);
    }

    fn whole_extents(&self, bytes: u64) -> u64 {
        let extent = self.terms.extent_size.max(1);
        bytes.checked_next_multiple_of(extent).unwrap_or(bytes)
    }

    /// Counts what the plan takes, and refuses what there is no room for.
    pub fn needs(&mut self, bytes: u64) -> Result<()> {
        let bytes = match self.scheme().is_lvm() {
            true => self.whole_extents(bytes),
            false => bytes,
        };
        self.bytes_needed = self.bytes_needed.saturating_add(bytes);
        match self.terms.free {
            Some(free) if self.scheme().is_lvm() && self.bytes_needed > free => {
                let (needed, group) = (self.bytes_needed, self.site.group().unwrap_or_default());
                Err(Error::limit(format!(
                    "volume group '{group}' has {free} bytes free, and {needed} are needed"
                )))
            }
            _ => Ok(()),
        }
    }

    /// The plan.
    pub fn finish(self, operation: Operation) -> Plan {
        let rate = self.terms.rate.max(1);
        // A process takes some hundredths of a second.
        let seconds = self.bytes_moved as f64 / rate as f64 + self.steps.len() as f64 * 0.05;
        Plan {
            operation,
            volume: self.subject.volume().as_str().to_owned(),
            online: self.online.is_some(),
            bytes_moved: self.bytes_moved,
            bytes_needed: self.bytes_needed,
            seconds: (seconds * 100.0).round() / 100.0,
            result: self.result,
            steps: self.steps,
        }
    }
}

/// The images that a step is about.
#[derive(Default)]
pub struct About {
    pub reads: Vec<String>,
    pub post: States,
    pub slow: bool,
}

impl About {
    pub fn writes(name: &str, state: Option<ImageState>) -> Self {
        About {
            post: States::from([(name.to_owned(), state)]),
            ..About::default()
        }
    }
}
