//! The exact search: units get nodes one after the other, the one with the fewest nodes left first; what
//! they take is struck from the others' nodes at once. It ends with an answer, with a proof that there is
//! none, or with its steps. Restarts learn from failures: units at which the search failed come earlier.

use super::allowance::{Left, Limits};
use super::apart::Apart;
use super::model::{Model, each, fits};
use super::restart::luby;
use super::sums::Sums;
use super::symmetry::alike;
use crate::placement::search::Budget;

/// How the search ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The node of each unit; none for those that were left out.
    Found(Vec<Option<usize>>),
    /// There is none.
    None,
    /// The steps were too few.
    Stopped,
}

/// A decision: a unit is put on a node, or left out.
struct Frame {
    unit: usize,
    node: Option<usize>,
    /// How much was struck before it.
    struck: usize,
    /// What was left of the allowances before it.
    left: Left,
}

/// The state of the search.
pub(super) struct Search<'m> {
    pub model: &'m Model,
    pub limits: &'m Limits,
    pub left: Left,
    /// What the nodes have left, by node and resource.
    pub room: Vec<u64>,
    pub at: Vec<Option<usize>>,
    /// Units that are neither placed nor left out, in no order.
    pub open: Vec<usize>,
    /// Where in `open` each is.
    position: Vec<usize>,
    domains: Vec<u64>,
    /// How many nodes are left to each unit.
    count: Vec<u32>,
    /// What was struck from domains: unit and node.
    struck: Vec<(usize, usize)>,
    frames: Vec<Frame>,
    /// How often the search failed at each unit.
    weight: Vec<u64>,
    /// Units that are no different, and in which of these each is.
    like: Vec<Vec<usize>>,
    class: Vec<usize>,
    /// Both are away while they are at work.
    sums: Option<Sums>,
    apart: Option<Apart>,
    /// How far the order of the nodes is stirred, from 0, and by what.
    stir: f64,
    random: u64,
}

