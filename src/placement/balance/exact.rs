//! The exact search: moves are tried one after the other, each away from a node that is not well, as long as
//! those that are still needed at least stay below what is allowed. Once all moves of a unit have been
//! tried it is settled where it is, so that no set of moves is seen twice.

use super::super::bits::Bits;
use super::super::search::Budget;
use super::model::{Cost, Model, NOWHERE};
use super::state::{NEVER, State};

/// How deep a search goes: one level for a move or a unit that stays. Deeper problems are not for it.
const DEPTH: usize = 600;

/// What came of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A placement, in which all is well.
    Found,
    /// There is none within what was allowed.
    Exhausted,
    /// The work ended before.
    Stopped,
}

/// A search below a state.
pub struct Search<'s, 'm> {
    state: State<'m>,
    /// Nodes that units may go to.
    open: &'s [usize],
    /// The least moves away from each node, their sum, and how many nodes no moves can help.
    least: Vec<u64>,
    sum: u64,
    hopeless: usize,
    /// Units that are nowhere, in the order in which they are placed, and what those from one on cost at least.
    homeless: Vec<usize>,
    rest: Vec<u64>,
    /// What is to be undercut.
    below: Cost,
    /// Whether to go on for fewer bytes.
    thorough: bool,
    best: Option<Vec<usize>>,
}

impl<'s, 'm> Search<'s, 'm> {
    /// A search for the units that are not settled, on the open nodes.
    pub fn new(state: State<'m>, open: &'s [usize]) -> Search<'s, 'm> {
        let homeless = state.model.homeless.iter().copied();
        let homeless: Vec<usize> = homeless
            .filter(|&unit| state.place[unit] == NOWHERE)
            .collect();
        let mut rest = vec![0; homeless.len() + 1];
        for (at, &unit) in homeless.iter().enumerate().rev() {
            rest[at] = rest[at + 1] + cheapest(state.model, unit);
        }
        let mut search = Search {
            least: vec![0; state.model.nodes],
            sum: 0,
            hopeless: 0,
            homeless,
            rest,
            state,
            open,
            below: Cost::default(),
            thorough: false,
            best: None,
        };
        (0..search.least.len()).for_each(|node| search.renew(node));
        search
    }

    /// The moves that it takes at least; [`NEVER`] if none are enough.
    pub fn bound(&self) -> u64 {
        match self.hopeless {
            0 => self.state.spent.moves + self.sum + self.rest[0],
            _ => NEVER,
        }
    }

    /// Looks for a placement that costs less than `below`: for any, or `thorough`ly for the best.
    pub fn run(&mut self, below: Cost, thorough: bool, budget: &mut Budget<'_>) -> Outcome {
        self.below = below;
        self.thorough = thorough;
        self.best = None;
        let ended = self.descend(0, 0, budget);
        match (ended, self.best.is_some()) {
            (Outcome::Exhausted, true) => Outcome::Found,
            (ended, _) => ended,
        }
    }

    /// Where each unit is in what was found.
    pub fn take_best(&mut self) -> Option<Vec<usize>> {
        self.best.take()
    }

    /// Whether what is still needed at least stays below.
    fn can_be(&self, placed: usize) -> bool {
        let needed = Cost {
            moves: self.sum + self.rest[placed],
            bytes: 0,
        };
        self.hopeless == 0 && self.state.spent.plus(needed) < self.below
    }

    fn descend(&mut self, depth: usize, placed: usize, budget: &mut Budget<'_>) -> Outcome {
        if !self.can_be(placed) {
            return Outcome::Exhausted;
        }
        if depth >= DEPTH || !budget.step() {
            return Outcome::Stopped;
        }
        if let Some(&unit) = self.homeless.get(placed) {
            return self.everywhere(unit, depth, placed + 1, budget);
        }
        let Some(leavers) = self.leavers() else {
            self.below = self.state.spent;
            self.best = Some(self.state.place.clone());
            return match self.thorough {
                true => Outcome::Exhausted,
                false => Outcome::Found,
            };
        };
        let mut settled = 0;
        let mut ended = Outcome::Exhausted;
        for &unit in &leavers {
            ended = self.everywhere(unit, depth, placed, budget);
            if ended != Outcome::Exhausted {
                break;
            }
            self.state.settled[unit] = true;
            settled += 1;
            self.renew(self.state.place[unit]);
            if !self.can_be(placed) {
                break;
            }
        }
        for &unit in &leavers[..settled] {
            self.state.settled[unit] = false;
        }
        if let Some(&unit) = leavers.first() {
            self.renew(self.state.place[unit]);
        }
        ended
    }

