//! Tiny clusters, all of whose placements are tried.

use pve_native_core::placement::balance::{Options, balance, simulate};
use pve_native_core::placement::bits::Bits;
use pve_native_core::placement::instance::{Given, Instance, verify};
use pve_native_core::placement::problem::Problem;
use pve_native_core::placement::search::{Budget, Verdict};
use serde_json::{Value, json};

use super::generate::Dice;

/// Up to three nodes and six guests, with any rules.
fn tiny(task: &str, objective: Option<&str>, dice: &mut Dice) -> Value {
    let count = 2 + dice.below(2);
    let nodes: Vec<Value> = (0..count)
        .map(|at| {
            json!({ "name": format!("n{at}"), "online": dice.below(12) > 0,
                "maintenance": dice.below(8) == 0, "used": { "mem": dice.below(3) },
                "capacity": { "cpu": 4 + dice.below(8), "mem": 4 + dice.below(8) } })
        })
        .collect();
    let guests = 1 + dice.below(6);
    let node = |dice: &mut Dice| format!("n{}", dice.below(count));
    let documents: Vec<Value> = (0..guests)
        .map(|at| {
            let mut guest = json!({ "sid": format!("vm:{at}"), "node": node(dice),
                "size": { "cpu": dice.below(4), "mem": dice.below(5) },
                "movable": dice.below(6) > 0 });
            if dice.below(4) == 0 {
                guest["volumes"] = json!([{ "storage": "local", "bytes": dice.below(9),
                    "nodes": [node(dice), node(dice)] }]);
            }
            guest
        })
        .collect();
    let rules: Vec<Value> = (0..dice.below(3))
        .map(|at| {
            let sids: Vec<String> = (0..guests)
                .filter(|_| dice.below(3) == 0)
                .map(|guest| format!("vm:{guest}"))
                .collect();
            let id = format!("r{at}");
            match dice.below(3) {
                0 => json!({ "id": id, "type": "resource-affinity", "sids": sids, "affinity": "negative" }),
                1 => json!({ "id": id, "type": "resource-affinity", "sids": sids, "affinity": "positive" }),
                _ => json!({ "id": id, "type": "node-affinity", "sids": sids, "strict": true,
                    "nodes": { "n0": 1, "n1": dice.below(2) } }),
            }
        })
        .collect();
    let mut document = json!({ "task": task, "nodes": nodes, "guests": documents, "rules": rules,
        "policy": {} });
    if dice.below(2) == 0 {
        document["policy"]["soft-limit"] = json!({ "mem": 0.75 });
    }
    if let Some(objective) = objective {
        document["policy"]["objective"] = json!(objective);
    }
    document
}

/// All placements that keep limits and rules.
fn all(instance: &Instance<'_>) -> Vec<Vec<Option<usize>>> {
    let mut placements = vec![Vec::new()];
    for item in 0..instance.guests.len() {
        let grown = placements.iter().flat_map(|placement| {
            instance.allowed[item].iter().map(move |node| {
                let mut grown: Vec<Option<usize>> = placement.clone();
                grown.push(Some(node));
                grown
            })
        });
        placements = grown.collect();
    }
    placements.retain(|placement| verify(instance, placement).is_ok());
    placements
}

/// Whether an open node has more of anything than its soft limit.
fn is_contended(instance: &Instance<'_>, placement: &[Option<usize>]) -> bool {
    (0..instance.nodes())
        .filter(|&node| instance.is_open(node))
        .any(|node| {
            (0..instance.resources()).any(|at| {
                let here = (0..placement.len()).filter(|&item| placement[item] == Some(node));
                let sum: u64 = here.map(|item| instance.need_of(item)[at]).sum();
                sum + instance.load_of(node)[at] > instance.problem.nodes[node].soft[at]
            })
        })
}

fn moves(instance: &Instance<'_>, placement: &[Option<usize>]) -> usize {
    let homes = instance
        .guests
        .iter()
        .map(|&guest| instance.problem.guests[guest].node);
    homes
        .zip(placement)
        .filter(|(home, node)| home != *node)
        .count()
}

