//! How long it takes to find nodes for the guests of nodes that have failed. Prints the least and the median
//! of each in milliseconds: on a busy machine the least says more.

use std::time::Instant;

use pve_native_core::placement::bits::Bits;
use pve_native_core::placement::instance::{Given, Instance, verify};
use pve_native_core::placement::problem::{Objective, Problem};
use pve_native_core::placement::recovery;
use pve_native_core::placement::search::Budget;

#[path = "../tests/placement/generate.rs"]
mod generate;
#[path = "../tests/support/random.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod random;

use generate::Cluster;

fn measure(name: &str, rounds: usize, mut run: impl FnMut()) {
    let mut times: Vec<u128> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    let milliseconds = |time: u128| time as f64 / 1e6;
    let (least, median) = (milliseconds(times[0]), milliseconds(times[rounds / 2]));
    println!("  {name:<58} {least:>9.3} ms, median {median:.3} ms");
}

fn main() {
    let rounds: usize = std::env::var("ROUNDS").map_or(20, |n| n.parse().expect("a number"));
    let never = || false;
    println!("recovery");
    for (survivors, guests, aim) in [
        (200, 1_000, "   (aim: less than 100 ms)"),
        (2_000, 10_000, ""),
    ] {
        let cluster = Cluster {
            guests: Some(guests),
            ..Cluster::new(survivors, 90)
        };
        let problem = generate::recovery(&cluster, 1);
        let problem = Problem::from_json(problem.as_bytes()).expect("that is a problem");
        let instance = Instance::recovery(&problem, Bits::default(), Given::default());
        let rounds = if guests > 1_000 {
            rounds.min(5)
        } else {
            rounds
        };
        measure(
            &format!("the instance, {guests} guests, {survivors} nodes"),
            rounds,
            || {
                let instance = Instance::recovery(&problem, Bits::default(), Given::default());
                assert_eq!(instance.guests.len(), guests);
            },
        );
        measure(
            &format!("place, {guests} guests, {survivors} nodes{aim}"),
            rounds,
            || {
                let mut budget = Budget::new(0, &never);
                let outcome = recovery::place(&instance, Objective::Spread, &mut budget);
                assert!(verify(&instance, &outcome.placed).is_ok());
                assert!(outcome.placed.iter().all(Option::is_some));
            },
        );
        measure(
            &format!("fits, {guests} guests, {survivors} nodes"),
            rounds,
            || {
                let mut budget = Budget::new(0, &never);
                assert_eq!(recovery::fits(&instance, &mut budget), Some(true));
            },
        );
    }
    let problem = generate::recovery(&Cluster::new(16, 60), 1);
    let problem = Problem::from_json(problem.as_bytes()).expect("that is a problem");
    let online: Vec<usize> = (0..problem.nodes.len())
        .filter(|&n| problem.nodes[n].online)
        .collect();
    measure(
        "fits, all 120 pairs of 16 nodes   (aim: less than 50 ms)",
        rounds,
        || {
            for (at, &one) in online.iter().enumerate() {
                for &other in &online[..at] {
                    let failed = Bits::from_iter([one, other]);
                    let instance = Instance::recovery(&problem, failed, Given::default());
                    let mut budget = Budget::new(0, &never);
                    assert!(recovery::fits(&instance, &mut budget).is_some());
                }
            }
        },
    );
}
