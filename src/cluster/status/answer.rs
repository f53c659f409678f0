//! The answer, with the keys that Proxmox VE's has, and more in strict mode.

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::cluster::json::Json;
use crate::cluster::matrix::{Matrix, Member, Mode, Node, Row};
use crate::error::Result;

/// What the cluster's nodes say together.
pub struct Answer {
    matrix: Matrix,
    apply: BTreeMap<String, Vec<u8>>,
}

impl Answer {
    pub(super) fn new(matrix: Matrix, apply: BTreeMap<String, Vec<u8>>) -> Self {
        Self { matrix, apply }
    }

    /// What it is made of.
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// The answer as compact JSON: `luns`, `nodes`. An error only in compat mode, where a malformed entry
    /// ends all.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let shape = Shape {
            luns: self.matrix.rows()?,
            nodes: self.nodes()?,
        };
        let mut text = Vec::with_capacity(128 * self.matrix.count() + 1024);
        // Writing to memory cannot fail.
        let written = serde_json::to_writer(&mut text, &shape);
        debug_assert!(written.is_ok());
        Ok(text)
    }

    /// What there is to say of nodes, by name.
    fn nodes(&self) -> Result<BTreeMap<&str, BTreeMap<&'static str, Json>>> {
        let mut nodes = BTreeMap::new();
        if self.matrix.mode() == Mode::Strict {
            for (node, about) in self.matrix.columns() {
                nodes.insert(node.name(), about);
            }
        }
        for (name, raw) in &self.apply {
            if self.matrix.member(name)? != Member::Online {
                continue;
            }
            let said = Json::of_text(raw).unwrap_or_default();
            let Some(error) = said.get("error").filter(|error| error.is_true()) else {
                continue;
            };
            let about: &mut BTreeMap<_, _> = nodes.entry(name).or_default();
            about.insert("apply-error", error.clone());
            about.insert("apply-time", said.get("time").cloned().unwrap_or_default());
        }
        Ok(nodes)
    }
}

struct Shape<'a> {
    luns: Vec<Row<'a>>,
    nodes: BTreeMap<&'a str, BTreeMap<&'static str, Json>>,
}

impl Serialize for Shape<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("luns", &self.luns)?;
        map.serialize_entry("nodes", &self.nodes)?;
        map.end()
    }
}

impl Matrix {
    /// What strict mode has to say of each node.
    fn columns(&self) -> impl Iterator<Item = (&Node, BTreeMap<&'static str, Json>)> {
        let number = |value: f64| Json::of_number((value * 1000.0).round() / 1000.0);
        self.standing_nodes().map(move |(node, column)| {
            let mut about = BTreeMap::new();
            let standing = column.standing.name().to_owned();
            about.insert("status", Json::String(standing));
            if let Some(error) = node.error() {
                about.insert("error", Json::String(error.to_owned()));
            }
            if let Some(age) = column.age {
                about.insert("age", number(age));
            }
            if let Some(skew) = column.skew {
                about.insert("clock-skew", number(skew));
            }
            if let Some(head) = node.head().filter(|head| head.truncated > 0) {
                about.insert("truncated", number(head.truncated as f64));
            }
            (node, about)
        })
    }
}

/// The rows alone, as JSON.
pub struct Rows<'a>(pub &'a Matrix);

impl Rows<'_> {
    /// An error only in compat mode.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let rows = self.0.rows()?;
        let mut text = Vec::with_capacity(128 * self.0.count() + 64);
        let written = serde_json::to_writer(&mut text, &rows);
        debug_assert!(written.is_ok());
        Ok(text)
    }
}
