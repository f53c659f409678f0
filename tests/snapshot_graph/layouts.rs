//! Whole volumes of each layout: what Proxmox VE's plugins would say of them.

use super::*;

#[test]
fn a_volume_of_each_layout_is_what_proxmox_ve_sees() {
    for scheme in EXTERNAL {
        for snapshots in [&[][..], &["ab"], &["ab", "before-update", "x_1"]] {
            let folder = Folder::with_snapshots(scheme, snapshots);
            for graph in folder.graphs() {
                assert_eq!(info(&graph), folder.upstream(), "{scheme:?}");
                assert_eq!(names(&graph), snapshots);
                assert_eq!(current(&graph), folder.volume.as_str());
                assert_eq!(findings(&graph), [], "{scheme:?}");
                assert_eq!(graph.layout(), Layout::Named);
            }
        }
    }
}

#[test]
fn rollback_is_blocked_by_what_is_newer() {
    let folder = Folder::with_snapshots(Scheme::PveDir, &["ab", "cd", "ef"]);
    for graph in folder.graphs() {
        assert_eq!(blockers(&graph, "ab"), ["cd", "ef"]);
        assert_eq!(blockers(&graph, "ef"), [""; 0]);
        let error = graph.blockers(b"x\ny").unwrap_err();
        assert_eq!(error.code(), Code::Argument);
        assert!(!error.to_string().contains('\n'));
        assert!(graph.blockers(b"current").is_err());
    }
}

#[test]
fn the_order_of_a_listing_and_what_else_is_in_it_change_nothing() {
    let folder = Folder::with_snapshots(Scheme::PveLvm, &["ab", "cd", "ef", "gh"]);
    let expected = info(&folder.by_listing());
    for other in [
        "vm-100-disk-00.qcow2",
        "vm-1000-disk-0.qcow2",
        "root",
        "snap_vm-100-disk-01_ab.qcow2",
    ] {
        fs::write(folder.path(other), b"not an image").unwrap();
    }
    let mut listing = folder.listing();
    let first = folder.by_listing();
    assert_eq!((info(&first), first.images().len()), (expected, 5));
    let mut random = Random::new(7);
    for _ in 0..20 {
        for i in (1..listing.len()).rev() {
            listing.swap(i, random.below(i + 1));
        }
        listing.push(listing[0].clone());
        assert_eq!(graph(folder.subject(), &listing), first);
    }
}

#[test]
fn a_linked_clone_ends_at_its_base() {
    let folder = Folder::of(Scheme::PveDir, "vm-100-disk-0.qcow2");
    fs::create_dir(folder.path("100")).unwrap();
    fs::create_dir(folder.path("9000")).unwrap();
    folder.create("9000/base-9000-disk-0.qcow2", None, "1M");
    let base = ("../9000/base-9000-disk-0.qcow2", "qcow2");
    folder.create("100/snap-ab-vm-100-disk-0.qcow2", Some(base), "1M");
    let ab = ("snap-ab-vm-100-disk-0.qcow2", "qcow2");
    folder.create("100/vm-100-disk-0.qcow2", Some(ab), "1M");
    let volname = b"9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2";
    let subject = || Subject::new(Scheme::PveDir, volname, Some(b"store")).unwrap();
    let listing = ["vm-100-disk-0.qcow2", "snap-ab-vm-100-disk-0.qcow2"].map(|name| Listed {
        name: name.into(),
        path: bytes(&folder.path(&format!("100/{name}"))),
        ..Listed::default()
    });
    let top = bytes(&folder.path("100/vm-100-disk-0.qcow2"));
    let storage = Storage::inline();
    let graphs = [
        graph(subject(), &listing),
        Graph::from_path(&storage, subject(), &top, None).unwrap(),
    ];
    for graph in graphs {
        let base = graph.base().unwrap();
        assert_eq!(*base.name, *b"base-9000-disk-0.qcow2");
        let Role::Foreign(Some(name)) = &base.role else {
            panic!("{:?}", base.role)
        };
        assert_eq!(name.to_string(), "volume 'base-9000-disk-0.qcow2'");
        assert_eq!(base.virtual_size(), Some(1 << 20));
        assert_eq!(
            findings(&graph),
            [("foreign-base", "base-9000-disk-0.qcow2")]
        );
        let info = info(&graph);
        assert_eq!(info.as_object().unwrap().len(), 2);
        assert_eq!(info["ab"].get("parent"), None);
        assert_eq!(info["current"]["parent"], "ab");
        assert_eq!(info["ab"]["volid"], "store:100/snap-ab-vm-100-disk-0.qcow2");
    }
    // Without its base the volume's own part is still there.
    folder.remove("9000/base-9000-disk-0.qcow2");
    let graph = graph(subject(), &listing);
    assert_eq!(names(&graph), ["ab"]);
    assert_eq!(graph.base().unwrap().content, Content::Missing);
    assert!(has(&graph, FindingCode::Missing));
}

