//! The tasks `rebalance` and `pack`.

use super::{Explained, recover, tell};
use crate::placement::answer::{Answer, Move, Status};
use crate::placement::balance::{self, Options};
use crate::placement::bits::Bits;
use crate::placement::instance::{Given, Instance};
use crate::placement::problem::{Guest, Objective, Problem, State, Task};
use crate::placement::search::{Budget, Verdict};

pub(super) fn balance(problem: &Problem, explained: Explained, budget: &mut Budget<'_>) -> Answer {
    let homeless = |guest: &Guest| guest.state != State::Ignored && guest.node.is_none();
    if !problem.guests.iter().any(homeless) {
        return moved(problem, explained, budget);
    }
    // Whoever has no node gets one first, and is then one of those that may be moved: to where it starts.
    let objective = match problem.task {
        Task::Pack => Objective::Pack,
        _ => problem.policy.objective.unwrap_or(Objective::Spread),
    };
    let half = budget.left() / 2;
    let (first, placed) = budget.part(half, |budget| {
        recover::with(problem, objective, explained, budget)
    });
    if !first.unplaced.is_empty() || problem.guests.iter().all(|guest| guest.node.is_none()) {
        return first;
    }
    let mut housed = problem.clone();
    for (guest, node) in placed {
        housed.guests[guest].node = Some(node);
        housed.guests[guest].movable = true;
    }
    let mut answer = moved(&housed, explained, budget);
    answer
        .moves
        .retain(|it| !first.placements.contains_key(&it.sid));
    answer
}

/// The answer for guests that are somewhere.
fn moved(problem: &Problem, explained: Explained, budget: &mut Budget<'_>) -> Answer {
    let instance = Instance::balancing(problem, Bits::default(), Given::default());
    let outcome = balance::balance(&instance, Options::default(), None, budget);
    let mut answer = Answer::new(match outcome.verdict {
        Verdict::Optimal => Status::Optimal,
        Verdict::Feasible => Status::Feasible,
        Verdict::Infeasible => Status::Infeasible,
        Verdict::Unknown => Status::Unknown,
    });
    answer.rate(outcome.objective, outcome.bound);
    tell(&mut answer, &instance, &outcome.placed, explained);
    let node = |at: usize| problem.nodes[at].name.clone();
    answer.moves = outcome
        .moves
        .iter()
        .map(|it| Move {
            sid: problem.guests[it.guest].sid.clone(),
            from: node(it.from),
            to: node(it.to),
            bytes: it.bytes,
            step: it.step,
        })
        .collect();
    let unplaced = outcome.unplaced.iter();
    answer.unplaced = unplaced
        .map(|&guest| problem.guests[guest].sid.clone())
        .collect();
    answer
}
