//! What is where while guests move: those that move count on both nodes until their step is over.

use std::collections::BTreeMap;
use std::rc::Rc;

use hashbrown::HashMap;

use super::super::instance::Instance;
use super::super::problem::Problem;
use super::model::add;
use super::order::{Hop, Options, Plan};

/// Guests that move together.
#[derive(Clone)]
pub struct Job {
    /// Items.
    pub items: Vec<usize>,
    /// What they need together.
    pub need: Vec<u64>,
    /// Groups that are to be kept apart.
    pub apart: Vec<usize>,
    /// Where they are, and where they are to be.
    pub at: usize,
    /// See `at`.
    pub to: usize,
    /// What a move of them copies.
    pub bytes: u64,
    /// How often they have gone elsewhere for a while.
    pub parked: usize,
}

/// What is where while guests move.
#[derive(Clone)]
pub struct Site<'a> {
    /// What it is of.
    pub instance: &'a Instance<'a>,
    options: Options,
    /// What is left to do.
    pub jobs: Vec<Job>,
    /// What is on each node, guests that move on both.
    pub load: Vec<u64>,
    /// Members of groups on each node, counted likewise.
    members: HashMap<(usize, usize), u32>,
    /// The groups that an item is in, and the items that go where it goes, itself among them.
    apart: Vec<Vec<usize>>,
    set_of: Vec<Rc<[usize]>>,
    /// The nodes on which items rest that have no job.
    pub rests: Vec<Option<usize>>,
    /// Moves of the step that is being put together, by node.
    inflow: BTreeMap<usize, usize>,
    outflow: BTreeMap<usize, usize>,
    /// Jobs of the step, with the nodes that they leave.
    pub moving: Vec<(usize, usize)>,
    hops: Vec<Hop>,
    step: usize,
}

