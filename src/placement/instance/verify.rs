//! Whether a placement keeps everything that it must, looked at from the problem itself: this shares no
//! sums with the solvers and knows nothing of how they came to their answer.

use super::{Code, Instance, Reason};
use crate::placement::problem::RuleKind;

/// What a placement breaks.
#[derive(Clone, Debug, PartialEq)]
pub struct Breach {
    /// The guest, by its number in the problem.
    pub guest: usize,
    /// The node.
    pub node: usize,
    /// What is broken there.
    pub reason: Reason,
}

/// Looks for anything that a placement breaks: `placed` has the node of each item, none if it has not got one.
pub fn verify(instance: &Instance<'_>, placed: &[Option<usize>]) -> Result<(), Box<Breach>> {
    let problem = instance.problem;
    let resources = instance.resources();
    let mut load: Vec<u128> = instance.load.iter().map(|&load| load.into()).collect();
    for (item, node) in placed.iter().enumerate() {
        let Some(node) = *node else { continue };
        let guest = instance.guests[item];
        let breach = |reason| {
            Err(Box::new(Breach {
                guest,
                node,
                reason,
            }))
        };
        if let Some(reason) = instance.lacks(item, node) {
            return breach(reason);
        }
        for at in 0..resources {
            load[node * resources + at] += u128::from(instance.need_of(item)[at]);
        }
    }
    for (item, node) in placed.iter().enumerate() {
        let Some(node) = *node else { continue };
        let guest = instance.guests[item];
        let over = (0..resources).any(|at| {
            let sum = load[node * resources + at];
            instance.need_of(item)[at] > 0 && sum > instance.limit_of(node)[at].into()
        });
        if over {
            let reason = Reason::plain(Code::Capacity);
            return Err(Box::new(Breach {
                guest,
                node,
                reason,
            }));
        }
    }
    let home = |guest: usize| match instance.item_of[guest] {
        Some(item) => placed[item],
        None => instance.home_of(guest),
    };
    for (at, rule) in problem.rules.iter().enumerate() {
        if instance.given.is_given(at) {
            continue;
        }
        let here = rule
            .guests
            .iter()
            .filter_map(|&guest| Some((guest, home(guest)?)));
        let here: Vec<(usize, usize)> = here.collect();
        let moved = |guest: usize| instance.item_of[guest].is_some();
        for &(guest, node) in here.iter().filter(|(guest, _)| moved(*guest)) {
            let kept = match &rule.kind {
                RuleKind::Nodes { nodes, strict } => {
                    !strict || nodes.iter().any(|(n, _)| *n == node)
                }
                RuleKind::Together => here.iter().all(|(_, other)| *other == node),
                RuleKind::Apart => here.iter().all(|&(other, n)| other == guest || n != node),
            };
            if !kept {
                let code = match rule.kind {
                    RuleKind::Nodes { .. } => Code::NodeAffinity,
                    RuleKind::Together => Code::PositiveAffinity,
                    RuleKind::Apart => Code::NegativeAffinity,
                };
                let reason = Reason::of_rule(code, &rule.id);
                return Err(Box::new(Breach {
                    guest,
                    node,
                    reason,
                }));
            }
        }
    }
    Ok(())
}
