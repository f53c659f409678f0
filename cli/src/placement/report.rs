//! What is shown of an answer, on a terminal as on a page: a verdict, sentences, tables and loads. All text in it
//! is printable.

use std::collections::{BTreeMap, BTreeSet};

use pve_native_core::Severity;
use pve_native_core::placement::answer::{Answer, Status};
use pve_native_core::placement::instance::{Code, Reason};
use pve_native_core::placement::problem::{Objective, Problem, Task};
use pve_native_core::text::thousands;

use super::amount::{amount, share};
use super::loads::{Loads, loads};
use super::words::{self, name, names};
use crate::human::size;

/// Rows that are made for a table; more are counted.
const ROWS: usize = 5000;

/// An answer, ready to be shown.
pub struct Report {
    /// Whether the answer is "yes".
    pub is_good: bool,
    /// The verdict in a word.
    pub word: &'static str,
    /// The same in a sentence.
    pub summary: String,
    /// What else is to be said.
    pub sentences: Vec<(Severity, String)>,
    /// What there are many of.
    pub tables: Vec<Table>,
    /// What is on the nodes.
    pub loads: Vec<Loads>,
}

/// A table.
pub struct Table {
    /// What it is of.
    pub title: &'static str,
    /// The names of its columns.
    pub heading: Vec<&'static str>,
    /// Its rows, each as long as the heading.
    pub rows: Vec<Vec<String>>,
    /// How many there are besides.
    pub left_out: usize,
}

impl Table {
    fn new(title: &'static str, heading: &[&'static str]) -> Table {
        Table {
            title,
            heading: heading.to_vec(),
            rows: Vec::new(),
            left_out: 0,
        }
    }

    fn row(&mut self, row: impl FnOnce() -> Vec<String>) {
        match self.rows.len() < ROWS {
            true => self.rows.push(row()),
            false => self.left_out += 1,
        }
    }
}

/// Whether the answer is "yes": nothing is unplaced, in conflict, lost or unsure. That rules which can be kept
/// would not survive a loss of nodes is good to know, and no "no".
pub fn is_good(problem: &Problem, answer: &Answer) -> bool {
    let is_asked = problem.task == Task::WhatIf;
    !matches!(answer.status, Status::Infeasible | Status::Unknown)
        && answer.unplaced.is_empty()
        && answer.conflict.is_empty()
        && (!is_asked || answer.survives.iter().all(|case| case.ok == Some(true)))
}

impl Report {
    /// What is to be shown of an answer; `explained` if reasons were asked for.
    pub fn new(problem: &Problem, answer: &Answer, explained: bool) -> Report {
        let tables = [
            placements(problem, answer),
            moves(answer),
            unplaced(answer),
            conflict(problem, answer),
            cases(problem, answer),
            explained.then(|| explanations(answer)).flatten(),
        ];
        Report {
            is_good: is_good(problem, answer),
            word: word(problem, answer),
            summary: summary(problem, answer),
            sentences: sentences(problem, answer),
            tables: tables.into_iter().flatten().collect(),
            loads: loads(problem, answer),
        }
    }
}

fn word(problem: &Problem, answer: &Answer) -> &'static str {
    let lost = |ok| answer.survives.iter().any(|case| case.ok == ok);
    match problem.task {
        Task::WhatIf if lost(Some(false)) => "not survived",
        Task::WhatIf if lost(None) => Status::Unknown.name(),
        Task::WhatIf if is_good(problem, answer) => "survived",
        _ => answer.status.name(),
    }
}

fn count(number: usize, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {one}{plural}", thousands(number as u64))
}

