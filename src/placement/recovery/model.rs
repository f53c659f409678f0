//! The question in the form that the solvers work on: items that are to be on one node are one unit, and
//! only the resources that somebody needs are left.

use crate::placement::instance::Instance;

/// Units, nodes, and what is needed and there.
#[derive(Clone)]
pub(super) struct Model {
    /// How many units there are.
    pub units: usize,
    /// How many nodes there are.
    pub nodes: usize,
    /// The resources that somebody needs, by their number in the problem.
    pub resources: Vec<usize>,
    /// The items of all units, one unit after the other.
    members: Vec<usize>,
    /// Where in `members` each unit begins, and the end.
    starts: Vec<usize>,
    /// By unit and resource.
    pub need: Vec<u64>,
    /// By node and resource.
    pub room: Vec<u64>,
    /// What each node may have on it, by node and resource.
    pub limit: Vec<u64>,
    /// The nodes on which each unit may be, so many words of bits each.
    pub domains: Vec<u64>,
    /// Words of bits of a domain.
    pub words: usize,
    /// Units that are to be on different nodes.
    pub apart: Vec<Vec<usize>>,
    /// In which of those each unit is.
    pub groups_of: Vec<Vec<usize>>,
    /// How far each node is from the best for a unit, by unit and node; empty: all alike.
    ranks: Vec<Vec<u32>>,
    /// The largest part that a unit needs of what all open nodes may have of a resource.
    pub share: Vec<f64>,
    /// The largest part that a unit needs of what all open nodes have left of a resource.
    pub tight: Vec<f64>,
    /// What all open nodes have left, by resource; at least 1.
    pub total_room: Vec<f64>,
    /// The units of which items are to be both on one node and on different ones.
    split: Vec<usize>,
}

impl Model {
    pub fn new(instance: &Instance<'_>) -> Model {
        let items = instance.guests.len();
        let mut unit_of = vec![usize::MAX; items];
        let mut members = Vec::with_capacity(items);
        let mut starts = Vec::with_capacity(items + 1);
        let mut group_of = vec![
            usize::MAX;
            if instance.together.is_empty() {
                0
            } else {
                items
            }
        ];
        for (at, group) in instance.together.iter().enumerate() {
            group.iter().for_each(|&item| group_of[item] = at);
        }
        for item in 0..items {
            if unit_of[item] != usize::MAX {
                continue;
            }
            let unit = starts.len();
            starts.push(members.len());
            match group_of.get(item).and_then(|&at| instance.together.get(at)) {
                Some(group) => members.extend(group),
                None => members.push(item),
            }
            members[starts[unit]..]
                .iter()
                .for_each(|&item| unit_of[item] = unit);
        }
        let units = starts.len();
        starts.push(members.len());
        let all = instance.resources();
        let resources: Vec<usize> = (0..all)
            .filter(|&r| (0..items).any(|item| instance.need[item * all + r] > 0))
            .collect();
        let nodes = instance.nodes();
        let mut model = Model {
            units,
            nodes,
            members,
            starts,
            need: Vec::with_capacity(units * resources.len()),
            room: Vec::with_capacity(nodes * resources.len()),
            limit: Vec::with_capacity(nodes * resources.len()),
            domains: Vec::new(),
            words: nodes.div_ceil(64),
            apart: Vec::new(),
            groups_of: Vec::new(),
            ranks: Vec::new(),
            share: Vec::new(),
            tight: Vec::new(),
            total_room: Vec::new(),
            split: Vec::new(),
            resources,
        };
        model.amounts(instance);
        model.rules(instance, &unit_of);
        model
    }

