//! What an answer may cost: how far it is from the best ranks, how many soft limits it breaks, how many idle
//! nodes it takes, who may be left out. The exact search finds an answer within these or proves that there
//! is none; the best answer is the one for which nothing less is enough.

use super::model::Model;

/// What is allowed.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    /// What may be spent in all.
    pub left: Left,
    /// The lowest rank that each unit can have; empty: ranks are no matter.
    pub least: Vec<u32>,
    /// By node and resource: with less room than this it is over its soft limit. Empty: no matter.
    pub floor: Vec<u64>,
    /// The nodes on which no guest is charged yet; empty: no matter.
    pub idle: Vec<bool>,
    /// The class of each unit that may be left out, `usize::MAX` for the others; empty: none may.
    pub class: Vec<usize>,
}

/// What is still left of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// Ranks above the least.
    pub rank: u64,
    /// Soft limits.
    pub overs: u64,
    /// Idle nodes.
    pub nodes: u64,
    /// Items, by class.
    pub out: Vec<u64>,
}

impl Limits {
    /// Whether everything is allowed but to leave units out.
    pub fn is_void(&self) -> bool {
        [
            self.least.len(),
            self.floor.len(),
            self.idle.len(),
            self.class.len(),
        ] == [0; 4]
    }

    /// Whether a unit may be left out.
    pub fn is_optional(&self, unit: usize) -> bool {
        self.class.get(unit).is_some_and(|&c| c != usize::MAX)
    }

    /// The idle nodes that a unit takes if it is put on this one.
    fn opens(&self, model: &Model, room: &[u64], unit: usize, node: usize) -> u64 {
        let taken = self.is_idle(model, room, node) && model.need_of(unit).iter().any(|&n| n > 0);
        u64::from(taken)
    }

    /// Whether no guest is charged on a node.
    pub fn is_idle(&self, model: &Model, room: &[u64], node: usize) -> bool {
        let n = model.resources.len();
        self.idle.get(node) == Some(&true) && room[node * n..][..n] == *model.room_of(node)
    }

    /// The soft limits that a unit breaks there.
    fn breaks(&self, model: &Model, room: &[u64], unit: usize, node: usize) -> u64 {
        let n = model.resources.len();
        let Some(floor) = self.floor.get(node * n..(node + 1) * n) else {
            return 0;
        };
        let each = floor.iter().zip(&room[node * n..]).zip(model.need_of(unit));
        let broken = each.filter(|((floor, room), need)| room >= floor && *room - *need < **floor);
        broken.count() as u64
    }

    /// How far a unit is above its least rank there.
    pub fn above(&self, model: &Model, unit: usize, node: usize) -> u64 {
        let least = self.least.get(unit);
        least.map_or(0, |least| u64::from(model.rank(unit, node) - least))
    }

    /// Whether two nodes with the same room are no different to what is left.
    pub fn are_alike(&self, model: &Model, room: &[u64], one: usize, other: usize) -> bool {
        let n = model.resources.len();
        let floor = |node| self.floor.get(node * n..(node + 1) * n);
        floor(one) == floor(other)
            && self.is_idle(model, room, one) == self.is_idle(model, room, other)
    }
}

impl Left {
    /// Whether a unit can be put on a node that has room for it.
    pub fn bear(&self, l: &Limits, model: &Model, room: &[u64], unit: usize, node: usize) -> bool {
        l.above(model, unit, node) <= self.rank
            && l.breaks(model, room, unit, node) <= self.overs
            && l.opens(model, room, unit, node) <= self.nodes
    }

    /// Puts it there, as long as it can be borne.
    pub fn take(&mut self, l: &Limits, model: &Model, room: &[u64], unit: usize, node: usize) {
        self.rank -= l.above(model, unit, node);
        self.overs -= l.breaks(model, room, unit, node);
        self.nodes -= l.opens(model, room, unit, node);
    }

    /// Leaves a unit out, if it may be.
    pub fn leave_out(&mut self, limits: &Limits, model: &Model, unit: usize) -> bool {
        let class = limits.class.get(unit);
        let left = class.and_then(|&class| self.out.get_mut(class));
        let items = model.members(unit).len() as u64;
        match left.filter(|left| **left >= items) {
            Some(left) => {
                *left -= items;
                true
            }
            None => false,
        }
    }
}
