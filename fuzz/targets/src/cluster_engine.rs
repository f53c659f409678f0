//! An engine that is told anything, line by line: it says what a matrix says that is told all at once, and
//! who applies its changes has the same.

use std::collections::BTreeMap;

use pve_native_core::cluster::engine::Engine;
use pve_native_core::cluster::matrix::{Matrix, Mode, Receipt, Times};
use serde_json::Value;

use crate::check;

const NODES: [&str; 4] = ["n0", "n1", "n2", "n3"];

struct Story {
    engine: Engine,
    mode: Mode,
    now: f64,
    told: BTreeMap<&'static str, (Vec<u8>, Receipt)>,
    rows: BTreeMap<String, Value>,
    cursor: Option<String>,
}

/// Lines: `b` and a digit, what that node broadcasts; `r` and a digit, it does not any more; `t` and a
/// number of seconds that go by; `m` members, `c` a configuration.
pub fn story(input: &[u8]) {
    for &mode in Mode::ALL {
        let mut story = Story {
            engine: Engine::new(mode, Times::default()),
            mode,
            now: 1_700_000_000.0,
            told: BTreeMap::new(),
            rows: BTreeMap::new(),
            cursor: None,
        };
        for line in input.split(|&byte| byte == b'\n').take(64) {
            story.go_on(line);
            story.check();
        }
    }
}

impl Story {
    fn go_on(&mut self, line: &[u8]) {
        let (what, rest) = line.split_at(line.len().min(1));
        let node = rest
            .first()
            .map(|&digit| NODES[usize::from(digit) % NODES.len()]);
        let done = match (what, node) {
            (b"b", Some(node)) => self.update(node, &rest[1..]),
            (b"r", Some(node)) => {
                self.engine.remove_node(node);
                self.told.remove(node);
                Ok(())
            }
            (b"t", _) => {
                let seconds = std::str::from_utf8(rest)
                    .ok()
                    .and_then(|text| text.parse().ok());
                let now = self.now + seconds.unwrap_or(60.0_f64);
                let done = self.engine.advance(now);
                if done.is_ok() {
                    self.now = now;
                }
                done
            }
            (b"m", _) => self.engine.set_members_text(rest),
            (b"c", _) => self.engine.set_config_text(rest),
            _ => self.engine.advance(self.now),
        };
        if let Err(error) = done {
            check::error(&error);
        }
    }

    fn update(&mut self, node: &'static str, raw: &[u8]) -> pve_native_core::Result<()> {
        let known = self.told.get(node);
        let receipt = Receipt {
            at: self.now,
            seen: known.is_some(),
        };
        let is_new = known.is_none_or(|(known, _)| known != raw);
        self.engine.update_node(node, raw, self.now)?;
        if is_new {
            self.told.insert(node, (raw.to_vec(), receipt));
        }
        Ok(())
    }

    fn check(&mut self) {
        let known = self.engine.matrix();
        let mut batch = Matrix::new(self.mode, Times::default(), known.now());
        batch.set_members(known.members().cloned());
        self.told
            .keys()
            .for_each(|node| batch.add_node(node).unwrap());
        batch.set_config(known.config().clone()).unwrap();
        for (node, (raw, receipt)) in &self.told {
            batch.set_broadcast(node, raw, Some(*receipt)).unwrap();
        }
        let mut rows = Vec::new();
        if let Err(error) = batch.write_rows(&mut rows) {
            assert_eq!(self.mode, Mode::Compat);
            let own = self.engine.rows_json().unwrap_err();
            assert_eq!(own.to_string(), error.to_string());
            assert!(self.engine.changes(None).is_err());
            return;
        }
        assert!(self.engine.rows_json().unwrap() == rows);
        // What is nested deeper than serde_json reads was nested as deeply in the input.
        let Ok(rows) = serde_json::from_slice::<Vec<Value>>(&rows) else {
            return;
        };
        let changes = self.engine.changes(self.cursor.as_deref()).unwrap();
        let Ok(changed) = serde_json::from_slice::<Vec<Value>>(&changes.rows) else {
            self.cursor = None;
            return;
        };
        if changes.full {
            self.rows.clear();
        }
        changes
            .removed
            .iter()
            .for_each(|wwid| drop(self.rows.remove(*wwid)));
        self.cursor = Some(changes.cursor);
        for row in changed {
            let wwid = row["wwid"].as_str().unwrap().to_owned();
            self.rows.insert(wwid, row);
        }
        assert!(self.rows.values().eq(&rows));
        self.engine.findings();
    }
}
