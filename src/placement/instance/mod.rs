//! One question of the many that a problem can hold: which guests are to get a node, on which nodes each
//! of them may be, how much room those have. Everything that does not depend on where the others go is
//! decided here: states of nodes, storages, volumes, bridges, flags, cores, and rules as far as the
//! guests that stay decide them. What is left for the solvers is numbers.

mod build;
mod reason;
mod recoveries;
#[cfg(test)]
mod tests;
mod verify;

pub use reason::{Code, Reason, Value};
pub use recoveries::{Change, Recoveries};
pub use verify::{Breach, verify};

use super::bits::Bits;
use super::problem::{Amounts, Problem, Relaxation, RuleKind, State};

/// What is given up, so that there is an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    reservations: bool,
    hard_limit: bool,
    usage: bool,
    maintenance: bool,
    /// By rule; what is behind the end is kept.
    rules: Bits,
}

impl Given {
    /// Gives up one thing more.
    pub fn give(&mut self, problem: &Problem, step: &Relaxation) {
        let mut rules = |give: &dyn Fn(&str, &RuleKind) -> bool| {
            for (at, rule) in problem.rules.iter().enumerate() {
                if give(&rule.id, &rule.kind) {
                    self.rules.insert(at);
                }
            }
        };
        match step {
            Relaxation::Reservations => self.reservations = true,
            Relaxation::HardLimit => self.hard_limit = true,
            Relaxation::Usage => self.usage = true,
            Relaxation::Maintenance => self.maintenance = true,
            Relaxation::NegativeAffinity => rules(&|_, kind| *kind == RuleKind::Apart),
            Relaxation::PositiveAffinity => rules(&|_, kind| *kind == RuleKind::Together),
            Relaxation::NodeAffinity => {
                rules(&|_, kind| matches!(kind, RuleKind::Nodes { strict: true, .. }))
            }
            Relaxation::Rule(id) => rules(&|rule, _| rule == id),
        }
    }

    /// Gives up one rule.
    pub fn give_rule(&mut self, rule: usize) {
        self.rules.insert(rule);
    }

    /// Keeps a rule that was given up.
    fn keep_rule(&mut self, rule: usize) {
        self.rules.remove(rule);
    }

    /// Whether a rule is given up.
    pub fn is_given(&self, rule: usize) -> bool {
        self.rules.contains(rule)
    }
}

/// The question.
#[derive(Clone, Debug)]
pub struct Instance<'a> {
    /// The problem that it is of.
    pub problem: &'a Problem,
    /// The nodes that have failed in this case.
    pub failed: Bits,
    /// What is given up.
    pub given: Given,
    /// The guests that are to get a node; called items from here on, in the order of their ids.
    pub guests: Vec<usize>,
    /// Whether an item can be where it is now, whatever is known of that node but room: it evidently runs
    /// there. Otherwise all are placed anew.
    pub at_home: bool,
    /// The item that a guest is, by guest.
    pub item_of: Vec<Option<usize>>,
    /// What each item needs, by item and resource.
    pub need: Vec<u64>,
    /// What is on each node before any item is, by node and resource.
    pub load: Vec<u64>,
    /// What each node may have on it, by node and resource.
    pub limit: Vec<u64>,
    /// The nodes on which an item may be as long as no other item is placed.
    pub allowed: Vec<Bits>,
    /// How far a node is from the best that the rules name, by item and node: 0 is best. Empty: all alike.
    pub rank: Vec<Vec<u8>>,
    /// Items that are to be on one node: each item is in one group at most.
    pub together: Vec<Vec<usize>>,
    /// Items that are to be on different nodes.
    pub apart: Vec<Vec<usize>>,
}

