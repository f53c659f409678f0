//! The fewest nodes in use: nodes are closed one after the other, as long as all guests have room on the others;
//! then as few guests as possible move there.

use super::super::bits::Bits;
use super::super::instance::Instance;
use super::super::search::{Budget, Verdict};
use super::fewest::{Effort, Found, fewest};
use super::model::{Cost, Model};
use super::order::Options;
use super::targets::{Reached, Targets};
use super::{BalanceOutcome, open_nodes, outcome};

/// How many nodes are tried one by one.
const SINGLES: usize = 40;

/// What another packer knows of a question.
#[derive(Clone, Debug)]
pub struct Hint {
    /// Nodes on which all guests that can move have room, within what [`Instance::balancing`] says.
    pub nodes: Bits,
    /// Nodes in use at least, whatever is done.
    pub bound: usize,
}

/// The answer to `pack`.
pub fn pack(
    instance: &Instance<'_>,
    options: Options,
    hint: Option<&Hint>,
    budget: &mut Budget<'_>,
) -> BalanceOutcome {
    let open = open_nodes(instance);
    let all: Bits = open.iter().copied().collect();
    let whole = Model::new(instance, &all);
    let fixed = fixed(&whole);
    let targets = Targets::new(&whole);
    let known = hint.map_or(0, |hint| hint.bound);
    let least = bound(&whole, &targets.soft, &open, &fixed).max(known);
    let mut best = Choice {
        nodes: all.clone(),
        found: None,
    };
    best.narrow(instance, all.clone(), budget);
    if let Some(hint) = hint {
        let mut nodes = hint.nodes.clone();
        nodes.intersect(&all);
        best.narrow(instance, nodes, budget);
    }
    for order in orders(&whole, &open, &fixed) {
        let mut other = Choice {
            nodes: all.clone(),
            found: None,
        };
        close(instance, &order, least, &mut other, budget);
        if other.found.is_some() && other.rate() < best.rate() {
            best = other;
        }
    }
    // Without a placement in which nothing is contended, soft limits say nothing of what is needed.
    let least = match best.found {
        Some(_) => least,
        None => bound(&whole, &targets.hard, &open, &fixed).max(known),
    };
    let model = Model::new(instance, &best.nodes);
    let open: Vec<usize> = best.nodes.iter().collect();
    let targets = Targets::new(&model);
    let share = budget.left() / 10 * 8;
    let (reached, mut found) = budget.part(share, |b| targets.reach(&model, &open, b));
    let mut is_well = reached != Reached::Nothing;
    let contended = reached != Reached::All && best.found.is_none();
    if let Some(known) = best
        .found
        .filter(|known| !is_well || known.cost < found.cost)
    {
        (found, is_well) = (known, true);
    }
    let mut answer = outcome(&model, &found, options, budget);
    answer.objective = in_use(instance, &answer.placed) as f64;
    answer.bound = least as f64;
    // If something stays contended, nobody has looked for the least of that.
    let hopeless = targets.is_hopeless || contended;
    answer.verdict = match is_well {
        _ if !model.stuck.is_empty() => Verdict::Infeasible,
        true if answer.objective <= answer.bound && answer.unplaced.is_empty() && !hopeless => {
            Verdict::Optimal
        }
        true => Verdict::Feasible,
        false => Verdict::Unknown,
    };
    answer
}

/// Nodes on which everything has room, and how.
struct Choice {
    nodes: Bits,
    found: Option<Found>,
}

impl Choice {
    /// How good it is: less is better.
    fn rate(&self) -> (usize, Option<Cost>) {
        (
            self.nodes.count(),
            self.found.as_ref().map(|found| found.cost),
        )
    }

    /// Takes fewer nodes, if they will do.
    fn narrow(&mut self, instance: &Instance<'_>, nodes: Bits, budget: &mut Budget<'_>) -> bool {
        let model = Model::new(instance, &nodes);
        if !model.stuck.is_empty() || model.contradicts {
            return false;
        }
        let targets = Targets::new(&model);
        let open: Vec<usize> = nodes.iter().collect();
        let share = budget.left() / 24;
        let found = budget.part(share, |b| {
            fewest(&model, &targets.soft, &open, Effort::Any, b)
        });
        let well = found.well;
        if well {
            self.nodes = nodes;
            self.found = Some(found);
        }
        well
    }
}

