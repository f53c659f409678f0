//! How a change runs through the engine: cells or columns mean something else, so accounts change, so rows
//! do, and that is told.

use super::account::{Account, Meaning};
use super::history::{Event, Flaps};
use super::{Deadlines, Engine, Seen, Texts};
use crate::cluster::matrix::{
    Cell, Column, Config, Expected, GONE, Holders, Kind, Standing, judge,
};
use crate::limits;

/// What there is to tell of one operation at the most, as a bound of events.
const AT_ONCE: usize = limits::CLUSTER_EVENTS_AT_ONCE;

impl Engine {
    /// Makes room for rows and columns that the matrix has got.
    pub(super) fn grow(&mut self) {
        let rows = self.matrix.row_count();
        // Rows of a broadcast that was refused are gone again, and were never looked at.
        self.accounts
            .resize(rows.max(self.accounts.len()), Account::default());
        self.recency.grow(self.accounts.len());
        let columns = self.matrix.column_count();
        self.columns.resize(columns, Column::ABSENT);
        self.nodes.resize(columns, Seen::default());
    }

    #[inline]
    pub(super) fn meaning(
        &self,
        cell: &Cell,
        number: u32,
        column: &Column,
        holders: Holders<'_>,
    ) -> Meaning {
        if !column.is_present {
            return Ok(None);
        }
        let expected = holders.expects(number, column);
        judge(self.matrix.mode(), cell, column, expected)
    }

    /// Changes the account of a row, which is looked at later.
    fn shift(&mut self, row: u32, before: Meaning, after: Meaning) {
        let account = &mut self.accounts[row as usize];
        self.deadly = self
            .deadly
            .wrapping_add_signed(account.shift(before, after));
        self.touch(row);
    }

    fn touch(&mut self, row: u32) {
        let account = &mut self.accounts[row as usize];
        if !account.is_dirty {
            account.is_dirty = true;
            self.dirty.push(row);
        }
    }

    /// A node is another, or its broadcast is: `was` are the cells that are not what they were.
    pub(super) fn settle_node(&mut self, number: u32, was: &[(u32, Cell)], why: &'static str) {
        let old = self.columns[number as usize];
        let new = self.matrix.standing_of(number);
        self.columns[number as usize] = new;
        let until = self.matrix.fresh_until(number);
        let is_live = new.standing == Standing::Live;
        self.deadlines.set(number, until.filter(|_| is_live));
        let is_told = is_live && new.counts_like(&old);
        let mut told = 0;
        for &(row, before) in was {
            let after = *self.matrix.said(row, number);
            let account = &mut self.accounts[row as usize];
            account.held += u16::from(after.kind != Kind::None);
            account.held -= u16::from(before.kind != Kind::None);
            let holders = self.matrix.holders(row);
            // What the column counts for is looked at below.
            let before = self.meaning(&before, number, &old, holders);
            let after = self.meaning(&after, number, &old, holders);
            self.shift(row, before, after);
            told += usize::from(is_told && self.tell_cell(row, number, before, after, told));
        }
        self.history.pass_over(told.saturating_sub(AT_ONCE));
        if !new.counts_like(&old) {
            self.turn(number, &old, &new);
            self.tell_node(number, &old, &new, why);
        }
        self.settle_rows(why);
    }

    /// All cells of a column count for something else.
    fn turn(&mut self, number: u32, old: &Column, new: &Column) {
        for row in 0..self.matrix.row_count() as u32 {
            let (cell, holders) = (self.matrix.said(row, number), self.matrix.holders(row));
            let before = self.meaning(cell, number, old, holders);
            let after = self.meaning(cell, number, new, holders);
            if before != after {
                self.shift(row, before, after);
            }
        }
    }

    /// Looks at all columns again.
    pub(super) fn look_again(&mut self, why: &'static str) {
        for number in 0..self.columns.len() as u32 {
            self.settle_node(number, &[], why);
        }
        self.settle_rows(why);
    }

    /// Other LUNs are expected on other nodes, or have other names. Columns are looked at later.
    pub(super) fn reconfigure(&mut self, config: &Config, expected: &Expected) {
        for row in 0..self.matrix.row_count() as u32 {
            let wwid = self.matrix.wwid(row);
            let is_called = config.names_of(wwid) == self.matrix.config().names_of(wwid);
            let (old, new) = (expected.holders(row), self.matrix.holders(row));
            if old.are(new) && is_called {
                continue;
            }
            for number in 0..self.columns.len() as u32 {
                let (old, new) = (expected.holders(row), self.matrix.holders(row));
                let (cell, column) = (self.matrix.said(row, number), self.columns[number as usize]);
                let before = self.meaning(cell, number, &column, old);
                let after = self.meaning(cell, number, &column, new);
                if before != after {
                    self.shift(row, before, after);
                }
            }
            self.touch(row);
        }
    }