impl<'a> Site<'a> {
    pub fn new(
        instance: &'a Instance<'a>,
        from: &[usize],
        to: &[usize],
        options: Options,
    ) -> Site<'a> {
        let mut apart = vec![Vec::new(); from.len()];
        for (group, items) in instance.apart.iter().enumerate() {
            items.iter().for_each(|&item| apart[item].push(group));
        }
        let n = instance.resources();
        let mut load = instance.load.clone();
        let mut members = HashMap::new();
        for (item, &node) in from.iter().enumerate() {
            add(&mut load[node * n..], instance.need_of(item));
            for &group in &apart[item] {
                *members.entry((group, node)).or_insert(0) += 1;
            }
        }
        let mut site = Site {
            jobs: Vec::new(),
            instance,
            options,
            load,
            members,
            apart,
            set_of: sets(instance, from),
            rests: from.iter().copied().map(Some).collect(),
            inflow: BTreeMap::new(),
            outflow: BTreeMap::new(),
            moving: Vec::new(),
            hops: Vec::new(),
            step: 1,
        };
        // Those that are scattered and stay so are no matter.
        let scattered =
            |group: &&Vec<usize>| group.iter().any(|&item| from[item] != from[group[0]]);
        for &item in instance.together.iter().filter(scattered).flatten() {
            site.rests[item] = None;
        }
        for (item, (&from, &to)) in from.iter().zip(to).enumerate() {
            if from != to && site.set_of[item][0] == item {
                site.add_job(item, from, to);
            }
        }
        site
    }

    /// Lets an item move with those that go where it goes.
    pub fn add_job(&mut self, item: usize, at: usize, to: usize) -> usize {
        let instance = self.instance;
        let items = self.set_of[item].to_vec();
        let mut need = vec![0; instance.resources()];
        let mut bytes: u64 = 0;
        for &item in &items {
            self.rests[item] = None;
            add(&mut need, instance.need_of(item));
            let guest = instance.guests[item];
            let volumes = instance.problem.guests[guest].bytes();
            let memory = instance.charge(guest)[Problem::MEM];
            bytes = bytes.saturating_add(volumes).saturating_add(memory);
        }
        self.jobs.push(Job {
            apart: items
                .iter()
                .flat_map(|&item| self.apart[item].clone())
                .collect(),
            items,
            need,
            at,
            to,
            bytes,
            parked: 0,
        });
        self.jobs.len() - 1
    }

    /// Whether a job can go to a node in this step.
    pub fn admits(&self, job: usize, to: usize) -> bool {
        let job = &self.jobs[job];
        let n = self.instance.resources();
        let (load, limit) = (&self.load[to * n..][..n], self.instance.limit_of(to));
        let counted = |flow: &BTreeMap<usize, usize>, node: usize, most: usize| {
            let now = flow.get(&node).copied().unwrap_or(0);
            now == 0 || now + job.items.len() <= most
        };
        counted(&self.inflow, to, self.options.inflow)
            && counted(&self.outflow, job.at, self.options.outflow)
            && (0..n).all(|at| job.need[at] == 0 || load[at] + job.need[at] <= limit[at])
            && job
                .apart
                .iter()
                .all(|&group| self.members.get(&(group, to)).is_none_or(|&m| m == 0))
    }

    /// Takes back a job that nothing has come of.
    pub fn drop_job(&mut self) {
        if let Some(job) = self.jobs.pop() {
            job.items
                .iter()
                .for_each(|&item| self.rests[item] = Some(job.at));
        }
    }

    /// Whether a job may be on a node at all.
    pub fn allows(&self, job: usize, node: usize) -> bool {
        let mut items = self.jobs[job].items.iter();
        items.all(|&item| self.instance.allowed[item].contains(node))
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.instance.nodes()
    }

    /// Counts a job on a node, or no longer.
    pub fn put(&mut self, job: usize, node: usize, sign: i32) {
        let n = self.instance.resources();
        let job = &self.jobs[job];
        for (load, need) in self.load[node * n..].iter_mut().zip(&job.need) {
            *load = if sign > 0 { *load + need } else { *load - need };
        }
        for &group in &job.apart {
            let count = self.members.entry((group, node)).or_insert(0);
            *count = count.saturating_add_signed(sign);
        }
    }

    pub fn depart(&mut self, job: usize, to: usize) {
        let at = self.jobs[job].at;
        *self.inflow.entry(to).or_insert(0) += self.jobs[job].items.len();
        *self.outflow.entry(at).or_insert(0) += self.jobs[job].items.len();
        self.put(job, to, 1);
        self.moving.push((job, at));
        let step = self.step;
        let hop = |&item| Hop {
            item,
            from: at,
            to,
            step,
        };
        self.hops.extend(self.jobs[job].items.iter().map(hop));
        self.jobs[job].at = to;
    }

    pub fn arrive(&mut self) {
        for (job, from) in std::mem::take(&mut self.moving) {
            self.put(job, from, -1);
        }
        self.inflow.clear();
        self.outflow.clear();
        self.step += 1;
    }

    pub fn finish(mut self) -> Plan {
        self.hops.sort_by_key(|hop| (hop.step, hop.item));
        let left = self.jobs.iter().filter(|job| job.at != job.to);
        let mut stranded: Vec<usize> = left.flat_map(|job| job.items.clone()).collect();
        stranded.sort_unstable();
        Plan {
            hops: self.hops,
            stranded,
        }
    }
}

/// By item, those that are to be on one node with it and are on one with it now: they move together.
fn sets(instance: &Instance<'_>, from: &[usize]) -> Vec<Rc<[usize]>> {
    let mut sets: Vec<Rc<[usize]>> = (0..from.len()).map(|item| Rc::from([item])).collect();
    for group in &instance.together {
        let mut by_node: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for &item in group {
            by_node.entry(from[item]).or_default().push(item);
        }
        for items in by_node.into_values() {
            let set: Rc<[usize]> = items.into();
            set.iter().for_each(|&item| sets[item] = set.clone());
        }
    }
    sets
}
