//! How to choose: the policy of a problem.

use super::document;
use super::number::MILLION;
use crate::codes::codes;
use crate::error::{Error, Result};
use crate::limits;
use crate::text::printable;

codes! {
    /// What is best among the answers that keep all rules.
    pub enum Objective {
        /// The lowest highest load.
        Spread = "spread",
        /// The fewest nodes in use.
        Pack = "pack",
        /// The fewest moves.
        FewestMoves = "fewest-moves",
    }
}

codes! {
    /// What is charged to a node for a guest.
    pub enum Basis {
        /// What it is configured to have.
        Size = "size",
        /// What it uses now.
        Usage = "usage",
        /// A percentile of what it has used.
        Percentile = "percentile",
    }
}

/// A step of the declared ladder: what may be given up when there is no answer otherwise, in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relaxation {
    /// `reservations`: what is reserved for guests that are not listed.
    Reservations,
    /// `hard-limit`: nodes may be filled to capacity × overcommit.
    HardLimit,
    /// `usage`: guests are charged what they use and not their size, but for those whose `book` is `size`.
    Usage,
    /// `maintenance`: nodes in maintenance may be used.
    Maintenance,
    /// `negative-affinity`: guests that are to be apart may be together.
    NegativeAffinity,
    /// `positive-affinity`: guests that are to be together may be apart.
    PositiveAffinity,
    /// `node-affinity`: guests may be on nodes that no rule names.
    NodeAffinity,
    /// `rule:ID`: one rule need not be kept.
    Rule(String),
}

impl Relaxation {
    /// The word of the document.
    pub fn name(&self) -> String {
        match self {
            Relaxation::Reservations => "reservations".to_owned(),
            Relaxation::HardLimit => "hard-limit".to_owned(),
            Relaxation::Usage => "usage".to_owned(),
            Relaxation::Maintenance => "maintenance".to_owned(),
            Relaxation::NegativeAffinity => "negative-affinity".to_owned(),
            Relaxation::PositiveAffinity => "positive-affinity".to_owned(),
            Relaxation::NodeAffinity => "node-affinity".to_owned(),
            Relaxation::Rule(id) => format!("rule:{id}"),
        }
    }

    fn from_name(name: &str) -> Result<Relaxation> {
        Ok(match name {
            "reservations" => Relaxation::Reservations,
            "hard-limit" => Relaxation::HardLimit,
            "usage" => Relaxation::Usage,
            "maintenance" => Relaxation::Maintenance,
            "negative-affinity" => Relaxation::NegativeAffinity,
            "positive-affinity" => Relaxation::PositiveAffinity,
            "node-affinity" => Relaxation::NodeAffinity,
            _ => match name.strip_prefix("rule:") {
                Some(id) => Relaxation::Rule(id.to_owned()),
                None => {
                    return Err(Error::argument(format!(
                        "relax: {} is none of reservations, hard-limit, usage, maintenance, \
                         negative-affinity, positive-affinity, node-affinity, rule:ID",
                        printable(name.as_bytes())
                    )));
                }
            },
        })
    }
}

/// How to choose.
#[derive(Clone, Debug)]
pub struct Policy {
    /// What is best.
    pub objective: Option<Objective>,
    /// What is charged for a guest that does not say so itself.
    pub basis: Basis,
    /// Which percentile.
    pub percentile: f64,
    /// What may be given up, in this order.
    pub relax: Vec<Relaxation>,
    /// How many nodes may fail at once (what-if).
    pub failures: usize,
    /// The names of nodes that have failed, by case.
    pub failed: Vec<Vec<String>>,
    /// Where a search ends, in nodes of the search tree; 0: where we think it should.
    pub work_limit: u64,
    /// Seconds after which it is cut off.
    pub time_limit: f64,
    /// Whether the answer says how long it took.
    pub report_elapsed: bool,
}

/// One of the words of a key.
pub(super) fn word<T: Copy>(
    key: &str,
    all: &[T],
    name: fn(T) -> &'static str,
    value: &str,
) -> Result<T> {
    let found = all.iter().find(|&&one| name(one) == value);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|&one| name(one)).collect();
        let shown = printable(value.as_bytes());
        Error::argument(format!("{key}: {shown} is none of {}", names.join(", ")))
    })
}

pub(super) fn read(from: &document::Policy) -> Result<Policy> {
    let objective = from.objective.as_deref();
    let objective =
        objective.map(|o| word("policy: objective", Objective::ALL, Objective::name, o));
    let basis = from.basis.as_deref().unwrap_or("size");
    let percentile = from.percentile.map_or(95.0, |p| p.real());
    if !(0.0..=100.0).contains(&percentile) {
        return Err(Error::argument(format!(
            "policy: percentile {percentile} is over 100"
        )));
    }
    let failures = from
        .failures
        .map_or(Ok(1), |n| n.whole(&|| "policy: failures".to_owned()))?;
    if failures > limits::PLACEMENT_FAILURES {
        let most = limits::PLACEMENT_FAILURES;
        return Err(Error::limit(format!(
            "policy: failures {failures} is over {most}"
        )));
    }
    if from.failed.len() > limits::PLACEMENT_CASES {
        return Err(Error::limit("policy: failed has too many cases"));
    }
    let work_limit = from
        .work_limit
        .map_or(Ok(0), |n| n.whole(&|| "policy: work-limit".to_owned()))?;
    Ok(Policy {
        objective: objective.transpose()?,
        basis: word("policy: basis", Basis::ALL, Basis::name, basis)?,
        percentile,
        relax: from
            .relax
            .iter()
            .map(|name| Relaxation::from_name(name))
            .collect::<Result<_>>()?,
        failures: failures as usize,
        failed: from.failed.clone(),
        work_limit,
        time_limit: from.time_limit.map_or(10.0, |s| s.real()),
        report_elapsed: from.report_elapsed.0,
    })
}

/// Factors of one resource, in millionths.
pub(super) struct Factors {
    pub overcommit: u64,
    pub hard: u64,
    pub soft: u64,
}

pub(super) fn factors(from: &document::Policy, resource: &str) -> Result<Factors> {
    let of = |key: &str, map: &document::Map<super::number::Number>| {
        let what = || format!("policy: {key} of {}", printable(resource.as_bytes()));
        map.0
            .get(resource)
            .map_or(Ok(MILLION), |factor| factor.factor(&what))
    };
    Ok(Factors {
        overcommit: of("overcommit", &from.overcommit)?,
        hard: of("hard-limit", &from.hard_limit)?,
        soft: of("soft-limit", &from.soft_limit)?,
    })
}
