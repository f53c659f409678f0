use serde_json::{Value, json};

use super::*;

const GIB: u64 = 1 << 30;

fn node(name: &str, mem: u64) -> Value {
    json!({ "name": name, "capacity": { "cpu": 16, "mem": mem * GIB } })
}

fn guest(sid: &str, node: &str, mem: u64) -> Value {
    json!({ "sid": sid, "node": node, "size": { "cpu": 1, "mem": mem * GIB } })
}

fn problem(nodes: &[Value], guests: &[Value], rules: &Value, policy: &Value) -> Problem {
    let document = json!({ "task": "what-if", "nodes": nodes, "guests": guests, "rules": rules,
                           "policy": policy });
    Problem::from_json(document.to_string().as_bytes()).unwrap()
}

fn asked(problem: &Problem) -> Vec<Survival> {
    survey(problem, &mut Budget::new(0, &|| false)).unwrap()
}

#[test]
fn enough_memory_in_all_is_not_enough() {
    // If n1 fails there are 8 GiB left for its guest of 6, but 4 here and 4 there.
    let nodes = [node("n1", 8), node("n2", 8), node("n3", 8)];
    let guests = [
        guest("a", "n1", 6),
        guest("b", "n2", 4),
        guest("c", "n3", 4),
    ];
    let problem = problem(&nodes, &guests, &json!([]), &json!({}));
    let survey = asked(&problem);
    let ok: Vec<_> = survey.iter().map(|one| (one.failed[0], one.ok)).collect();
    assert_eq!(ok, [(0, Some(false)), (1, Some(true)), (2, Some(true))]);
    assert_eq!(
        (survey[0].lost.as_slice(), survey[0].fewest),
        ([0].as_slice(), true)
    );
    let more = More {
        resource: Problem::MEM,
        node: 1,
        amount: 2 * GIB,
        least: true,
    };
    assert_eq!(
        survey[0].remedy,
        Remedy {
            more: Some(more),
            rule: None,
            no_other_rule: true
        }
    );
}

#[test]
fn memory_to_add_counts_the_share_that_may_be_used() {
    let nodes = [node("n1", 10), node("n2", 10)];
    let guests = [guest("a", "n1", 5), guest("b", "n2", 5)];
    let policy = json!({ "hard-limit": { "mem": 0.8 }, "failed": [["n1"]] });
    let problem = problem(&nodes, &guests, &json!([]), &policy);
    let more = asked(&problem)[0].remedy.more.clone().unwrap();
    // 80 % of 12.5 GiB are 10.
    assert_eq!((more.node, more.amount), (1, 5 * GIB / 2));
    assert_eq!(
        problem.nodes[1].limit_with(&problem.resources, 1, more.amount),
        10 * GIB
    );
    assert!(problem.nodes[1].limit_with(&problem.resources, 1, more.amount - 1) < 10 * GIB);
}

#[test]
fn a_rule_in_the_way_is_the_remedy() {
    let nodes = [node("n1", 8), node("n2", 8), node("n3", 8)];
    let guests = [
        guest("a", "n1", 1),
        guest("b", "n2", 1),
        guest("c", "n3", 1),
    ];
    let rules = json!([
        { "id": "apart", "type": "resource-affinity", "sids": ["a", "b", "c"], "affinity": "negative" },
        { "id": "on", "type": "node-affinity", "sids": ["a"], "nodes": { "n1": 2, "n2": 1, "n3": 1 }, "strict": true },
    ]);
    let problem = problem(&nodes, &guests, &rules, &json!({ "failures": 1 }));
    for one in asked(&problem) {
        assert_eq!(
            (one.ok, one.lost.as_slice()),
            (Some(false), one.failed.as_slice())
        );
        assert_eq!(
            one.remedy,
            Remedy {
                more: None,
                rule: Some(0),
                no_other_rule: true
            }
        );
    }
}

#[test]
fn cores_are_named_where_memory_does_not_help() {
    let nodes = [node("n1", 8), node("n2", 8)];
    let wide = |sid: &str, node: &str| json!({ "sid": sid, "node": node, "size": { "cpu": 12, "mem": 1 } });
    let problem = problem(
        &nodes,
        &[wide("a", "n1"), wide("b", "n2")],
        &json!([]),
        &json!({}),
    );
    let more = asked(&problem)[0].remedy.more.clone().unwrap();
    assert_eq!(
        (more.resource, more.node, more.amount),
        (Problem::CPU, 1, 8_000_000)
    );
}

#[test]
fn as_few_as_possible_are_lost_and_the_important_are_kept() {
    let nodes = [node("n1", 8), node("n2", 4)];
    let with = |sid: &str, mem: u64, priority: u64| json!({ "sid": sid, "node": "n1", "size": { "mem": mem * GIB }, "priority": priority });
    let guests = [
        with("a", 2, 1),
        with("b", 2, 0),
        with("c", 2, 9),
        with("d", 2, 0),
    ];
    let problem = problem(&nodes, &guests, &json!([]), &json!({ "failed": [["n1"]] }));
    let survey = asked(&problem);
    assert_eq!(
        (survey[0].lost.as_slice(), survey[0].fewest),
        ([1, 3].as_slice(), true)
    );
}

#[test]
fn cases_are_named_or_all_sets_of_nodes_that_are_online() {
    let mut nodes = vec![node("n1", 8), node("n2", 8), node("n3", 8), node("n4", 8)];
    nodes[1]["online"] = json!(false);
    let guests = [guest("a", "n2", 1), guest("b", "n1", 1)];
    let ask = |policy: Value| {
        let problem = problem(&nodes, &guests, &json!([]), &policy);
        survey(&problem, &mut Budget::new(0, &|| false)).map(|all| {
            all.into_iter()
                .map(|one| (one.failed, one.ok))
                .collect::<Vec<_>>()
        })
    };
    let two = ask(json!({ "failures": 2 })).unwrap();
    assert_eq!(
        two,
        [
            (vec![0, 2], Some(true)),
            (vec![0, 3], Some(true)),
            (vec![2, 3], Some(true))
        ]
    );
    // Without any node left, the guests of n2 and n1 are lost.
    let three = ask(json!({ "failures": 3 })).unwrap();
    assert_eq!(three, [(vec![0, 2, 3], Some(false))]);
    assert_eq!(
        ask(json!({ "failures": 0 })).unwrap(),
        [(vec![], Some(true))]
    );
    let named = ask(json!({ "failed": [["n3", "n1"], []] })).unwrap();
    assert_eq!(named, [(vec![0, 2], Some(true)), (vec![], Some(true))]);
    assert!(ask(json!({ "failed": [["n9"]] })).is_err());
}

#[test]
fn what_the_work_did_not_suffice_for_is_not_known() {
    // As much is needed as there is, in pieces that only a search puts together.
    let mut random = crate::random::Random::new(3);
    let mut guests = Vec::new();
    for _ in 0..8 {
        let mut left = 1000;
        while left > 0 {
            let mem = (37 + random.below(300) as u64).min(left);
            left -= mem;
            guests.push(guest(&format!("vm:{:03}", guests.len()), "n0", mem));
        }
    }
    let mut nodes: Vec<Value> = (1..9).map(|at| node(&format!("n{at}"), 1000)).collect();
    nodes.push(node("n0", 8000));
    let problem = problem(&nodes, &guests, &json!([]), &json!({ "failed": [["n0"]] }));
    let mut budget = Budget::new(1, &|| false);
    budget.step();
    let none = survey(&problem, &mut budget).unwrap().remove(0);
    assert_eq!(
        (none.ok, none.lost, none.remedy),
        (None, vec![], Remedy::default())
    );
}
