//! What is asked: nodes, guests, rules and policy, read from one JSON document (docs/placement.md), with
//! every limit checked and every name known by a number. Nodes are in the order of their names, guests in
//! that of their ids, rules in that of theirs, so that the document's order is no matter.

mod document;
mod guest;
mod names;
mod number;
mod policy;
mod read;
mod rule;
#[cfg(test)]
mod tests;

pub use names::Names;
pub use number::{MILLION, multiplied};
pub use policy::{Basis, Objective, Policy, Relaxation};

use std::fmt;

use super::bits::Bits;
use crate::codes::codes;

codes! {
    /// What is asked for.
    pub enum Task {
        /// A node for each guest that has none.
        Place = "place",
        /// The same, after nodes have failed.
        Recover = "recover",
        /// Fewer contended nodes by moving guests.
        Rebalance = "rebalance",
        /// Fewer nodes in use by moving guests.
        Pack = "pack",
        /// Whether the guests would fit if nodes failed.
        WhatIf = "what-if",
        /// Whether the rules can be kept at all.
        Feasibility = "feasibility",
    }
}

/// What a node has and guests need, by a number.
pub type Amounts = Vec<u64>;

/// A resource or a kind of device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// `cpu`, `mem`, whatever else the document names; of a device its name.
    pub name: String,
    /// Whether it is a kind of device, which cannot be overcommitted.
    pub device: bool,
    /// Its unit: how many of what we count by are one of what the document has.
    pub unit: u64,
    /// By what capacities are multiplied to get limits: overcommit and hard limit, in millionths.
    pub factors: [u64; 2],
}

impl Resource {
    /// An amount in the document's unit.
    pub fn real(&self, amount: u64) -> f64 {
        amount as f64 / self.unit as f64
    }
}

/// A node.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Whether it can run guests at all.
    pub online: bool,
    /// Whether it takes no more guests.
    pub maintenance: bool,
    /// Its own cores, in millionths: no guest has more vCPUs.
    pub cores: u64,
    /// By what its cores are multiplied, in millionths.
    pub cpu_factor: u64,
    /// What it has of each resource, its cores multiplied by their factor.
    pub capacity: Amounts,
    /// Capacity × overcommit: what the node can bear without its hard limit.
    pub overcommitted: Amounts,
    /// Capacity × overcommit × hard limit.
    pub limit: Amounts,
    /// Capacity × overcommit × soft limit, at most `limit`.
    pub soft: Amounts,
    /// What runs on it besides the guests of the document.
    pub used: Amounts,
    /// Reservations for guests that the document does not list.
    pub reserved: Amounts,
    /// The storages that it reaches.
    pub storages: Bits,
    /// Its bridges.
    pub bridges: Bits,
    /// The flags of its processors.
    pub cpu_flags: Bits,
}

/// What a guest needs of a kind that a node has or has not. `None`: not known, so that no node will do.
pub type Needed = Option<Vec<usize>>;

/// A volume that lies on certain nodes only.
#[derive(Clone, Debug)]
pub struct Volume {
    /// The storage that it is of.
    pub storage: String,
    /// The nodes on which it lies, those of the document.
    pub nodes: Vec<usize>,
    /// Its size in bytes, if that is known.
    pub bytes: u64,
}

codes! {
    /// What is to become of a guest.
    pub enum State {
        /// It is to run.
        Started = "started",
        /// It does not run and takes nothing, but is kept where it could.
        Stopped = "stopped",
        /// The same, by an administrator's wish.
        Disabled = "disabled",
        /// Nobody manages it: it takes what it takes, and is neither placed nor moved.
        Ignored = "ignored",
    }
}

/// A guest.
#[derive(Clone, Debug)]
pub struct Guest {
    /// Its id: `vm:100`.
    pub sid: String,
    /// The node on which it is; none also if the document does not list that node.
    pub node: Option<usize>,
    /// What is to become of it.
    pub state: State,
    /// Whoever has more is placed first when there is not room for all.
    pub priority: u64,
    /// Whether it may be moved from a node that is well.
    pub movable: bool,
    /// Its vCPUs, in millionths.
    pub vcpus: u64,
    /// What is charged to its node for it.
    pub need: Amounts,
    /// What would be charged if guests were charged what they use: never more than `need`.
    pub usage: Amounts,
    /// The resources of `need` for which there were no data, so that the configured size stands in.
    pub no_data: Vec<usize>,
    /// Storages that its node must reach.
    pub storages: Needed,
    /// Volumes that lie on certain nodes.
    pub volumes: Option<Vec<Volume>>,
    /// Bridges that its node must have.
    pub bridges: Needed,
    /// Flags that the processors of its node must have.
    pub cpu_flags: Needed,
    /// Whether its devices are known; they are among `need`.
    pub devices_known: bool,
    /// What is reserved for it on nodes: it was just placed there, and samples do not show it yet.
    pub reserved: Vec<(usize, Amounts)>,
}

impl Guest {
    /// Bytes that a move of it copies.
    pub fn bytes(&self) -> u64 {
        let volumes = self.volumes.iter().flatten();
        volumes.fold(0, |sum: u64, v| sum.saturating_add(v.bytes))
    }
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// The guests that it is about, those of the document, in their order.
    pub guests: Vec<usize>,
    /// What it says.
    pub kind: RuleKind,
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleKind {
    /// The guests are to be on these nodes, rather on those with the higher number.
    Nodes {
        /// The nodes of the document, in their order, with their priorities.
        nodes: Vec<(usize, u64)>,
        /// Whether they may be on no other.
        strict: bool,
    },
    /// The guests are to be on one node.
    Together,
    /// The guests are to be on different nodes.
    Apart,
}

/// The whole question.
#[derive(Clone, Debug)]
pub struct Problem {
    /// What is asked for.
    pub task: Task,
    /// `cpu`, `mem`, other resources by name, then devices by name.
    pub resources: Vec<Resource>,
    /// By name.
    pub nodes: Vec<Node>,
    /// By id.
    pub guests: Vec<Guest>,
    /// By id.
    pub rules: Vec<Rule>,
    /// How to choose.
    pub policy: Policy,
    /// Names of storages, bridges and flags.
    pub names: Names,
}

impl Node {
    /// What its limit were if it had so much more of a resource, its cores not multiplied yet.
    pub fn limit_with(&self, resources: &[Resource], resource: usize, more: u64) -> u64 {
        let (own, speed) = match resource {
            Problem::CPU => (self.cores, self.cpu_factor),
            _ => (self.capacity[resource], MILLION),
        };
        let [overcommit, hard] = resources[resource].factors;
        multiplied(own.saturating_add(more), [speed, overcommit, hard])
    }
}

impl Problem {
    /// The index of the resource `cpu`.
    pub const CPU: usize = 0;
    /// The index of the resource `mem`.
    pub const MEM: usize = 1;

    /// Reads the document.
    ///
    /// # Errors
    ///
    /// [`Code::Argument`](crate::Code::Argument) if it is not JSON of this shape or means nothing, and
    /// [`Code::Limit`](crate::Code::Limit) if there is too much of anything.
    pub fn from_json(text: &[u8]) -> crate::Result<Problem> {
        read::from_json(text)
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<usize> {
        self.nodes
            .binary_search_by(|n| n.name.as_str().cmp(name))
            .ok()
    }
}

impl fmt::Display for Task {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.name())
    }
}
