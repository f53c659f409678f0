//! The one pass over the matrix: what there is to say of each LUN, and of the entries of each node, noted as
//! numbers. Sentences come later, and only of what is told.

use std::collections::BTreeMap;

use super::causes::Causes;
use super::entries::{Entries, Entry};
use super::peers::Peers;
use super::quiet::Quiet;
use super::sink::Sink;
use super::{Code, luns};
use crate::cluster::MapState;
use crate::cluster::matrix::{Cell, Column, Flags, Judged, Line, Matrix, Reason, Standing};

/// What a glance at all rows, and a look at those that need one, have found.
pub struct Survey<'m> {
    pub matrix: &'m Matrix,
    pub columns: &'m [Column],
    pub causes: &'m Causes<'m>,
    /// By column: the node has none of the several LUNs that it should have.
    without_luns: Vec<bool>,
    /// By code: rows, and how much there is of it.
    pub luns: BTreeMap<Code, Vec<(u32, u64)>>,
    pub entries: Entries,
    pub quiet: Quiet,
}

impl<'m> Survey<'m> {
    /// Looks at all rows.
    pub fn of(matrix: &'m Matrix, columns: &'m [Column], causes: &'m Causes<'m>) -> Self {
        let mut survey = Survey {
            matrix,
            columns,
            causes,
            without_luns: without_luns(matrix, columns),
            luns: BTreeMap::new(),
            entries: Entries::default(),
            quiet: Quiet::default(),
        };
        let mut quiet = Quiet::default();
        let odd = matrix.glance(columns, |row, absent, telling| {
            quiet.note(Code::Coverage, row, absent, telling);
        });
        survey.quiet = quiet;
        let mut peers = Peers::default();
        for row in odd {
            survey.look(survey.line(row), &mut peers);
        }
        survey
    }

    /// The cells of a row.
    pub fn line(&self, row: u32) -> Line<'m> {
        Line {
            matrix: self.matrix,
            columns: self.columns,
            row,
        }
    }

    fn look(&mut self, line: Line<'m>, peers: &mut Peers) {
        let row = line.row;
        let (mut width, mut known) = (0, 0);
        let mut absent = Vec::new();
        let mut are_away = true;
        let mut first: Option<&Cell> = None;
        let mut do_agree = true;
        for (column, judged, cell) in line.cells() {
            width += 1;
            known += usize::from(judged.state != MapState::Unknown);
            if judged.is_own {
                let first = *first.get_or_insert(cell);
                do_agree &= (cell.total == first.total) & (cell.size == first.size);
            }
            if judged.state == MapState::Optimal && !cell.is_odd() {
                continue;
            }
            if let Some(code) = self.of_lun(row, column, &judged, cell) {
                let extent = match code {
                    Code::LunDegraded => lost_paths(cell),
                    _ => 1,
                };
                self.note(code, row, extent);
            }
            for code in of_entry(&judged, cell).into_iter().flatten() {
                self.entries.note(code, column, row, Entry::odd());
            }
            let is_missing = judged.reason == Some(Reason::NotAssembled);
            if is_missing && self.without_luns[column as usize] {
                let code = Code::NodeWithoutLuns;
                self.entries.note(code, column, row, Entry::odd());
            }
            if is_quiet(&judged) {
                absent.push(column);
                are_away &= self.columns[column as usize].standing != Standing::Live;
            }
        }
        if !do_agree {
            self.compare(line, peers);
        }
        match (width, known) {
            (0, _) => self.quiet.note_alone(row, &absent),
            _ if absent.is_empty() => {}
            (_, 0) if !are_away => self.quiet.note_alone(row, &absent),
            (_, 0) => self.quiet.note(Code::LunUnknown, row, &absent, 0),
            _ => {
                let telling = width - absent.len();
                self.quiet.note(Code::Coverage, row, &absent, telling);
            }
        }
    }

    /// Holds the nodes' maps of a LUN against each other, of which some differ.
    fn compare(&mut self, line: Line<'m>, peers: &mut Peers) {
        peers.read(line);
        for (column, entry) in peers.reduced() {
            let code = Code::ReducedRedundancy;
            self.entries.note(code, column, line.row, entry);
        }
        match peers.differing_sizes() {
            0 => {}
            differing => self.note(Code::SizeMismatch, line.row, differing),
        }
    }

    fn note(&mut self, code: Code, row: u32, extent: u64) {
        let rows = self.luns.entry(code).or_default();
        match rows.last_mut() {
            Some((last, sum)) if *last == row => *sum = sum.saturating_add(extent),
            _ => rows.push((row, extent)),
        }
    }

    /// What a cell makes of its LUN, if nothing else says it already.
    pub fn of_lun(&self, row: u32, column: u32, judged: &Judged, cell: &Cell) -> Option<Code> {
        match (judged.state, judged.reason) {
            (MapState::Failed, _) => Some(match cell.flags {
                flags if flags.has(Flags::QUEUEING) => Code::LunFailedQueueing,
                flags if flags.has(Flags::KNOWN) => Code::LunFailedErroring,
                _ => Code::LunFailed,
            }),
            (MapState::Degraded, _) if self.causes.explain(row, column) => None,
            (MapState::Degraded, _) => Some(Code::LunDegraded),
            // Of a node that says nothing that is said once.
            (MapState::Missing, Some(Reason::NoBroadcast)) => None,
            (MapState::Missing, Some(_)) if self.without_luns[column as usize] => None,
            (MapState::Missing, _) => Some(Code::LunMissing),
            (_, Some(Reason::Suspended)) => Some(Code::Suspended),
            _ => None,
        }
    }

    /// Says all of it.
    pub fn say(self, sink: &mut Sink) {
        luns::say(&self, sink);
        self.entries.say(self.matrix, sink);
        self.quiet.say(self.matrix, self.columns, sink);
    }
}

