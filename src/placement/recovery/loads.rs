//! How loaded nodes are: the highest load of each resource over the open nodes, in exact fractions, and
//! vectors of these, the highest first, of which the lexicographically lowest is the best spread.

use std::cmp::Ordering;

use super::model::Model;
use crate::placement::instance::Instance;

/// A load: so much of so much, which is not 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub load: u64,
    pub limit: u64,
}

impl Part {
    pub const NONE: Part = Part { load: 0, limit: 1 };

    /// The largest load that is at most this part of a limit.
    pub fn up_to(self, limit: u64) -> u64 {
        let product = u128::from(self.load) * u128::from(limit);
        u64::try_from(product / u128::from(self.limit)).unwrap_or(u64::MAX)
    }

    /// The largest load that is less than this part of a limit, if any is.
    pub fn below(self, limit: u64) -> Option<u64> {
        let product = u128::from(self.load) * u128::from(limit);
        let above = product.div_ceil(u128::from(self.limit));
        let below = above.checked_sub(1)?;
        Some(u64::try_from(below).unwrap_or(u64::MAX))
    }

    pub fn real(self) -> f64 {
        self.load as f64 / self.limit as f64
    }
}

impl Ord for Part {
    fn cmp(&self, other: &Part) -> Ordering {
        let product = |a: u64, b: u64| u128::from(a) * u128::from(b);
        product(self.load, other.limit).cmp(&product(other.load, self.limit))
    }
}

impl PartialOrd for Part {
    fn partial_cmp(&self, other: &Part) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Part) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Part {}

/// What the loads are made from.
pub(super) struct Loads {
    /// What is on each node before any unit is, by node and resource of the model.
    load: Vec<u64>,
    /// The open nodes.
    pub open: Vec<usize>,
    /// By resource of the model: whether it counts, which devices do not.
    pub counts: Vec<bool>,
    /// By resource of the model: the highest load before any unit is placed.
    pub least: Vec<Part>,
    /// The highest loads of the resources that nobody needs.
    fixed: Vec<Part>,
}

impl Loads {
    pub fn new(instance: &Instance<'_>, model: &Model) -> Loads {
        let open: Vec<usize> = (0..model.nodes).filter(|&n| instance.is_open(n)).collect();
        let highest = |r: usize| {
            let parts = open.iter().map(|&node| Part {
                load: instance.load_of(node)[r],
                limit: instance.limit_of(node)[r],
            });
            parts.filter(|part| part.limit > 0).max()
        };
        let all = &instance.problem.resources;
        let fixed = (0..all.len()).filter(|r| !all[*r].device && !model.resources.contains(r));
        let load = (0..model.nodes).flat_map(|node| {
            let load = instance.load_of(node);
            model.resources.iter().map(|&r| load[r])
        });
        Loads {
            load: load.collect(),
            counts: model.resources.iter().map(|&r| !all[r].device).collect(),
            least: {
                let each = model.resources.iter().map(|&r| highest(r));
                each.map(|part| part.unwrap_or(Part::NONE)).collect()
            },
            fixed: fixed.filter_map(highest).collect(),
            open,
        }
    }

    /// The load of a node when it has so much room left of what the model gives it.
    pub fn part(&self, model: &Model, room: &[u64], node: usize, r: usize) -> Part {
        let at = node * model.resources.len() + r;
        Part {
            load: self.load_with(model, room[at], node, r),
            limit: model.limit[at].max(1),
        }
    }

    /// What is on it then.
    pub fn load_with(&self, model: &Model, room: u64, node: usize, r: usize) -> u64 {
        let at = node * model.resources.len() + r;
        let placed = model.room[at] - room;
        self.load[at].saturating_add(placed)
    }

    /// The highest load of a resource.
    pub fn highest(&self, model: &Model, room: &[u64], r: usize) -> Part {
        let n = model.resources.len();
        let nodes = self
            .open
            .iter()
            .filter(|&&node| model.limit[node * n + r] > 0);
        let parts = nodes.map(|&node| self.part(model, room, node, r));
        parts.max().unwrap_or(Part::NONE)
    }

