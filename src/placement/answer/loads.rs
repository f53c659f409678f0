//! What is on each node before and after.

use std::collections::BTreeMap;

use super::number;
use crate::placement::instance::Instance;

/// The load of a node with one resource, in the document's unit.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Load {
    /// With the guests where they are now; those that are on a node that failed are on none.
    #[serde(serialize_with = "number")]
    pub before: f64,
    /// With the guests where the answer has them.
    #[serde(serialize_with = "number")]
    pub after: f64,
    /// What there may be.
    #[serde(serialize_with = "number")]
    pub limit: f64,
}

/// The loads of all nodes that are open, by name and resource, with the items where `placed` has them.
pub fn loads(
    instance: &Instance<'_>,
    placed: &[Option<usize>],
) -> BTreeMap<String, BTreeMap<String, Load>> {
    let problem = instance.problem;
    let resources = instance.resources();
    let mut before = instance.load.clone();
    let mut after = instance.load.clone();
    let book = |item: usize, node: Option<usize>, load: &mut [u64]| {
        let Some(node) = node else { return };
        for (load, need) in load[node * resources..]
            .iter_mut()
            .zip(instance.need_of(item))
        {
            *load = load.saturating_add(*need);
        }
    };
    for (item, &to) in placed.iter().enumerate() {
        let home = problem.guests[instance.guests[item]].node;
        book(item, home.filter(|&node| instance.is_up(node)), &mut before);
        book(item, to, &mut after);
    }
    let up = (0..instance.nodes()).filter(|&node| instance.is_up(node));
    let of = |node: usize| {
        let all = problem.resources.iter().enumerate();
        all.map(|(at, resource)| {
            let at = node * resources + at;
            let load = Load {
                before: resource.real(before[at]),
                after: resource.real(after[at]),
                limit: resource.real(instance.limit[at]),
            };
            (resource.name.clone(), load)
        })
        .collect()
    };
    up.map(|node| (problem.nodes[node].name.clone(), of(node)))
        .collect()
}
