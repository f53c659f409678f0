//! The corners in which the answer differs from that of compat mode, one test for each.

use serde_json::{Value, json};

use super::*;

#[test]
fn entry_is_a_string_array_or_true() {
    for entry in [
        json!("x"),
        json!([]),
        json!([1, {}]),
        json!(true),
        json!(1),
        json!("optimal"),
    ] {
        let nodes = [
            ("n1", paths("optimal", 4, 4)),
            (
                "n2",
                broadcast(json!({ "w": entry, "v": { "state": "failed" } })),
            ),
        ];
        let answer = answer(&nodes, json!({ "allow": ["w"] }));
        assert_eq!(cell(&answer, "w", "n2"), &unknown("malformed"), "{entry}");
        assert_eq!(cell(&answer, "w", "n1"), &optimal(4));
        assert_eq!(row(&answer, "w")["cluster-state"], "optimal");
        assert_eq!(row(&answer, "w")["coverage"], "1/2");
        // The node's other entries count.
        assert_eq!(cell(&answer, "v", "n2")["state"], "failed");
        assert_eq!(answer["nodes"]["n2"]["status"], "live");
    }
}

#[test]
fn entry_is_null_or_false() {
    for entry in [json!(null), json!(false), json!(0), json!("")] {
        for allow in [json!(["w"]), json!([])] {
            let nodes = [
                ("n1", paths("optimal", 4, 4)),
                ("n2", broadcast(json!({ "w": entry }))),
            ];
            let answer = answer(&nodes, json!({ "allow": allow }));
            assert_eq!(cell(&answer, "w", "n2"), &unknown("malformed"), "{entry}");
            assert_eq!(row(&answer, "w")["cluster-state"], "optimal");
        }
    }
}

/// What all nodes with a broadcast that says nothing have in common.
fn says_nothing(raw: &[u8]) {
    let expected = json!({ "allow": ["w"], "expected-nodes": ["n1", "n2"] });
    let by_themselves = json!({ "allow": ["w"] });
    for options in [expected, by_themselves] {
        let nodes = [
            ("n1", paths("optimal", 4, 4).into_bytes()),
            ("n2", raw.to_vec()),
        ];
        let answer = answer(&nodes, options);
        let shown = String::from_utf8_lossy(raw);
        assert_eq!(cell(&answer, "w", "n2"), &unknown("undecodable"), "{shown}");
        assert_eq!(cell(&answer, "w", "n1"), &optimal(4));
        assert_eq!(row(&answer, "w")["cluster-state"], "optimal");
        assert_eq!(row(&answer, "w")["coverage"], "1/2");
        let about = &answer["nodes"]["n2"];
        assert_eq!(about["status"], "malformed");
        assert!(!about["error"].as_str().unwrap().is_empty());
        assert_eq!(answer["nodes"]["n1"], json!({ "status": "live", "age": 0 }));
    }
}

#[test]
fn node_value_is_not_a_hash() {
    for raw in [
        &b"[]"[..],
        b"\"x\"",
        b"7",
        b"true",
        b"null",
        b"{}",
        br#"{"maps":[]}"#,
        br#"{"maps":null}"#,
        br#"{"maps":{"w":{}},"maps":"x"}"#,
        br#"{"v":2,"m":[]}"#,
    ] {
        says_nothing(raw);
    }
    // A document may have what was decoded already.
    let document = json!({ "now": NOW, "allow": ["w"], "nodes": {
        "n1": serde_json::from_str::<Value>(&paths("optimal", 4, 4)).unwrap(), "n2": ["x"], "n3": 5,
    } });
    let answer = read(&super::super::document(document.to_string().as_bytes()).unwrap());
    assert_eq!(cell(&answer, "w", "n1"), &optimal(4));
    for node in ["n2", "n3"] {
        assert_eq!(answer["nodes"][node]["status"], "malformed");
        assert_eq!(cell(&answer, "w", node), &unknown("undecodable"));
    }
}

#[test]
fn undecodable_broadcast() {
    for raw in [
        &b""[..],
        b"\0",
        b"x",
        b"{",
        br#"{"maps":{"w":{"state":"optimal"}"#,
        br#"{"maps":{}} x"#,
        b"{\"maps\":{\"\xff\":{}}}",
        br#"{"maps":{"\ud800":{}}}"#,
        b"z2:",
        b"z2:!!",
        b"z2:AAAA",
    ] {
        says_nothing(raw);
    }
    says_nothing(
        format!(
            "{{\"maps\":{{}},\"x\":{}{}}}",
            "[".repeat(600),
            "]".repeat(600)
        )
        .as_bytes(),
    );
}