/// How many paths of a map cannot be used; one if that is not known.
fn lost_paths(cell: &Cell) -> u64 {
    match (cell.active.as_small(), cell.total.as_small()) {
        (Some(active), Some(total)) => total.saturating_sub(active).max(1).into(),
        _ => 1,
    }
}

/// What is odd about an entry, for which its node is to blame.
fn of_entry(judged: &Judged, cell: &Cell) -> [Option<Code>; 3] {
    let of_reason = match judged.reason {
        Some(Reason::Malformed) => Some(Code::MalformedEntry),
        Some(Reason::UnrecognizedState) => Some(Code::UnrecognizedState),
        Some(Reason::ImpossibleCounts) => Some(Code::ImpossibleCounts),
        _ => None,
    };
    let flag = |flag, code| (judged.is_own && cell.flags.has(flag)).then_some(code);
    [
        of_reason,
        flag(Flags::DISAGREES, Code::StateDisagrees),
        flag(Flags::MARGINAL, Code::Marginal),
    ]
}

/// Whether nothing is known there, and no other code says so.
fn is_quiet(judged: &Judged) -> bool {
    let has_code = matches!(
        judged.reason,
        Some(
            Reason::Malformed
                | Reason::Suspended
                | Reason::UnrecognizedState
                | Reason::ImpossibleCounts
        )
    );
    judged.state == MapState::Unknown && !has_code
}

/// Nodes that report, and have none of several LUNs that they should have.
fn without_luns(matrix: &Matrix, columns: &[Column]) -> Vec<bool> {
    if matrix.config().allow.is_empty() {
        return vec![false; columns.len()];
    }
    let is_without = |(number, column): (usize, &Column)| {
        let number = number as u32;
        column.standing == Standing::Live
            && !column.truncated
            && !matrix.has_allowed_map(number)
            && matrix.rows_for(number).nth(1).is_some()
    };
    columns.iter().enumerate().map(is_without).collect()
}
