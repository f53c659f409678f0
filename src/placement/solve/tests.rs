use serde_json::{Value, json};

use super::*;
use crate::error::Code;

const GIB: u64 = 1 << 30;

fn asked(document: &Value, explained: Explained) -> Result<Value> {
    let text = document.to_string();
    let answer = answer(text.as_bytes(), explained, &|| Duration::ZERO)?;
    assert_eq!(
        answer,
        super::answer(text.as_bytes(), explained, &|| Duration::ZERO)?
    );
    Ok(serde_json::from_str(&answer).unwrap())
}

fn ask(document: &Value) -> Value {
    asked(document, Explained::Some).unwrap()
}

/// Nodes with so many GiB each, and guests with so many on a node.
fn cluster(task: &str, nodes: &[u64], guests: &[(u64, usize)]) -> Value {
    let nodes: Vec<Value> = nodes
        .iter()
        .enumerate()
        .map(|(at, gib)| json!({ "name": format!("n{at}"), "capacity": { "cpu": 64, "mem": gib * GIB } }))
        .collect();
    let guests: Vec<Value> = guests
        .iter()
        .enumerate()
        .map(|(at, (gib, node))| {
            json!({ "sid": format!("vm:{at}"), "node": format!("n{node}"), "size": { "cpu": 1, "mem": gib * GIB } })
        })
        .collect();
    json!({ "task": task, "nodes": nodes, "guests": guests, "policy": { "failed": [["n0"]] } })
}

