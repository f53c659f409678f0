//! `pve-native placement`.

mod common;
#[path = "placement/hostile.rs"]
mod hostile;

use std::fs;
use std::io::Write;
use std::process::Stdio;

use common::{Answer, Lab};
use serde_json::{Value, json};

const EXAMPLE: &str = include_str!("../../docs/placement.json");

/// A folder with the example, in which it is `example.json`.
fn lab() -> Lab {
    let lab = Lab::new();
    fs::write(lab.path("example.json"), EXAMPLE).unwrap();
    lab
}

fn ask(lab: &Lab, args: &[&str]) -> Answer {
    let answer = lab.pve_native(["placement"].iter().chain(args));
    assert!(answer.status == 0 || answer.status == 3 || answer.stdout.is_empty());
    answer
}

fn asked(lab: &Lab, problem: &Value, args: &[&str]) -> Answer {
    fs::write(lab.path("problem.json"), problem.to_string()).unwrap();
    ask(lab, &[args, &["problem.json"]].concat())
}

const GIB: u64 = 1 << 30;

fn guest(sid: &str, node: Option<&str>, cores: u64, gib: u64) -> Value {
    json!({ "sid": sid, "node": node, "size": { "cpu": cores, "mem": gib * GIB } })
}

/// So many nodes of 8 cores and 32 GiB.
fn nodes(count: usize) -> Value {
    let one = |at| json!({ "name": format!("n{at}"), "capacity": { "cpu": 8, "mem": 32 * GIB } });
    (1..=count).map(one).collect()
}

#[test]
fn guests_of_a_failed_node_are_placed() {
    let lab = lab();
    let answer = ask(&lab, &["solve", "example.json"]);
    let page = include_str!("../../docs/command.md");
    let text = answer.fine();
    let (verdict, shown) = text.split_once("\n\n").unwrap();
    assert!(
        verdict.contains(": all of 6 guests have a node\n"),
        "{text}"
    );
    assert!(
        page.contains(shown),
        "docs/command.md is not up to date: {text}"
    );
    let found = ask(&lab, &["solve", "example.json", "--output", "json"]).fine();
    assert!(found.ends_with("}\n") && found.lines().count() == 1);
    let found: Value = serde_json::from_str(&found).unwrap();
    let placed = found["placements"].as_object().unwrap();
    assert_eq!(placed.len(), 6);
    // Only one node has what each of these needs.
    assert_eq!(
        (&placed["vm:103"], &placed["vm:107"]),
        (&json!("pve1"), &json!("pve2"))
    );
    // It must not be where vm:100 is, and needs a bridge that pve4 has not got.
    assert_eq!(placed["vm:101"], json!("pve2"));
    assert_eq!(found["no-data"], json!({ "ct:201": ["cpu", "mem"] }));
    // Colour only adds.
    let coloured = ask(&lab, &["solve", "example.json", "--color", "always"]).fine();
    assert!(coloured.contains("\u{1b}[") && !text.contains('\u{1b}'));
}

#[test]
fn the_problem_can_come_from_standard_input() {
    let lab = lab();
    let mut command = lab.command();
    command
        .args(["placement", "solve", "-"])
        .stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(EXAMPLE.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, ask(&lab, &["solve", "example.json"]).fine());
}

#[test]
fn reasons_are_given_for_the_guests_and_nodes_that_were_asked_for() {
    let lab = lab();
    let args = [
        "explain",
        "example.json",
        "--guest",
        "vm:102",
        "--guest",
        "vm:107",
    ];
    let text = ask(&lab, &args).fine();
    let page = include_str!("../../docs/command.md");
    let start = text.find("Why\n").unwrap();
    let why = text[start..].split("\n\n").next().unwrap();
    assert!(
        page.contains(why),
        "docs/command.md is not up to date: {why}"
    );
    assert!(!why.contains("vm:103"));
    let json = ["--node", "pve4", "--node", "pve1", "--output", "json"];
    let found = ask(&lab, &[&args[..4], &json].concat());
    let found = &found.json()["why"];
    let reasons = found["vm:102"].as_object().unwrap();
    assert_eq!(found.as_object().unwrap().len(), 1);
    assert_eq!(reasons.keys().collect::<Vec<_>>(), ["pve1", "pve4"]);
    // All of them, if none is named.
    let found = ask(&lab, &["explain", "example.json", "--output", "json"]).json();
    let reasons = found["why"].as_object().unwrap().values();
    let counts: Vec<usize> = reasons.map(|all| all.as_object().unwrap().len()).collect();
    assert_eq!(counts, [4; 6]);
}

#[test]
fn names_that_are_not_in_the_problem_are_usage_errors() {
    let lab = lab();
    for (args, complaint) in [
        (
            ["explain", "--guest", "vm:999"],
            "the problem has no guest 'vm:999'",
        ),
        (
            ["explain", "--node", "pve\u{1b}9"],
            "the problem has no node 'pve\\u{1b}9'",
        ),
        (
            ["what-if", "--failed", "pve1,pve9"],
            "the problem has no node 'pve9'",
        ),
        (["what-if", "--failed", ""], "the problem has no node ''"),
        (["what-if", "--failures", "0"], "invalid value '0'"),
        (["what-if", "--failures", "4"], "invalid value '4'"),
        (["solve", "--output", "dot"], "placement solve"),
    ] {
        let answer = ask(&lab, &[&args[..], &["example.json"]].concat());
        assert_eq!((answer.status, answer.stdout.as_str()), (2, ""), "{args:?}");
        assert!(answer.stderr.contains(complaint), "{}", answer.stderr);
    }
    let both = [
        "what-if",
        "example.json",
        "--failures",
        "1",
        "--failed",
        "pve1",
    ];
    assert_eq!(ask(&lab, &both).status, 2);
}

