//! Clusters in which some node is contended: nodes of different sizes, guests of different sizes, a placement
//! in which everything would have its room, and another one, which is what is there now.

use serde_json::{Value, json};

use crate::random::Random;

/// Random numbers as wide as bytes are counted.
pub struct Dice(Random);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(Random::new(seed))
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0.next() % end
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// How a cluster is to be.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub nodes: usize,
    /// How full it is, in percent of the soft limits of memory.
    pub fill: u64,
    /// Of how many guests in a hundred the node is not the one planned.
    pub stray: u64,
    /// Whether there are rules, local storages and a node in maintenance.
    pub rules: bool,
}

const GIB: u64 = 1 << 30;

/// A cluster as a document.
pub fn cluster(shape: Shape, task: &str, dice: &mut Dice) -> Value {
    let sizes = [
        (16, 64),
        (16, 128),
        (24, 192),
        (32, 256),
        (48, 384),
        (64, 512),
    ];
    let nodes: Vec<(u64, u64)> = (0..shape.nodes)
        .map(|_| sizes[dice.below(sizes.len() as u64) as usize])
        .collect();
    let mut guests = Vec::new();
    for (home, &(cores, memory)) in nodes.iter().enumerate() {
        // What is planned for the node, within the soft limit and with a little room.
        let (mut cpu, mut mem) = (cores * 4, memory * GIB / 100 * 80 / 100 * shape.fill);
        loop {
            let vcpus = 1 << dice.below(5);
            let need = vcpus * (1 + dice.below(8)) * GIB / 2;
            if need > mem || vcpus > cpu.min(cores) {
                break;
            }
            (cpu, mem) = (cpu - vcpus, mem - need);
            guests.push((home, vcpus, need));
        }
    }
    let maintenance = (shape.rules && dice.chance(30)).then(|| dice.below(nodes.len() as u64));
    let mut load: Vec<u64> = vec![0; nodes.len()];
    let mut documents = Vec::new();
    let mut planned: Vec<(String, usize)> = Vec::new();
    for (number, &(home, vcpus, memory)) in guests.iter().enumerate() {
        let mut at = home;
        for _ in 0..8 {
            let other = dice.below(nodes.len() as u64) as usize;
            if dice.chance(shape.stray)
                && load[other] + memory <= nodes[other].1 * GIB
                && vcpus <= nodes[other].0
            {
                at = other;
            }
        }
        load[at] += memory;
        let mut guest = json!({
            "sid": format!("vm:{}", 100 + number), "node": format!("n{at}"),
            "size": { "cpu": vcpus, "mem": memory },
        });
        if shape.rules && dice.chance(20) {
            guest["volumes"] = json!([{
                "storage": "local", "bytes": GIB * (1 + dice.below(500)),
                "nodes": [format!("n{at}"), format!("n{home}"), format!("n{}", dice.below(nodes.len() as u64))],
            }]);
        }
        if shape.rules && dice.chance(5) {
            guest["movable"] = json!(false);
        }
        planned.push((format!("vm:{}", 100 + number), home));
        documents.push(guest);
    }
    let mut rules = Vec::new();
    if shape.rules {
        for number in 0..nodes.len() {
            let apart = dice.chance(60);
            let mut sids: Vec<&(String, usize)> = Vec::new();
            for _ in 0..2 + dice.below(2) {
                let one = &planned[dice.below(planned.len() as u64) as usize];
                let fits = sids
                    .iter()
                    .all(|other| (other.1 != one.1) == apart && other.0 != one.0);
                if fits {
                    sids.push(one);
                }
            }
            let sids: Vec<&String> = sids.iter().map(|one| &one.0).collect();
            let affinity = if apart { "negative" } else { "positive" };
            rules.push(
                json!({ "id": format!("r{number}"), "type": "resource-affinity",
                "sids": sids, "affinity": affinity }),
            );
            if dice.chance(30) {
                let one = &planned[dice.below(planned.len() as u64) as usize];
                let other = dice.below(nodes.len() as u64);
                let mut named = serde_json::Map::new();
                named.insert(format!("n{}", one.1), json!(2));
                named.insert(format!("n{other}"), json!(1));
                rules.push(json!({ "id": format!("s{number}"), "type": "node-affinity",
                    "sids": [one.0], "nodes": named, "strict": true }));
            }
        }
    }
    let nodes: Vec<Value> = nodes
        .iter()
        .enumerate()
        .map(|(at, (cores, memory))| {
            json!({ "name": format!("n{at}"), "capacity": { "cpu": cores, "mem": memory * GIB },
                "maintenance": Some(at as u64) == maintenance })
        })
        .collect();
    json!({ "task": task, "nodes": nodes, "guests": documents, "rules": rules,
        "policy": { "overcommit": { "cpu": 4 }, "soft-limit": { "mem": 0.8 } } })
}
