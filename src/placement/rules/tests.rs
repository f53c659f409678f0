use serde_json::{Value, json};

use super::*;

/// Nodes n1, n2, … with 100 of memory each, guests of 1 on n1.
fn problem(nodes: usize, guests: &[&str], rules: &Value) -> Problem {
    let node = |at: usize| json!({ "name": format!("n{at}"), "capacity": { "mem": 100 } });
    let guest = |sid: &&str| json!({ "sid": sid, "node": "n1", "size": { "mem": 1 } });
    let document = json!({
        "task": "feasibility",
        "nodes": (1..=nodes).map(node).collect::<Vec<_>>(),
        "guests": guests.iter().map(guest).collect::<Vec<_>>(),
        "rules": rules, "policy": { "failures": 2 },
    });
    Problem::from_json(document.to_string().as_bytes()).unwrap()
}

fn apart(id: &str, sids: &[&str]) -> Value {
    json!({ "id": id, "type": "resource-affinity", "sids": sids, "affinity": "negative" })
}

fn together(id: &str, sids: &[&str]) -> Value {
    json!({ "id": id, "type": "resource-affinity", "sids": sids, "affinity": "positive" })
}

fn on(id: &str, sids: &[&str], nodes: &[&str], strict: bool) -> Value {
    let nodes: serde_json::Map<String, Value> =
        nodes.iter().map(|&n| (n.to_owned(), json!(1))).collect();
    json!({ "id": id, "type": "node-affinity", "sids": sids, "nodes": nodes, "strict": strict })
}

fn answer(problem: &Problem) -> RulesAnswer {
    check(problem, &mut Budget::new(0, &|| false))
}

/// The rules of the conflict, which must be proven to be minimal.
fn conflicting(problem: &Problem) -> Vec<&str> {
    let answer = answer(problem);
    assert_eq!(answer.verdict, Verdict::Infeasible);
    assert!(answer.conflict.minimal);
    let rules = answer.conflict.rules.iter();
    rules.map(|&rule| problem.rules[rule].id.as_str()).collect()
}

#[test]
fn two_guests_cannot_be_strictly_on_one_node_and_apart() {
    let rules = json!([
        on("a-on", &["a"], &["n1"], true),
        on("b-on", &["b"], &["n1"], true),
        on("c-on", &["c"], &["n2"], true),
        apart("apart", &["a", "b", "c"]),
    ]);
    let problem = problem(3, &["a", "b", "c"], &rules);
    assert_eq!(conflicting(&problem), ["a-on", "apart", "b-on"]);
}

#[test]
fn row_20_guests_that_merely_prefer_one_node_can_be_apart() {
    let rules = json!([
        on("near", &["a", "b"], &["n1"], false),
        apart("apart", &["a", "b"])
    ]);
    let answer = answer(&problem(2, &["a", "b"], &rules));
    assert_eq!(answer.verdict, Verdict::Feasible);
    assert_eq!(answer.conflict, Conflict::default());
}

#[test]
fn four_guests_cannot_be_apart_on_three_nodes() {
    let guests = ["a", "b", "c", "d"];
    let rules = json!([apart("four", &guests), apart("two", &["a", "b"])]);
    assert_eq!(conflicting(&problem(3, &guests, &rules)), ["four"]);
    assert_eq!(
        answer(&problem(4, &guests, &rules)).verdict,
        Verdict::Feasible
    );
}

#[test]
fn cliques_are_put_together_from_several_rules() {
    let guests = ["a", "b", "c", "d", "e"];
    let rules = json!([
        apart("abc", &["a", "b", "c"]),
        apart("ad", &["a", "d"]),
        apart("bd", &["b", "d"]),
        apart("cd", &["c", "d"]),
        apart("de", &["d", "e"]),
    ]);
    let problem = problem(3, &guests, &rules);
    assert_eq!(conflicting(&problem), ["abc", "ad", "bd", "cd"]);
}

#[test]
fn positive_groups_are_joined() {
    let guests = ["a", "b", "c", "d", "e"];
    let rules = json!([
        together("ab", &["a", "b"]),
        together("bc", &["b", "c"]),
        together("cd", &["c", "d"]),
        together("de", &["d", "e"]),
        apart("ad", &["a", "d"]),
    ]);
    assert_eq!(
        conflicting(&problem(3, &guests, &rules)),
        ["ab", "ad", "bc", "cd"]
    );
    let rules = json!([
        together("ab", &["a", "b"]),
        together("bc", &["b", "c"]),
        on("a-on", &["a"], &["n1", "n2"], true),
        on("b-on", &["b"], &["n1", "n2", "n3"], true),
        on("c-on", &["c"], &["n3"], true),
    ]);
    assert_eq!(
        conflicting(&problem(3, &guests, &rules)),
        ["a-on", "ab", "bc", "c-on"]
    );
}

#[test]
fn three_guests_on_two_of_many_nodes_are_too_many() {
    let guests = ["a", "b", "c", "d"];
    let rules = json!([
        apart("apart", &guests),
        on("ab", &["a", "b"], &["n1", "n2"], true),
        on("c", &["c"], &["n1", "n2"], true),
        on("d", &["d"], &["n3", "n4"], true),
    ]);
    assert_eq!(
        conflicting(&problem(5, &guests, &rules)),
        ["ab", "apart", "c"]
    );
}

