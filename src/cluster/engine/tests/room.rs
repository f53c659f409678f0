//! Whatever is told, and for however long: what is kept is bounded.

use super::*;
use crate::cluster::matrix::Config;
use crate::limits;

#[test]
fn luns_that_come_and_go_take_no_room_for_good() {
    let mut engine = engine();
    update(&mut engine, "n1", NOW, &[("kept", 4)]);
    let known = changes(&mut engine, None);
    for round in 0..1000_u64 {
        let wwids: Vec<String> = (0..100).map(|n| format!("{round}-{n}")).collect();
        let maps = wwids.iter().map(|wwid| {
            let map = json!({ "state": "optimal", "transport": wwid, "size": (round + 1) << 40 });
            (wwid.clone(), map)
        });
        let maps: serde_json::Map<String, Value> = maps.collect();
        let raw = json!({ "maps": maps, "time": NOW }).to_string();
        engine
            .update_node("n2", raw.as_bytes(), NOW as f64)
            .unwrap();
    }
    assert!(engine.matrix().row_count() < 20_000);
    assert!(engine.matrix().value_count() < 20_000);
    // Too much has gone for anybody to know what.
    assert_eq!(changes(&mut engine, cursor(&known))["full"], true);
    engine.remove_node("n2");
    assert_eq!(changed(&changes(&mut engine, None)), ["kept"]);
}

#[test]
fn nodes_that_come_and_go_take_no_room_for_good() {
    let mut engine = engine();
    for round in 0..10 * limits::CLUSTER_NODES as u64 {
        let name = format!("n{round}");
        update(&mut engine, &name, NOW, &[("a", 4)]);
        engine.remove_node(&name);
    }
    assert!(engine.matrix().column_count() < 200);
}

#[test]
fn so_many_events_are_kept() {
    let mut engine = engine();
    let known = changes(&mut engine, None);
    let rounds = limits::CLUSTER_EVENTS as u64;
    for round in 0..rounds {
        update(
            &mut engine,
            "n1",
            NOW + round,
            &[("a", 4 * (round % 2) as u32)],
        );
    }
    let all = changes(&mut engine, cursor(&known));
    let kept = all["events"].as_array().unwrap().len();
    assert_eq!(kept, limits::CLUSTER_EVENTS);
    // The node came; each time the LUN changed, there and in the cluster, the first time only there.
    assert_eq!(all["passed-over"], 1 + 2 * rounds - 1 - kept as u64);
    assert_eq!(changed(&all), ["a"]);
}

#[test]
fn what_comes_at_once_does_not_drown_the_rest() {
    let mut engine = engine();
    let many = 10 * limits::CLUSTER_EVENTS_AT_ONCE;
    let wwids: Vec<String> = (0..many).map(|n| format!("w{n}")).collect();
    let maps = |active| {
        wwids
            .iter()
            .map(|wwid| (&**wwid, active))
            .collect::<Vec<_>>()
    };
    update(&mut engine, "n1", NOW, &maps(4));
    let known = changes(&mut engine, None);
    update(&mut engine, "n1", NOW + 1, &maps(3));
    let all = changes(&mut engine, cursor(&known));
    assert_eq!(changed(&all).len(), many);
    let told = all["events"].as_array().unwrap().len();
    assert_eq!(told, 2 * limits::CLUSTER_EVENTS_AT_ONCE);
    assert_eq!(all["passed-over"], 2 * many - told);
}

#[test]
fn too_many_nodes_are_an_error_and_harm_nobody() {
    let mut engine = engine();
    for node in 0..limits::CLUSTER_NODES {
        engine
            .update_node(&node.to_string(), b"{\"maps\":{}}", NOW as f64)
            .unwrap();
    }
    assert!(
        engine
            .update_node("more", b"{\"maps\":{}}", NOW as f64)
            .is_err()
    );
    assert!(engine.update_map("more", "w", None, NOW as f64).is_err());
    update(&mut engine, "7", NOW, &[("a", 4)]);
    assert_eq!(changed(&changes(&mut engine, None)), ["a"]);
}

#[test]
fn a_configuration_that_is_too_large_is_an_error_and_harms_nobody() {
    let mut engine = engine();
    update(&mut engine, "n1", NOW, &[("a", 4)]);
    configure(
        &mut engine,
        json!({ "allow": ["b"], "expected-nodes": ["n1"] }),
    );
    let known = changes(&mut engine, None);
    let too_many = 0..=limits::CLUSTER_LUNS;
    let config = Config {
        allow: too_many.map(|n| n.to_string()).collect(),
        ..Config::default()
    };
    assert!(engine.set_config(config).is_err());
    // Whoever uses all rows finds only those of before, and there is room as before.
    engine.set_members(members(&[("n1", false)]));
    engine.set_members(members(&[("n1", true)]));
    update(&mut engine, "n1", NOW + 1, &[("a", 4), ("c", 4)]);
    let now = changes(&mut engine, cursor(&known));
    assert_eq!(changed(&now), ["a", "b", "c"]);
    assert_eq!(now["rows"][1]["cluster-state"], "missing");
}
