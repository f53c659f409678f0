//! Names that collide.

use super::*;

#[test]
fn one_alias_for_two_luns() {
    let maps = json!({ "u": map(4, 4), "v": map(4, 4), "w": map(4, 4) });
    let nodes = [("n1", broadcast(maps))];
    let finding = only(
        &nodes,
        json!({ "aliases": { "w": "tank", "v": "tank", "u": "pool" } }),
    );
    assert_eq!(
        told(&finding),
        [
            "duplicate-alias",
            "tank",
            "The alias tank is given to 2 LUNs: v and w. Give each its own."
        ]
    );
    assert_eq!(
        (finding.extent, &finding.luns[..]),
        (2, &["v".to_string(), "w".into()][..])
    );
    nothing(
        &nodes,
        json!({ "aliases": { "w": "", "v": "", "u": null, "x": null } }),
    );
}

#[test]
fn wwids_that_differ_in_case_only() {
    let maps = json!({ "36A0": map(4, 4), "36b0": map(4, 4) });
    let nodes = [("n1", broadcast(maps))];
    nothing(&nodes, json!({}));
    let options = json!({ "allow": ["36a0", "36b0"], "expected-nodes": ["n1"] });
    let found = found(&nodes, options);
    assert_eq!(
        names(&found),
        [("lun-missing", "36a0"), ("identity-conflict", "36a0")]
    );
    assert_eq!(found[1].luns, ["36A0", "36a0"]);
    assert!(
        found[1]
            .sentence
            .starts_with("The WWIDs 36A0 and 36a0 differ in nothing but case")
    );
    // Neither needs to be all small.
    let maps = json!({ "36Ab": map(4, 4), "36aB": map(4, 4) });
    let finding = only(&[("n1", broadcast(maps))], json!({}));
    assert_eq!(
        (finding.code.name(), &*finding.subject),
        ("identity-conflict", "36ab")
    );
}
