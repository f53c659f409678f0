//! What the document says of a rule.

use std::collections::{BTreeMap, BTreeSet};

use super::read::shown;
use super::{Problem, Rule, RuleKind, document};
use crate::error::{Error, Result};

pub(super) fn read(from: &document::Rule, problem: &Problem) -> Result<Rule> {
    let of = |what: &str| Error::argument(format!("rule {}: {what}", shown(&from.id)));
    let affinity = from.affinity.as_deref();
    let kind = match (from.kind.as_str(), &from.nodes, affinity) {
        ("node-affinity", Some(nodes), None) => {
            let mut of_problem = BTreeMap::new();
            for (name, priority) in &nodes.0 {
                let what = || format!("rule {}: priority of {}", shown(&from.id), shown(name));
                let priority = priority.whole(&what)?;
                if let Some(node) = problem.node(name) {
                    of_problem.insert(node, priority);
                }
            }
            RuleKind::Nodes {
                nodes: of_problem.into_iter().collect(),
                strict: from.strict.is_some_and(|s| s.0),
            }
        }
        ("node-affinity", None, _) => return Err(of("it names no nodes")),
        ("node-affinity", ..) => return Err(of("affinity is for guests")),
        ("resource-affinity", None, Some("positive")) => RuleKind::Together,
        ("resource-affinity", None, Some("negative")) => RuleKind::Apart,
        ("resource-affinity", Some(_), _) => return Err(of("nodes are for node-affinity")),
        ("resource-affinity", ..) => return Err(of("affinity is neither positive nor negative")),
        _ => {
            return Err(of(
                "its type is neither node-affinity nor resource-affinity",
            ));
        }
    };
    let position = |sid: &String| problem.guests.binary_search_by(|g| g.sid.cmp(sid)).ok();
    let guests: BTreeSet<usize> = from.sids.iter().filter_map(position).collect();
    Ok(Rule {
        id: from.id.clone(),
        guests: guests.into_iter().collect(),
        kind,
    })
}
