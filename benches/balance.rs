//! How long rebalancing takes: clusters of several sizes of which some nodes are contended. Prints the least and
//! the median in milliseconds, and how many moves there were of how many needed at least.

use std::time::Instant;

use pve_native_core::placement::balance::{Options, balance};
use pve_native_core::placement::bits::Bits;
use pve_native_core::placement::instance::{Given, Instance};
use pve_native_core::placement::problem::Problem;
use pve_native_core::placement::search::Budget;

#[path = "../tests/support/random.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod random;

#[path = "../tests/placement/balance/generate.rs"]
mod generate;

use generate::{Dice, Shape, cluster};

const ROUNDS: u64 = 7;

fn main() {
    for (task, objective) in [
        ("rebalance", None),
        ("rebalance", Some("spread")),
        ("pack", None),
    ] {
        for (nodes, fill) in [(8, 95), (32, 80), (32, 95), (200, 80), (200, 95)] {
            measure(task, objective, nodes, fill);
        }
    }
}

fn measure(task: &str, objective: Option<&str>, nodes: usize, fill: u64) {
    let (mut times, mut guests, mut moves, mut steps) = (Vec::new(), 0, 0, 0);
    let (mut objectives, mut bounds) = (0.0, 0.0);
    for seed in 0..ROUNDS {
        let shape = Shape {
            nodes,
            fill,
            stray: 4,
            rules: false,
        };
        let mut document = cluster(shape, task, &mut Dice::new(seed));
        if let Some(objective) = objective {
            document["policy"]["objective"] = objective.into();
        }
        let problem = Problem::from_json(document.to_string().as_bytes()).expect("it is valid");
        let start = Instant::now();
        let instance = Instance::balancing(&problem, Bits::default(), Given::default());
        let mut budget = Budget::new(0, &|| false);
        let outcome = balance(&instance, Options::default(), None, &mut budget);
        times.push(start.elapsed().as_secs_f64() * 1e3);
        guests += problem.guests.len();
        moves += outcome.moves.len();
        steps += outcome.moves.last().map_or(0, |last| last.step);
        objectives += outcome.objective;
        bounds += outcome.bound;
    }
    times.sort_by(f64::total_cmp);
    let rounds = ROUNDS as f64;
    println!(
        "{task} {}: {nodes} nodes, {} guests, {fill} % full: {:.1} / {:.1} ms, {:.1} moves in {:.1} steps, \
         objective {:.3}, bound {:.3}",
        objective.unwrap_or("-"),
        guests as u64 / ROUNDS,
        times[0],
        times[times.len() / 2],
        moves as f64 / rounds,
        steps as f64 / rounds,
        objectives / rounds,
        bounds / rounds,
    );
}
