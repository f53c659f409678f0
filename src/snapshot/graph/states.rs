//! The states that a volume's images hold: the current one and its snapshots, as Proxmox VE asks for
//! them (`volume_snapshot_info`, `volume_rollback_is_possible`).

use std::cmp::Reverse;
use std::collections::HashSet;

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use super::{Content, Graph, Layout, Place, Role};
use crate::error::{Error, Result};
use crate::image::json::View;
use crate::snapshot::names::{Part, Scheme, SnapshotName};
use crate::text::printable;

/// A state on the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State<'a> {
    /// The snapshot; None for the current state.
    pub snapshot: Option<&'a SnapshotName>,
    /// Place of the image that holds it, counted on the line from the current one down.
    pub order: usize,
}

/// One entry of what Proxmox VE's `volume_snapshot_info` gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotEntry<'a> {
    /// The snapshot's name, or `current`.
    pub name: &'a str,
    /// 0 for the current state, one more for each that is older.
    pub order: usize,
    /// The path of the image that holds it.
    pub file: &'a [u8],
    /// What Proxmox VE calls that image.
    pub volname: Vec<u8>,
    /// The same with the storage's ID; None if that is not known or the image is missing.
    pub volid: Option<Vec<u8>>,
    /// Bytes of the disk; None if the image cannot be read.
    pub virtual_size: Option<u64>,
    /// The state that its image stands on. None if that is no state of this volume.
    pub parent: Option<&'a str>,
    /// The state whose image stands on it.
    pub child: Option<&'a str>,
}

/// A snapshot within an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InternalSnapshot<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// When it was taken, in seconds since the epoch.
    pub timestamp: u32,
}

