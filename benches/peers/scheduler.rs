//! Scores nodes with the scheduler of Proxmox VE: `peer NODES GUESTS`. Prints in nanoseconds the least
//! time for one guest on so many nodes (`peer-score`), without what it takes to make its scheduler, and
//! the processor time for so many guests that are placed one by one (`peer-place`).
//!
//! Built by benches/scheduler.sh against a copy of it, which is no part of this repository.

use std::time::Instant;

use proxmox_resource_scheduling::node::NodeStats;
use proxmox_resource_scheduling::resource::ResourceStats;
use proxmox_resource_scheduling::scheduler::{NodeUsage, Scheduler};

const GIB: usize = 1 << 30;

/// Processor time, as Linux tells it.
fn processor_time() -> u128 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts it");
    let time = stat.split(' ').next().map(str::parse);
    time.expect("a number").expect("a number")
}

fn guest(i: usize) -> ResourceStats {
    let (maxcpu, maxmem) = ((1 + i % 16) as f64, (1 + i * 31 % 16) * GIB);
    ResourceStats {
        cpu: maxcpu,
        maxcpu,
        mem: maxmem,
        maxmem,
    }
}

fn main() {
    let mut numbers = std::env::args()
        .skip(1)
        .map(|n| n.parse().expect("a number"));
    let (nodes, guests) = (numbers.next().unwrap_or(32), numbers.next().unwrap_or(0));
    let node = |i: usize| NodeUsage {
        name: format!("node{i:06}"),
        stats: NodeStats {
            cpu: 0.0,
            maxcpu: 16 + i % 7 * 8,
            mem: 0,
            maxmem: (64 + i * 37 % 449) * GIB,
        },
    };
    let mut usage: Vec<NodeUsage> = (0..nodes).map(node).collect();

    let start = processor_time();
    for i in 0..guests {
        let stats = guest(i);
        let scheduler = Scheduler::from_nodes(usage.clone());
        let scores = scheduler
            .score_nodes_to_start_resource(stats)
            .expect("scores");
        let mut best = 0;
        for place in 1..nodes {
            if scores[place].1 > scores[best].1 {
                best = place;
            }
        }
        usage[best].stats.add_started_resource(&stats);
    }
    if guests > 0 {
        println!("peer-place {}", processor_time() - start);
    }

    let scheduler = Scheduler::from_nodes(usage);
    let times = (0..30).map(|round| {
        let start = Instant::now();
        let scores = scheduler.score_nodes_to_start_resource(guest(round));
        std::hint::black_box(scores.expect("scores"));
        start.elapsed().as_nanos()
    });
    println!("peer-score {}", times.min().unwrap_or_default());
}
