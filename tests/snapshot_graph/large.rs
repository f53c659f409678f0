//! Deep chains, many branches, and how graphs are shown.

use super::*;

/// Images of a chain of so many, the current one first, each as small as can be.
fn deep(folder: &Folder, depth: usize) -> Vec<Listed> {
    let name = |i: usize| match i {
        0 => folder.name("current"),
        i => folder.name(&format!("s{i}")),
    };
    for i in 0..depth {
        let below = (i + 1 < depth).then(|| name(i + 1));
        small(folder, &name(i), below.as_deref());
    }
    (0..depth).map(|i| folder.listed(&name(i))).collect()
}

fn small(folder: &Folder, name: &str, below: Option<&str>) {
    let format = (writer::BACKING_FORMAT, b"qcow2".to_vec());
    let image = writer::Image {
        cluster_bits: 9,
        backing: below.map(|below| below.as_bytes().to_vec()),
        extensions: below.map(|_| format).into_iter().collect(),
        ..writer::Image::default()
    };
    fs::write(folder.path(name), image.build().bytes).unwrap();
}

#[test]
fn a_chain_can_be_as_deep_as_the_limit() {
    let folder = Folder::new(Scheme::LvmQcow2);
    let mut listing = deep(&folder, limits::GRAPH_IMAGES);
    let found = graph(folder.subject(), &listing);
    assert_eq!(found.line().len(), limits::GRAPH_IMAGES);
    assert_eq!(names(&found).len(), limits::GRAPH_IMAGES - 1);
    assert_eq!(info(&found), info(&folder.along("vm-100-disk-0.qcow2")));
    assert_eq!(
        blockers(&found, &format!("s{}", limits::GRAPH_IMAGES - 1)).len(),
        limits::GRAPH_IMAGES - 2
    );
    // One line for each image, none of them longer for standing deep.
    let text = found.to_text();
    assert!(
        text.lines().count() <= 2 * limits::GRAPH_IMAGES + 1
            && text.len() < 200 * limits::GRAPH_IMAGES
    );
    assert!(found.to_dot().lines().count() > 2 * limits::GRAPH_IMAGES);
    listing.push(folder.listed("vm-100-disk-0-snap-more.qcow2"));
    let error = Graph::from_volumes(&Storage::inline(), folder.subject(), &listing).unwrap_err();
    assert_eq!(error.code(), Code::Limit);
}

#[test]
fn many_branches_are_shown_in_little_room() {
    let folder = Folder::new(Scheme::LvmQcow2);
    let mut listing = deep(&folder, 1000);
    for i in 1..1000 {
        let name = folder.name(&format!("b{i}"));
        let below = if i % 2 == 0 {
            format!("s{i}")
        } else {
            format!("b{}", i + 1)
        };
        let below = if i == 999 { "s999".into() } else { below };
        small(&folder, &name, Some(&folder.name(&below)));
        listing.push(folder.listed(&name));
    }
    let text = graph(folder.subject(), &listing).to_text();
    assert_eq!(text.lines().filter(|l| l.starts_with(' ')).count(), 1999);
    assert!(text.lines().all(|line| line.len() < 200));
}

#[test]
fn a_graph_as_text_and_for_graphviz() {
    let folder = Folder::with_snapshots(Scheme::PveDir, &["ab", "cd"]);
    folder.create(
        &folder.name("twig"),
        Some((&folder.name("ab"), "qcow2")),
        "1M",
    );
    let graph = folder.by_listing();
    let text = "\
vm-100-disk-0.qcow2 (pve-dir): 2 snapshots
  current  vm-100-disk-0.qcow2  1 MiB
  cd  snap-cd-vm-100-disk-0.qcow2  1 MiB
    twig  snap-twig-vm-100-disk-0.qcow2  1 MiB
  ab  snap-ab-vm-100-disk-0.qcow2  1 MiB
warning: 'snap-twig-vm-100-disk-0.qcow2' branches off below the current image
";
    assert_eq!(graph.to_text(), text);
    let dot = graph.to_dot();
    assert!(dot.starts_with("digraph snapshots {\n") && dot.ends_with("}\n"));
    assert!(dot.contains(r#"[label="cd\nsnap-cd-vm-100-disk-0.qcow2\n1 MiB", style="bold"]"#));
    assert_eq!(dot.matches(" -> ").count(), 3);
    let whole = serde_json::to_value(View::new(&graph, Names::Text)).unwrap();
    assert_eq!(whole["volname"], "100/vm-100-disk-0.qcow2");
    assert_eq!(whole["snapshots"], info(&graph));
    assert_eq!(whole["images"].as_array().unwrap().len(), 4);
    assert_eq!(
        whole["findings"][0]["volume"],
        "snap-twig-vm-100-disk-0.qcow2"
    );
    let current = whole["current"].as_u64().unwrap() as usize;
    assert_eq!(whole["images"][current]["role"], "current");
}
