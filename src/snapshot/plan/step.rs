//! What a plan consists of: steps, each with what it does, the images that it reads and writes, how
//! these are before and after, and what is to be done if it fails.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::codes::codes;
use crate::image::ImageFormat;

/// What a step does. Paths and names are text: plans are made for names that were parsed, and refused
/// where a folder is not UTF-8.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A process, which succeeds with status 0.
    Exec(Vec<String>),
    /// A command for the QEMU that runs the guest, which succeeds with `return`.
    Qmp {
        /// Its name.
        execute: String,
        /// Its arguments.
        arguments: Map<String, Value>,
        /// The block job that the step waits for.
        job: Option<Job>,
        /// Whether it is fine if the node that the command is about is not there.
        may_be_gone: bool,
    },
    /// Something that needs no process.
    Native(Native),
}

/// A block job that a step waits for. It does not vanish by itself: once it is concluded, whoever runs the
/// step sees in `query-jobs` whether it has an error, and dismisses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its ID.
    pub id: String,
    /// How far it has to come. A job that is concluded before with an error has failed.
    pub until: Until,
}

codes! {
    /// How far a block job has come: the names are those of `query-jobs`.
    pub enum Until {
        /// Everything was copied, and the rest waits for `job-finalize`.
        Pending = "pending",
        /// Everything was copied, and what the guest writes is copied, too, until `job-complete`.
        Ready = "ready",
        /// It has ended.
        Concluded = "concluded",
    }
}

/// What needs no process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Native {
    /// Rename a file. It is an error if the new name is taken, and the folder is synced then.
    Rename {
        /// The path so far.
        from: String,
        /// The new one.
        to: String,
    },
    /// Remove a file. One that is gone is no error.
    Unlink {
        /// Its path.
        path: String,
    },
}

/// One image as a plan sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageState {
    /// Its format.
    pub format: ImageFormat,
    /// The name of what it stands on, as it is recorded, and the format that is recorded with it.
    pub backing: Option<Reference>,
    /// Bytes of the disk; None if that is not known.
    pub virtual_size: Option<u64>,
    /// Bytes of the logical volume at the least; None for files, and where it is not known.
    pub volume_size: Option<u64>,
    /// Whether it holds anything yet: a volume that was only just made does not.
    pub written: bool,
}

/// How one image names another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The name, relative to the folder of the image that it is recorded in.
    pub name: String,
    /// The format that is recorded.
    pub format: ImageFormat,
}

/// Images by name; None if there is, or must be, none of that name.
pub type States = BTreeMap<String, Option<ImageState>>;

codes! {
    /// What a step is to the plan. The names are contract.
    pub enum Task {
        /// Makes a volume's device available on this node.
        Activate = "activate",
        /// Takes a volume's device away.
        Deactivate = "deactivate",
        /// Makes a logical volume.
        Allocate = "allocate",
        /// Writes an empty image.
        Format = "format",
        /// Makes a logical volume larger.
        Extend = "extend",
        /// Makes a disk larger.
        Resize = "resize",
        /// Gives an image another name.
        Rename = "rename",
        /// Records what an image stands on, and changes nothing else.
        Refer = "refer",
        /// Moves what an image holds into the one below.
        Commit = "commit",
        /// Moves into an image what those below it hold.
        Stream = "stream",
        /// Removes images.
        Remove = "remove",
        /// Sets tags.
        Tag = "tag",
        /// Takes, applies or removes a snapshot within an image.
        Internal = "internal",
        /// Repairs the metadata of an image.
        Repair = "repair",
        /// Stops the guest.
        Stop = "stop",
        /// Lets the guest go on.
        Continue = "continue",
        /// Gives the guest's QEMU an image.
        Attach = "attach",
        /// Takes an image from the guest's QEMU.
        Detach = "detach",
        /// Has the guest's QEMU write out what it has in memory.
        Flush = "flush",
        /// Lets the guest's QEMU use another image, or the same in another way.
        Switch = "switch",
    }
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Unique in the plan: the task, with a number from the second of a kind on.
    pub id: String,
    /// What it is to the plan.
    pub task: Task,
    /// What it does.
    pub action: Action,
    /// Whether it takes time in proportion to data: it must not run under a lock that others wait for.
    pub slow: bool,
    /// Names of the images that it reads.
    pub reads: Vec<String>,
    /// Names of the images that it writes, makes or removes.
    pub writes: Vec<String>,
    /// The images concerned, as they must be before.
    pub pre: States,
    /// The same images, as they are afterwards.
    pub post: States,
    /// What to do if it fails.
    pub on_failure: OnFailure,
}

/// What to do if a step fails.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OnFailure {
    /// The step to go on with once the cause is gone: itself, or an earlier one.
    pub resume: String,
    /// What brings the volume back to the state before the plan, in this order. The first may fail where
    /// a volume was to be allocated; if any other fails, the rest must not be done, as the volume would
    /// get into a state that no plan has. None if there is no way back: then only going on helps.
    pub undo: Option<Vec<Action>>,
}

/// What to do, what it costs, and what comes of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What it is for.
    pub operation: super::Operation,
    /// The volume's name before.
    pub volume: String,
    /// Whether a running guest's QEMU takes part. If not, the guest must be stopped, on each node.
    pub online: bool,
    /// Bytes of data that are read and written.
    pub bytes_moved: u64,
    /// Bytes that the plan takes of the volume group, or at the most of the file system, beyond what
    /// the volume has now. What is freed at the end is not subtracted.
    pub bytes_needed: u64,
    /// Roughly how many seconds it takes; the rate is the caller's.
    pub seconds: f64,
    /// What the caller must know: another volume ID, a line for the configuration.
    pub result: Outcome,
    /// What to do, in this order.
    pub steps: Vec<Step>,
}

/// What comes of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What Proxmox VE calls the volume afterwards, if that has changed.
    pub volname: Option<String>,
    /// The same with the storage, if that is known.
    pub volid: Option<String>,
    /// Sentences for the administrator.
    pub notes: Vec<String>,
}
