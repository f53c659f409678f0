//! Answers of all kinds, and what people, browsers and documents see of them.

use std::collections::BTreeMap;

use anstream::adapter::strip_str;
use pve_native_core::placement::answer::{Answer, Load, Move, Remedy, Status, Survival};
use pve_native_core::placement::instance::{Code, Reason, Value};
use pve_native_core::placement::problem::{Problem, Task};

use super::report::{Report, is_good};
use crate::human::{self, Symbols};
use crate::{html, svg};

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// Three nodes, four guests, two rules.
fn problem(task: Task) -> Problem {
    let text = r#"{ "task": "recover",
        "nodes": [ { "name": "n1", "capacity": { "cpu": 8, "mem": 34359738368 } },
                   { "name": "n2", "capacity": { "cpu": 8, "mem": 34359738368 } },
                   { "name": "n3", "capacity": { "cpu": 8, "mem": 34359738368 } } ],
        "guests": [ { "sid": "vm:1", "node": "n1", "size": { "cpu": 1.5, "mem": 17179869184 } },
                    { "sid": "vm:2", "node": "n1", "size": { "cpu": 4, "mem": 25769803776 } },
                    { "sid": "vm:3", "node": "n2", "size": { "cpu": 4, "mem": 8589934592 } },
                    { "sid": "vm:4", "size": { "cpu": 2, "mem": 1073741824 } } ],
        "rules": [ { "id": "apart", "type": "resource-affinity", "sids": ["vm:1", "vm:2", "vm:3"],
                     "affinity": "negative" },
                   { "id": "home", "type": "node-affinity", "sids": ["vm:1", "vm:2"], "nodes": { "n2": 1 },
                     "strict": true } ],
        "policy": { "soft-limit": { "mem": 0.5 }, "relax": ["hard-limit", "rule:home"] } }"#;
    let mut problem = Problem::from_json(text.as_bytes()).unwrap();
    problem.task = task;
    problem
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

fn shown(task: Task, answer: &Answer) -> String {
    let report = Report::new(&problem(task), answer, true);
    strip_str(&human::placement::report(&report, 80, &Symbols::unicode())).to_string()
}

fn reason(code: Code, need: Option<Value>, have: Option<Value>) -> Reason {
    Reason {
        resource: Some("mem".into()),
        need,
        have,
        rule: Some("apart".into()),
        ..Reason::plain(code)
    }
}

#[test]
fn a_placement_is_told_with_what_could_not_be_placed_and_what_was_given_up() {
    let mut answer = Answer::new(Status::Infeasible);
    answer.placements = [("vm:1".to_string(), "n2".to_string())].into();
    answer.unplaced = strings(&["vm:2"]);
    answer.relaxed = strings(&["hard-limit", "rule:home"]);
    let number = |value: f64| Some(Value::Number(value * GIB));
    let reasons = [
        ("n1", reason(Code::Failed, None, None)),
        ("n2", reason(Code::Capacity, number(24.0), number(8.0))),
        ("n3", reason(Code::Capacity, number(24.0), number(8.0))),
    ];
    let reasons = reasons.map(|(node, reason)| (node.to_string(), reason));
    answer.why.insert("vm:2".into(), reasons.into());
    answer.no_data.insert("vm:1".into(), strings(&["mem"]));
    answer.elapsed = Some(0.0042);
    let load = |before: f64, after: f64| Load {
        before: before * GIB,
        after: after * GIB,
        limit: 32.0 * GIB,
    };
    let loads = |load| BTreeMap::from([("mem".to_string(), load)]);
    answer.loads.insert("n2".into(), loads(load(8.0, 24.0)));
    answer.loads.insert("n3".into(), loads(load(0.0, 33.0)));
    let expected = "\
✗ infeasible: 1 of 2 guests has no node
· note: it is proved that nothing keeps everything
⚠ warning: given up: nodes were filled over their hard limit, up to capacity and overcommit
⚠ warning: given up: the rule home was not kept
⚠ warning: no data of mem for vm:1: the configured size stands in
· note: it took 4.2 ms

Guests that get a node
GUEST  CPU  MEMORY  FROM  TO
vm:1   1.5  16 GiB  n1    n2

Guests without a node
GUEST  NODE    WHY NOT
vm:2   n2, n3  needs 24 GiB of memory, 8 GiB left
       n1      has failed

Load: mem
NODE  BEFORE          AFTER
n2    ███▌··········  ██████████▌···  25.0 % →  75.0 %  8 GiB → 24 GiB of 32 GiB  over its soft limit
n3    ··············  █████████████▶   0.0 % → 103.1 %    0 B → 33 GiB of 32 GiB  over its limit
";
    assert_eq!(shown(Task::Recover, &answer), expected);
    assert!(!is_good(&problem(Task::Recover), &answer));
}

#[test]
fn moves_are_told_by_step_with_how_good_they_are() {
    let mut answer = Answer::new(Status::Feasible);
    let step = |sid: &str, bytes, step| Move {
        sid: sid.into(),
        from: "n1".into(),
        to: "n3".into(),
        bytes,
        step,
    };
    answer.moves = vec![step("vm:1", 0, 1), step("vm:2", 5 << 30, 2)];
    answer.rate(2.0, 1.0);
    let expected = "\
✓ feasible: 2 moves in 2 steps, 5 GiB to copy
· note: moves: 2, none can be under 1 (a gap of 50.0 %); a better answer is not ruled out

Moves
STEP  GUEST  FROM  TO  TO COPY
1     vm:1   n1    n3  0 B
2     vm:2   n1    n3  5 GiB
";
    assert_eq!(shown(Task::Rebalance, &answer), expected);
    answer.status = Status::Optimal;
    answer.rate(2.0, 2.0);
    let text = shown(Task::Rebalance, &answer);
    let note = "\n· note: moves: 2; it is proved that no answer is better\n";
    assert!(text.contains(note), "{text}");
    answer.moves.clear();
    let text = shown(Task::Pack, &answer);
    assert!(
        text.starts_with("✓ optimal: no guest is to move\n"),
        "{text}"
    );
}

