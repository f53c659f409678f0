//! Bounds inside the exact search: whether what is still needed is there at all.

use super::exact::Search;
use super::model::each;

/// Room for sums.
#[derive(Default)]
pub(super) struct Sums {
    /// What all open units need that may be on a node, by node and resource.
    asked: Vec<u64>,
    need: Vec<u64>,
}

impl Sums {
    /// Whether the nodes have as much left of each resource, for those who may be on them, as all open units
    /// need that must be placed.
    pub fn promising(&mut self, search: &Search<'_>) -> bool {
        let model = search.model;
        let n = model.resources.len();
        self.asked.clear();
        self.asked.resize(model.nodes * n, 0);
        self.need.clear();
        self.need.resize(n, 0);
        for &unit in &search.open {
            let need = model.need_of(unit);
            if !search.limits.is_optional(unit) {
                for (sum, need) in self.need.iter_mut().zip(need) {
                    *sum = sum.saturating_add(*need);
                }
            }
            for node in each(search.domain(unit)) {
                for (sum, need) in self.asked[node * n..].iter_mut().zip(need) {
                    *sum = sum.saturating_add(*need);
                }
            }
        }
        (0..n).all(|r| {
            let nodes = (r..self.asked.len()).step_by(n);
            let usable = nodes.map(|at| self.asked[at].min(search.room[at]));
            usable.fold(0, u64::saturating_add) >= self.need[r]
        })
    }
}
