//! The corners in which the answer differs from that of compat mode, as far as they are about time.

use serde_json::{Value, json};

use super::*;
use crate::cluster::matrix::{Matrix, Mode, Receipt, Times};

fn at(time: Value) -> Value {
    let raw = json!({ "maps": { "w": { "state": "optimal" } }, "time": time }).to_string();
    answer(&[("n1", raw)], json!({ "allow": ["w"] }))
}

#[test]
fn time_in_the_future() {
    for (ahead, skew) in [
        (0, None),
        (1, None),
        (30, None),
        (31, Some(31)),
        (1_000_000, Some(1_000_000)),
    ] {
        let answer = at(json!(NOW + ahead));
        let mut about = json!({ "status": "live", "age": 0 });
        if let Some(skew) = skew {
            about["clock-skew"] = json!(skew);
        }
        assert_eq!(answer["nodes"]["n1"], about);
        assert_eq!(cell(&answer, "w", "n1")["state"], "optimal");
    }
    assert_eq!(at(json!(NOW.to_string()))["nodes"]["n1"]["status"], "live");
}

#[test]
fn time_that_is_none() {
    let huge = serde_json::from_str::<Value>("1e300").unwrap();
    for time in [
        json!(null),
        json!("nan"),
        json!("inf"),
        json!([]),
        json!({}),
        json!(true),
        json!(""),
        huge,
        json!("1e400"),
        json!("0x7"),
        json!("9e15"),
        json!("-9e15"),
    ] {
        let answer = at(time.clone());
        assert_eq!(
            answer["nodes"]["n1"],
            json!({ "status": "stale" }),
            "{time}"
        );
        assert_eq!(cell(&answer, "w", "n1"), &unknown("stale"), "{time}");
    }
    for raw in [r#"{"maps":{"w":{}},"time":1e400}"#, r#"{"maps":{"w":{}}}"#] {
        let answer = answer(&[("n1", raw)], json!({}));
        assert_eq!(answer["nodes"]["n1"], json!({ "status": "stale" }), "{raw}");
    }
}

#[test]
fn a_broadcast_is_stale_when_it_is_older_than_it_may_be() {
    for (age, status) in [(0, "live"), (180, "live"), (181, "stale"), (NOW, "stale")] {
        let answer = at(json!(NOW - age));
        assert_eq!(
            answer["nodes"]["n1"],
            json!({ "status": status, "age": age })
        );
    }
}

/// What is said at `now` of a broadcast that came at `receipt` and claims to be of `time`.
fn received(time: f64, receipt: Receipt, now: f64) -> Value {
    let mut matrix = Matrix::new(Mode::Strict, Times::default(), now);
    let raw = json!({ "maps": { "w": { "state": "optimal" } }, "time": time }).to_string();
    let receipt = Some(receipt);
    matrix.set_broadcast("n1", raw.as_bytes(), receipt).unwrap();
    let answer = read(&Answer::new(matrix, Default::default()));
    assert_eq!(
        cell(&answer, "w", "n1")["state"] == "optimal",
        answer["nodes"]["n1"]["status"] == "live"
    );
    answer["nodes"]["n1"].clone()
}

#[test]
fn clock_that_is_behind() {
    // Its own word would make it stale; that we saw it come says how old it is.
    let seen = Receipt {
        at: 1000.0,
        seen: true,
    };
    for (now, status) in [(1000.0, "live"), (1180.0, "live"), (1181.0, "stale")] {
        let about = received(400.0, seen, now);
        assert_eq!(
            about,
            json!({ "status": status, "age": now as u64 - 1000, "clock-skew": -600 })
        );
    }
    // What was there before us may have lain there for long.
    let found = Receipt {
        at: 1000.0,
        seen: false,
    };
    assert_eq!(
        received(400.0, found, 1000.0),
        json!({ "status": "stale", "age": 600 })
    );
}

#[test]
fn clock_that_is_ahead_stays_so() {
    for seen in [true, false] {
        let receipt = Receipt { at: 1000.0, seen };
        for (now, status) in [
            (1000.0, "live"),
            (1090.0, "live"),
            (1180.0, "live"),
            (1181.0, "stale"),
        ] {
            let about = received(1100.0, receipt, now);
            let age = now as u64 - 1000;
            assert_eq!(
                about,
                json!({ "status": status, "age": age, "clock-skew": 100 })
            );
        }
    }
}
