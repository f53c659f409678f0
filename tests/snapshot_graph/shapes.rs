//! Images that do not stand in one line: branches, circles, what is lost, moved or in passing.

use super::*;

#[test]
fn branches_and_lost_images_are_kept_apart() {
    let folder = Folder::with_snapshots(Scheme::LvmQcow2, &["ab", "cd", "ef"]);
    let image = |name| folder.name(name);
    // On a snapshot below, and on nothing.
    folder.create(&image("branch"), Some((&image("ab"), "qcow2")), "1M");
    folder.create(&image("twig"), Some((&image("branch"), "qcow2")), "1M");
    folder.create(&image("bud"), Some((&image("cd"), "qcow2")), "1M");
    folder.create(&image("lost"), None, "1M");
    let graph = folder.by_listing();
    assert_eq!(current(&graph), "vm-100-disk-0.qcow2");
    assert_eq!(names(&graph), ["ab", "cd", "ef"]);
    let place = |name| {
        let name = image(name);
        let mut images = graph.images().iter();
        images.find(|i| *i.name == *name.as_bytes()).unwrap().place
    };
    assert_eq!(place("current"), Place::Line(0));
    assert_eq!(place("ab"), Place::Line(3));
    assert_eq!(place("branch"), Place::Branch(3));
    assert_eq!(place("twig"), Place::Branch(3));
    assert_eq!(place("bud"), Place::Branch(2));
    assert_eq!(place("lost"), Place::Unlinked);
    let mut found = findings(&graph);
    found.sort();
    let expected = ["branch", "bud", "twig", "lost"].map(|name| {
        let code = if name == "lost" { "unlinked" } else { "branch" };
        (code, image(name))
    });
    let expected: Vec<_> = expected.iter().map(|(c, n)| (*c, n.as_str())).collect();
    assert_eq!(found, expected);
    // What stands on an image that would go is in the way, what stands on the snapshot is not.
    assert_eq!(blockers(&graph, "ab"), ["cd", "ef", "bud"]);
    assert_eq!(blockers(&graph, "cd"), ["ef"]);
}

#[test]
fn circles_end_and_are_shown() {
    let folder = Folder::with_snapshots(Scheme::PveDir, &["ab", "cd"]);
    let (ab, cd) = (folder.name("ab"), folder.name("cd"));
    folder.create(&ab, Some((&cd, "qcow2")), "1M");
    for graph in folder.graphs() {
        assert_eq!(names(&graph), ["ab", "cd"]);
        let found = findings(&graph);
        assert!(found.contains(&("cycle", ab.as_str())), "{found:?}");
        assert!(found.contains(&("cycle", cd.as_str())), "{found:?}");
        assert!(graph.to_text().contains("stands on itself"));
    }
    // All of them: no image is on top, but one is called so.
    let top = folder.name("current");
    folder.create(&ab, Some((&top, "qcow2")), "1M");
    for graph in folder.graphs() {
        assert_eq!(current(&graph), top);
        assert_eq!(graph.line().len(), 3);
    }
    // On itself.
    folder.create(&top, Some((&top, "qcow2")), "1M");
    for graph in [folder.by_listing(), folder.along(&top)] {
        assert!(findings(&graph).contains(&("cycle", top.as_str())));
    }
}

