//! What is wrong with the entries of a node, and nodes with fewer paths than others.

use super::*;

#[test]
fn one_path_beside_four_is_reduced_redundancy() {
    let nodes = [("n1", paths(1, 1)), ("n2", paths(4, 4))];
    let finding = only(&nodes, json!({}));
    assert_eq!(
        told(&finding),
        [
            "reduced-redundancy",
            "n1",
            "Node n1 has fewer paths than other nodes to LUN w: 1 instead of 4. All paths that it knows count: see \
          which ones it has lost or never had."
        ]
    );
    let Finding {
        extent,
        luns,
        nodes,
        severity,
        ..
    } = finding;
    assert_eq!(
        (extent, luns, nodes),
        (3, vec!["w".into()], vec!["n1".into()])
    );
    assert_eq!(severity, Severity::Warning);
}

#[test]
fn a_node_with_fewer_paths_to_many_luns_is_one_finding() {
    let maps = |total: u32| {
        let maps = (0..30).map(|lun| (format!("w{lun:02}"), map(total, total)));
        broadcast(Value::Object(maps.collect()))
    };
    let nodes = [("n1", maps(4)), ("n2", maps(2)), ("n3", maps(4))];
    let finding = only(&nodes, json!({}));
    assert_eq!(
        (&*finding.subject, finding.luns.len(), finding.extent),
        ("n2", 30, 60)
    );
    assert!(
        finding
            .sentence
            .contains("to 30 LUNs, such as 2 instead of 4 to LUN w00")
    );
}

#[test]
fn the_usual_number_of_paths_is_what_counts() {
    // One node with more than all others makes none of them poor.
    nothing(
        &[
            ("n1", paths(4, 4)),
            ("n2", paths(8, 8)),
            ("n3", paths(4, 4)),
        ],
        json!({}),
    );
    // Of equally many the larger.
    assert_eq!(
        only(&[("n1", paths(2, 2)), ("n2", paths(4, 4))], json!({})).subject,
        "n1"
    );
    // A single path is none too many, even if most have no other.
    let nodes = [
        ("n1", paths(1, 1)),
        ("n2", paths(1, 1)),
        ("n3", paths(2, 2)),
    ];
    let found = found(&nodes, json!({}));
    assert_eq!(
        names(&found),
        [("reduced-redundancy", "n1"), ("reduced-redundancy", "n2")]
    );
}

#[test]
fn what_cannot_be_compared_is_not() {
    let by = |transport: &str, total: u32| {
        broadcast(json!({ "w": with(map(total, total), "transport", transport) }))
    };
    nothing(&[("n1", by("fc", 4)), ("n2", by("iscsi", 2))], json!({}));
    assert_eq!(
        only(&[("n1", by("fc", 4)), ("n2", by("iscsi", 1))], json!({})).subject,
        "n2"
    );
    // How n2 reaches it is not known.
    assert_eq!(
        only(&[("n1", by("fc", 4)), ("n2", paths(2, 2))], json!({})).subject,
        "n2"
    );
    // Numbers that are not known are not small.
    let unknown = broadcast(json!({ "w": { "state": "optimal" } }));
    nothing(&[("n1", paths(4, 4)), ("n2", unknown)], json!({}));
    // What is degraded and would have all its paths is degraded only.
    let found = found(&[("n1", paths(4, 4)), ("n2", paths(2, 4))], json!({}));
    assert_eq!(names(&found), [("lun-degraded", "w")]);
}

#[test]
fn odd_entries_are_one_finding_for_each_node_and_code() {
    let maps = json!({
        "a": 7, "b": [], "c": null,
        "d": { "state": "splendid" }, "e": {},
        "f": { "state": "optimal", "paths-active": 5, "paths-total": 4 },
        "g": { "state": "optimal", "paths-active": 3, "paths-total": 4 },
        "h": with(map(4, 4), "flags", json!(["marginal"])),
    });
    let found = found(&[("n1", broadcast(maps))], json!({}));
    let all: Vec<(&str, u64, String)> = found
        .iter()
        .map(|one| (one.code.name(), one.extent, one.luns.concat()))
        .collect();
    let expected = [
        ("impossible-counts", 1, "f"),
        ("lun-degraded", 1, "g"),
        ("malformed-entry", 3, "abc"),
        ("marginal", 1, "h"),
        ("unrecognized-state", 2, "de"),
        ("state-disagrees", 1, "g"),
    ];
    assert_eq!(
        all,
        expected.map(|(code, extent, luns)| (code, extent, luns.to_string()))
    );
    let sentence = "What node n1 has broadcast of LUN a and 2 others is no map: nothing is known of \
                    it there.";
    assert_eq!(found[2].sentence, sentence);
}
