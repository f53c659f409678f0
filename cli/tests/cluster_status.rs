//! `pve-native cluster status`.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use common::{Answer, Lab};
use serde_json::{Value, json};

const QUESTION: &str = include_str!("../../docs/cluster-status.json");

fn lab() -> Lab {
    let lab = Lab::new();
    fs::write(lab.path("question.json"), QUESTION).unwrap();
    lab
}

fn ask(lab: &Lab, args: &[&str]) -> Answer {
    lab.pve_native(["cluster", "status"].iter().chain(args))
}

/// A question of so many nodes and LUNs, all of which are optimal.
fn large(nodes: usize, luns: usize) -> Value {
    let map = json!({ "state": "optimal", "paths-active": 4, "paths-total": 4 });
    let maps: serde_json::Map<String, Value> = (0..luns)
        .map(|lun| (format!("3600{lun:04}"), map.clone()))
        .collect();
    let broadcast = json!({ "time": 1000, "maps": maps });
    let nodes: serde_json::Map<String, Value> = (0..nodes)
        .map(|node| (format!("node{node:02}"), broadcast.clone()))
        .collect();
    json!({ "now": 1010, "nodes": nodes })
}

#[test]
fn people_see_a_matrix() {
    let answer = ask(&lab(), &["question.json"]);
    assert_eq!((answer.status, answer.stderr.as_str()), (3, ""));
    let page = include_str!("../../docs/command.md");
    assert!(
        page.contains(&answer.stdout),
        "docs/command.md is not up to date: {}",
        answer.stdout
    );
    let states: Vec<&str> = answer.stdout.lines().skip(3).take(3).collect();
    assert!(states[0].starts_with("failed    san-b"), "{states:?}");
    assert!(states[1].starts_with("degraded  san-a"), "{states:?}");
    assert!(states[2].starts_with("optimal   36001405c3"), "{states:?}");
    // Colour only adds.
    let coloured = ask(&lab(), &["question.json", "--color", "always"]);
    assert!(
        coloured
            .stdout
            .contains("\u{1b}[1m\u{1b}[31mf 0/4\u{1b}[0m")
    );
}

#[test]
fn programs_get_luns_nodes_and_findings() {
    let lab = lab();
    let answer = ask(&lab, &["question.json", "--output", "json"]);
    assert_eq!(answer.status, 3);
    assert!(answer.stdout.ends_with("}\n"));
    let found = answer.json();
    assert_eq!(found["luns"][0]["wwid"], json!("36001405a1"));
    assert_eq!(found["luns"][0]["cluster-state"], json!("degraded"));
    assert_eq!(found["nodes"]["pve3"]["status"], json!("stale"));
    let codes: Vec<&Value> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| &finding["code"])
        .collect();
    let expected = [
        "apply-error",
        "lun-failed",
        "node-stale",
        "lun-degraded",
        "malformed-entry",
        "coverage",
        "node-offline",
    ];
    assert_eq!(codes, expected);
    assert_eq!(found["findings"][3]["luns"], json!(["36001405a1"]));
    // The same from standard input.
    let mut command = lab.command();
    command.args(["cluster", "status", "-", "--output", "json"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(QUESTION.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), answer.stdout);
}

#[test]
fn a_page_stands_alone() {
    let answer = ask(&lab(), &["question.json", "--output", "html"]);
    assert_eq!(answer.status, 3);
    let page = answer.stdout;
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
    for forbidden in ["<script", "http://", "https://", "src=", "href=", "url("] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(page.contains("prefers-color-scheme:dark"));
    let cell = "<abbr title=\"failed, 0 of 4 paths\">f 0/4</abbr>";
    assert!(page.contains(cell), "{page}");
    assert!(page.contains("<th scope=\"col\">pve1</th>"), "{page}");
    let finding = "LUN san-a (36001405a1) has lost paths on pve1 (3 of 4 paths). \
                   <span class=\"q\">[lun-degraded]</span></li>";
    assert!(page.contains(finding), "{page}");
}

