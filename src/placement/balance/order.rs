//! The order of migrations: which moves can be made at the same time, and which must wait until there is room.
//! A guest that moves counts on both nodes until its step is over. Where all wait for each other, some are
//! tried in another order, and then one goes to a third node for a while.

use hashbrown::HashSet;

use super::super::instance::Instance;
use super::super::search::Budget;
use super::detour::detour;
use super::site::Site;

/// How many guests go to a node in one step, and how many leave it, unless the caller says so: as many as
/// Proxmox VE's `max_workers` lets a node work on at once.
pub const AT_ONCE: usize = 4;

/// How many moves may be made at once.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Guests that go to one node in one step, at least 1. Guests that must be on one node go together,
    /// alone if they are more.
    pub inflow: usize,
    /// Guests that leave one node in one step, at least 1.
    pub outflow: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            inflow: AT_ONCE,
            outflow: AT_ONCE,
        }
    }
}

/// One move of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The item.
    pub item: usize,
    /// The node that it leaves.
    pub from: usize,
    /// The node that it goes to.
    pub to: usize,
    /// When: from 1; what has the same number can be done at the same time.
    pub step: usize,
}

/// An order.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// By step, then by item.
    pub hops: Vec<Hop>,
    /// Items for which no way was found to where they should be; they are where the last of their hops led.
    pub stranded: Vec<usize>,
}

impl Plan {
    /// The last step.
    pub fn steps(&self) -> usize {
        self.hops.last().map_or(0, |hop| hop.step)
    }

    fn rate(&self) -> (usize, usize, usize) {
        (self.stranded.len(), self.hops.len(), self.steps())
    }
}

/// Finds an order for the moves that lead from one placement of items to another.
pub fn order(
    instance: &Instance<'_>,
    from: &[usize],
    to: &[usize],
    options: Options,
    budget: &mut Budget<'_>,
) -> Plan {
    let start = Site::new(instance, from, to, options);
    let mut best: Option<Plan> = None;
    let keep = |plan: Plan, best: &mut Option<Plan>| {
        if best.as_ref().is_none_or(|best| plan.rate() < best.rate()) {
            *best = Some(plan);
        }
    };
    for by in Priority::ALL {
        keep(
            start.clone().run(&start.sorted(by), false, budget),
            &mut best,
        );
    }
    if best.as_ref().is_some_and(|best| !best.stranded.is_empty()) {
        if let Some(sequence) = start.clone().sequence(budget) {
            keep(start.clone().replay(&sequence), &mut best);
        }
    }
    if best.as_ref().is_some_and(|best| !best.stranded.is_empty()) {
        for by in Priority::ALL {
            keep(
                start.clone().run(&start.sorted(by), true, budget),
                &mut best,
            );
        }
    }
    best.unwrap_or_default()
}

/// Which moves are tried first.
#[derive(Clone, Copy)]
enum Priority {
    /// Those away from nodes on which there is too much, then the largest.
    Relief,
    /// The smallest.
    Small,
    /// Those to nodes that nobody leaves.
    Sinks,
}

impl Priority {
    const ALL: [Priority; 3] = [Priority::Relief, Priority::Small, Priority::Sinks];
}

impl Site<'_> {
    fn sorted(&self, by: Priority) -> Vec<usize> {
        let n = self.instance.resources();
        let share = |job: usize| {
            let part = |at: usize| {
                let limit = self.instance.limit_of(self.jobs[job].at)[at].max(1);
                self.jobs[job].need[at] as f64 / limit as f64
            };
            (0..n).map(part).fold(0.0, f64::max)
        };
        let over = |job: usize| {
            let node = self.jobs[job].at;
            let limit = self.instance.limit_of(node);
            (0..n).any(|at| self.load[node * n + at] > limit[at])
        };
        let left: HashSet<usize> = self.jobs.iter().map(|job| job.at).collect();
        let mut sorted: Vec<(bool, f64, usize)> = (0..self.jobs.len())
            .map(|job| match by {
                Priority::Relief => (!over(job), -share(job), job),
                Priority::Small => (false, share(job), job),
                Priority::Sinks => (left.contains(&self.jobs[job].to), -share(job), job),
            })
            .collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        sorted.into_iter().map(|(.., job)| job).collect()
    }

    /// Makes as many moves in each step as can be; with `detours` also to third nodes.
    fn run(mut self, sorted: &[usize], detours: bool, budget: &mut Budget<'_>) -> Plan {
        loop {
            for job in sorted.iter().copied().chain(sorted.len()..self.jobs.len()) {
                let to = self.jobs[job].to;
                if self.jobs[job].at != to && budget.step() && self.admits(job, to) {
                    self.depart(job, to);
                }
            }
            if self.moving.is_empty() {
                let way = if detours {
                    detour(&mut self, budget)
                } else {
                    None
                };
                match way {
                    Some((job, to)) => {
                        self.jobs[job].parked += 1;
                        self.depart(job, to);
                    }
                    None => return self.finish(),
                }
            }
            self.arrive();
        }
    }

    /// The jobs, in the order given, as many at once as can be.
    fn replay(mut self, sequence: &[usize]) -> Plan {
        for &job in sequence {
            let to = self.jobs[job].to;
            if !self.admits(job, to) {
                self.arrive();
            }
            if self.admits(job, to) {
                self.depart(job, to);
            }
        }
        self.arrive();
        self.finish()
    }

    /// An order in which each job is done once, if there is one: what has been done decides what can be, so
    /// that nothing is looked at twice.
    fn sequence(mut self, budget: &mut Budget<'_>) -> Option<Vec<usize>> {
        if self.jobs.len() > 64 {
            return None;
        }
        let (mut done, mut seen) = (0_u64, HashSet::new());
        let mut path: Vec<(usize, usize)> = Vec::new();
        let mut next = 0;
        while path.len() < self.jobs.len() {
            let fresh = (next..self.jobs.len()).find(|&job| {
                let bit = 1 << job;
                done & bit == 0 && !seen.contains(&(done | bit)) && {
                    let to = self.jobs[job].to;
                    self.admits(job, to)
                }
            });
            if !budget.step() {
                return None;
            }
            match fresh {
                Some(job) => {
                    path.push((job, self.jobs[job].at));
                    let to = self.jobs[job].to;
                    self.depart(job, to);
                    self.arrive();
                    done |= 1 << job;
                    seen.insert(done);
                    next = 0;
                }
                None => {
                    let (job, at) = path.pop()?;
                    let to = self.jobs[job].to;
                    self.put(job, at, 1);
                    self.put(job, to, -1);
                    self.jobs[job].at = at;
                    done &= !(1 << job);
                    next = job + 1;
                }
            }
        }
        Some(path.into_iter().map(|(job, _)| job).collect())
    }
}