    /// Looks at the rows whose accounts have changed.
    fn settle_rows(&mut self, why: &'static str) {
        if self.dirty.is_empty() {
            return;
        }
        self.generation += 1;
        let (now, mut told) = (self.matrix.now(), 0);
        for row in std::mem::take(&mut self.dirty) {
            let is_shown = self.matrix.is_allowed(row) || self.accounts[row as usize].held > 0;
            let account = &mut self.accounts[row as usize];
            account.is_dirty = false;
            let (old, new) = (account.shown, is_shown.then(|| account.state()));
            account.shown = new;
            if old.is_none() && new.is_none() {
                continue;
            }
            self.recency.touch(row, self.generation);
            if old == new {
                continue;
            }
            let wwid = self.matrix.wwid(row);
            let (lasted, flaps) = match old {
                None => {
                    account.flaps = Flaps::begin(now);
                    (None, 0)
                }
                Some(_) => account.flaps.change(now),
            };
            if new.is_none() {
                self.history.remove(self.generation, wwid);
            }
            // That a LUN is there and well is no event.
            if old.is_none() && new.is_some_and(|state| !state.is_bad()) {
                continue;
            }
            told += 1;
            if told <= AT_ONCE {
                self.history.tell(Event {
                    wwid: Some(wwid.into()),
                    node: None,
                    from: old.map(|state| state.name()),
                    to: new.map(|state| state.name()),
                    reason: Some(why),
                    since: now,
                    lasted,
                    flaps,
                });
            }
        }
        self.history.pass_over(told.saturating_sub(AT_ONCE));
    }

    /// Tells of a cell whose state has changed; whether it has. Only the first ones are told.
    fn tell_cell(
        &mut self,
        row: u32,
        number: u32,
        before: Meaning,
        after: Meaning,
        told: usize,
    ) -> bool {
        let (Ok(before), Ok(after)) = (before, after) else {
            return false;
        };
        let (from, to) = (before.map(|cell| cell.state), after.map(|cell| cell.state));
        let is_news = from.is_some() || to.is_some_and(|state| state.is_bad());
        if from == to || !is_news {
            return false;
        }
        let now = self.matrix.now();
        let (lasted, flaps) = self.history.change((row, number), now);
        if told < AT_ONCE {
            self.history.tell(Event {
                wwid: Some(self.matrix.wwid(row).into()),
                node: Some(self.matrix.node(number).name().into()),
                from: from.map(|state| state.name()),
                to: to.map(|state| state.name()),
                reason: after
                    .and_then(|cell| cell.reason)
                    .map(|reason| reason.name()),
                since: now,
                lasted,
                flaps,
            });
        }
        true
    }

    /// Tells that a node has come, gone, or counts for something else.
    fn tell_node(&mut self, number: u32, old: &Column, new: &Column, why: &'static str) {
        let standing = |column: &Column| column.is_present.then(|| column.standing.name());
        let (from, to) = (standing(old), standing(new));
        if from == to {
            return;
        }
        let now = self.matrix.now();
        let flaps = &mut self.nodes[number as usize].flaps;
        let (lasted, flaps) = match from {
            None => {
                *flaps = Flaps::begin(now);
                (None, 0)
            }
            Some(_) => flaps.change(now),
        };
        self.history.tell(Event {
            wwid: None,
            node: Some(self.matrix.node(number).name().into()),
            from,
            to,
            reason: Some(why),
            since: now,
            lasted,
            flaps,
        });
    }

    /// Throws away what is of no use any more, if there is much of it.
    pub(super) fn tidy(&mut self) {
        let (rows, values) = (self.matrix.row_count(), self.matrix.value_count());
        let is_much = |now: usize, kept: usize| now > 2 * kept + 4096;
        let absent = self.columns.iter().filter(|column| !column.is_present);
        if is_much(rows, self.kept.0) || is_much(values, self.kept.1) || absent.count() > 64 {
            self.compact();
        }
    }

    /// Throws away what is of no use any more. The answer stays what it is.
    pub(super) fn compact(&mut self) {
        let new = self.matrix.compact();
        let is_kept = |number: &u32| *number != GONE;
        fn kept<T: Clone>(all: &mut Vec<T>, new: &[u32]) {
            let mut numbers = new.iter();
            all.truncate(new.len());
            all.retain(|_| numbers.next().is_some_and(|&number| number != GONE));
        }
        kept(&mut self.accounts, &new.rows);
        kept(&mut self.columns, &new.columns);
        kept(&mut self.nodes, &new.columns);
        self.recency = self.recency.renumbered(&new.rows, GONE);
        self.history.renumber(|(row, column)| {
            let row = new.rows.get(row as usize).copied().filter(is_kept)?;
            let column = new.columns.get(column as usize).copied().filter(is_kept)?;
            Some((row, column))
        });
        self.deadlines = Deadlines::default();
        for number in 0..self.columns.len() as u32 {
            let is_live = self.columns[number as usize].standing == Standing::Live;
            let until = self.matrix.fresh_until(number).filter(|_| is_live);
            self.deadlines.set(number, until);
        }
        self.texts = Texts::default();
        self.kept = (self.matrix.row_count(), self.matrix.value_count());
    }
}
