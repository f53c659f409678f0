//! From the document to the problem: what its values mean, and whether they can be.

use std::collections::BTreeSet;

use super::document::{self, Document, Map};
use super::names::Names;
use super::number::{MILLION, Number, Round, multiplied};
use super::policy::{self, Factors, word};
use super::{Amounts, Node, Problem, Resource, Task, guest, rule};
use crate::error::{Error, Result};
use crate::limits;
use crate::placement::bits::Bits;
use crate::text::printable;

pub(super) fn from_json(text: &[u8]) -> Result<Problem> {
    if text.len() > limits::PLACEMENT_DOCUMENT {
        return Err(Error::limit("the placement problem is too long"));
    }
    let document: Document = serde_json::from_slice(text).map_err(|error| {
        Error::argument(format!(
            "placement problem: {}",
            printable(error.to_string().as_bytes())
        ))
    })?;
    from_document(&document)
}

pub(super) fn from_document(document: &Document) -> Result<Problem> {
    let task = word("task", Task::ALL, Task::name, &document.task)?;
    counted(document)?;
    let policy = policy::read(&document.policy)?;
    let mut resources = resources(document)?;
    let factors: Vec<Factors> = resources
        .iter()
        .map(|r| match r.device {
            true => Ok(Factors {
                overcommit: MILLION,
                hard: MILLION,
                soft: MILLION,
            }),
            false => policy::factors(&document.policy, &r.name),
        })
        .collect::<Result<_>>()?;
    for (resource, factors) in resources.iter_mut().zip(&factors) {
        resource.factors = [factors.overcommit, factors.hard];
    }
    let mut names = Names::default();
    let mut nodes = Vec::with_capacity(document.nodes.len());
    for node in sorted(&document.nodes, |n| &n.name, "node")? {
        nodes.push(read_node(node, &resources, &factors, &mut names)?);
    }
    let mut problem = Problem {
        task,
        resources,
        nodes,
        guests: Vec::new(),
        rules: Vec::new(),
        policy,
        names,
    };
    for guest in sorted(&document.guests, |g| &g.sid, "guest")? {
        let guest = guest::read(guest, &mut problem)?;
        problem.guests.push(guest);
    }
    reserve(document, &mut problem)?;
    for rule in sorted(&document.rules, |r| &r.id, "rule")? {
        let rule = rule::read(rule, &problem)?;
        problem.rules.push(rule);
    }
    sums(&problem)?;
    Ok(problem)
}

fn counted(document: &Document) -> Result<()> {
    let check = |count: usize, most: usize, what: &str| match count <= most {
        true => Ok(()),
        false => Err(Error::limit(format!(
            "{count} {what}, at most {most} are allowed"
        ))),
    };
    let (nodes, guests) = (document.nodes.len(), document.guests.len());
    check(nodes, limits::PLACEMENT_NODES, "nodes")?;
    check(guests, limits::PLACEMENT_GUESTS, "guests")?;
    check(
        nodes * guests,
        limits::PLACEMENT_PAIRS,
        "pairs of nodes and guests",
    )?;
    check(document.rules.len(), limits::PLACEMENT_RULES, "rules")?;
    check(
        document.reservations.len(),
        limits::PLACEMENT_GUESTS,
        "reservations",
    )?;
    let named = document.rules.iter().map(|r| r.sids.len()).sum();
    check(named, limits::PLACEMENT_RULE_GUESTS, "guests in rules")
}

/// In the order of their names, none of which may be empty or stand twice.
fn sorted<'a, T>(all: &'a [T], name: fn(&T) -> &String, what: &str) -> Result<Vec<&'a T>> {
    let mut sorted: Vec<&T> = all.iter().collect();
    sorted.sort_by(|a, b| name(a).cmp(name(b)));
    let bad = sorted
        .windows(2)
        .find(|pair| name(pair[0]) == name(pair[1]));
    if let Some(pair) = bad {
        return Err(Error::argument(format!(
            "the {what} {} stands twice",
            shown(name(pair[0]))
        )));
    }
    match sorted.first().is_some_and(|first| name(first).is_empty()) {
        true => Err(Error::argument(format!("a {what} has no name"))),
        false => Ok(sorted),
    }
}

/// `cpu` and `mem`, then all else that anything names, by name.
fn resources(document: &Document) -> Result<Vec<Resource>> {
    let mut named = BTreeSet::new();
    let mut devices = BTreeSet::new();
    for node in &document.nodes {
        named.extend(node.capacity.0.keys().chain(node.used.0.keys()));
        devices.extend(node.devices.0.keys());
    }
    for guest in &document.guests {
        named.extend(guest.size.0.keys().chain(guest.usage.0.keys()));
        named.extend(guest.samples.0.keys());
        devices.extend(guest.devices.0.iter().flat_map(|d| d.0.keys()));
    }
    named.extend(document.reservations.iter().flat_map(|r| r.size.0.keys()));
    let policy = &document.policy;
    let factors = [&policy.overcommit, &policy.hard_limit, &policy.soft_limit];
    if let Some(odd) = factors
        .iter()
        .flat_map(|f| f.0.keys())
        .find(|name| !named.contains(name) && !matches!(name.as_str(), "cpu" | "mem"))
    {
        return Err(Error::argument(format!(
            "policy: nothing has the resource {}",
            shown(odd)
        )));
    }
    let (cpu, mem) = ("cpu".to_owned(), "mem".to_owned());
    named.remove(&cpu);
    named.remove(&mem);
    for (count, what) in [
        (named.len() + 2, "resources"),
        (devices.len(), "kinds of devices"),
    ] {
        let most = limits::PLACEMENT_RESOURCES;
        if count > most {
            return Err(Error::limit(format!(
                "{count} {what}, at most {most} are allowed"
            )));
        }
    }
    let one = |name: &String, device, unit| Resource {
        name: name.clone(),
        device,
        unit,
        factors: [MILLION; 2],
    };
    let mut all = vec![one(&cpu, false, MILLION), one(&mem, false, 1)];
    all.extend(named.into_iter().map(|name| one(name, false, 1)));
    all.extend(devices.into_iter().map(|name| one(name, true, 1)));
    Ok(all)
}