#[test]
fn what_cannot_be_placed_is_3_with_the_first_thing_that_each_node_lacks() {
    let lab = Lab::new();
    let mut problem = json!({ "task": "place", "nodes": nodes(3), "guests": [
        guest("vm:1", None, 4, 16), guest("vm:2", None, 9, 1), guest("vm:3", Some("n3"), 1, 8),
    ] });
    problem["nodes"][1]["online"] = json!(false);
    let answer = asked(&lab, &problem, &["solve"]);
    assert_eq!((answer.status, answer.stderr.as_str()), (3, ""));
    let why = "\
Guests without a node
GUEST  NODE    WHY NOT
vm:2   n1, n3  has only 8 of the 9 cores that the guest has
       n2      is not online
";
    assert!(answer.stdout.contains(why), "{}", answer.stdout);
    let first = "✗ infeasible: 1 of 2 guests has no node\n";
    assert!(answer.stdout.starts_with(first), "{}", answer.stdout);
    let found = asked(&lab, &problem, &["solve", "--output", "json"]);
    assert_eq!(
        (found.status, &found.json()["unplaced"]),
        (3, &json!(["vm:2"]))
    );
    // With a core less there is nothing to complain of.
    problem["guests"][1]["size"]["cpu"] = json!(8);
    assert_eq!(asked(&lab, &problem, &["solve"]).status, 0);
}

#[test]
fn what_may_be_given_up_is_given_up_and_said() {
    let lab = Lab::new();
    let mut problem = json!({ "task": "place", "nodes": nodes(1),
        "guests": [guest("vm:1", None, 4, 31)], "policy": { "hard-limit": { "mem": 0.9 } } });
    let answer = asked(&lab, &problem, &["solve"]);
    assert_eq!(answer.status, 3);
    let why = "vm:1   n1    needs 31 GiB of memory, 28.8 GiB left\n";
    assert!(answer.stdout.contains(why), "{}", answer.stdout);
    problem["policy"]["relax"] = json!(["hard-limit"]);
    let text = asked(&lab, &problem, &["solve"]).fine();
    let given =
        "given up: nodes were filled over their hard limit, up to capacity and overcommit\n";
    assert!(
        text.starts_with("✓ relaxed: ") && text.contains(given),
        "{text}"
    );
}

#[test]
fn nothing_to_place_is_fine() {
    let lab = Lab::new();
    for problem in [
        json!({ "task": "place", "nodes": [] }),
        json!({ "task": "recover", "nodes": nodes(2), "guests": [guest("vm:1", Some("n1"), 1, 1)] }),
    ] {
        for output in ["human", "html", "svg", "json"] {
            asked(&lab, &problem, &["solve", "--output", output]).fine();
        }
        let text = asked(&lab, &problem, &["solve"]).fine();
        assert!(
            text.contains("every guest is on a node that is online"),
            "{text}"
        );
    }
}

#[test]
fn a_middle_cluster_is_shown_whole_and_in_all_forms() {
    let lab = Lab::new();
    let guests: Value = (0..160)
        .map(|at| {
            guest(
                &format!("vm:{at:03}"),
                Some(&format!("n{}", at % 40 + 1)),
                1,
                4,
            )
        })
        .collect();
    let problem = json!({ "task": "recover", "nodes": nodes(40), "guests": guests,
        "policy": { "failed": [["n1", "n2"]] } });
    let text = asked(&lab, &problem, &["solve"]).fine();
    assert!(text.contains("all of 8 guests have a node"), "{text}");
    for line in text.split_once("\n\n").unwrap().1.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let bars = |resource: &str| {
        let start = text.find(&format!("Load: {resource}\n")).unwrap();
        text[start..].split("\n\n").next().unwrap().lines().count() - 2
    };
    assert_eq!((bars("cpu"), bars("mem")), (38, 38));
    let page = asked(&lab, &problem, &["solve", "--output", "html"]).fine();
    assert_eq!(page.matches("<th scope=\"row\"").count(), 76);
    let drawing = asked(&lab, &problem, &["solve", "--output", "svg"]).fine();
    assert_eq!(drawing.matches("<g><title>").count(), 76);
    // In plain letters where there are no others.
    let mut command = lab.command();
    command
        .args(["placement", "solve", "problem.json"])
        .env("LC_ALL", "C");
    assert!(Answer::of(&mut command).fine().is_ascii());
}

#[test]
fn pages_and_drawings_stand_alone() {
    let lab = lab();
    let page = ask(&lab, &["explain", "example.json", "--output", "html"]).fine();
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    for forbidden in ["<script", "http://", "https://", "src=", "href=", "url("] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    well_formed(page.strip_prefix("<!DOCTYPE html>").unwrap());
    let drawing = ask(&lab, &["solve", "example.json", "--output", "svg"]).fine();
    assert!(drawing.starts_with("<svg ") && !drawing.contains("<script"));
    well_formed(&drawing);
    assert!(drawing.contains("over its soft limit"), "{drawing}");
}

/// Whether each element that is begun is ended, in its order.
fn well_formed(text: &str) {
    let mut open = Vec::new();
    for part in text.split('<').skip(1) {
        let (tag, _) = part.split_once('>').expect("a tag ends");
        let name: &str = tag
            .split([' ', '\n', '/'])
            .find(|name| !name.is_empty())
            .unwrap();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') && name != "meta" {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}