    fn amounts(&mut self, instance: &Instance<'_>) {
        for unit in 0..self.units {
            for &r in &self.resources {
                let needs = self.members(unit).iter().map(|&i| instance.need_of(i)[r]);
                let sum = needs.fold(0, u64::saturating_add);
                self.need.push(sum);
            }
        }
        let mut total = vec![(0.0, 0.0); self.resources.len()];
        for node in 0..self.nodes {
            let (limit, load) = (instance.limit_of(node), instance.load_of(node));
            for (&r, total) in self.resources.iter().zip(&mut total) {
                let room = limit[r].saturating_sub(load[r]);
                self.room.push(room);
                self.limit.push(limit[r]);
                if instance.is_open(node) {
                    *total = (total.0 + limit[r] as f64, total.1 + room as f64);
                }
            }
        }
        let part = |need: u64, of: f64| need as f64 / of.max(1.0);
        self.total_room = total.iter().map(|of| of.1.max(1.0)).collect();
        for unit in 0..self.units {
            let needs = || self.need_of(unit).iter().zip(&total);
            let share = needs().map(|(&need, of)| part(need, of.0));
            let tight = needs().map(|(&need, of)| part(need, of.1));
            let (share, tight) = (share.fold(0.0, f64::max), tight.fold(0.0, f64::max));
            self.share.push(share);
            self.tight.push(tight);
        }
    }

    fn rules(&mut self, instance: &Instance<'_>, unit_of: &[usize]) {
        self.domains.resize(self.units * self.words, 0);
        for unit in 0..self.units {
            let members = &self.members[self.starts[unit]..self.starts[unit + 1]];
            // Those of a group may be on the same nodes.
            let words = instance.allowed[members[0]].words();
            let words = &words[..words.len().min(self.words)];
            let domain = &mut self.domains[unit * self.words..][..self.words];
            domain[..words.len()].copy_from_slice(words);
            if members.len() == 1 {
                continue;
            }
            for node in 0..self.nodes {
                if !fits(self.need_of(unit), self.room_of(node)) {
                    self.domains[unit * self.words + node / 64] &= !(1 << (node % 64));
                }
            }
        }
        if instance.rank.iter().any(|ranks| !ranks.is_empty()) {
            self.ranks = (0..self.units)
                .map(|unit| ranks(instance, self.members(unit), self.nodes))
                .collect();
        }
        if instance.apart.is_empty() {
            return;
        }
        self.groups_of = vec![Vec::new(); self.units];
        for group in &instance.apart {
            let mut units: Vec<usize> = group.iter().map(|&item| unit_of[item]).collect();
            units.sort_unstable();
            let twice = units.windows(2).filter(|pair| pair[0] == pair[1]);
            self.split.extend(twice.map(|pair| pair[0]));
            units.dedup();
            for &unit in &units {
                self.groups_of[unit].push(self.apart.len());
            }
            self.apart.push(units);
        }
        for &unit in &self.split {
            self.domains[unit * self.words..][..self.words].fill(0);
        }
    }

    /// The items of a unit.
    pub fn members(&self, unit: usize) -> &[usize] {
        &self.members[self.starts[unit]..self.starts[unit + 1]]
    }

    /// The steps that it costs to look at all units and nodes once.
    pub fn cost(&self) -> u64 {
        1 + (self.units * self.nodes / 64) as u64
    }

    /// What a unit needs.
    pub fn need_of(&self, unit: usize) -> &[u64] {
        let n = self.resources.len();
        &self.need[unit * n..][..n]
    }

    /// What a node has left.
    pub fn room_of(&self, node: usize) -> &[u64] {
        let n = self.resources.len();
        &self.room[node * n..][..n]
    }

    /// The nodes on which a unit may be, as words of bits.
    pub fn domain(&self, unit: usize) -> &[u64] {
        &self.domains[unit * self.words..][..self.words]
    }

    /// The groups of units that are to be apart, in which a unit is.
    pub fn groups_of(&self, unit: usize) -> &[usize] {
        self.groups_of.get(unit).map_or(&[], Vec::as_slice)
    }

    /// Whether there are any preferences.
    pub fn is_ranked(&self) -> bool {
        !self.ranks.is_empty()
    }

    /// The same of all nodes; empty: all are alike.
    pub fn ranks_of(&self, unit: usize) -> &[u32] {
        self.ranks.get(unit).map_or(&[], Vec::as_slice)
    }

    /// How far a node is from the best for a unit.
    pub fn rank(&self, unit: usize, node: usize) -> u32 {
        let ranks = self.ranks.get(unit);
        ranks.and_then(|r| r.get(node)).copied().unwrap_or(0)
    }

    /// Whether there is such a unit, so that not everything can be placed.
    pub fn is_contradictory(&self) -> bool {
        !self.split.is_empty()
    }

