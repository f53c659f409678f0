//! Graphs for graphviz.

mod common;

use common::Lab;

fn graph(lab: &Lab, args: &[&str]) -> String {
    let args = ["image", "chain", "--output", "dot"].iter().chain(args);
    lab.pve_native(args).stdout
}

#[test]
fn images_are_boxes_and_references_arrows() {
    let lab = Lab::with_chain();
    let graph = graph(&lab, &["top.qcow2"]);
    assert!(graph.starts_with("digraph chain {\n") && graph.ends_with("}\n"));
    assert!(graph.contains("image0 [label=\"top.qcow2\\nqcow2\\n1 MiB virtual, "));
    assert!(graph.contains("image0 -> image1 [label=\"qcow2\"];"));
    assert!(graph.contains("image1 -> image2 [label=\"raw\"];"));
    assert!(!graph.contains("dashed"));
}

#[test]
fn an_arrow_to_what_is_broken_is_dashed() {
    let lab = Lab::with_chain();
    std::fs::remove_file(lab.path("base.raw")).unwrap();
    let graph = graph(&lab, &["top.qcow2"]);
    assert!(graph.contains("broken [label=\"base.raw\\nio\", style=dashed, color=red];"));
    assert!(graph.contains("image1 -> broken [label=\"io\", style=dashed, color=red];"));
}

#[test]
fn a_cycle_leads_back() {
    let lab = Lab::new();
    lab.create("a.qcow2", &["-u", "-b", "b.qcow2", "-F", "qcow2"]);
    lab.create("b.qcow2", &["-u", "-b", "./a.qcow2", "-F", "qcow2"]);
    let graph = graph(&lab, &["a.qcow2"]);
    assert!(graph.contains("image1 -> image0 [label=\"cycle\", style=dashed, color=red];"));
}

#[test]
fn names_stay_within_their_quotes() {
    let lab = Lab::new();
    lab.create(
        "top.qcow2",
        &["-u", "-b", "a\"]; evil -> b; [\\N&lt;", "-F", "qcow2"],
    );
    let graph = graph(&lab, &["top.qcow2"]);
    let name = r#"broken [label="a\"]; evil -> b; [\\N&amp;lt;\nio""#;
    assert!(graph.contains(name), "{graph}");
}

#[test]
fn a_data_file_is_drawn() {
    let lab = Lab::new();
    lab.create("d.qcow2", &["-o", "data_file=d.data"]);
    let graph = graph(&lab, &["d.qcow2"]);
    assert!(graph.contains("image0_file0 [label=\"d.data\", shape=folder];"));
    assert!(graph.contains("image0 -> image0_file0 [label=\"data\"];"));
}