#[test]
fn a_folder_of_broadcasts_is_the_same_question() {
    let lab = lab();
    let question: Value = serde_json::from_str(QUESTION).unwrap();
    fs::create_dir_all(lab.path("captured/apply")).unwrap();
    fs::create_dir_all(lab.path("captured/other")).unwrap();
    let put = |name: &str, text: &str| fs::write(lab.path("captured").join(name), text).unwrap();
    let broadcast = |node: &str| match &question["nodes"][node] {
        Value::String(raw) => raw.clone(),
        other => other.to_string(),
    };
    put("pve1", &broadcast("pve1"));
    put("pve2.json", &(broadcast("pve2") + "\n"));
    put("pve3.txt", &broadcast("pve3"));
    put("pve4", &broadcast("pve4"));
    put(".pve5.swp", "rubbish");
    for (node, said) in question["apply"].as_object().unwrap() {
        put(&format!("apply/{node}"), &said.to_string());
    }
    let mut options = question.clone();
    let keys = options.as_object_mut().unwrap();
    keys.remove("nodes");
    keys.remove("apply");
    put("options.json", &options.to_string());
    let asked = |path: &str| ask(&lab, &[path]).stdout;
    assert_eq!(asked("captured"), asked("question.json"));

    // The command line is above all.
    let answer = ask(
        &lab,
        &["captured", "--now", "1700009999", "--members", "pve1,pve2"],
    );
    assert!(
        answer
            .stdout
            .contains("Node pve1 is online and its last broadcast is"),
        "{}",
        answer.stdout
    );
    assert!(
        answer.stdout.contains("Node pve3 is offline"),
        "{}",
        answer.stdout
    );

    put("pve1.json", "{}");
    let error = ask(&lab, &["captured"]).error();
    assert!(
        error.contains("captured/pve1.json': another file"),
        "{error}"
    );
}

#[test]
fn health_is_the_exit_status() {
    let lab = Lab::new();
    let status = |question: Value| {
        fs::write(lab.path("q"), question.to_string()).unwrap();
        let answer = ask(&lab, &["q"]);
        assert_eq!(answer.stderr, "");
        answer.status
    };
    let with = |state: &str, more: Value| {
        let map = json!({ "state": state });
        let mut question =
            json!({ "now": 9, "nodes": { "n": { "time": 9, "maps": { "w": map } } } });
        for (key, value) in more.as_object().unwrap() {
            question[key] = value.clone();
        }
        question
    };
    assert_eq!(status(json!({})), 0);
    assert_eq!(status(with("optimal", json!({}))), 0);
    for state in ["failed", "degraded", "missing", "unknown", "fine"] {
        assert_eq!(status(with(state, json!({}))), 3, "{state}");
    }
    assert_eq!(status(with("optimal", json!({ "now": 500 }))), 3);
    let apply = json!({ "apply": { "n": { "error": "no" } } });
    assert_eq!(status(with("optimal", apply)), 3);
    // A LUN of which nobody tells.
    assert_eq!(status(json!({ "allow": ["w"] })), 3);
    let broken = json!({ "nodes": { "n": "rubbish" } });
    assert_eq!(status(broken), 3);
    // All is optimal, and on one node with fewer paths than on the other.
    let paths =
        |count: u32| json!({ "state": "optimal", "paths-active": count, "paths-total": count });
    let of = |count: u32| json!({ "time": 9, "maps": { "w": paths(count) } });
    let uneven = |one: u32| json!({ "now": 9, "nodes": { "a": of(4), "b": of(one) } });
    assert_eq!(status(uneven(4)), 0);
    assert_eq!(status(uneven(1)), 3);
    // A node that has been switched off is no fault of the LUN.
    let mut question = with("optimal", json!({ "members": { "n": { "online": 1 } } }));
    question["nodes"]["off"] = question["nodes"]["n"].clone();
    assert_eq!(status(question), 0);
}