#[test]
fn row_10_the_order_of_ids_does_not_decide_who_finds_room() {
    // One after the other by id, the small ones would take the room of the large one.
    let mut document = cluster("recover", &[20, 8, 8], &[(2, 0), (2, 0), (8, 0), (4, 0)]);
    let answer = ask(&document);
    assert_eq!(
        (&answer["status"], &answer["unplaced"]),
        (&json!("optimal"), &json!([]))
    );
    assert_eq!(
        (&answer["objective"], &answer["bound"], &answer["gap"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_eq!(answer["why"]["vm:2"]["n0"]["code"], "failed");
    // If not all fit, the largest that do come first, and whoever has a higher priority before them.
    document["guests"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "sid": "vm:9", "size": { "mem": GIB } }));
    let answer = ask(&document);
    assert_eq!(
        (&answer["status"], &answer["objective"]),
        (&json!("infeasible"), &Value::Null)
    );
    assert_eq!(answer["unplaced"].as_array().unwrap().len(), 1);
    document["guests"][4]["priority"] = json!(1);
    assert!(ask(&document)["placements"]["vm:9"].is_string());
}

#[test]
fn row_14_the_policy_says_whether_guests_are_spread_or_packed() {
    let mut document = cluster("recover", &[9, 8, 8], &[(2, 0), (2, 0)]);
    let nodes = |document: &Value| {
        let answer = ask(document);
        assert_eq!(answer["status"], "optimal");
        let nodes: std::collections::BTreeSet<String> = answer["placements"]
            .as_object()
            .unwrap()
            .values()
            .map(ToString::to_string)
            .collect();
        nodes.len()
    };
    assert_eq!(nodes(&document), 2);
    document["policy"]["objective"] = json!("pack");
    assert_eq!(nodes(&document), 1);
}

#[test]
fn row_22_the_ladder_is_gone_down_as_far_as_need_be() {
    let mut document = cluster("recover", &[9, 8], &[(8, 0), (1, 1)]);
    document["guests"][0]["usage"] = json!({ "mem": 5 * GIB });
    document["policy"]["relax"] = json!(["reservations", "usage", "maintenance"]);
    let answer = ask(&document);
    assert_eq!(
        (&answer["status"], &answer["relaxed"]),
        (&json!("relaxed"), &json!(["usage"]))
    );
    assert_eq!(answer["placements"], json!({ "vm:0": "n1" }));
    document["policy"]["relax"] = json!(["maintenance"]);
    let answer = ask(&document);
    assert_eq!(
        (&answer["status"], &answer["relaxed"]),
        (&json!("infeasible"), &json!([]))
    );
    assert_eq!(answer["why"]["vm:0"]["n1"]["have"], json!(7 * GIB));
}

#[test]
fn row_23_nothing_is_kept_between_questions() {
    let document = cluster("recover", &[9, 8, 8], &[(2, 0), (2, 0)]);
    let first = ask(&document);
    ask(&cluster("recover", &[9, 1, 1], &[(2, 0), (2, 0)]));
    assert_eq!(ask(&document), first);
}

#[test]
fn rules_in_each_others_way_are_named() {
    let mut document = cluster("recover", &[9, 9, 9], &[(1, 0), (1, 0), (1, 0)]);
    let apart = |id: &str, sids: [&str; 2]| json!({ "id": id, "type": "resource-affinity", "sids": sids, "affinity": "negative" });
    document["rules"] = json!([
        apart("a", ["vm:0", "vm:1"]), apart("b", ["vm:1", "vm:2"]), apart("c", ["vm:0", "vm:2"]),
        { "id": "d", "type": "node-affinity", "sids": ["vm:0"], "nodes": { "n1": 1 } },
    ]);
    let answer = ask(&document);
    assert_eq!(
        (&answer["status"], &answer["conflict"]),
        (&json!("infeasible"), &json!(["a", "b", "c"]))
    );
    assert_eq!(answer["conflict-minimal"], true);
    document["policy"]["relax"] = json!(["rule:b"]);
    let answer = ask(&document);
    assert_eq!(
        (&answer["status"], &answer["relaxed"]),
        (&json!("relaxed"), &json!(["rule:b"]))
    );
    document["task"] = json!("feasibility");
    document["policy"] = json!({});
    let answer = ask(&document);
    assert_eq!(
        (&answer["status"], &answer["conflict"]),
        (&json!("feasible"), &json!([]))
    );
    assert_eq!(answer["survives"].as_array().unwrap().len(), 3);
    assert_eq!(answer["survives"][0]["conflict"], json!(["a", "b", "c"]));
    assert_eq!(answer["all-losses"], true);
}

#[test]
fn what_if_says_who_is_lost_and_what_would_help() {
    let mut document = cluster("what-if", &[8, 8, 8], &[(6, 0), (5, 1), (1, 2)]);
    document["policy"] = json!({});
    let answer = ask(&document);
    assert_eq!(answer["status"], "feasible");
    let cases = answer["survives"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    assert_eq!(
        (&cases[0]["failed"], &cases[0]["ok"]),
        (&json!(["n0"]), &json!(true))
    );
    document["policy"]["failed"] = json!([["n0", "n2"], ["n1"]]);
    let answer = ask(&document);
    assert_eq!(answer["status"], "infeasible");
    let case = &answer["survives"][0];
    assert_eq!(
        (&case["ok"], &case["lost"], &case["fewest"]),
        (&json!(false), &json!(["vm:0"]), &json!(true))
    );
    assert_eq!(
        case["remedy"],
        json!({ "resource": "mem", "amount": 4 * GIB, "node": "n1", "least": true, "no-rule": true })
    );
    document["policy"]["failed"] = json!([["n7"]]);
    assert_eq!(
        asked(&document, Explained::Some).unwrap_err().code(),
        Code::Argument
    );
}

#[test]
fn contention_is_moved_away_and_nothing_else() {
    let mut document = cluster("rebalance", &[8, 8], &[(3, 0), (3, 0), (2, 0), (1, 1)]);
    document["policy"] = json!({ "soft-limit": { "mem": 0.8 } });
    let answer = ask(&document);
    assert_eq!(
        (&answer["status"], &answer["objective"]),
        (&json!("optimal"), &json!(1))
    );
    let moves = answer["moves"].as_array().unwrap();
    assert_eq!(
        (moves.len(), &moves[0]["from"], &moves[0]["step"]),
        (1, &json!("n0"), &json!(1))
    );
    assert_eq!(answer["loads"]["n0"]["mem"]["before"], json!(8 * GIB));
    document["policy"] = json!({});
    let answer = ask(&document);
    assert_eq!(
        (&answer["status"], &answer["moves"]),
        (&json!("optimal"), &json!([]))
    );
    document["task"] = json!("pack");
    let answer = ask(&document);
    assert_eq!(
        (&answer["status"], &answer["objective"]),
        (&json!("optimal"), &json!(2))
    );
}

#[test]
fn what_the_clock_cuts_off_is_unknown() {
    let mut document = cluster("recover", &[9; 12], &[(4, 0); 40]);
    document["policy"]["time-limit"] = json!(1);
    document["policy"]["report-elapsed"] = json!(true);
    let text = document.to_string();
    let late = answer(text.as_bytes(), Explained::Some, &|| Duration::from_secs(2)).unwrap();
    let late: Value = serde_json::from_str(&late).unwrap();
    assert_eq!(late["elapsed"], 2.0);
    let ended = late["status"] == "unknown" || late["status"] == "infeasible";
    assert!(ended, "{}", late["status"]);
}

#[test]
fn everything_is_explained_if_that_is_asked_for() {
    let document = cluster("recover", &[64; 120], &[(1, 0); 100]);
    assert_eq!(ask(&document)["why"], json!({}));
    let all = asked(&document, Explained::All).unwrap();
    assert_eq!(all["why"].as_object().unwrap().len(), 100);
}

#[test]
fn devices_are_taken_and_not_spread() {
    let mut document = cluster("rebalance", &[8, 8], &[(2, 0), (2, 1)]);
    for (at, key) in [(0, "nodes"), (0, "guests"), (1, "nodes")] {
        document[key][at]["devices"] = json!({ "gpu": 1 });
    }
    document["policy"] = json!({ "objective": "spread" });
    let answer = ask(&document);
    assert_eq!(
        (&answer["objective"], &answer["moves"]),
        (&json!(0.25), &json!([]))
    );
    document["task"] = json!("recover");
    let answer = ask(&document);
    assert_eq!(
        (&answer["status"], &answer["objective"]),
        (&json!("optimal"), &json!(0.25))
    );
}