#[test]
fn what_no_clique_shows_is_searched() {
    // Five guests in a ring cannot share two nodes, though no three are apart.
    let guests = ["a", "b", "c", "d", "e"];
    let ring: Vec<Value> = (0..5)
        .map(|at| apart(&format!("r{at}"), &[guests[at], guests[(at + 1) % 5]]))
        .collect();
    let two = problem(2, &guests, &json!(ring));
    assert_eq!(conflicting(&two), ["r0", "r1", "r2", "r3", "r4"]);
    assert_eq!(
        answer(&problem(3, &guests, &json!(ring))).verdict,
        Verdict::Feasible
    );
}

#[test]
fn row_22_that_nothing_fits_is_said_with_the_rules_that_take_part() {
    let document = |rules: Value, mem: u64| {
        let node = |name: &str| json!({ "name": name, "capacity": { "mem": 10 } });
        let guest = |sid: &str| json!({ "sid": sid, "size": { "mem": mem } });
        let document = json!({
            "task": "feasibility", "nodes": [node("n1"), node("n2")],
            "guests": [guest("a"), guest("b"), guest("c")], "rules": rules,
        });
        Problem::from_json(document.to_string().as_bytes()).unwrap()
    };
    let rules = json!([
        on("all", &["a", "b", "c"], &["n1"], true),
        on("none", &["a"], &["n2"], false),
        on("some", &["a"], &["n1", "n2"], true),
    ]);
    let answers = [4, 6].map(|mem| answer(&document(rules.clone(), mem)));
    assert_eq!(answers[0].conflict.rules, [0]);
    assert!(answers[0].conflict.minimal && !answers[0].conflict.contradiction);
    // Three times six is too much for two nodes whatever the rules.
    assert!(answers[1].conflict.minimal && answers[1].conflict.rules.is_empty());
    assert!(answers.iter().all(|a| a.verdict == Verdict::Infeasible));
}

#[test]
fn a_node_that_takes_no_guests_is_none() {
    let mut problem = problem(3, &["a", "b"], &json!([apart("apart", &["a", "b"])]));
    assert_eq!(answer(&problem).verdict, Verdict::Feasible);
    problem.nodes[1].maintenance = true;
    problem.nodes[2].online = false;
    assert_eq!(conflicting(&problem), ["apart"]);
}

#[test]
fn losses_that_the_rules_do_not_survive_are_named() {
    let guests = ["a", "b", "c", "d"];
    let rules = json!([
        apart("abc", &["a", "b", "c"]),
        on("d-on", &["d"], &["n1", "n2"], true),
        on("ab", &["a", "b"], &["n3", "n4", "n5"], true),
    ]);
    let problem = problem(5, &guests, &rules);
    let answer = answer(&problem);
    let losses: Vec<(Vec<usize>, Vec<usize>)> = answer
        .losses
        .iter()
        .map(|loss| (loss.failed.clone(), loss.conflict.rules.clone()))
        .collect();
    assert!(answer.all_losses && answer.verdict == Verdict::Feasible);
    // The numbers of the rules are those of their ids' order: ab, abc, d-on.
    let apart = |a: usize, b: usize| (vec![a, b], vec![0, 1]);
    assert_eq!(
        losses,
        [(vec![0, 1], vec![2]), apart(2, 3), apart(2, 4), apart(3, 4)]
    );
}

#[test]
fn guests_that_stay_where_they_are_bind_the_others() {
    let node = |name: &str| json!({ "name": name, "capacity": { "mem": 10 } });
    let document = json!({
        "task": "recover", "nodes": [node("n1"), node("n2")],
        "guests": [{ "sid": "a", "node": "n1" }, { "sid": "b", "node": "n2" }, { "sid": "c" }],
        "rules": [apart("ac", &["a", "c"]), together("bc", &["b", "c"]), apart("bc-apart", &["b", "c"])],
    });
    let problem = Problem::from_json(document.to_string().as_bytes()).unwrap();
    let instance = Instance::recovery(&problem, Bits::default(), Given::default());
    let found = conflict(&instance, &mut Budget::new(0, &|| false));
    assert_eq!(
        (found.rules.as_slice(), found.minimal),
        ([1, 2].as_slice(), true)
    );
    // Wherever they are, b and c cannot be kept together and apart.
    assert_eq!(answer(&problem).conflict.rules, [1, 2]);
}

#[test]
fn many_guests_and_rules_are_no_trouble() {
    let sids: Vec<String> = (0..20_000).map(|at| format!("vm:{at:05}")).collect();
    let guests: Vec<&str> = sids.iter().map(String::as_str).collect();
    let mut rules: Vec<Value> = (0..5_000)
        .map(|at| {
            let some = &guests[at * 4..][..4];
            match at % 3 {
                0 => apart(&format!("r{at:04}"), some),
                1 => together(&format!("r{at:04}"), some),
                _ => on(&format!("r{at:04}"), some, &["n1", "n2"], true),
            }
        })
        .collect();
    rules.push(apart("x1", &[guests[4], guests[6]]));
    let mut problem = problem(40, &guests, &json!(rules));
    problem.policy.failures = 1;
    problem
        .nodes
        .iter_mut()
        .for_each(|node| node.limit[1] = 1 << 40);
    assert_eq!(conflicting(&problem), ["r0001", "x1"]);
}
