//! What is told of what has happened.

use super::*;

#[test]
fn who_asks_the_first_time_gets_all_rows() {
    let mut engine = engine();
    update(&mut engine, "n1", NOW, &[("b", 4), ("a", 4)]);
    let first = changes(&mut engine, None);
    assert_eq!(first["full"], true);
    assert_eq!(changed(&first), ["a", "b"]);
    let again = changes(&mut engine, cursor(&first));
    assert_eq!(again["full"], false);
    assert_eq!(
        (&again["rows"], &again["removed"], &again["events"]),
        (&json!([]), &json!([]), &json!([]))
    );
    assert_eq!(cursor(&again), cursor(&first));
}

#[test]
fn a_cursor_of_another_engine_or_process_is_none() {
    let mut engine = engine();
    update(&mut engine, "n1", NOW, &[("a", 4)]);
    let known = changes(&mut engine, None);
    let known = cursor(&known).unwrap();
    let mut other = super::engine();
    update(&mut other, "n1", NOW, &[("a", 4)]);
    assert_eq!(changes(&mut other, Some(known))["full"], true);
    let forked = known.replacen(&format!("-{:x}-", std::process::id()), "-1-", 1);
    for wrong in [
        "",
        "x",
        "1-2-3-4",
        &forked,
        &format!("{known}-0"),
        &known[1..],
        "\0",
    ] {
        assert_eq!(changes(&mut engine, Some(wrong))["full"], true, "{wrong}");
    }
    assert_eq!(changes(&mut engine, Some(known))["full"], false);
}

#[test]
fn a_path_that_goes_and_comes() {
    let mut engine = engine();
    update(&mut engine, "n1", NOW, &[("a", 4), ("b", 4)]);
    update(&mut engine, "n2", NOW, &[("a", 4), ("b", 4)]);
    let known = changes(&mut engine, None);
    update(&mut engine, "n2", NOW + 60, &[("a", 3), ("b", 4)]);
    let down = changes(&mut engine, cursor(&known));
    assert_eq!(changed(&down), ["a"]);
    let since = NOW + 60;
    assert_eq!(
        down["events"],
        json!([
            { "wwid": "a", "node": "n2", "from": "optimal", "to": "degraded", "since": since, "flaps": 1 },
            { "wwid": "a", "from": "optimal", "to": "degraded", "reason": "broadcast", "since": since,
              "lasted": 60, "flaps": 1 },
        ])
    );
    update(&mut engine, "n2", NOW + 70, &[("a", 2), ("b", 4)]);
    let fewer = changes(&mut engine, cursor(&down));
    assert_eq!((changed(&fewer), &fewer["events"]), (vec!["a"], &json!([])));
    update(&mut engine, "n2", NOW + 90, &[("a", 4), ("b", 4)]);
    let up = changes(&mut engine, cursor(&fewer));
    assert_eq!(
        up["events"][0],
        json!({ "wwid": "a", "node": "n2", "from": "degraded", "to": "optimal", "since": NOW + 90,
                "lasted": 30, "flaps": 2 })
    );
    // An hour of rest, and it is not flapping any more.
    for minute in 1..62 {
        update(
            &mut engine,
            "n2",
            NOW + 90 + 60 * minute,
            &[("a", 4), ("b", 4)],
        );
    }
    update(&mut engine, "n2", NOW + 90 + 3720, &[("a", 0), ("b", 4)]);
    let down = changes(&mut engine, cursor(&up));
    let events = down["events"].as_array().unwrap();
    let on_node = events
        .iter()
        .find(|event| event["node"] == "n2" && event["wwid"] == "a");
    assert_eq!(on_node.unwrap()["flaps"], 1);
}

