//! What becomes of the guests if nodes fail (docs/placement.md, "What if"): for each set of failed nodes
//! whether all can run again, exactly; if not, who would not, and what would help.

mod cases;
mod remedy;
#[cfg(test)]
mod tests;

pub use remedy::{More, Remedy};

use super::bits::Bits;
use super::instance::{Change, Given, Instance, Recoveries};
use super::problem::Problem;
use super::recovery;
use super::search::Budget;
use crate::error::Result;
use crate::limits;

/// What becomes of the guests if certain nodes fail.
#[derive(Clone, Debug, PartialEq)]
pub struct Survival {
    /// The nodes, in their order.
    pub failed: Vec<usize>,
    /// Whether every guest that needs a node gets one. `None`: the work ended before that was known.
    pub ok: Option<bool>,
    /// The guests that do not get one, in their order. Empty if that is not known to be so.
    pub lost: Vec<usize>,
    /// Whether there is a proof that no fewer guests would be lost.
    pub fewest: bool,
    /// What would help, by itself each.
    pub remedy: Remedy,
}

/// What becomes of the guests in each case: those of `policy.failed`, otherwise every set of exactly
/// `policy.failures` of the nodes that are online.
///
/// # Errors
///
/// [`Code::Argument`](crate::Code::Argument) if a case names a node that is not in the document, and
/// [`Code::Limit`](crate::Code::Limit) if there are too many sets.
pub fn survey(problem: &Problem, budget: &mut Budget<'_>) -> Result<Vec<Survival>> {
    let cases = cases::cases(problem)?;
    let recoveries = Recoveries::new(problem, Given::default());
    let mut survey: Vec<Survival> = Vec::with_capacity(cases.len());
    // First a little work for each, which does for most; then what is left for those that need more.
    for failed in cases {
        let instance = recoveries.case(failed.iter().copied().collect());
        let cost = 1 + instance.guests.len() * instance.nodes() / 1024;
        budget.steps(cost as u64);
        survey.push(Survival {
            ok: budget.part(FIRST, |budget| recovery::fits(&instance, budget)),
            failed,
            lost: Vec::new(),
            fewest: true,
            remedy: Remedy::default(),
        });
    }
    let mut open = survey.iter().filter(|one| one.ok.is_none()).count() as u64;
    // Half of what is left is for the rest.
    let kept = budget.left() / 2;
    for one in survey.iter_mut().filter(|one| one.ok.is_none()) {
        let share = budget.left().saturating_sub(kept) / open.max(1);
        open -= 1;
        let instance = recoveries.case(one.failed.iter().copied().collect());
        one.ok = budget.part(share, |budget| recovery::fits(&instance, budget));
    }
    // What would help is asked often, and the answers matter less than whether all survive.
    let failing = survey.iter().filter(|one| one.ok == Some(false)).count();
    let share = (budget.left() / HELP / failing.max(1) as u64).max(1);
    let mut left = limits::PLACEMENT_REMEDIES;
    for one in survey.iter_mut().filter(|one| one.ok == Some(false)) {
        let instance = recoveries.case(one.failed.iter().copied().collect());
        budget.part(share, |budget| lose(one, &recoveries, &instance, budget));
        if left > 0 {
            left -= 1;
            one.remedy = budget.part(share, |budget| {
                remedy::remedy(&recoveries, &instance, budget)
            });
        }
    }
    Ok(survey)
}

/// Steps for each case before any gets more.
const FIRST: u64 = 2000;
/// Which part of the work that is left then goes into who is lost, and again into what would help.
const HELP: u64 = 200;

