//! The questions of recovery for many sets of failed nodes: what does not depend on which nodes have
//! failed is worked out once.

use super::{Given, Instance, build};
use crate::placement::bits::Bits;
use crate::placement::problem::{Problem, State};

/// What could be different.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// A node, a resource, and how much more of it the node may have on it.
    pub raised: Option<(usize, usize, u64)>,
    /// Rules that need not be kept.
    pub without: Bits,
    /// Guests that need a node and do not get one anyhow, so that they are in nobody's way.
    pub lost: Bits,
}

/// All questions of recovery that a problem holds.
#[derive(Clone, Debug)]
pub struct Recoveries<'a> {
    /// Every guest that somebody manages as an item, without rules: what a node lacks for it at any rate.
    base: Instance<'a>,
    /// What is given up.
    given: Given,
    /// What is on each node as long as none has failed.
    load: Vec<u64>,
    /// The guests on each node that get another if it fails.
    guests_on: Vec<Vec<usize>>,
    /// The guests that need a node anyhow.
    homeless: Vec<usize>,
    /// The rules that each guest is named in.
    rules_of: Vec<Vec<usize>>,
}

impl<'a> Recoveries<'a> {
    /// Works out what all have in common.
    pub fn new(problem: &'a Problem, given: Given) -> Recoveries<'a> {
        let now = Instance::recovery(problem, Bits::default(), given.clone());
        let mut guests_on = vec![Vec::new(); problem.nodes.len()];
        for (at, guest) in problem.guests.iter().enumerate() {
            if let (None, Some(node)) = (now.item_of[at], guest.node) {
                if guest.state != State::Ignored {
                    guests_on[node].push(at);
                }
            }
        }
        let mut rules_of = vec![Vec::new(); problem.guests.len()];
        for (at, rule) in problem.rules.iter().enumerate() {
            if !given.is_given(at) {
                rule.guests.iter().for_each(|&g| rules_of[g].push(at));
            }
        }
        Recoveries {
            base: Instance::anew(problem, Bits::default(), given.clone()).without_rules(),
            given,
            load: now.load,
            guests_on,
            homeless: now.guests,
            rules_of,
        }
    }

    /// The guests of a node that get another if it fails.
    pub fn guests_on(&self, node: usize) -> &[usize] {
        &self.guests_on[node]
    }

    /// What [`Instance::recovery`] makes of these nodes, but that all nodes are alike to the guests.
    pub fn case(&self, failed: Bits) -> Instance<'a> {
        self.changed(failed, &Change::default())
    }