#[test]
fn different_sizes_on_nodes() {
    let of = |size: u64| broadcast(json!({ "w": { "state": "optimal", "size": size } }));
    let answer = answer(
        &[
            ("n2", of(2 << 40)),
            ("n1", of(1 << 40)),
            ("n3", of(1 << 40)),
        ],
        json!({}),
    );
    let size = |node| cell(&answer, "w", node)["size"].as_u64().unwrap();
    assert_eq!(
        (size("n1"), size("n2"), size("n3")),
        (1 << 40, 2 << 40, 1 << 40)
    );
    assert_eq!(row(&answer, "w")["size"], 1u64 << 40);
}

#[test]
fn optimal_with_no_path_of_four() {
    for (said, active, total, state) in [
        ("optimal", 0, 4, "failed"),
        ("optimal", 3, 4, "degraded"),
        ("failed", 4, 4, "optimal"),
        ("degraded", 0, 0, "failed"),
        ("missing", 1, 2, "degraded"),
    ] {
        let answer = answer(&[("n1", paths(said, active, total))], json!({}));
        let wanted = json!({ "state": state, "paths-active": active, "paths-total": total,
            "flags": ["state-disagrees"] });
        assert_eq!(cell(&answer, "w", "n1"), &wanted);
        assert_eq!(row(&answer, "w")["cluster-state"], state);
    }
    // What is not known cannot be held against anything.
    let answer = answer(&[("n1", paths("optimal", Value::Null, 4))], json!({}));
    let wanted = json!({ "state": "optimal", "paths-active": null, "paths-total": 4 });
    assert_eq!(cell(&answer, "w", "n1"), &wanted);
}

#[test]
fn more_paths_active_than_there_are() {
    let answer = answer(&[("n1", paths("optimal", 5, 4))], json!({}));
    let wanted = json!({ "state": "unknown", "reason": "impossible-counts", "paths-active": 5,
        "paths-total": 4 });
    assert_eq!(cell(&answer, "w", "n1"), &wanted);
}

#[test]
fn numbers_as_strings() {
    let of = |value: Value| {
        let map = json!({ "state": "optimal", "paths-active": value, "paths-total": value,
            "size": value });
        let answer = answer(&[("n1", broadcast(json!({ "w": map })))], json!({}));
        let cell = cell(&answer, "w", "n1").clone();
        assert_eq!(cell["paths-active"], cell["paths-total"]);
        [cell["paths-active"].clone(), cell["size"].clone()]
    };
    for four in [json!(4), json!("4"), json!(4.0), json!("04")] {
        assert_eq!(of(four.clone()), [json!(4), json!(4)], "{four}");
    }
    for none in [
        json!("x"),
        json!(""),
        json!("4x"),
        json!(" 4"),
        json!("-4"),
        json!(-4),
        json!(4.5),
        json!("4.0"),
        json!([4]),
        json!({}),
        json!(true),
        json!(null),
    ] {
        assert_eq!(of(none.clone()), [Value::Null, Value::Null], "{none}");
    }
    // No map has that many paths, but a size may need all 64 bits.
    assert_eq!(of(json!(u64::MAX)), [Value::Null, json!(u64::MAX)]);
    assert_eq!(
        of(json!(u64::MAX.to_string())),
        [Value::Null, json!(u64::MAX)]
    );
}

#[test]
fn transport_that_is_no_word() {
    for transport in [json!(null), json!(1), json!(["fc"]), json!({}), json!(true)] {
        let map = json!({ "state": "optimal", "transport": transport });
        let answer = answer(&[("n1", broadcast(json!({ "w": map })))], json!({}));
        assert_eq!(cell(&answer, "w", "n1").get("transport"), None);
    }
}

#[test]
fn state_that_is_no_word_for_one() {
    for state in [
        json!("Optimal"),
        json!(""),
        json!("x"),
        json!(null),
        json!(1),
        json!([]),
        json!({}),
    ] {
        let map = json!({ "state": state, "paths-active": 4, "paths-total": 4 });
        let answer = answer(&[("n1", broadcast(json!({ "w": map })))], json!({}));
        let wanted = json!({ "state": "unknown", "reason": "unrecognized-state", "paths-active": 4,
            "paths-total": 4 });
        assert_eq!(cell(&answer, "w", "n1"), &wanted, "{state}");
    }
}

#[test]
fn one_optimal_and_three_unknown() {
    let stale = json!({ "maps": { "w": { "state": "failed" } }, "time": NOW - 500 }).to_string();
    let nodes = [
        ("n1", paths("optimal", 4, 4)),
        ("n2", stale),
        ("n3", paths("unknown", 0, 0)),
        ("n4", paths("failed", 0, 4)),
    ];
    let members = json!({ "n1": { "online": 1 }, "n2": { "online": 1 }, "n3": { "online": 1 },
        "n4": { "online": 0 } });
    let answer = answer(&nodes, json!({ "allow": ["w"], "members": members }));
    assert_eq!(row(&answer, "w")["cluster-state"], "optimal");
    assert_eq!(row(&answer, "w")["coverage"], "1/4");
}

