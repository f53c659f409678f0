//! Documents that are no problems, and names that are made to deceive.

use std::fs;

use serde_json::json;

use super::common::Lab;
use super::{GIB, ask, asked, well_formed};

#[test]
fn rubbish_is_refused_in_a_line() {
    let lab = Lab::new();
    fs::create_dir(lab.path("folder")).unwrap();
    fs::write(lab.path("bytes"), b"\xff\xfe{}").unwrap();
    for (file, complaint) in [
        ("missing.json", "No such file or directory"),
        ("folder", "Is a directory"),
        ("bytes", "expected value"),
        ("/dev/null", "EOF"),
    ] {
        let error = ask(&lab, &["solve", file]).error();
        assert!(error.contains(complaint) && error.contains(file), "{error}");
    }
    let doubled = r#"{"task":"place","task":"pack","nodes":[]}"#;
    let doubled_size = r#"{"task":"place","nodes":[{"name":"a","capacity":{"cpu":1,"cpu":2}}]}"#;
    let twice = r#"{"task":"place","nodes":[{"name":"a"},{"name":"a"}]}"#;
    let deep = "[".repeat(10_000);
    let huge = r#"{"task":"place","nodes":[{"name":"a","capacity":{"mem":1e300}}]}"#;
    let whole =
        r#"{"task":"place","nodes":[{"name":"a","capacity":{"mem":18446744073709551616}}]}"#;
    for (text, complaint) in [
        ("", "EOF"),
        ("null", "placement problem"),
        ("[]", "placement problem"),
        ("{", "EOF"),
        ("{}", "missing field"),
        (
            "{\"task\":\"dance\",\"nodes\":[]}",
            "dance is none of place",
        ),
        ("{\"task\":\"\u{1b}[2J\",\"nodes\":[]}", "control character"),
        (
            "{\"task\":\"\\u001b[2J\",\"nodes\":[]}",
            "\\u{1b}[2J is none of",
        ),
        (doubled, "duplicate field"),
        (doubled_size, "cpu stands twice"),
        (twice, "the node a stands twice"),
        (
            "{\"task\":\"place\",\"nodes\":[],\"polizy\":{}}",
            "unknown field",
        ),
        (&deep, "placement problem"),
        (huge, "too large"),
        (whole, "too large"),
        (
            "{\"task\":\"place\",\"nodes\":[{\"name\":\"a\",\"used\":{\"cpu\":-1}}]}",
            "not negative",
        ),
        (
            "{\"task\":\"place\",\"nodes\":[],\"policy\":{\"failures\":9}}",
            "failures 9",
        ),
        ("{\"task\":\"place\",\"nodes\":[]}x", "trailing"),
    ] {
        fs::write(lab.path("rubbish"), text).unwrap();
        for command in ["solve", "explain", "what-if"] {
            let error = ask(&lab, &[command, "rubbish"]).error();
            assert!(
                error.contains(complaint) && error.contains("'rubbish'"),
                "{error}"
            );
        }
    }
}

#[test]
fn a_document_without_end_is_not_read_to_its_end() {
    let lab = Lab::new();
    let file = fs::File::create(lab.path("long")).unwrap();
    file.set_len((256 << 20) + 1).unwrap();
    let error = ask(&lab, &["solve", "long"]).error();
    assert!(error.contains("longer than 268435456 bytes"), "{error}");
}

#[test]
fn names_can_hold_anything() {
    let lab = Lab::new();
    let evil = "\u{1b}[2J<script>alert(1)</script>\"'&\u{202e}";
    let long = "long".repeat(5000);
    let problem = json!({ "task": "recover",
        "nodes": [
            { "name": evil, "capacity": { "cpu": 8, "mem": 32 * GIB, evil: 10 }, "devices": { evil: 1 } },
            { "name": &long, "capacity": { "cpu": 8, "mem": 32 * GIB } },
            { "name": "gone", "online": false },
        ],
        "guests": [
            { "sid": evil, "node": evil, "size": { "cpu": 1, "mem": GIB, evil: 3 }, "movable": false },
            { "sid": &long, "node": "gone", "size": { "cpu": 1 }, "storages": [evil] },
            { "sid": "bridge", "size": { "cpu": 1 }, "bridges": [&long] },
            { "sid": "flag", "size": { "cpu": 1 }, "cpu-flags": [evil] },
            { "sid": "device", "size": { "cpu": 1 }, "devices": { evil: 2 } },
            { "sid": "volume", "size": { "cpu": 1 }, "volumes": [{ "storage": evil, "nodes": [] }] },
            { "sid": "apart", "size": { "cpu": 1, evil: 1 } },
            { "sid": "placed", "size": { "cpu": 1 }, "book": "usage" },
        ],
        "rules": [
            { "id": evil, "type": "resource-affinity", "affinity": "negative", "sids": [evil, "apart"] },
        ] });
    for args in [
        &["solve"][..],
        &["explain"],
        &["what-if", "--failures", "1"],
    ] {
        for output in ["human", "html", "svg"] {
            let answer = asked(&lab, &problem, &[args, &["--output", output]].concat());
            assert_eq!((answer.status, answer.stderr.as_str()), (3, ""));
            let text = answer.stdout;
            let control = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!text.contains(control), "{text:?}");
            assert!(!text.contains(&"long".repeat(60)), "{text}");
            if output != "human" {
                assert!(!text.contains("<script"), "{text}");
                well_formed(text.strip_prefix("<!DOCTYPE html>").unwrap_or(&text));
            }
        }
        let found = asked(&lab, &problem, &[args, &["--output", "json"]].concat());
        assert_eq!(found.status, 3);
        found.json();
    }
}
