//! What comes of a problem, as the document that every face gives out (docs/placement.md).

mod explain;
mod loads;

pub use explain::{explain, reasons};
pub use loads::{Load, loads};

use std::collections::BTreeMap;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::instance::{Reason, Value};
use super::problem::Problem;
use super::rules::Conflict;
use crate::codes::codes;

codes! {
    /// How sure the answer is, and whether it is one.
    pub enum Status {
        /// It keeps everything, and nothing is better: there is a proof.
        Optimal = "optimal",
        /// It keeps everything.
        Feasible = "feasible",
        /// Nothing keeps everything: there is a proof. What could be placed is.
        Infeasible = "infeasible",
        /// It keeps everything but what the policy allowed to give up.
        Relaxed = "relaxed",
        /// The work or the time ended before.
        Unknown = "unknown",
    }
}

/// A guest that changes its node.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Move {
    /// The guest.
    pub sid: String,
    /// Where it is.
    pub from: String,
    /// Where it goes.
    pub to: String,
    /// Bytes of volumes that are copied.
    pub bytes: u64,
    /// When: what has the same number can be done at the same time.
    pub step: usize,
}

/// What would help a case that is not survived.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Remedy {
    /// The resource of which there is too little.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// How much more of it would do, in its unit.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "optional")]
    pub amount: Option<f64>,
    /// On which node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Whether there is a proof that less would do on no node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least: Option<bool>,
    /// Whether there is a proof that no single rule would help, if none is named.
    #[serde(rename = "no-rule", skip_serializing_if = "std::ops::Not::not")]
    pub no_rule: bool,
    /// Or the rule without which all would fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

/// What becomes of the guests if nodes fail.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
pub struct Survival {
    /// The nodes.
    pub failed: Vec<String>,
    /// Whether all guests would run again; not known if the work ended before.
    pub ok: Option<bool>,
    /// The guests that would not.
    pub lost: Vec<String>,
    /// Whether there is a proof that no fewer would be lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fewest: Option<bool>,
    /// Rules that could not be kept together then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conflict: Vec<String>,
    /// What would help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answer {
    /// How sure it is.
    #[serde(serialize_with = "status")]
    pub status: Status,
    /// The node of each guest that was to get one and has.
    pub placements: BTreeMap<String, String>,
    /// Guests that change their node, in the order in which it can be done.
    pub moves: Vec<Move>,
    /// Guests that have not got a node.
    pub unplaced: Vec<String>,
    /// Why, by guest and node.
    pub why: BTreeMap<String, BTreeMap<String, Reason>>,
    /// Rules that cannot be kept together.
    pub conflict: Vec<String>,
    /// Whether there is a proof that without any one of them the others can be kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict_minimal: Option<bool>,
    /// How good it is: what the objective counts.
    #[serde(serialize_with = "optional")]
    pub objective: Option<f64>,
    /// How good any answer can be.
    #[serde(serialize_with = "optional")]
    pub bound: Option<f64>,
    /// How far one is from the other, as a share of the objective.
    #[serde(serialize_with = "optional")]
    pub gap: Option<f64>,
    /// What was given up.
    pub relaxed: Vec<String>,
    /// What becomes of the guests if nodes fail.
    pub survives: Vec<Survival>,
    /// Whether `survives` has all sets of nodes after whose loss the rules could not be kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all_losses: Option<bool>,
    /// The resources of guests for which there were no data, so that their size stands in.
    pub no_data: BTreeMap<String, Vec<String>>,
    /// What is on each node before and after.
    pub loads: BTreeMap<String, BTreeMap<String, Load>>,
    /// Seconds that it took, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elapsed: Option<f64>,
}

impl Answer {
    /// An answer in which there is nothing yet.
    pub fn new(status: Status) -> Answer {
        Answer {
            status,
            placements: BTreeMap::new(),
            moves: Vec::new(),
            unplaced: Vec::new(),
            why: BTreeMap::new(),
            conflict: Vec::new(),
            conflict_minimal: None,
            objective: None,
            bound: None,
            gap: None,
            relaxed: Vec::new(),
            survives: Vec::new(),
            all_losses: None,
            no_data: BTreeMap::new(),
            loads: BTreeMap::new(),
            elapsed: None,
        }
    }

    /// How good it is, and how good any can be.
    pub fn rate(&mut self, objective: f64, bound: f64) {
        let gap = if objective > 0.0 {
            (objective - bound) / objective
        } else {
            0.0
        };
        self.objective = Some(objective);
        self.bound = Some(bound);
        self.gap = Some(gap.max(0.0));
    }

    /// Names the rules that cannot be kept together.
    pub(super) fn conflict(&mut self, problem: &Problem, conflict: &Conflict) {
        let rules = conflict.rules.iter();
        self.conflict = rules.map(|&rule| problem.rules[rule].id.clone()).collect();
        self.conflict_minimal = (!self.conflict.is_empty()).then_some(conflict.minimal);
    }

    /// The document, on one line.
    pub fn to_json(&self) -> String {
        // Names of fields and numbers that are finite: nothing in it can be refused.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn status<S: Serializer>(status: &Status, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(status.name())
}

/// Whole numbers are written as such: bytes and counts have no point.
pub(crate) fn number<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
    match value.fract() == 0.0 && (0.0..9e15).contains(value) {
        true => to.serialize_u64(*value as u64),
        false => to.serialize_f64(*value),
    }
}

fn optional<S: Serializer>(value: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => number(value, to),
        None => to.serialize_none(),
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Number(value) => number(value, to),
            Value::Name(name) => to.serialize_str(name),
        }
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("code", self.code.name())?;
        if let Some(resource) = &self.resource {
            map.serialize_entry("resource", resource)?;
        }
        map.serialize_entry("need", &self.need)?;
        map.serialize_entry("have", &self.have)?;
        map.serialize_entry("rule", &self.rule)?;
        map.end()
    }
}
