//! The tasks `place` and `recover`, with the declared ladder.

use super::{nodes_in_use, tell};
use crate::placement::answer::{Answer, Status};
use crate::placement::bits::Bits;
use crate::placement::instance::{Given, Instance};
use crate::placement::problem::{Objective, Policy, Problem};
use crate::placement::recovery::{self, Outcome};
use crate::placement::rules;
use crate::placement::search::{Budget, Verdict};
use crate::placement::solve::Explained;

/// The nodes that have failed in the first case of the policy.
fn failed(problem: &Problem) -> Bits {
    let names = problem.policy.failed.first().into_iter().flatten();
    names.filter_map(|name| problem.node(name)).collect()
}

pub(super) fn recover(problem: &Problem, explained: Explained, budget: &mut Budget<'_>) -> Answer {
    let objective = problem.policy.objective.unwrap_or(Objective::Spread);
    with(problem, objective, explained, budget).0
}

/// The answer, and which guest is on which node then.
pub(super) fn with(
    problem: &Problem,
    objective: Objective,
    explained: Explained,
    budget: &mut Budget<'_>,
) -> (Answer, Vec<(usize, usize)>) {
    let ask = |given: Given, budget: &mut Budget<'_>| {
        let instance = Instance::recovery(problem, failed(problem), given);
        let steps = problem.policy.work_limit;
        let packed = (objective == Objective::Pack).then(|| nodes_in_use::packed(&instance, steps));
        let outcome = match packed.flatten() {
            Some(outcome) => outcome,
            None => recovery::place(&instance, objective, budget),
        };
        (instance, outcome)
    };
    let (mut instance, mut outcome) = ask(Given::default(), budget);
    let mut relaxed = Vec::new();
    let mut conflict = None;
    if is_short(&outcome) {
        if outcome.verdict == Verdict::Infeasible {
            let half = budget.left() / 2;
            conflict = Some(budget.part(half, |budget| rules::conflict(&instance, budget)));
        }
        if let Some((steps, found)) = descend(problem, &problem.policy, budget, &ask) {
            (instance, outcome) = found;
            relaxed = steps;
        }
    }
    let mut answer = Answer::new(match outcome.verdict {
        Verdict::Optimal | Verdict::Feasible if !relaxed.is_empty() => Status::Relaxed,
        Verdict::Optimal => Status::Optimal,
        Verdict::Feasible => Status::Feasible,
        Verdict::Infeasible => Status::Infeasible,
        Verdict::Unknown => Status::Unknown,
    });
    answer.relaxed = relaxed;
    if let Some(conflict) = &conflict {
        answer.conflict(problem, conflict);
    }
    if !is_short(&outcome) {
        answer.rate(outcome.objective, outcome.bound);
    }
    tell(&mut answer, &instance, &outcome.placed, explained);
    let items = instance.guests.iter().zip(&outcome.placed);
    let placed = items
        .filter_map(|(&guest, &node)| Some((guest, node?)))
        .collect();
    (answer, placed)
}

fn is_short(outcome: &Outcome) -> bool {
    matches!(outcome.verdict, Verdict::Infeasible | Verdict::Unknown)
}

/// Goes down the ladder until everything has a place, and takes back what need not have been given up.
fn descend<'a>(
    problem: &'a Problem,
    policy: &Policy,
    budget: &mut Budget<'_>,
    ask: &dyn Fn(Given, &mut Budget<'_>) -> (Instance<'a>, Outcome),
) -> Option<(Vec<String>, (Instance<'a>, Outcome))> {
    let given = |steps: &[usize]| {
        let mut given = Given::default();
        steps
            .iter()
            .for_each(|&step| given.give(problem, &policy.relax[step]));
        given
    };
    let mut steps = Vec::new();
    let mut found = None;
    for step in 0..policy.relax.len() {
        steps.push(step);
        let answer = ask(given(&steps), budget);
        if !is_short(&answer.1) {
            found = Some(answer);
            break;
        }
    }
    let mut found = found?;
    for step in steps.clone().into_iter().rev().skip(1) {
        let fewer: Vec<usize> = steps.iter().copied().filter(|&s| s != step).collect();
        let answer = ask(given(&fewer), budget);
        if !is_short(&answer.1) {
            (steps, found) = (fewer, answer);
        }
    }
    let names = steps.iter().map(|&step| policy.relax[step].name());
    Some((names.collect(), found))
}
