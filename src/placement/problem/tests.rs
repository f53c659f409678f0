use serde_json::{Value, json};

use super::*;
use crate::error::Code;

fn read(document: &Value) -> crate::Result<Problem> {
    Problem::from_json(document.to_string().as_bytes())
}

/// A problem with one node and one guest; `change` is put into the document at a JSON pointer.
fn with(pointer: &str, change: Value) -> crate::Result<Problem> {
    let mut document = json!({
        "task": "place",
        "nodes": [{ "name": "n1", "capacity": { "cpu": 16, "mem": 1000 } }],
        "guests": [{ "sid": "vm:100", "size": { "cpu": 4, "mem": 100 } }],
        "reservations": [{ "sid": "vm:101", "node": "n1", "size": { "mem": 7 } }],
        "rules": [{ "id": "r1", "type": "resource-affinity", "sids": ["vm:100"], "affinity": "positive" }],
        "policy": {},
    });
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(map) => drop(map.insert(key.to_owned(), change)),
        Value::Array(list) => list.push(change),
        other => *other = change,
    }
    read(&document)
}

#[test]
fn the_documents_order_is_no_matter() {
    let one = r#"{"task":"place","nodes":[{"name":"b"},{"name":"a"}],"guests":[{"sid":"vm:2"},{"sid":"vm:10","node":"b"}]}"#;
    let problem = Problem::from_json(one.as_bytes()).unwrap();
    let names: Vec<&str> = problem.nodes.iter().map(|n| n.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(
        (problem.guests[0].sid.as_str(), problem.guests[0].node),
        ("vm:10", Some(1))
    );
}

#[test]
fn what_cannot_be_meant_is_an_error_that_says_where() {
    for (pointer, change, says) in [
        ("/task", json!("balance"), "task: balance is none of place"),
        ("/tsak", json!(1), "unknown field `tsak`"),
        ("/policy/hardlimit", json!({}), "unknown field `hardlimit`"),
        (
            "/policy/hard-limit",
            json!({ "men": 0.9 }),
            "nothing has the resource men",
        ),
        (
            "/policy/overcommit",
            json!({ "cpu": -1 }),
            "a number that is not negative",
        ),
        ("/policy/overcommit", json!({ "cpu": 1001 }), "over 1,000"),
        ("/policy/percentile", json!(101), "percentile"),
        ("/policy/failures", json!(4), "failures 4 is over 3"),
        ("/policy/failures", json!(0.5), "not a whole number"),
        (
            "/policy/objective",
            json!("best"),
            "none of spread, pack, fewest-moves",
        ),
        (
            "/policy/relax",
            json!(["everything"]),
            "relax: everything is none of",
        ),
        (
            "/guests/0/state",
            json!("running"),
            "none of started, stopped",
        ),
        (
            "/guests/0/book",
            json!("most"),
            "none of size, usage, percentile",
        ),
        (
            "/guests/0/size",
            json!({ "mem": "10G" }),
            "a number that is not negative",
        ),
        ("/guests/0/size", json!({ "mem": 1e300 }), "too large"),
        ("/guests/0/movable", json!("yes"), "true or false"),
        (
            "/guests/-",
            json!({ "sid": "vm:100" }),
            "vm:100 stands twice",
        ),
        ("/guests/-", json!({ "sid": "" }), "has no name"),
        ("/nodes/-", json!({ "name": "n1" }), "n1 stands twice"),
        ("/nodes/0/capacity", json!([1]), "names with their values"),
        (
            "/rules/0/affinity",
            json!("none"),
            "neither positive nor negative",
        ),
        (
            "/rules/0/type",
            json!("affinity"),
            "neither node-affinity nor",
        ),
        (
            "/rules/0/nodes",
            json!({ "n1": 1 }),
            "nodes are for node-affinity",
        ),
    ] {
        let error = with(pointer, change.clone()).unwrap_err();
        assert!(
            matches!(error.code(), Code::Argument | Code::Limit),
            "{error}"
        );
        assert!(
            error.to_string().contains(says),
            "{pointer} {change}: {error}"
        );
    }
    for text in [
        "",
        "[]",
        "{",
        "nul",
        "{\"task\":\"place\"}",
        "{\"task\":\"place\",\"nodes\":{}}",
        "\u{0}",
    ] {
        assert_eq!(
            Problem::from_json(text.as_bytes()).unwrap_err().code(),
            Code::Argument,
            "{text}"
        );
    }
    assert!(Problem::from_json(b"{\"task\":\"place\",\"nodes\":[],\"nodes\":[]}").is_err());
    let twice = br#"{"task":"place","nodes":[{"name":"a","capacity":{"cpu":1,"cpu":64}}]}"#;
    assert!(
        Problem::from_json(twice)
            .unwrap_err()
            .to_string()
            .contains("cpu stands twice")
    );
    assert!(Problem::from_json(&[b'['; 1 << 20]).is_err());
    assert!(Problem::from_json(b"{\"task\":\"place\",\"nodes\":[{\"name\":\"\xff\"}]}").is_err());
}

#[test]
fn there_is_a_limit_to_everything() {
    let many = |count: usize| {
        (0..count)
            .map(|i| json!({ "name": format!("n{i}") }))
            .collect::<Vec<_>>()
    };
    let nodes = read(&json!({ "task": "place", "nodes": many(4097) }));
    assert_eq!(nodes.unwrap_err().code(), Code::Limit);
    let resources: serde_json::Map<String, Value> =
        (0..15).map(|i| (format!("r{i}"), json!(1))).collect();
    assert_eq!(
        with("/guests/0/size", json!(resources)).unwrap_err().code(),
        Code::Limit
    );
    let large: Vec<Value> = (0..520)
        .map(|i| json!({ "sid": format!("vm:{i}"), "size": { "mem": 1u64 << 53 } }))
        .collect();
    assert!(read(&json!({ "task": "place", "nodes": [], "guests": large[..512] })).is_ok());
    let over = read(&json!({ "task": "place", "nodes": [], "guests": large }));
    assert!(over.unwrap_err().to_string().contains("all mem together"));
}

/// What is charged for the guest of `with`.
fn need(pointer: &str, change: Value) -> (Amounts, Vec<usize>) {
    let mut guests = with(pointer, change).unwrap().guests;
    let guest = guests.remove(0);
    (guest.need, guest.no_data)
}

#[test]
fn row_3_a_guest_without_data_is_charged_its_size_and_says_so() {
    let policy = json!({ "basis": "percentile" });
    assert_eq!(
        need("/policy", policy.clone()),
        (vec![4_000_000, 100], vec![0, 1])
    );
    let mut document = json!({
        "task": "place", "nodes": [], "policy": policy,
        "guests": [{ "sid": "vm:1", "size": { "cpu": 4, "mem": 100 },
                     "samples": { "cpu": [null, 0.5, null], "mem": [null] } }],
    });
    let guest = read(&document).unwrap().guests.remove(0);
    assert_eq!((guest.need, guest.no_data), (vec![500_000, 100], vec![1]));
    // Row 4: an idle guest is known to be idle.
    document["guests"][0]["samples"]["cpu"] = json!([0, 0.0]);
    let guest = read(&document).unwrap().guests.remove(0);
    assert_eq!((guest.need, guest.no_data), (vec![0, 100], vec![1]));
}

#[test]
fn row_5_and_6_cpu_has_one_unit_everywhere() {
    let document = json!({
        "task": "place",
        "nodes": [{ "name": "n1", "capacity": { "cpu": 16 }, "used": { "cpu": 1.5 }, "cpu-factor": 0.5 }],
        "guests": [{ "sid": "vm:1", "size": { "cpu": 4 }, "usage": { "cpu": 0.7 }, "samples": { "cpu": [0.5, 0.9] },
                     "book": "usage" },
                   { "sid": "vm:2", "size": { "cpu": 4 }, "samples": { "cpu": [0.5, 0.9] }, "book": "percentile" }],
        "policy": { "overcommit": { "cpu": 4.0 }, "hard-limit": { "cpu": 0.5 } },
    });
    let problem = read(&document).unwrap();
    let cpu = |amounts: &Amounts| amounts[Problem::CPU] as f64 / 1e6;
    let node = &problem.nodes[0];
    assert_eq!(
        (cpu(&node.limit), cpu(&node.used), node.cores),
        (16.0, 1.5, 16_000_000)
    );
    assert_eq!(cpu(&node.capacity), 8.0);
    assert_eq!(
        (cpu(&problem.guests[0].need), cpu(&problem.guests[1].need)),
        (0.7, 0.9)
    );
}

#[test]
fn row_7_sizes_are_those_of_now() {
    // A percentile of what was once configured is nowhere asked for: samples are of what is used.
    let document = json!({
        "task": "place", "nodes": [], "policy": { "basis": "percentile", "percentile": 50 },
        "guests": [{ "sid": "vm:1", "size": { "cpu": 8, "mem": 10 }, "samples": { "cpu": [1, 2, 3] } }],
    });
    let guest = read(&document).unwrap().guests.remove(0);
    assert_eq!(
        (guest.vcpus, guest.need[Problem::CPU]),
        (8_000_000, 2_000_000)
    );
}

#[test]
fn row_9_what_was_tested_is_booked_and_windows_is_booked_whole() {
    let policy = json!({ "basis": "usage" });
    let document = json!({
        "task": "place", "nodes": [], "policy": policy,
        "guests": [{ "sid": "vm:1", "size": { "mem": 100 }, "usage": { "mem": 20 } },
                   { "sid": "vm:2", "size": { "mem": 100 }, "usage": { "mem": 20 }, "book": "size" }],
    });
    let needs: Vec<u64> = read(&document)
        .unwrap()
        .guests
        .iter()
        .map(|g| g.need[1])
        .collect();
    assert_eq!(needs, [20, 100]);
}

#[test]
fn guests_that_do_not_run_are_charged_nothing() {
    assert_eq!(need("/guests/0/state", json!("stopped")).0, [0, 0]);
    assert_eq!(
        need("/guests/0/state", json!("ignored")).0,
        [4_000_000, 100]
    );
}
