//! From the problem to one of its questions.

use super::{Given, Instance};
use crate::placement::bits::Bits;
use crate::placement::problem::{Problem, RuleKind};

pub(super) fn build(
    problem: &Problem,
    failed: Bits,
    given: Given,
    guests: Vec<usize>,
) -> Instance<'_> {
    make(problem, failed, given, guests, false)
}

/// The same for items that can be where they are.
pub(super) fn at_home(
    problem: &Problem,
    failed: Bits,
    given: Given,
    guests: Vec<usize>,
) -> Instance<'_> {
    make(problem, failed, given, guests, true)
}

fn make(
    problem: &Problem,
    failed: Bits,
    given: Given,
    guests: Vec<usize>,
    at_home: bool,
) -> Instance<'_> {
    let mut item_of = vec![None; problem.guests.len()];
    for (item, &guest) in guests.iter().enumerate() {
        item_of[guest] = Some(item);
    }
    let mut instance = Instance {
        problem,
        failed,
        given,
        at_home,
        need: Vec::new(),
        load: Vec::new(),
        limit: Vec::new(),
        allowed: Vec::new(),
        rank: vec![Vec::new(); guests.len()],
        together: Vec::new(),
        apart: Vec::new(),
        guests,
        item_of,
    };
    for item in 0..instance.guests.len() {
        let guest = instance.guests[item];
        let mut charge = instance.charge(guest).clone();
        // What is reserved for it is the same guest; the larger counts.
        let reserved = problem.guests[guest]
            .reserved
            .iter()
            .filter(|_| !instance.given.reservations);
        reserved.for_each(|(_, size)| at_least(&mut charge, size));
        instance.need.extend(charge);
    }
    loads(&mut instance);
    instance.allowed = (0..instance.guests.len())
        .map(|item| allowed(&instance, item))
        .collect();
    rules(&mut instance, 0..problem.rules.len(), true);
    instance
}

/// What is on the nodes, and what may be.
fn loads(instance: &mut Instance<'_>) {
    let problem = instance.problem;
    let resources = problem.resources.len();
    for node in &problem.nodes {
        let kept = !instance.given.reservations;
        let fixed = node.used.iter().zip(&node.reserved);
        instance
            .load
            .extend(fixed.map(|(used, reserved)| used + if kept { *reserved } else { 0 }));
        let limit = if instance.given.hard_limit {
            &node.overcommitted
        } else {
            &node.limit
        };
        let limit = limit.iter().zip(&node.limit);
        instance
            .limit
            .extend(limit.map(|(limit, least)| limit.max(least)));
    }
    for (at, guest) in problem.guests.iter().enumerate() {
        if let Some(home) = guest.node.filter(|_| instance.item_of[at].is_none()) {
            let load = &mut instance.load;
            bookings(problem, &instance.given, at, home, |node, amounts| {
                book(&mut load[node * resources..][..resources], amounts);
            });
        }
    }
}

/// What a guest that stays where it is takes, there and where something is reserved for it.
pub(super) fn bookings(
    problem: &Problem,
    given: &Given,
    guest: usize,
    home: usize,
    mut take: impl FnMut(usize, &[u64]),
) {
    let guest = &problem.guests[guest];
    let charge = if given.usage {
        &guest.usage
    } else {
        &guest.need
    };
    if given.reservations || guest.reserved.is_empty() {
        return take(home, charge);
    }
    let mut charge = charge.clone();
    for (node, size) in &guest.reserved {
        if *node == home {
            at_least(&mut charge, size);
        } else {
            take(*node, size);
        }
    }
    take(home, &charge);
}

fn at_least(charge: &mut [u64], size: &[u64]) {
    charge
        .iter_mut()
        .zip(size)
        .for_each(|(charge, &size)| *charge = size.max(*charge));
}

fn book(load: &mut [u64], charge: &[u64]) {
    for (load, charge) in load.iter_mut().zip(charge) {
        *load = load.saturating_add(*charge);
    }
}

