//! Small problems of which all placements are looked at, and odd ones.

use super::loads::Part;
use super::*;
use crate::placement::bits::Bits;
use crate::placement::instance::{Given, verify};
use crate::placement::problem::Problem;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ z >> 31) % bound
    }
}

fn problem(text: &str) -> Problem {
    Problem::from_json(text.as_bytes()).unwrap()
}

fn solve(problem: &Problem, objective: Objective, steps: u64) -> Outcome {
    let instance = Instance::recovery(problem, Bits::default(), Given::default());
    let never = || false;
    let outcome = place(&instance, objective, &mut Budget::new(steps, &never));
    verify(&instance, &outcome.placed).unwrap();
    assert_eq!(outcome.placed.len(), instance.guests.len());
    assert!(outcome.bound <= outcome.objective);
    outcome
}

/// Up to four nodes and six guests, with rules.
fn small(random: &mut Random) -> String {
    let nodes = 1 + random.below(4);
    let node = |at: u64, random: &mut Random| {
        let (cpu, mem) = (4 + 4 * random.below(2), 8 + 4 * random.below(3));
        format!(r#"{{"name":"n{at}","capacity":{{"cpu":{cpu},"mem":{mem}}}}}"#)
    };
    let nodes_text: Vec<String> = (0..nodes).map(|at| node(at, random)).collect();
    let guests = 1 + random.below(6);
    let guest = |at: u64, random: &mut Random| {
        let (cpu, mem) = (1 + random.below(4), 1 + random.below(7));
        let home = match random.below(4) {
            0 => format!(r#","node":"n{}""#, random.below(nodes)),
            _ => String::new(),
        };
        format!(r#"{{"sid":"vm:{at}","size":{{"cpu":{cpu},"mem":{mem}}}{home}}}"#)
    };
    let guests_text: Vec<String> = (0..guests).map(|at| guest(at, random)).collect();
    let rule = |at: u64, random: &mut Random| {
        let (a, b) = (random.below(guests), random.below(guests));
        let kind = match random.below(4) {
            0 => format!(
                r#""type":"node-affinity","nodes":{{"n{}":1}},"strict":{}"#,
                random.below(nodes),
                random.below(2)
            ),
            1 => r#""type":"resource-affinity","affinity":"positive""#.to_owned(),
            _ => r#""type":"resource-affinity","affinity":"negative""#.to_owned(),
        };
        format!(r#"{{"id":"r{at}","sids":["vm:{a}","vm:{b}"],{kind}}}"#)
    };
    let rules = random.below(4);
    let rules: Vec<String> = (0..rules).map(|at| rule(at, random)).collect();
    format!(
        r#"{{"task":"recover","nodes":[{}],"guests":[{}],"rules":[{}],
            "policy":{{"soft-limit":{{"mem":0.75}}}}}}"#,
        nodes_text.join(","),
        guests_text.join(","),
        rules.join(",")
    )
}

type Aims = (u32, usize, Vec<Part>);

/// Ranks, broken soft limits and loads of a placement of everything.
fn aims(instance: &Instance<'_>, placed: &[Option<usize>]) -> Aims {
    let resources = instance.resources();
    let mut load = instance.load.clone();
    let mut ranks = 0;
    for (item, node) in placed.iter().enumerate() {
        let node = node.unwrap();
        ranks += u32::from(instance.rank_of(item, node));
        for r in 0..resources {
            load[node * resources + r] += instance.need_of(item)[r];
        }
    }
    let soft = |at: usize| instance.problem.nodes[at / resources].soft[at % resources];
    let overs = (0..load.len()).filter(|&at| load[at] > soft(at) && instance.load[at] <= soft(at));
    let mut highest: Vec<Part> = (0..resources)
        .map(|r| {
            let parts = (0..instance.nodes()).map(|node| Part {
                load: load[node * resources + r],
                limit: instance.limit_of(node)[r],
            });
            parts.max().unwrap()
        })
        .collect();
    highest.sort_by(|a, b| b.cmp(a));
    (ranks, overs.count(), highest)
}

#[test]
fn small_problems_are_answered_as_if_all_placements_were_looked_at() {
    let mut random = Random(1);
    let mut infeasible = 0;
    for _ in 0..1500 {
        let text = small(&mut random);
        let problem = problem(&text);
        let instance = Instance::recovery(&problem, Bits::default(), Given::default());
        let items = instance.guests.len();
        let mut best: Option<Aims> = None;
        for number in 0..instance.nodes().pow(items as u32) {
            let node = |item: usize| number / instance.nodes().pow(item as u32) % instance.nodes();
            let placed: Vec<Option<usize>> = (0..items).map(|item| Some(node(item))).collect();
            if verify(&instance, &placed).is_ok() {
                let aims = aims(&instance, &placed);
                if best.as_ref().is_none_or(|best| aims < *best) {
                    best = Some(aims);
                }
            }
        }
        let outcome = solve(&problem, Objective::Spread, 0);
        let never = || false;
        let fits = fits(&instance, &mut Budget::new(0, &never));
        assert_eq!(fits, Some(best.is_some()), "{text}");
        match best {
            Some(best) => {
                assert_eq!(outcome.verdict, Verdict::Optimal, "{text}");
                assert_eq!(aims(&instance, &outcome.placed), best, "{text}");
            }
            None => {
                infeasible += 1;
                assert_eq!(outcome.verdict, Verdict::Infeasible, "{text}");
            }
        }
    }
    assert!((100..1400).contains(&infeasible), "{infeasible}");
}

#[test]
fn one_step_is_enough_for_an_answer_that_keeps_everything() {
    let mut random = Random(2);
    for _ in 0..500 {
        let problem = problem(&small(&mut random));
        for objective in [Objective::Spread, Objective::Pack, Objective::FewestMoves] {
            for steps in [1, 10, 100] {
                solve(&problem, objective, steps);
            }
        }
    }
}

#[test]
fn nothing_to_place_and_nowhere_to_place_it() {
    for objective in [Objective::Spread, Objective::Pack, Objective::FewestMoves] {
        let none = problem(r#"{"task":"recover","nodes":[],"guests":[]}"#);
        assert_eq!(solve(&none, objective, 0).verdict, Verdict::Optimal);
        let nowhere = problem(r#"{"task":"recover","nodes":[],"guests":[{"sid":"vm:1"}]}"#);
        let outcome = solve(&nowhere, objective, 0);
        assert_eq!(
            (outcome.verdict, outcome.placed),
            (Verdict::Infeasible, vec![None])
        );
        let idle = problem(
            r#"{"task":"recover","nodes":[{"name":"a"}],"guests":[{"sid":"vm:1"},{"sid":"vm:2"}]}"#,
        );
        let outcome = solve(&idle, objective, 0);
        assert_eq!(
            (outcome.verdict, outcome.objective),
            (Verdict::Optimal, 0.0)
        );
    }
}

#[test]
fn guests_that_need_nothing_fit_on_a_node_that_is_too_full() {
    let full = problem(
        r#"{"task":"recover","nodes":[{"name":"a","capacity":{"mem":5},"used":{"mem":9}}],
            "guests":[{"sid":"vm:1","size":{"mem":3},"state":"stopped"}]}"#,
    );
    assert_eq!(solve(&full, Objective::Spread, 0).verdict, Verdict::Optimal);
}

#[test]
fn the_largest_amounts_do_not_overflow() {
    let most = 1_u64 << 53;
    let node = |at: usize| format!(r#"{{"name":"n{at}","capacity":{{"mem":{most},"x":{most}}}}}"#);
    let nodes: Vec<String> = (0..40).map(node).collect();
    let guest = |at: usize| {
        let mem = most - at as u64;
        format!(
            r#"{{"sid":"vm:{at}","size":{{"mem":{mem},"x":{}}}}}"#,
            at % 3
        )
    };
    let guests: Vec<String> = (0..41).map(guest).collect();
    let text = |guests: &[String]| {
        let (nodes, guests) = (nodes.join(","), guests.join(","));
        format!(
            r#"{{"task":"recover","nodes":[{nodes}],"guests":[{guests}],"policy":{{"overcommit":{{"x":10}}}}}}"#
        )
    };
    for objective in [Objective::Spread, Objective::Pack] {
        let all = solve(&problem(&text(&guests)), objective, 0);
        assert_eq!(all.verdict, Verdict::Infeasible);
        assert_eq!(all.placed.iter().flatten().count(), 40);
        let fewer = solve(&problem(&text(&guests[..40])), objective, 0);
        assert_eq!(
            (fewer.verdict, fewer.bound),
            (Verdict::Optimal, fewer.objective)
        );
    }
}

/// Row 10 of the proposal's errors: recovery took the smallest first, though the big ones are hard to place.
#[test]
fn row_10_the_biggest_is_placed_first() {
    let problem = problem(
        r#"{"task":"recover",
            "nodes":[{"name":"a","capacity":{"cpu":9,"mem":8}},{"name":"b","capacity":{"cpu":9,"mem":4}}],
            "guests":[{"sid":"vm:1","size":{"mem":2}},{"sid":"vm:2","size":{"mem":2}},{"sid":"vm:3","size":{"mem":8}}]}"#,
    );
    let outcome = solve(&problem, Objective::Spread, 0);
    assert_eq!(outcome.placed, [Some(1), Some(1), Some(0)]);
    assert_eq!(outcome.verdict, Verdict::Optimal);
}

#[test]
fn who_has_priority_is_placed_when_there_is_not_room_for_all() {
    let problem = problem(
        r#"{"task":"recover","nodes":[{"name":"a","capacity":{"mem":8}}],
            "guests":[{"sid":"vm:1","size":{"mem":4}},{"sid":"vm:2","size":{"mem":4}},
                      {"sid":"vm:3","size":{"mem":6},"priority":1}]}"#,
    );
    let outcome = solve(&problem, Objective::Spread, 0);
    assert_eq!(outcome.verdict, Verdict::Infeasible);
    assert_eq!(outcome.placed, [None, None, Some(0)]);
}

#[test]
fn four_guests_apart_in_pairs_do_not_fit_on_three_nodes() {
    let mut rules = Vec::new();
    for (a, b) in (0..12).flat_map(|a| (0..a).map(move |b| (a, b))) {
        rules.push(format!(
            r#"{{"id":"{a}-{b}","type":"resource-affinity","affinity":"negative","sids":["vm:{a}","vm:{b}"]}}"#
        ));
    }
    let nodes: Vec<String> = (0..11)
        .map(|at| format!(r#"{{"name":"n{at}","capacity":{{"mem":{}}}}}"#, 9 + at))
        .collect();
    let guests: Vec<String> = (0..12)
        .map(|at| format!(r#"{{"sid":"vm:{at}","size":{{"mem":1}}}}"#))
        .collect();
    let text = format!(
        r#"{{"task":"recover","nodes":[{}],"guests":[{}],"rules":[{}]}}"#,
        nodes.join(","),
        guests.join(","),
        rules.join(",")
    );
    let problem = problem(&text);
    let outcome = solve(&problem, Objective::Spread, 1000);
    assert_eq!(outcome.verdict, Verdict::Infeasible);
    assert_eq!(outcome.placed.iter().flatten().count(), 11);
}

#[test]
fn packing_uses_no_more_nodes_than_needed() {
    let problem = problem(
        r#"{"task":"recover",
            "nodes":[{"name":"a","capacity":{"mem":8}},{"name":"b","capacity":{"mem":8}},
                     {"name":"c","capacity":{"mem":9}},{"name":"d","capacity":{"mem":9}}],
            "guests":[{"sid":"vm:1","size":{"mem":1},"node":"a"},{"sid":"vm:2","size":{"mem":7}},
                      {"sid":"vm:3","size":{"mem":5}},{"sid":"vm:4","size":{"mem":4}}]}"#,
    );
    let outcome = solve(&problem, Objective::Pack, 0);
    assert_eq!(
        (outcome.verdict, outcome.objective),
        (Verdict::Optimal, 2.0)
    );
}
