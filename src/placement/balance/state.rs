//! A placement in the making: what is on each node, what is too much there, and how many moves that will take
//! at least.

use hashbrown::{HashMap, HashSet};

use super::model::{Cost, Model, NOWHERE, add};

/// No number of moves is enough.
pub const NEVER: u64 = u64::MAX;

/// A placement of units, all or some.
#[derive(Clone)]
pub struct State<'m> {
    /// What it is of.
    pub model: &'m Model<'m>,
    /// What a node is to have on it at most, by node and resource.
    pub target: &'m [u64],
    /// Where each unit is.
    pub place: Vec<usize>,
    /// What is on each node, by node and resource.
    pub load: Vec<u64>,
    /// Units that stay where they are now.
    pub settled: Vec<bool>,
    /// What has been moved.
    pub spent: Cost,
    /// How many units of a group are on a node, and the units that are in groups, by node.
    members: HashMap<(usize, usize), u32>,
    grouped: Vec<Vec<usize>>,
}

impl<'m> State<'m> {
    /// All units at home, those without one nowhere.
    pub fn new(model: &'m Model<'m>, target: &'m [u64]) -> State<'m> {
        let mut state = State {
            model,
            target,
            place: vec![NOWHERE; model.units.len()],
            load: model.base.clone(),
            settled: vec![false; model.units.len()],
            spent: Cost::default(),
            members: HashMap::new(),
            grouped: vec![Vec::new(); model.nodes],
        };
        for (unit, it) in model.units.iter().enumerate() {
            if let Some(home) = it.home {
                state.put(unit, home);
            }
        }
        state
    }

    /// Puts a unit that is nowhere on a node.
    pub fn put(&mut self, unit: usize, node: usize) {
        let it = &self.model.units[unit];
        add(&mut self.load[node * self.model.resources..], &it.need);
        self.place[unit] = node;
        self.spent = self.spent.plus(self.model.cost(unit, node));
        for &group in &it.apart {
            *self.members.entry((group, node)).or_insert(0) += 1;
        }
        if !it.apart.is_empty() {
            self.grouped[node].push(unit);
        }
    }

    /// Takes a unit off its node.
    pub fn take(&mut self, unit: usize) {
        let it = &self.model.units[unit];
        let node = std::mem::replace(&mut self.place[unit], NOWHERE);
        let load = &mut self.load[node * self.model.resources..];
        load.iter_mut()
            .zip(&it.need)
            .for_each(|(load, need)| *load -= need);
        self.spent = self.spent.minus(self.model.cost(unit, node));
        for &group in &it.apart {
            if let Some(count) = self.members.get_mut(&(group, node)) {
                *count -= 1;
            }
        }
        if !it.apart.is_empty() {
            self.grouped[node].retain(|&other| other != unit);
        }
    }

    /// From where it is, if it is anywhere, to a node.
    pub fn shift(&mut self, unit: usize, node: usize) {
        if self.place[unit] != NOWHERE {
            self.take(unit);
        }
        self.put(unit, node);
    }

    /// Whether a unit that is not there can go to a node, so that nothing is too much there.
    pub fn fits(&self, unit: usize, node: usize) -> bool {
        let n = self.model.resources;
        let need = self.model.units[unit].need.iter();
        let (load, target) = (&self.load[node * n..], &self.target[node * n..]);
        self.model.units[unit].allowed.contains(node)
            && need
                .zip(load.iter().zip(target))
                .all(|(&need, (load, target))| need == 0 || load + need <= *target)
            && !self.meets(unit, node)
    }

    /// Whether a unit that is not on a node would meet one there that it must be apart from.
    pub fn meets(&self, unit: usize, node: usize) -> bool {
        let groups = &self.model.units[unit].apart;
        groups
            .iter()
            .any(|&group| self.members.get(&(group, node)).is_some_and(|&c| c > 0))
    }

    /// The units of groups that are on a node.
    pub fn grouped(&self, node: usize) -> &[usize] {
        &self.grouped[node]
    }

    /// How many units of a group are on a node.
    pub fn members(&self, group: usize, node: usize) -> u32 {
        self.members.get(&(group, node)).copied().unwrap_or(0)
    }

    /// Whether two that must be apart are on a node.
    pub fn clashes(&self, node: usize) -> bool {
        self.grouped[node].iter().any(|&unit| {
            let groups = &self.model.units[unit].apart;
            groups.iter().any(|&group| self.members(group, node) > 1)
        })
    }

    /// By how much a node has too much of a resource.
    pub fn excess(&self, node: usize, resource: usize) -> u64 {
        let at = node * self.model.resources + resource;
        self.load[at].saturating_sub(self.target[at])
    }

    /// Whether nothing is too much on a node, and nobody meets whom they must not.
    pub fn is_well(&self, node: usize) -> bool {
        (0..self.model.resources).all(|at| self.excess(node, at) == 0) && !self.clashes(node)
    }

    /// The moves away from a node that it takes at least until it is well.
    pub fn least(&self, node: usize) -> u64 {
        let mut least = 0;
        for resource in 0..self.model.resources {
            let excess = self.excess(node, resource);
            if excess > 0 {
                least = least.max(self.cover(node, resource, excess));
            }
        }
        least.max(self.parting(node))
    }

    /// The least cost of moves whose needs add up to an excess, were units divisible: those with the most for
    /// a move first, and the last one's part rounded up.
    fn cover(&self, node: usize, resource: usize, excess: u64) -> u64 {
        let natives = &self.model.natives[node * self.model.resources + resource];
        let (mut left, mut moves) = (excess, 0);
        for &unit in natives.iter().filter(|&&unit| self.may_leave(unit)) {
            let it = &self.model.units[unit];
            if it.need[resource] >= left {
                let part = u128::from(it.cost.moves) * u128::from(left);
                let part = part.div_ceil(u128::from(it.need[resource]));
                return moves + u64::try_from(part).unwrap_or(it.cost.moves);
            }
            left -= it.need[resource];
            moves += it.cost.moves;
        }
        NEVER
    }

    /// The least number of units that leave so that all are apart.
    fn parting(&self, node: usize) -> u64 {
        let (mut least, mut seen) = (0, HashSet::new());
        for &unit in &self.grouped[node] {
            for &group in &self.model.units[unit].apart {
                let here = u64::from(self.members(group, node));
                if here > 1 && seen.insert(group) {
                    let in_group =
                        |other: &&usize| self.model.units[**other].apart.contains(&group);
                    let others = self.grouped[node].iter().filter(in_group);
                    let staying = others.filter(|&&other| !self.may_leave(other)).count();
                    least = least.max(if staying > 1 { NEVER } else { here - 1 });
                }
            }
        }
        least
    }

    /// Whether a unit is at home and may still leave.
    pub fn may_leave(&self, unit: usize) -> bool {
        !self.settled[unit] && Some(self.place[unit]) == self.model.units[unit].home
    }

    /// How full a node would be with a unit: the largest part of any target; 1 and more is too much.
    pub fn fullness(&self, unit: usize, node: usize) -> f64 {
        let n = self.model.resources;
        let part = |at: usize| {
            let load = self.load[node * n + at] + self.model.units[unit].need[at];
            load as f64 / self.target[node * n + at].max(1) as f64
        };
        (0..n).map(part).fold(0.0, f64::max)
    }
}
