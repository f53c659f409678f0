//! The answer, with the keys that Proxmox VE's has, and more in strict mode.

use std::collections::BTreeMap;

use crate::cluster::findings::{self, Code, Draft, Finding, Said, Sink, words};
use crate::cluster::json::{Json, Number};
use crate::cluster::matrix::{Matrix, Member, Mode, Node};
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

    /// The answer as compact JSON: `luns`, `nodes`, and in strict mode `findings`. An error only in compat
    /// mode, where a malformed entry ends all.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let mut text = Vec::with_capacity(self.matrix.likely_length());
        text.extend_from_slice(b"{\"luns\":");
        self.matrix.write_rows(&mut text)?;
        text.extend_from_slice(b",\"nodes\":");
        // Writing to memory cannot fail.
        let written = serde_json::to_writer(&mut text, &self.nodes()?);
        debug_assert!(written.is_ok());
        if self.matrix.mode() == Mode::Strict {
            text.extend_from_slice(b",\"findings\":");
            let written = serde_json::to_writer(&mut text, &self.findings()?);
            debug_assert!(written.is_ok());
        }
        text.push(b'}');
        Ok(text)
    }

    /// What there is to say of it, the worst first. In compat mode, whose answer has no place for it, that
    /// is which broadcasts are not understood and which nodes could not apply the configuration. An error
    /// only in that mode, of membership that is malformed.
    pub fn findings(&self) -> Result<Vec<Finding>> {
        let mut sink = Sink::default();
        match self.matrix.mode() {
            Mode::Strict => findings::find(&self.matrix, &mut sink),
            Mode::Compat => findings::find_malformed(&self.matrix, &mut sink)?,
        }
        let nodes = self.nodes()?;
        let failed = nodes.iter().filter_map(|(&node, about)| {
            let error = about.get("apply-error")?;
            let time = about.get("apply-time").and_then(Json::as_number);
            Some(Draft {
                subject: node.into(),
                extent: 1,
                about: (error, time.map_or(0.0, Number::as_f64)),
            })
        });
        sink.add(Code::ApplyError, failed.collect(), |draft| {
            let (error, time) = draft.about;
            Said {
                sentence: words::not_applied(&draft.subject, error, time),
                luns: Vec::new(),
                nodes: vec![words::bounded(&draft.subject)],
            }
        });
        Ok(sink.finish())
    }

    /// As it is in compat mode. In strict mode what should be text is: what is nested without end is
    /// more than some readers of the answer take.
    fn plain(&self, value: &Json) -> Json {
        match value {
            Json::Array(_) | Json::Object(_) if self.matrix.mode() == Mode::Strict => {
                Json::String(serde_json::to_string(value).unwrap_or_default())
            }
            other => other.clone(),
        }
    }

    /// What there is to say of nodes, by name, as the answer has it under `nodes`.
    pub fn nodes(&self) -> Result<BTreeMap<&str, BTreeMap<&'static str, Json>>> {
        let mut nodes = BTreeMap::new();
        if self.matrix.mode() == Mode::Strict {
            for (node, about) in self.matrix.about_nodes() {
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
            about.insert("apply-error", self.plain(error));
            let time = said.get("time").unwrap_or(&Json::Null);
            about.insert("apply-time", self.plain(time));
        }
        Ok(nodes)
    }
}

impl Matrix {
    /// What strict mode has to say of each node.
    pub(in crate::cluster) fn about_nodes(
        &self,
    ) -> impl Iterator<Item = (&Node, BTreeMap<&'static str, Json>)> {
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
