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
use crate::cluster::matrix::{Cell, Column, Flags, Judged, Matrix, Reason, Row, Standing};

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
        let (mut row, mut peers) = (Row::empty(matrix), Peers::default());
        for number in odd {
            // Nothing ends all in strict mode.
            if row.fold(columns, number).is_ok() {
                survey.look(&row, &mut peers);
            }
        }
        survey
    }

    fn look(&mut self, row: &Row<'_>, peers: &mut Peers) {
        let mut absent = Vec::new();
        let mut are_away = true;
        for (column, judged, cell) in row.by_column() {
            if let Some(code) = self.of_lun(row.number(), column, &judged, cell) {
                let extent = match code {
                    Code::LunDegraded => lost_paths(cell),
                    _ => 1,
                };
                self.note(code, row.number(), extent);
            }
            for code in of_entry(&judged, cell).into_iter().flatten() {
                self.entries.note(code, column, row.number(), Entry::odd());
            }
            if judged.reason == Some(Reason::NotAssembled) && self.without_luns[column as usize] {
                self.entries
                    .note(Code::NodeWithoutLuns, column, row.number(), Entry::odd());
            }
            if is_quiet(&judged) {
                absent.push(column);
                let standing = self.columns[column as usize].standing;
                are_away &= standing != Standing::Live;
            }
        }
        peers.read(self.matrix, row);
        for (column, entry) in peers.reduced() {
            self.entries
                .note(Code::ReducedRedundancy, column, row.number(), entry);
        }
        let differing = peers.differing_sizes();
        if differing > 0 {
            self.note(Code::SizeMismatch, row.number(), differing);
        }
        match row.state {
            MapState::Unknown if row.width() == 0 => self.quiet.note_alone(row.number(), &absent),
            _ if absent.is_empty() => {}
            MapState::Unknown if !are_away => {
                self.quiet.note_alone(row.number(), &absent);
            }
            MapState::Unknown => self.quiet.note(Code::LunUnknown, row.number(), &absent, 0),
            _ => {
                let telling = row.width() - absent.len();
                self.quiet
                    .note(Code::Coverage, row.number(), &absent, telling);
            }
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
    let is_without = |(number, column): (usize, &Column)| {
        let number = number as u32;
        column.standing == Standing::Live
            && !column.truncated
            && !matrix.has_allowed_map(number)
            && matrix.rows_for(number).nth(1).is_some()
    };
    columns.iter().enumerate().map(is_without).collect()
}
