//! Why an item cannot be on a node: the first constraint that it fails, with its numbers.

use super::Instance;
use crate::codes::codes;
use crate::placement::problem::{Guest, Problem, RuleKind};

codes! {
    /// A constraint, in the order in which they are looked at.
    pub enum Code {
        /// The node is not online.
        Offline = "offline",
        /// The node has failed in this case.
        Failed = "failed",
        /// The node is in maintenance.
        Maintenance = "maintenance",
        /// Storages, volumes, bridges, flags or devices of the guest are not known.
        Unknown = "unknown",
        /// The node does not reach a storage.
        Storage = "storage",
        /// A volume does not lie on the node.
        Volume = "volume",
        /// The node has no such bridge.
        Bridge = "bridge",
        /// The processors of the node lack a flag.
        CpuFlag = "cpu-flag",
        /// The node has fewer cores than the guest vCPUs.
        Cores = "cores",
        /// The node has too few devices of a kind.
        Device = "device",
        /// The node has too little of a resource.
        Capacity = "capacity",
        /// A strict rule names other nodes.
        NodeAffinity = "node-affinity",
        /// A guest with which this one must be is elsewhere.
        PositiveAffinity = "positive-affinity",
        /// A guest with which this one must not be is there.
        NegativeAffinity = "negative-affinity",
        /// It would do, but a rule would rather have another.
        LessPreferred = "less-preferred",
        /// It would do, but another is better.
        NotChosen = "not-chosen",
        /// It is the node that was chosen.
        Chosen = "chosen",
    }
}

/// A number or a name.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// In the document's unit.
    Number(f64),
    /// Of a storage, a bridge, a flag, a guest.
    Name(String),
}

/// Why.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// The constraint.
    pub code: Code,
    /// The resource or device that it is about.
    pub resource: Option<String>,
    /// What the guest needs.
    pub need: Option<Value>,
    /// What the node has left for it.
    pub have: Option<Value>,
    /// The rule.
    pub rule: Option<String>,
}

impl Reason {
    /// Nothing but the constraint.
    pub fn plain(code: Code) -> Reason {
        Reason {
            code,
            resource: None,
            need: None,
            have: None,
            rule: None,
        }
    }

    fn name(code: Code, need: &str) -> Reason {
        Reason {
            need: Some(Value::Name(need.to_owned())),
            ..Reason::plain(code)
        }
    }

    pub(super) fn of_rule(code: Code, rule: &str) -> Reason {
        Reason {
            rule: Some(rule.to_owned()),
            ..Reason::plain(code)
        }
    }

    fn numbers(code: Code, need: f64, have: f64) -> Reason {
        Reason {
            need: Some(Value::Number(need)),
            have: Some(Value::Number(have)),
            ..Reason::plain(code)
        }
    }
}

impl Instance<'_> {
    /// The first thing that a node lacks for an item, were no other item placed; rules come after.
    pub fn lacks(&self, item: usize, node: usize) -> Option<Reason> {
        let problem = self.problem;
        let guest = &problem.guests[self.guests[item]];
        let to = &problem.nodes[node];
        if !to.online {
            return Some(Reason::plain(Code::Offline));
        }
        if self.failed.contains(node) {
            return Some(Reason::plain(Code::Failed));
        }
        if !self.is_open(node) {
            return Some(Reason::plain(Code::Maintenance));
        }
        if !self.at_home || guest.node != Some(node) {
            if let Some(reason) = self.misses(guest, node) {
                return Some(reason);
            }
        }
        let room = self.limit_of(node).iter().zip(self.load_of(node));
        let room = room.map(|(limit, load)| limit.saturating_sub(*load));
        self.too_little(item, room)
    }

    /// The first thing but room that a guest needs and a node has not got.
    fn misses(&self, guest: &Guest, node: usize) -> Option<Reason> {
        let problem = self.problem;
        let to = &problem.nodes[node];
        let (Some(storages), Some(volumes), Some(bridges), Some(flags), true) = (
            &guest.storages,
            &guest.volumes,
            &guest.bridges,
            &guest.cpu_flags,
            guest.devices_known,
        ) else {
            return Some(Reason::plain(Code::Unknown));
        };
        if let Some(volume) = volumes
            .iter()
            .find(|v| v.nodes.binary_search(&node).is_err())
        {
            return Some(Reason::name(Code::Volume, &volume.storage));
        }
        for (code, needed, has) in [
            (Code::Storage, storages, &to.storages),
            (Code::Bridge, bridges, &to.bridges),
            (Code::CpuFlag, flags, &to.cpu_flags),
        ] {
            if let Some(&name) = needed.iter().find(|&&name| !has.contains(name)) {
                return Some(Reason::name(code, problem.names.name(name)));
            }
        }
        if guest.vcpus > to.cores {
            let cpu = &problem.resources[Problem::CPU];
            return Some(Reason::numbers(
                Code::Cores,
                cpu.real(guest.vcpus),
                cpu.real(to.cores),
            ));
        }
        None
    }

    /// The first resource of which there is less than an item needs.
    pub fn too_little(&self, item: usize, room: impl Iterator<Item = u64>) -> Option<Reason> {
        let (at, room) = room
            .enumerate()
            .find(|&(at, room)| self.need_of(item)[at] > room)?;
        let resource = &self.problem.resources[at];
        let code = if resource.device {
            Code::Device
        } else {
            Code::Capacity
        };
        Some(Reason {
            resource: Some(resource.name.clone()),
            ..Reason::numbers(
                code,
                resource.real(self.need_of(item)[at]),
                resource.real(room),
            )
        })
    }

    /// The first rule that keeps an item off a node, with the items placed as they are.
    pub fn forbids(&self, item: usize, node: usize, placed: &[Option<usize>]) -> Option<Reason> {
        let problem = self.problem;
        let guest = self.guests[item];
        let home = |other: usize| match self.item_of[other] {
            Some(item) => placed.get(item).copied().flatten(),
            None => self.home_of(other),
        };
        for (at, rule) in problem.rules.iter().enumerate() {
            if self.given.is_given(at) || rule.guests.binary_search(&guest).is_err() {
                continue;
            }
            let mut others = rule.guests.iter().copied().filter(|&other| other != guest);
            let other = match &rule.kind {
                RuleKind::Nodes { nodes, strict } => {
                    if *strict && nodes.binary_search_by_key(&node, |(n, _)| *n).is_err() {
                        return Some(Reason::of_rule(Code::NodeAffinity, &rule.id));
                    }
                    None
                }
                RuleKind::Together => {
                    others.find(|&other| home(other).is_some_and(|home| home != node))
                }
                RuleKind::Apart => others.find(|&other| home(other) == Some(node)),
            };
            if let Some(other) = other {
                let code = match rule.kind {
                    RuleKind::Together => Code::PositiveAffinity,
                    _ => Code::NegativeAffinity,
                };
                return Some(Reason {
                    have: Some(Value::Name(problem.guests[other].sid.clone())),
                    ..Reason::of_rule(code, &rule.id)
                });
            }
        }
        None
    }
}
