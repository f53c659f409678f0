//! After the loss of which nodes the rules could not be kept any more. Losing more can only make it worse,
//! so the smallest sets say everything. They are found without going through all sets: whoever wants to
//! break a way to keep the rules must take one of the nodes that it uses.

use std::collections::BTreeSet;

use super::colouring::{Colours, colour};
use super::conflict::{Conflict, contradicting};
use super::graph::Graph;
use crate::limits;
use crate::placement::bits::Bits;
use crate::placement::instance::Instance;
use crate::placement::search::Budget;

/// Nodes whose loss is too much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The nodes; without any one of them there is a way.
    pub failed: Vec<usize>,
    /// Rules that cannot be kept together then. Empty if a guest of a rule has no node left even without
    /// rules: none has all that it needs.
    pub conflict: Conflict,
}

/// The smallest sets of at most `most` nodes after whose loss the guests of these rules cannot be placed,
/// whatever they need together; small ones first. Guests that nobody manages are lost with their nodes, and
/// nobody can be together with them any more. The second answer: whether these are all.
pub(super) fn losses(
    ground: &Instance<'_>,
    rules: &[usize],
    most: usize,
    budget: &mut Budget<'_>,
) -> (Vec<Loss>, bool) {
    let graph = Graph::new(ground, rules, &Bits::default());
    let mut sets: BTreeSet<(usize, Vec<usize>)> = BTreeSet::new();
    let mut all = true;
    for part in graph.kernel(most).0 {
        let (found, done) = of_part(&graph.part(&part), ground.nodes(), most, budget);
        sets.extend(found.into_iter().map(|set| (set.len(), set)));
        all = all && done;
        if sets.len() > limits::PLACEMENT_LOSSES {
            all = false;
            break;
        }
    }
    let mut smallest: Vec<Vec<usize>> = Vec::new();
    for (_, set) in sets {
        let has = |less: &Vec<usize>| less.iter().all(|node| set.binary_search(node).is_ok());
        if !smallest.iter().any(has) {
            smallest.push(set);
        }
    }
    smallest.truncate(limits::PLACEMENT_LOSSES);
    let losses = smallest.into_iter().map(|failed| Loss {
        conflict: why(ground, rules, &failed, budget),
        failed,
    });
    (losses.collect(), all)
}

/// The sets that break one part, and whether these are all.
fn of_part(
    graph: &Graph,
    nodes: usize,
    most: usize,
    budget: &mut Budget<'_>,
) -> (Vec<Vec<usize>>, bool) {
    let mut level: BTreeSet<Vec<usize>> = BTreeSet::from([Vec::new()]);
    let mut found: Vec<Vec<usize>> = Vec::new();
    let mut all = true;
    for size in 0..=most {
        let mut next = BTreeSet::new();
        for set in level {
            let has = |less: &Vec<usize>| less.iter().all(|node| set.binary_search(node).is_ok());
            if found.iter().any(has) {
                continue;
            }
            if !budget.step() || found.len() > limits::PLACEMENT_LOSSES {
                return (found, false);
            }
            let mut graph = graph.clone();
            let lost: Bits = set.iter().copied().collect();
            graph.domain.iter_mut().for_each(|d| d.subtract(&lost));
            match colour(&graph, nodes, budget) {
                Colours::Broken(_) => found.push(set),
                Colours::Kept(used) if size < most => {
                    for node in used {
                        let mut more = set.clone();
                        more.push(node);
                        more.sort_unstable();
                        next.insert(more);
                    }
                }
                Colours::Kept(_) => {}
                Colours::Unknown => all = false,
            }
        }
        level = next;
    }
    (found, all)
}

fn why(
    ground: &Instance<'_>,
    rules: &[usize],
    failed: &[usize],
    budget: &mut Budget<'_>,
) -> Conflict {
    let lost: Bits = failed.iter().copied().collect();
    let mut guests = rules.iter().flat_map(|&r| &ground.problem.rules[r].guests);
    let homeless =
        |&guest: &usize| ground.item_of[guest].is_some_and(|i| ground.allowed[i].is_within(&lost));
    if guests.any(homeless) {
        return Conflict {
            minimal: true,
            ..Conflict::default()
        };
    }
    let found = contradicting(ground, rules, &lost, budget);
    let (rules, minimal) = found.unwrap_or_else(|| (rules.to_vec(), false));
    Conflict {
        rules,
        minimal,
        contradiction: true,
    }
}
