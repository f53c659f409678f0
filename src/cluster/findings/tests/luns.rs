//! Single LUNs: failed, degraded, missing, suspended, of different sizes.

use super::*;

#[test]
fn io_without_paths_fails_waits_or_is_not_known_to() {
    let failed = |flags: Value| broadcast(json!({ "w": with(map(0, 4), "flags", flags) }));
    let nodes = [
        ("n1", failed(json!([]))),
        ("n2", failed(json!(["queueing"]))),
        ("n3", paths(0, 4)),
        ("n4", failed(json!(["queueing"]))),
        ("n5", paths(4, 4)),
    ];
    let found = found(&nodes, json!({}));
    let sentences: Vec<[&str; 3]> = found.iter().map(told).collect();
    assert_eq!(
        sentences,
        [
            [
                "lun-failed",
                "w",
                "LUN w has no path left on n3: I/O to it fails or waits there, which of them is not known."
            ],
            [
                "lun-failed-erroring",
                "w",
                "LUN w has no path left on n1: I/O to it fails there."
            ],
            [
                "lun-failed-queueing",
                "w",
                "LUN w has no path left on n2 and n4: I/O to it waits there, and whoever waits \
              cannot be ended, until a path comes back or queueing is switched off."
            ],
        ]
    );
    assert_eq!(
        (found[2].extent, &found[2].nodes[..]),
        (2, &["n2".to_string(), "n4".into()][..])
    );
    assert!(found.iter().all(|one| one.severity == Severity::Error));
}

#[test]
fn a_map_without_any_path_is_failed() {
    let finding = only(&[("n1", paths(0, 0))], json!({}));
    assert_eq!(finding.code.name(), "lun-failed");
}

#[test]
fn a_degraded_lun_says_where_and_how_many_paths_are_left() {
    let nodes = [
        ("n1", paths(3, 4)),
        ("n2", paths(4, 4)),
        ("n3", paths(1, 4)),
        ("n4", broadcast(json!({ "w": { "state": "degraded" } }))),
    ];
    let finding = only(&nodes, json!({ "aliases": { "w": "tank" } }));
    let sentence = "LUN tank (w) has lost paths on n1 (3 of 4 paths), n3 (1 of 4 paths) and n4.";
    assert_eq!(told(&finding), ["lun-degraded", "w", sentence]);
    assert_eq!(finding.extent, 1 + 3 + 1);
}

#[test]
fn a_lun_is_missing_where_it_should_be_and_is_not() {
    let nodes = [
        ("n1", broadcast(json!({ "v": map(4, 4), "w": map(4, 4) }))),
        ("n2", broadcast(json!({ "v": map(4, 4) }))),
        ("n3", broadcast(json!({}))),
    ];
    let options = json!({ "allow": ["v", "w"], "expected-nodes": ["n1", "n2"] });
    let finding = only(&nodes, options);
    assert_eq!(
        told(&finding),
        [
            "lun-missing",
            "w",
            "LUN w is missing on n2, and 1 other node has it. See whether the storage \
          shows it there, and whether multipathd may use it."
        ]
    );
    let finding = only(&nodes[1..2], json!({ "allow": ["v", "w"] }));
    assert!(finding.sentence.contains("and no other node has it"));
}

#[test]
fn a_suspended_map_is_told_and_its_lun_is_not_unknown_besides() {
    let suspended = json!({ "w": { "state": "unknown", "flags": ["suspended"] } });
    let finding = only(&[("n1", broadcast(suspended))], json!({}));
    assert_eq!(
        (finding.code.name(), finding.severity),
        ("suspended", Severity::Warning)
    );
    assert!(
        finding
            .sentence
            .starts_with("LUN w is suspended on n1: I/O to it waits there")
    );
}

#[test]
fn nodes_that_see_different_sizes_are_named_with_them() {
    let of = |size: u64| broadcast(json!({ "w": with(map(4, 4), "size", size) }));
    let nodes = [
        ("n1", of(1 << 40)),
        ("n2", of(2 << 40)),
        ("n3", of(1 << 40)),
        ("n4", paths(4, 4)),
    ];
    let finding = only(&nodes, json!({}));
    assert_eq!(
        told(&finding),
        [
            "size-mismatch",
            "w",
            "LUN w has different sizes: 1 TiB on n1 and n3 and 2 TiB on n2. Have all nodes \
          see the same one before anything on it grows."
        ]
    );
    assert_eq!((finding.extent, finding.nodes.len()), (1, 3));
    // A size that is not known is no other size, and that of a node which is away does not count.
    nothing(&[&nodes[0], &nodes[3]].map(Clone::clone), json!({}));
    let members =
        json!({ "n1": { "online": 1 }, "n2": {}, "n3": { "online": 1 }, "n4": { "online": 1 } });
    let found = found(&nodes, json!({ "members": members }));
    assert_eq!(names(&found), [("coverage", "n2"), ("node-offline", "n2")]);
}
