//! Questions that nobody asks in good faith, or that have no answer: there is one nevertheless.

use pve_native_core::placement::balance::{BalanceOutcome, Options, balance};
use pve_native_core::placement::bits::Bits;
use pve_native_core::placement::instance::{Given, Instance};
use pve_native_core::placement::problem::Problem;
use pve_native_core::placement::search::{Budget, Verdict};
use serde_json::{Value, json};

const HUGE: u64 = 1 << 53;

fn solve(document: &Value) -> BalanceOutcome {
    let problem = Problem::from_json(document.to_string().as_bytes()).unwrap();
    let instance = Instance::balancing(&problem, Bits::default(), Given::default());
    let mut budget = Budget::new(100_000, &|| false);
    balance(&instance, Options::default(), None, &mut budget)
}

/// The same question for each task and objective.
fn all(document: &Value) -> Vec<BalanceOutcome> {
    let asked = [
        ("rebalance", "fewest-moves"),
        ("rebalance", "spread"),
        ("pack", "pack"),
    ];
    let one = |(task, objective): (&str, &str)| {
        let mut document = document.clone();
        document["task"] = json!(task);
        document["policy"]["objective"] = json!(objective);
        solve(&document)
    };
    asked.into_iter().map(one).collect()
}

#[test]
fn nothing_to_move_is_no_move() {
    let node = json!({ "name": "a", "capacity": { "mem": 1 } });
    for guests in [
        json!([]),
        json!([{ "sid": "vm:1", "size": { "mem": 5 } }]),
        json!([{ "sid": "vm:1", "node": "a", "size": { "mem": 5 }, "movable": false }]),
        json!([{ "sid": "vm:1", "node": "gone", "size": { "mem": 5 } }]),
    ] {
        for outcome in all(&json!({ "nodes": [node], "guests": guests, "policy": {} })) {
            assert!(
                outcome.moves.is_empty() && outcome.unplaced.is_empty(),
                "{outcome:?}"
            );
        }
    }
    for outcome in all(&json!({ "nodes": [], "guests": [], "policy": {} })) {
        assert!(outcome.moves.is_empty());
    }
}

#[test]
fn nodes_without_anything_and_the_largest_numbers_do_no_harm() {
    let nodes: Vec<Value> = (0..4)
        .map(|at| json!({ "name": format!("n{at}"), "capacity": { "cpu": 0, "mem": HUGE * (at % 2) } }))
        .collect();
    let guests: Vec<Value> = (0..40)
        .map(|at| {
            json!({ "sid": format!("vm:{at:02}"), "node": format!("n{}", at % 4),
                "size": { "mem": HUGE / (1 + at % 3) },
                "volumes": [{ "storage": "s", "nodes": ["n0", "n1", "n2", "n3"], "bytes": HUGE }] })
        })
        .collect();
    let policy = json!({ "overcommit": { "mem": 200 } });
    for outcome in all(&json!({ "nodes": nodes, "guests": guests, "policy": policy })) {
        assert_ne!(outcome.verdict, Verdict::Unknown, "{outcome:?}");
    }
}

#[test]
fn where_limits_cannot_be_kept_it_does_not_become_worse() {
    let nodes = json!([{ "name": "a", "capacity": { "mem": 10 } }, { "name": "b", "capacity": { "mem": 10 } }]);
    let guests: Vec<Value> = (0..8)
        .map(|at| json!({ "sid": format!("vm:{at}"), "node": "a", "size": { "mem": 3 } }))
        .collect();
    let outcome = solve(&json!({ "task": "rebalance", "nodes": nodes, "guests": guests }));
    assert_eq!(outcome.verdict, Verdict::Infeasible);
    assert!(
        outcome.moves.iter().filter(|it| it.to == 1).count() <= 3,
        "{outcome:?}"
    );
    assert!(
        outcome.contended.iter().all(|&(node, _)| node == 0),
        "{outcome:?}"
    );
}

#[test]
fn what_can_be_nowhere_stays_and_the_rest_is_mended() {
    let outcome = solve(&json!({ "task": "rebalance",
        "nodes": [{ "name": "a", "maintenance": true, "capacity": { "mem": 10 } },
                  { "name": "b", "capacity": { "mem": 10 } }],
        "guests": [{ "sid": "vm:1", "node": "a", "size": { "mem": 3 } },
                   { "sid": "vm:2", "node": "a", "size": { "mem": 3 },
                     "volumes": [{ "storage": "local", "nodes": ["a"], "bytes": 7 }] }] }));
    assert_eq!(
        (outcome.verdict, outcome.unplaced),
        (Verdict::Infeasible, vec![1])
    );
    assert_eq!(outcome.placed, [Some(1), Some(0)]);
}

#[test]
fn two_that_block_each_other_take_a_detour() {
    let guest = |sid: &str, node: &str, to: &str| {
        let rule = json!({ "id": sid, "type": "node-affinity", "sids": [sid], "nodes": { to: 1, "c": 1 },
            "strict": true });
        (
            json!({ "sid": sid, "node": node, "size": { "mem": 6 } }),
            rule,
        )
    };
    let (first, one) = guest("vm:1", "a", "b");
    let (second, two) = guest("vm:2", "b", "a");
    let node = |name: &str, mem: u64| json!({ "name": name, "capacity": { "mem": mem } });
    let outcome = solve(
        &json!({ "task": "rebalance", "guests": [first, second], "rules": [one, two],
        "nodes": [node("a", 10), node("b", 10), node("c", 7)], "policy": { "soft-limit": { "mem": 0.7 } } }),
    );
    // On c it would be contended: it only passes through.
    assert_eq!(outcome.placed, [Some(1), Some(0)]);
    assert_eq!(
        (outcome.moves.len(), outcome.verdict),
        (3, Verdict::Feasible)
    );
    assert_eq!(
        outcome.moves.iter().map(|it| it.step).collect::<Vec<_>>(),
        [1, 2, 3]
    );
}

#[test]
fn a_rule_of_everybody_and_deep_groups_end_in_time() {
    let guests: Vec<Value> = (0..5_000)
        .map(|at| json!({ "sid": format!("vm:{at}"), "node": "a", "size": { "mem": 1 } }))
        .collect();
    let sids: Vec<String> = (0..5_000).map(|at| format!("vm:{at}")).collect();
    let nodes = json!([{ "name": "a", "capacity": { "mem": 10 } }, { "name": "b", "capacity": { "mem": 9_000 } }]);
    for affinity in ["positive", "negative"] {
        let rules =
            json!([{ "id": "r", "type": "resource-affinity", "sids": sids, "affinity": affinity }]);
        for outcome in
            all(&json!({ "nodes": nodes, "guests": guests, "rules": rules, "policy": {} }))
        {
            let never = [Verdict::Optimal, Verdict::Feasible];
            assert_eq!(never.contains(&outcome.verdict), affinity == "positive");
        }
    }
}
