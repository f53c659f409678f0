//! Why there is no answer: a set of rules that cannot be kept together, and of which none could be left
//! out. What a set comes to is asked of the exact solvers, so each answer is a proof; a set is called minimal
//! only if every question that makes it so was answered.

use super::colouring::{Colours, colour};
use super::graph::Graph;
use crate::placement::bits::Bits;
use crate::placement::instance::Instance;
use crate::placement::problem::RuleKind;
use crate::placement::recovery;
use crate::placement::search::Budget;

/// Rules that cannot be kept together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflict {
    /// Their numbers in the problem, in ascending order. Empty if there is no answer even without any rule.
    pub rules: Vec<usize>,
    /// Whether it is proven that without any one of them the others can be kept.
    pub minimal: bool,
    /// Whether the rules contradict each other on the nodes that their guests can be on, whatever the
    /// guests need together; otherwise it is for want of room that they cannot be kept.
    pub contradiction: bool,
}

/// A conflict, given that `instance` has no answer: the rules that it keeps are cut down until each is
/// necessary.
///
/// The work is shared out by `budget`; if that ends, the conflict may be larger than it need be.
pub fn conflict(instance: &Instance<'_>, budget: &mut Budget<'_>) -> Conflict {
    let all = binding(instance);
    if all.is_empty() {
        return Conflict {
            minimal: true,
            ..Conflict::default()
        };
    }
    let ground = instance.without_rules();
    let (mut rules, mut minimal, mut contradiction) =
        match contradicting(&ground, &all, &Bits::default(), budget) {
            Some((rules, minimal)) => (rules, minimal, true),
            None => (all, false, false),
        };
    if contradiction {
        // Also where all guests need room, each rule must be necessary.
        let (less, sure) = shrink(&rules, 1, |rules| cannot_fit(&ground, rules, budget));
        minimal = minimal && sure;
        if less.len() < rules.len() {
            (rules, minimal, contradiction) = (less, sure, false);
        }
    } else if !rules.is_empty() {
        if cannot_fit(&ground, &[], budget) == Some(true) {
            rules.clear();
        } else {
            let chunk = rules.len().div_ceil(2);
            (rules, minimal) = shrink(&rules, chunk, |rules| cannot_fit(&ground, rules, budget));
        }
    }
    Conflict {
        minimal: minimal || rules.is_empty(),
        rules,
        contradiction,
    }
}

/// Rules that contradict each other when the nodes of `lost` are no more, whatever the amounts, and whether
/// each of them is proven to be necessary for that. `None`: there are none, or the work ended.
pub(super) fn contradicting(
    ground: &Instance<'_>,
    rules: &[usize],
    lost: &Bits,
    budget: &mut Budget<'_>,
) -> Option<(Vec<usize>, bool)> {
    let graph = Graph::new(ground, rules, lost);
    let vertices = at_fault(&graph, ground.nodes(), budget)?;
    let mut concerned = Bits::default();
    for vertex in vertices {
        for &item in &graph.members[vertex] {
            concerned.insert(ground.guests[item]);
        }
    }
    let mut rules: Vec<usize> = rules.to_vec();
    rules.retain(|&rule| {
        let guests = &ground.problem.rules[rule].guests;
        guests.iter().any(|&guest| concerned.contains(guest))
    });
    let chunk = rules.len().div_ceil(2);
    Some(shrink(&rules, chunk, |rules| {
        contradict(ground, rules, lost, budget)
    }))
}

/// Whether rules contradict each other when the nodes of `lost` are no more; `None`: the work ended.
pub(super) fn contradict(
    ground: &Instance<'_>,
    rules: &[usize],
    lost: &Bits,
    budget: &mut Budget<'_>,
) -> Option<bool> {
    let graph = Graph::new(ground, rules, lost);
    // Many rules take time even where nothing has to be searched.
    if !budget.steps(1 + graph.members.len() as u64 / 256) {
        return None;
    }
    match colour(&graph, ground.nodes(), budget) {
        Colours::Kept(_) => Some(false),
        Colours::Broken(_) => Some(true),
        Colours::Unknown => None,
    }
}

/// The rules that can be in the way of anything: strict ones, and those that bind two guests or more.
pub fn binding(instance: &Instance<'_>) -> Vec<usize> {
    let problem = instance.problem;
    let binds = |&rule: &usize| {
        let it = &problem.rules[rule];
        let has_item = it.guests.iter().any(|&g| instance.item_of[g].is_some());
        let alone = match it.kind {
            RuleKind::Nodes { strict, .. } => !strict,
            RuleKind::Together | RuleKind::Apart => it.guests.len() < 2,
        };
        has_item && !alone && !instance.given.is_given(rule)
    };
    (0..problem.rules.len()).filter(binds).collect()
}

/// Few vertices that cannot have nodes; `None`: all can, or the work ended.
fn at_fault(graph: &Graph, nodes: usize, budget: &mut Budget<'_>) -> Option<Vec<usize>> {
    let Colours::Broken(mut vertices) = colour(graph, nodes, budget) else {
        return None;
    };
    vertices.sort_unstable();
    if graph.torn.is_some() {
        return Some(vertices);
    }
    let chunk = vertices.len().div_ceil(2);
    let (few, _) = shrink(&vertices, chunk, |vertices| {
        match colour(&graph.part(vertices), nodes, budget) {
            Colours::Kept(_) => Some(false),
            Colours::Broken(_) => Some(true),
            Colours::Unknown => None,
        }
    });
    Some(few)
}

/// Whether not all items can be placed with these rules; `None`: the work ended.
fn cannot_fit(ground: &Instance<'_>, rules: &[usize], budget: &mut Budget<'_>) -> Option<bool> {
    // Each question may take half of what is left, so that a hard one leaves something for the others.
    let share = budget.left() / 2;
    budget.part(share, |budget| {
        recovery::fits(&ground.keeping(rules), budget).map(|fits| !fits)
    })
}

/// Leaves out of a set that fails what it fails without: first in chunks, then one by one, until each is
/// necessary. The second answer: whether that is proven of each. What contains a set that fails must fail,
/// too.
fn shrink(
    set: &[usize],
    chunk: usize,
    mut fails: impl FnMut(&[usize]) -> Option<bool>,
) -> (Vec<usize>, bool) {
    let mut set = set.to_vec();
    let mut chunk = chunk.clamp(1, set.len().max(1));
    loop {
        let mut sure = true;
        let mut at = 0;
        while at < set.len() {
            let end = (at + chunk).min(set.len());
            let mut rest = set.clone();
            rest.drain(at..end);
            match fails(&rest) {
                Some(true) => set = rest,
                answer => {
                    sure = sure && answer.is_some();
                    at = end;
                }
            }
        }
        if chunk == 1 {
            return (set, sure);
        }
        chunk = chunk.div_ceil(2).min(set.len().max(1));
    }
}
