//! The scores against their definitions, made naively, and what must not depend on anything.

use super::*;
use crate::error::Code;
use crate::random::Random;

const GIB: u64 = 1 << 30;

fn capacity(maxcpu: u64, maxmem: u64) -> NodeStats {
    NodeStats {
        maxcpu,
        maxmem,
        ..NodeStats::default()
    }
}

/// Root mean squares and maxima with every node summed anew, then TOPSIS by its textbook steps.
fn by_definition(nodes: &[(f64, f64, f64, f64)], cores: f64, bytes: f64) -> Vec<f64> {
    let count = nodes.len();
    let mut rows = Vec::new();
    for chosen in 0..count {
        let load = |n: usize, cpu: bool| {
            let (used, max, mem, maxmem) = nodes[n];
            let more = f64::from(u8::from(n == chosen));
            let cores = if cores == 0.0 { max } else { cores };
            match cpu {
                true => (used + more * cores) / max,
                false => (mem + more * bytes) / maxmem,
            }
        };
        let mut row = Vec::new();
        for cpu in [true, false] {
            let squares: f64 = (0..count).map(|n| load(n, cpu).powi(2)).sum();
            row.push(1.0 + (squares / count as f64).sqrt());
            row.push(1.0 + (0..count).map(|n| load(n, cpu)).fold(0.0, f64::max));
        }
        rows.push(row);
    }
    let column = |n: usize| rows.iter().map(move |row| row[n]);
    let ideal = |n: usize, pick: fn(f64, f64) -> f64| column(n).reduce(pick).unwrap();
    let distance = |row: &[f64], pick: fn(f64, f64) -> f64| {
        let term = |n: usize| {
            let length = column(n).map(|x| x * x).sum::<f64>().sqrt();
            let weight = [1.0, 2.0, 5.0, 10.0][n] / 18.0;
            (weight * (row[n] - ideal(n, pick)) / length).powi(2)
        };
        (0..4).map(term).sum::<f64>().sqrt()
    };
    let score = |row: &Vec<f64>| {
        let (best, worst) = (distance(row, f64::min), distance(row, f64::max));
        if best + worst == 0.0 {
            0.0
        } else {
            worst / (best + worst)
        }
    };
    rows.iter().map(score).collect()
}

#[test]
fn starts_are_scored_as_topsis_defines() {
    let mut random = Random::new(7);
    for round in 0..500 {
        let count = 1 + random.below(12);
        let mut scheduler = Scheduler::new(Mode::Dynamic, ImbalanceScale::Mean);
        let mut nodes = Vec::new();
        for n in 0..count {
            let (maxcpu, maxmem) = (
                4 + random.below(60) as u64,
                (8 + random.below(500)) as u64 * GIB,
            );
            let cpu = random.below(1000) as f64 / 1000.0 * maxcpu as f64;
            let mem = random.next() % maxmem;
            let stats = NodeStats {
                cpu,
                maxcpu,
                mem,
                maxmem,
            };
            scheduler.add_node(&format!("node{n:02}"), stats).unwrap();
            nodes.push((cpu, maxcpu as f64, mem as f64, maxmem as f64));
        }
        let maxcpu = (round % 5) as f64;
        let guest = GuestStats::of_maximum(maxcpu, (1 + random.below(32)) as u64 * GIB);
        let scores = scheduler.score_start(&guest).unwrap();
        let expected = by_definition(&nodes, maxcpu, guest.maxmem as f64);
        for (score, expected) in scores.iter().zip(&expected) {
            assert!((score - expected).abs() < 1e-12, "{scores:?} {expected:?}");
        }
        assert_eq!(scores.len(), count);
    }
}

/// Three nodes of 16 cores and 64 GiB, with guests of 8, 4 and 0 cores and as many times 4 GiB.
fn three() -> Scheduler {
    let mut scheduler = Scheduler::default();
    for (n, cores) in [8u64, 4, 0].into_iter().enumerate() {
        let node = format!("n{}", n + 1);
        scheduler.add_node(&node, capacity(16, 64 * GIB)).unwrap();
        for part in 0..cores / 2 {
            let sid = format!("vm:{}{part}", n + 1);
            scheduler
                .add_guest_to_node(&node, &sid, GuestStats::of_maximum(2.0, 8 * GIB))
                .unwrap();
        }
    }
    scheduler
}

fn candidate(leader: &str, nodes: &[&str]) -> Candidate {
    Candidate {
        leader: leader.to_owned(),
        guests: vec![leader.to_owned()],
        nodes: nodes.iter().map(|n| n.to_string()).collect(),
    }
}

