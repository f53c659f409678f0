//! What ports that are down explain, and what they leave open.

use super::*;

/// A node with paths from adapters to storage ports: what it broadcasts if some of them are down.
struct Paths {
    /// Adapter, storage port, whether it works.
    paths: Vec<(&'static str, &'static str, bool)>,
    luns: Vec<&'static str>,
}

/// Two adapters, each in a fabric of its own with two storage ports.
const TWO_FABRICS: [(&str, &str); 4] = [("h1", "t1"), ("h1", "t2"), ("h2", "t3"), ("h2", "t4")];
/// Two adapters that both reach both storage ports.
const CROSSED: [(&str, &str); 4] = [("h1", "t1"), ("h1", "t2"), ("h2", "t1"), ("h2", "t2")];

impl Paths {
    /// All paths of LUNs `v` and `w` that lead through any of `down` are down.
    fn new(paths: &[(&'static str, &'static str)], down: &[&str]) -> Self {
        let works = |(hba, target): &(&str, &str)| !down.contains(hba) && !down.contains(target);
        Paths {
            paths: paths
                .iter()
                .map(|path| (path.0, path.1, works(path)))
                .collect(),
            luns: vec!["v", "w"],
        }
    }

    fn luns(mut self, luns: &[&'static str]) -> Self {
        self.luns = luns.to_vec();
        self
    }

    /// As `summarize_maps` writes it.
    fn broadcast(&self) -> String {
        let (luns, total) = (self.luns.len(), self.paths.len());
        let dead = self.paths.iter().filter(|path| !path.2);
        let mut ends: Vec<(&str, &str)> = self
            .paths
            .iter()
            .flat_map(|path| [("hba", path.0), ("target", path.1)])
            .collect();
        ends.sort_unstable();
        ends.dedup();
        let through =
            |end: &(&str, &str), path: &&(&str, &str, bool)| path.0 == end.1 || path.1 == end.1;
        let port = |end: &(&str, &str)| {
            let all = self.paths.iter().filter(|path| through(end, path)).count();
            let down = dead.clone().filter(|path| through(end, path)).count();
            json!([end.0, end.1, all * luns, down * luns])
        };
        let down: Vec<usize> = (0..ends.len())
            .filter(|&at| dead.clone().any(|path| through(&ends[at], &path)))
            .collect();
        let active = total - dead.clone().count();
        let mut one = map(active as u32, total as u32);
        let mut all = json!({ "time": NOW });
        if active < total {
            one["down"] = json!(down);
            all["ports"] = ends.iter().map(port).collect();
        }
        let maps = self.luns.iter().map(|lun| (lun.to_string(), one.clone()));
        all["maps"] = Value::Object(maps.collect());
        all.to_string()
    }
}

fn two(down: &[&str]) -> String {
    Paths::new(&TWO_FABRICS, down).broadcast()
}

fn crossed(down: &[&str]) -> String {
    Paths::new(&CROSSED, down).broadcast()
}

#[test]
fn an_adapter_that_is_down_is_one_finding_with_its_luns() {
    for of in [two, crossed] {
        let finding = only(
            &[("n1", of(&["h1"])), ("n2", of(&[])), ("n3", of(&[]))],
            json!({}),
        );
        assert_eq!(
            told(&finding),
            [
                "hba-down",
                "n1/h1",
                "Adapter h1 of node n1 has lost all its 4 paths to 2 LUNs. See the adapter, its cable and its switch \
              port."
            ]
        );
        assert_eq!((finding.extent, finding.severity), (4, Severity::Warning));
        assert_eq!(
            (finding.luns, finding.nodes),
            (vec!["v".to_string(), "w".into()], vec!["n1".to_string()])
        );
    }
}

#[test]
fn a_lun_that_has_lost_more_than_the_cause_explains_is_told_besides() {
    let raw = json!({ "time": NOW, "ports": [["hba", "h1", 4, 4], ["hba", "h2", 4, 1]], "maps": {
        "v": with(map(1, 4), "down", json!([0, 1])), "w": with(map(2, 4), "down", json!([0])),
    } });
    let found = found(&[("n1", raw.to_string())], json!({}));
    assert_eq!(
        names(&found),
        [("hba-down", "n1/h1"), ("lun-degraded", "v")]
    );
    assert_eq!(found[0].luns, ["v", "w"]);
}

#[test]
fn a_lun_without_paths_is_told_whatever_the_cause() {
    let found = found(&[("n1", two(&["h1", "h2"])), ("n2", two(&[]))], json!({}));
    let expected = [
        ("lun-failed", "v"),
        ("lun-failed", "w"),
        ("hba-down", "n1/h1"),
        ("hba-down", "n1/h2"),
    ];
    assert_eq!(names(&found), expected);
}

#[test]
fn a_storage_port_that_nobody_reaches_is_one_finding_for_all_nodes() {
    let nodes = ["n1", "n2", "n3"].map(|name| (name, crossed(&["t1"])));
    let finding = only(&nodes, json!({}));
    assert_eq!(
        told(&finding),
        [
            "target-down",
            "t1",
            "Storage port t1 is down on all nodes that tell of it, n1, n2 and n3: 12 paths to 2 LUNs. See the storage \
          and its connection to the fabric."
        ]
    );
    assert_eq!(
        (finding.extent, finding.nodes.len(), finding.luns.len()),
        (12, 3, 2)
    );
}

#[test]
fn storage_ports_with_the_same_luns_have_one_cause() {
    // Of two arrays one is gone.
    let paths = [("h1", "t1"), ("h2", "t2")];
    let others = Paths::new(&[("h1", "a1"), ("h2", "a2")], &[]).luns(&["x"]);
    let node = || {
        let gone: Value =
            serde_json::from_str(&Paths::new(&paths, &["t1", "t2"]).broadcast()).unwrap();
        let mut all = gone;
        all["maps"]["x"] = map(2, 2);
        for port in all["ports"].as_array_mut().unwrap() {
            if port[0] == "hba" {
                port[2] = json!(3);
            }
        }
        assert_eq!(others.luns.len(), 1);
        all.to_string()
    };
    let found = found(&[("n1", node()), ("n2", node())], json!({}));
    let expected = [
        ("lun-failed", "v"),
        ("lun-failed", "w"),
        ("target-down", "t1,t2"),
    ];
    assert_eq!(names(&found), expected);
    assert!(
        found[2]
            .sentence
            .starts_with("Storage ports t1 and t2 are down on all nodes that tell of them")
    );
}

#[test]
fn adapters_and_storage_ports_that_all_nodes_lost_share_a_fabric() {
    let nodes = ["n1", "n2", "n3"].map(|name| (name, two(&["h1"])));
    let finding = only(&nodes, json!({}));
    assert_eq!(
        told(&finding),
        [
            "fabric-down",
            "t1,t2",
            "Storage ports t1 and t2 are down on all nodes that use them, and with them all paths through the \
          adapters h1 of n1, h1 of n2 and h1 of n3: 12 paths to 2 LUNs. What they share is the fabric between them: \
          see its switches, then the storage."
        ]
    );
    assert_eq!((finding.luns.len(), finding.nodes.len()), (2, 3));
}

#[test]
fn a_fabric_is_not_down_where_one_node_still_uses_it() {
    // n3 says nothing of its ports, and has all of its paths.
    let nodes = [("n1", two(&["h1"])), ("n2", two(&["h1"])), ("n3", two(&[]))];
    assert_eq!(
        names(&found(&nodes, json!({}))),
        [("hba-down", "n1/h1"), ("hba-down", "n2/h1")]
    );
    // n3 has lost something else, and says that its paths to t1 and t2 work.
    let nodes = [
        ("n1", two(&["h1"])),
        ("n2", two(&["h1"])),
        ("n3", two(&["h2"])),
    ];
    let expected = [
        ("hba-down", "n1/h1"),
        ("hba-down", "n2/h1"),
        ("hba-down", "n3/h2"),
    ];
    assert_eq!(names(&found(&nodes, json!({}))), expected);
    // n3 has fewer paths: it may never have had any in that fabric.
    let half = Paths::new(&TWO_FABRICS[2..], &[]).broadcast();
    let nodes = [("n1", two(&["h1"])), ("n2", two(&["h1"])), ("n3", half)];
    let expected = [("fabric-down", "t1,t2"), ("reduced-redundancy", "n3")];
    assert_eq!(names(&found(&nodes, json!({}))), expected);
}

#[test]
fn a_storage_port_that_some_nodes_do_not_reach_is_on_their_side() {
    let nodes = [("n1", crossed(&["t1"])), ("n2", crossed(&["h2"]))];
    let found = found(&nodes, json!({}));
    assert_eq!(
        names(&found),
        [("hba-down", "n2/h2"), ("target-down", "t1")]
    );
    assert_eq!(
        found[1].sentence,
        "Storage port t1 is down on n1 and not on others: 4 paths to 2 LUNs. See zoning and connections of these \
         nodes."
    );
    assert_eq!(found[1].nodes, ["n1"]);
}

#[test]
fn where_the_fault_cannot_be_told_the_sentence_says_so() {
    let finding = only(&[("n1", crossed(&["t1"])), ("n2", crossed(&[]))], json!({}));
    assert!(
        finding
            .sentence
            .contains("Other nodes have all their paths to the same LUNs. If they use it"),
        "{finding:?}"
    );
    let finding = only(&[("n1", crossed(&["t1"]))], json!({}));
    assert!(
        finding.sentence.contains("No other node tells of it"),
        "{finding:?}"
    );
}

#[test]
fn one_dead_path_among_several_is_no_port_that_is_down() {
    let raw = json!({ "time": NOW, "ports": [["hba", "h1", 4, 1], ["target", "t1", 4, 1]],
                      "maps": { "w": with(map(3, 4), "down", json!([0, 1])) } });
    assert_eq!(
        only(&[("n1", raw.to_string())], json!({})).code.name(),
        "lun-degraded"
    );
}

#[test]
fn what_is_away_causes_nothing() {
    let members = json!({ "members": { "n2": { "online": 1 } } });
    let found = found(&[("n1", two(&["h1"])), ("n2", two(&[]))], members);
    assert_eq!(names(&found), [("coverage", "n1"), ("node-offline", "n1")]);
}

#[test]
fn odd_ports_explain_nothing() {
    for (ports, down) in [
        (json!([["hba", "h1", 4, 4]]), json!([1])),
        (json!([["hba", "h1", 4, 4]]), json!([0, 9])),
        (json!([["hba", "h1", 0, 0]]), json!([0])),
        (json!([["switch", "h1", 4, 4]]), json!([0])),
        (json!([5]), json!([0])),
        (json!([["hba", "h1", 4, 4]]), json!([])),
    ] {
        let raw =
            json!({ "time": NOW, "ports": ports, "maps": { "w": with(map(3, 4), "down", down) } });
        let found = found(&[("n1", raw.to_string())], json!({}));
        assert!(
            names(&found).contains(&("lun-degraded", "w")),
            "{raw} {found:?}"
        );
    }
    // One that is named twice is one.
    let raw = json!({ "time": NOW, "ports": [["hba", "h1", 4, 4], ["hba", "h1", 4, 4]],
                      "maps": { "w": with(map(3, 4), "down", json!([0])) } });
    assert_eq!(only(&[("n1", raw.to_string())], json!({})).subject, "n1/h1");
}
