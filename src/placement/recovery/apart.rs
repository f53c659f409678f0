//! A bound inside the exact search: whether units that are to be on different nodes can have one each. Pairs
//! that are to be apart are joined into larger groups first, for four units apart from each other on three
//! nodes look well pair by pair.

use super::exact::Search;
use super::model::{Model, each};

/// Units that are looked at together. Ours: their pairs are a quarter of a million.
const UNITS: usize = 512;

/// Groups of units that are to be on different nodes.
pub(super) struct Apart {
    groups: Vec<Vec<usize>>,
    /// The unit that has each node, while one group is looked at.
    holder: Vec<usize>,
    visited: Vec<u64>,
}

impl Apart {
    pub fn new(model: &Model) -> Apart {
        let mut groups = model.apart.clone();
        groups.retain(|group| group.len() > 1);
        let joined = joined(model, &groups);
        groups.extend(joined);
        Apart {
            groups,
            holder: vec![usize::MAX; model.nodes],
            visited: vec![0; model.words],
        }
    }

    /// Whether the open units of each group can have different nodes.
    pub fn promising(&mut self, search: &Search<'_>) -> bool {
        let groups = std::mem::take(&mut self.groups);
        let promising = groups.iter().all(|group| self.is_possible(search, group));
        self.groups = groups;
        promising
    }

    fn is_possible(&mut self, search: &Search<'_>, group: &[usize]) -> bool {
        let bound = |&unit: &usize| search.is_open(unit) && !search.limits.is_optional(unit);
        let open: Vec<usize> = group.iter().copied().filter(bound).collect();
        // Whoever has at least as many nodes as there are units finds one in any case.
        let nodes = |unit: usize| -> u32 {
            let words = search.domain(unit).iter();
            words.map(|word| word.count_ones()).sum()
        };
        let many = open.len() > UNITS;
        if many || open.iter().all(|&unit| nodes(unit) as usize >= open.len()) {
            return true;
        }
        self.holder.fill(usize::MAX);
        open.iter().all(|&unit| {
            self.visited.fill(0);
            self.find(search, unit)
        })
    }

    /// Finds a node for a unit, if need be by sending others to other nodes (Kuhn, 1955).
    fn find(&mut self, search: &Search<'_>, unit: usize) -> bool {
        for node in each(search.domain(unit)) {
            let (word, bit) = (node / 64, 1 << (node % 64));
            if self.visited[word] & bit != 0 {
                continue;
            }
            self.visited[word] |= bit;
            let holder = self.holder[node];
            if holder == usize::MAX || self.find(search, holder) {
                self.holder[node] = unit;
                return true;
            }
        }
        false
    }
}

/// Groups of three and more units that are apart from each other pair by pair, and in none of the groups
/// together.
fn joined(model: &Model, groups: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut units: Vec<usize> = groups.iter().flatten().copied().collect();
    units.sort_unstable();
    units.dedup();
    if groups.len() < 2 || units.len() > UNITS {
        return Vec::new();
    }
    let words = units.len().div_ceil(64);
    let mut near = vec![0_u64; units.len() * words];
    let number = |unit: usize| units.partition_point(|&u| u < unit);
    for group in groups {
        let group: Vec<usize> = group.iter().map(|&unit| number(unit)).collect();
        for &a in &group {
            for &b in group.iter().filter(|&&b| b != a) {
                near[a * words + b / 64] |= 1 << (b % 64);
            }
        }
    }
    let mut found: Vec<Vec<usize>> = Vec::new();
    for seed in 0..units.len() {
        let mut common = near[seed * words..][..words].to_vec();
        let mut clique = vec![seed];
        loop {
            // Whoever leaves the most others.
            let left = |at: usize| -> u32 {
                let pairs = common.iter().zip(&near[at * words..]);
                pairs.map(|(a, b)| (a & b).count_ones()).sum()
            };
            let next = each(&common).max_by_key(|&at| (left(at), std::cmp::Reverse(at)));
            let Some(next) = next else { break };
            clique.push(next);
            let near = &near[next * words..];
            common.iter_mut().zip(near).for_each(|(a, b)| *a &= b);
        }
        let mut clique: Vec<usize> = clique.iter().map(|&at| units[at]).collect();
        clique.sort_unstable();
        let shared = model.groups_of(clique[0]).iter();
        let mut shared = shared.filter_map(|&group| model.apart.get(group));
        let known = shared.any(|group| clique.iter().all(|unit| group.contains(unit)));
        if clique.len() > 2 && !known && !found.contains(&clique) {
            found.push(clique);
        }
    }
    found
}
