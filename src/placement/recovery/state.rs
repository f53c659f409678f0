//! A placement that is being improved: units on nodes, with what is left there.

use super::allowance::Limits;
use super::model::{Model, fits};

/// Units on nodes, each on one.
#[derive(Clone)]
pub(super) struct State<'m> {
    pub model: &'m Model,
    pub at: Vec<usize>,
    pub room: Vec<u64>,
    /// The units on each node.
    pub on: Vec<Vec<usize>>,
}

impl<'m> State<'m> {
    /// None if a unit has no node.
    pub fn new(model: &'m Model, at: &[Option<usize>]) -> Option<State<'m>> {
        let at: Vec<usize> = at.iter().copied().collect::<Option<_>>()?;
        let mut state = State {
            model,
            room: model.room.clone(),
            on: vec![Vec::new(); model.nodes],
            at,
        };
        for unit in 0..model.units {
            state.on[state.at[unit]].push(unit);
            state.charge(unit, state.at[unit]);
        }
        Some(state)
    }

    fn charge(&mut self, unit: usize, node: usize) {
        let need = self.model.need_of(unit);
        let room = self.room[node * need.len()..].iter_mut();
        room.zip(need).for_each(|(room, need)| *room -= need);
    }

    fn discharge(&mut self, unit: usize, node: usize) {
        let need = self.model.need_of(unit);
        let room = self.room[node * need.len()..].iter_mut();
        room.zip(need).for_each(|(room, need)| *room += need);
    }

    /// Takes the units to where they were at another time.
    pub fn restore(&mut self, at: &[usize]) {
        for (unit, &node) in at.iter().enumerate() {
            self.discharge(unit, self.at[unit]);
            self.on[self.at[unit]].retain(|&other| other != unit);
            self.at[unit] = node;
        }
        for (unit, &node) in at.iter().enumerate() {
            self.charge(unit, node);
            self.on[node].push(unit);
        }
    }

    /// Takes a unit to another node.
    pub fn go(&mut self, unit: usize, to: usize) {
        let from = std::mem::replace(&mut self.at[unit], to);
        self.discharge(unit, from);
        self.charge(unit, to);
        self.on[from].retain(|&other| other != unit);
        self.on[to].push(unit);
    }

    /// Two units change places.
    pub fn swap(&mut self, one: usize, other: usize) {
        let (here, there) = (self.at[one], self.at[other]);
        for (unit, from, to) in [(one, here, there), (other, there, here)] {
            self.discharge(unit, from);
            self.on[from].retain(|&o| o != unit);
            self.on[to].push(unit);
            self.at[unit] = to;
        }
        self.charge(one, there);
        self.charge(other, here);
    }

    /// Whether a unit may be on a node, were `without` not there, as far as rules say.
    pub fn may(&self, unit: usize, node: usize, without: Option<usize>) -> bool {
        let model = self.model;
        let word = model.domain(unit)[node / 64];
        word >> (node % 64) & 1 == 1
            && model.groups_of(unit).iter().all(|&group| {
                let others = model.apart[group].iter();
                let mut others = others.filter(|&&o| o != unit && Some(o) != without);
                others.all(|&other| self.at[other] != node)
            })
    }

    /// What a node has left when one unit comes and another goes; false if there is not room.
    pub fn after(
        &self,
        node: usize,
        comes: Option<usize>,
        goes: Option<usize>,
        to: &mut Vec<u64>,
    ) -> bool {
        let n = self.model.resources.len();
        to.clear();
        to.extend(&self.room[node * n..][..n]);
        if let Some(goes) = goes {
            let need = self.model.need_of(goes);
            to.iter_mut()
                .zip(need)
                .for_each(|(room, need)| *room += need);
        }
        let Some(comes) = comes else { return true };
        let need = self.model.need_of(comes);
        if !fits(need, to) {
            return false;
        }
        to.iter_mut()
            .zip(need)
            .for_each(|(room, need)| *room -= need);
        true
    }

    /// The ranks of all units, above the least.
    pub fn rank(&self, limits: &Limits) -> u64 {
        let each = self.at.iter().enumerate();
        each.map(|(unit, &node)| limits.above(self.model, unit, node))
            .sum()
    }

    /// The soft limits that are broken.
    pub fn overs(&self, limits: &Limits) -> u64 {
        let pairs = limits.floor.iter().zip(&self.room);
        pairs.filter(|(floor, room)| room < floor).count() as u64
    }
}
