//! The block nodes of a running guest, as they are after the steps so far, and the QMP commands that
//! change them. After the schema of QEMU 10, qapi/block-core.json.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::guest::{Guest, Nodes};
use crate::error::{Error, Result};
use crate::image::ImageFormat;
use crate::snapshot::plan::step::{Action, Job, Until};

/// A name for the node that is put on another for a moment.
const PASSING: &str = "pve-native-passing";

/// The nodes of the images that QEMU has open, by the image's name.
pub struct Open<'a> {
    pub guest: &'a Guest,
    nodes: BTreeMap<String, Nodes>,
    /// Driver of the nodes for files or devices.
    driver: &'static str,
}

/// What is said of an image's backing node.
pub enum Backing {
    /// This node.
    Node(String),
    /// None; what the header names is not opened.
    None,
    /// What the header names, which is no image of the volume.
    Named,
}

/// How the file node of an image comes to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// As a part of the format node, as qemu-server does it, and can only change it then.
    Part,
    /// By itself: then it is not opened anew with the format node.
    Separate,
}

impl<'a> Open<'a> {
    pub fn new(guest: &'a Guest, on_device: bool) -> Self {
        Open {
            guest,
            nodes: BTreeMap::new(),
            driver: if on_device { "host_device" } else { "file" },
        }
    }

    /// An image is open, with these nodes.
    pub fn insert(&mut self, image: &str, nodes: Nodes) {
        self.nodes.insert(image.to_owned(), nodes);
    }

    /// It is not any more.
    pub fn forget(&mut self, image: &str) {
        self.nodes.remove(image);
    }

    /// The image has another name; its nodes keep theirs.
    pub fn renamed(&mut self, from: &str, to: &str) {
        if let Some(nodes) = self.nodes.remove(from) {
            self.nodes.insert(to.to_owned(), nodes);
        }
    }

    /// The nodes of an image.
    pub fn of(&self, image: &str) -> Result<&Nodes> {
        self.nodes.get(image).ok_or_else(|| {
            Error::argument(format!("the guest's QEMU has no node of image '{image}'"))
        })
    }

    /// The commands that add the nodes of an image at `path`.
    pub fn add(
        &self,
        nodes: &Nodes,
        path: &str,
        format: ImageFormat,
        backing: &Backing,
        file: File,
    ) -> Vec<Action> {
        let mut below = with_defaults(&self.guest.file_options, &["read-only", "cache", "write"]);
        // An image can have two nodes for a moment, and QEMU's locks would keep the second one out.
        below.insert("locking".into(), "off".into());
        below.insert("driver".into(), self.driver.into());
        below.insert("node-name".into(), nodes.file.as_str().into());
        below.insert("filename".into(), path.into());
        let mut options = self.options(nodes, format, backing);
        match file {
            File::Part => {
                options.insert("file".into(), Value::Object(below));
                vec![qmp("blockdev-add", options)]
            }
            File::Separate => vec![qmp("blockdev-add", below), qmp("blockdev-add", options)],
        }
    }

    /// The command that changes what the format node of an image stands on, or, with the same, only has
    /// QEMU write out what it holds of the image.
    pub fn reopen(&self, image: &str, format: ImageFormat, backing: &Backing) -> Result<Action> {
        Ok(reopen(self.options(self.of(image)?, format, backing)))
    }

    fn options(&self, nodes: &Nodes, format: ImageFormat, backing: &Backing) -> Map<String, Value> {
        let mut options =
            with_defaults(&self.guest.format_options, &["read-only", "cache", "write"]);
        options.insert("driver".into(), format.name().into());
        options.insert("node-name".into(), nodes.format.as_str().into());
        options.insert("file".into(), nodes.file.as_str().into());
        if format != ImageFormat::Qcow2 {
            options.remove("discard-no-unref");
            return options;
        }
        options
            .entry("discard-no-unref")
            .or_insert(Value::Bool(true));
        match backing {
            Backing::Node(node) => {
                options.insert("backing".into(), node.as_str().into());
            }
            Backing::None => {
                options.insert("backing".into(), Value::Null);
            }
            Backing::Named => {}
        }
        options
    }

    /// The command that has the guest use an image with these nodes.
    pub fn use_node(&self, nodes: &Nodes) -> Action {
        let mut options = with_defaults(&self.guest.top_options, &["read-only", "write"]);
        let top = self.guest.top();
        options.insert("driver".into(), "throttle".into());
        options.insert("throttle-group".into(), format!("throttle-{top}").into());
        options.insert("node-name".into(), top.into());
        options.insert("file".into(), nodes.format.as_str().into());
        reopen(options)
    }

    /// The commands that take nodes away, if QEMU has not done that itself: it closes what nobody uses,
    /// unless it was added by itself.
    pub fn delete(&self, nodes: &Nodes) -> [Action; 2] {
        [&nodes.format, &nodes.file].map(|node| delete(node))
    }

    /// The commands after which QEMU does not open the image's file anew by a name that it may not
    /// have any more: as long as a node that was changed is not used otherwise, QEMU would do that with
    /// its file the next time somebody begins or ends to use it (`raw_reopen_commit` forgets how the file
    /// was opened). So somebody does.
    pub fn settle(&self, image: &str) -> Result<[Action; 2]> {
        let node = &self.of(image)?.format;
        let passing = json!({
            "driver": "raw", "node-name": PASSING, "read-only": true, "file": node
        });
        Ok([command("blockdev-add", passing), delete(PASSING)])
    }
}

/// These options, and qemu-server's defaults of those that are named and missing.
fn with_defaults(options: &Map<String, Value>, named: &[&str]) -> Map<String, Value> {
    let mut all = options.clone();
    let defaults = json!({
        "read-only": { "read-only": false },
        "cache": { "cache": { "direct": true, "no-flush": false } },
        "write": { "discard": "ignore", "detect-zeroes": "on" },
    });
    for name in named {
        let Some(some) = defaults[*name].as_object() else {
            continue;
        };
        for (key, value) in some {
            all.entry(key).or_insert(value.clone());
        }
    }
    all
}

fn reopen(options: Map<String, Value>) -> Action {
    command("blockdev-reopen", json!({ "options": [options] }))
}

fn delete(node: &str) -> Action {
    let mut action = command("blockdev-del", json!({ "node-name": node }));
    if let Action::Qmp { may_be_gone, .. } = &mut action {
        *may_be_gone = true;
    }
    action
}

fn qmp(execute: &str, arguments: Map<String, Value>) -> Action {
    Action::Qmp {
        execute: execute.to_owned(),
        arguments,
        job: None,
        may_be_gone: false,
    }
}

/// A command; `arguments` is an object.
pub fn command(execute: &str, arguments: Value) -> Action {
    match arguments {
        Value::Object(arguments) => qmp(execute, arguments),
        _ => qmp(execute, Map::new()),
    }
}

/// A command that begins a job, or has it go on, until it has come so far.
pub fn job(execute: &str, arguments: Value, id: &str, until: Until) -> Action {
    let mut action = command(execute, arguments);
    if let Action::Qmp { job, .. } = &mut action {
        *job = Some(Job {
            id: id.to_owned(),
            until,
        });
    }
    action
}