#[test]
fn imbalance_is_deviation_over_mean() {
    // Loads of 1/2, 1/4 and 0: mean 1/4, deviation sqrt(1/24).
    let expected = (1.0f64 / 24.0).sqrt() * 4.0;
    assert!((three().imbalance() - expected).abs() < 1e-15);
    let mut unit = Scheduler::new(Mode::Static, ImbalanceScale::Unit);
    assert_eq!(unit.imbalance(), 0.0);
    for name in ["a", "b", "c"] {
        unit.add_node(name, capacity(7, 3 * GIB)).unwrap();
    }
    assert_eq!(unit.imbalance(), 0.0);
    unit.add_guest_to_node("b", "vm:1", GuestStats::of_maximum(3.0, GIB))
        .unwrap();
    assert!((unit.imbalance() - 1.0).abs() < 1e-15);
    let even = |n: &str, sid: &str, s: &mut Scheduler| {
        s.add_guest_to_node(n, sid, GuestStats::of_maximum(3.0, GIB))
    };
    even("a", "vm:2", &mut unit).unwrap();
    even("c", "vm:3", &mut unit).unwrap();
    assert_eq!(unit.imbalance(), 0.0);
}

#[test]
fn the_best_migration_evens_the_load() {
    let scheduler = three();
    let all = [
        candidate("vm:20", &["n1", "n3"]),
        candidate("vm:11", &["n2", "n3"]),
        candidate("vm:10", &["n2", "n3"]),
    ];
    let best = scheduler
        .best_migrations(&all, 2, Method::Imbalance)
        .unwrap();
    let names: Vec<_> = best.iter().map(|b| &b.migration).collect();
    // vm:10 and vm:11 are the same but for their names.
    assert_eq!((&*names[0].sid, &*names[0].target), ("vm:10", "n3"));
    assert_eq!((&*names[1].sid, &*names[1].target), ("vm:11", "n3"));
    assert_eq!(best[0].imbalance, best[1].imbalance);
    let mut moved = three();
    moved.remove_guest("vm:10");
    moved
        .add_guest_to_node("n3", "vm:10", GuestStats::of_maximum(2.0, 8 * GIB))
        .unwrap();
    assert!((moved.imbalance() - best[0].imbalance).abs() < 1e-14);
    let best = scheduler.best_migrations(&all, 9, Method::Topsis).unwrap();
    assert_eq!(best.len(), 6);
    assert_eq!(best[0].migration.sid, "vm:11");
    assert_eq!(best[1].migration.sid, "vm:10");
}

#[test]
fn a_node_without_capacity_spoils_nothing() {
    for (maxcpu, maxmem) in [(0, GIB), (16, 0), (0, 0)] {
        let (plain, mut broken) = (three(), three());
        broken.add_node("n2b", capacity(maxcpu, maxmem)).unwrap();
        broken
            .add_guest_to_node("n2b", "vm:99", GuestStats::of_maximum(0.0, GIB))
            .unwrap();
        let expected = plain
            .score_start(&GuestStats::of_maximum(2.0, GIB))
            .unwrap();
        let mut scores = broken
            .score_start(&GuestStats::of_maximum(2.0, GIB))
            .unwrap();
        assert_eq!(scores.remove(2), NO_CAPACITY);
        assert_eq!(scores, expected);
        assert_eq!(broken.imbalance(), plain.imbalance());
        let away = [
            candidate("vm:10", &["n2b", "n3"]),
            candidate("vm:99", &["n3"]),
        ];
        let best = broken.best_migrations(&away, 9, Method::Imbalance);
        let best = best.unwrap();
        assert!(
            best.iter()
                .all(|b| b.migration.target == "n3" && b.imbalance.is_finite())
        );
        assert_eq!(best.len(), 2);
    }
}

#[test]
fn the_order_of_calls_does_not_show() {
    let mut random = Random::new(3);
    let guests: Vec<_> = (0..200)
        .map(|i| (format!("vm:{i}"), i % 5, random.below(1000) as f64 / 300.0))
        .collect();
    let build = |order: &mut dyn Iterator<Item = usize>, nodes: [usize; 5]| {
        let mut scheduler = Scheduler::default();
        for n in nodes {
            scheduler
                .add_node(&format!("n{n}"), capacity(64, 512 * GIB))
                .unwrap();
        }
        for i in order {
            let (sid, node, cores) = &guests[i];
            let node = format!("n{node}");
            scheduler
                .add_guest_to_node(&node, sid, GuestStats::of_maximum(*cores, GIB))
                .unwrap();
        }
        scheduler
    };
    let one = build(&mut (0..200), [0, 1, 2, 3, 4]);
    let mut other = build(&mut (0..200).rev(), [3, 1, 4, 0, 2]);
    for i in 0..100 {
        let node = format!("n{}", i % 3);
        other
            .add_guest_to_node(
                &node,
                "more",
                GuestStats::of_maximum(0.1 + i as f64 / 7.0, GIB),
            )
            .unwrap();
        other.remove_guest("more");
    }
    assert_eq!(one.imbalance().to_bits(), other.imbalance().to_bits());
    assert_eq!(
        one.score_start(&GuestStats::of_maximum(1.5, GIB)).unwrap(),
        other
            .score_start(&GuestStats::of_maximum(1.5, GIB))
            .unwrap()
    );
    assert!(other.list_nodes().eq(["n0", "n1", "n2", "n3", "n4"]));
}

