//! The linear program over known patterns: as few bins as possible, every item in at least one, no
//! class used more often than there are bins of it (Gilmore and Gomory, 1961).
//!
//! Here is what it holds, what is added and what is decided; `simplex` solves it. Its numbers steer
//! only: bounds are proven elsewhere, in integers.

use super::model::{Model, Pattern};

/// The right sides are moved by up to this, so that ties are rare (no cycling).
const PERTURBATION: f64 = 1e-5;

/// A pattern as a column: rows and how often.
#[derive(Debug, Clone)]
pub struct Column {
    pub pattern: Pattern,
    pub(super) rows: Vec<(u32, f64)>,
}

/// The linear program and its basis.
///
/// Variables are numbered: first one for each row that alone fulfils it (an item left over, or bins
/// of a class not used), then for each row what is above the demand, then the columns.
#[derive(Debug, Clone)]
pub struct Master {
    pub(super) rows: usize,
    pub(super) kinds: usize,
    /// By class: its row, if its number of bins is limited.
    pub(super) class_rows: Vec<Option<usize>>,
    pub(super) right: Vec<f64>,
    /// The right sides without what keeps ties away.
    pub(super) asked: Vec<f64>,
    pub(super) unit_cost: f64,
    pub columns: Vec<Column>,
    pub(super) basis: Vec<usize>,
    pub(super) basic: Vec<bool>,
    pub(super) inverse: Vec<f64>,
    /// By row of the inverse, its length squared.
    pub(super) norm: Vec<f64>,
    /// The lengths are those of the inverse as it is.
    pub(super) normed: bool,
    pub(super) level: Vec<f64>,
    pub(super) dual: Vec<f64>,
    pub(super) pivots: usize,
}

impl Master {
    pub fn new(model: &Model) -> Self {
        let kinds = model.types();
        let limited = if model.unlimited {
            0
        } else {
            model.classes.len()
        };
        let rows = kinds + limited;
        let class_rows: Vec<Option<usize>> = (0..model.classes.len())
            .map(|i| (i < limited).then_some(kinds + i))
            .collect();
        // A multiplicative hash: spread evenly, and the same everywhere.
        let noise = |i: usize| (i as u32).wrapping_mul(2_654_435_769) as f64 / 2f64.powi(32);
        let mut asked: Vec<f64> = model.demand.iter().map(|&n| f64::from(n)).collect();
        let mut right: Vec<f64> = asked
            .iter()
            .enumerate()
            .map(|(i, asked)| asked + PERTURBATION * (1.0 + noise(i + 1)))
            .collect();
        let counts = model.classes.iter().map(|class| class.count as f64);
        asked.extend(counts.clone().take(limited));
        right.extend(counts.take(limited));
        // Alone in a bin, if there are bins enough; else what is worse than any packing.
        let bins: usize = model.classes.iter().map(|class| class.count).sum();
        let unit_cost = if model.unlimited {
            1.0
        } else {
            (bins + 1) as f64
        };
        let mut master = Self {
            rows,
            kinds,
            class_rows,
            right,
            asked,
            unit_cost,
            columns: Vec::new(),
            basis: Vec::new(),
            basic: vec![false; 2 * rows],
            inverse: Vec::new(),
            norm: Vec::new(),
            normed: false,
            level: Vec::new(),
            dual: Vec::new(),
            pivots: 0,
        };
        master.start();
        master
    }

    pub(super) fn start(&mut self) {
        let rows = self.rows;
        self.basic.fill(false);
        self.basis = (0..rows)
            .map(|i| if i < self.kinds { rows + i } else { i })
            .collect();
        self.inverse = vec![0.0; rows * rows];
        self.norm = vec![1.0; rows];
        self.normed = true;
        self.level = self.right.clone();
        self.dual = vec![0.0; rows];
        for i in 0..rows {
            self.basic[self.basis[i]] = true;
            let sign = if i < self.kinds { -1.0 } else { 1.0 };
            self.inverse[i * rows + i] = sign;
            self.level[i] *= sign;
        }
        self.pivots = 0;
    }

    pub fn add(&mut self, pattern: Pattern) {
        let mut rows: Vec<(u32, f64)> = pattern
            .items
            .iter()
            .map(|&(kind, n)| (kind as u32, f64::from(n)))
            .collect();
        rows.extend(self.class_rows[pattern.class].map(|row| (row as u32, 1.0)));
        self.columns.push(Column { pattern, rows });
        self.basic.push(false);
    }

    pub(super) fn cost(&self, variable: usize) -> f64 {
        match variable {
            v if v < self.kinds => self.unit_cost,
            v if v < 2 * self.rows => 0.0,
            _ => 1.0,
        }
    }

    /// The dual values of the types.
    pub fn duals(&self) -> &[f64] {
        &self.dual[..self.kinds]
    }

    /// What a bin of the class costs beyond 1.
    pub fn class_price(&self, class: usize) -> f64 {
        self.class_rows[class].map_or(0.0, |row| -self.dual[row])
    }

    /// The value of the program, as its duals have it.
    pub fn objective(&self) -> f64 {
        self.asked
            .iter()
            .zip(&self.dual)
            .map(|(asked, dual)| asked * dual)
            .sum()
    }

    /// What a pattern would save.
    pub fn saves(&self, pattern: &Pattern) -> f64 {
        let value: f64 = pattern
            .items
            .iter()
            .map(|&(kind, n)| f64::from(n) * self.dual[kind])
            .sum();
        value - 1.0 - self.class_price(pattern.class)
    }

    /// What a column would save, negated.
    pub(super) fn reduced_cost(&self, column: &Column) -> f64 {
        1.0 - column
            .rows
            .iter()
            .map(|&(row, n)| n * self.dual[row as usize])
            .sum::<f64>()
    }

    /// How often each column of the basis is used.
    pub fn values(&self) -> impl Iterator<Item = (f64, usize)> + '_ {
        let column = |(&variable, &level): (&usize, &f64)| {
            variable
                .checked_sub(2 * self.rows)
                .map(|column| (level, column))
        };
        self.basis.iter().zip(&self.level).filter_map(column)
    }

    /// Takes bins of a column out of the program: they are decided.
    pub fn fix(&mut self, column: usize, times: u32) {
        for i in 0..self.columns[column].rows.len() {
            let (row, n) = self.columns[column].rows[i];
            let row = row as usize;
            let before = self.right[row];
            let after = (before - n * f64::from(times)).max(0.0);
            // What is covered keeps its perturbation out of the way.
            let after = if after < 0.5 { 0.0 } else { after };
            self.right[row] = after;
            self.asked[row] = (self.asked[row] - n * f64::from(times)).max(0.0);
            let change = after - before;
            if change != 0.0 {
                for (level, inverse) in self
                    .level
                    .iter_mut()
                    .zip(self.inverse.chunks_exact(self.rows))
                {
                    *level += change * inverse[row];
                }
            }
        }
    }
}
