//! What is found and what is not, one test for each code and its counter-examples.

#[path = "tests/causes.rs"]
mod causes;
#[path = "tests/entries.rs"]
mod entries;
#[path = "tests/limits.rs"]
mod limits;
#[path = "tests/luns.rs"]
mod luns;
#[path = "tests/names.rs"]
mod names;
#[path = "tests/nodes.rs"]
mod nodes;
#[path = "tests/quiet.rs"]
mod quiet;

use serde_json::{Value, json};

use super::Finding;
use crate::cluster::status::{Options, status};
use crate::severity::Severity;

const NOW: u64 = 1_800_000_000;

/// The findings of broadcasts, with further options.
fn found<T: AsRef<[u8]>>(nodes: &[(&str, T)], options: Value) -> Vec<Finding> {
    let nodes: Vec<(&str, &[u8])> = nodes
        .iter()
        .map(|(name, raw)| (*name, raw.as_ref()))
        .collect();
    let mut all = json!({ "now": NOW });
    for (key, value) in options.as_object().unwrap() {
        all[key] = value.clone();
    }
    let options = Options::of_text(all.to_string().as_bytes()).unwrap();
    let findings = status(&nodes, &options).unwrap().findings().unwrap();
    // What holds of all findings.
    let order = |one: &Finding| {
        let severity = std::cmp::Reverse(one.severity);
        (severity, one.code.name(), one.subject.clone())
    };
    for pair in findings.windows(2) {
        assert!(order(&pair[0]) < order(&pair[1]), "{pair:?}");
    }
    for one in &findings {
        assert!(one.sentence.ends_with('.'), "{one:?}");
        assert!(one.extent > 0 || one.code == super::Code::ClockSkew);
        assert!(one.luns.is_sorted() && one.nodes.is_sorted(), "{one:?}");
    }
    findings
}

/// The codes and subjects of findings.
fn names(findings: &[Finding]) -> Vec<(&str, &str)> {
    let all = findings.iter();
    all.map(|one| (one.code.name(), &*one.subject)).collect()
}

/// The one finding that there is.
fn only<T: AsRef<[u8]>>(nodes: &[(&str, T)], options: Value) -> Finding {
    let found = found(nodes, options);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.into_iter().next().unwrap()
}

/// That there is nothing to say.
fn nothing<T: AsRef<[u8]>>(nodes: &[(&str, T)], options: Value) {
    let found = found(nodes, options);
    assert!(found.is_empty(), "{found:#?}");
}

/// Code, subject and sentence.
fn told(finding: &Finding) -> [&str; 3] {
    [finding.code.name(), &finding.subject, &finding.sentence]
}

/// A broadcast of now with these maps.
fn broadcast(maps: Value) -> String {
    json!({ "maps": maps, "time": NOW }).to_string()
}

/// A map with these numbers of paths.
fn map(active: u32, total: u32) -> Value {
    let state = match active {
        0 => "failed",
        _ if active < total => "degraded",
        _ => "optimal",
    };
    json!({ "state": state, "paths-active": active, "paths-total": total })
}

/// The same with a further key.
fn with(mut map: Value, key: &str, value: impl Into<Value>) -> Value {
    map[key] = value.into();
    map
}

/// The broadcast of a node that has the LUN `w` with these numbers of paths.
fn paths(active: u32, total: u32) -> String {
    broadcast(json!({ "w": map(active, total) }))
}

#[test]
fn where_all_is_well_there_is_nothing_to_say() {
    nothing::<&str>(&[], json!({}));
    let full = json!({
        "v": with(with(map(4, 4), "size", 1u64 << 40), "transport", "fc"),
        "w": with(with(map(2, 2), "flags", json!([])), "transport", "iscsi"),
    });
    let nodes = [
        ("n1", broadcast(full.clone())),
        ("n2", broadcast(full.clone())),
        ("n3", broadcast(full)),
        // A disk of its own.
        ("n4", broadcast(json!({ "sas": map(1, 1) }))),
    ];
    let members = json!({ "n1": { "online": 1 }, "n2": { "online": 1 }, "n3": { "online": 1 },
                          "n4": { "online": 1 } });
    nothing(
        &nodes,
        json!({ "allow": ["v", "w"], "aliases": { "v": "tank", "w": "pool" },
                "expected-nodes": ["n1", "n2", "n3"], "members": members }),
    );
    nothing(&nodes, json!({}));
}

#[test]
fn compat_mode_has_findings_of_nodes_only() {
    let nodes = [("n1", paths(1, 4)), ("n2", "x".into()), ("n3", "y".into())];
    let members = json!({ "n1": { "online": 1 }, "n2": { "online": 1 } });
    let options = json!({ "mode": "compat", "allow": ["w", "v"], "members": members,
                          "apply": { "n1": { "error": "no" } } });
    let found = found(&nodes, options);
    assert_eq!(
        names(&found),
        [("apply-error", "n1"), ("node-malformed", "n2")]
    );
}

#[test]
fn findings_are_written_with_their_keys() {
    let nodes = [("n1", paths(3, 4)), ("n2", paths(4, 4))];
    let finding = only(&nodes, json!({}));
    let text = serde_json::to_string(&finding).unwrap();
    let written = r#"{"code":"lun-degraded","severity":"warning","subject":"w","sentence":"LUN w has lost paths on n1 (3 of 4 paths).","luns":["w"],"nodes":["n1"]}"#;
    assert_eq!(text, written);
}

#[test]
fn the_worst_comes_first() {
    let nodes = [
        ("n1", broadcast(json!({ "v": map(3, 4), "w": map(0, 4) }))),
        ("n2", broadcast(json!({ "v": map(4, 4), "w": map(4, 4) }))),
    ];
    let members = json!({ "n1": { "online": 1 }, "n2": { "online": 1 }, "n3": {} });
    let options = json!({ "members": members, "expected-nodes": ["n1", "n2", "n3"] });
    let found = found(&nodes, options);
    let severities: Vec<Severity> = found.iter().map(|one| one.severity).collect();
    let expected = [Severity::Error, Severity::Warning, Severity::Info];
    assert_eq!(severities, expected, "{found:#?}");
}

#[test]
fn codes_are_in_the_order_of_their_names() {
    let names: Vec<&str> = super::Code::ALL.iter().map(|code| code.name()).collect();
    assert!(names.is_sorted(), "{names:?}");
}
