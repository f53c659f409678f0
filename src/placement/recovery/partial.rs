//! Who gets a node when not everybody can: class by class of priority, as many guests as possible. First
//! come quick passes; then the exact search is asked whether fewer could be left out.

use super::allowance::{Left, Limits};
use super::exact::{End, Search};
use super::greedy::{self, Choice};
use super::model::Model;
use crate::placement::instance::Instance;
use crate::placement::search::Budget;

/// The best that is found: the node of each unit.
pub(super) fn partial(
    instance: &Instance<'_>,
    model: &Model,
    budget: &mut Budget<'_>,
) -> Vec<Option<usize>> {
    let priority = |unit: usize| {
        let guests = model
            .members(unit)
            .iter()
            .map(|&item| instance.guests[item]);
        let each = guests.map(|guest| instance.problem.guests[guest].priority);
        each.max().unwrap_or(0)
    };
    let mut classes: Vec<u64> = (0..model.units).map(priority).collect();
    let of_unit = classes.clone();
    classes.sort_unstable_by(|a, b| b.cmp(a));
    classes.dedup();
    let class = |unit: usize| classes.partition_point(|&priority| priority > of_unit[unit]);
    let class: Vec<usize> = (0..model.units).map(class).collect();
    // Whose members are to be both together and apart has no node at all.
    let split: Vec<usize> = (0..model.units).filter(|&u| model.is_split(u)).collect();
    let missing = |at: &[Option<usize>]| {
        let mut missing = vec![0; classes.len()];
        for unit in (0..model.units).filter(|&unit| at[unit].is_none()) {
            missing[class[unit]] += model.members(unit).len() as u64;
        }
        missing
    };
    // The biggest first; then the smallest, of which there is room for more.
    let mut best: Option<(Vec<u64>, Vec<Option<usize>>)> = None;
    for (sign, choice) in [
        (-1.0, Choice::Tightest),
        (-1.0, Choice::Emptiest),
        (1.0, Choice::Tightest),
        (1.0, Choice::Emptiest),
    ] {
        let mut order: Vec<usize> = (0..model.units).filter(|u| !split.contains(u)).collect();
        order.sort_by(|&a, &b| {
            let size = |unit: usize| sign * model.share[unit];
            let class = class[a].cmp(&class[b]);
            class.then(size(a).total_cmp(&size(b))).then(a.cmp(&b))
        });
        let at = greedy::pass(model, &order, choice, false).at;
        let missing = missing(&at);
        if best.as_ref().is_none_or(|(least, _)| missing < *least) {
            best = Some((missing, at));
        }
    }
    let (mut least, mut at) = best.unwrap_or_default();
    for last in 0..classes.len() {
        // Those of lower classes are no matter yet.
        let units: Vec<usize> = (0..model.units).filter(|&u| class[u] <= last).collect();
        let part = model.of_units(&units);
        let mut limits = Limits {
            class: units.iter().map(|&unit| class[unit]).collect(),
            left: Left {
                out: least[..=last].to_vec(),
                ..Left::default()
            },
            ..Limits::default()
        };
        for out in 0..least[last] {
            limits.left.out[last] = out;
            let steps = budget.left() / 2;
            if steps < part.cost() {
                break;
            }
            match budget.part(steps, |steps| Search::new(&part, &limits).run(steps)) {
                End::None => {}
                End::Found(found) => {
                    at = fill(model, &units, &found, &class, &split);
                    least = missing(&at);
                    break;
                }
                End::Stopped => break,
            }
        }
    }
    at
}

/// Adds those of lower classes as far as there is room for them.
fn fill(
    model: &Model,
    units: &[usize],
    found: &[Option<usize>],
    class: &[usize],
    split: &[usize],
) -> Vec<Option<usize>> {
    let mut fixed = vec![None; model.units];
    for (&unit, &node) in units.iter().zip(found) {
        fixed[unit] = node;
    }
    let mut order: Vec<usize> = (0..model.units).filter(|u| !split.contains(u)).collect();
    order.sort_by(|&a, &b| {
        let size = |unit: usize| (fixed[unit].is_none(), class[unit], model.share[unit]);
        let (a_size, b_size) = (size(a), size(b));
        let first = (a_size.0, a_size.1).cmp(&(b_size.0, b_size.1));
        first.then(a_size.2.total_cmp(&b_size.2)).then(a.cmp(&b))
    });
    greedy::pass_from(model, &order, Choice::Tightest, false, &fixed).at
}
