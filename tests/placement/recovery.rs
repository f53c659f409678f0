//! Whether everything is placed wherever that is possible, and how well.

use std::time::Instant;

use pve_native_core::placement::bits::Bits;
use pve_native_core::placement::instance::{Given, Instance, verify};
use pve_native_core::placement::problem::{Objective, Problem};
use pve_native_core::placement::recovery::{self, Outcome};
use pve_native_core::placement::search::{Budget, Verdict};

use crate::generate::{self, Cluster};

fn solve(problem: &Problem, objective: Objective) -> Outcome {
    let instance = Instance::recovery(problem, Bits::default(), Given::default());
    let never = || false;
    let outcome = recovery::place(&instance, objective, &mut Budget::new(0, &never));
    verify(&instance, &outcome.placed).unwrap();
    outcome
}

#[test]
fn whatever_has_an_answer_gets_one() {
    let rounds: usize = std::env::var("PVE_NATIVE_RECOVERIES").map_or(10, |n| n.parse().unwrap());
    let lost: usize = std::env::var("PVE_NATIVE_LOST").map_or(100, |n| n.parse().unwrap());
    let mut times = Vec::new();
    let mut optimal = 0;
    for (constraints, survivors) in [false, true]
        .iter()
        .flat_map(|&c| [7, 15, 31].map(|s| (c, s)))
    {
        for fill in [90, 95, 98, 100] {
            let cluster = Cluster {
                constraints,
                lost,
                ..Cluster::new(survivors, fill)
            };
            let mut gap = 0.0;
            for seed in 0..rounds {
                let text = generate::recovery(&cluster, seed as u64);
                let problem = Problem::from_json(text.as_bytes()).unwrap();
                let start = Instant::now();
                let outcome = solve(&problem, Objective::Spread);
                times.push(start.elapsed().as_secs_f64() * 1000.0);
                let placed = outcome.placed.iter().all(Option::is_some);
                assert!(placed, "{cluster:?}, seed {seed}: {:?}", outcome.verdict);
                assert!(matches!(
                    outcome.verdict,
                    Verdict::Optimal | Verdict::Feasible
                ));
                optimal += usize::from(outcome.verdict == Verdict::Optimal);
                gap += (outcome.objective - outcome.bound) * 100.0;
            }
            // In percentage points; CP-SAT leaves 0.02 in a minute.
            let gap = gap / rounds as f64;
            assert!(gap < 0.11, "{cluster:?}: {gap} above the bound");
        }
    }
    times.sort_by(f64::total_cmp);
    let (count, most) = (times.len(), times[times.len() - 1]);
    let median = times[count / 2];
    println!("{count} recoveries, {optimal} optimal: median {median:.3} ms, most {most:.1} ms");
}

#[test]
fn equal_questions_get_equal_answers() {
    let text = generate::recovery(&Cluster::new(15, 98), 5);
    let problem = Problem::from_json(text.as_bytes()).unwrap();
    for objective in [Objective::Spread, Objective::Pack, Objective::FewestMoves] {
        assert_eq!(solve(&problem, objective), solve(&problem, objective));
    }
}
