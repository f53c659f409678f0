//! What would help a case that is not survived: a little more memory on one node, or one rule less. What
//! helps and what does not is asked of the exact solver.

use crate::limits;
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
    let rule = budget.part(half, |budget| rule(recoveries, instance, budget));
    let resources = (0..instance.resources())
        .filter(|&at| at != Problem::MEM && !instance.problem.resources[at].device);
    let mut resources = std::iter::once(Problem::MEM).chain(resources);
    Remedy {
        more: resources.find_map(|resource| more(recoveries, instance, resource, budget)),
        rule,
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

/// A rule without which all would fit: it must be one of any conflict, so the smallest is looked through.
fn rule(
    recoveries: &Recoveries<'_>,
    instance: &Instance<'_>,
    budget: &mut Budget<'_>,
) -> Option<usize> {
    let conflict = rules::conflict(instance, budget);
    conflict.rules.into_iter().find(|&rule| {
        let change = Change {
            without: Some(rule),
            ..Change::default()
        };
        would_fit(recoveries, instance, &change, budget) == Some(true)
    })
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
    let mut least = true;
    let mut best: Option<(u64, usize)> = None;
    for node in (0..instance.nodes()).filter(open) {
        let (limit, load) = (instance.limit_of(node), instance.load_of(node));
        let over = load[resource].saturating_sub(limit[resource]);
        // The guests on the node need a multiple of what all needs are multiples of.
        let odd = room_of(node) % unit;
        let amount = |units: u64| units * unit - odd + over;
        let mut fits = |units: u64| {
            let change = Change {
                raised: Some((node, resource, amount(units))),
                ..Change::default()
            };
            let answer = would_fit(recoveries, instance, &change, budget);
            least = least && answer.is_some();
            answer == Some(true)
        };
        let low = (floor + odd).div_ceil(unit).max(1);
        let mut high = (total + odd).div_ceil(unit).max(low);
        if let Some((most, _)) = best {
            let below = (most + odd).saturating_sub(over + 1) / unit;
            high = high.min(below);
        }
        if low > high {
            continue;
        }
        if fits(low) {
            best = Some((amount(low), node));
        } else if low < high && fits(high) {
            let mut none = low;
            while high - none > 1 {
                let middle = none + (high - none) / 2;
                if fits(middle) {
                    high = middle;
                } else {
                    none = middle;
                }
            }
            best = Some((amount(high), node));
        }
    }
    best.map(|(amount, node)| More {
        resource,
        node,
        amount: capacity(instance, node, resource, amount),
        least,
    })
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
