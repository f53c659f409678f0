//! Thousands of random stories. After each event the engine is held against a new matrix that is told all
//! at once, and the changes since the last event, applied to the rows of then, against the rows of now.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::NOW;
use crate::cluster::MapState;
use crate::cluster::broadcast::Entry;
use crate::cluster::engine::Engine;
use crate::cluster::matrix::{Config, Matrix, Member, Mode, Receipt, Times};
use crate::cluster::multipathd::{Impairment, Transport};
use crate::random::Random;

const NODES: [&str; 5] = ["n1", "n2", "n3", "n4", "n5"];
const WWIDS: [&str; 7] = ["3600a", "3600b", "3600c", "3600A", "d", "e", "ü\""];

/// What an engine was told.
struct Story {
    engine: Engine,
    mode: Mode,
    now: f64,
    /// Broadcasts, when they came, and whether they came as these very texts.
    told: BTreeMap<&'static str, (String, Receipt, bool)>,
    members: Option<BTreeMap<String, Member>>,
    config: Config,
    /// What somebody has who asks again and again.
    rows: BTreeMap<String, Value>,
    cursor: Option<String>,
}

fn number(random: &mut Random) -> Value {
    match random.below(12) {
        0 => json!(null),
        1 => json!(random.below(5).to_string()),
        2 => json!("x"),
        3 => json!(5_000_000_000_u64),
        _ => json!(random.below(5)),
    }
}

fn map(random: &mut Random, mode: Mode) -> Value {
    match random.below(if mode == Mode::Strict { 14 } else { 60 }) {
        0 => return json!("malformed"),
        1 => return json!(null),
        _ => {}
    }
    let states = ["optimal", "degraded", "failed", "unknown", "missing", "odd"];
    let mut map = json!({ "state": random.pick(&states) });
    map["paths-active"] = number(random);
    map["paths-total"] = number(random);
    if random.below(2) == 0 {
        map["size"] = json!(random.pick(&[1_u64 << 40, 1 << 41, 7]));
    }
    if random.below(2) == 0 {
        map["transport"] = json!(random.pick(&["fc", "iscsi"]));
    }
    if random.below(4) == 0 {
        map["flags"] = json!([random.pick(&["suspended", "queueing", "marginal"])]);
    }
    map
}

fn broadcast(random: &mut Random, now: f64, mode: Mode) -> String {
    let time = match random.below(10) {
        0 => json!(now - 170.0),
        1 => json!(now + 50.0),
        2 => json!(now - 300.0),
        3 => random.pick(&[json!(null), json!("nan"), json!([])]).clone(),
        _ => json!(now),
    };
    let wwids = WWIDS.iter().filter(|_| random.next() % 2 == 0);
    let wwids: Vec<&str> = wwids.copied().collect();
    let maps = wwids
        .into_iter()
        .map(|wwid| (wwid.to_owned(), map(random, mode)));
    let maps: Map<String, Value> = maps.collect();
    let mut broadcast = json!({ "maps": maps, "time": time });
    match random.below(12) {
        0 => return "{ rubbish".to_owned(),
        1 => broadcast["truncated"] = json!(3),
        2 => broadcast["maps"] = json!([]),
        _ => {}
    }
    let text = broadcast.to_string();
    match random.below(8) {
        // The last of equal keys counts.
        0 => {
            let wwid = json!(random.pick(&WWIDS));
            let twice = format!(
                "{{\"maps\":{{{wwid}:{},{wwid}:{},",
                map(random, mode),
                map(random, mode)
            );
            text.replacen("{\"maps\":{\"", &format!("{twice}\""), 1)
        }
        _ => text,
    }
}

