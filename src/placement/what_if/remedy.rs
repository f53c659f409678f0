//! What would help a case that is not survived: a little more memory on one node, or one rule less. What
//! helps and what does not is asked of the exact solver.

use crate::limits;
use crate::placement::bits::Bits;
use crate::placement::instance::{Change, Instance, Recoveries};
use crate::placement::problem::Problem;
use crate::placement::recovery;
use crate::placement::rules;
use crate::placement::search::Budget;

/// What would help; each of them by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remedy {
    /// More of a resource on one node; none if no node could have enough for it.
    pub more: Option<More>,
    /// A rule that need not be kept.
    pub rule: Option<usize>,
    /// Whether it is certain that there is no such rule if none is named.
    pub no_other_rule: bool,
}

/// More of a resource on one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct More {
    /// The resource: memory, or if that is not what is missing the first that is.
    pub resource: usize,
    /// The node that needs least.
    pub node: usize,
    /// How much more capacity it needs, in what the resource is counted by: bytes, millionths of a core.
    pub amount: u64,
    /// Whether there is a proof that no node would do with less.
    pub least: bool,
}

/// What would help a case in which not everything can be placed.
pub(super) fn remedy(
    recoveries: &Recoveries<'_>,
    instance: &Instance<'_>,
    budget: &mut Budget<'_>,
) -> Remedy {
    let half = budget.left() / 2;
    let (rule, no_other_rule) = budget.part(half, |budget| rule(recoveries, instance, budget));
    let resources = (0..instance.resources())
        .filter(|&at| at != Problem::MEM && !instance.problem.resources[at].device);
    let mut resources = std::iter::once(Problem::MEM).chain(resources);
    Remedy {
        more: resources.find_map(|resource| more(recoveries, instance, resource, budget)),
        rule,
        no_other_rule,
    }
}

/// Whether all would fit, a fraction of the work spent on the question.
fn would_fit(
    recoveries: &Recoveries<'_>,
    instance: &Instance<'_>,
    change: &Change,
    budget: &mut Budget<'_>,
) -> Option<bool> {
    let share = budget.left() / 8;
    let changed = recoveries.changed(instance.failed.clone(), change);
    budget.part(share, |budget| recovery::fits(&changed, budget))
}

/// A rule without which all would fit: it must be one of any conflict, so the smallest is looked through. The
/// second answer: whether it is certain that there is none if none was found.
fn rule(
    recoveries: &Recoveries<'_>,
    instance: &Instance<'_>,
    budget: &mut Budget<'_>,
) -> (Option<usize>, bool) {
    // Mostly it is not for the rules at all.
    let binding = rules::binding(instance);
    let change = Change {
        without: binding.iter().copied().collect(),
        ..Change::default()
    };
    if binding.is_empty() {
        return (None, true);
    }
    match would_fit(recoveries, instance, &change, budget) {
        Some(true) => {}
        answer => return (None, answer.is_some()),
    }
    let conflict = rules::conflict(instance, budget);
    let mut sure = true;
    let found = conflict.rules.into_iter().find(|&rule| {
        let change = Change {
            without: Bits::from_iter([rule]),
            ..Change::default()
        };
        let answer = would_fit(recoveries, instance, &change, budget);
        sure = sure && answer.is_some();
        answer == Some(true)
    });
    (found, sure)
}

/// The least that one node needs more of a resource.
fn more(
    recoveries: &Recoveries<'_>,
    instance: &Instance<'_>,
    resource: usize,
    budget: &mut Budget<'_>,
) -> Option<More> {
    let resources = instance.resources();
    let needs = (0..instance.guests.len()).map(|item| instance.need_of(item)[resource]);
    let total = needs.clone().fold(0, u64::saturating_add);
    let unit = needs.fold(0, gcd);
    if total == 0 {
        return None;
    }
    let room = instance.room();
    let room_of = |node: usize| room[node * resources + resource];
    let open = |&node: &usize| instance.is_open(node);
    let all_room = (0..instance.nodes()).filter(open).map(room_of);
    // What all need beyond what there is cannot be spared; with all that they need it is enough.
    let floor = total.saturating_sub(all_room.fold(0, u64::saturating_add));
    // The guests on a node need a multiple of what all needs are multiples of.
    let scale = |node: usize| {
        let (limit, load) = (instance.limit_of(node), instance.load_of(node));
        let over = load[resource].saturating_sub(limit[resource]);
        let odd = room_of(node) % unit;
        let low = (floor + odd).div_ceil(unit).max(1);
        Scale {
            unit,
            odd,
            over,
            low,
        }
    };
    let mut least = true;
    let mut fits = |node: usize, amount: u64| {
        let change = Change {
            raised: Some((node, resource, amount)),
            ..Change::default()
        };
        let answer = would_fit(recoveries, instance, &change, budget);
        least = least && answer.is_some();
        answer == Some(true)
    };
    let mut nodes: Vec<usize> = (0..instance.nodes()).filter(open).collect();
    nodes.sort_by_key(|&node| (scale(node).amount(scale(node).low), node));
    let mut best: Option<(u64, usize)> = None;
    let mut not_least: Vec<usize> = Vec::new();
    for &node in &nodes {
        let least = scale(node).amount(scale(node).low);
        if best.is_some() {
            break;
        }
        if fits(node, least) {
            best = Some((least, node));
        } else {
            not_least.push(node);
        }
    }
    // Who would do with the least that it can be comes after all those that would not.
    for &node in &not_least {
        let scale = scale(node);
        let mut none = scale.low;
        let mut high = match best {
            Some((most, _)) => scale.below(most),
            None => (total + scale.odd).div_ceil(unit),
        };
        if high <= none || !fits(node, scale.amount(high)) {
            continue;
        }
        while high - none > 1 {
            let middle = none + (high - none) / 2;
            if fits(node, scale.amount(middle)) {
                high = middle;
            } else {
                none = middle;
            }
        }
        best = Some((scale.amount(high), node));
    }
    best.map(|(amount, node)| More {
        resource,
        node,
        amount: capacity(instance, node, resource, amount),
        least,
    })
}

/// The amounts that can matter on a node.
struct Scale {
    unit: u64,
    odd: u64,
    /// What the node has too much on it already.
    over: u64,
    /// The first of them that can be enough.
    low: u64,
}

impl Scale {
    fn amount(&self, units: u64) -> u64 {
        units * self.unit - self.odd + self.over
    }

    /// The largest that is below an amount, in units.
    fn below(&self, amount: u64) -> u64 {
        (amount + self.odd).saturating_sub(self.over + 1) / self.unit
    }
}

/// How much more capacity raises a node's limit by so much.
fn capacity(instance: &Instance<'_>, node: usize, resource: usize, by: u64) -> u64 {
    let problem = instance.problem;
    let wanted = instance.limit_of(node)[resource].saturating_add(by);
    let enough =
        |more| problem.nodes[node].limit_with(&problem.resources, resource, more) >= wanted;
    let (mut low, mut high) = (0, 1);
    // A factor of 0 leaves nothing of any capacity.
    while !enough(high) && high < limits::PLACEMENT_SUM {
        (low, high) = (high, high * 2);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if enough(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

fn gcd(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}