fn read_node(
    from: &document::Node,
    resources: &[Resource],
    factors: &[Factors],
    names: &mut Names,
) -> Result<Node> {
    let of = || format!("node {}", shown(&from.name));
    let capacity = amounts(resources, &from.capacity, &from.devices, Round::Down, &of)?;
    let factor = from.cpu_factor.map_or(Ok(MILLION), |f| {
        f.factor(&|| format!("{}: cpu-factor", of()))
    })?;
    let own = capacity[Problem::CPU];
    let times = |second: fn(&Factors) -> u64| -> Amounts {
        let each = capacity.iter().zip(factors).enumerate();
        each.map(|(at, (&amount, f))| {
            let speed = if at == Problem::CPU { factor } else { MILLION };
            multiplied(amount, [speed, f.overcommit, second(f)])
        })
        .collect()
    };
    let limit = times(|f| f.hard);
    let soft = times(|f| f.soft);
    let soft = soft
        .iter()
        .zip(&limit)
        .map(|(&soft, &hard)| soft.min(hard))
        .collect();
    let overcommitted = times(|_| MILLION);
    let used = amounts(resources, &from.used, &Map::default(), Round::Up, &of)?;
    let mut set = |list: &Option<Vec<String>>| {
        let mut set = Bits::default();
        list.iter()
            .flatten()
            .for_each(|name| set.insert(names.number(name)));
        set
    };
    Ok(Node {
        name: from.name.clone(),
        online: from.online.0,
        maintenance: from.maintenance.0,
        cores: own,
        cpu_factor: factor,
        storages: set(&from.storages),
        bridges: set(&from.bridges),
        cpu_flags: set(&from.cpu_flags),
        overcommitted,
        limit,
        soft,
        reserved: vec![0; used.len()],
        used,
        capacity: {
            let mut scaled = capacity;
            scaled[Problem::CPU] = multiplied(own, [factor, MILLION, MILLION]);
            scaled
        },
    })
}

/// Books what is reserved: for guests of the document with them, for others on the node.
fn reserve(document: &Document, problem: &mut Problem) -> Result<()> {
    for from in &document.reservations {
        let of = || format!("reservation for {}", shown(&from.sid));
        let size = amounts(
            &problem.resources,
            &from.size,
            &Map::default(),
            Round::Up,
            &of,
        )?;
        let Some(node) = problem.node(&from.node) else {
            continue;
        };
        let listed = problem.guests.binary_search_by(|g| g.sid.cmp(&from.sid));
        let booked = match listed {
            Ok(guest) => {
                problem.guests[guest].reserved.push((node, size));
                continue;
            }
            Err(_) => &mut problem.nodes[node].reserved,
        };
        for (sum, amount) in booked.iter_mut().zip(size) {
            *sum = sum.saturating_add(amount);
        }
    }
    Ok(())
}

/// Whether all that is needed can be added up, and all that is there.
fn sums(problem: &Problem) -> Result<()> {
    for (at, resource) in problem.resources.iter().enumerate() {
        let nodes = problem
            .nodes
            .iter()
            .map(|n| u128::from(n.used[at]) + u128::from(n.reserved[at]));
        let guests = problem.guests.iter().map(|guest| {
            let reserved = guest.reserved.iter().map(|(_, size)| u128::from(size[at]));
            u128::from(guest.need[at]) + reserved.sum::<u128>()
        });
        let limits = problem
            .nodes
            .iter()
            .map(|n| u128::from(n.overcommitted[at].max(n.limit[at])));
        let most = u128::from(limits::PLACEMENT_SUM);
        if nodes.chain(guests).sum::<u128>() > most || limits.sum::<u128>() > most {
            return Err(Error::limit(format!(
                "all {} together are too much",
                shown(&resource.name)
            )));
        }
    }
    Ok(())
}

/// An amount of each resource; what is not named is 0.
pub(super) fn amounts(
    resources: &[Resource],
    named: &Map<Number>,
    devices: &Map<Number>,
    round: Round,
    of: &dyn Fn() -> String,
) -> Result<Amounts> {
    let mut amounts = vec![0; resources.len()];
    for (amount, resource) in amounts.iter_mut().zip(resources) {
        let map = if resource.device { devices } else { named };
        if let Some(number) = map.0.get(&resource.name) {
            let what = || format!("{}: {}", of(), shown(&resource.name));
            *amount = match resource.device {
                true => number.whole(&what)?.min(limits::PLACEMENT_AMOUNT),
                false => number.scaled(resource.unit, round, &what)?,
            };
        }
    }
    Ok(amounts)
}

pub(super) fn shown(name: &str) -> String {
    printable(name.as_bytes()).into_owned()
}
