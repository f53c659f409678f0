//! Which ports a summary has, and which of them it says do not work for a map.

use super::super::{PortKind, Summary};
use crate::cluster::MapState;

/// A path: adapter, WWPN of the host, WWPN and WWNN of the target, and what the checker says.
type Path<'a> = [&'a str; 5];

fn summary(maps: &[&[Path]]) -> Summary {
    let path = |[adapter, host, target, node, state]: &Path| {
        format!(
            r#"{{"host_adapter":"{adapter}","host_wwpn":"{host}","target_wwpn":"{target}","target_wwnn":"{node}","chk_st":"{state}"}}"#
        )
    };
    let map = |(number, paths): (usize, &&[Path])| {
        let paths: Vec<String> = paths.iter().map(path).collect();
        let paths = paths.join(",");
        format!(
            r#"{{"name":"m{number}","uuid":"w{number}","path_groups":[{{"paths":[{paths}]}}]}}"#
        )
    };
    let maps: Vec<String> = maps.iter().enumerate().map(map).collect();
    let reply = format!(r#"{{"maps":[{}]}}"#, maps.join(","));
    Summary::of_reply(reply.as_bytes(), &Default::default()).unwrap()
}

const U: &str = "[undef]";

#[test]
fn one_adapter_down_is_told_once_with_the_maps_it_takes_paths_from() {
    let good = ["0000:01:00.0", "0x10", "0x50", "0x5f", "ready"];
    let bad = ["0000:02:00.0", "0x11", "0x51", "0x5f", "faulty"];
    let found = summary(&[&[good, bad], &[good, bad], &[good]]);
    let ports: Vec<_> = found
        .ports
        .iter()
        .map(|port| (port.kind, port.name.as_str(), port.paths, port.down))
        .collect();
    assert_eq!(
        ports,
        [
            (PortKind::Hba, "0000:01:00.0", 3, 0),
            (PortKind::Hba, "0000:02:00.0", 2, 2),
            (PortKind::Target, "0x50", 3, 0),
            (PortKind::Target, "0x51", 2, 2),
        ]
    );
    let down: Vec<_> = found.maps.values().map(|map| map.down.clone()).collect();
    assert_eq!(down, [vec![1, 3], vec![1, 3], vec![]]);
    assert_eq!(found.maps["w2"].state, MapState::Optimal);
}

#[test]
fn a_healthy_node_tells_of_no_ports() {
    let good = ["0000:01:00.0", "0x10", "0x50", "0x5f", "ready"];
    assert_eq!(summary(&[&[good, good], &[good]]).ports, []);
    assert_eq!(summary(&[]), Summary::default());
}

#[test]
fn ports_go_by_the_first_name_that_is_known() {
    let names = |path: Path| -> Vec<String> {
        let ports = summary(&[&[path]]).ports;
        let named = |port: &super::super::Port| format!("{}={}", port.kind.name(), port.name);
        ports.iter().map(named).collect()
    };
    for (path, expected) in [
        (
            ["10.0.0.1", "h", "t", "n", "faulty"],
            &["hba=10.0.0.1", "target=t"][..],
        ),
        ([U, "h", U, "iqn.x", "faulty"], &["hba=h", "target=iqn.x"]),
        ([U, U, U, "n", "faulty"], &["target=n"]),
        (["a", "", "", "", "faulty"], &["hba=a"]),
        ([U, U, U, U, "faulty"], &[]),
    ] {
        assert_eq!(names(path), expected);
    }
}