#[test]
fn without_nodes_there_is_nothing_to_say() {
    let lab = Lab::new();
    fs::write(lab.path("none.json"), "{}").unwrap();
    let text = ask(&lab, &["none.json"]).fine();
    assert_eq!(text, "· note: no LUNs, 0 nodes\n");
    fs::create_dir(lab.path("none")).unwrap();
    assert_eq!(ask(&lab, &["none"]).fine(), text);
    ask(&lab, &["none", "--output", "html"]).fine();
    fs::write(lab.path("allowed"), "{\"allow\":[\"w\"]}").unwrap();
    let text = ask(&lab, &["allowed"]).stdout;
    assert!(text.contains("\nunknown  w\n"), "{text}");
}

#[test]
fn wide_clusters_take_several_blocks() {
    let lab = Lab::new();
    let mut question = large(40, 300);
    let one = &mut question["nodes"]["node39"]["maps"]["36000299"];
    *one = json!({ "state": "degraded", "paths-active": 2, "paths-total": 4 });
    fs::write(lab.path("q"), question.to_string()).unwrap();
    let answer = ask(&lab, &["q"]);
    assert_eq!(answer.status, 3);
    let text = answer.stdout;
    let first = "✗ not healthy: 1 of 300 LUNs not optimal on 40 nodes: 1 degraded";
    assert_eq!(text.lines().next(), Some(first));
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    let headings: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("STATE"))
        .collect();
    assert!(headings.len() > 2, "{headings:?}");
    for node in 0..40 {
        let name = format!("node{node:02}");
        let count = headings.iter().filter(|line| line.contains(&name)).count();
        assert_eq!(count, 1, "{name}");
    }
    let bad: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("degraded"))
        .collect();
    assert_eq!(bad.len(), headings.len());
    assert!(bad.last().unwrap().ends_with("d 2/4"), "{bad:?}");
    assert!(text.contains("and 100 more LUNs, the first of them optimal"));
    let page = ask(&lab, &["q", "--output", "html"]).stdout;
    assert_eq!(page.matches("<th scope=\"row\"").count(), 300);
}

#[test]
fn one_cause_is_one_finding() {
    let lab = Lab::new();
    let mut question = large(3, 80);
    let node = question["nodes"]["node01"].as_object_mut().unwrap();
    node.insert(
        "ports".into(),
        json!([
            ["hba", "0000:02:00.0", 160, 160],
            ["hba", "0000:03:00.0", 160, 0]
        ]),
    );
    for map in node["maps"].as_object_mut().unwrap().values_mut() {
        *map = json!({ "state": "degraded", "paths-active": 2, "paths-total": 4, "down": [0] });
    }
    fs::write(lab.path("q"), question.to_string()).unwrap();
    let answer = ask(&lab, &["q"]);
    assert_eq!(answer.status, 3);
    let findings: Vec<&str> = answer
        .stdout
        .lines()
        .filter(|line| line.ends_with(']'))
        .collect();
    let expected = "⚠ warning: Adapter 0000:02:00.0 of node node01 has lost all its 160 paths to 80 LUNs. See \
                    the adapter, its cable and its switch port. [hba-down]";
    assert_eq!(findings, [expected]);
    let page = ask(&lab, &["q", "--output", "html"]).stdout;
    assert!(
        page.contains("<details><summary>80 LUNs</summary>36000000 36000001 "),
        "{page}"
    );
    // Where there are many causes, the worst are shown.
    for node in question["nodes"].as_object_mut().unwrap().values_mut() {
        node.as_object_mut().unwrap().remove("ports");
    }
    fs::write(lab.path("q"), question.to_string()).unwrap();
    let text = ask(&lab, &["q"]).stdout;
    assert!(
        text.ends_with("\nand 30 more findings, all in --output json\n"),
        "{text}"
    );
}