impl<'m> Search<'m> {
    pub fn new(model: &'m Model, limits: &'m Limits) -> Search<'m> {
        let units = model.units;
        let like = alike(model, limits);
        let mut class = vec![0; units];
        for (at, units) in like.iter().enumerate() {
            units.iter().for_each(|&unit| class[unit] = at);
        }
        let mut search = Search {
            model,
            limits,
            left: limits.left.clone(),
            room: model.room.clone(),
            at: vec![None; units],
            open: (0..units).collect(),
            position: (0..units).collect(),
            domains: model.domains.clone(),
            count: vec![0; units],
            struck: Vec::new(),
            frames: Vec::new(),
            weight: vec![1; units],
            like,
            class,
            sums: Some(Sums::new(model)),
            apart: Some(Apart::new(model)),
            stir: 0.0,
            random: 0,
        };
        for unit in 0..units {
            for node in 0..model.nodes {
                if search.has(unit, node) && !search.may(unit, node) {
                    search.domains[unit * model.words + node / 64] &= !(1 << (node % 64));
                }
            }
            let domain = search.domain(unit).iter().map(|word| word.count_ones());
            search.count[unit] = domain.sum();
        }
        search
    }

    /// Searches to the end, with restarts.
    pub fn run(&mut self, budget: &mut Budget<'_>) -> End {
        if !budget.steps(self.model.cost()) {
            return End::Stopped;
        }
        let unit = 10 * (self.model.units as u64 + 10);
        let mut round = 1;
        loop {
            let end = budget.part(unit * luby(round), |part| self.descend(part));
            if end != End::Stopped || budget.left() == 0 {
                return end;
            }
            while let Some(frame) = self.frames.pop() {
                self.leave(frame);
            }
            round += 1;
            self.stir = 0.5;
            self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        }
    }

    /// Whether nothing says from the start that there is no answer.
    pub fn is_promising(&mut self) -> bool {
        self.promising()
    }

    fn descend(&mut self, budget: &mut Budget<'_>) -> End {
        let mut alive = self.promising();
        loop {
            if alive && self.open.is_empty() {
                return End::Found(self.at.clone());
            }
            if alive {
                if !budget.steps(1 + (self.open.len() * self.model.nodes / 64) as u64) {
                    return End::Stopped;
                }
                let (unit, node) = self.select();
                alive = self.decide(unit, node) && self.promising();
            } else {
                let Some(frame) = self.frames.pop() else {
                    return End::None;
                };
                let (unit, node) = (frame.unit, frame.node);
                self.leave(frame);
                // It is not there, then; who was left out could not be anywhere else.
                let refuted = node.is_some_and(|node| self.refute(unit, node));
                alive = refuted && self.promising();
            }
        }
    }

    /// What is decided next: the unit with the fewest nodes left for the trouble that it made, then the biggest,
    /// and the node that suits it best; or the node that must be filled and has the fewest units left.
    fn select(&self) -> (usize, Option<usize>) {
        let before = |a: usize, b: usize| {
            let of = |u: usize, v: usize| u64::from(self.count[u]).saturating_mul(self.weight[v]);
            let tight = |u: usize| self.model.tight[u];
            of(a, b)
                .cmp(&of(b, a))
                .then(tight(b).total_cmp(&tight(a)))
                .then(a.cmp(&b))
                .is_lt()
        };
        let mut unit = self.open[0];
        for &other in &self.open[1..] {
            if before(other, unit) {
                unit = other;
            }
        }
        let narrow = self.sums.as_ref().and_then(|sums| sums.narrow);
        if let Some((node, units)) = narrow {
            if units < self.count[unit] as usize {
                let there = self.open.iter().filter(|&&u| self.has(u, node));
                let score = |&&unit: &&usize| (self.left_over(unit, node), unit);
                let best = there.min_by(|a, b| {
                    let (a, b) = (score(a), score(b));
                    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
                });
                if let Some(&unit) = best {
                    return (unit, Some(node));
                }
            }
        }
        let nodes = each(self.domain(unit));
        let score = |node| {
            (
                self.model.rank(unit, node),
                self.left_over(unit, node),
                node,
            )
        };
        let best = nodes.map(score).min_by(|a, b| {
            let rank = a.0.cmp(&b.0);
            rank.then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2))
        });
        (unit, best.map(|best| best.2))
    }

    /// The largest part of all room that a node would have left of a resource: the first run takes the best
    /// fit first, later ones stir the order.
    fn left_over(&self, unit: usize, node: usize) -> f64 {
        let need = self.model.need_of(unit);
        let room = &self.room[node * need.len()..][..need.len()];
        let parts = need.iter().zip(room).zip(&self.model.total_room);
        let parts = parts.map(|((need, room), total)| room.saturating_sub(*need) as f64 / total);
        let most = parts.fold(0.0, f64::max);
        let pair = (unit * self.model.nodes + node) as u64;
        let mut random = self.random ^ pair.wrapping_mul(0xd134_2543_de82_ef95);
        random = (random ^ random >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        most * (1.0 + self.stir * (random >> 40) as f64 / f64::from(1 << 24))
    }

    /// Puts a unit on a node or leaves it out. False if that cannot be.
    fn decide(&mut self, unit: usize, node: Option<usize>) -> bool {
        self.frames.push(Frame {
            unit,
            node,
            struck: self.struck.len(),
            left: self.left.clone(),
        });
        self.close(unit);
        match node {
            Some(node) => self.assign(unit, node),
            None => self.left.leave_out(self.limits, self.model, unit),
        }
    }

    /// Puts a unit on a node, and strikes what can no longer be. False if that leaves nothing to a unit.
    fn assign(&mut self, unit: usize, node: usize) -> bool {
        let n = self.model.resources.len();
        let before = self.left.clone();
        self.left
            .take(self.limits, self.model, &self.room, unit, node);
        for (room, need) in self.room[node * n..]
            .iter_mut()
            .zip(self.model.need_of(unit))
        {
            *room -= need;
        }
        self.at[unit] = Some(node);
        let mut alive = true;
        let everywhere = self.left != before;
        for at in 0..self.open.len() {
            let other = self.open[at];
            if everywhere {
                for node in 0..self.model.nodes {
                    if self.has(other, node) && !self.may(other, node) {
                        alive &= self.strike(other, node);
                    }
                }
            } else if self.has(other, node) && !self.may(other, node) {
                alive &= self.strike(other, node);
            }
        }
        let model = self.model;
        for &group in model.groups_of(unit) {
            for &other in &model.apart[group] {
                if other != unit && self.is_open(other) && self.has(other, node) {
                    alive &= self.strike(other, node);
                }
            }
        }
        alive
    }

    /// Strikes a node from what is left to a unit, with all units and all nodes that are no different. False if
    /// that leaves nothing to a unit.
    fn refute(&mut self, unit: usize, node: usize) -> bool {
        let equal: Vec<usize> = each(self.domain(unit))
            .filter(|&other| other == node || self.are_alike(node, other))
            .collect();
        let mut alive = true;
        for at in 0..self.like[self.class[unit]].len() {
            let other = self.like[self.class[unit]][at];
            for &node in &equal {
                if self.is_open(other) && self.has(other, node) {
                    alive &= self.strike(other, node);
                }
            }
        }
        alive
    }

    /// Undoes a decision.
    fn leave(&mut self, frame: Frame) {
        if let Some(node) = frame.node {
            let need = self.model.need_of(frame.unit);
            let room = &mut self.room[node * need.len()..];
            room.iter_mut()
                .zip(need)
                .for_each(|(room, need)| *room += need);
        }
        self.at[frame.unit] = None;
        self.left = frame.left;
        self.unstrike(frame.struck);
        self.position[frame.unit] = self.open.len();
        self.open.push(frame.unit);
    }

    /// Takes a unit out of those that are open.
    fn close(&mut self, unit: usize) {
        let at = self.position[unit];
        self.open.swap_remove(at);
        if let Some(&moved) = self.open.get(at) {
            self.position[moved] = at;
        }
        self.position[unit] = usize::MAX;
    }

    /// Whether it is neither placed nor left out.
    pub fn is_open(&self, unit: usize) -> bool {
        self.position[unit] != usize::MAX
    }

    /// Whether two nodes are no different for all that is still to come.
    fn are_alike(&self, one: usize, other: usize) -> bool {
        let n = self.model.resources.len();
        self.room[one * n..][..n] == self.room[other * n..][..n]
            && self.limits.are_alike(self.model, &self.room, one, other)
            && self.open.iter().all(|&u| {
                self.has(u, one) == self.has(u, other)
                    && self.model.rank(u, one) == self.model.rank(u, other)
            })
    }

    /// Whether there is room for a unit on a node, and the allowances bear it.
    fn may(&self, unit: usize, node: usize) -> bool {
        let need = self.model.need_of(unit);
        fits(need, &self.room[node * need.len()..][..need.len()])
            && self
                .left
                .bear(self.limits, self.model, &self.room, unit, node)
    }

    /// The nodes that are left to a unit.
    pub fn domain(&self, unit: usize) -> &[u64] {
        &self.domains[unit * self.model.words..][..self.model.words]
    }

    fn has(&self, unit: usize, node: usize) -> bool {
        self.domains[unit * self.model.words + node / 64] >> (node % 64) & 1 == 1
    }

    /// Strikes a node from what is left to a unit. False if nothing is.
    fn strike(&mut self, unit: usize, node: usize) -> bool {
        self.domains[unit * self.model.words + node / 64] &= !(1 << (node % 64));
        self.struck.push((unit, node));
        self.count[unit] -= 1;
        let alive = self.count[unit] > 0 || self.limits.is_optional(unit);
        if !alive {
            self.weight[unit] = self.weight[unit].saturating_add(1);
        }
        alive
    }

    fn unstrike(&mut self, until: usize) {
        for (unit, node) in self.struck.drain(until..) {
            self.domains[unit * self.model.words + node / 64] |= 1 << (node % 64);
            self.count[unit] += 1;
        }
    }

    /// Whether nothing says that there is no answer from here.
    fn promising(&mut self) -> bool {
        let mut sums = self.sums.take().unwrap_or_else(|| Sums::new(self.model));
        let enough = sums.promising(self);
        self.sums = Some(sums);
        let mut apart = self.apart.take().unwrap_or_else(|| Apart::new(self.model));
        let promising = enough && apart.promising(self);
        self.apart = Some(apart);
        promising
    }
}