#[test]
fn cases_that_are_not_survived_come_first_and_the_others_are_counted() {
    let mut answer = Answer::new(Status::Infeasible);
    let case = |failed: &[&str], ok, lost: &[&str], remedy| Survival {
        failed: strings(failed),
        ok,
        lost: strings(lost),
        remedy,
        ..Survival::default()
    };
    let remedy = |resource: Option<&str>, amount, node: Option<&str>, rule: Option<&str>| {
        Some(Remedy {
            resource: resource.map(String::from),
            amount,
            node: node.map(String::from),
            rule: rule.map(String::from),
            ..Remedy::default()
        })
    };
    let memory = remedy(Some("mem"), Some(8.0 * GIB), Some("n2"), None);
    let rule = remedy(Some("cpu"), Some(1.0), None, Some("apart"));
    answer.survives = vec![
        case(&["n1"], Some(true), &[], None),
        case(&["n1", "n3"], None, &[], None),
        case(&["n2"], Some(false), &["vm:3"], memory),
        case(&["n2", "n3"], Some(false), &["vm:2", "vm:3"], rule),
    ];
    let expected = "\
✗ not survived: 2 of 4 cases are not survived; of 1 it is not known

Cases that are not survived
FAILED  GUESTS LOST  LOST        WHAT WOULD HELP
n2      1            vm:3        8 GiB of memory more on n2
n2, n3  2            vm:2, vm:3  1 core more, or without the rule apart
n1, n3  not known
";
    assert_eq!(shown(Task::WhatIf, &answer), expected);
    answer.survives.truncate(1);
    answer.status = Status::Optimal;
    let text = shown(Task::WhatIf, &answer);
    assert_eq!(text, "✓ survived: the case is survived\n");
    answer.survives.push(case(&["n1"], None, &[], None));
    let text = shown(Task::WhatIf, &answer);
    let expected = "✗ unknown: 1 of 2 cases are survived; of 1 it is not known\n";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn rules_in_conflict_are_told_with_what_they_say() {
    let mut answer = Answer::new(Status::Infeasible);
    answer.conflict = strings(&["apart", "home"]);
    let expected = "\
✗ infeasible: 2 rules cannot be kept together

Rules that cannot be kept
RULE   WHAT IT SAYS
apart  vm:1, vm:2, vm:3: on different nodes
home   vm:1, vm:2: only on n2
";
    assert_eq!(shown(Task::Feasibility, &answer), expected);
    let mut fine = Answer::new(Status::Optimal);
    let text = shown(Task::Feasibility, &fine);
    assert_eq!(text, "✓ optimal: all rules can be kept together\n");
    fine.survives.push(Survival {
        failed: strings(&["n2"]),
        ok: Some(false),
        lost: strings(&["vm:1"]),
        ..Survival::default()
    });
    let expected = "\
✓ optimal: all rules can be kept together, but not after each loss of nodes

Losses after which the rules cannot be kept
FAILED  GUESTS LOST  LOST  WHAT WOULD HELP
n2      1            vm:1
";
    assert_eq!(shown(Task::Feasibility, &fine), expected);
}

#[test]
fn every_reason_has_a_sentence() {
    let number = |value: f64| Some(Value::Number(value));
    let named = |text: &str| Some(Value::Name(text.into()));
    for &code in Code::ALL {
        for (need, have) in [
            (None, None),
            (number(4.0), number(1.0)),
            (named("\u{1b}[2J"), None),
            (None, named("\u{1b}[2J")),
            (None, number(0.5)),
        ] {
            let text = super::words::reason(&reason(code, need, have));
            assert!(!text.is_empty() && !text.contains('\u{1b}'), "{text}");
        }
    }
    let text = |code, need, have| super::words::reason(&reason(code, need, have));
    let expected = "the rule apart keeps it apart from vm:9, which is there";
    assert_eq!(text(Code::NegativeAffinity, None, named("vm:9")), expected);
    let expected = "has only 4 of the 8 cores that the guest has";
    assert_eq!(text(Code::Cores, number(8.0), number(4.0)), expected);
}

#[test]
fn large_answers_are_cut_and_say_so() {
    let mut answer = Answer::new(Status::Infeasible);
    let nodes = (0..1500).map(|node| format!("node{node:04}"));
    for node in nodes {
        let load = |limit| Load {
            before: 0.0,
            after: limit / 2.0,
            limit,
        };
        let loads = [("cpu", 64.0), ("mem", 64.0 * GIB)];
        let loads = loads.map(|(name, limit)| (name.to_string(), load(limit)));
        answer.loads.insert(node, loads.into());
    }
    answer.unplaced = (0..10_000).map(|guest| format!("vm:{guest}")).collect();
    let text = shown(Task::Place, &answer);
    assert!(
        text.contains("\nand 9800 more, all in --output json\n"),
        "{text}"
    );
    assert_eq!(text.matches("and 1300 nodes less full").count(), 2);
    let report = Report::new(&problem(Task::Place), &answer, false);
    let page = html::placement(&report);
    assert!(page.contains("<p>And 5000 more.</p>"));
    let drawing = svg::loads::drawing(&report);
    assert!(drawing.contains("1300 more nodes are not drawn") && drawing.len() < 1 << 20);
}
