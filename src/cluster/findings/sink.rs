//! Where findings go: as many of each code as the limit allows, the most extensive ones, and the others as
//! a count.

use std::borrow::Cow;
use std::cmp::Reverse;

use super::{Code, Finding, words};
use crate::limits;
use crate::text::thousands;

/// A finding for which nobody has made a sentence yet.
pub(in crate::cluster) struct Draft<'m, T> {
    pub subject: Cow<'m, str>,
    pub extent: u64,
    /// What the sentence is made of.
    pub about: T,
}

/// What is said of it.
pub(in crate::cluster) struct Said {
    pub sentence: String,
    pub luns: Vec<String>,
    pub nodes: Vec<String>,
}

/// Findings, and how many were left out.
#[derive(Default)]
pub(in crate::cluster) struct Sink(Vec<Finding>);

impl Sink {
    /// Takes all findings of a code.
    pub fn add<T>(
        &mut self,
        code: Code,
        mut drafts: Vec<Draft<'_, T>>,
        say: impl Fn(&Draft<'_, T>) -> Said,
    ) {
        let most = limits::FINDINGS;
        let left_out = drafts.len().saturating_sub(most);
        if left_out > 0 {
            let order = |a: &Draft<'_, T>, b: &Draft<'_, T>| {
                let extent = Reverse(a.extent).cmp(&Reverse(b.extent));
                extent.then_with(|| a.subject.cmp(&b.subject))
            };
            drafts.select_nth_unstable_by(most - 1, order);
            drafts.truncate(most);
        }
        for draft in &drafts {
            let said = say(draft);
            self.0.push(Finding {
                code,
                severity: code.severity(),
                subject: words::bounded(&draft.subject),
                sentence: said.sentence,
                luns: said.luns,
                nodes: said.nodes,
                extent: draft.extent,
            });
        }
        if left_out > 0 {
            let (count, name) = (thousands(left_out as u64), code.name());
            self.0.push(Finding {
                code: Code::LeftOut,
                severity: code.severity(),
                subject: name.into(),
                sentence: format!(
                    "There {} {count} more of {name}, each with no more to it than those that are told.",
                    if left_out == 1 { "is" } else { "are" }
                ),
                luns: Vec::new(),
                nodes: Vec::new(),
                extent: left_out as u64,
            });
        }
    }

    /// All of them in their order.
    pub fn finish(self) -> Vec<Finding> {
        let mut findings = self.0;
        findings.sort_by(|a, b| {
            let key = |one: &Finding| (Reverse(one.severity), one.code);
            key(a).cmp(&key(b)).then_with(|| a.subject.cmp(&b.subject))
        });
        findings
    }
}
