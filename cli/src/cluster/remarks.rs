//! What there is to say below the matrix: sentences about nodes, and about entries that nobody understands.

use std::collections::BTreeMap;
use std::time::Duration;

use pve_native_core::Result;
use pve_native_core::cluster::json::{Json, Number};
use pve_native_core::cluster::matrix::{Member, Mode, Reason};
use pve_native_core::cluster::status::Answer;
use pve_native_core::text::printable;

use super::view::{Lun, thousands};
use crate::human::moment;

/// Remarks about single cells; more are counted.
const CELL_REMARKS: usize = 20;

/// How much a remark matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something must not be.
    Error,
    /// Something to have a look at.
    Warning,
    /// For completeness.
    Note,
}

/// A sentence below the matrix.
#[derive(Clone, Debug)]
pub struct Remark {
    /// How much it matters.
    pub level: Level,
    /// Fit for a terminal.
    text: String,
    /// Its end, which is another one as time goes on.
    age: String,
}

impl Remark {
    /// What of it stays the same as time goes on.
    pub fn lasting(&self) -> &str {
        &self.text
    }

    /// Fit for a terminal.
    pub fn sentence(&self) -> String {
        format!("{}{}", self.text, self.age)
    }
}

/// Why a cell alone, and not its whole node, is as it is.
fn own_reason(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::Malformed => Some("the entry is no map"),
        Reason::Suspended => Some("the map is suspended"),
        Reason::UnrecognizedState => Some("the word for its state is not known"),
        Reason::ImpossibleCounts => Some("more paths are active than there are"),
        _ => None,
    }
}

/// About entries that nobody understands.
pub fn of_cells(luns: &[Lun<'_>]) -> Vec<Remark> {
    let doubtful = luns.iter().filter(|lun| lun.is_doubtful);
    let all = doubtful.flat_map(|lun| {
        lun.row().cells().filter_map(|(node, judged, _)| {
            let why = own_reason(judged.reason?)?;
            let node = printable(node.as_bytes());
            Some(format!("{} on node '{node}': {why}", lun.name))
        })
    });
    let all: Vec<String> = all.collect();
    let left_out = all.len().saturating_sub(CELL_REMARKS);
    let warning = |text| Remark {
        level: Level::Warning,
        text,
        age: String::new(),
    };
    let mut remarks: Vec<Remark> = all.into_iter().take(CELL_REMARKS).map(warning).collect();
    if left_out > 0 {
        let left_out = thousands(left_out);
        remarks.push(warning(format!("{left_out} more entries like these")));
    }
    remarks
}

/// About nodes.
pub fn of_nodes(answer: &Answer) -> Result<Vec<Remark>> {
    let mut said = answer.nodes()?;
    let matrix = answer.matrix();
    if matrix.mode() == Mode::Compat {
        // What that answer has no place for is no secret.
        for node in matrix.nodes() {
            let is_online = matrix.member(node.name())? == Member::Online;
            if let Some(error) = node.error().filter(|_| is_online) {
                let about = said.entry(node.name()).or_default();
                about.insert("status", Json::String("malformed".into()));
                about.insert("error", Json::String(error.into()));
            }
        }
    }
    let remarks = said.iter().flat_map(|(name, about)| node(name, about));
    Ok(remarks.collect())
}

fn node(name: &str, about: &BTreeMap<&'static str, Json>) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut say = |level, text: String, age: String| {
        let name = printable(name.as_bytes());
        let text = format!("node '{name}': {text}");
        remarks.push(Remark { level, text, age });
    };
    let text = |key| about.get(key).map(words);
    let number = |key| about.get(key).and_then(Json::as_number).map(Number::as_f64);
    let none = String::new;
    match text("status").as_deref() {
        Some("stale") => {
            let age = match number("age") {
                Some(age) => format!(", its broadcast is {} old", duration(age)),
                None => ", its broadcast has no time that is one".into(),
            };
            say(Level::Error, "stale".into(), age);
        }
        Some("malformed") => {
            let error = text("error").unwrap_or_default();
            let text = format!("its broadcast is not understood: {error}");
            say(Level::Error, text, none());
        }
        Some("silent") => say(
            Level::Warning,
            "it has not broadcast anything".into(),
            none(),
        ),
        Some("offline") => say(Level::Note, "offline".into(), none()),
        _ => {}
    }
    if let Some(skew) = number("clock-skew") {
        let side = if skew > 0.0 { "ahead" } else { "behind" };
        let text = format!("its clock is {side}");
        say(
            Level::Warning,
            text,
            format!(" by {}", duration(skew.abs())),
        );
    }
    if let Some(count) = text("truncated") {
        let text = format!("its broadcast had no room for all maps: {count} are missing");
        say(Level::Warning, text, none());
    }
    if let Some(error) = text("apply-error") {
        let at = match number("apply-time") {
            Some(time) if time > 0.0 => format!(" ({})", moment(time as u32)),
            _ => String::new(),
        };
        say(
            Level::Error,
            format!("the configuration could not be applied{at}: {error}"),
            none(),
        );
    }
    remarks
}

/// A value as text for a terminal.
pub fn words(value: &Json) -> String {
    let text = match value {
        Json::Null => return String::new(),
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        Json::Array(values) => return values.iter().map(words).collect::<Vec<_>>().join(", "),
        // Writing to memory cannot fail.
        other => serde_json::to_string(other).unwrap_or_default(),
    };
    printable(text.as_bytes()).into_owned()
}

fn duration(seconds: f64) -> String {
    let seconds = Duration::from_secs(seconds as u64);
    humantime::format_duration(seconds).to_string()
}
