//! A node for each guest that has none: after a node has failed, or when guests are new
//! (docs/placement.md, "Recovery"). First come passes that take the biggest guest first, then an exact
//! search, which finds a placement wherever there is one or proves that there is none.

mod allowance;
mod apart;
mod best;
mod exact;
mod greedy;
mod improve;
mod leximax;
mod loads;
mod model;
mod partial;
mod restart;
mod state;
mod sums;
mod symmetry;
#[cfg(test)]
mod tests;

use self::allowance::Limits;
use self::exact::{End, Search};
use self::greedy::{Choice, Order};
use self::model::Model;
use super::instance::Instance;
use super::problem::Objective;
use super::search::{Budget, Verdict};

/// Of the steps that are left once everything is placed, one in so many may be spent on a better placement.
/// Ours: some ten milliseconds.
const BETTER: u64 = 100;

/// Passes for which there are steps at the least, however large the question. Ours: those of the spread, once.
const PASSES: u64 = 6;

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The node of each item; none for those that have not got one.
    pub placed: Vec<Option<usize>>,
    /// [`Verdict::Optimal`] and [`Verdict::Feasible`]: everything is placed. [`Verdict::Infeasible`]: there is
    /// a proof that not everything can be.
    pub verdict: Verdict,
    /// What the objective comes to; 0 if not everything is placed.
    pub objective: f64,
    /// What it cannot be below, with the same ranks.
    pub bound: f64,
}

/// Finds a node for each item.
pub fn place(instance: &Instance<'_>, objective: Objective, budget: &mut Budget<'_>) -> Outcome {
    let model = Model::new(instance);
    match any(&model, budget) {
        End::Found(at) => {
            let steps = (budget.left() / BETTER).max(PASSES * model.cost());
            let best = budget.part(steps, |part| {
                best::best(instance, &model, at, objective, part)
            });
            Outcome {
                placed: model.placed(&best.at),
                verdict: match best.proved {
                    true => Verdict::Optimal,
                    false => Verdict::Feasible,
                },
                objective: best.objective,
                bound: best.bound,
            }
        }
        end => {
            let steps = (budget.left() / BETTER).max(1);
            let at = budget.part(steps, |part| partial::partial(instance, &model, part));
            Outcome {
                placed: model.placed(&at),
                verdict: match end {
                    End::None => Verdict::Infeasible,
                    _ => Verdict::Unknown,
                },
                objective: 0.0,
                bound: 0.0,
            }
        }
    }
}

/// Whether all items can be placed; none if the steps were too few to tell.
pub fn fits(instance: &Instance<'_>, budget: &mut Budget<'_>) -> Option<bool> {
    match any(&Model::new(instance), budget) {
        End::Found(_) => Some(true),
        End::None => Some(false),
        End::Stopped => None,
    }
}

/// Any placement of all units.
fn any(model: &Model, budget: &mut Budget<'_>) -> End {
    if model.is_contradictory() {
        return End::None;
    }
    for (at, (order, choice)) in [
        (Order::Constrained, Choice::Tightest),
        (Order::Mixed, Choice::Tightest),
        (Order::Biggest, Choice::Tightest),
        (Order::Mixed, Choice::Emptiest),
    ]
    .into_iter()
    .enumerate()
    {
        // One pass there always is.
        if !budget.steps(model.cost()) && at > 0 {
            return End::Stopped;
        }
        let pass = greedy::pass(model, &greedy::order(model, order), choice, true);
        if pass.missing == 0 {
            return End::Found(pass.at);
        }
        if at == 0 && model.needs_too_much() {
            return End::None;
        }
    }
    if budget.left() < model.cost() {
        return End::Stopped;
    }
    Search::new(model, &Limits::default()).run(budget)
}
