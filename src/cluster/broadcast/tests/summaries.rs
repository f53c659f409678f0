//! Random summaries: what multipathd could make a node say, and a little more.

use std::collections::BTreeMap;

use super::super::{Entry, Port, PortKind, Summary};
use crate::cluster::MapState;
use crate::cluster::multipathd::{Impairment, Transport};
use crate::random::Random;

/// A summary of `count` maps; some have odd names.
pub fn summary(random: &mut Random, count: usize) -> Summary {
    let ports: Vec<Port> = (0..random.below(6) + 1)
        .map(|number| Port {
            kind: *random.pick(PortKind::ALL),
            name: format!("0x{:016x}{number}", random.next()),
            paths: random.below(1000) as u32 + 1,
            down: random.below(2) as u32,
        })
        .collect();
    let mut maps = BTreeMap::new();
    while maps.len() < count {
        let name = match random.below(10) {
            0 => {
                let length = random.below(40);
                String::from_utf8_lossy(&random.name(length)).into_owned()
            }
            1 => format!("nul\0and \"quotes\" {}", random.below(100)),
            _ => wwid(random),
        };
        maps.insert(name, entry(random, ports.len()));
    }
    Summary { maps, ports }
}

/// A WWID as storages make them: 33 characters that cannot be guessed.
pub fn wwid(random: &mut Random) -> String {
    format!("3{:016x}{:016x}", random.next(), random.next())
}

fn entry(random: &mut Random, ports: usize) -> Entry {
    let total = random.below(9) as u32;
    let active = random.below(total as usize + 1) as u32;
    let mut impairments = Vec::new();
    for flag in [
        Impairment::Marginal,
        Impairment::Queueing,
        Impairment::Suspended,
    ] {
        if random.below(5) == 0 {
            impairments.push(flag);
        }
    }
    let mut some = |odds: usize| random.below(odds) > 0;
    let (transport, size) = (some(3), some(4));
    Entry {
        state: *random.pick(MapState::ALL),
        active,
        total,
        transport: transport.then(|| *random.pick(Transport::ALL)),
        size: size.then(|| random.next() >> random.below(64)),
        impairments,
        down: (0..ports).filter(|_| random.below(4) == 0).collect(),
    }
}
