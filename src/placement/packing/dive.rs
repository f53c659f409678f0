//! From the linear program to a packing: the patterns it uses most are decided, and it is solved
//! again for what is left, with new patterns where those it knows no longer fit well (a diving
//! heuristic with column generation; Sadykov, Vanderbeck, Pessoa, Tahiri and Uchoa, 2019).

use super::generation::Generation;
use super::greedy::{self, Rule};
use super::model::{Model, Pattern};
use super::work::Work;

/// A column that is used this much counts as decided.
const WHOLE: f64 = 0.999;
/// Rounds of new patterns after each decision.
const ROUNDS: usize = 2;

/// One dive, on a program that is solved. The packing has at most `target` bins, or there is none.
/// With `skip`, the first decisions that are not forced are others: so many are passed over.
pub fn dive(
    model: &Model,
    mut generation: Generation,
    target: usize,
    rules: &[Rule],
    mut skip: usize,
    work: &mut Work,
) -> Option<Vec<Pattern>> {
    let mut rest = model.clone();
    let mut decided: Vec<Pattern> = Vec::new();
    loop {
        let value = generation.master.objective();
        if decided.len() as f64 + value > target as f64 + 1e-3 || decided.len() > target {
            return None;
        }
        if rest.items() == 0 {
            return Some(decided);
        }
        let mut columns: Vec<(f64, usize)> = generation
            .master
            .values()
            .filter(|&(level, _)| level > 1e-4)
            .collect();
        columns.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut first = 0;
        while skip > 0 && first + 1 < columns.len() && columns[first].0 < WHOLE {
            skip -= 1;
            first += 1;
        }
        let before = decided.len();
        for &(level, column) in &columns[first.min(columns.len())..] {
            if decided.len() > before && level < WHOLE {
                break;
            }
            let times = ((level + 1.0 - WHOLE).floor() as usize).max(1);
            decide(&mut generation, &mut rest, column, times, &mut decided);
        }
        if decided.len() == before {
            // What is left is covered by no pattern of use.
            decided.extend(finish(&rest, rules, work)?);
            return (decided.len() <= target).then_some(decided);
        }
        generation.demand.clone_from(&rest.demand);
        if !generation.refine(model, ROUNDS, work) {
            return None;
        }
    }
}

/// Decides on `times` bins of a column, as far as there are such bins and they hold something still
/// asked for.
fn decide(
    generation: &mut Generation,
    rest: &mut Model,
    column: usize,
    times: usize,
    decided: &mut Vec<Pattern>,
) {
    for _ in 0..times {
        let pattern = &generation.master.columns[column].pattern;
        let class = pattern.class;
        let asked = |&(kind, n): &(usize, u32)| (kind, n.min(rest.demand[kind]));
        let items: Vec<(usize, u32)> = pattern
            .items
            .iter()
            .map(asked)
            .filter(|item| item.1 > 0)
            .collect();
        if items.is_empty() || rest.classes[class].count == 0 {
            return;
        }
        items.iter().for_each(|&(kind, n)| rest.demand[kind] -= n);
        rest.classes[class].count -= 1;
        generation.master.fix(column, 1);
        decided.push(Pattern { class, items });
    }
}

/// The best packing of what is left that a rule finds.
fn finish(rest: &Model, rules: &[Rule], work: &mut Work) -> Option<Vec<Pattern>> {
    rules
        .iter()
        .flat_map(|rule| {
            [
                greedy::by_item(rest, rule, work),
                greedy::by_bin(rest, rule, work),
            ]
        })
        .flatten()
        .min_by_key(Vec::len)
}
