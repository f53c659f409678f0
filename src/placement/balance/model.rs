//! The question of balancing as its search sees it: guests that must be on one node are one unit, guests that
//! can be nowhere stay where they are, and every limit is a number.

use std::collections::BTreeSet;

use super::super::bits::Bits;
use super::super::instance::Instance;
use super::super::problem::Problem;

/// No node: a unit that has not got one yet.
pub const NOWHERE: usize = usize::MAX;

/// Guests that are to be on one node.
pub struct Unit {
    /// Items of the instance.
    pub items: Vec<usize>,
    /// What they need together.
    pub need: Vec<u64>,
    /// Where all of them are, if they may stay there.
    pub home: Option<usize>,
    /// Where they may be.
    pub allowed: Bits,
    /// The groups of units to be kept apart that it is in.
    pub apart: Vec<usize>,
    /// Moves and bytes if none of them stays where it is.
    pub cost: Cost,
}

/// Moves, and the bytes that they copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost {
    /// Guests that move.
    pub moves: u64,
    /// Their volumes and their memory.
    pub bytes: u64,
}

impl Cost {
    /// Both.
    pub fn plus(self, other: Cost) -> Cost {
        Cost {
            moves: self.moves + other.moves,
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    /// What is left of it without the other.
    pub fn minus(self, other: Cost) -> Cost {
        Cost {
            moves: self.moves.saturating_sub(other.moves),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}

/// The question.
pub struct Model<'a> {
    /// What it is of.
    pub instance: &'a Instance<'a>,
    /// Resources.
    pub resources: usize,
    /// Nodes.
    pub nodes: usize,
    /// Where each item is now.
    pub from: Vec<usize>,
    /// What is to be placed.
    pub units: Vec<Unit>,
    /// What no choice changes, by node and resource.
    pub base: Vec<u64>,
    /// Units that are at home at first, by node and resource, those with the most for a move first.
    pub natives: Vec<Vec<usize>>,
    /// Units without a home, those that need most first.
    pub homeless: Vec<usize>,
    /// Items that can be nowhere.
    pub stuck: Vec<usize>,
    /// What all nodes may have on them, by resource.
    totals: Vec<u64>,
    /// Whether two that are to be apart cannot be.
    pub contradicts: bool,
}

impl<'a> Model<'a> {
    /// The question of an instance, nodes outside of `usable` being closed.
    pub fn new(instance: &'a Instance<'a>, usable: &Bits) -> Model<'a> {
        let guests = &instance.problem.guests;
        let from: Vec<usize> = instance
            .guests
            .iter()
            .map(|&guest| guests[guest].node.unwrap_or(NOWHERE))
            .collect();
        let mut model = Model {
            instance,
            resources: instance.resources(),
            nodes: instance.nodes(),
            from,
            units: Vec::new(),
            base: instance.load.clone(),
            natives: Vec::new(),
            homeless: Vec::new(),
            stuck: Vec::new(),
            totals: totals(instance),
            contradicts: false,
        };
        model.form_units(usable);
        model.order();
        model
    }

    fn form_units(&mut self, usable: &Bits) {
        let instance = self.instance;
        let mut grouped = vec![false; instance.guests.len()];
        let mut sets = instance.together.clone();
        sets.iter().flatten().for_each(|&item| grouped[item] = true);
        let single = (0..instance.guests.len()).filter(|&item| !grouped[item]);
        sets.extend(single.map(|item| vec![item]));
        sets.sort();
        let mut allowed: Vec<Bits> = Vec::with_capacity(sets.len());
        let mut set_of = vec![0; instance.guests.len()];
        for (at, set) in sets.iter().enumerate() {
            let mut nodes = instance.allowed[set[0]].clone();
            nodes.intersect(usable);
            nodes = nodes.iter().filter(|&n| self.bears(set, n)).collect();
            allowed.push(nodes);
            set.iter().for_each(|&item| set_of[item] = at);
        }
        let stuck = self.find_stuck(&sets, &set_of, &mut allowed);
        let mut unit_of = vec![None; sets.len()];
        for (at, (items, allowed)) in sets.into_iter().zip(allowed).enumerate() {
            if stuck[at] {
                for &item in &items {
                    let load = &mut self.base[self.from[item] * self.resources..];
                    add(load, instance.need_of(item));
                }
                self.stuck.extend(items);
            } else {
                unit_of[at] = Some(self.units.len());
                let unit = self.unit(items, allowed);
                self.units.push(unit);
            }
        }
        for (group, items) in instance.apart.iter().enumerate() {
            // More guests than nodes: two must meet.
            self.contradicts |= items.len() > self.nodes;
            for &item in items {
                let Some(unit) = unit_of[set_of[item]] else {
                    continue;
                };
                let groups = &mut self.units[unit].apart;
                if groups.last() == Some(&group) {
                    self.contradicts = true;
                } else {
                    groups.push(group);
                }
            }
        }
    }

    /// Whether a node could hold all of a set, were nothing else there that can move.
    fn bears(&self, set: &[usize], node: usize) -> bool {
        let (load, limit) = (self.instance.load_of(node), self.instance.limit_of(node));
        set.len() == 1
            || (0..self.resources).all(|at| {
                let need = set.iter().map(|&item| self.instance.need_of(item)[at]);
                let need: u64 = need.sum();
                need == 0 || load[at] + need <= limit[at]
            })
    }

    /// The sets that have no node; where one stays, none may go that must be apart from it.
    fn find_stuck(&self, sets: &[Vec<usize>], set_of: &[usize], allowed: &mut [Bits]) -> Vec<bool> {
        let mut apart = vec![Vec::new(); self.instance.guests.len()];
        for (group, items) in self.instance.apart.iter().enumerate() {
            items.iter().for_each(|&item| apart[item].push(group));
        }
        let mut stuck: Vec<bool> = allowed.iter().map(Bits::is_empty).collect();
        let mut left: Vec<usize> = (0..sets.len()).filter(|&set| stuck[set]).collect();
        let mut closed = BTreeSet::new();
        while let Some(set) = left.pop() {
            for &item in &sets[set] {
                let home = self.from[item];
                let groups = apart[item].iter();
                let groups = groups.filter(|&&group| closed.insert((group, home)));
                let groups: Vec<usize> = groups.copied().collect();
                for &other in groups.iter().flat_map(|&group| &self.instance.apart[group]) {
                    let other = set_of[other];
                    if other != set && !stuck[other] {
                        allowed[other].remove(home);
                        stuck[other] = allowed[other].is_empty();
                        left.extend(Some(other).filter(|&other| stuck[other]));
                    }
                }
            }
        }
        stuck
    }

    fn unit(&self, items: Vec<usize>, allowed: Bits) -> Unit {
        let mut need = vec![0; self.resources];
        let mut cost = Cost::default();
        for &item in &items {
            add(&mut need, self.instance.need_of(item));
            cost = cost.plus(self.cost_of(item));
        }
        let first = self.from[items[0]];
        let whole = items.iter().all(|&item| self.from[item] == first);
        Unit {
            home: Some(first).filter(|&home| whole && allowed.contains(home)),
            items,
            need,
            allowed,
            apart: Vec::new(),
            cost,
        }
    }

    /// What it costs to move an item.
    fn cost_of(&self, item: usize) -> Cost {
        let guest = self.instance.guests[item];
        let memory = self.instance.charge(guest)[Problem::MEM];
        Cost {
            moves: 1,
            bytes: self.instance.problem.guests[guest]
                .bytes()
                .saturating_add(memory),
        }
    }

    /// What it costs that a unit is on a node.
    pub fn cost(&self, unit: usize, node: usize) -> Cost {
        let unit = &self.units[unit];
        let stays = unit.items.iter().filter(|&&item| self.from[item] == node);
        match unit.home {
            Some(home) if home == node => Cost::default(),
            Some(_) => unit.cost,
            None => stays.fold(unit.cost, |cost, &item| cost.minus(self.cost_of(item))),
        }
    }

    /// The units of guests.
    pub fn units_of(&self, guests: &[usize]) -> Vec<usize> {
        let of = |&item: &usize| guests.binary_search(&self.instance.guests[item]).is_ok();
        (0..self.units.len())
            .filter(|&unit| self.units[unit].items.iter().any(of))
            .collect()
    }

    fn order(&mut self) {
        self.natives = vec![Vec::new(); self.nodes * self.resources];
        for (at, unit) in self.units.iter().enumerate() {
            match unit.home {
                Some(home) => {
                    for resource in 0..self.resources {
                        if unit.need[resource] > 0 {
                            self.natives[home * self.resources + resource].push(at);
                        }
                    }
                }
                None => self.homeless.push(at),
            }
        }
        let units = &self.units;
        for (at, natives) in self.natives.iter_mut().enumerate() {
            let resource = at % self.resources;
            let scaled = |unit: usize, by: usize| {
                u128::from(units[unit].need[resource]) * u128::from(units[by].cost.moves)
            };
            natives.sort_by(|&a, &b| scaled(b, a).cmp(&scaled(a, b)).then(a.cmp(&b)));
        }
        let mut homeless = std::mem::take(&mut self.homeless);
        homeless.sort_by(|&a, &b| self.share(b).total_cmp(&self.share(a)).then(a.cmp(&b)));
        self.homeless = homeless;
    }

    /// How large a node is: the parts that it has of what all have together.
    pub fn size(&self, node: usize) -> f64 {
        let limits = self.instance.limit_of(node).iter().zip(&self.totals);
        limits
            .map(|(&limit, &all)| limit as f64 / all.max(1) as f64)
            .sum()
    }

    /// The largest part that a unit needs of anything that all nodes have together.
    pub fn share(&self, unit: usize) -> f64 {
        let need = &self.units[unit].need;
        let part = |at: usize| need[at] as f64 / self.totals[at].max(1) as f64;
        (0..self.resources).map(part).fold(0.0, f64::max)
    }
}

fn totals(instance: &Instance<'_>) -> Vec<u64> {
    let mut totals = vec![0; instance.resources()];
    (0..instance.nodes()).for_each(|node| add(&mut totals, instance.limit_of(node)));
    totals
}

/// Adds one amount of each resource.
pub fn add(load: &mut [u64], need: &[u64]) {
    for (load, need) in load.iter_mut().zip(need) {
        *load = load.saturating_add(*need);
    }
}