    /// Whether the units need more of something than all nodes have left on which any of them can be.
    pub fn needs_too_much(&self) -> bool {
        let mut reached = vec![0u64; self.words];
        for unit in 0..self.units {
            let domain = self.domain(unit).iter();
            reached
                .iter_mut()
                .zip(domain)
                .for_each(|(all, word)| *all |= word);
        }
        let n = self.resources.len();
        (0..n).any(|r| {
            let need = (0..self.units).map(|unit| u128::from(self.need[unit * n + r]));
            let room = each(&reached).map(|node| u128::from(self.room[node * n + r]));
            need.sum::<u128>() > room.sum()
        })
    }

    /// Whether its items are to be apart as well as together.
    pub fn is_split(&self, unit: usize) -> bool {
        self.split.contains(&unit)
    }

    /// A model of some of the units.
    pub fn of_units(&self, units: &[usize]) -> Model {
        let mut number = vec![usize::MAX; self.units];
        for (at, &unit) in units.iter().enumerate() {
            number[unit] = at;
        }
        let mut starts = vec![0];
        let mut members = Vec::new();
        for &unit in units {
            members.extend(self.members(unit));
            starts.push(members.len());
        }
        let apart = self.apart.iter().map(|group| {
            let group = group.iter().map(|&unit| number[unit]);
            group.filter(|&unit| unit != usize::MAX).collect()
        });
        Model {
            units: units.len(),
            members,
            starts,
            need: units
                .iter()
                .flat_map(|&u| self.need_of(u))
                .copied()
                .collect(),
            domains: units
                .iter()
                .flat_map(|&u| self.domain(u))
                .copied()
                .collect(),
            apart: apart.collect(),
            groups_of: units.iter().map(|&u| self.groups_of(u).to_vec()).collect(),
            ranks: match self.is_ranked() {
                true => units.iter().map(|&u| self.ranks_of(u).to_vec()).collect(),
                false => Vec::new(),
            },
            share: units.iter().map(|&u| self.share[u]).collect(),
            tight: units.iter().map(|&u| self.tight[u]).collect(),
            split: {
                let split = self.split.iter().map(|&unit| number[unit]);
                split.filter(|&unit| unit != usize::MAX).collect()
            },
            nodes: self.nodes,
            resources: self.resources.clone(),
            room: self.room.clone(),
            limit: self.limit.clone(),
            words: self.words,
            total_room: self.total_room.clone(),
        }
    }

    /// Only the nodes of the lowest rank are left to each unit, and there are no preferences any more.
    pub fn keep_best(&mut self) {
        for unit in 0..self.units {
            let best = each(self.domain(unit)).map(|n| self.rank(unit, n)).min();
            for node in 0..self.nodes {
                if Some(self.rank(unit, node)) != best {
                    self.domains[unit * self.words + node / 64] &= !(1 << (node % 64));
                }
            }
        }
        self.ranks.clear();
    }

    /// The node of each item, from that of each unit.
    pub fn placed(&self, at: &[Option<usize>]) -> Vec<Option<usize>> {
        let mut placed = vec![None; self.members.len()];
        for (unit, &node) in at.iter().enumerate() {
            self.members(unit)
                .iter()
                .for_each(|&item| placed[item] = node);
        }
        placed
    }
}

/// The sum of the ranks of several items; empty if they have none.
fn ranks(instance: &Instance<'_>, items: &[usize], nodes: usize) -> Vec<u32> {
    if items.iter().all(|&item| instance.rank[item].is_empty()) {
        return Vec::new();
    }
    let sum = |node| {
        let ranks = items.iter().map(|&i| u32::from(instance.rank_of(i, node)));
        ranks.sum()
    };
    (0..nodes).map(sum).collect()
}

/// Whether there is room for what is needed.
pub(super) fn fits(need: &[u64], room: &[u64]) -> bool {
    need.iter().zip(room).all(|(need, room)| need <= room)
}

/// The numbers in a set of bits, the smallest first.
pub(super) fn each(words: &[u64]) -> impl Iterator<Item = usize> + '_ {
    words.iter().enumerate().flat_map(|(at, &word)| {
        std::iter::successors(Some(word), |&rest| Some(rest & rest.wrapping_sub(1)))
            .take_while(|&rest| rest != 0)
            .map(move |rest| at * 64 + rest.trailing_zeros() as usize)
    })
}