#[test]
fn a_moving_guest_counts_on_both_nodes_and_stays_when_one_goes() {
    let mut scheduler = three();
    let before = scheduler.imbalance();
    scheduler
        .add_guest_to_node("n3", "vm:10", GuestStats::of_maximum(9.0, 0))
        .unwrap();
    let moving = candidate("vm:10", &["n2"]);
    for wrong in [&moving, &candidate("vm:none", &["n2"])] {
        let wrong = std::slice::from_ref(wrong);
        let error = scheduler.best_migrations(wrong, 1, Method::Imbalance);
        assert_eq!(error.unwrap_err().code(), Code::Argument);
    }
    assert!(
        scheduler
            .add_guest_to_node("n2", "vm:10", GuestStats::of_maximum(2.0, 0))
            .is_err()
    );
    scheduler.remove_node("n1");
    assert!(!scheduler.contains_node("n1"));
    let best = scheduler.best_migrations(&[moving], 1, Method::Imbalance);
    assert_eq!(best.unwrap()[0].migration.source, "n3");
    // The other guests of n1 are gone with it: their names are free.
    scheduler
        .add_guest_to_node("n2", "vm:11", GuestStats::of_maximum(2.0, 8 * GIB))
        .unwrap();
    scheduler.remove_guest("vm:11");
    scheduler.remove_guest("vm:10");
    scheduler.add_node("n1", capacity(16, 64 * GIB)).unwrap();
    for part in 0..4 {
        let sid = format!("vm:1{part}");
        scheduler
            .add_guest_to_node("n1", &sid, GuestStats::of_maximum(2.0, 8 * GIB))
            .unwrap();
    }
    assert_eq!(scheduler.imbalance(), before);
}

#[test]
fn what_cannot_be_counted_is_refused() {
    let mut scheduler = three();
    for cores in [f64::NAN, f64::INFINITY, -1.0, 1e10] {
        let error = scheduler.score_start(&GuestStats::of_maximum(cores, GIB));
        assert_eq!(error.unwrap_err().code(), Code::Argument);
        assert!(
            scheduler
                .add_guest_to_node("n1", "x", GuestStats::of_maximum(cores, 0))
                .is_err()
        );
    }
    assert!(scheduler.add_node("n1", capacity(1, 1)).is_err());
    assert!(
        scheduler
            .add_guest_to_node("none", "x", GuestStats::of_maximum(1.0, 0))
            .is_err()
    );
    assert!(
        scheduler
            .add_guest_to_node("n1", "vm:10", GuestStats::of_maximum(1.0, 0))
            .is_err()
    );
    let guest = |node: &str, target: Option<&str>| Guest {
        stats: GuestStats::of_maximum(1.0, GIB),
        running: true,
        node: node.to_owned(),
        target: target.map(str::to_owned),
    };
    for wrong in [
        guest("n1", Some("n1")),
        guest("n1", Some("none")),
        guest("none", None),
    ] {
        assert!(scheduler.add_guest("x", wrong).is_err());
    }
    assert_eq!(scheduler.imbalance(), three().imbalance());
}

#[test]
fn only_guests_about_to_start_count_besides_what_nodes_use() {
    let mut scheduler = Scheduler::new(Mode::Dynamic, ImbalanceScale::Mean);
    let stats = |cpu| NodeStats {
        cpu,
        maxcpu: 8,
        mem: GIB,
        maxmem: 8 * GIB,
    };
    scheduler.add_node("a", stats(1.0)).unwrap();
    scheduler.add_node("b", stats(1.5)).unwrap();
    let guest = GuestStats {
        cpu: 0.5,
        maxcpu: 2.0,
        mem: GIB / 2,
        maxmem: GIB,
    };
    let score = |s: &Scheduler| s.score_start(&guest).unwrap();
    let (idle, imbalance) = (score(&scheduler), scheduler.imbalance());
    assert!(idle[0] > idle[1]);
    let on_a = |running| Guest {
        stats: guest,
        running,
        node: "a".to_owned(),
        target: None,
    };
    scheduler.add_guest("vm:1", on_a(true)).unwrap();
    assert_eq!(score(&scheduler), idle);
    scheduler.add_guest("vm:2", on_a(false)).unwrap();
    assert!(score(&scheduler)[0] < score(&scheduler)[1]);
    assert_eq!(scheduler.imbalance(), imbalance);
    scheduler.remove_guest("vm:2");
    assert_eq!(score(&scheduler), idle);
    let away = [candidate("vm:1", &["b", "a"])];
    let left = scheduler
        .best_migrations(&away, 9, Method::Imbalance)
        .unwrap();
    assert_eq!(left.len(), 2);
    scheduler.remove_node("b");
    assert_eq!(score(&scheduler), [0.0]);
}
