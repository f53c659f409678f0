//! Strict mode: what it says in each corner, and that no node can spoil what it says of the others.

#[path = "tests/corners.rs"]
mod corners;
#[path = "tests/forms.rs"]
mod forms;
#[path = "tests/others.rs"]
mod others;
#[path = "tests/room.rs"]
mod room;
#[path = "tests/time.rs"]
mod time;

use serde_json::{Value, json};

use super::{Answer, Options, status};
use crate::cluster::json::Json;

const NOW: u64 = 1_800_000_000;

/// The answer to broadcasts, with further options, at [`NOW`] if they do not say otherwise.
fn answer<T: AsRef<[u8]>>(nodes: &[(&str, T)], options: Value) -> Value {
    let nodes: Vec<(&str, &[u8])> = nodes
        .iter()
        .map(|(name, raw)| (*name, raw.as_ref()))
        .collect();
    let mut all = json!({ "now": NOW });
    for (key, value) in options.as_object().unwrap() {
        all[key] = value.clone();
    }
    let options = Options::of_text(all.to_string().as_bytes()).unwrap();
    read(&status(&nodes, &options).unwrap())
}

fn read(answer: &Answer) -> Value {
    let text = answer.to_json().unwrap();
    assert!(Json::of_text(&text).is_ok());
    serde_json::from_slice(&text).unwrap()
}

/// A broadcast of now with these maps.
fn broadcast(maps: Value) -> String {
    json!({ "maps": maps, "time": NOW }).to_string()
}

/// The broadcast of a node that has the LUN `w` with these numbers of paths.
fn paths(state: &str, active: impl Into<Value>, total: impl Into<Value>) -> String {
    let (active, total): (Value, Value) = (active.into(), total.into());
    broadcast(json!({ "w": { "state": state, "paths-active": active, "paths-total": total } }))
}

fn row<'a>(answer: &'a Value, wwid: &str) -> &'a Value {
    let rows = answer["luns"].as_array().unwrap();
    let found = rows.iter().find(|row| row["wwid"] == wwid);
    found.unwrap_or_else(|| panic!("no row {wwid} in {answer}"))
}

fn cell<'a>(answer: &'a Value, wwid: &str, node: &str) -> &'a Value {
    &row(answer, wwid)["nodes"][node]
}

fn unknown(reason: &str) -> Value {
    json!({ "state": "unknown", "reason": reason })
}

fn missing(reason: &str) -> Value {
    json!({ "state": "missing", "reason": reason })
}

/// A sound cell with so many of so many paths.
fn optimal(paths: u32) -> Value {
    json!({ "state": "optimal", "paths-active": paths, "paths-total": paths })
}