fn config(random: &mut Random) -> Config {
    let mut config = Config::default();
    for wwid in WWIDS {
        if random.below(2) == 0 {
            config.allow.insert(wwid.to_owned());
        }
        if random.below(4) == 0 {
            let alias = serde_json::from_value::<String>(json!(random.pick(&["tank", "ocean"])));
            let alias = crate::cluster::json::Json::String(alias.unwrap());
            config.aliases.insert(wwid.to_owned(), alias);
        }
        if random.below(3) == 0 {
            let nodes = NODES.iter().filter(|_| random.next() % 3 == 0);
            let nodes = nodes.map(|&name| name.to_owned()).collect();
            config.expected.insert(wwid.to_owned(), nodes);
        }
    }
    if random.below(2) == 0 {
        config.expected_nodes = NODES[..random.below(4)]
            .iter()
            .map(|&n| n.to_owned())
            .collect();
    }
    config
}

fn entry(random: &mut Random) -> Entry {
    let (active, total) = (random.below(5) as u32, random.below(5) as u32);
    Entry {
        state: *random.pick(MapState::ALL),
        active,
        total,
        transport: (random.below(2) == 0).then_some(Transport::Fc),
        size: (random.below(2) == 0).then_some(1 << 40),
        impairments: match random.below(4) {
            0 => vec![Impairment::Marginal],
            1 => vec![Impairment::Suspended],
            _ => Vec::new(),
        },
        down: Vec::new(),
    }
}

fn entry_text(entry: &Entry) -> Value {
    let mut map = json!({
        "state": entry.state.name(), "paths-active": entry.active, "paths-total": entry.total,
    });
    if entry.transport.is_some() {
        map["transport"] = json!("fc");
    }
    if let Some(size) = entry.size {
        map["size"] = json!(size);
    }
    if let Some(flags) = entry.told_impairments() {
        map["flags"] = flags.iter().map(|flag| json!(flag.name())).collect();
    }
    map
}

impl Story {
    fn new(mode: Mode) -> Self {
        Self {
            engine: Engine::new(mode, Times::default()),
            mode,
            now: NOW as f64,
            told: BTreeMap::new(),
            members: None,
            config: Config::default(),
            rows: BTreeMap::new(),
            cursor: None,
        }
    }

    fn receipt(&self, node: &str) -> Receipt {
        Receipt {
            at: self.now,
            seen: self.told.contains_key(node),
        }
    }

