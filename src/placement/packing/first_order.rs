//! The same linear program as in `master`, solved roughly and fast: the primal-dual hybrid gradient
//! method (Chambolle and Pock, 2011) with the step sizes by row and column of Pock and Chambolle
//! (2011), restarted from averages as PDLP does (Applegate and others, 2021).
//!
//! A step costs no more than looking at each entry twice, and its duals lie well inside the optimal
//! face: patterns found for them are better than those for the corners that the simplex takes. What
//! it finds are patterns to begin with; nothing that is claimed rests on it.

use super::work::Work;

/// Steps between restarts.
const STEPS: usize = 60;
/// An error that is small enough.
const SETTLED: f64 = 1e-2;

/// Least cost with rows `a · x ≥ right` and all variables at least 0.
#[derive(Debug, Clone)]
pub struct FirstOrder {
    right: Vec<f64>,
    /// By column its entries: where they start, then row and factor.
    starts: Vec<usize>,
    entries: Vec<(u32, f64)>,
    costs: Vec<f64>,
    pub primal: Vec<f64>,
    pub dual: Vec<f64>,
    /// By row: the sum of its factors.
    degree: Vec<f64>,
    /// Dual steps over primal steps.
    pub weight: f64,
}

impl FirstOrder {
    pub fn new(right: Vec<f64>, dual: Vec<f64>) -> Self {
        let rows = right.len();
        Self {
            right,
            starts: vec![0],
            entries: Vec::new(),
            costs: Vec::new(),
            primal: Vec::new(),
            dual,
            degree: vec![0.0; rows],
            weight: 1.0,
        }
    }

    /// Adds a variable at `level`.
    pub fn add(&mut self, entries: &[(u32, f64)], cost: f64, level: f64) {
        for &(row, factor) in entries {
            self.degree[row as usize] += factor.abs();
        }
        self.entries.extend(entries);
        self.starts.push(self.entries.len());
        self.costs.push(cost);
        self.primal.push(level);
    }

    fn column(&self, j: usize) -> &[(u32, f64)] {
        &self.entries[self.starts[j]..self.starts[j + 1]]
    }

    /// How much a column would save at the duals.
    pub fn saves(&self, j: usize) -> f64 {
        value(self.column(j), &self.dual) - self.costs[j]
    }

    /// So many times `STEPS` steps; false where the work ended.
    pub fn run(&mut self, rounds: usize, work: &mut Work) -> bool {
        let (rows, columns) = (self.right.len(), self.primal.len());
        let sigma: Vec<f64> = self.degree.iter().map(|d| 1.0 / d.max(1.0)).collect();
        let tau: Vec<f64> = (0..columns)
            .map(|j| {
                1.0 / self
                    .column(j)
                    .iter()
                    .map(|e| e.1.abs())
                    .sum::<f64>()
                    .max(1.0)
            })
            .collect();
        for _ in 0..rounds {
            if !work.take(STEPS * (self.entries.len() * 2 + columns + rows)) {
                return false;
            }
            let (old_primal, old_dual) = (self.primal.clone(), self.dual.clone());
            let mut mean_primal = vec![0.0; columns];
            let mut mean_dual = vec![0.0; rows];
            for _ in 0..STEPS {
                let mut slack = self.right.clone();
                for j in 0..columns {
                    let column = &self.entries[self.starts[j]..self.starts[j + 1]];
                    let before = self.primal[j];
                    let save = value(column, &self.dual) - self.costs[j];
                    let after = (before + tau[j] / self.weight * save).max(0.0);
                    self.primal[j] = after;
                    mean_primal[j] += after;
                    let ahead = 2.0 * after - before;
                    if ahead != 0.0 {
                        for &(row, factor) in column {
                            slack[row as usize] -= factor * ahead;
                        }
                    }
                }
                for i in 0..rows {
                    let dual = (self.dual[i] + sigma[i] * self.weight * slack[i]).max(0.0);
                    self.dual[i] = dual;
                    mean_dual[i] += dual;
                }
            }
            mean_primal.iter_mut().for_each(|v| *v /= STEPS as f64);
            mean_dual.iter_mut().for_each(|v| *v /= STEPS as f64);
            if self.error(&mean_primal, &mean_dual) < self.error(&self.primal, &self.dual) {
                self.primal = mean_primal;
                self.dual = mean_dual;
            }
            // The weight follows how far each side has moved.
            let moved = |new: &[f64], old: &[f64], scale: &[f64]| {
                let sum: f64 = new
                    .iter()
                    .zip(old)
                    .zip(scale)
                    .map(|((a, b), s)| (a - b) * (a - b) / s)
                    .sum();
                sum.sqrt()
            };
            let (dx, dy) = (
                moved(&self.primal, &old_primal, &tau),
                moved(&self.dual, &old_dual, &sigma),
            );
            if dx > 1e-9 && dy > 1e-9 {
                self.weight = (0.5 * (dy / dx).ln() + 0.5 * self.weight.ln())
                    .exp()
                    .clamp(1e-3, 1e3);
            }
        }
        true
    }

    /// How far from optimal: what is uncovered, what could be saved, and the gap between both sides.
    fn error(&self, primal: &[f64], dual: &[f64]) -> f64 {
        let mut slack = self.right.clone();
        let (mut cost, mut over) = (0.0, 0.0);
        for (j, &level) in primal.iter().enumerate() {
            let column = self.column(j);
            cost += self.costs[j] * level;
            let save = (value(column, dual) - self.costs[j]).max(0.0);
            over += save * save;
            for &(row, factor) in column {
                slack[row as usize] -= factor * level;
            }
        }
        let lacking: f64 = slack.iter().map(|s| s.max(0.0) * s.max(0.0)).sum();
        let worth: f64 = self.right.iter().zip(dual).map(|(b, y)| b * y).sum();
        let gap = cost - worth;
        self.weight * self.weight * lacking + over + gap * gap
    }

    /// Whether both sides are close to optimal.
    pub fn is_settled(&self) -> bool {
        self.error(&self.primal, &self.dual) < SETTLED
    }

    /// The value of the duals, and so about that of the program.
    pub fn worth(&self) -> f64 {
        self.right
            .iter()
            .zip(&self.dual)
            .map(|(right, dual)| right * dual)
            .sum()
    }
}

fn value(column: &[(u32, f64)], dual: &[f64]) -> f64 {
    column
        .iter()
        .map(|&(row, factor)| factor * dual[row as usize])
        .sum()
}