/// The orders in which nodes are closed, those first that are empty.
fn orders(model: &Model<'_>, open: &[usize], fixed: &Bits) -> [Vec<usize>; 2] {
    let mut guests = vec![0; model.nodes];
    model.from.iter().for_each(|&node| guests[node] += 1);
    let filled: Vec<f64> = (0..model.nodes).map(|node| filled(model, node)).collect();
    let size: Vec<f64> = (0..model.nodes).map(|node| model.size(node)).collect();
    let sorted = |first: &[f64], second: &[f64]| {
        let closable = open.iter().copied().filter(|&node| !fixed.contains(node));
        let mut order: Vec<usize> = closable.collect();
        order.sort_by(|&a, &b| {
            let empty = (guests[a] > 0).cmp(&(guests[b] > 0));
            let order = empty.then(first[a].total_cmp(&first[b]));
            order.then(second[a].total_cmp(&second[b])).then(a.cmp(&b))
        });
        order
    };
    [sorted(&size, &filled), sorted(&filled, &size)]
}

/// Closes nodes: as many of the first in order at once as can be, then single ones.
fn close(
    instance: &Instance<'_>,
    order: &[usize],
    bound: usize,
    best: &mut Choice,
    budget: &mut Budget<'_>,
) {
    let all = best.nodes.clone();
    let without = |count: usize| {
        let mut nodes = all.clone();
        order[..count].iter().for_each(|&node| nodes.remove(node));
        nodes
    };
    let (mut least, mut most) = (0, order.len().min(all.count().saturating_sub(bound)));
    while least < most {
        let middle = (least + most).div_ceil(2);
        match best.narrow(instance, without(middle), budget) {
            true => least = middle,
            false => most = middle - 1,
        }
    }
    let rest = order.get(least + 1..).unwrap_or_default();
    for &node in rest.iter().take(SINGLES) {
        if best.nodes.count() <= bound || budget.left() == 0 {
            break;
        }
        let mut nodes = best.nodes.clone();
        nodes.remove(node);
        best.narrow(instance, nodes, budget);
    }
}

/// How much of all that there is lies on a node: its guests that can move, by the largest part.
fn filled(model: &Model<'_>, node: usize) -> f64 {
    let here = model.units.iter().enumerate();
    let here = here.filter(|(_, unit)| unit.items.iter().any(|&item| model.from[item] == node));
    here.map(|(unit, _)| model.share(unit)).sum()
}

/// Nodes that stay in use, whatever moves.
fn fixed(model: &Model<'_>) -> Bits {
    let instance = model.instance;
    let guests = instance.problem.guests.iter().enumerate();
    let staying = guests.filter(|(guest, _)| instance.item_of[*guest].is_none());
    let homes = staying.filter_map(|(_, guest)| guest.node);
    let stuck = model.stuck.iter().map(|&item| model.from[item]);
    homes
        .chain(stuck)
        .filter(|&node| instance.is_up(node))
        .collect()
}

/// The nodes with a guest.
fn in_use(instance: &Instance<'_>, placed: &[Option<usize>]) -> usize {
    let guests = instance.problem.guests.iter().enumerate();
    let nodes = guests.filter_map(|(guest, it)| match instance.item_of[guest] {
        Some(item) => placed[item],
        None => it.node,
    });
    nodes
        .filter(|&node| instance.is_up(node))
        .collect::<Bits>()
        .count()
}

/// Nodes in use at least: those that stay so, and as many of the largest as it takes to hold the rest.
fn bound(model: &Model<'_>, target: &[u64], open: &[usize], fixed: &Bits) -> usize {
    let n = model.resources;
    let of_resource = |at: usize| {
        let need = model
            .units
            .iter()
            .map(|unit| u128::from(unit.need[at]))
            .sum::<u128>();
        let room = |node: usize| {
            let most = target[node * n + at];
            u128::from(most.saturating_sub(model.base[node * n + at]))
        };
        let staying: u128 = open
            .iter()
            .filter(|&&n| fixed.contains(n))
            .map(|&n| room(n))
            .sum();
        let others = open.iter().filter(|&&node| !fixed.contains(node));
        let mut rooms: Vec<u128> = others.map(|&node| room(node)).collect();
        rooms.sort_unstable_by(|a, b| b.cmp(a));
        let mut left = need.saturating_sub(staying);
        let mut count = 0;
        for room in rooms {
            if left == 0 {
                break;
            }
            left = left.saturating_sub(room);
            count += 1;
        }
        count
    };
    let least = (0..n).map(of_resource).max().unwrap_or(0);
    let any = usize::from(!model.units.is_empty());
    (fixed.count() + least).max(any)
}
