//! Whether everything is placed wherever that is possible.

use std::time::Instant;

use pve_native_core::placement::bits::Bits;
use pve_native_core::placement::instance::{Given, Instance, verify};
use pve_native_core::placement::problem::{Objective, Problem};
use pve_native_core::placement::recovery;
use pve_native_core::placement::search::{Budget, Verdict};

use crate::generate::{self, Cluster};

#[test]
fn whatever_has_an_answer_gets_one() {
    let rounds: usize = std::env::var("PVE_NATIVE_RECOVERIES").map_or(10, |n| n.parse().unwrap());
    for constraints in [false, true] {
        let lost = std::env::var("LOST").map_or(100, |n| n.parse().unwrap());
        let only = std::env::var("FILL").map_or(0, |n| n.parse().unwrap());
        for survivors in [7, 15, 31] {
            for fill in [90, 95, 98, 100] {
                if fill < only {
                    continue;
                }
                let cluster = Cluster {
                    survivors,
                    fill,
                    constraints,
                    lost,
                };
                let mut failures = 0;
                let mut times = Vec::new();
                let mut steps = 0;
                let mut hard = 0;
                let mut optimal = 0;
                let mut gap = 0.0;
                for seed in 0..rounds {
                    let text = generate::recovery(&cluster, seed as u64);
                    let problem = Problem::from_json(text.as_bytes()).unwrap();
                    let start = Instant::now();
                    let instance = Instance::recovery(&problem, Bits::default(), Given::default());
                    let never = || false;
                    let mut budget = Budget::new(0, &never);
                    let outcome = recovery::place(&instance, Objective::Spread, &mut budget);
                    times.push(start.elapsed().as_secs_f64() * 1000.0);
                    if outcome.verdict == Verdict::Optimal {
                        optimal += 1;
                    }
                    gap += outcome.objective - outcome.bound;
                    if 2_000_000 - budget.left() > 1 {
                        hard += 1;
                    }
                    steps = steps.max(2_000_000 - budget.left());
                    verify(&instance, &outcome.placed).unwrap();
                    if !matches!(outcome.verdict, Verdict::Optimal | Verdict::Feasible) {
                        assert_ne!(outcome.verdict, Verdict::Infeasible);
                        failures += 1;
                    }
                }
                times.sort_by(f64::total_cmp);
                println!(
                    "{cluster:?} failures {failures}, median {:.2} ms, 99% {:.2} most {:.2} ms, sum {:.0}, most steps {steps}, hard {hard}, optimal {optimal}, gap {:.3} pp",
                    times[rounds / 2],
                    times[rounds * 99 / 100],
                    times[rounds - 1],
                    times.iter().sum::<f64>(),
                    gap * 100.0 / rounds as f64
                );
            }
        }
    }
}