fn summary(problem: &Problem, answer: &Answer) -> String {
    let unsure = answer.status == Status::Unknown;
    match problem.task {
        Task::Place | Task::Recover => {
            let (placed, lost) = (answer.placements.len(), answer.unplaced.len());
            match (placed, lost) {
                (0, 0) if unsure => "the work ended before any guest had a node".into(),
                (0, 0) => "every guest is on a node that is online".into(),
                (1, 0) => "the guest has a node".into(),
                (_, 0) => format!("all of {} have a node", count(placed, "guest")),
                _ => {
                    let lost = thousands(lost as u64);
                    let all = count(placed + answer.unplaced.len(), "guest");
                    let verb = if answer.unplaced.len() == 1 {
                        "has"
                    } else {
                        "have"
                    };
                    format!("{lost} of {all} {verb} no node")
                }
            }
        }
        Task::Rebalance | Task::Pack => match answer.moves.len() {
            0 if unsure => "the work ended before there was an answer".into(),
            0 if answer.status == Status::Infeasible => "no moves can do it".into(),
            0 => "no guest is to move".into(),
            moved => {
                let bytes = answer.moves.iter().map(|one| one.bytes);
                let bytes = bytes.fold(0u64, u64::saturating_add);
                let steps = answer.moves.iter().map(|one| one.step).max().unwrap_or(0);
                let steps = count(steps.max(1), "step");
                format!(
                    "{} in {steps}, {} to copy",
                    count(moved, "move"),
                    size(bytes)
                )
            }
        },
        Task::WhatIf => {
            let with = |ok| answer.survives.iter().filter(|case| case.ok == ok).count();
            let all = answer.survives.len();
            let unknown = match with(None) {
                0 => String::new(),
                count => format!("; of {} it is not known", thousands(count as u64)),
            };
            match with(Some(false)) {
                0 if all == 0 && unsure => "the work ended before any case was looked at".into(),
                0 if all == 0 => "no node fails in any case".into(),
                0 if unknown.is_empty() && all == 1 => "the case is survived".into(),
                0 if unknown.is_empty() => format!("all of {} are survived", count(all, "case")),
                0 => format!(
                    "{} of {} are survived{unknown}",
                    with(Some(true)),
                    count(all, "case")
                ),
                bad => {
                    let verb = if bad == 1 { "is" } else { "are" };
                    let bad = thousands(bad as u64);
                    format!(
                        "{bad} of {} {verb} not survived{unknown}",
                        count(all, "case")
                    )
                }
            }
        }
        Task::Feasibility => match (answer.conflict.len(), is_good(problem, answer)) {
            (0, true) if answer.survives.iter().any(|case| case.ok == Some(false)) => {
                "all rules can be kept together, but not after each loss of nodes".into()
            }
            (0, true) => "all rules can be kept together".into(),
            (0, false) if unsure => "the work ended before it was known".into(),
            (0, false) => "not all rules can be kept".into(),
            (1, _) => "one rule cannot be kept".into(),
            (rules, _) => format!("{} cannot be kept together", count(rules, "rule")),
        },
    }
}

fn sentences(problem: &Problem, answer: &Answer) -> Vec<(Severity, String)> {
    let mut out = Vec::new();
    let proved = match (problem.task, answer.status) {
        (Task::WhatIf, _) => None,
        (_, Status::Optimal) if answer.objective.is_none() => None,
        (_, Status::Optimal) => Some("it is proved that no answer is better"),
        (Task::Feasibility, _) | (_, Status::Relaxed) => None,
        (_, Status::Feasible) if answer.gap == Some(0.0) => {
            Some("that it is the best in all else is not proved")
        }
        (_, Status::Feasible) => Some("a better answer is not ruled out"),
        (_, Status::Infeasible) => Some("it is proved that nothing keeps everything"),
        (_, Status::Unknown) => {
            Some("nothing is proved; more work (work-limit, time-limit) may do it")
        }
    };
    let goal = goal(problem, answer);
    let both: Vec<String> = goal.into_iter().chain(proved.map(str::to_string)).collect();
    if !both.is_empty() {
        out.push((Severity::Info, both.join("; ")));
    }
    let steps = answer.relaxed.iter().map(|step| {
        let text = format!("given up: {}", words::given(problem, step));
        (Severity::Warning, text)
    });
    out.extend(steps);
    if !answer.no_data.is_empty() {
        let resource = |all: &[String]| names(all.iter().map(String::as_str));
        // Mostly all guests lack the same.
        let mut lacking: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (sid, resources) in &answer.no_data {
            lacking.entry(resource(resources)).or_default().push(sid);
        }
        let text = lacking.iter().map(|(resources, sids)| {
            let sids = names(sids.iter().copied());
            format!("no data of {resources} for {sids}: the configured size stands in")
        });
        out.extend(text.map(|text| (Severity::Warning, text)));
    }
    if let Some(seconds) = answer.elapsed {
        out.push((Severity::Info, format!("it took {:.1} ms", seconds * 1e3)));
    }
    out
}

/// How good the answer is, and how good any can be.
fn goal(problem: &Problem, answer: &Answer) -> Option<String> {
    let (objective, bound) = (answer.objective?, answer.bound);
    let is_move = matches!(problem.task, Task::Rebalance | Task::Pack);
    let is_least = bound.is_some_and(|bound| bound >= objective);
    let usual = match problem.task {
        Task::Rebalance => Objective::FewestMoves,
        Task::Pack => Objective::Pack,
        _ => Objective::Spread,
    };
    let (is, least) = match problem.policy.objective.unwrap_or(usual) {
        Objective::Spread => (
            format!("the highest load is {} of its limit", share(objective)),
            bound.map(share),
        ),
        Objective::Pack => (
            format!("nodes in use: {}", amount("", objective)),
            bound.map(|bound| amount("", bound.ceil())),
        ),
        // Who has no node does not move.
        Objective::FewestMoves if !is_move => return None,
        Objective::FewestMoves => (
            format!("moves: {}", amount("", objective)),
            bound.map(|bound| amount("", bound.ceil())),
        ),
    };
    match (least, answer.gap) {
        (Some(_), _) if is_least => match answer.status {
            Status::Optimal => Some(is),
            _ => Some(format!("{is}, the least there can be")),
        },
        (Some(least), Some(gap)) => {
            let gap = share(gap);
            Some(format!("{is}, none can be under {least} (a gap of {gap})"))
        }
        _ => Some(is),
    }
}

