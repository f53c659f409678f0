//! What happened: the last events, the last LUNs that have gone, and how often what has changed before.
//! All of it is bounded, and nothing in the answer depends on it.

use std::collections::VecDeque;

use hashbrown::HashMap;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::cluster::json::Json;
use crate::limits;

/// Something that has changed: a LUN in the cluster, a LUN on a node, or a node.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The LUN.
    pub wwid: Option<Box<str>>,
    /// The node.
    pub node: Option<Box<str>>,
    /// The state of the LUN, or the standing of the node, that was; none if it was not there.
    pub from: Option<&'static str>,
    /// What is now; none if it is gone.
    pub to: Option<&'static str>,
    /// Why: for a LUN on a node that of the cell, where there is one; else what has brought the change.
    pub reason: Option<&'static str>,
    /// When this came about, in seconds since the epoch.
    pub since: f64,
    /// For how many seconds the last state had lasted, if that is known.
    pub lasted: Option<f64>,
    /// How often that has changed without an hour of rest between, this time included.
    pub flaps: u32,
}

/// As events and nodes show times.
fn seconds(value: f64) -> Json {
    Json::of_number((value * 1000.0).round() / 1000.0)
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, name) in [("wwid", &self.wwid), ("node", &self.node)] {
            if let Some(name) = name {
                map.serialize_entry(key, name)?;
            }
        }
        map.serialize_entry("from", &self.from)?;
        map.serialize_entry("to", &self.to)?;
        if let Some(reason) = self.reason {
            map.serialize_entry("reason", reason)?;
        }
        map.serialize_entry("since", &seconds(self.since))?;
        if let Some(lasted) = self.lasted {
            map.serialize_entry("lasted", &seconds(lasted))?;
        }
        map.serialize_entry("flaps", &self.flaps)?;
        map.end()
    }
}

/// Changes that come within that time are flapping: an hour.
const REST: f64 = 3600.0;

/// When something changed last, and how often it has.
#[derive(Clone, Copy, Default)]
pub(super) struct Flaps {
    since: Option<f64>,
    count: u32,
}

impl Flaps {
    /// It is there from now on, and has not changed yet.
    pub fn begin(now: f64) -> Self {
        Self {
            since: Some(now),
            count: 0,
        }
    }

    /// It has changed. How long it had been as it was, if that is known, and how often it has changed.
    pub fn change(&mut self, now: f64) -> (Option<f64>, u32) {
        let lasted = self.since.map(|since| (now - since).max(0.0));
        if lasted.is_some_and(|lasted| lasted > REST) {
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.since = Some(now);
        (lasted, self.count)
    }
}

/// A cell: its row and its column.
type Place = (u32, u32);

/// What has happened.
#[derive(Default)]
pub(super) struct History {
    /// With their numbers.
    events: VecDeque<(u64, Event)>,
    /// How many events there have ever been.
    told: u64,
    /// LUNs that are gone, with the generation since which they are.
    removed: VecDeque<(u64, Box<str>)>,
    /// Of generations up to this one it is not known any more what has gone.
    floor: u64,
    /// Cells that have changed, in two parts: when the newer is full it takes the place of the older.
    newer: HashMap<Place, Flaps>,
    older: HashMap<Place, Flaps>,
}

impl History {
    /// Something happened.
    pub fn tell(&mut self, event: Event) {
        if self.events.len() == limits::CLUSTER_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back((self.told, event));
        self.told += 1;
    }

    /// So many things happened at once that nobody wants to read of each.
    pub fn pass_over(&mut self, events: usize) {
        self.told += events as u64;
    }

    /// How many events there have ever been.
    pub fn told(&self) -> u64 {
        self.told
    }

    /// Those behind the first `known`, as far as they are kept.
    pub fn events(&self, known: u64) -> impl ExactSizeIterator<Item = &Event> {
        let first = self.events.partition_point(|(number, _)| *number < known);
        self.events.range(first..).map(|(_, event)| event)
    }

    /// A LUN is gone.
    pub fn remove(&mut self, generation: u64, wwid: &str) {
        if self.removed.len() == limits::CLUSTER_REMOVED {
            let lost = self.removed.pop_front();
            self.floor = lost.map_or(self.floor, |(lost, _)| lost);
        }
        self.removed.push_back((generation, wwid.into()));
    }

    /// Whether all is known that has gone after a generation.
    pub fn knows(&self, generation: u64) -> bool {
        generation >= self.floor
    }

    /// What has gone after a generation, in the order of names, as far as that is known.
    pub fn removed(&self, generation: u64) -> Vec<&str> {
        let newest = self.removed.iter().rev();
        let after = newest.take_while(|(at, _)| *at > generation);
        let mut names: Vec<&str> = after.map(|(_, name)| &**name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// A cell has changed.
    pub fn change(&mut self, cell: Place, now: f64) -> (Option<f64>, u32) {
        if !self.newer.contains_key(&cell) {
            let known = self.older.get(&cell).copied();
            if self.newer.len() == limits::CLUSTER_CHANGED_CELLS / 2 {
                self.older = std::mem::take(&mut self.newer);
            }
            self.newer.insert(cell, known.unwrap_or_default());
        }
        let flaps = self.newer.entry(cell).or_default();
        flaps.change(now)
    }

    /// Rows and columns have new numbers.
    pub fn renumber(&mut self, place: impl Fn(Place) -> Option<Place>) {
        for cells in [&mut self.newer, &mut self.older] {
            let old = std::mem::take(cells).into_iter();
            *cells = old
                .filter_map(|(cell, flaps)| Some((place(cell)?, flaps)))
                .collect();
        }
    }
}
