//! The revised simplex method on the linear program of `master`, with the inverse of the basis kept
//! explicitly: patterns hold few items, and much of it is zero.
//!
//! The primal method follows new patterns, with the Devex rule (Harris, 1973). The dual one finds the
//! first basis and follows decisions, along the steepest edge (Forrest and Goldfarb, 1992), whose
//! lengths the inverse holds exactly.

use super::master::Master;
use super::work::Work;

/// What counts as zero in a direction.
const TINY: f64 = 1e-9;
/// What a variable must save to enter the basis, and how far below zero a level counts.
const SAVED: f64 = 1e-7;
const BELOW: f64 = -1e-8;
/// Pivots after which the inverse is made anew.
const PIVOTS: usize = 1500;

impl Master {
    /// Optimises over the known columns; false where the work ended before.
    pub fn solve(&mut self, work: &mut Work) -> bool {
        if !self.repair(work) {
            return false;
        }
        // Devex (Harris, 1973): savings per length of an edge, by reference to where this began.
        let mut lengths = vec![1.0f64; self.rows + self.columns.len()];
        loop {
            self.refresh(work);
            let mut best = (0.0, 0.0, None);
            for (j, column) in self.columns.iter().enumerate() {
                let cost = self.reduced_cost(column);
                let steep = cost * cost / lengths[self.rows + j];
                if cost < -SAVED && steep > best.0 && !self.basic[2 * self.rows + j] {
                    best = (steep, cost, Some((self.rows + j, 2 * self.rows + j)));
                }
            }
            for (row, (&dual, length)) in self.dual.iter().zip(&lengths).enumerate() {
                let (cost, variable) = if row < self.kinds {
                    (dual, self.rows + row)
                } else {
                    (-dual, row)
                };
                let steep = cost * cost / length;
                if cost < -SAVED && steep > best.0 && !self.basic[variable] {
                    best = (steep, cost, Some((row, variable)));
                }
            }
            if !work.take(self.columns.len() * 3 + self.rows) {
                return false;
            }
            let (_, cost, Some((place, entering))) = best else {
                return true;
            };
            let direction = self.direction(entering);
            let mut leaving: Option<(f64, usize)> = None;
            for (i, &along) in direction.iter().enumerate() {
                if along <= TINY {
                    continue;
                }
                let ratio = self.level[i].max(0.0) / along;
                let better = leaving.is_none_or(|(least, row)| {
                    ratio < least - 1e-12 || ratio <= least + 1e-12 && along > direction[row]
                });
                if better {
                    leaving = Some((ratio, i));
                }
            }
            let Some((_, row)) = leaving else {
                return false;
            };
            let leaving = self.basis[row];
            let length = lengths[place];
            self.pivot(row, entering, cost, &direction, false, work);
            // The row of the inverse is divided by the pivot now: these are the ratios that count.
            let inverse = &self.inverse[row * self.rows..][..self.rows];
            for (i, along) in inverse.iter().enumerate() {
                lengths[i] = lengths[i].max(along * along * length);
            }
            for (j, column) in self.columns.iter().enumerate() {
                let along: f64 = column
                    .rows
                    .iter()
                    .map(|&(r, n)| n * inverse[r as usize])
                    .sum();
                let at = &mut lengths[self.rows + j];
                *at = at.max(along * along * length);
            }
            let left = leaving
                .checked_sub(2 * self.rows)
                .map_or(leaving % self.rows, |j| self.rows + j);
            lengths[left] = (length / (direction[row] * direction[row])).max(1.0);
        }
    }

    /// The dual simplex: back to levels that are not negative.
    fn repair(&mut self, work: &mut Work) -> bool {
        loop {
            self.refresh(work);
            if !self.level.iter().any(|&level| level < BELOW) {
                return true;
            }
            if !self.normed {
                self.norm = self
                    .inverse
                    .chunks_exact(self.rows)
                    .map(|r| square(r).max(1e-8))
                    .collect();
                self.normed = true;
            }
            // The steepest edge: by how far below zero, per length of the row of the inverse.
            let mut steepest = None;
            for (i, &level) in self.level.iter().enumerate() {
                if level < BELOW {
                    let steep = level * level / self.norm[i];
                    if steepest.is_none_or(|(most, _)| steep > most) {
                        steepest = Some((steep, i));
                    }
                }
            }
            let Some((_, row)) = steepest else {
                return true;
            };
            if !work.take(self.columns.len() * 3 + self.rows) {
                return false;
            }
            let inverse = &self.inverse[row * self.rows..][..self.rows];
            let mut best: Option<(f64, f64, usize)> = None;
            let mut offer = |along: f64, cost: f64, variable: usize| {
                if along < -TINY && !self.basic[variable] {
                    let ratio = cost.max(0.0) / -along;
                    let better = best.is_none_or(|(least, best, _)| {
                        ratio < least - 1e-12 || ratio <= least + 1e-12 && along < best
                    });
                    if better {
                        best = Some((ratio, along, variable));
                    }
                }
            };
            for (i, (&along, &dual)) in inverse.iter().zip(&self.dual).enumerate() {
                if i < self.kinds {
                    offer(along, self.unit_cost - dual, i);
                    offer(-along, dual, self.rows + i);
                } else {
                    offer(along, -dual, i);
                }
            }
            for (j, column) in self.columns.iter().enumerate() {
                let along = column
                    .rows
                    .iter()
                    .map(|&(r, n)| n * inverse[r as usize])
                    .sum();
                if along < -TINY {
                    offer(along, self.reduced_cost(column), 2 * self.rows + j);
                }
            }
            let Some((_, _, entering)) = best else {
                return false;
            };
            let direction = self.direction(entering);
            if direction[row] > -TINY {
                return false;
            }
            let cost = self.reduced(entering);
            self.pivot(row, entering, cost, &direction, true, work);
        }
    }