#[test]
fn a_node_that_goes_is_one_event() {
    let mut engine = engine();
    let wwids: Vec<String> = (0..100).map(|n| format!("w{n:03}")).collect();
    let maps: Vec<(&str, u32)> = wwids.iter().map(|wwid| (&**wwid, 4)).collect();
    for node in ["n1", "n2"] {
        update(&mut engine, node, NOW, &maps);
    }
    let known = changes(&mut engine, None);
    engine.set_members(members(&[("n1", true), ("n2", false)]));
    let gone = changes(&mut engine, cursor(&known));
    assert_eq!(changed(&gone).len(), 100);
    assert_eq!(
        gone["events"],
        json!([{ "node": "n2", "from": "live", "to": "offline", "reason": "membership", "since": NOW,
                 "lasted": 0, "flaps": 1 }])
    );
}

#[test]
fn a_broadcast_grows_stale_when_it_is_said_to() {
    let mut engine = engine();
    assert_eq!(engine.next_deadline(), None);
    update(&mut engine, "n1", NOW, &[("a", 4)]);
    update(&mut engine, "n2", NOW + 30, &[("a", 4)]);
    let deadline = engine.next_deadline().unwrap();
    assert!((deadline - (NOW + 180) as f64).abs() < 0.001, "{deadline}");
    engine.advance((NOW + 180) as f64).unwrap();
    let known = changes(&mut engine, None);
    assert_eq!(known["rows"][0]["coverage"], "2/2");
    engine.advance(deadline).unwrap();
    let stale = changes(&mut engine, cursor(&known));
    assert_eq!(stale["rows"][0]["nodes"]["n1"]["reason"], "stale");
    assert_eq!(stale["events"][0]["reason"], "time");
    let deadline = engine.next_deadline().unwrap();
    assert!((deadline - (NOW + 210) as f64).abs() < 0.001, "{deadline}");
    engine.advance(deadline).unwrap();
    assert_eq!(engine.next_deadline(), None);
}

#[test]
fn what_no_node_tells_of_any_more_is_removed() {
    let mut engine = engine();
    configure(&mut engine, json!({ "allow": ["a"] }));
    update(&mut engine, "n1", NOW, &[("a", 4), ("b", 4)]);
    let known = changes(&mut engine, None);
    update(&mut engine, "n1", NOW + 1, &[]);
    let gone = changes(&mut engine, cursor(&known));
    assert_eq!(
        (changed(&gone), &gone["removed"]),
        (vec!["a"], &json!(["b"]))
    );
    assert_eq!(gone["rows"][0]["cluster-state"], "missing");
    update(&mut engine, "n1", NOW + 2, &[("b", 4)]);
    let back = changes(&mut engine, cursor(&known));
    assert_eq!(
        (changed(&back), &back["removed"]),
        (vec!["a", "b"], &json!([]))
    );
    engine.remove_node("n1");
    let gone = changes(&mut engine, cursor(&back));
    assert_eq!(
        (changed(&gone), &gone["removed"]),
        (vec!["a"], &json!(["b"]))
    );
}

#[test]
fn a_new_name_is_a_change() {
    let mut engine = engine();
    update(&mut engine, "n1", NOW, &[("a", 4), ("b", 4)]);
    let known = changes(&mut engine, None);
    configure(&mut engine, json!({ "aliases": { "b": "tank" } }));
    let named = changes(&mut engine, cursor(&known));
    assert_eq!(changed(&named), ["b"]);
    configure(&mut engine, json!({ "aliases": { "b": "tank" } }));
    assert_eq!(changed(&changes(&mut engine, cursor(&named))), [""; 0]);
}

#[test]
fn a_time_that_is_none() {
    let mut engine = engine();
    update(&mut engine, "n1", NOW, &[("a", 4)]);
    for time in [f64::NAN, f64::INFINITY, -1.0, 9e15] {
        assert!(engine.advance(time).is_err());
        assert!(engine.update_node("n1", b"{}", time).is_err());
    }
    assert_eq!(
        changes(&mut engine, None)["rows"][0]["cluster-state"],
        "optimal"
    );
}
