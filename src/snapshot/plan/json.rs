//! A plan as a document: what callers of other languages, and those that run plans, are given.

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use super::step::{
    Action, ImageState, Job, Native, OnFailure, Outcome, Plan, Reference, States, Step,
};
use crate::image::json::View;

impl Serialize for View<'_, Plan> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let plan = self.item;
        let mut map = serializer.serialize_struct("Plan", 9)?;
        map.serialize_field("op", plan.operation.name())?;
        map.serialize_field("volume", &self.part(plan.volume.as_bytes()))?;
        map.serialize_field("online", &plan.online)?;
        map.serialize_field("bytes-moved", &plan.bytes_moved)?;
        map.serialize_field("bytes-needed", &plan.bytes_needed)?;
        map.serialize_field("seconds", &plan.seconds)?;
        map.serialize_field("result", &self.part(&plan.result))?;
        map.serialize_field("steps", &self.part(&plan.steps))?;
        map.end()
    }
}

impl Serialize for View<'_, Outcome> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let result = self.item;
        let mut map = serializer.serialize_struct("Outcome", 3)?;
        if let Some(volname) = &result.volname {
            map.serialize_field("volname", &self.part(volname.as_bytes()))?;
        }
        if let Some(volid) = &result.volid {
            map.serialize_field("volid", &self.part(volid.as_bytes()))?;
        }
        map.serialize_field("notes", &self.part(&result.notes))?;
        map.end()
    }
}

impl Serialize for View<'_, Step> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let step = self.item;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &step.id)?;
        map.serialize_entry("task", step.task.name())?;
        self.part(&step.action).entries(&mut map)?;
        map.serialize_entry("slow", &step.slow)?;
        map.serialize_entry("reads", &self.part(&step.reads))?;
        map.serialize_entry("writes", &self.part(&step.writes))?;
        map.serialize_entry("pre", &self.part(&step.pre))?;
        map.serialize_entry("post", &self.part(&step.post))?;
        map.serialize_entry("on-failure", &self.part(&step.on_failure))?;
        map.end()
    }
}

impl Serialize for View<'_, OnFailure> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let undo = self.item.undo.as_ref().map(|undo| self.part(undo));
        let mut map = serializer.serialize_struct("OnFailure", 2)?;
        map.serialize_field("resume", &self.item.resume)?;
        map.serialize_field("undo", &undo)?;
        map.end()
    }
}

impl View<'_, Action> {
    fn entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match self.item {
            Action::Exec(argv) => {
                map.serialize_entry("kind", "exec")?;
                map.serialize_entry("argv", &self.part(argv))
            }
            Action::Qmp {
                execute,
                arguments,
                job,
                may_be_gone,
            } => {
                map.serialize_entry("kind", "qmp")?;
                map.serialize_entry("execute", execute)?;
                map.serialize_entry("arguments", arguments)?;
                if let Some(job) = job {
                    map.serialize_entry("job", &self.part(job))?;
                }
                match may_be_gone {
                    true => map.serialize_entry("may-be-gone", &true),
                    false => Ok(()),
                }
            }
            Action::Native(native) => {
                map.serialize_entry("kind", "native")?;
                match native {
                    Native::Rename { from, to } => {
                        map.serialize_entry("action", "rename")?;
                        map.serialize_entry("from", &self.part(from.as_bytes()))?;
                        map.serialize_entry("to", &self.part(to.as_bytes()))
                    }
                    Native::Unlink { path } => {
                        map.serialize_entry("action", "unlink")?;
                        map.serialize_entry("path", &self.part(path.as_bytes()))
                    }
                }
            }
        }
    }
}

impl Serialize for View<'_, Job> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Job", 2)?;
        map.serialize_field("id", &self.item.id)?;
        map.serialize_field("until", self.item.until.name())?;
        map.end()
    }
}

impl Serialize for View<'_, Action> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.entries(&mut map)?;
        map.end()
    }
}

impl Serialize for View<'_, States> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.item.len()))?;
        for (name, state) in self.item {
            map.serialize_entry(name, &state.as_ref().map(|state| self.part(state)))?;
        }
        map.end()
    }
}

impl Serialize for View<'_, ImageState> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let state = self.item;
        let mut map = serializer.serialize_struct("ImageState", 5)?;
        map.serialize_field("format", state.format.name())?;
        map.serialize_field("written", &state.written)?;
        if let Some(backing) = &state.backing {
            map.serialize_field("backing", &self.part(backing))?;
        }
        if let Some(size) = state.virtual_size {
            map.serialize_field("virtual-size", &size)?;
        }
        if let Some(size) = state.volume_size {
            map.serialize_field("volume-size", &size)?;
        }
        map.end()
    }
}

impl Serialize for View<'_, Reference> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("Reference", 2)?;
        map.serialize_field("name", &self.part(self.item.name.as_bytes()))?;
        map.serialize_field("format", self.item.format.name())?;
        map.end()
    }
}

/// Text whose bytes are what counts: a part of a command.
impl Serialize for View<'_, String> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.part(self.item.as_bytes()).serialize(serializer)
    }
}