    /// Something happens.
    fn go_on(&mut self, random: &mut Random) -> &'static str {
        let node = *random.pick(&NODES);
        match random.below(16) {
            0..6 => {
                let raw = broadcast(random, self.now, self.mode);
                self.update_node(node, raw);
                "broadcast"
            }
            6 => {
                if let Some((raw, ..)) = self.told.get(node) {
                    self.update_node(node, raw.clone());
                }
                "the same broadcast"
            }
            7 => {
                self.engine.remove_node(node);
                self.told.remove(node);
                "no broadcast"
            }
            8 | 9 => {
                self.update_map(node, random);
                "one map"
            }
            10 | 11 => {
                self.now += *random.pick(&[1.0, 60.0, 170.0, 180.0, 181.0, 0.5]);
                if random.below(8) == 0 {
                    self.now -= 200.0;
                }
                if let Some(next) = self.engine.next_deadline().filter(|_| random.below(2) == 0) {
                    self.now = next;
                }
                self.engine.advance(self.now).unwrap();
                "time"
            }
            12 => {
                let names = NODES.iter().filter(|_| random.next() % 4 > 0);
                let names: Vec<&str> = names.copied().collect();
                let names = names.into_iter().map(|name| {
                    let member = match random.below(5) {
                        0 => Member::Offline,
                        1 if self.mode == Mode::Strict => Member::Malformed,
                        _ => Member::Online,
                    };
                    (name.to_owned(), member)
                });
                let members: BTreeMap<_, _> = names.collect();
                self.members = (random.below(4) > 0).then_some(members);
                self.engine.set_members(self.members.clone());
                "members"
            }
            13 | 14 => {
                self.config = config(random);
                self.engine.set_config(self.config.clone()).unwrap();
                "config"
            }
            _ => {
                self.engine.compact();
                "compact"
            }
        }
    }

    fn update_node(&mut self, node: &'static str, raw: String) {
        let receipt = self.receipt(node);
        self.engine
            .update_node(node, raw.as_bytes(), self.now)
            .unwrap();
        let is_known = |told: &(String, Receipt, bool)| told.2 && told.0 == raw;
        if !self.told.get(node).is_some_and(is_known) {
            self.told.insert(node, (raw, receipt, true));
        }
    }

    fn update_map(&mut self, node: &'static str, random: &mut Random) {
        let wwid = *random.pick(&WWIDS);
        let entry = (random.below(4) > 0).then(|| entry(random));
        self.engine
            .update_map(node, wwid, entry.as_ref(), self.now)
            .unwrap();
        let receipt = self.receipt(node);
        let known = self
            .told
            .get(node)
            .and_then(|(raw, ..)| serde_json::from_str(raw).ok());
        let known = known.filter(|known: &Value| known["maps"].is_object());
        let mut broadcast = known.unwrap_or(json!({ "maps": {} }));
        broadcast["time"] = json!(self.now);
        let maps = broadcast["maps"].as_object_mut().unwrap();
        match &entry {
            Some(entry) => drop(maps.insert(wwid.to_owned(), entry_text(entry))),
            None => drop(maps.remove(wwid)),
        }
        self.told
            .insert(node, (broadcast.to_string(), receipt, false));
    }

    /// A matrix that is told all at once.
    fn batch(&self) -> Matrix {
        let mut matrix = Matrix::new(self.mode, Times::default(), self.now);
        for node in self.told.keys() {
            matrix.add_node(node).unwrap();
        }
        matrix.set_members(self.members.clone());
        matrix.set_config(self.config.clone()).unwrap();
        for (node, (raw, receipt, _)) in &self.told {
            matrix
                .set_broadcast(node, raw.as_bytes(), Some(*receipt))
                .unwrap();
        }
        matrix
    }

    fn check(&mut self) {
        let batch = self.batch();
        let about = |matrix: &Matrix| {
            let nodes = matrix.about_nodes();
            nodes
                .map(|(node, about)| (node.name().to_owned(), about))
                .collect::<Vec<_>>()
        };
        if self.mode == Mode::Strict {
            assert_eq!(about(self.engine.matrix()), about(&batch));
        }
        assert_eq!(self.engine.accounts_astray(), None);
        let mut rows = Vec::new();
        if let Err(error) = batch.write_rows(&mut rows) {
            assert_eq!(
                self.engine.rows_json().unwrap_err().to_string(),
                error.to_string()
            );
            assert!(self.engine.changes(self.cursor.as_deref()).is_err());
            return;
        }
        assert_eq!(text(&self.engine.rows_json().unwrap()), text(&rows));
        let changes = self.engine.changes(self.cursor.as_deref()).unwrap();
        if changes.full {
            assert!(self.cursor.is_none(), "the cursor is not known any more");
            self.rows.clear();
        }
        for wwid in &changes.removed {
            // One that came and went between two answers was never there.
            self.rows.remove(*wwid);
        }
        for row in serde_json::from_slice::<Vec<Value>>(&changes.rows).unwrap() {
            self.rows
                .insert(row["wwid"].as_str().unwrap().to_owned(), row);
        }
        self.cursor = Some(changes.cursor);
        let now: Vec<&Value> = self.rows.values().collect();
        assert_eq!(json!(now), serde_json::from_slice::<Value>(&rows).unwrap());
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn stories(mode: Mode, seed: u64, count: usize) {
    for story in 0..count {
        let random = &mut Random::new(seed << 32 | story as u64);
        let (mut said, mut story) = (Vec::new(), (story, Story::new(mode)));
        for _ in 0..random.below(24) {
            said.push(story.1.go_on(random));
            // Sometimes nobody asks for a while.
            if random.below(4) > 0 {
                let check = std::panic::AssertUnwindSafe(|| story.1.check());
                let checked = std::panic::catch_unwind(check);
                assert!(checked.is_ok(), "story {} of {seed}: {said:?}", story.0);
            }
        }
    }
}

#[test]
fn ten_thousand_stories_end_as_if_all_were_told_at_once() {
    stories(Mode::Strict, 1, 10_000);
}

#[test]
fn in_compat_mode_too() {
    stories(Mode::Compat, 2, 4_000);
}
