//! What a node says must not take the room of the others.

use super::*;
use crate::limits;

fn many(maps: usize, prefix: &str) -> String {
    let maps: Vec<String> = (0..maps)
        .map(|map| format!("\"{prefix}{map}\":0"))
        .collect();
    format!("{{\"maps\":{{{}}},\"time\":{NOW}}}", maps.join(","))
}

#[test]
fn a_node_with_more_maps_than_there_can_be_is_malformed() {
    let good = || paths("optimal", 4, 4);
    let most = limits::BROADCAST_MAPS;
    for (maps, standing) in [(most, "live"), (most + 1, "malformed")] {
        let nodes = [("n0", many(maps, "")), ("n1", good()), ("n2", good())];
        let answer = answer(&nodes, json!({ "allow": ["w"] }));
        assert_eq!(answer["nodes"]["n0"]["status"], standing);
        assert_eq!(cell(&answer, "w", "n1"), &optimal(4));
        assert_eq!(cell(&answer, "w", "n2"), &optimal(4));
    }
}

#[test]
fn names_of_broadcasts_that_are_refused_take_no_room() {
    let cut = many(5000, "x");
    let nodes = [
        ("n1", paths("optimal", 4, 4)),
        ("n2", cut[..cut.len() - 2].to_owned()),
        (
            "n3",
            broadcast(json!({ "x0": { "state": "optimal" }, "w": { "state": "optimal" } })),
        ),
    ];
    let answer = answer(&nodes, json!({}));
    let wwids: Vec<&str> = answer["luns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["wwid"].as_str().unwrap())
        .collect();
    assert_eq!(wwids, ["w", "x0"]);
    assert_eq!(row(&answer, "w")["coverage"], "2/2");
}
