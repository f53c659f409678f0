//! Problems of placement: documents of any bytes, and small problems of which every placement can be tried.

use std::time::Duration;

use pve_native_core::placement::answer::{Answer, Status};
use pve_native_core::placement::bits::Bits;
use pve_native_core::placement::instance::{Given, Instance, verify};
use pve_native_core::placement::problem::{Problem, Task};
use pve_native_core::placement::solve::{Explained, solve};
use serde_json::{Value, json};

use crate::check;
use crate::input::Input;

/// Steps of a search: few, for there are many searches.
const WORK: u64 = 2_000;
/// Pairs of nodes and guests of a document that is solved; more are only read.
const PAIRS: usize = 400;
/// Placements that are tried one by one.
const TRIED: usize = 4096;

/// Any document is an error or has an answer, which is the same each time and keeps what it must.
pub fn document(input: &[u8]) {
    match Problem::from_json(input) {
        Ok(mut problem) => {
            problem.policy.work_limit = problem.policy.work_limit.clamp(1, WORK);
            let pairs = problem.nodes.len() * (problem.guests.len() + 1);
            if pairs < PAIRS && problem.policy.relax.len() < 8 && problem.policy.failed.len() < 20 {
                answered(&problem);
            }
        }
        Err(error) => check::error(&error),
    }
}

/// A small problem made of the bytes: what is said to be infeasible is, and what is placed keeps everything.
pub fn cases(input: &[u8]) {
    let mut input = Input::new(input);
    let document = made(&mut input);
    let mut problem = match Problem::from_json(document.to_string().as_bytes()) {
        Ok(problem) => problem,
        Err(error) => panic!("{error}: {document}"),
    };
    problem.policy.work_limit = input.pick(&[WORK, 1, 20, 50_000]);
    let Some(answer) = answered(&problem) else {
        return;
    };
    if matches!(problem.task, Task::Place | Task::Recover) && answer.relaxed.is_empty() {
        let instance = recovery(&problem);
        let items = instance.guests.len() as u32;
        if instance
            .nodes()
            .checked_pow(items)
            .is_some_and(|all| all <= TRIED)
        {
            let can = placements(instance.nodes(), items)
                .any(|placed| verify(&instance, &placed).is_ok());
            match answer.status {
                Status::Optimal | Status::Feasible => assert!(can, "{document}"),
                Status::Infeasible => assert!(!can, "{document}"),
                Status::Relaxed | Status::Unknown => {}
            }
        }
    }
}

fn answered(problem: &Problem) -> Option<Answer> {
    let ask = || solve(problem, Explained::All, &|| Duration::ZERO);
    let answer = match ask() {
        Ok(answer) => answer,
        Err(error) => {
            check::error(&error);
            return None;
        }
    };
    assert_eq!(Some(&answer), ask().ok().as_ref());
    serde_json::from_str::<Value>(&answer.to_json()).expect("an answer is JSON");
    if let (Some(objective), Some(bound)) = (answer.objective, answer.bound) {
        assert!(objective.is_finite() && bound.is_finite() && bound <= objective + 1e-9);
    }
    if matches!(problem.task, Task::Place | Task::Recover) {
        assert_eq!(answer.status == Status::Relaxed, !answer.relaxed.is_empty());
        if answer.relaxed.is_empty() {
            let instance = recovery(problem);
            let placed: Vec<Option<usize>> = instance
                .guests
                .iter()
                .map(|&guest| problem.node(answer.placements.get(&problem.guests[guest].sid)?))
                .collect();
            let kept = verify(&instance, &placed);
            assert!(kept.is_ok(), "{kept:?}");
            let whole = placed.iter().all(Option::is_some);
            assert_eq!(whole, answer.unplaced.is_empty());
            assert!(whole || !matches!(answer.status, Status::Optimal | Status::Feasible));
        }
    }
    Some(answer)
}

fn recovery(problem: &Problem) -> Instance<'_> {
    let failed = problem.policy.failed.first().into_iter().flatten();
    let failed: Bits = failed.filter_map(|name| problem.node(name)).collect();
    Instance::recovery(problem, failed, Given::default())
}