    /// The units of which at least one must leave the node that is not well and gives the least choice.
    fn leavers(&self) -> Option<Vec<usize>> {
        let mut fewest: Option<Vec<usize>> = None;
        for node in (0..self.least.len()).filter(|&node| self.least[node] > 0) {
            let leavers = self.leavers_of(node);
            if fewest.as_ref().is_none_or(|it| leavers.len() < it.len()) {
                fewest = Some(leavers);
            }
        }
        fewest
    }

    fn leavers_of(&self, node: usize) -> Vec<usize> {
        let state = &self.state;
        let n = state.model.resources;
        for resource in 0..n {
            if state.excess(node, resource) > 0 {
                let natives = state.model.natives[node * n + resource].iter().copied();
                return natives.filter(|&unit| state.may_leave(unit)).collect();
            }
        }
        let clash = |unit: usize| {
            let groups = state.model.units[unit].apart.iter();
            groups.copied().find(|&g| state.members(g, node) > 1)
        };
        let here = state.grouped(node).iter().copied();
        let mut here: Vec<usize> = match here.clone().find_map(clash) {
            Some(group) => here
                .filter(|&unit| state.model.units[unit].apart.contains(&group))
                .filter(|&unit| state.may_leave(unit))
                .collect(),
            None => Vec::new(),
        };
        here.sort_unstable();
        here
    }

    /// Tries a unit on all nodes.
    fn everywhere(
        &mut self,
        unit: usize,
        depth: usize,
        placed: usize,
        budget: &mut Budget<'_>,
    ) -> Outcome {
        let home = self.state.place[unit];
        if home != NOWHERE {
            self.state.take(unit);
            self.renew(home);
        }
        self.state.settled[unit] = true;
        let mut choices = Vec::new();
        for &node in self.open {
            if node != home && self.state.model.units[unit].allowed.contains(node) && budget.step()
            {
                let before = self.least[node];
                self.state.put(unit, node);
                let after = self.state.least(node);
                self.least_is(node, after);
                if self.can_be(placed) {
                    let fullness = self.state.fullness(unit, node);
                    choices.push((after.saturating_sub(before), -fullness, node));
                }
                self.state.take(unit);
                self.least_is(node, before);
            }
        }
        let stopped = budget.left() == 0;
        choices.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        let mut ended = Outcome::Exhausted;
        for (_, _, node) in choices {
            self.state.put(unit, node);
            self.renew(node);
            ended = self.descend(depth + 1, placed, budget);
            self.state.take(unit);
            self.renew(node);
            if ended != Outcome::Exhausted {
                break;
            }
        }
        if stopped && ended == Outcome::Exhausted {
            ended = Outcome::Stopped;
        }
        self.state.settled[unit] = false;
        if home != NOWHERE {
            self.state.put(unit, home);
            self.renew(home);
        }
        ended
    }

    fn renew(&mut self, node: usize) {
        let least = self.state.least(node);
        self.least_is(node, least);
    }

    fn least_is(&mut self, node: usize, least: u64) {
        match std::mem::replace(&mut self.least[node], least) {
            NEVER => self.hopeless -= 1,
            before => self.sum -= before,
        }
        match least {
            NEVER => self.hopeless += 1,
            least => self.sum += least,
        }
    }
}

/// What a unit that is not in one place costs at least: all that are not where most are.
fn cheapest(model: &Model<'_>, unit: usize) -> u64 {
    let it = &model.units[unit];
    let nodes: Bits = it.items.iter().map(|&item| model.from[item]).collect();
    let open = nodes.iter().filter(|&node| it.allowed.contains(node));
    open.map(|node| model.cost(unit, node).moves)
        .min()
        .unwrap_or(it.cost.moves)
}