fn placements(problem: &Problem, answer: &Answer) -> Option<Table> {
    if !matches!(problem.task, Task::Place | Task::Recover) || answer.placements.is_empty() {
        return None;
    }
    let mut table = Table::new(
        "Guests that get a node",
        &["GUEST", "CPU", "MEMORY", "FROM", "TO"],
    );
    for (sid, to) in &answer.placements {
        table.row(|| {
            let guest = problem.guests.binary_search_by(|g| g.sid.as_str().cmp(sid));
            let guest = guest.ok().map(|at| &problem.guests[at]);
            let need = |at: usize| {
                let resource = &problem.resources[at];
                let need = guest.map(|guest| resource.real(guest.need[at]));
                need.map_or("-".into(), |need| amount(&resource.name, need))
            };
            let from = guest.and_then(|guest| guest.node);
            let from = from.map_or("-".into(), |node| name(&problem.nodes[node].name));
            let (cpu, mem) = (need(Problem::CPU), need(Problem::MEM));
            vec![name(sid), cpu, mem, from, name(to)]
        });
    }
    Some(table)
}

fn moves(answer: &Answer) -> Option<Table> {
    let mut table = Table::new("Moves", &["STEP", "GUEST", "FROM", "TO", "TO COPY"]);
    for one in &answer.moves {
        table.row(|| {
            let (step, bytes) = (one.step.to_string(), size(one.bytes));
            vec![step, name(&one.sid), name(&one.from), name(&one.to), bytes]
        });
    }
    (!answer.moves.is_empty()).then_some(table)
}

fn unplaced(answer: &Answer) -> Option<Table> {
    let mut table = Table::new("Guests without a node", &["GUEST", "NODE", "WHY NOT"]);
    for sid in &answer.unplaced {
        let reasons = answer.why.get(sid);
        reasons_of(&mut table, sid, reasons.unwrap_or(&BTreeMap::new()));
    }
    (!answer.unplaced.is_empty()).then_some(table)
}

/// The nodes with the same reason in one row, those that are nearest to being chosen first.
fn reasons_of(table: &mut Table, sid: &str, reasons: &BTreeMap<String, Reason>) {
    let mut alike: Vec<(Code, String, Vec<&str>)> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (node, reason) in reasons {
        let text = words::reason(reason);
        let at = *known.entry(text).or_insert_with_key(|text| {
            alike.push((reason.code, text.clone(), Vec::new()));
            alike.len() - 1
        });
        alike[at].2.push(node);
    }
    alike.sort_by_key(|(code, ..)| std::cmp::Reverse(*code));
    if alike.is_empty() {
        table.row(|| vec![name(sid), "-".into(), "not explained".into()]);
    }
    for (at, (_, text, nodes)) in alike.into_iter().enumerate() {
        let sid = if at == 0 { name(sid) } else { String::new() };
        table.row(|| vec![sid, names(nodes.into_iter()), text]);
    }
}

fn explanations(answer: &Answer) -> Option<Table> {
    let mut table = Table::new("Why", &["GUEST", "NODE", "WHY"]);
    // Those without a node have a table of their own.
    let unplaced: BTreeSet<&String> = answer.unplaced.iter().collect();
    let placed = answer.why.iter();
    for (sid, reasons) in placed.filter(|(sid, _)| !unplaced.contains(sid)) {
        reasons_of(&mut table, sid, reasons);
    }
    (!table.rows.is_empty()).then_some(table)
}

fn conflict(problem: &Problem, answer: &Answer) -> Option<Table> {
    let mut table = Table::new("Rules that cannot be kept", &["RULE", "WHAT IT SAYS"]);
    for id in &answer.conflict {
        table.row(|| {
            let rule = problem.rules.iter().find(|rule| rule.id == *id);
            let says = rule.map_or(String::new(), |rule| words::rule(problem, rule));
            vec![name(id), says]
        });
    }
    (!answer.conflict.is_empty()).then_some(table)
}

/// The cases that are not survived, then those of which that is not known.
fn cases(problem: &Problem, answer: &Answer) -> Option<Table> {
    let title = match problem.task {
        Task::Feasibility => "Losses after which the rules cannot be kept",
        _ => "Cases that are not survived",
    };
    let mut table = Table::new(title, &["FAILED", "GUESTS LOST", "LOST", "WHAT WOULD HELP"]);
    for ok in [Some(false), None] {
        for case in answer.survives.iter().filter(|case| case.ok == ok) {
            table.row(|| {
                let lost = names(case.lost.iter().map(String::as_str));
                let count = match ok {
                    None => "not known".into(),
                    _ => thousands(case.lost.len() as u64),
                };
                let help = case.remedy.as_ref().map_or(String::new(), words::remedy);
                vec![
                    names(case.failed.iter().map(String::as_str)),
                    count,
                    lost,
                    help,
                ]
            });
        }
    }
    (!table.rows.is_empty()).then_some(table)
}