#[test]
fn names_can_hold_anything() {
    let lab = Lab::new();
    let evil = "\u{1b}[2J<script>alert(1)</script>\"'&\u{202e}";
    let question = json!({
        "now": 1000, "allow": [evil], "aliases": { evil: evil }, "used-by": { evil: [evil, evil] },
        "nodes": {
            evil: { "time": 1000, "maps": { evil: { "state": evil, "size": evil, "transport": evil } } },
            "stale": { "time": evil, "maps": { "x": "a string" } },
            "long".repeat(500): { "maps": 1 },
        },
        "apply": { evil: { "error": evil, "time": evil } },
    });
    fs::write(lab.path("q"), question.to_string()).unwrap();
    for mode in ["strict", "compat"] {
        for output in ["human", "html"] {
            let answer = ask(&lab, &["q", "--mode", mode, "--output", output]);
            let text = answer.stdout + &answer.stderr;
            assert!(!text.is_empty());
            let control = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(!text.contains(control), "{text:?}");
            if output == "html" {
                assert!(!text.contains("<script"), "{text}");
                // An attribute that ends early would show its rest as attributes of its own.
                assert!(!text.contains("\"'&"), "{text}");
            }
        }
    }
}

#[test]
fn the_mode_decides_what_a_malformed_entry_does() {
    let lab = lab();
    let answer = ask(&lab, &["question.json", "--mode", "compat"]);
    let error = answer.error();
    assert_eq!(
        error,
        "pve-native: cannot inspect 'question.json': the entry of node 'pve2' for '36001405c3' is no object\n"
    );
}

#[test]
fn what_is_no_question_is_an_error() {
    let lab = Lab::new();
    fs::create_dir_all(lab.path("dir")).unwrap();
    fs::write(lab.path("dir/options.json"), "{\"colour\":1}").unwrap();
    for (name, text) in [
        ("rubbish", &b"\xff\xfe{"[..]),
        ("array", b"[]"),
        ("key", b"{\"colour\":1}"),
        ("nodes", b"{\"nodes\":[]}"),
        ("empty", b""),
    ] {
        fs::write(lab.path(name), text).unwrap();
    }
    for (args, status, why) in [
        (
            &["rubbish"][..],
            1,
            "cannot inspect 'rubbish': the document is no JSON",
        ),
        (&["empty"], 1, "cannot inspect 'empty'"),
        (&["array"], 1, "'array': the document is no object"),
        (&["key"], 1, "'key': unknown option 'colour'"),
        (&["nodes"], 1, "'nodes': nodes is not an object"),
        (&["dir"], 1, "'dir/options.json': unknown option 'colour'"),
        (&["nowhere"], 1, "cannot read 'nowhere'"),
        (&["array", "--mode", "loose"], 2, "loose"),
        (&["array", "--now", "nan"], 2, "not a number of seconds"),
        (&["array", "--watch=0"], 2, "0"),
        (&["-", "--watch"], 2, "standard input cannot be watched"),
        (
            &["dir", "--watch", "--output", "html"],
            2,
            "human or json output only",
        ),
        (
            &["dir", "--output", "svg"],
            2,
            "human, json or html output only",
        ),
        (&[], 2, "FILE|DIR"),
    ] {
        let answer = ask(&lab, args);
        assert_eq!(
            (answer.status, answer.stdout.as_str()),
            (status, ""),
            "{args:?}"
        );
        assert!(answer.stderr.contains(why), "{}", answer.stderr);
    }
}

#[test]
fn a_watch_tells_what_changes() {
    let lab = lab();
    let mut command = lab.command();
    let args = [
        "cluster",
        "status",
        "question.json",
        "--watch=1",
        "--output",
        "json",
    ];
    let mut child = command.args(args).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["luns"].as_array().unwrap().len(), 3);
    // Time alone is no change.
    let later = QUESTION.replace("1700000100", "1700000101");
    fs::write(lab.path("new"), later).unwrap();
    fs::rename(lab.path("new"), lab.path("question.json")).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(1500));
    fs::write(lab.path("new"), "{\"now\":").unwrap();
    fs::rename(lab.path("new"), lab.path("question.json")).unwrap();
    let error = next();
    assert!(
        error["error"].as_str().unwrap().contains("question.json"),
        "{error}"
    );
    fs::write(lab.path("new"), "{}").unwrap();
    fs::rename(lab.path("new"), lab.path("question.json")).unwrap();
    assert_eq!(next(), json!({ "luns": [], "nodes": {}, "findings": [] }));
    child.kill().unwrap();
    child.wait().unwrap();
}