fn in_use(instance: &Instance<'_>, placement: &[Option<usize>]) -> usize {
    let staying = (0..instance.problem.guests.len()).filter(|&g| instance.item_of[g].is_none());
    let staying = staying.filter_map(|guest| instance.problem.guests[guest].node);
    let nodes = staying.chain(placement.iter().filter_map(|node| *node));
    nodes
        .filter(|&node| instance.is_up(node))
        .collect::<Bits>()
        .count()
}

/// The highest load of an open node, as a part of its limit.
fn highest(instance: &Instance<'_>, placement: &[Option<usize>]) -> f64 {
    let load = |node: usize, at: usize| {
        let here = (0..placement.len()).filter(|&item| placement[item] == Some(node));
        let sum: u64 = here.map(|item| instance.need_of(item)[at]).sum();
        (sum + instance.load_of(node)[at]) as f64 / instance.limit_of(node)[at].max(1) as f64
    };
    let nodes = (0..instance.nodes()).filter(|&node| instance.is_open(node));
    nodes
        .flat_map(|node| (0..instance.resources()).map(move |at| (node, at)))
        .map(|(node, at)| load(node, at))
        .fold(0.0, f64::max)
}

fn compare(task: &str, objective: Option<&str>, value: fn(&Instance<'_>, &[Option<usize>]) -> f64) {
    let mut proved = 0;
    for seed in 0..700 {
        let document = tiny(task, objective, &mut Dice::new(seed));
        let problem = Problem::from_json(document.to_string().as_bytes()).unwrap();
        let instance = Instance::balancing(&problem, Bits::default(), Given::default());
        let mut budget = Budget::new(200_000, &|| false);
        let outcome = balance(&instance, Options::default(), None, &mut budget);
        let from: Vec<usize> = instance
            .guests
            .iter()
            .filter_map(|&g| problem.guests[g].node)
            .collect();
        let after = simulate(
            &instance,
            &from,
            &outcome.hops(&instance),
            Options::default(),
        );
        let after: Vec<Option<usize>> = after.unwrap().into_iter().map(Some).collect();
        assert_eq!(after, outcome.placed, "{seed}");
        let kept = all(&instance);
        let well = kept
            .iter()
            .filter(|placement| !is_contended(&instance, placement));
        let least = well.map(|p| value(&instance, p)).min_by(f64::total_cmp);
        match outcome.verdict {
            Verdict::Infeasible => assert!(kept.is_empty(), "{seed}: {document} {outcome:?}"),
            Verdict::Unknown => assert!(kept.is_empty(), "{seed}: {document} {outcome:?}"),
            _ if !outcome.unplaced.is_empty() => {}
            verdict => {
                assert!(
                    verify(&instance, &after).is_ok(),
                    "{seed}: {document} {outcome:?}"
                );
                let Some(least) = least else { continue };
                assert!(
                    !is_contended(&instance, &after),
                    "{seed}: {document} {outcome:?}"
                );
                assert!(
                    outcome.bound <= least + 1e-9,
                    "{seed}: {least} {document} {outcome:?}"
                );
                let got = value(&instance, &after);
                if verdict == Verdict::Optimal {
                    assert!(
                        got <= least + 2e-6,
                        "{seed}: {least} {document} {outcome:?}"
                    );
                    proved += 1;
                } else {
                    assert!(got + 1e-9 >= least);
                }
            }
        }
    }
    println!("{task} {objective:?}: {proved} proved");
}

#[test]
fn the_fewest_moves_are_the_fewest() {
    compare("rebalance", None, |instance, placement| {
        moves(instance, placement) as f64
    });
}

#[test]
fn the_fewest_nodes_are_the_fewest() {
    compare("pack", None, |instance, placement| {
        in_use(instance, placement) as f64
    });
}

#[test]
fn the_lowest_load_is_the_lowest() {
    compare("rebalance", Some("spread"), highest);
}
