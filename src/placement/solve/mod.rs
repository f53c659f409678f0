//! From a problem to its answer: each task to the part that can do it, and, where nothing keeps
//! everything, down the declared ladder of what may be given up.

mod balance;
mod nodes_in_use;
mod recover;
mod survey;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::answer::{Answer, Status, explain, loads};
use super::instance::Instance;
use super::problem::{Problem, Task};
use super::search::Budget;
use crate::error::Result;
use crate::limits;

/// How much of an answer is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Explained {
    /// Guests that have got a node or moved, as long as that is at most 10,000 pairs of guests and nodes; else
    /// those that have not got one.
    Some,
    /// All guests, as long as that is at most a million pairs; else those that have not got one.
    All,
}

/// The answer to a document, as one.
///
/// # Errors
///
/// As [`Problem::from_json`].
pub fn answer(text: &[u8], explained: Explained, clock: &dyn Fn() -> Duration) -> Result<String> {
    let problem = Problem::from_json(text)?;
    Ok(solve(&problem, explained, clock)?.to_json())
}

/// The answer. `clock` is the time since the question was asked; nothing but the policy's safety net and
/// what it reports of the time depends on it.
///
/// # Errors
///
/// [`Code::Argument`](crate::Code::Argument) if a case of `what-if` names a node that is not there, and
/// [`Code::Limit`](crate::Code::Limit) if there are too many cases.
pub fn solve(
    problem: &Problem,
    explained: Explained,
    clock: &dyn Fn() -> Duration,
) -> Result<Answer> {
    let policy = &problem.policy;
    let expired = || clock().as_secs_f64() > policy.time_limit;
    let mut budget = Budget::new(policy.work_limit, &expired);
    let mut answer = match problem.task {
        Task::Place | Task::Recover => recover::recover(problem, explained, &mut budget),
        Task::Rebalance | Task::Pack => balance::balance(problem, explained, &mut budget),
        Task::WhatIf => survey::what_if(problem, &mut budget)?,
        Task::Feasibility => survey::feasibility(problem, &mut budget),
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
    Ok(answer)
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
    let most = match explained {
        Explained::Some => limits::PLACEMENT_REASONS,
        Explained::All => limits::PLACEMENT_EXPLAINED,
    };
    let most = most / instance.nodes().max(1);
    let home = |item: usize| problem.guests[instance.guests[item]].node;
    let stays = |item: usize| placed[item].is_some() && placed[item] == home(item);
    let changed = |&item: &usize| explained == Explained::All || !stays(item);
    let all = (0..placed.len()).filter(changed).take(most + 1).count() <= most;
    let wanted = (0..placed.len()).filter(changed);
    let wanted = wanted.filter(|&item| all || placed[item].is_none());
    answer.why = explain(instance, placed, wanted.take(most));
    answer.loads = loads(instance, placed);
}
