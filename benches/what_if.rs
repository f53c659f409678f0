//! How long it takes to survey failures and to check rules. Prints what it measures, for `make bench`.

use pve_native_core::placement::problem::Problem;
use pve_native_core::placement::rules;
use pve_native_core::placement::search::Budget;
use pve_native_core::placement::what_if;
use serde_json::{Value, json};

#[path = "../tests/support/random.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod random;

use random::Random;

const GIB: u64 = 1 << 30;

/// A cluster whose nodes are full to `full` percent.
fn cluster(nodes: usize, full: u64, failures: usize, rules: bool) -> Problem {
    let mut random = Random::new(5);
    let name = |node: usize| format!("n{node:03}");
    let (mut all, mut guests, mut said) = (Vec::new(), Vec::<Value>::new(), Vec::new());
    for node in 0..nodes {
        let mem = *random.pick(&[128, 256, 512]);
        all.push(json!({ "name": name(node), "capacity": { "cpu": 64, "mem": mem * GIB } }));
        let (mut left, mut cpu) = (mem * full / 100, 200);
        while left > 0 {
            let cores = (*random.pick(&[1, 2, 4, 8])).min(cpu);
            let mem = (cores * (1 + random.below(8) as u64)).max(2).min(left);
            (left, cpu) = (left - mem, cpu - cores.min(cpu - 1));
            let sid = format!("vm:{:05}", guests.len());
            if rules && random.below(10) == 0 {
                let on: serde_json::Map<String, Value> = (0..nodes)
                    .filter(|&other| other == node || random.below(2) > 0)
                    .map(|other| (name(other), json!(1)))
                    .collect();
                said.push(json!({ "id": format!("on {sid}"), "type": "node-affinity",
                                  "sids": [&sid], "nodes": on, "strict": true }));
            }
            if rules && random.below(10) == 0 && !guests.is_empty() {
                let other = random.below(guests.len());
                if guests[other]["node"] != json!(name(node)) {
                    said.push(
                        json!({ "id": format!("apart {sid}"), "type": "resource-affinity",
                        "sids": [&sid, &guests[other]["sid"]], "affinity": "negative" }),
                    );
                }
            }
            guests.push(json!({ "sid": sid, "node": name(node),
                                "size": { "cpu": cores, "mem": mem * GIB } }));
        }
    }
    let document = json!({ "task": "what-if", "nodes": all, "guests": guests, "rules": said,
        "policy": { "failures": failures, "overcommit": { "cpu": 4 }, "time-limit": 60 } });
    Problem::from_json(document.to_string().as_bytes()).expect("a problem")
}

/// The time for which we have had a processor, in milliseconds: the machine may be busy with other things.
fn now() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a timespec of ours.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// The median of some runs, in milliseconds.
fn median(runs: usize, mut run: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let before = now();
            run();
            now() - before
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[runs / 2]
}

fn main() {
    println!("What if: all sets of failed nodes, each survived or not, exactly, with remedies");
    for (nodes, failures, runs) in [
        (16, 1, 9),
        (16, 2, 9),
        (16, 3, 1),
        (200, 1, 1),
        (1000, 1, 1),
    ] {
        for full in [70, 80, 85, 95] {
            for rules in [false, true] {
                let problem = cluster(nodes, full, failures, rules);
                let mut tally = (0, 0, 0);
                let time = median(runs, || {
                    let survey = what_if::survey(&problem, &mut Budget::new(0, &|| false));
                    let survey = survey.expect("a survey");
                    let count = |ok| survey.iter().filter(|one| one.ok == ok).count();
                    tally = (count(Some(true)), count(Some(false)), count(None));
                });
                println!(
                    "{nodes:4} nodes, k = {failures}, {full} % full, {:5} guests, {:4} rules: {time:8.2} ms; \
                     {} survived, {} not, {} unknown",
                    problem.guests.len(),
                    problem.rules.len(),
                    tally.0,
                    tally.1,
                    tally.2
                );
            }
        }
    }
    println!("Rules: whether all can be kept, and after which losses they could not");
    for (nodes, failures) in [(16, 3), (200, 1), (1000, 1)] {
        let problem = cluster(nodes, 80, failures, true);
        let mut found = String::new();
        let time = median(3, || {
            let answer = rules::check(&problem, &mut Budget::new(0, &|| false));
            found = format!("{:?}, {} losses", answer.verdict, answer.losses.len());
        });
        println!(
            "{nodes:4} nodes, k = {failures}, {:5} guests, {:4} rules: {time:8.2} ms; {found}",
            problem.guests.len(),
            problem.rules.len()
        );
    }
}
