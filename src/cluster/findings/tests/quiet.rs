//! LUNs of which some nodes, or all, say nothing of now.

use super::*;

fn old(active: u32, total: u32) -> String {
    json!({ "maps": { "w": map(active, total) }, "time": NOW - 600 }).to_string()
}

#[test]
fn one_of_four_nodes_reports() {
    let members = json!({ "n1": { "online": 1 }, "n2": { "online": 1 }, "n3": { "online": 1 } });
    let nodes = [
        ("n1", paths(4, 4)),
        ("n2", old(1, 4)),
        ("n3", "x".into()),
        ("n4", old(4, 4)),
    ];
    let found = found(&nodes, json!({ "members": members, "allow": ["w"] }));
    let finding = found
        .iter()
        .find(|one| one.code.name() == "coverage")
        .unwrap();
    assert_eq!(
        told(finding),
        [
            "coverage",
            "n2,n3,n4",
            "1 of 4 nodes reports on LUN w, all but n2 (stale), n3 (not understood) and n4 (offline)."
        ]
    );
    assert_eq!((finding.severity, finding.extent), (Severity::Info, 3));
    // The nodes are told, the LUN is not told again.
    let others = [
        ("node-malformed", "n3"),
        ("node-stale", "n2"),
        ("coverage", "n2,n3,n4"),
        ("node-offline", "n4"),
    ];
    assert_eq!(names(&found), others);
}

#[test]
fn luns_with_the_same_quiet_nodes_are_one_finding() {
    let maps = |luns: &[&str]| {
        let maps = luns.iter().map(|lun| (lun.to_string(), map(4, 4)));
        broadcast(Value::Object(maps.collect()))
    };
    let nodes = [
        ("n1", maps(&["a", "b", "c", "d"])),
        ("n2", maps(&["a", "b"])),
        ("n3", maps(&["a", "b", "c"])),
        ("n4", maps(&["c"])),
    ];
    let members = json!({ "n1": { "online": 1 }, "n2": { "online": 1 } });
    let found = found(&nodes, json!({ "members": members }));
    let coverage: Vec<&Finding> = found
        .iter()
        .filter(|one| one.code.name() == "coverage")
        .collect();
    assert_eq!(coverage.len(), 2, "{found:#?}");
    assert_eq!(
        (&*coverage[0].subject, &coverage[0].luns[..]),
        ("n3", &["a".to_string(), "b".into()][..])
    );
    assert_eq!(
        coverage[0].sentence,
        "Not all nodes report on 2 LUNs, on some only 2 of 3 nodes: nothing is known from n3 (offline)."
    );
    assert_eq!(
        (&*coverage[1].subject, &coverage[1].luns[..]),
        ("n3,n4", &["c".to_string()][..])
    );
}

#[test]
fn a_silent_node_has_nothing_and_that_is_known() {
    let options = json!({ "allow": ["w"], "expected-nodes": ["n1", "n2"] });
    let found = found(&[("n1", paths(4, 4))], options);
    assert_eq!(names(&found), [("node-silent", "n2")]);
}

#[test]
fn luns_of_nodes_that_are_all_away_are_unknown_together() {
    let maps = json!({ "v": map(4, 4), "w": map(4, 4) });
    let nodes = [("n1", broadcast(maps)), ("n2", broadcast(json!({})))];
    let found = found(&nodes, json!({ "members": { "n2": { "online": 1 } } }));
    assert_eq!(
        names(&found),
        [("lun-unknown", "n1"), ("node-offline", "n1")]
    );
    assert_eq!(found[0].luns, ["v", "w"]);
    let sentence = "Nothing is known of 2 LUNs, which are on no other nodes than n1 (offline).";
    assert_eq!(
        (&*found[0].sentence, found[0].severity),
        (sentence, Severity::Warning)
    );
}

#[test]
fn a_lun_that_nobody_knows_anything_of_stands_alone() {
    let finding = only::<&str>(&[], json!({ "allow": ["w"] }));
    assert_eq!(
        (finding.code.name(), &*finding.subject),
        ("lun-unknown", "w")
    );
    assert!(
        finding
            .sentence
            .contains("it is allow-listed, and no node has it"),
        "{finding:?}"
    );
    let says_so = broadcast(json!({ "w": { "state": "unknown" } }));
    let finding = only(&[("n1", says_so)], json!({}));
    assert_eq!(
        (finding.code.name(), &*finding.subject),
        ("lun-unknown", "w")
    );
    assert_eq!(finding.nodes, ["n1"]);
}