#[test]
fn an_adopted_volume_stands_on_its_raw_image() {
    let folder = Folder::new(Scheme::LvmQcow2);
    fs::write(folder.path("vm-100-disk-0-base"), [0; 1 << 20]).unwrap();
    folder.create(
        "vm-100-disk-0.qcow2",
        Some(("vm-100-disk-0-base", "raw")),
        "1M",
    );
    folder.snapshot("ab");
    for graph in folder.graphs() {
        assert_eq!(names(&graph), ["ab"]);
        assert_eq!(findings(&graph), []);
        assert!(graph.base().is_none());
        let bottom = graph
            .images()
            .iter()
            .find(|i| i.part() == Some(&Part::Bottom))
            .unwrap();
        assert_eq!(bottom.place, Place::Line(2));
        assert_eq!(info(&graph)["ab"].get("parent"), None);
    }
    // The raw image became that of a snapshot; another image claims the same one.
    fs::rename(
        folder.path("vm-100-disk-0-base"),
        folder.path("vm-100-disk-0-snap-xy"),
    )
    .unwrap();
    let raw = ("vm-100-disk-0-snap-xy", "raw");
    folder.create("vm-100-disk-0-snap-ab.qcow2", Some(raw), "1M");
    for graph in folder.graphs() {
        assert_eq!(names(&graph), ["xy", "ab"]);
        assert_eq!(findings(&graph), []);
    }
    folder.create("vm-100-disk-0-snap-xy.qcow2", None, "1M");
    assert!(has(&folder.by_listing(), FindingCode::Duplicate));
}

/// As the proposal of 2024 makes them: whole paths, the newest overlay is the current image.
fn overlays() -> Folder {
    let folder = Folder::of(Scheme::LvmQcow2, "vm-100-disk-0");
    fs::write(folder.path("vm-100-disk-0"), [0; 1 << 20]).unwrap();
    let path = |name: &str| folder.path(name).to_str().unwrap().to_owned();
    folder.create(
        "vm-100-disk-0-snap-ab.qcow2",
        Some((&path("vm-100-disk-0"), "raw")),
        "1M",
    );
    let ab = path("vm-100-disk-0-snap-ab.qcow2");
    folder.create("vm-100-disk-0-snap-cd.qcow2", Some((&ab, "qcow2")), "1M");
    folder
}

#[test]
fn the_layout_of_2024_is_understood() {
    let folder = overlays();
    let graph = folder.by_listing();
    assert_eq!(graph.layout(), Layout::Overlays);
    assert_eq!(current(&graph), "vm-100-disk-0-snap-cd.qcow2");
    assert_eq!(names(&graph), ["ab", "cd"]);
    let found = info(&graph);
    // The state at a snapshot is what its overlay stands on.
    assert_eq!(found["current"]["volname"], "vm-100-disk-0-snap-cd.qcow2");
    assert_eq!(found["cd"]["volname"], "vm-100-disk-0-snap-ab.qcow2");
    assert_eq!(found["ab"]["volname"], "vm-100-disk-0");
    assert_eq!(
        (&found["current"]["parent"], &found["ab"]["child"]),
        (&json!("cd"), &json!("cd"))
    );
    assert_eq!(blockers(&graph, "ab"), ["cd"]);
    assert!(has(&graph, FindingCode::OverlayLayout));
    let chain = folder.along("vm-100-disk-0-snap-cd.qcow2");
    assert_eq!(info(&chain), found);
    // An overlay that was allocated and never made.
    fs::write(folder.path("vm-100-disk-0-snap-ef.qcow2"), [0; 4096]).unwrap();
    let graph = folder.by_listing();
    assert_eq!(info(&graph), found);
    let lost = ("unlinked", "vm-100-disk-0-snap-ef.qcow2");
    assert!(findings(&graph).contains(&lost));
    // Asked for under today's name.
    let subject = Subject::new(Scheme::LvmQcow2, b"vm-100-disk-0.qcow2", None).unwrap();
    let found = self::graph(subject, &overlays().listing());
    assert!(has(&found, FindingCode::CurrentMissing) && has(&found, FindingCode::OverlayLayout));
}

#[test]
fn a_raw_volume_beside_a_volume_with_snapshots_has_none() {
    let folder = Folder::with_snapshots(Scheme::LvmQcow2, &["ab"]);
    fs::write(folder.path("vm-100-disk-0"), [0; 4096]).unwrap();
    let subject = Subject::new(Scheme::LvmQcow2, b"vm-100-disk-0", None).unwrap();
    let raw = graph(subject, &folder.listing());
    assert_eq!((current(&raw), names(&raw)), ("vm-100-disk-0", vec![]));
    assert_eq!(raw.layout(), Layout::Named);
    assert_eq!(names(&folder.by_listing()), ["ab"]);
}

#[test]
fn snapshots_within_an_image_are_listed() {
    let folder = Folder::new(Scheme::Internal);
    folder.create("vm-100-disk-0.qcow2", None, "1M");
    let path = folder.path("vm-100-disk-0.qcow2");
    for name in ["ab", "any name", "ab"] {
        assert!(
            qemu_img(&["snapshot", "-c", name, path.to_str().unwrap()])
                .status
                .success()
        );
    }
    for graph in folder.graphs() {
        assert_eq!(names(&graph), ["any name", "ab"]);
        assert_eq!(findings(&graph), []);
        let SnapshotInfo::Internal(snapshots) = graph.snapshot_info() else {
            panic!("they lie within")
        };
        let theirs = common::oracle_info(&path, Some("qcow2")).unwrap();
        let last = &theirs["snapshots"][2];
        assert_eq!(json!(snapshots[1].timestamp), last["date-sec"]);
        assert_eq!(
            info(&graph)["any name"],
            json!({ "timestamp": theirs["snapshots"][1]["date-sec"] })
        );
        assert_eq!(blockers(&graph, "any name"), [""; 0]);
        assert!(graph.blockers(b"xy").is_err());
    }
}

#[test]
fn the_format_of_a_chain_can_be_said() {
    let folder = Folder::with_snapshots(Scheme::PveDir, &["ab"]);
    let path = bytes(&folder.path(&folder.name("current")));
    let raw = Some(FormatChoice::Named(ImageFormat::Raw));
    let graph = Graph::from_path(&Storage::inline(), folder.subject(), &path, raw).unwrap();
    assert_eq!(names(&graph), [""; 0]);
}