/// What Proxmox VE's `volume_snapshot_info` gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotInfo<'a> {
    /// Of a volume whose snapshots are images; the newest state first.
    Images(Vec<SnapshotEntry<'a>>),
    /// Of a volume with snapshots within ([`Scheme::Internal`]), in the order of the image.
    Internal(Vec<InternalSnapshot<'a>>),
}

const CURRENT: &str = "current";

impl Graph {
    /// The states on the line, the newest first. A snapshot that two images claim is held by the
    /// upper one.
    pub fn states(&self) -> Vec<State<'_>> {
        let mut seen = HashSet::with_capacity(self.line.len());
        let mut states = Vec::with_capacity(self.line.len());
        if self.layout == Layout::Overlays && !self.line.is_empty() {
            states.push(State {
                snapshot: None,
                order: 0,
            });
        }
        for (order, &index) in self.line.iter().enumerate() {
            let (snapshot, order) = match &self.images[index].role {
                Role::Overlay(name) => (Some(name), order + 1),
                Role::Member(member) => match &member.part {
                    Part::Current if self.layout == Layout::Overlays => continue,
                    Part::Current => (None, order),
                    Part::Snapshot { name, .. } => (Some(name), order),
                    Part::Bottom => continue,
                },
                Role::Foreign(_) => continue,
            };
            // Under an overlay there must be what holds its state.
            if order < self.line.len() && seen.insert(snapshot) {
                states.push(State { snapshot, order });
            }
        }
        states
    }

    /// What Proxmox VE's `volume_snapshot_info` gives, as far as it is known. What an image that
    /// is missing should hold is there without `volid` and `virtual-size`; one that is not active
    /// lacks the size alone.
    pub fn snapshot_info(&self) -> SnapshotInfo<'_> {
        if self.subject.scheme() == Scheme::Internal {
            return SnapshotInfo::Internal(self.internal_snapshots());
        }
        let states = self.states();
        let is_current = |state: &State<'_>| state.snapshot.is_none();
        // 0 is the current state, even where there is none.
        let first = usize::from(!states.first().is_some_and(is_current));
        let entries = states.iter().enumerate().map(|(nth, state)| {
            let image = &self.images[self.line[state.order]];
            let next_to = |other: &&State<'_>| other.order.abs_diff(state.order) == 1;
            let older = states.get(nth + 1).filter(next_to);
            let newer = nth.checked_sub(1).and_then(|nth| states.get(nth));
            let there = image.content != Content::Missing;
            SnapshotEntry {
                name: state_name(state),
                order: first + nth,
                file: &image.path,
                volname: self.subject.volname(&image.name),
                volid: self.subject.volid(&image.name).filter(|_| there),
                virtual_size: image.virtual_size(),
                parent: older.map(state_name),
                child: newer.filter(next_to).map(state_name),
            }
        });
        SnapshotInfo::Images(entries.collect())
    }

    fn internal_snapshots(&self) -> Vec<InternalSnapshot<'_>> {
        let info = self.current().and_then(|image| image.info());
        let all = info.map_or(&[][..], |info| &info.metadata.snapshots);
        // Of several with one name Proxmox VE sees the last.
        let mut seen = HashSet::new();
        let mut last: Vec<InternalSnapshot<'_>> = all
            .iter()
            .rev()
            .filter(|snapshot| seen.insert(snapshot.name.as_slice()))
            .map(|snapshot| InternalSnapshot {
                name: &snapshot.name,
                timestamp: snapshot.date_sec,
            })
            .collect();
        last.reverse();
        last
    }

    /// The names of the snapshots of the current state, the oldest first.
    pub fn names(&self) -> Vec<&[u8]> {
        if self.subject.scheme() == Scheme::Internal {
            let snapshots = self.internal_snapshots();
            return snapshots.iter().map(|snapshot| snapshot.name).collect();
        }
        let states = self.states();
        let snapshots = states.iter().rev().filter_map(|state| state.snapshot);
        snapshots.map(|name| name.as_str().as_bytes()).collect()
    }

    /// The snapshots that a rollback to `snapshot` would lose, as Proxmox VE lists them: the oldest
    /// first, and after those of the line the ones that stand on them. None of them may be there for
    /// a rollback. An error if the current state has no such snapshot.
    pub fn blockers(&self, snapshot: &[u8]) -> Result<Vec<&[u8]>> {
        if self.subject.scheme() == Scheme::Internal {
            return match self.names().contains(&snapshot) {
                true => Ok(Vec::new()),
                false => Err(self.no_snapshot(snapshot)),
            };
        }
        let states = self.states();
        let wanted = |state: &State<'_>| {
            let name = state.snapshot.map(|name| name.as_str().as_bytes());
            name == Some(snapshot)
        };
        let Some(nth) = states.iter().position(wanted) else {
            return Err(self.no_snapshot(snapshot));
        };
        let newer = states[..nth].iter().rev().filter_map(|s| s.snapshot);
        let kept = states[nth].order;
        let mut beside: Vec<(Reverse<usize>, &SnapshotName)> = Vec::new();
        for image in self.images.iter().filter(|image| image.is_kept()) {
            let name = match &image.role {
                Role::Overlay(name) => Some(name),
                Role::Member(member) => member.part.snapshot_name(),
                Role::Foreign(_) => None,
            };
            if let (Place::Branch(joint), Some(name)) = (image.place, name) {
                if joint < kept {
                    beside.push((Reverse(joint), name));
                }
            }
        }
        beside.sort();
        let beside = beside.into_iter().map(|(_, name)| name);
        let all = newer.chain(beside);
        Ok(all.map(|name| name.as_str().as_bytes()).collect())
    }

    fn no_snapshot(&self, snapshot: &[u8]) -> Error {
        let snapshot = printable(snapshot);
        let volume = self.subject.volume();
        Error::argument(format!(
            "snapshot '{snapshot}' does not exist on '{volume}'"
        ))
    }
}

fn state_name<'a>(state: &State<'a>) -> &'a str {
    state.snapshot.map_or(CURRENT, SnapshotName::as_str)
}

/// name → entry.
impl Serialize for View<'_, SnapshotInfo<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self.item {
            SnapshotInfo::Images(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for entry in entries {
                    map.serialize_entry(entry.name, &self.part(entry))?;
                }
                map.end()
            }
            SnapshotInfo::Internal(snapshots) => {
                let mut map = serializer.serialize_map(Some(snapshots.len()))?;
                for snapshot in snapshots {
                    map.serialize_entry(&self.part(snapshot.name), snapshot)?;
                }
                map.end()
            }
        }
    }
}

impl Serialize for View<'_, SnapshotEntry<'_>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let entry = self.item;
        let mut map = serializer.serialize_struct("SnapshotEntry", 7)?;
        map.serialize_field("order", &entry.order)?;
        map.serialize_field("file", &self.part(entry.file))?;
        map.serialize_field("volname", &self.part(entry.volname.as_slice()))?;
        if let Some(volid) = &entry.volid {
            map.serialize_field("volid", &self.part(volid.as_slice()))?;
        }
        if let Some(size) = entry.virtual_size {
            map.serialize_field("virtual-size", &size)?;
        }
        if let Some(parent) = entry.parent {
            map.serialize_field("parent", parent)?;
        }
        if let Some(child) = entry.child {
            map.serialize_field("child", child)?;
        }
        map.end()
    }
}

impl Serialize for InternalSnapshot<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("InternalSnapshot", 1)?;
        map.serialize_field("timestamp", &self.timestamp)?;
        map.end()
    }
}
