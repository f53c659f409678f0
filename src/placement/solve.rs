//! From a problem to its answer: each task to the part that can do it, and, where nothing keeps
//! everything, down the declared ladder of what may be given up.

use std::time::Duration;

use super::answer::{Answer, Status, explain, loads};
use super::bits::Bits;
use super::instance::{Given, Instance};
use super::problem::{Objective, Policy, Problem, Task};
use super::recovery::{self, Outcome};
use super::search::{Budget, Verdict};
use crate::error::Result;
use crate::limits;

/// How much of an answer is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explained {
    /// All guests, as long as there are not too many pairs of guests and nodes; else those without a node.
    Some,
    /// All guests, whatever it takes.
    All,
}

/// The answer to a document, as one.
///
/// # Errors
///
/// As [`Problem::from_json`].
pub fn answer(text: &[u8], explained: Explained, clock: &dyn Fn() -> Duration) -> Result<String> {
    let problem = Problem::from_json(text)?;
    Ok(solve(&problem, explained, clock).to_json())
}

/// The answer. `clock` is the time since the question was asked; nothing but the policy's safety net and
/// what it reports of the time depends on it.
pub fn solve(problem: &Problem, explained: Explained, clock: &dyn Fn() -> Duration) -> Answer {
    let policy = &problem.policy;
    let expired = || clock().as_secs_f64() > policy.time_limit;
    let mut budget = Budget::new(policy.work_limit, &expired);
    let mut answer = match problem.task {
        Task::Place | Task::Recover => recover(problem, explained, &mut budget),
        _ => Answer::new(Status::Unknown),
    };
    if budget.is_cut_off() {
        answer.status = Status::Unknown;
    }
    for guest in &problem.guests {
        if !guest.no_data.is_empty() {
            let names = guest
                .no_data
                .iter()
                .map(|&at| problem.resources[at].name.clone());
            answer.no_data.insert(guest.sid.clone(), names.collect());
        }
    }
    answer.elapsed = policy.report_elapsed.then(|| clock().as_secs_f64());
    answer
}

/// The nodes that have failed in the first case of the policy.
fn failed(problem: &Problem) -> Bits {
    let names = problem.policy.failed.first().into_iter().flatten();
    names.filter_map(|name| problem.node(name)).collect()
}

fn recover(problem: &Problem, explained: Explained, budget: &mut Budget<'_>) -> Answer {
    let objective = problem.policy.objective.unwrap_or(Objective::Spread);
    let ask = |given: Given, budget: &mut Budget<'_>| {
        let instance = Instance::recovery(problem, failed(problem), given);
        let outcome = recovery::place(&instance, objective, budget);
        (instance, outcome)
    };
    let (mut instance, mut outcome) = ask(Given::default(), budget);
    let mut relaxed = Vec::new();
    if is_short(&outcome) {
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
    if !is_short(&outcome) {
        answer.rate(outcome.objective, outcome.bound);
    }
    tell(&mut answer, &instance, &outcome.placed, explained);
    answer
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

/// Writes down who is where, who is nowhere, and why.
fn tell(
    answer: &mut Answer,
    instance: &Instance<'_>,
    placed: &[Option<usize>],
    explained: Explained,
) {
    let problem = instance.problem;
    for (item, node) in placed.iter().enumerate() {
        let sid = problem.guests[instance.guests[item]].sid.clone();
        match node {
            Some(node) => {
                let node = problem.nodes[*node].name.clone();
                answer.placements.insert(sid, node);
            }
            None => answer.unplaced.push(sid),
        }
    }
    let most = limits::PLACEMENT_REASONS / instance.nodes().max(1);
    let all = explained == Explained::All || placed.len() <= most;
    let wanted = (0..placed.len()).filter(|&item| all || placed[item].is_none());
    let count = if explained == Explained::All {
        usize::MAX
    } else {
        most
    };
    answer.why = explain(instance, placed, wanted.take(count));
    answer.loads = loads(instance, placed);
}
