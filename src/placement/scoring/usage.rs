//! Which guests are on which nodes, and what they add to them.
//!
//! Nodes stand in the order of their names. Each carries what all its guests would use at most, and
//! what those of them would that are only starting; both are kept up to date guest by guest.

use std::collections::{BTreeMap, BTreeSet};

use super::columns::Columns;
use super::cores::Cores;
use super::stats::{GuestStats, NodeStats};
use crate::error::{Error, Result};

/// A guest and where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Guest {
    /// What it may use, and does.
    pub stats: GuestStats,
    /// Whether it runs; otherwise it is about to start.
    pub running: bool,
    /// The node it is on.
    pub node: String,
    /// The node it is moving to; it counts on both.
    pub target: Option<String>,
}

/// What guests add to a node.
#[derive(Clone, Copy, Debug, Default)]
struct Added {
    cpu: Cores,
    mem: u128,
}

impl Added {
    /// Cores and bytes, with what the node uses itself.
    fn to(self, own: NodeStats) -> (f64, f64) {
        let mut cpu = Cores::new(own.cpu);
        cpu += self.cpu;
        (cpu.get(), (u128::from(own.mem) + self.mem) as f64)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) name: String,
    own: NodeStats,
    sids: BTreeSet<String>,
    all: Added,
    starting: Added,
}

impl Node {
    fn new(name: &str, own: NodeStats) -> Self {
        Node {
            name: name.to_owned(),
            own,
            sids: BTreeSet::new(),
            all: Added::default(),
            starting: Added::default(),
        }
    }

    /// Cores and bytes that there are.
    fn capacity(&self) -> (f64, f64) {
        (self.own.maxcpu as f64, self.own.maxmem as f64)
    }

    fn settle(&mut self, sid: &str, guest: &Guest) {
        let share = self.share(guest.stats);
        let starting = (!guest.running).then_some(&mut self.starting);
        for sum in [Some(&mut self.all), starting].into_iter().flatten() {
            sum.cpu += share.cpu;
            sum.mem += share.mem;
        }
        self.sids.insert(sid.to_owned());
    }

    fn leave(&mut self, sid: &str, guest: &Guest) {
        let share = self.share(guest.stats);
        let starting = (!guest.running).then_some(&mut self.starting);
        for sum in [Some(&mut self.all), starting].into_iter().flatten() {
            sum.cpu -= share.cpu;
            sum.mem -= share.mem;
        }
        self.sids.remove(sid);
    }

    /// What a guest takes of this node at most.
    fn share(&self, stats: GuestStats) -> Added {
        let cpu = match stats.maxcpu {
            0.0 => self.own.maxcpu as f64,
            limit => limit,
        };
        Added {
            cpu: Cores::new(cpu),
            mem: u128::from(stats.maxmem),
        }
    }
}

/// The nodes of a cluster and the guests on them.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage {
    /// In the order of their names.
    nodes: Vec<Node>,
    /// The sums as doubles, which every score reads and few calls change.
    own: Columns,
    all: Columns,
    starting: Columns,
    guests: BTreeMap<String, Guest>,
}

impl Usage {
    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// What the nodes use themselves, the guests that run included.
    pub(super) fn own(&self) -> &Columns {
        &self.own
    }

    /// The nodes' usage with all guests on them at their maximum; what the nodes use themselves knows
    /// none of them.
    pub(super) fn with_all(&self) -> &Columns {
        &self.all
    }

    /// The nodes' usage with the guests that are starting at their maximum; the others are in what
    /// the nodes use themselves.
    pub(super) fn with_starting(&self) -> &Columns {
        &self.starting
    }

    /// The place of a node among [`Self::nodes`].
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.place(name).ok()
    }

    pub(super) fn guest(&self, sid: &str) -> Option<&Guest> {
        self.guests.get(sid)
    }

    pub(super) fn add_node(&mut self, name: &str, own: NodeStats) -> Result<()> {
        own.check(name)?;
        let Err(place) = self.place(name) else {
            return Err(refused("node", name, "exists already"));
        };
        let node = Node::new(name, own);
        for columns in [&mut self.own, &mut self.all, &mut self.starting] {
            columns.insert(place, node.capacity());
        }
        self.own.set(place, (node.own.cpu, node.own.mem as f64));
        self.nodes.insert(place, node);
        self.sum_up(place);
        Ok(())
    }

    /// A guest that was on this node alone goes with it; one that was moving is on the other node.
    pub(super) fn remove_node(&mut self, name: &str) {
        let Ok(place) = self.place(name) else {
            return;
        };
        for columns in [&mut self.own, &mut self.all, &mut self.starting] {
            columns.remove(place);
        }
        for sid in self.nodes.remove(place).sids {
            let Some(guest) = self.guests.get_mut(&sid) else {
                continue;
            };
            match guest.target.take() {
                None => {
                    self.guests.remove(&sid);
                }
                Some(target) if guest.node == name => guest.node = target,
                Some(_) => {}
            }
        }
    }

    pub(super) fn add_guest(&mut self, sid: &str, guest: Guest) -> Result<()> {
        guest.stats.check(sid)?;
        if self.guests.contains_key(sid) {
            return Err(refused("guest", sid, "exists already"));
        }
        if guest.target.as_ref() == Some(&guest.node) {
            return Err(refused("guest", sid, "moves to the node it is on"));
        }
        let places = self.places(&guest);
        if places.len() != 1 + usize::from(guest.target.is_some()) {
            return Err(refused("guest", sid, "is on a node that is not known"));
        }
        for place in places {
            self.nodes[place].settle(sid, &guest);
            self.sum_up(place);
        }
        self.guests.insert(sid.to_owned(), guest);
        Ok(())
    }

    pub(super) fn remove_guest(&mut self, sid: &str) {
        if let Some(guest) = self.guests.remove(sid) {
            for place in self.places(&guest) {
                self.nodes[place].leave(sid, &guest);
                self.sum_up(place);
            }
        }
    }

    /// The guest is running on this node; or, if it is on a node already, moving to this one, its
    /// first stats being kept.
    pub(super) fn add_to_node(&mut self, node: &str, sid: &str, stats: GuestStats) -> Result<()> {
        let Some(known) = self.guests.get(sid).cloned() else {
            let guest = Guest {
                stats,
                running: true,
                node: node.to_owned(),
                target: None,
            };
            return self.add_guest(sid, guest);
        };
        if known.target.is_some() {
            return Err(refused("guest", sid, "is moving already"));
        }
        let moving = Guest {
            target: Some(node.to_owned()),
            ..known.clone()
        };
        self.remove_guest(sid);
        self.add_guest(sid, moving).or_else(|error| {
            self.add_guest(sid, known)?;
            Err(error)
        })
    }

    fn sum_up(&mut self, place: usize) {
        let node = &self.nodes[place];
        self.all.set(place, node.all.to(node.own));
        self.starting.set(place, node.starting.to(node.own));
    }

    fn place(&self, name: &str) -> std::result::Result<usize, usize> {
        self.nodes.binary_search_by(|n| n.name.as_str().cmp(name))
    }

    /// Where the guest counts, as far as those nodes are known.
    fn places(&self, guest: &Guest) -> Vec<usize> {
        let names = std::iter::once(&guest.node).chain(&guest.target);
        names.filter_map(|name| self.position(name)).collect()
    }
}

/// That something is not done, and why.
#[cold]
pub(super) fn refused(what: &str, name: &str, why: &str) -> Error {
    Error::argument(format!("{what} '{}' {why}", name.escape_debug()))
}