/// Who is lost: the guests are taken in the order of their priority, small ones first, as long as all that
/// were taken fit together.
fn lose(
    one: &mut Survival,
    recoveries: &Recoveries<'_>,
    instance: &Instance<'_>,
    budget: &mut Budget<'_>,
) {
    let mut order: Vec<usize> = (0..instance.guests.len()).collect();
    let share = shares(instance);
    order.sort_by(|&a, &b| {
        let priority = |item: usize| instance.problem.guests[instance.guests[item]].priority;
        let nowhere = |item: usize| instance.allowed[item].is_empty();
        (priority(b).cmp(&priority(a)))
            .then(nowhere(a).cmp(&nowhere(b)))
            .then(share[a].total_cmp(&share[b]))
            .then(a.cmp(&b))
    });
    let mut kept: Vec<usize> = Vec::new();
    let mut rest = order.as_slice();
    let mut fit = |kept: &[usize], more: &[usize]| {
        let all = instance.guests.iter().copied();
        let mut lost: Bits = all.collect();
        for &item in kept.iter().chain(more) {
            lost.remove(instance.guests[item]);
        }
        let change = Change {
            lost,
            ..Change::default()
        };
        let some = recoveries.changed(instance.failed.clone(), &change);
        let share = budget.left() / 8;
        budget.part(share, |budget| recovery::fits(&some, budget)) == Some(true)
    };
    while !rest.is_empty() {
        // As many of the next as fit; whoever comes then is lost.
        let (mut fitting, mut too_many) = (0, rest.len() + 1);
        while too_many - fitting > 1 {
            let middle = fitting + (too_many - fitting) / 2;
            if fit(&kept, &rest[..middle]) {
                fitting = middle;
            } else {
                too_many = middle;
            }
        }
        kept.extend(&rest[..fitting]);
        if let Some(&lost) = rest.get(fitting) {
            one.lost.push(instance.guests[lost]);
        }
        rest = rest.get(fitting + 1..).unwrap_or_default();
    }
    one.lost.sort_unstable();
    one.fewest = one.lost.len() <= at_least(instance);
}

/// How large each item is: the largest share that it needs of all room for something.
fn shares(instance: &Instance<'_>) -> Vec<f64> {
    let resources = instance.resources();
    let mut total = vec![0.0; resources];
    for (at, room) in instance.room().into_iter().enumerate() {
        if instance.is_open(at / resources) {
            total[at % resources] += room as f64;
        }
    }
    let share = |item: usize| {
        let each = instance.need_of(item).iter().zip(&total);
        each.fold(0.0, |most: f64, (&need, total)| {
            most.max(need as f64 / total.max(1.0))
        })
    };
    (0..instance.guests.len()).map(share).collect()
}

/// How many items cannot be placed at the very least: those that fit nowhere, and of the others as many of
/// the largest as leave too little room for all.
fn at_least(instance: &Instance<'_>) -> usize {
    let mut alone = vec![true; instance.guests.len()];
    for group in &instance.together {
        group.iter().for_each(|&item| alone[item] = false);
    }
    // Of guests that are to be together and have no node in common one is lost, if no more.
    let torn = instance.together.iter();
    let torn = torn.filter(|group| instance.allowed[group[0]].is_empty());
    let (somewhere, nowhere): (Vec<usize>, Vec<usize>) =
        (0..instance.guests.len()).partition(|&item| !instance.allowed[item].is_empty());
    let nowhere = nowhere.iter().filter(|&&item| alone[item]).count() + torn.count();
    let room = instance.room();
    let resources = instance.resources();
    let short = (0..resources).map(|at| {
        let mut needs: Vec<u64> = somewhere
            .iter()
            .map(|&item| instance.need_of(item)[at])
            .collect();
        needs.sort_unstable();
        let mut room: u128 = (0..instance.nodes())
            .filter(|&node| instance.is_open(node))
            .map(|node| u128::from(room[node * resources + at]))
            .sum();
        let fitting = needs.iter().take_while(|&&need| {
            let fits = u128::from(need) <= room;
            room = room.saturating_sub(u128::from(need));
            fits
        });
        needs.len() - fitting.count()
    });
    (nowhere + short.max().unwrap_or(0)).max(1)
}