    /// The same if something were different.
    pub fn changed(&self, failed: Bits, change: &Change) -> Instance<'a> {
        let problem = self.base.problem;
        let resources = problem.resources.len();
        let mut guests = self.homeless.clone();
        for node in failed.iter() {
            guests.extend(self.guests_on.get(node).into_iter().flatten());
        }
        guests.sort_unstable();
        let mut load = self.load.clone();
        for &guest in &guests {
            let stayed = problem.guests[guest].node.filter(|&n| failed.contains(n));
            if let Some(node) = stayed.filter(|&n| problem.nodes[n].online) {
                build::bookings(problem, &self.given, guest, node, |node, amounts| {
                    let load = load[node * resources..][..resources].iter_mut();
                    load.zip(amounts)
                        .for_each(|(load, amount)| *load = load.saturating_sub(*amount));
                });
            }
        }
        guests.retain(|&guest| !change.lost.contains(guest));
        let mut item_of = vec![None; problem.guests.len()];
        let mut need = Vec::with_capacity(guests.len() * resources);
        let mut rules: Vec<usize> = Vec::new();
        for (item, &guest) in guests.iter().enumerate() {
            item_of[guest] = Some(item);
            // Every such guest is managed, so that it is an item of the base.
            let charge = self.base.item_of[guest].map(|base| self.base.need_of(base));
            need.extend(charge.into_iter().flatten());
            rules.extend(&self.rules_of[guest]);
        }
        rules.sort_unstable();
        rules.dedup();
        let mut given = self.given.clone();
        change.without.iter().for_each(|rule| given.give_rule(rule));
        let mut limit = self.base.limit.clone();
        if let Some((node, resource, more)) = change.raised {
            let limit = &mut limit[node * resources + resource];
            *limit = limit.saturating_add(more);
        }
        let mut case = Instance {
            at_home: false,
            problem,
            given,
            need,
            load,
            limit,
            allowed: Vec::with_capacity(guests.len()),
            rank: vec![Vec::new(); guests.len()],
            together: Vec::new(),
            apart: Vec::new(),
            guests,
            item_of,
            failed,
        };
        for item in 0..case.guests.len() {
            let base = self.base.item_of[case.guests[item]];
            let mut allowed = base.map_or_else(Bits::default, |b| self.base.allowed[b].clone());
            allowed.subtract(&case.failed);
            let fits = |&node: &usize| {
                let room = case.limit_of(node).iter().zip(case.load_of(node));
                let mut each = case.need_of(item).iter().zip(room);
                each.all(|(need, (limit, load))| *need <= limit.saturating_sub(*load))
            };
            let mut allowed: Bits = allowed.iter().filter(fits).collect();
            if let Some((node, ..)) = change.raised {
                if case.lacks(item, node).is_none() {
                    allowed.insert(node);
                }
            }
            case.allowed.push(allowed);
        }
        build::rules(&mut case, rules.into_iter(), false);
        case
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_case_is_what_it_is_alone() {
        let mut random = crate::random::Random::new(7);
        for round in 0..200 {
            let nodes: Vec<_> = (0..5)
                .map(|at| json!({ "name": format!("n{at}"), "capacity": { "cpu": 8, "mem": 20 + random.below(20) },
                                  "online": random.below(8) > 0, "maintenance": random.below(8) == 0 }))
                .collect();
            let guests: Vec<_> = (0..12)
                .map(|at| json!({ "sid": format!("vm:{at:02}"), "node": format!("n{}", random.below(6)),
                                  "size": { "cpu": 1, "mem": 1 + random.below(9) },
                                  "state": if random.below(6) == 0 { "ignored" } else { "started" } }))
                .collect();
            let reservations: Vec<_> = (0..3)
                .map(|_| json!({ "sid": format!("vm:{:02}", random.below(14)), "node": format!("n{}", random.below(5)),
                                 "size": { "mem": random.below(9) } }))
                .collect();
            let mut rules = Vec::new();
            for at in 0..4 {
                let sids: Vec<_> = (0..3)
                    .map(|_| format!("vm:{:02}", random.below(12)))
                    .collect();
                rules.push(match random.below(3) {
                    0 => json!({ "id": at.to_string(), "type": "resource-affinity", "sids": sids, "affinity": "positive" }),
                    1 => json!({ "id": at.to_string(), "type": "resource-affinity", "sids": sids, "affinity": "negative" }),
                    _ => json!({ "id": at.to_string(), "type": "node-affinity", "sids": sids, "strict": true,
                                 "nodes": { "n1": 1, "n2": 1, format!("n{}", random.below(5)): 2 } }),
                });
            }
            let document = json!({ "task": "what-if", "nodes": nodes, "guests": guests,
                                   "reservations": reservations, "rules": rules });
            let problem = Problem::from_json(document.to_string().as_bytes()).unwrap();
            let all = Recoveries::new(&problem, Given::default());
            for failed in [vec![], vec![1], vec![0, 3]] {
                let failed: Bits = failed.into_iter().collect();
                let mut alone = Instance::recovery(&problem, failed.clone(), Given::default());
                let case = all.case(failed);
                alone.rank.iter_mut().for_each(Vec::clear);
                let sets = |i: &Instance<'_>| -> Vec<Vec<usize>> {
                    i.allowed.iter().map(|a| a.iter().collect()).collect()
                };
                assert_eq!(sets(&case), sets(&alone), "round {round}");
                let rest = |mut i: Instance<'_>| {
                    i.allowed.clear();
                    format!(
                        "{:?} {:?}",
                        i.load,
                        (
                            i.guests, i.need, i.limit, i.together, i.apart, i.rank, i.item_of
                        )
                    )
                };
                assert_eq!(rest(case), rest(alone), "round {round}");
            }
        }
    }
}
