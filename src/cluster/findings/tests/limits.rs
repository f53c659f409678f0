//! Hostile broadcasts do not make an answer explode.

use super::*;
use crate::limits;

#[test]
fn of_each_code_so_many_are_told_and_the_others_are_counted() {
    let count = limits::FINDINGS + 10;
    let maps = (0..count).map(|lun| (format!("w{lun:04}"), map(3, 4)));
    let mut maps: serde_json::Map<String, Value> = maps.collect();
    // The most extensive is told.
    maps["w0108"] = map(1, 4);
    let found = found(&[("n1", broadcast(Value::Object(maps)))], json!({}));
    let degraded: Vec<&Finding> = found
        .iter()
        .filter(|one| one.code.name() == "lun-degraded")
        .collect();
    assert_eq!(degraded.len(), limits::FINDINGS);
    assert_eq!(degraded.last().unwrap().subject, "w0108");
    let rest = found
        .iter()
        .find(|one| one.code.name() == "left-out")
        .unwrap();
    assert_eq!(
        told(rest),
        [
            "left-out",
            "lun-degraded",
            "There are 10 more of lun-degraded, each with no more to it than those that are told."
        ]
    );
    assert_eq!((rest.extent, rest.severity), (10, Severity::Warning));
}

#[test]
fn a_finding_names_so_many_luns_and_counts_all() {
    let count = limits::FINDING_NAMES + 500;
    let maps = |total: u32| {
        let maps = (0..count)
            .rev()
            .map(|lun| (format!("w{lun:04}"), map(total, total)));
        broadcast(Value::Object(maps.collect()))
    };
    let finding = only(&[("n1", maps(2)), ("n2", maps(4))], json!({}));
    assert_eq!(finding.luns.len(), limits::FINDING_NAMES);
    assert_eq!(
        (&*finding.luns[0], finding.extent),
        ("w0000", 2 * count as u64)
    );
    let members = json!({ "members": { "n2": { "online": 1 } } });
    let found = super::found(&[("n1", maps(4)), ("n2", maps(4))], members);
    let last = format!("w{:04}", limits::FINDING_NAMES - 1);
    assert_eq!(found[0].luns.last(), Some(&last));
    assert_eq!(found[0].extent, count as u64);
}

#[test]
fn long_names_are_cut() {
    let long = "x".repeat(100_000);
    let mut ports: Vec<Value> = (0..50)
        .map(|n| json!(["hba", format!("{long}{n}"), 1, 1]))
        .collect();
    ports.push(json!(["target", long, 1, 1]));
    let maps = json!({ &long: with(map(0, 1), "down", json!([0, 50])) });
    let raw = json!({ "maps": maps, "time": NOW, "ports": ports }).to_string();
    let found = found_unordered(&raw, &long);
    assert!(found.len() > 50);
    let length: usize = found
        .iter()
        .map(|one| serde_json::to_string(one).unwrap().len())
        .sum();
    assert!(length < 1000 * found.len(), "{length}");
}

/// Subjects that are cut can be equal.
fn found_unordered(raw: &str, alias: &str) -> Vec<Finding> {
    let options = json!({ "now": NOW, "aliases": { alias: alias } }).to_string();
    let options = Options::of_text(options.as_bytes()).unwrap();
    let answer = status(&[("n1", raw.as_bytes())], &options).unwrap();
    answer.findings().unwrap()
}

#[test]
fn any_number_of_ports_takes_no_long_time() {
    let count = 20_000;
    let of = |kind: &str, odd: usize| {
        let ports =
            (0..count).map(|n| json!([kind, format!("{kind}{n}"), 1, usize::from(n % 7 != odd)]));
        ports.collect::<Vec<Value>>()
    };
    let broadcast = |odd: usize| {
        let ports = [of("hba", odd), of("target", odd)].concat();
        let maps = (0..2000).map(|lun: usize| {
            let down: Vec<usize> = (0..40)
                .map(|n| (lun * 97 + n * 1009) % ports.len())
                .collect();
            (format!("w{lun}"), with(map(1, 2), "down", json!(down)))
        });
        let maps = Value::Object(maps.collect());
        json!({ "time": NOW, "ports": ports, "maps": maps }).to_string()
    };
    let begin = std::time::Instant::now();
    let found = found(
        &[
            ("n1", broadcast(0)),
            ("n2", broadcast(0)),
            ("n3", broadcast(3)),
        ],
        json!({}),
    );
    assert!(found.len() <= 5 * (limits::FINDINGS + 1), "{}", found.len());
    assert!(begin.elapsed().as_secs() < 20);
}