#[test]
fn expected_set_is_empty() {
    let nodes = [("n1", paths("optimal", 4, 4)), ("n2", broadcast(json!({})))];
    let cells = |options: Value| row(&answer(&nodes, options), "w")["nodes"].clone();
    for nobody in [json!({}), json!([])] {
        let options = json!({ "allow": ["w"], "expected": { "w": nobody } });
        assert_eq!(cells(options), json!({ "n1": optimal(4) }));
    }
    let both = json!({ "n1": optimal(4), "n2": missing("not-assembled") });
    for by_all in [json!({}), json!({ "w": null })] {
        assert_eq!(cells(json!({ "allow": ["w"], "expected": by_all })), both);
    }
}

#[test]
fn stale_versus_offline() {
    let old = json!({ "maps": { "w": { "state": "optimal" } }, "time": NOW - 181 }).to_string();
    let nodes = [("n1", old.clone()), ("n2", old), ("n3", "x".to_owned())];
    let members = json!({ "n1": { "online": 1 }, "n2": { "online": 0 }, "n3": { "online": 1 },
        "n4": { "online": 1 }, "n5": "odd" });
    let expected = json!(["n1", "n2", "n3", "n4", "n5", "n6"]);
    let options = json!({ "allow": ["w"], "members": members, "expected-nodes": expected });
    let answer = answer(&nodes, options);
    let cells = json!({ "n1": unknown("stale"), "n2": unknown("offline"), "n3": unknown("undecodable"),
        "n4": missing("no-broadcast"), "n5": unknown("offline"), "n6": unknown("offline") });
    assert_eq!(row(&answer, "w")["nodes"], cells);
    let standings = [
        "stale",
        "offline",
        "malformed",
        "silent",
        "offline",
        "offline",
    ];
    for (node, standing) in (1..).zip(standings) {
        assert_eq!(answer["nodes"][format!("n{node}")]["status"], standing);
    }
}

#[test]
fn two_storages_on_one_lun() {
    let of = |used_by: Value| {
        let options = json!({ "allow": ["w"], "used-by": { "w": used_by } });
        row(&answer(&[("n1", paths("optimal", 4, 4))], options), "w").clone()
    };
    assert_eq!(of(json!(["a", "b"]))["used-by"], json!(["a", "b"]));
    assert_eq!(of(json!("a"))["used-by"], json!(["a"]));
    assert_eq!(of(json!(null)).get("used-by"), None);
}

#[test]
fn what_had_no_room_is_not_missing() {
    let mut short: Value = serde_json::from_str(&broadcast(json!({}))).unwrap();
    short["truncated"] = json!(3);
    let answer = answer(&[("n1", short.to_string())], json!({ "allow": ["w"] }));
    assert_eq!(cell(&answer, "w", "n1"), &unknown("truncated"));
    assert_eq!(
        answer["nodes"]["n1"],
        json!({ "status": "live", "age": 0, "truncated": 3 })
    );
}

#[test]
fn suspended_map() {
    let map = json!({ "state": "optimal", "paths-active": 4, "paths-total": 4,
        "flags": ["suspended", "queueing", "marginal", "other", 5] });
    let answer = answer(&[("n1", broadcast(json!({ "w": map })))], json!({}));
    let wanted = json!({ "state": "unknown", "reason": "suspended", "paths-active": 4,
        "paths-total": 4, "flags": ["marginal", "queueing", "suspended"] });
    assert_eq!(cell(&answer, "w", "n1"), &wanted);
}

#[test]
fn errors_of_applying() {
    let good = json!({ "error": "no such map", "time": NOW }).to_string();
    let nested = format!(
        "{{\"error\":{}{},\"time\":[1]}}",
        "[".repeat(400),
        "]".repeat(400)
    );
    let apply = json!({ "n1": good, "n2": "x", "n3": "{}", "n4": nested, "n5": good });
    let members = json!({ "n1": { "online": 1 }, "n2": { "online": 1 }, "n3": { "online": 1 },
        "n4": { "online": 1 }, "n5": { "online": 0 } });
    let answer = answer::<&str>(&[], json!({ "apply": apply, "members": members }));
    let text = "[".repeat(400) + &"]".repeat(400);
    assert_eq!(
        answer["nodes"],
        json!({ "n1": { "apply-error": "no such map", "apply-time": NOW },
            "n4": { "apply-error": text, "apply-time": "[1]" } })
    );
}
