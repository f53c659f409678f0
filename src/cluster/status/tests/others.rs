//! Whatever one node says: the answer is there, and what it says of the other nodes is the same.

use super::*;
use crate::cluster::broadcast::tests::summaries::summary;
use crate::random::Random;

/// WWIDs that several nodes have.
const WWIDS: [&str; 5] = ["w1", "w2", "w3", "W3", "\u{e9}\"\\\n"];

/// Values that stand where others should.
fn odd(random: &mut Random) -> Value {
    let values = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(4),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("x"),
        json!("4"),
        json!("optimal"),
        json!([]),
        json!([[1]]),
        json!({}),
        json!({ "state": "failed" }),
        json!(NOW),
        json!(NOW + 1000),
    ];
    random.pick(&values).clone()
}

pub fn map(random: &mut Random) -> Value {
    let mut map = json!({});
    for (key, sound) in [
        (
            "state",
            json!(*random.pick(&["optimal", "degraded", "failed", "unknown", "missing"])),
        ),
        ("paths-active", json!(random.below(5))),
        ("paths-total", json!(random.below(5))),
        ("transport", json!("fc")),
        ("size", json!(random.next() >> random.below(64))),
        ("flags", json!(["queueing"])),
        ("down", json!([0])),
    ] {
        match random.below(12) {
            0 => {}
            1 => map[key] = odd(random),
            _ => map[key] = sound,
        }
    }
    map
}

fn raw(random: &mut Random) -> Vec<u8> {
    if random.below(4) == 0 {
        let count = random.below(8);
        let limit = *random.pick(&[150, 400, 10_000]);
        let fitted = summary(random, count).fit(Some(NOW), None, limit);
        return fitted.map_or(Vec::new(), |fitted| fitted.payload);
    }
    let mut maps = json!({});
    for wwid in WWIDS {
        match random.below(8) {
            0 | 1 => {}
            2 => maps[wwid] = odd(random),
            _ => maps[wwid] = map(random),
        }
    }
    let mut raw = json!({ "maps": maps, "time": NOW - random.below(250) as u64 });
    for key in ["maps", "time", "seq", "truncated", "ports", "v"] {
        if random.below(12) == 0 {
            raw[key] = odd(random);
        }
    }
    raw.to_string().into_bytes()
}

fn mutated(random: &mut Random, raw: &[u8]) -> Vec<u8> {
    let mut raw = raw.to_vec();
    for _ in 0..1 + random.below(5) {
        let at = random.below(raw.len() + 1);
        match random.below(6) {
            0 => raw.truncate(at),
            1 => raw.insert(at, random.next() as u8),
            2 => raw.insert(at, *random.pick(b"{}[]\",:\\0e-")),
            3 if at < raw.len() => drop(raw.remove(at)),
            4 if at < raw.len() => raw[at] = random.next() as u8,
            _ => raw.splice(at..at, *b"{\"maps\":[").for_each(drop),
        }
    }
    raw
}

fn options(random: &mut Random) -> Value {
    let mut options = json!({});
    if random.below(2) == 0 {
        options["allow"] = json!(["w1", "w2", "never"]);
    }
    if random.below(3) == 0 {
        options["expected-nodes"] = json!(["n0", "n1", "n2", "n9"]);
    }
    if random.below(3) == 0 {
        options["expected"] = json!({ "w1": ["n0", "n2"], "w2": [] });
    }
    if random.below(3) == 0 {
        options["members"] = json!({ "n0": { "online": 1 }, "n1": { "online": 1 }, "n2": odd(random),
            "n3": { "online": random.below(2) } });
    }
    options
}

/// What is said of all nodes but one: their cells by LUN, and about them.
fn without(answer: &Value, node: &str) -> Value {
    let mut rest = json!({ "luns": {}, "nodes": answer["nodes"] });
    rest["nodes"].as_object_mut().unwrap().remove(node);
    for row in answer["luns"].as_array().unwrap() {
        let mut cells = row["nodes"].clone();
        cells.as_object_mut().unwrap().remove(node);
        // A LUN that only this node names is shown because of it.
        if cells != json!({}) {
            rest["luns"][row["wwid"].as_str().unwrap()] = cells;
        }
    }
    rest
}

#[test]
fn what_one_node_says_changes_nothing_about_the_others() {
    let mut random = Random::new(12);
    for _ in 0..3000 {
        let names = ["n0", "n1", "n2", "n3"];
        let nodes: Vec<(&str, Vec<u8>)> = names.map(|name| (name, raw(&mut random))).into();
        let options = options(&mut random);
        let before = answer(&nodes, options.clone());
        let victim = random.below(nodes.len());
        for _ in 0..3 {
            let mut nodes = nodes.clone();
            nodes[victim].1 = match random.below(4) {
                0 => raw(&mut random),
                _ => mutated(&mut random, &nodes[victim].1),
            };
            let after = answer(&nodes, options.clone());
            let name = names[victim];
            assert_eq!(
                without(&after, name),
                without(&before, name),
                "{name} of {options} {nodes:?}"
            );
        }
    }
}
