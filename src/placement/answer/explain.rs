//! Why each guest is where it is, and not elsewhere.

use std::collections::BTreeMap;

use crate::placement::instance::{Code, Instance, Reason, Value};
use crate::placement::problem::RuleKind;

/// The reasons of one guest, by the node's name.
pub type Reasons = BTreeMap<String, Reason>;

/// The reasons for all items that `wanted` names, with the items where `placed` has them.
pub fn explain(
    instance: &Instance<'_>,
    placed: &[Option<usize>],
    wanted: impl Iterator<Item = usize>,
) -> BTreeMap<String, Reasons> {
    let placement = Placement::new(instance, placed);
    let problem = instance.problem;
    wanted
        .map(|item| {
            let nodes = problem.nodes.iter().enumerate();
            let reasons = nodes.map(|(at, node)| (node.name.clone(), placement.reason(item, at)));
            let sid = problem.guests[instance.guests[item]].sid.clone();
            (sid, reasons.collect())
        })
        .collect()
}

/// The reasons of one item, by node.
pub fn reasons(instance: &Instance<'_>, placed: &[Option<usize>], item: usize) -> Vec<Reason> {
    let placement = Placement::new(instance, placed);
    (0..instance.nodes())
        .map(|node| placement.reason(item, node))
        .collect()
}

struct Placement<'a> {
    instance: &'a Instance<'a>,
    placed: &'a [Option<usize>],
    /// By node and resource, with all items that are placed.
    load: Vec<u64>,
}

impl<'a> Placement<'a> {
    fn new(instance: &'a Instance<'a>, placed: &'a [Option<usize>]) -> Placement<'a> {
        let resources = instance.resources();
        let mut load = instance.load.clone();
        for (item, node) in placed.iter().enumerate() {
            let Some(node) = node else { continue };
            let needs = load[node * resources..]
                .iter_mut()
                .zip(instance.need_of(item));
            needs.for_each(|(load, need)| *load = load.saturating_add(*need));
        }
        Placement {
            instance,
            placed,
            load,
        }
    }

    fn reason(&self, item: usize, node: usize) -> Reason {
        let instance = self.instance;
        if let Some(reason) = instance.lacks(item, node) {
            return reason;
        }
        if let Some(reason) = instance.forbids(item, node, self.placed) {
            return reason;
        }
        let chosen = self.placed[item];
        if chosen == Some(node) {
            return Reason {
                have: Some(Value::Number(self.highest(node, None))),
                ..Reason::plain(Code::Chosen)
            };
        }
        let room = instance.limit_of(node).iter().zip(self.load_of(node));
        let room = room.map(|(limit, load)| limit.saturating_sub(*load));
        if let Some(reason) = instance.too_little(item, room) {
            return reason;
        }
        match chosen {
            Some(chosen) => self.worse(item, node, chosen),
            None => self.group(item, node),
        }
    }

    /// Why a node that would do was not taken.
    fn worse(&self, item: usize, node: usize, chosen: usize) -> Reason {
        let instance = self.instance;
        if instance.rank_of(item, node) > instance.rank_of(item, chosen) {
            let guest = instance.guests[item];
            let mut rules = instance.problem.rules.iter();
            let rule = rules.find(|rule| {
                matches!(rule.kind, RuleKind::Nodes { .. })
                    && rule.guests.binary_search(&guest).is_ok()
            });
            return Reason {
                rule: rule.map(|rule| rule.id.clone()),
                ..Reason::plain(Code::LessPreferred)
            };
        }
        Reason {
            need: Some(Value::Number(self.highest(node, Some(item)))),
            have: Some(Value::Number(self.highest(chosen, None))),
            ..Reason::plain(Code::NotChosen)
        }
    }

    /// Why a guest without a node, which would fit by itself, does not: those that must be with it.
    fn group(&self, item: usize, node: usize) -> Reason {
        let instance = self.instance;
        let group = instance.together.iter().find(|group| group.contains(&item));
        for (at, resource) in instance.problem.resources.iter().enumerate() {
            let need = group.into_iter().flatten();
            let need = need.fold(0u64, |sum, &other| {
                sum.saturating_add(instance.need_of(other)[at])
            });
            let room = instance.limit_of(node)[at].saturating_sub(self.load_of(node)[at]);
            if need > room {
                return Reason {
                    resource: Some(resource.name.clone()),
                    need: Some(Value::Number(resource.real(need))),
                    have: Some(Value::Number(resource.real(room))),
                    ..Reason::plain(Code::PositiveAffinity)
                };
            }
        }
        Reason::plain(Code::NotChosen)
    }

    fn load_of(&self, node: usize) -> &[u64] {
        let resources = self.instance.resources();
        &self.load[node * resources..][..resources]
    }

    /// The highest load of a node as a share of what there may be, with one item more. Devices are there to be
    /// taken and no load.
    fn highest(&self, node: usize, with: Option<usize>) -> f64 {
        let limits = self
            .instance
            .limit_of(node)
            .iter()
            .zip(self.load_of(node))
            .enumerate();
        let share = |(at, (&limit, &load)): (usize, (&u64, &u64))| {
            let more = with.map_or(0, |item| self.instance.need_of(item)[at]);
            let load = load.saturating_add(more);
            if limit > 0 {
                load as f64 / limit as f64
            } else {
                0.0
            }
        };
        let loads = limits.filter(|(at, _)| !self.instance.problem.resources[*at].device);
        loads.map(share).fold(0.0, f64::max)
    }
}