/// All ways to give each item a node.
fn placements(nodes: usize, items: u32) -> impl Iterator<Item = Vec<Option<usize>>> {
    (0..nodes.pow(items)).map(move |mut number| {
        (0..items)
            .map(|_| {
                let node = number % nodes;
                number /= nodes;
                Some(node)
            })
            .collect()
    })
}

fn made(input: &mut Input) -> Value {
    let nodes = input.below(5);
    let guests = input.below(8);
    let node = |at: usize| format!("n{at}");
    let sid = |at: usize| format!("vm:{at}");
    let all: Vec<Value> = (0..nodes)
        .map(|at| {
            let mut made = json!({
                "name": node(at), "online": input.below(8) > 0, "maintenance": input.below(8) == 7,
                "capacity": { "cpu": input.pick(&[8, 4, 2, 0]), "mem": 4 + input.below(24) },
                "used": { "mem": input.below(4) },
            });
            if input.flag() {
                made["storages"] = json!(["san"]);
            }
            if input.flag() {
                made["devices"] = json!({ "gpu": input.below(3) });
            }
            made
        })
        .collect();
    let guests: Vec<Value> = (0..guests)
        .map(|at| {
            let mut made = json!({
                "sid": sid(at), "priority": input.below(3), "movable": input.below(4) > 0,
                "size": { "cpu": input.below(5), "mem": input.below(13) },
                "usage": { "mem": input.below(6) },
                "state": input.pick(&["started", "started", "started", "stopped", "ignored"]),
            });
            let home = input.below(nodes + 2);
            if home > 0 {
                made["node"] = json!(node(home - 1));
            }
            match input.below(8) {
                1 => made["storages"] = json!(["san"]),
                2 => made["storages"] = Value::Null,
                3 => made["devices"] = json!({ "gpu": 1 }),
                4 => {
                    made["volumes"] =
                        json!([{ "storage": "local", "nodes": [node(0), node(1)], "bytes": 9 }])
                }
                5 => made["book"] = json!("usage"),
                _ => {}
            }
            made
        })
        .collect();
    let count = guests.len();
    let some = |input: &mut Input| -> Vec<String> {
        let bits = input.u8();
        (0..count)
            .filter(|at| bits >> at & 1 == 1)
            .map(sid)
            .collect()
    };
    let rules: Vec<Value> = (0..input.below(5))
        .map(|at| match input.below(3) {
            0 => json!({ "id": format!("r{at}"), "type": "resource-affinity", "affinity": "negative", "sids": some(input) }),
            1 => json!({ "id": format!("r{at}"), "type": "resource-affinity", "affinity": "positive", "sids": some(input) }),
            _ => {
                let nodes: serde_json::Map<String, Value> = (0..nodes)
                    .filter_map(|at| {
                        let priority = input.below(4);
                        (priority > 0).then(|| (node(at), json!(priority)))
                    })
                    .collect();
                json!({ "id": format!("r{at}"), "type": "node-affinity", "nodes": nodes,
                        "strict": input.flag(), "sids": some(input) })
            }
        })
        .collect();
    let failed: Vec<String> = (0..nodes)
        .filter(|_| input.below(3) == 1)
        .map(node)
        .collect();
    let ladder = [
        "usage",
        "hard-limit",
        "maintenance",
        "negative-affinity",
        "positive-affinity",
        "node-affinity",
    ];
    let relax: Vec<&str> = (0..input.below(4)).map(|_| input.pick(&ladder)).collect();
    json!({
        "task": input.pick(&["recover", "place", "recover", "what-if", "feasibility", "rebalance", "pack"]),
        "nodes": all, "guests": guests, "rules": rules,
        "policy": {
            "failed": [failed], "relax": relax,
            "objective": input.pick(&["spread", "pack", "fewest-moves"]),
            "hard-limit": { "mem": input.pick(&[1.0, 0.9, 0.5]) }, "soft-limit": { "mem": 0.6 },
            "overcommit": { "cpu": input.pick(&[1.0, 2.5]) },
        },
    })
}