#[test]
fn the_topmost_image_is_current_whatever_its_time() {
    // A snapshot whose new current image was never made.
    let folder = Folder::with_snapshots(Scheme::PveLvm, &["ab", "cd"]);
    let (top, cd) = (folder.name("current"), folder.name("cd"));
    folder.remove(&top);
    let graph = folder.by_listing();
    assert_eq!(current(&graph), cd);
    assert_eq!(findings(&graph), [("current-missing", top.as_str())]);
    let found = info(&graph);
    assert_eq!(
        (&found["cd"]["order"], &found["ab"]["order"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(found.get("current"), None);
    // A lost image besides: which one is on top cannot be told, and nothing is guessed.
    folder.create(&folder.name("lost"), None, "1M");
    let graph = folder.by_listing();
    assert!(graph.current().is_none());
    assert_eq!(findings(&graph), [("no-current", top.as_str())]);
    assert_eq!(graph.images().len(), 3);
    assert!(graph.to_text().contains("cannot be told"));
    // Something stands on the current image.
    let folder = Folder::with_snapshots(Scheme::PveLvm, &["ab"]);
    let above = folder.name("above");
    folder.create(&above, Some((&folder.name("current"), "qcow2")), "1M");
    let graph = folder.by_listing();
    assert_eq!(current(&graph), above);
    assert!(has(&graph, FindingCode::CurrentNotTop));
    // Nothing at all.
    let folder = Folder::new(Scheme::PveDir);
    let graph = folder.by_listing();
    assert_eq!(findings(&graph), [("no-image", "vm-100-disk-0.qcow2")]);
    assert_eq!(info(&graph), json!({}));
}

#[test]
fn images_in_passing_do_not_count() {
    let folder = Folder::with_snapshots(Scheme::LvmQcow2, &["ab"]);
    folder.create(
        "new-vm-100-disk-0.qcow2",
        Some((&folder.name("ab"), "qcow2")),
        "1M",
    );
    folder.create(
        "del-0-vm-100-disk-0.qcow2",
        Some((&folder.name("ab"), "qcow2")),
        "1M",
    );
    folder.create("del-vm-100-disk-0-snap-xy.qcow2", None, "1M");
    let graph = folder.by_listing();
    assert_eq!(current(&graph), "vm-100-disk-0.qcow2");
    assert_eq!(names(&graph), ["ab"]);
    let mut found: Vec<_> = findings(&graph).into_iter().map(|f| f.0).collect();
    found.sort();
    assert_eq!(found, ["removed", "removed", "unfinished"]);
    folder.remove("vm-100-disk-0.qcow2");
    let removed = ("del-0-vm-100-disk-0.qcow2", "qcow2");
    folder.create("vm-100-disk-0.qcow2", Some(removed), "1M");
    let graph = folder.by_listing();
    assert!(has(&graph, FindingCode::PassingInUse));
}

#[test]
fn a_renamed_image_is_followed_but_not_counted() {
    let folder = Folder::with_snapshots(Scheme::PveDir, &["ab", "cd"]);
    let (top, cd) = (folder.name("current"), folder.name("cd"));
    fs::rename(folder.path(&cd), folder.path("by-hand.qcow2")).unwrap();
    folder.create(&top, Some(("by-hand.qcow2", "qcow2")), "1M");
    for graph in folder.graphs() {
        assert_eq!(names(&graph), ["ab"]);
        assert!(findings(&graph).contains(&("stranger", "by-hand.qcow2")));
        // It must not be skipped by whoever follows the names of the parents.
        assert_eq!(info(&graph)["current"].get("parent"), None);
        assert!(graph.base().is_none());
    }
}

#[test]
fn links_and_whole_paths_lead_to_the_same_images() {
    let folder = Folder::new(Scheme::PveDir);
    fs::create_dir(folder.path("real")).unwrap();
    std::os::unix::fs::symlink("real", folder.path("link")).unwrap();
    let (top, ab) = (folder.name("current"), folder.name("ab"));
    folder.create(&format!("real/{ab}"), None, "1M");
    let whole = folder.path(&format!("real/{ab}"));
    folder.create(
        &format!("real/{top}"),
        Some((whole.to_str().unwrap(), "qcow2")),
        "1M",
    );
    let listing = [&top, &ab].map(|name| Listed {
        name: name.as_bytes().into(),
        path: bytes(&folder.path(&format!("link/{name}"))),
        ..Listed::default()
    });
    let found = graph(folder.subject(), &listing);
    assert_eq!((names(&found), found.images().len()), (vec!["ab"], 2));
    assert_eq!(findings(&found), [("absolute-name", top.as_str())]);
    let chain = folder.along(&format!("link/{top}"));
    assert_eq!(names(&chain), ["ab"]);
    assert!(has(&chain, FindingCode::Elsewhere));
    // A relative name through the link.
    folder.create(&format!("real/{top}"), Some((&ab, "qcow2")), "1M");
    assert_eq!(findings(&graph(folder.subject(), &listing)), []);
    assert_eq!(findings(&folder.along(&format!("link/{top}"))), []);
    // One file under two names.
    fs::hard_link(
        folder.path(&format!("real/{ab}")),
        folder.path("real/snap-cd-vm-100-disk-0.qcow2"),
    )
    .unwrap();
    let twin = Listed {
        name: b"snap-cd-vm-100-disk-0.qcow2".to_vec(),
        path: bytes(&folder.path("real/snap-cd-vm-100-disk-0.qcow2")),
        ..Listed::default()
    };
    let [first, second] = listing;
    let found = graph(folder.subject(), &[first, second, twin]);
    assert!(has(&found, FindingCode::Duplicate));
}

#[test]
fn an_image_of_the_same_name_elsewhere_is_another() {
    let folder = Folder::with_snapshots(Scheme::PveDir, &["ab"]);
    fs::create_dir(folder.path("other")).unwrap();
    let ab = folder.name("ab");
    folder.create(&format!("other/{ab}"), None, "1M");
    folder.create(
        &folder.name("current"),
        Some((&format!("other/{ab}"), "qcow2")),
        "1M",
    );
    let listing: Vec<Listed> = folder
        .listing()
        .into_iter()
        .filter(|l| l.name != b"other")
        .collect();
    let graph = graph(folder.subject(), &listing);
    assert_eq!(names(&graph), [""; 0]);
    assert!(graph.base().is_some());
    assert!(has(&graph, FindingCode::Elsewhere));
    assert!(findings(&graph).contains(&("unlinked", ab.as_str())));
}