    fn reduced(&self, variable: usize) -> f64 {
        match variable.checked_sub(2 * self.rows) {
            Some(j) => self.reduced_cost(&self.columns[j]),
            None if variable < self.rows => self.cost(variable) - self.dual[variable],
            None => self.dual[variable - self.rows],
        }
    }

    /// How the basic variables fall as `variable` rises.
    fn direction(&self, variable: usize) -> Vec<f64> {
        let rows = self.rows;
        let unit;
        let entries: &[(u32, f64)] = match variable.checked_sub(2 * rows) {
            Some(j) => &self.columns[j].rows,
            None if variable < rows => {
                unit = [(variable as u32, 1.0)];
                &unit
            }
            None => {
                unit = [((variable - rows) as u32, -1.0)];
                &unit
            }
        };
        self.inverse
            .chunks_exact(rows)
            .map(|row| entries.iter().map(|&(r, n)| n * row[r as usize]).sum())
            .collect()
    }

    fn pivot(
        &mut self,
        row: usize,
        entering: usize,
        cost: f64,
        direction: &[f64],
        normed: bool,
        work: &mut Work,
    ) {
        let rows = self.rows;
        let by = direction[row];
        let step = self.level[row] / by;
        let mut pivot_row = self.inverse[row * rows..][..rows].to_vec();
        let mut filled = Vec::new();
        for (i, value) in pivot_row.iter_mut().enumerate() {
            *value = if value.abs() > 1e-14 {
                *value / by
            } else {
                0.0
            };
            if *value != 0.0 {
                filled.push(i);
            }
        }
        let dense = filled.len() > rows / 6;
        let mut touched = 0;
        for (i, &along) in direction.iter().enumerate() {
            if i == row || along.abs() <= 1e-14 {
                continue;
            }
            touched += 1;
            self.level[i] -= step * along;
            let target = &mut self.inverse[i * rows..][..rows];
            if dense {
                for (target, value) in target.iter_mut().zip(&pivot_row) {
                    *target -= along * value;
                }
            } else {
                for &j in &filled {
                    target[j] -= along * pivot_row[j];
                }
            }
            if normed {
                self.norm[i] = square(target).max(1e-8);
            }
        }
        self.norm[row] = square(&pivot_row).max(1e-8);
        self.inverse[row * rows..][..rows].copy_from_slice(&pivot_row);
        self.level[row] = step;
        for (dual, value) in self.dual.iter_mut().zip(&pivot_row) {
            *dual += cost * value;
        }
        self.basic[self.basis[row]] = false;
        self.basic[entering] = true;
        self.basis[row] = entering;
        self.pivots += 1;
        self.normed = normed;
        let each = if dense { rows / 4 } else { filled.len() / 2 };
        work.take(touched * if normed { 2 * each } else { each } + 6 * rows);
    }

    /// Makes the inverse anew from the basis, after many pivots.
    fn refresh(&mut self, work: &mut Work) {
        if self.pivots < PIVOTS {
            return;
        }
        let basis = self.basis.clone();
        self.start();
        let mut kept = vec![false; self.rows];
        let mut later: Vec<usize> = Vec::new();
        for variable in basis {
            match self.basis.iter().position(|&v| v == variable) {
                Some(row) => kept[row] = true,
                None => later.push(variable),
            }
        }
        later.sort_by_key(|&v| match v.checked_sub(2 * self.rows) {
            Some(j) => (self.columns[j].rows.len(), v),
            None => (0, v),
        });
        for variable in later {
            let direction = self.direction(variable);
            let row = (0..self.rows)
                .filter(|&i| !kept[i])
                .max_by(|&a, &b| direction[a].abs().total_cmp(&direction[b].abs()));
            let Some(row) = row.filter(|&row| direction[row].abs() > 1e-7) else {
                continue;
            };
            kept[row] = true;
            let cost = self.reduced(variable);
            self.pivot(row, variable, cost, &direction, false, work);
        }
        self.pivots = 0;
    }
}

/// The length of a row, squared, in an order that can be vectorised.
fn square(values: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let chunks = values.chunks_exact(4);
    let rest: f64 = chunks.remainder().iter().map(|v| v * v).sum();
    for chunk in chunks {
        for (sum, value) in sums.iter_mut().zip(chunk) {
            *sum += value * value;
        }
    }
    sums.iter().sum::<f64>() + rest
}