impl<'a> Instance<'a> {
    /// The question of recovery: guests without a node, on one that is not online, or on one of `failed` are
    /// to get one; the others stay.
    pub fn recovery(problem: &'a Problem, failed: Bits, given: Given) -> Instance<'a> {
        let homeless = |guest: usize| {
            let guest = &problem.guests[guest];
            let node = guest.node;
            guest.state != State::Ignored
                && node.is_none_or(|node| !problem.nodes[node].online || failed.contains(node))
        };
        let guests = (0..problem.guests.len()).filter(|&g| homeless(g)).collect();
        build::build(problem, failed, given, guests)
    }

    /// The question of balancing: whoever may be moved can be anywhere, also where it is; who has no node is
    /// no matter.
    pub fn balancing(problem: &'a Problem, failed: Bits, given: Given) -> Instance<'a> {
        let moves = |guest: usize| {
            let guest = &problem.guests[guest];
            let runs = guest
                .node
                .is_some_and(|n| problem.nodes[n].online && !failed.contains(n));
            runs && guest.movable && guest.state != State::Ignored
        };
        let guests = (0..problem.guests.len()).filter(|&g| moves(g)).collect();
        build::at_home(problem, failed, given, guests)
    }

    /// The question of feasibility: every guest that somebody manages can be anywhere, wherever it is now,
    /// whether it may be moved or not.
    pub fn anew(problem: &'a Problem, failed: Bits, given: Given) -> Instance<'a> {
        let managed = |&guest: &usize| problem.guests[guest].state != State::Ignored;
        let guests = (0..problem.guests.len()).filter(managed).collect();
        build::build(problem, failed, given, guests)
    }

    /// The same question with no rule kept: what [`keeping`](Instance::keeping) starts from.
    pub fn without_rules(&self) -> Instance<'a> {
        let mut given = self.given.clone();
        (0..self.problem.rules.len()).for_each(|rule| given.give_rule(rule));
        build::build(
            self.problem,
            self.failed.clone(),
            given,
            self.guests.clone(),
        )
    }

    /// The question of [`without_rules`](Instance::without_rules) with these rules kept, and no other; all
    /// nodes are alike to the guests.
    pub fn keeping(&self, rules: &[usize]) -> Instance<'a> {
        let mut kept = self.clone();
        rules.iter().for_each(|&rule| kept.given.keep_rule(rule));
        build::rules(&mut kept, rules.iter().copied(), false);
        kept
    }

    /// How many resources there are.
    pub fn resources(&self) -> usize {
        self.problem.resources.len()
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.problem.nodes.len()
    }

    /// What an item needs.
    pub fn need_of(&self, item: usize) -> &[u64] {
        let n = self.resources();
        &self.need[item * n..][..n]
    }

    /// What is on a node before any item is.
    pub fn load_of(&self, node: usize) -> &[u64] {
        let n = self.resources();
        &self.load[node * n..][..n]
    }

    /// What a node may have on it.
    pub fn limit_of(&self, node: usize) -> &[u64] {
        let n = self.resources();
        &self.limit[node * n..][..n]
    }

    /// What is left on each node before any item is placed, by node and resource.
    pub fn room(&self) -> Amounts {
        let pairs = self.limit.iter().zip(&self.load);
        pairs
            .map(|(limit, load)| limit.saturating_sub(*load))
            .collect()
    }

    /// How far a node is from the best for an item.
    pub fn rank_of(&self, item: usize, node: usize) -> u8 {
        self.rank[item].get(node).copied().unwrap_or(0)
    }

    /// Whether a node runs guests in this case.
    pub fn is_up(&self, node: usize) -> bool {
        self.problem.nodes[node].online && !self.failed.contains(node)
    }

    /// Whether a node takes guests in this case.
    pub fn is_open(&self, node: usize) -> bool {
        self.is_up(node) && (!self.problem.nodes[node].maintenance || self.given.maintenance)
    }

    /// Where a guest stays that is no item: nowhere if its node is down.
    pub fn home_of(&self, guest: usize) -> Option<usize> {
        let node = self.problem.guests[guest].node;
        node.filter(|&node| self.item_of[guest].is_none() && self.is_up(node))
    }

    /// What a guest is charged in this case.
    pub fn charge(&self, guest: usize) -> &'a Amounts {
        let guest = &self.problem.guests[guest];
        if self.given.usage {
            &guest.usage
        } else {
            &guest.need
        }
    }
}
