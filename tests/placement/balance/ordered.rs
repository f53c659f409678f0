//! Orders between placements that both have room, but little more.

use pve_native_core::placement::balance::{Options, order, simulate};
use pve_native_core::placement::bits::Bits;
use pve_native_core::placement::instance::{Given, Instance};
use pve_native_core::placement::problem::Problem;
use pve_native_core::placement::search::Budget;
use serde_json::json;

use super::generate::Dice;

/// Two placements of the same guests, each within the limits, made by exchanging guests at dice.
fn both(nodes: usize, room: u64, apart: bool, dice: &mut Dice) -> (String, Vec<usize>) {
    let mut guests: Vec<(usize, u64)> = Vec::new();
    for node in 0..nodes {
        let mut left = 64;
        while left > 0 {
            let size = (1 + dice.below(16)).min(left);
            left -= size;
            guests.push((node, size));
        }
    }
    let mut to: Vec<usize> = guests.iter().map(|guest| guest.0).collect();
    let mut load = vec![64; nodes];
    for _ in 0..guests.len() * 20 {
        let a = dice.below(guests.len() as u64) as usize;
        let b = dice.below(guests.len() as u64) as usize;
        let (at, other) = (to[a], to[b]);
        let (first, second) = (guests[a].1, guests[b].1);
        if at != other
            && load[at] - first + second <= 64 + room
            && load[other] - second + first <= 64 + room
        {
            load[at] = load[at] - first + second;
            load[other] = load[other] - second + first;
            to.swap(a, b);
        }
    }
    let documents = guests.iter().enumerate().map(|(at, (node, size))| {
        json!({ "sid": format!("vm:{at:03}"), "node": format!("n{node}"), "size": { "mem": size } })
    });
    let documents: Vec<_> = documents.collect();
    let mut rules = Vec::new();
    if apart {
        for number in 0..guests.len() {
            let a = dice.below(guests.len() as u64) as usize;
            let b = dice.below(guests.len() as u64) as usize;
            if guests[a].0 != guests[b].0 && to[a] != to[b] {
                rules.push(
                    json!({ "id": format!("r{number}"), "type": "resource-affinity",
                    "sids": [format!("vm:{a:03}"), format!("vm:{b:03}")], "affinity": "negative" }),
                );
            }
        }
    }
    let nodes: Vec<_> = (0..nodes)
        .map(|at| json!({ "name": format!("n{at}"), "capacity": { "mem": 64 + room } }))
        .collect();
    let document =
        json!({ "task": "rebalance", "nodes": nodes, "guests": documents, "rules": rules });
    (document.to_string(), to)
}

#[test]
fn plans_never_overload_a_node_on_the_way() {
    for (nodes, room, apart) in [
        (3, 16, false),
        (3, 32, true),
        (6, 8, false),
        (8, 16, true),
        (8, 4, false),
        (9, 0, false),
    ] {
        let (mut moved, mut hops, mut stranded, mut steps) = (0, 0, 0, 0);
        for seed in 0..40 {
            let (document, to) = both(nodes, room, apart, &mut Dice::new(seed));
            let problem = Problem::from_json(document.as_bytes()).unwrap();
            let instance = Instance::balancing(&problem, Bits::default(), Given::default());
            let from: Vec<usize> = instance
                .guests
                .iter()
                .filter_map(|&g| problem.guests[g].node)
                .collect();
            let options = Options {
                inflow: 1 + seed as usize % 4,
                outflow: 1 + seed as usize % 3,
            };
            let mut budget = Budget::new(200_000, &|| false);
            let plan = order(&instance, &from, &to, options, &mut budget);
            let after = simulate(&instance, &from, &plan.hops, options).unwrap();
            let left: Vec<usize> = (0..to.len())
                .filter(|&item| after[item] != to[item])
                .collect();
            assert_eq!(left, plan.stranded);
            moved += (0..to.len()).filter(|&item| from[item] != to[item]).count();
            hops += plan.hops.len();
            steps += plan.steps();
            stranded += plan.stranded.len();
        }
        println!(
            "{nodes} nodes, {room} of 64 free, apart {apart}: {moved} to move, {hops} hops, {steps} steps, {stranded} stranded"
        );
    }
}
