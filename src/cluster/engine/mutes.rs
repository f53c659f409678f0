//! Findings that somebody knows of and does not want to hear of again: for a time, and as long as they do
//! not get worse.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Engine;
use crate::cluster::findings::{Code, Finding, findings};
use crate::error::{Error, Result};
use crate::limits;
use crate::severity::Severity;
use crate::text::printable;

/// A finding, and whether it is muted.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// What there is to say.
    #[serde(flatten)]
    pub finding: Finding,
    /// Whether somebody said that this is known.
    pub muted: bool,
}

/// How bad it is: the worst severity, and how much there is in all.
type Extent = (Severity, u64);

struct Mute {
    /// Up to this time; for good if none.
    until: Option<f64>,
    /// How bad it was when it was muted, or, if there was nothing then, when it came first.
    known: Option<Extent>,
}

/// What is muted: findings of a code, of one subject or of all.
#[derive(Default)]
pub(super) struct Mutes(BTreeMap<(Code, Option<String>), Mute>);

impl Mutes {
    /// The first time at which a mute ends.
    pub fn next_end(&self) -> Option<f64> {
        let ends = self.0.values().filter_map(|mute| mute.until);
        ends.min_by(f64::total_cmp)
    }

    /// Whether each finding is muted. Mutes whose time is over are lifted, and those of what has got worse.
    fn cover(&mut self, findings: Vec<Finding>, now: f64) -> Vec<Told> {
        self.0
            .retain(|_, mute| mute.until.is_none_or(|until| now < until));
        self.0.retain(|(code, subject), mute| {
            let is_covered = |finding: &&Finding| {
                let is_subject = |subject: &String| *subject == finding.subject;
                finding.code == *code && subject.as_ref().is_none_or(is_subject)
            };
            let covered = findings.iter().filter(is_covered);
            let extents = covered.map(|finding| (finding.severity, finding.extent));
            let sum = |a: Extent, b: Extent| (a.0.max(b.0), a.1.saturating_add(b.1));
            let Some(extent) = extents.reduce(sum) else {
                return true;
            };
            let known = *mute.known.get_or_insert(extent);
            extent.0 <= known.0 && extent.1 <= known.1
        });
        let told = |finding: Finding| {
            let one = (finding.code, Some(finding.subject.clone()));
            let muted = self.0.contains_key(&one) || self.0.contains_key(&(finding.code, None));
            Told { finding, muted }
        };
        findings.into_iter().map(told).collect()
    }
}

impl Engine {
    /// What there is to say, the worst first. None in compat mode.
    pub fn findings(&mut self) -> Vec<Told> {
        self.mutes.cover(findings(&self.matrix), self.matrix.now())
    }

    /// The same as a JSON array.
    pub fn findings_json(&mut self) -> Vec<u8> {
        // Writing to memory cannot fail.
        serde_json::to_vec(&self.findings()).unwrap_or_default()
    }

    /// Findings of a code are known, of one subject or of all: they are muted up to a time, or for good, and
    /// as long as they do not get worse. That is seen whenever findings are asked for. An error if the time
    /// is over, or so many mutes are kept already.
    pub fn mute(&mut self, code: Code, subject: Option<&str>, until: Option<f64>) -> Result<()> {
        let now = self.matrix.now();
        if until.is_some_and(|until| until.is_nan() || until <= now) {
            return Err(Error::argument("the time up to which to mute is over"));
        }
        self.findings();
        let key = (code, subject.map(str::to_owned));
        if !self.mutes.0.contains_key(&key) {
            limits::check_count("mutes", self.mutes.0.len() + 1, limits::CLUSTER_MUTES)?;
        }
        self.mutes.0.insert(key, Mute { until, known: None });
        // What is there now is what is known.
        self.findings();
        Ok(())
    }

    /// They are to be told again. Whether there was such a mute.
    pub fn unmute(&mut self, code: Code, subject: Option<&str>) -> bool {
        let key = (code, subject.map(str::to_owned));
        self.mutes.0.remove(&key).is_some()
    }

    /// The same as [`Engine::mute`] of texts.
    pub fn mute_text(
        &mut self,
        code: &[u8],
        subject: Option<&[u8]>,
        until: Option<f64>,
    ) -> Result<()> {
        self.mute(read_code(code)?, read_subject(subject)?, until)
    }

    /// The same as [`Engine::unmute`] of texts.
    pub fn unmute_text(&mut self, code: &[u8], subject: Option<&[u8]>) -> Result<bool> {
        Ok(self.unmute(read_code(code)?, read_subject(subject)?))
    }
}

fn read_code(name: &[u8]) -> Result<Code> {
    let known = Code::ALL.iter().find(|code| code.name().as_bytes() == name);
    known
        .copied()
        .ok_or_else(|| Error::argument(format!("there are no findings '{}'", printable(name))))
}

fn read_subject(subject: Option<&[u8]>) -> Result<Option<&str>> {
    let subject = subject.map(std::str::from_utf8).transpose();
    subject.map_err(|_| Error::argument("the subject is no UTF-8"))
}
