//! Whether a plan can be carried out: its steps are made one after the other on the problem's own guests and
//! rules. This shares nothing with what makes plans.

use std::collections::BTreeMap;

use super::super::instance::Instance;
use super::super::problem::RuleKind;
use super::order::{Hop, Options};

/// What is wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// In which step.
    pub step: usize,
    /// Of which item.
    pub item: usize,
    /// What.
    pub what: &'static str,
}

/// Makes the moves of a plan; returns where the items are afterwards.
pub fn simulate(
    instance: &Instance<'_>,
    from: &[usize],
    hops: &[Hop],
    options: Options,
) -> Result<Vec<usize>, Flaw> {
    let mut place = from.to_vec();
    let mut last = 0;
    for step in hops.chunk_by(|a, b| a.step == b.step) {
        let flaw = |hop: &Hop, what| Flaw {
            step: hop.step,
            item: hop.item,
            what,
        };
        if step[0].step != last + 1 {
            return Err(flaw(&step[0], "a step is missing"));
        }
        last = step[0].step;
        let mut to = BTreeMap::new();
        for hop in step {
            if place[hop.item] != hop.from || hop.from == hop.to {
                return Err(flaw(hop, "it is not there"));
            }
            if to.insert(hop.item, hop.to).is_some() {
                return Err(flaw(hop, "it moves twice at once"));
            }
            if instance.lacks(hop.item, hop.to).is_some() {
                return Err(flaw(hop, "it cannot be there"));
            }
        }
        let after = |item: usize| to.get(&item).copied().unwrap_or(place[item]);
        for hop in step {
            if is_too_full(instance, &place, &to, hop.to) {
                return Err(flaw(hop, "the node is too full for a while"));
            }
            let flow = |node: fn(&Hop) -> usize, one: usize| {
                step.iter().filter(|hop| node(hop) == one).count()
            };
            let group = instance
                .together
                .iter()
                .find(|group| group.contains(&hop.item));
            let one = group.map_or(1, Vec::len);
            if flow(|hop| hop.to, hop.to) > options.inflow.max(one)
                || flow(|hop| hop.from, hop.from) > options.outflow.max(one)
            {
                return Err(flaw(hop, "too many move at once"));
            }
            if let Some(what) = breaks(instance, from, &place, &after, hop) {
                return Err(flaw(hop, what));
            }
        }
        for (item, node) in to {
            place[item] = node;
        }
    }
    Ok(place)
}

fn is_too_full(
    instance: &Instance<'_>,
    place: &[usize],
    to: &BTreeMap<usize, usize>,
    node: usize,
) -> bool {
    (0..instance.resources()).any(|at| {
        let here = |item: &usize| place[*item] == node || to.get(item) == Some(&node);
        let items = (0..place.len()).filter(here);
        let need = |item: usize| u128::from(instance.need_of(item)[at]);
        let coming = to.iter().filter(|(_, to)| **to == node);
        let sum: u128 = items.map(need).sum();
        let comes = coming.map(|(&item, _)| need(item)).any(|need| need > 0);
        comes && sum + u128::from(instance.load_of(node)[at]) > instance.limit_of(node)[at].into()
    })
}

fn breaks(
    instance: &Instance<'_>,
    start: &[usize],
    place: &[usize],
    after: &dyn Fn(usize) -> usize,
    hop: &Hop,
) -> Option<&'static str> {
    let problem = instance.problem;
    let guest = instance.guests[hop.item];
    for (at, rule) in problem.rules.iter().enumerate() {
        if instance.given.is_given(at) || !rule.guests.contains(&guest) {
            continue;
        }
        // Where another guest is before the step, and where it is after.
        let others = rule.guests.iter().filter(|&&other| other != guest);
        let mut others = others.filter_map(|&other| match instance.item_of[other] {
            Some(item) => Some((start[item], place[item], after(item))),
            None => problem.guests[other].node.map(|node| (node, node, node)),
        });
        match &rule.kind {
            RuleKind::Nodes { nodes, strict } => {
                if *strict && !nodes.iter().any(|(node, _)| *node == hop.to) {
                    return Some("a rule keeps it off that node");
                }
            }
            RuleKind::Apart => {
                if others.any(|(_, before, after)| before == hop.to || after == hop.to) {
                    return Some("another is there that it must not meet");
                }
            }
            RuleKind::Together => {
                let held = others
                    .clone()
                    .all(|(start_of, ..)| start_of == start[hop.item]);
                if held && others.any(|(.., after)| after != hop.to) {
                    return Some("it leaves those with which it must be");
                }
            }
        }
    }
    None
}
