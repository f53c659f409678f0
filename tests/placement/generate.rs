//! Clusters with a placement planted in them: nodes are filled with guests, then some guests lose their
//! node, so that what is asked always has an answer.

use std::fmt::Write;

use crate::random::Random;

/// What a cluster is like.
#[derive(Clone, Copy, Debug)]
pub struct Cluster {
    /// Nodes that have survived.
    pub survivors: usize,
    /// How full they are when all guests have a node, in percent of their memory.
    pub fill: usize,
    /// How much is lost, in percent of what one of them has.
    pub lost: usize,
    /// So many guests are lost instead, whatever they have.
    pub guests: Option<usize>,
    /// Whether guests are limited to some nodes, and kept apart.
    pub constraints: bool,
}

impl Cluster {
    pub fn new(survivors: usize, fill: usize) -> Cluster {
        Cluster {
            survivors,
            fill,
            lost: 100,
            guests: None,
            constraints: false,
        }
    }
}

const GIB: u64 = 1 << 30;
/// Cores and GiB.
const NODES: [(u64, u64); 6] = [
    (16, 64),
    (16, 128),
    (32, 128),
    (32, 256),
    (64, 256),
    (64, 512),
];
const VCPUS: [u64; 6] = [1, 2, 4, 8, 12, 16];

struct Guest {
    node: usize,
    cpu: u64,
    mem: u64,
    /// Whether it was on the node that has failed.
    lost: bool,
    nodes: Vec<usize>,
}

/// Guests with a node each: those of the survivors, then those that have lost theirs.
fn plant(cluster: &Cluster, random: &mut Random, nodes: &[(u64, u64)]) -> Vec<Guest> {
    let largest = if cluster.constraints { 192 } else { 128 };
    let mut guests = Vec::new();
    for (node, &(cores, mem)) in nodes.iter().enumerate() {
        let mut left = mem * cluster.fill as u64 / 100;
        let mut cpu_left = cores * 4;
        while left > 0 && cpu_left > 0 {
            let cpu = (*random.pick(&VCPUS)).min(cores).min(cpu_left);
            let mem = (cpu * (1 + random.below(8) as u64)).min(largest);
            // The last one takes what is left.
            let mem = mem.min(left);
            left -= mem;
            cpu_left -= cpu;
            guests.push(Guest {
                node,
                cpu,
                mem,
                lost: false,
                nodes: Vec::new(),
            });
        }
    }
    // As much as a node of the cluster has had is lost.
    let failed = nodes[random.below(nodes.len())].1 * (cluster.fill * cluster.lost) as u64 / 10_000;
    let most = cluster
        .guests
        .map_or(guests.len(), |most| most.min(guests.len()));
    let (mut lost, mut count) = (0, 0);
    while count < most && (lost < failed || cluster.guests.is_some()) {
        let at = random.below(guests.len());
        if !guests[at].lost {
            guests[at].lost = true;
            lost += guests[at].mem;
            count += 1;
        }
    }
    guests
}

/// The problem as a document.
pub fn recovery(cluster: &Cluster, seed: u64) -> String {
    let mut random = Random::new(seed);
    let nodes: Vec<(u64, u64)> = (0..cluster.survivors)
        .map(|_| *random.pick(&NODES))
        .collect();
    let mut guests = plant(cluster, &mut random, &nodes);
    let mut apart: Vec<Vec<usize>> = Vec::new();
    if cluster.constraints {
        for guest in &mut guests {
            if random.below(100) < 40 {
                let others = (0..nodes.len()).filter(|&n| n != guest.node);
                let mut chosen: Vec<usize> = others.collect();
                while chosen.len() + 1 > nodes.len().div_ceil(2) {
                    chosen.swap_remove(random.below(chosen.len()));
                }
                chosen.push(guest.node);
                chosen.sort_unstable();
                guest.nodes = chosen;
            }
        }
        let mut group: Vec<usize> = Vec::new();
        let mut size = 2 + random.below(3);
        for (at, guest) in guests.iter().enumerate() {
            if guest.lost && random.below(100) < 30 {
                if group.iter().any(|&other| guests[other].node == guest.node) {
                    continue;
                }
                group.push(at);
                if group.len() == size {
                    apart.push(std::mem::take(&mut group));
                    size = 2 + random.below(3);
                }
            }
        }
    }
    let mut text = String::from(r#"{"task":"recover","nodes":["#);
    for (at, (cores, mem)) in nodes.iter().enumerate() {
        let mem = mem * GIB;
        let _ = write!(
            text,
            r#"{{"name":"n{at:03}","capacity":{{"cpu":{cores},"mem":{mem}}}}},"#
        );
    }
    text.push_str(r#"{"name":"lost","online":false}],"guests":["#);
    let mut rules = String::new();
    for (at, guest) in guests.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        let node = match guest.lost {
            true => "lost".to_owned(),
            false => format!("n{:03}", guest.node),
        };
        let (cpu, mem) = (guest.cpu, guest.mem * GIB);
        let _ = write!(
            text,
            r#"{comma}{{"sid":"vm:{at:05}","node":"{node}","size":{{"cpu":{cpu},"mem":{mem}}}}}"#
        );
        if !guest.nodes.is_empty() {
            let nodes = guest.nodes.iter().map(|n| format!(r#""n{n:03}":1"#));
            let nodes = nodes.collect::<Vec<_>>().join(",");
            let _ = write!(
                rules,
                r#",{{"id":"on{at}","type":"node-affinity","sids":["vm:{at:05}"],"nodes":{{{nodes}}},"strict":true}}"#
            );
        }
    }
    for (at, group) in apart.iter().enumerate() {
        let sids = group.iter().map(|g| format!(r#""vm:{g:05}""#));
        let sids = sids.collect::<Vec<_>>().join(",");
        let _ = write!(
            rules,
            r#",{{"id":"apart{at}","type":"resource-affinity","sids":[{sids}],"affinity":"negative"}}"#
        );
    }
    text.push_str(r#"],"rules":["#);
    text.push_str(rules.trim_start_matches(','));
    text.push_str(r#"],"policy":{"objective":"spread","overcommit":{"cpu":4}}}"#);
    text
}
