//! An engine says at each moment what a matrix says that was told everything only now, and who applies its
//! changes has the same.

#[path = "tests/equal.rs"]
mod equal;
#[path = "tests/events.rs"]
mod events;
#[path = "tests/mutes.rs"]
mod mutes;
#[path = "tests/room.rs"]
mod room;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Engine;
use super::account::Account;
use crate::cluster::matrix::{Kind, Member, Mode, Times};
use crate::cluster::status::Options;

impl Engine {
    /// The first row whose account is not what its cells say.
    fn accounts_astray(&self) -> Option<String> {
        let rows = 0..self.matrix.row_count() as u32;
        let mut astray = rows.filter(|&row| {
            let mut account = Account::default();
            for number in 0..self.columns.len() as u32 {
                let (cell, column) = (
                    self.matrix.said(row, number),
                    &self.columns[number as usize],
                );
                account.held += u16::from(cell.kind != Kind::None);
                let meaning = self.meaning(cell, number, column, self.matrix.holders(row));
                account.shift(Ok(None), meaning);
            }
            let kept = &self.accounts[row as usize];
            !kept.counts_like(&account) || kept.is_dirty
        });
        astray.next().map(|row| self.matrix.wwid(row).to_owned())
    }
}

const NOW: u64 = 1_800_000_000;

fn engine() -> Engine {
    Engine::new(Mode::Strict, Times::default())
}

/// A broadcast of that time in which each LUN has so many of four paths.
fn paths(time: u64, maps: &[(&str, u32)]) -> String {
    let states = ["failed", "degraded", "degraded", "degraded", "optimal"];
    let map = |&(wwid, active): &(&str, u32)| {
        let state = states[active as usize];
        let map = json!({ "state": state, "paths-active": active, "paths-total": 4 });
        (wwid.to_owned(), map)
    };
    let maps: serde_json::Map<String, Value> = maps.iter().map(map).collect();
    json!({ "maps": maps, "time": time }).to_string()
}

fn update(engine: &mut Engine, node: &str, now: u64, maps: &[(&str, u32)]) {
    let raw = paths(now, maps);
    engine
        .update_node(node, raw.as_bytes(), now as f64)
        .unwrap();
}

fn members(names: &[(&str, bool)]) -> Option<BTreeMap<String, Member>> {
    let member = |&(name, online): &(&str, bool)| {
        let member = if online {
            Member::Online
        } else {
            Member::Offline
        };
        (name.to_owned(), member)
    };
    Some(names.iter().map(member).collect())
}

fn configure(engine: &mut Engine, config: Value) {
    let options = Options::of_text(config.to_string().as_bytes()).unwrap();
    engine.set_config(options.config).unwrap();
}

fn changes(engine: &mut Engine, cursor: Option<&str>) -> Value {
    let changes = engine.changes(cursor).unwrap().to_json();
    serde_json::from_slice(&changes).unwrap()
}

fn cursor(changes: &Value) -> Option<&str> {
    changes["cursor"].as_str()
}

/// The WWIDs of rows that have changed.
fn changed(changes: &Value) -> Vec<&str> {
    let rows = changes["rows"].as_array().unwrap().iter();
    rows.map(|row| row["wwid"].as_str().unwrap()).collect()
}
