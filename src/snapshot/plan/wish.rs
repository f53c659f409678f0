//! What a plan can be for, and what it needs for that.

use crate::codes::codes;
use crate::error::{Error, Result};
use crate::limits;
use crate::snapshot::names::SnapshotName;
use crate::text::printable;

codes! {
    /// What a plan is for. The names are contract.
    pub enum Operation {
        /// Take a snapshot.
        Create = "create",
        /// Remove one.
        Delete = "delete",
        /// Remove several; neighbours are merged in one pass.
        DeleteMany = "delete-many",
        /// Go back to the newest snapshot.
        Rollback = "rollback",
        /// Make the disk larger.
        Resize = "resize",
        /// Give the volume another name.
        Rename = "rename",
        /// Make it a base image, of which clones are made.
        CreateBase = "create-base",
        /// Make a raw logical volume one that can have snapshots, without copying it.
        Adopt = "adopt",
        /// Make an adopted volume a raw one again.
        Unadopt = "unadopt",
        /// Give the images of a volume in the layout of 2024 today's names.
        Convert = "convert",
        /// Remove the volume.
        Free = "free",
        /// Bring a volume in order that was left in between.
        Repair = "repair",
    }
}

impl Operation {
    /// The operation that a caller names. `repair` is none: such plans come from a diagnosis.
    pub fn from_name(name: &[u8]) -> Result<Self> {
        let wanted = |op: &&Operation| op.name().as_bytes() == name && **op != Operation::Repair;
        let found = Self::ALL.iter().find(wanted);
        found
            .copied()
            .ok_or_else(|| Error::argument(format!("unknown operation '{}'", printable(name))))
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Take this snapshot.
    Create(SnapshotName),
    /// Remove these.
    Delete(Vec<SnapshotName>),
    /// Go back to this one.
    Rollback(SnapshotName),
    /// Make the disk so many bytes large.
    Resize(u64),
    /// Give the volume this name: what Proxmox VE is to call it.
    Rename(Vec<u8>),
    /// Make it a base image.
    CreateBase,
    /// See [`Operation`].
    Adopt,
    /// See [`Operation`].
    Unadopt,
    /// See [`Operation`].
    Convert,
    /// Remove the volume.
    Free,
}

/// What faces take from callers for a wish; what an operation does not need must be absent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Arguments<'a> {
    /// Names of snapshots.
    pub snapshots: &'a [&'a [u8]],
    /// Bytes of the disk.
    pub size: Option<u64>,
    /// Another name for the volume.
    pub to: Option<&'a [u8]>,
}

impl Wish {
    /// The wish for `operation` with these arguments.
    pub fn from_caller(operation: Operation, arguments: &Arguments<'_>) -> Result<Self> {
        let Arguments {
            snapshots,
            size,
            to,
        } = *arguments;
        let op = operation.name();
        let needs = |what: &str| Error::argument(format!("{op} needs {what}"));
        let (least, most) = match operation {
            Operation::Create | Operation::Delete | Operation::Rollback => (1, 1),
            Operation::DeleteMany => (1, limits::GRAPH_IMAGES),
            _ => (0, 0),
        };
        if snapshots.len() < least {
            return Err(needs("the name of a snapshot"));
        }
        if snapshots.len() > most {
            let most = ["no snapshot", "only one snapshot"][most.min(1)];
            return Err(Error::argument(format!("{op} takes {most}")));
        }
        if size.is_some() && operation != Operation::Resize {
            return Err(Error::argument(format!("{op} takes no size")));
        }
        if to.is_some() && operation != Operation::Rename {
            return Err(Error::argument(format!("{op} takes no other name")));
        }
        let found = |name: &[u8]| {
            let text = std::str::from_utf8(name).ok();
            text.and_then(SnapshotName::found).ok_or_else(|| {
                Error::argument(format!("no snapshot is called '{}'", printable(name)))
            })
        };
        Ok(match operation {
            Operation::Create => Wish::Create(SnapshotName::new(snapshots[0])?),
            Operation::Delete | Operation::DeleteMany => Wish::Delete(
                snapshots
                    .iter()
                    .map(|name| found(name))
                    .collect::<Result<_>>()?,
            ),
            Operation::Rollback => Wish::Rollback(found(snapshots[0])?),
            Operation::Resize => Wish::Resize(size.ok_or_else(|| needs("a size"))?),
            Operation::Rename => Wish::Rename(to.ok_or_else(|| needs("another name"))?.to_vec()),
            Operation::CreateBase => Wish::CreateBase,
            Operation::Adopt => Wish::Adopt,
            Operation::Unadopt => Wish::Unadopt,
            Operation::Convert => Wish::Convert,
            Operation::Free => Wish::Free,
            Operation::Repair => return Err(needs("a diagnosis")),
        })
    }

    /// What it is called.
    pub fn operation(&self) -> Operation {
        match self {
            Wish::Create(_) => Operation::Create,
            Wish::Delete(names) if names.len() == 1 => Operation::Delete,
            Wish::Delete(_) => Operation::DeleteMany,
            Wish::Rollback(_) => Operation::Rollback,
            Wish::Resize(_) => Operation::Resize,
            Wish::Rename(_) => Operation::Rename,
            Wish::CreateBase => Operation::CreateBase,
            Wish::Adopt => Operation::Adopt,
            Wish::Unadopt => Operation::Unadopt,
            Wish::Convert => Operation::Convert,
            Wish::Free => Operation::Free,
        }
    }
}
