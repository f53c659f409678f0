//! Whether the rules of a problem can be kept at all, and if not which of them are in each other's way
//! (docs/placement.md, "Rules"). Positive groups are joined, the nodes of strict rules intersected, groups
//! of guests that must be apart matched with their nodes; what that does not decide is searched exactly.

mod colouring;
mod conflict;
mod graph;
mod losses;
mod matching;
#[cfg(test)]
mod tests;

pub use conflict::{Conflict, binding, conflict};
pub use losses::Loss;

use super::bits::Bits;
use super::instance::{Given, Instance};
use super::problem::Problem;
use super::recovery;
use super::search::{Budget, Verdict};

/// Whether the rules can be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesAnswer {
    /// [`Verdict::Feasible`]: all guests can be placed so that all rules are kept.
    /// [`Verdict::Infeasible`]: they cannot. [`Verdict::Unknown`]: the work ended before.
    pub verdict: Verdict,
    /// The rules that are in each other's way, if it is infeasible.
    pub conflict: Conflict,
    /// Sets of nodes after whose loss the rules contradict each other or leave a guest no node.
    pub losses: Vec<Loss>,
    /// Whether these are all; not so if the work ended before.
    pub all_losses: bool,
}

/// Whether all guests that somebody manages can be placed so that all rules are kept: wherever they are now,
/// whether they may be moved or not, with what they need on nodes that take guests; and after which losses
/// of up to `policy.failures` nodes they could not.
pub fn check(problem: &Problem, budget: &mut Budget<'_>) -> RulesAnswer {
    let instance = Instance::anew(problem, Bits::default(), Given::default());
    let ground = instance.without_rules();
    let binding = binding(&instance);
    let torn = conflict::contradict(&ground, &binding, &Bits::default(), budget);
    let fits = match torn {
        Some(true) => Some(false),
        _ => {
            let half = budget.left() / 2;
            budget.part(half, |budget| recovery::fits(&instance, budget))
        }
    };
    let mut answer = RulesAnswer {
        verdict: match fits {
            Some(true) => Verdict::Feasible,
            Some(false) => Verdict::Infeasible,
            None => Verdict::Unknown,
        },
        conflict: Conflict::default(),
        losses: Vec::new(),
        all_losses: true,
    };
    if answer.verdict == Verdict::Infeasible {
        answer.conflict = conflict(&instance, budget);
    }
    if torn != Some(true) {
        (answer.losses, answer.all_losses) =
            losses::losses(&ground, &binding, problem.policy.failures, budget);
    }
    answer
}
