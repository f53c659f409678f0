//! Nodes as a whole: one finding for each, whatever it has or should have.

use super::*;

/// `n1` with many LUNs, and another node of which something is wrong.
fn beside(name: &str, raw: Option<String>, mut options: Value) -> Vec<Finding> {
    let maps: serde_json::Map<String, Value> =
        (0..50).map(|lun| (format!("w{lun}"), map(4, 4))).collect();
    let allow: Vec<&String> = maps.keys().collect();
    options["allow"] = json!(allow);
    options["expected-nodes"] = json!(["n1", name]);
    let mut nodes = vec![("n1", broadcast(json!(maps)))];
    nodes.extend(raw.map(|raw| (name, raw)));
    let mut found = found(&nodes, options);
    found.retain(|one| one.code.name() != "coverage");
    found
}

fn sole(found: &[Finding]) -> (&str, Severity, &str, &str) {
    assert_eq!(found.len(), 1, "{found:#?}");
    let one = &found[0];
    assert_eq!(one.nodes.concat(), one.subject);
    (one.code.name(), one.severity, &one.subject, &one.sentence)
}

#[test]
fn a_node_that_is_offline_is_one_finding() {
    let members = json!({ "members": { "n1": { "online": 1 } } });
    assert_eq!(
        sole(&beside("n2", None, members)),
        (
            "node-offline",
            Severity::Info,
            "n2",
            "Node n2 is offline: nothing is known of its paths."
        )
    );
}

#[test]
fn a_node_that_is_silent_is_one_finding() {
    let sentence =
        "Node n2 is online and has not broadcast anything: see whether its broadcasts are set up.";
    assert_eq!(
        sole(&beside("n2", None, json!({}))),
        ("node-silent", Severity::Warning, "n2", sentence)
    );
}

#[test]
fn a_node_that_is_stale_is_one_finding() {
    let old = json!({ "maps": {}, "time": NOW - 600 }).to_string();
    let sentence = "Node n2 is online and its last broadcast is 10 minutes old: see why there are no newer ones.";
    assert_eq!(
        sole(&beside("n2", Some(old), json!({}))),
        ("node-stale", Severity::Error, "n2", sentence)
    );
    let timeless = json!({ "maps": {} }).to_string();
    let found = beside("n2", Some(timeless), json!({}));
    assert!(sole(&found).3.contains("has no time that is one"));
}

#[test]
fn a_broadcast_that_is_not_understood_is_one_finding() {
    let found = beside("n2", Some("rubbish\u{1b}".into()), json!({}));
    let (code, severity, subject, sentence) = sole(&found);
    assert_eq!(
        (code, severity, subject),
        ("node-malformed", Severity::Error, "n2")
    );
    assert!(
        sentence.starts_with("The broadcast of node n2 is not understood: "),
        "{sentence}"
    );
}

#[test]
fn maps_without_room_are_counted() {
    let cut = json!({ "maps": {}, "time": NOW, "truncated": 1200 }).to_string();
    let found = beside("n2", Some(cut), json!({}));
    let sentence =
        "The broadcast of node n2 had no room for 1,200 maps, of which nothing is known there.";
    assert_eq!(
        sole(&found),
        ("node-truncated", Severity::Warning, "n2", sentence)
    );
    assert_eq!(found[0].extent, 1200);
}

#[test]
fn a_clock_that_is_wrong_has_grown_when_it_has_doubled() {
    let ahead =
        |seconds: u64| json!({ "maps": { "w": map(4, 4) }, "time": NOW + seconds }).to_string();
    nothing(&[("n1", ahead(30))], json!({}));
    let finding = only(&[("n1", ahead(95))], json!({}));
    let sentence = "The clock of node n1 is 95 seconds ahead: set it by NTP.";
    assert_eq!(told(&finding), ["clock-skew", "n1", sentence]);
    assert_eq!(
        only(&[("n1", ahead(120))], json!({})).extent,
        finding.extent
    );
    assert!(only(&[("n1", ahead(190))], json!({})).extent > finding.extent);
}

#[test]
fn a_node_with_none_of_its_luns_is_one_finding() {
    let found = beside(
        "n2",
        Some(broadcast(json!({ "own": map(1, 1) }))),
        json!({}),
    );
    let (code, severity, subject, sentence) = sole(&found);
    assert_eq!(
        (code, severity, subject),
        ("node-without-luns", Severity::Error, "n2")
    );
    assert!(
        sentence.starts_with("Node n2 reports and has none of the 50 LUNs that it should have")
    );
    assert_eq!((found[0].extent, found[0].luns.len()), (50, 50));
    // With one of them it is the others that are missing.
    let found = beside("n2", Some(broadcast(json!({ "w7": map(4, 4) }))), json!({}));
    assert_eq!(found.len(), 49);
    assert!(found.iter().all(|one| one.code.name() == "lun-missing"));
}

#[test]
fn a_configuration_that_could_not_be_applied_is_told_in_the_nodes_words() {
    let apply = |said: Value| json!({ "apply": { "n1": said } });
    let nodes = [("n1", paths(4, 4))];
    let finding = only(
        &nodes,
        apply(json!({ "error": "multipathd\nis gone.", "time": 1_735_689_599 })),
    );
    let sentence = "Node n1 could not apply the configuration (2024-12-31 23:59:59 UTC): multipathd\\nis gone.";
    assert_eq!(told(&finding), ["apply-error", "n1", sentence]);
    assert_eq!(finding.severity, Severity::Error);
    let finding = only(&nodes, apply(json!({ "error": ["x"], "time": "soon" })));
    assert!(
        finding
            .sentence
            .ends_with("could not apply the configuration: [\"x\"].")
    );
    nothing(&nodes, apply(json!({ "error": "", "time": 5 })));
}
