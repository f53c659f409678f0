//! Problems made at random with everything that a document can say of rules, written down with our answers
//! for another solver to judge: see `judge.py`.

use std::fs::File;
use std::io::{BufWriter, Write};

use pve_native_core::placement::problem::Problem;
use pve_native_core::placement::rules::{self, Conflict};
use pve_native_core::placement::search::{Budget, Verdict};
use pve_native_core::placement::what_if;
use serde_json::{Value, json};

use crate::random::Random;

/// A problem of so many nodes; `full` is how full they are at first, in percent.
fn problem(random: &mut Random, task: &str, nodes: usize, full: u64) -> Value {
    let name = |node: usize| format!("n{node:02}");
    let mut guests = Vec::new();
    let mut all = Vec::new();
    for node in 0..nodes {
        let (cpu, mem) = (*random.pick(&[16, 32]), *random.pick(&[64, 128, 192]));
        let mut has = json!({ "name": name(node), "capacity": { "cpu": cpu, "mem": mem } });
        match random.below(24) {
            0 => has["online"] = json!(false),
            1 => has["maintenance"] = json!(true),
            2 => has["used"] = json!({ "mem": random.below(20) }),
            3 => has["cpu-factor"] = json!(1.25),
            _ => {}
        }
        let mut left = mem * full / 100;
        while left > 0 {
            let mem = (4 + random.below(40) as u64).min(left);
            left -= mem;
            let mut guest = json!({ "node": name(node),
                "size": { "cpu": 1 + random.below(6), "mem": mem }, "priority": random.below(3) });
            match random.below(24) {
                0 => guest["state"] = json!("ignored"),
                1 => guest["state"] = json!("stopped"),
                2 => guest["movable"] = json!(false),
                3 => guest["size"]["cpu"] = json!(20),
                4 => guest["node"] = json!("elsewhere"),
                5 | 6 => {
                    let on = [
                        name(node),
                        name(random.below(nodes)),
                        name(random.below(nodes)),
                    ];
                    guest["volumes"] = json!([{ "storage": "local", "nodes": on }]);
                }
                _ => {}
            }
            guests.push(guest);
        }
        all.push(has);
    }
    for (at, guest) in guests.iter_mut().enumerate() {
        guest["sid"] = json!(format!("vm:{at:03}"));
    }
    let some = |random: &mut Random, count: usize| -> Vec<String> {
        let sids = (0..count).map(|_| format!("vm:{:03}", random.below(guests.len())));
        sids.collect()
    };
    let rules: Vec<Value> = (0..random.below(14))
        .map(|at| {
            let count = 2 + random.below(3);
            let (id, sids) = (format!("r{at:02}"), some(random, count));
            let affinity = |word: &str| {
                json!({ "id": &id, "type": "resource-affinity", "sids": &sids, "affinity": word })
            };
            match random.below(5) {
                0 => affinity("positive"),
                1 | 2 => affinity("negative"),
                kind => {
                    let mut named = serde_json::Map::new();
                    for _ in 0..1 + random.below(nodes) {
                        named.insert(name(random.below(nodes)), json!(random.below(3)));
                    }
                    json!({ "id": id, "type": "node-affinity", "sids": sids, "nodes": named,
                            "strict": kind == 3 || random.below(3) > 0 })
                }
            }
        })
        .collect();
    let reservations: Vec<Value> = (0..random.below(3))
        .map(|_| {
            let sid = format!("vm:{:03}", random.below(guests.len() + 4));
            json!({ "sid": sid, "node": name(random.below(nodes)), "size": { "mem": random.below(16) } })
        })
        .collect();
    json!({ "task": task, "nodes": all, "guests": guests, "rules": rules, "reservations": reservations,
            "policy": { "overcommit": { "cpu": 2 }, "hard-limit": { "mem": *random.pick(&[1.0, 0.95]) },
                        "failures": 1 + random.below(2) } })
}

fn conflict(problem: &Problem, conflict: &Conflict) -> Value {
    let rules: Vec<&str> = conflict
        .rules
        .iter()
        .map(|&rule| problem.rules[rule].id.as_str())
        .collect();
    json!({ "rules": rules, "minimal": conflict.minimal, "contradiction": conflict.contradiction })
}

fn names(problem: &Problem, nodes: &[usize]) -> Vec<String> {
    nodes
        .iter()
        .map(|&node| problem.nodes[node].name.clone())
        .collect()
}

/// Our answer to whether rules can be kept.
fn rules_answer(problem: &Problem) -> Value {
    let answer = rules::check(problem, &mut Budget::new(0, &|| false));
    let losses: Vec<Value> = answer
        .losses
        .iter()
        .map(|loss| {
            json!({ "failed": names(problem, &loss.failed),
                              "conflict": conflict(problem, &loss.conflict) })
        })
        .collect();
    let status = match answer.verdict {
        Verdict::Feasible => "feasible",
        Verdict::Infeasible => "infeasible",
        _ => "unknown",
    };
    json!({ "status": status, "conflict": conflict(problem, &answer.conflict),
            "losses": losses, "all-losses": answer.all_losses })
}

/// Our answer to what becomes of the guests.
fn what_if_answer(problem: &Problem) -> Value {
    let survey = what_if::survey(problem, &mut Budget::new(0, &|| false)).unwrap();
    let cases = survey.iter().map(|one| {
        let lost: Vec<&str> = one
            .lost
            .iter()
            .map(|&guest| problem.guests[guest].sid.as_str())
            .collect();
        let more = one.remedy.more.as_ref().map(|more| {
            json!({ "resource": problem.resources[more.resource].name, "amount": more.amount,
                    "node": problem.nodes[more.node].name, "least": more.least })
        });
        let rule = one.remedy.rule.map(|rule| problem.rules[rule].id.as_str());
        json!({ "failed": names(problem, &one.failed), "ok": one.ok, "lost": lost,
                "fewest": one.fewest, "more": more, "rule": rule,
                "no-other-rule": one.remedy.no_other_rule })
    });
    json!(cases.collect::<Vec<_>>())
}

/// Writes as many questions of each kind as `PVE_NATIVE_QUESTIONS` says into the file that
/// `PVE_NATIVE_QUESTIONS_TO` names; without it, a few into nothing, whose answers must not change when they
/// are asked again.
#[test]
fn questions_and_answers() {
    let rounds = std::env::var("PVE_NATIVE_QUESTIONS").map_or(20, |n| n.parse().unwrap());
    let mut to: Box<dyn Write> = match std::env::var_os("PVE_NATIVE_QUESTIONS_TO") {
        Some(path) => Box::new(BufWriter::new(File::create(path).unwrap())),
        None => Box::new(std::io::sink()),
    };
    let mut random = Random::new(22);
    for _ in 0..rounds {
        for task in ["feasibility", "what-if"] {
            let nodes = 3 + random.below(5);
            let full = *random.pick(&[30, 40, 50, 60, 75, 85]);
            let document = problem(&mut random, task, nodes, full);
            let problem = Problem::from_json(document.to_string().as_bytes()).unwrap();
            let answer = match task {
                "feasibility" => rules_answer,
                _ => what_if_answer,
            };
            let ours = answer(&problem);
            assert_eq!(ours, answer(&problem));
            writeln!(to, "{}", json!({ "problem": document, "answer": ours })).unwrap();
        }
    }
    to.flush().unwrap();
}
