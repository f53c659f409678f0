//! What is on each node before and after, ready to be drawn.

use pve_native_core::placement::answer::{Answer, Load};
use pve_native_core::placement::problem::{Problem, Resource};

use super::amount::{amount, share};
use super::words::name;

/// Nodes that are shown of each resource; of more the fullest.
pub const NODES: usize = 200;

/// One resource on all nodes that have it.
pub struct Loads {
    /// The resource's name.
    pub resource: String,
    /// The nodes, in the order of their names.
    pub nodes: Vec<Node>,
    /// How many are not shown; they are less full than all others.
    pub left_out: usize,
}

/// A node.
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its load before as a share of its limit; without a limit 0 or infinite.
    pub before: f64,
    /// The same after.
    pub after: f64,
    /// Its soft limit as such a share, if it has one below its limit.
    pub soft: Option<f64>,
    /// How full it is after.
    pub state: State,
    /// `61.2 %`.
    pub share_before: String,
    /// The same after.
    pub share_after: String,
    /// `39.2 → 51.8 of 64 GiB`, with the two amounts and the limit apart.
    pub amounts: [String; 3],
}

/// How full a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Within all limits.
    Fine,
    /// Over its soft limit.
    OverSoft,
    /// Over its limit.
    Over,
}

impl State {
    /// What there is to say of it.
    pub fn word(self) -> &'static str {
        match self {
            State::Fine => "",
            State::OverSoft => "over its soft limit",
            State::Over => "over its limit",
        }
    }
}

/// The loads of an answer, by resource as the problem has them; what is on no node is left out.
pub fn loads(problem: &Problem, answer: &Answer) -> Vec<Loads> {
    let resources = problem.resources.iter().enumerate();
    let all = resources.map(|(at, resource)| of(problem, answer, at, resource));
    all.filter(|loads| !loads.nodes.is_empty()).collect()
}

fn of(problem: &Problem, answer: &Answer, at: usize, resource: &Resource) -> Loads {
    let mut nodes = Vec::new();
    for (node, loads) in &answer.loads {
        let Some(load) = loads.get(&resource.name) else {
            continue;
        };
        if load.before == 0.0 && load.after == 0.0 && load.limit == 0.0 {
            continue;
        }
        let soft = problem.node(node).map(|node| &problem.nodes[node].soft);
        let soft = soft.map_or(load.limit, |soft| resource.real(soft[at]));
        nodes.push(Node::new(node, load, soft, &resource.name));
    }
    let left_out = nodes.len().saturating_sub(NODES);
    if left_out > 0 {
        nodes.sort_by(|a, b| b.after.total_cmp(&a.after));
        nodes.truncate(NODES);
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Loads {
        resource: name(&resource.name),
        nodes,
        left_out,
    }
}

impl Node {
    fn new(node: &str, load: &Load, soft: f64, resource: &str) -> Node {
        let part = |amount: f64| match load.limit > 0.0 {
            true => amount / load.limit,
            false if amount > 0.0 => f64::INFINITY,
            false => 0.0,
        };
        let text = |amount: f64| match part(amount).is_finite() {
            true => share(part(amount)),
            false => "-".into(),
        };
        let state = if load.after > load.limit {
            State::Over
        } else if load.after > soft {
            State::OverSoft
        } else {
            State::Fine
        };
        Node {
            name: name(node),
            before: part(load.before),
            after: part(load.after),
            soft: (soft < load.limit).then(|| part(soft)),
            state,
            share_before: text(load.before),
            share_after: text(load.after),
            amounts: [load.before, load.after, load.limit].map(|value| amount(resource, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(before: f64, after: f64, limit: f64, soft: f64) -> Node {
        let load = Load {
            before,
            after,
            limit,
        };
        Node::new("n", &load, soft, "cpu")
    }

    #[test]
    fn loads_are_shares_of_the_limit() {
        let found = node(1.0, 3.0, 4.0, 2.0);
        assert_eq!(
            (found.before, found.after, found.soft),
            (0.25, 0.75, Some(0.5))
        );
        assert_eq!(found.state, State::OverSoft);
        assert_eq!(found.amounts, ["1", "3", "4"]);
        assert_eq!(node(0.0, 4.0, 4.0, 4.0).state, State::Fine);
        assert_eq!(node(0.0, 4.1, 4.0, 4.0).state, State::Over);
        let nothing = node(0.0, 1.0, 0.0, 0.0);
        assert_eq!(
            (nothing.state, nothing.share_after.as_str()),
            (State::Over, "-")
        );
        assert_eq!(nothing.share_before, "0.0 %");
    }
}