/// The nodes that have all that an item needs; rules come after.
fn allowed(instance: &Instance<'_>, item: usize) -> Bits {
    let nodes = 0..instance.nodes();
    nodes
        .filter(|&node| instance.lacks(item, node).is_none())
        .collect()
}

/// What these rules leave of it, as far as they do not depend on where other items go.
pub(super) fn rules(instance: &mut Instance<'_>, rules: impl Iterator<Item = usize>, ranked: bool) {
    let problem = instance.problem;
    let mut groups = Groups::new(instance.guests.len());
    for at in rules {
        let rule = &problem.rules[at];
        if instance.given.is_given(at) {
            continue;
        }
        let items: Vec<usize> = rule
            .guests
            .iter()
            .filter_map(|&g| instance.item_of[g])
            .collect();
        let homes = rule.guests.iter().filter_map(|&g| instance.home_of(g));
        let homes: Bits = homes.collect();
        match &rule.kind {
            RuleKind::Nodes { nodes, strict } => {
                if *strict {
                    let named: Bits = nodes.iter().map(|(node, _)| *node).collect();
                    items
                        .iter()
                        .for_each(|&item| instance.allowed[item].intersect(&named));
                }
                if ranked {
                    let ranks = ranks(instance, nodes);
                    items
                        .iter()
                        .for_each(|&item| add_ranks(&mut instance.rank[item], &ranks));
                }
            }
            RuleKind::Together => {
                // Nobody can be together with guests on different nodes.
                let common = match homes.count() {
                    0 => None,
                    1 => Some(homes),
                    _ => Some(Bits::default()),
                };
                for (&item, common) in items.iter().zip(common.iter().cycle()) {
                    instance.allowed[item].intersect(common);
                }
                items
                    .windows(2)
                    .for_each(|pair| groups.join(pair[0], pair[1]));
            }
            RuleKind::Apart => {
                items
                    .iter()
                    .for_each(|&item| instance.allowed[item].subtract(&homes));
                if items.len() > 1 {
                    instance.apart.push(items);
                }
            }
        }
    }
    instance.together = groups.all();
    for group in &instance.together {
        let mut common = instance.allowed[group[0]].clone();
        group
            .iter()
            .for_each(|&item| common.intersect(&instance.allowed[item]));
        group
            .iter()
            .for_each(|&item| instance.allowed[item] = common.clone());
    }
}

/// How far each node is from the best that is open: by classes of priority, those that are not named last.
fn ranks(instance: &Instance<'_>, named: &[(usize, u64)]) -> Vec<u8> {
    let mut classes: Vec<u64> = named
        .iter()
        .filter(|(node, _)| instance.is_open(*node))
        .map(|(_, priority)| *priority)
        .collect();
    classes.sort_unstable_by(|a, b| b.cmp(a));
    classes.dedup();
    let last = u8::try_from(classes.len()).unwrap_or(u8::MAX);
    let mut ranks = vec![last; instance.nodes()];
    for (node, priority) in named {
        let class = classes
            .binary_search_by(|class| priority.cmp(class))
            .unwrap_or(usize::MAX);
        ranks[*node] = u8::try_from(class).map_or(last, |class| class.min(last));
    }
    ranks
}

fn add_ranks(sum: &mut Vec<u8>, ranks: &[u8]) {
    sum.resize(ranks.len(), 0);
    for (sum, rank) in sum.iter_mut().zip(ranks) {
        *sum = sum.saturating_add(*rank);
    }
}

/// Groups of items, by union and find.
struct Groups(Vec<usize>);

impl Groups {
    fn new(items: usize) -> Groups {
        Groups((0..items).collect())
    }

    fn root(&mut self, item: usize) -> usize {
        let mut at = item;
        while self.0[at] != at {
            self.0[at] = self.0[self.0[at]];
            at = self.0[at];
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.0[a.max(b)] = a.min(b);
    }

    fn all(&mut self) -> Vec<Vec<usize>> {
        let items = self.0.len();
        let mut of_root = vec![Vec::new(); items];
        for item in 0..items {
            let root = self.root(item);
            of_root[root].push(item);
        }
        of_root.retain(|group| group.len() > 1);
        of_root
    }
}
