//! What the document says of a guest, and what is charged for it.

use std::collections::BTreeSet;

use super::document::{self, Map};
use super::number::{Number, Round};
use super::policy::word;
use super::read::{amounts, shown};
use super::{Amounts, Basis, Guest, Needed, Problem, Resource, State, Volume};
use crate::error::Result;
use crate::placement::statistics::percentile;

pub(super) fn read(from: &document::Guest, problem: &mut Problem) -> Result<Guest> {
    let of = || format!("guest {}", shown(&from.sid));
    let resources = &problem.resources;
    let none = Map::default();
    let devices = from.devices.0.as_ref().unwrap_or(&none);
    let size = amounts(resources, &from.size, devices, Round::Up, &of)?;
    let book = from
        .book
        .as_deref()
        .map(|book| word(&format!("{}: book", of()), Basis::ALL, Basis::name, book));
    let book = book.transpose()?;
    let (mut need, no_data) = charged(from, &size, book.unwrap_or(problem.policy.basis), problem)?;
    let mut usage = charged(from, &size, book.unwrap_or(Basis::Usage), problem)?.0;
    usage
        .iter_mut()
        .zip(&need)
        .for_each(|(usage, &need)| *usage = need.min(*usage));
    let state = from.state.as_deref().unwrap_or("started");
    let state = word(&format!("{}: state", of()), State::ALL, State::name, state)?;
    if matches!(state, State::Stopped | State::Disabled) {
        need.fill(0);
        usage.fill(0);
    }
    let node = from.node.as_deref().and_then(|name| problem.node(name));
    let volumes = match &from.volumes.0 {
        Some(volumes) => Some(
            volumes
                .iter()
                .map(|v| read_volume(v, problem, &of))
                .collect::<Result<_>>()?,
        ),
        None => None,
    };
    let names = &mut problem.names;
    let mut needed = |list: &document::Known<Vec<String>>| -> Needed {
        let list = list.0.as_ref()?;
        let numbers: BTreeSet<usize> = list.iter().map(|name| names.number(name)).collect();
        Some(numbers.into_iter().collect())
    };
    Ok(Guest {
        sid: from.sid.clone(),
        node,
        state,
        priority: from
            .priority
            .map_or(Ok(0), |n| n.whole(&|| format!("{}: priority", of())))?,
        movable: from.movable.0,
        vcpus: size[Problem::CPU],
        need,
        usage,
        no_data,
        storages: needed(&from.storages),
        volumes,
        bridges: needed(&from.bridges),
        cpu_flags: needed(&from.cpu_flags),
        devices_known: from.devices.0.is_some(),
        reserved: Vec::new(),
    })
}

/// What is charged for a guest, and for which resources its size stands in for data that are not there.
fn charged(
    from: &document::Guest,
    size: &[u64],
    basis: Basis,
    problem: &Problem,
) -> Result<(Amounts, Vec<usize>)> {
    let mut need = size.to_vec();
    let mut no_data = Vec::new();
    for (at, resource) in problem
        .resources
        .iter()
        .enumerate()
        .filter(|(_, r)| !r.device)
    {
        let usage = from.usage.0.get(&resource.name).copied();
        let number = match basis {
            Basis::Size => from.size.0.get(&resource.name).copied().or(usage),
            Basis::Usage => usage,
            Basis::Percentile => sampled(from, resource, problem.policy.percentile)?,
        };
        let what = || format!("guest {}: {}", shown(&from.sid), shown(&resource.name));
        match number {
            Some(number) => need[at] = number.scaled(resource.unit, Round::Up, &what)?,
            None if basis != Basis::Size && size[at] > 0 => no_data.push(at),
            None => {}
        }
    }
    Ok((need, no_data))
}

fn sampled(from: &document::Guest, resource: &Resource, p: f64) -> Result<Option<Number>> {
    let Some(samples) = from.samples.0.get(&resource.name) else {
        return Ok(None);
    };
    let known: Vec<f64> = samples.iter().flatten().map(|n| n.real()).collect();
    Ok(percentile(p, &known)?.map(Number::Real))
}

fn read_volume(
    from: &document::Volume,
    problem: &Problem,
    of: &dyn Fn() -> String,
) -> Result<Volume> {
    let what = || format!("{}: volume on {}", of(), shown(&from.storage));
    let nodes: BTreeSet<usize> = from
        .nodes
        .iter()
        .filter_map(|name| problem.node(name))
        .collect();
    Ok(Volume {
        storage: from.storage.clone(),
        nodes: nodes.into_iter().collect(),
        bytes: from
            .bytes
            .map_or(Ok(0), |n| n.scaled(1, Round::Up, &what))?,
    })
}