    /// The highest loads of all resources, the highest first.
    pub fn vector(&self, model: &Model, room: &[u64]) -> Vec<Part> {
        let counting = (0..self.counts.len()).filter(|&r| self.counts[r]);
        let moving = counting.map(|r| self.highest(model, room, r));
        let mut all: Vec<Part> = moving.chain(self.fixed.iter().copied()).collect();
        all.sort_by(|a, b| b.cmp(a));
        all
    }

    /// What the highest load cannot be below.
    pub fn bound(&self, model: &Model) -> f64 {
        let counting = (0..self.counts.len()).filter(|&r| self.counts[r]);
        let each = counting.map(|r| self.bound_of(model, r));
        let fixed = self.fixed.iter().map(|part| part.real());
        each.chain(fixed).fold(0.0, f64::max)
    }

    /// The same of one resource: filled evenly like water, and with the biggest unit where it is least.
    fn bound_of(&self, model: &Model, r: usize) -> f64 {
        let n = model.resources.len();
        let mut bound = self.least[r].real();
        let mut all = 0.0;
        for unit in 0..model.units {
            let need = model.need[unit * n + r];
            if need == 0 {
                continue;
            }
            all += need as f64;
            // Whoever could be where it raises nothing is no matter; most are, and found quickly.
            let mut least = f64::INFINITY;
            for node in super::model::each(model.domain(unit)) {
                let at = node * n + r;
                let load = self.load[at].saturating_add(need) as f64;
                least = least.min(load / model.limit[at].max(1) as f64);
                if least <= bound {
                    break;
                }
            }
            if least.is_finite() {
                bound = bound.max(least);
            }
        }
        let fits = |level: f64| {
            let rooms = self.open.iter().map(|&node| {
                let at = node * n + r;
                let most = (level * model.limit[at] as f64).min(model.limit[at] as f64);
                (most - self.load[at] as f64).max(0.0)
            });
            rooms.sum::<f64>() >= all
        };
        // Doubles round to either side: what is said is a little below.
        let safe = |bound: f64| bound * (1.0 - 1e-9);
        if fits(bound) {
            return safe(bound);
        }
        let mut ends = (bound, 1.0_f64.max(bound));
        for _ in 0..48 {
            let middle = f64::midpoint(ends.0, ends.1);
            if fits(middle) {
                ends.1 = middle;
            } else {
                ends.0 = middle;
            }
        }
        safe(ends.0)
    }

    /// A model in which no node may be loaded higher than these say, by resource of the model; none if one of
    /// them is so before any unit is placed.
    pub fn capped(&self, model: &Model, caps: &[Option<Cap>]) -> Option<Model> {
        let n = model.resources.len();
        let mut capped = model.clone();
        for (r, cap) in caps.iter().enumerate() {
            let Some(cap) = cap.filter(|_| self.counts[r]) else {
                continue;
            };
            if !cap.admits(self.least[r]) {
                return None;
            }
            for &node in &self.open {
                let at = node * n + r;
                if model.limit[at] == 0 {
                    continue;
                }
                let most = cap.most(model.limit[at])?.saturating_sub(self.load[at]);
                capped.room[at] = capped.room[at].min(most);
            }
        }
        Some(capped)
    }

    /// The highest loads of the resources that nobody needs.
    pub fn fixed(&self) -> &[Part] {
        &self.fixed
    }
}

/// What a load may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cap {
    /// At most this.
    UpTo(Part),
    /// Less than this.
    Below(Part),
}

impl Cap {
    pub fn admits(self, part: Part) -> bool {
        match self {
            Cap::UpTo(most) => part <= most,
            Cap::Below(end) => part < end,
        }
    }

    fn most(self, limit: u64) -> Option<u64> {
        match self {
            Cap::UpTo(most) => Some(most.up_to(limit)),
            Cap::Below(end) => end.below(limit),
        }
    }
}
