//! What the words of an answer mean, in plain sentences: reasons, rules, what was given up, what would help.

use pve_native_core::placement::answer::Remedy;
use pve_native_core::placement::instance::{Code, Reason, Value};
use pve_native_core::placement::problem::{Problem, Relaxation, Rule, RuleKind};

use super::amount::{pair, quantity, share};
use crate::svg::text::shortened;

/// Columns of a name at the most.
const NAME: usize = 40;
/// Names in a sentence at the most.
const NAMES: usize = 8;

/// A name of the document, which can hold anything.
pub fn name(text: &str) -> String {
    shortened(text.as_bytes(), NAME).into_owned()
}

/// Some names: `pve1, pve2 and 5 more`.
pub fn names<'a>(all: impl Iterator<Item = &'a str> + Clone) -> String {
    let shown: Vec<String> = all.clone().take(NAMES).map(name).collect();
    let shown = shown.join(", ");
    match all.count().saturating_sub(NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Why a guest is, or cannot be, on a node.
pub fn reason(reason: &Reason) -> String {
    let resource = reason.resource.as_deref().unwrap_or_default();
    let need = reason.need.as_ref().map(text).unwrap_or_default();
    let rule = reason.rule.as_deref().map(name).unwrap_or_default();
    let numbers = match (&reason.need, &reason.have) {
        (Some(Value::Number(need)), Some(Value::Number(have))) => Some((*need, *have)),
        _ => None,
    };
    match (reason.code, numbers, &reason.have) {
        (Code::Offline, ..) => "is not online".into(),
        (Code::Failed, ..) => "has failed".into(),
        (Code::Maintenance, ..) => "is in maintenance".into(),
        (Code::Unknown, ..) => {
            "it is not known which storages, volumes, bridges, CPU flags or devices the guest needs"
                .into()
        }
        (Code::Storage, ..) => format!("does not reach the storage {need}"),
        (Code::Volume, ..) => format!("has no copy of the volume on {need}"),
        (Code::Bridge, ..) => format!("has no bridge {need}"),
        (Code::CpuFlag, ..) => format!("its processors lack the flag {need}"),
        (Code::Cores, Some((need, have)), _) => {
            let (need, have) = pair("cpu", need, have);
            format!("has only {have} of the {need} that the guest has")
        }
        (Code::Device | Code::Capacity, Some((need, have)), _) => {
            let (need, have) = pair(resource, need, have);
            format!("needs {need}, {have} left")
        }
        (Code::Cores | Code::Device | Code::Capacity, ..) => "has too little room".into(),
        (Code::NodeAffinity, ..) => format!("the rule {rule} names other nodes"),
        (Code::PositiveAffinity, Some((need, have)), _) => {
            let (need, have) = pair(resource, need, have);
            format!("it and those that must be with it need {need}, {have} left")
        }
        (Code::PositiveAffinity, _, Some(with)) => {
            format!(
                "the rule {rule} wants it with {}, which is elsewhere",
                text(with)
            )
        }
        (Code::PositiveAffinity, ..) => format!("the rule {rule} wants it elsewhere"),
        (Code::NegativeAffinity, _, Some(other)) => {
            format!(
                "the rule {rule} keeps it apart from {}, which is there",
                text(other)
            )
        }
        (Code::NegativeAffinity, ..) => format!("the rule {rule} keeps it apart from others there"),
        (Code::LessPreferred, ..) => {
            format!("would do, but the rule {rule} prefers the chosen one")
        }
        (Code::NotChosen, Some((there, chosen)), _) => format!(
            "would do, with its fullest resource at {} of its limit; the chosen one has {}",
            share(there),
            share(chosen)
        ),
        (Code::NotChosen, ..) => "would do, but for the other guests".into(),
        (Code::Chosen, _, Some(Value::Number(full))) => {
            format!(
                "chosen; its fullest resource is at {} of its limit",
                share(*full)
            )
        }
        (Code::Chosen, ..) => "chosen".into(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Name(text) => name(text),
    }
}

/// What a rule says.
pub fn rule(problem: &Problem, rule: &Rule) -> String {
    let guests = rule
        .guests
        .iter()
        .map(|&at| problem.guests[at].sid.as_str());
    let guests = names(guests);
    match &rule.kind {
        RuleKind::Nodes { nodes, strict } => {
            let nodes = nodes.iter().map(|(at, _)| problem.nodes[*at].name.as_str());
            let nodes = match nodes.len() {
                0 => "no node of these".into(),
                _ => names(nodes),
            };
            match strict {
                true => format!("{guests}: only on {nodes}"),
                false => format!("{guests}: rather on {nodes}"),
            }
        }
        RuleKind::Together => format!("{guests}: on one node"),
        RuleKind::Apart => format!("{guests}: on different nodes"),
    }
}

/// What was given up, by the word of the document.
pub fn given(problem: &Problem, word: &str) -> String {
    let steps = &problem.policy.relax;
    let step = steps.iter().find(|step| step.name() == word);
    match step {
        Some(Relaxation::Reservations) => {
            "what is reserved for guests that are not listed was used".into()
        }
        Some(Relaxation::HardLimit) => {
            "nodes were filled over their hard limit, up to capacity and overcommit".into()
        }
        Some(Relaxation::Usage) => "guests were charged what they use, not their size".into(),
        Some(Relaxation::Maintenance) => "nodes in maintenance were used".into(),
        Some(Relaxation::NegativeAffinity) => "guests to be kept apart may be on one node".into(),
        Some(Relaxation::PositiveAffinity) => "guests to be kept together may be apart".into(),
        Some(Relaxation::NodeAffinity) => "guests may be on nodes that no rule names".into(),
        Some(Relaxation::Rule(id)) => format!("the rule {} was not kept", name(id)),
        None => name(word),
    }
}

/// What would help.
pub fn remedy(remedy: &Remedy) -> String {
    let mut ways = Vec::new();
    if let Some(resource) = &remedy.resource {
        let more = match remedy.amount {
            Some(amount) => quantity(resource, amount),
            None => name(resource),
        };
        let node = remedy
            .node
            .as_deref()
            .map(|node| format!(" on {}", name(node)));
        ways.push(format!("{more} more{}", node.unwrap_or_default()));
    }
    if let Some(rule) = &remedy.rule {
        ways.push(format!("without the rule {}", name(rule)));
    }
    ways.join(", or ")
}
