//! Problems of placement to begin with.

use super::{Seed, random_bytes};

/// Documents in which every key stands once.
pub fn document() -> Vec<Seed> {
    let whole = r#"{"task":"recover","nodes":[{"name":"n1","online":true,"maintenance":false,"cpu-factor":1.0,"capacity":{"cpu":16,"mem":68719476736},"used":{"cpu":0.5,"mem":1},"storages":["san1"],"bridges":["vmbr0"],"cpu-flags":["aes"],"devices":{"gpu-a":2}},{"name":"n2","capacity":{"cpu":8,"mem":34359738368,"iops":1000},"storages":["san1"],"bridges":["vmbr0"],"cpu-flags":["aes"]},{"name":"n3","capacity":{"cpu":"8","mem":3e10}}],"guests":[{"sid":"vm:100","node":"n3","state":"started","priority":1,"movable":true,"size":{"cpu":4,"mem":8589934592},"usage":{"cpu":0.7,"mem":5368709120},"book":"size","samples":{"cpu":[0.5,null,0.9],"mem":[5e9]},"storages":["san1"],"volumes":[{"storage":"local","nodes":["n1","n3"],"bytes":1073741824}],"bridges":["vmbr0"],"cpu-flags":[],"devices":{"gpu-a":1}},{"sid":"vm:101","size":{"cpu":1,"mem":1},"storages":null},{"sid":"ct:102","node":"n2","size":{"cpu":1,"mem":1,"iops":7},"movable":0}],"reservations":[{"sid":"vm:101","node":"n2","size":{"cpu":2,"mem":4294967296}},{"sid":"vm:7","node":"n1","size":{"mem":5}}],"rules":[{"id":"r1","type":"node-affinity","sids":["vm:100"],"nodes":{"n1":2,"n2":1},"strict":true},{"id":"r2","type":"resource-affinity","sids":["vm:100","vm:101"],"affinity":"negative"}],"policy":{"objective":"spread","basis":"percentile","percentile":95,"overcommit":{"cpu":4.0,"mem":1.0},"hard-limit":{"cpu":1.0,"mem":0.95},"soft-limit":{"mem":0.8},"relax":["usage","rule:r1"],"failures":1,"failed":[["n3"],["n1","n2"]],"work-limit":0,"time-limit":10.0,"report-elapsed":false}}"#;
    let mut seeds: Vec<Seed> = vec![("whole", whole.as_bytes().to_vec())];
    for (name, task) in [
        ("what-if", "what-if"),
        ("rebalance", "rebalance"),
        ("pack", "pack"),
        ("rules", "feasibility"),
    ] {
        seeds.push((name, whole.replacen("recover", task, 1).into_bytes()));
    }
    seeds.push(("least", br#"{"task":"place","nodes":[]}"#.to_vec()));
    seeds
}

/// Bytes that become small problems.
pub fn cases() -> Vec<Seed> {
    ["60", "80", "100", "120", "140", "160", "180", "200"]
        .map(random_bytes)
        .into()
}
