//! What a damaged or hostile image, name or header does to a graph: it becomes a finding.

use super::*;

#[test]
fn a_missing_snapshot_leaves_the_rest() {
    for scheme in EXTERNAL {
        let folder = Folder::with_snapshots(scheme, &["ab", "cd", "ef"]);
        let lost = folder.name("cd");
        folder.remove(&lost);
        for graph in folder.graphs() {
            assert_eq!(names(&graph), ["cd", "ef"]);
            let info = info(&graph);
            assert_eq!(info["ef"]["parent"], "cd");
            assert_eq!(info["cd"]["child"], "ef");
            assert_eq!(info["cd"].get("volid"), None);
            assert_eq!(info["cd"].get("virtual-size"), None);
            assert!(findings(&graph).contains(&("missing", lost.as_str())));
        }
        // Only a listing shows what the chain does not lead to any more.
        let ab = folder.name("ab");
        assert!(findings(&folder.by_listing()).contains(&("unlinked", ab.as_str())));
    }
}

#[test]
fn a_volume_that_is_not_active_keeps_its_place() {
    let folder = Folder::with_snapshots(Scheme::LvmQcow2, &["ab", "cd"]);
    let listing = folder.listing();
    let inactive = folder.name("cd");
    folder.remove(&inactive);
    let found = graph(folder.subject(), &listing);
    assert_eq!(names(&found), ["cd"]);
    assert_eq!(info(&found)["cd"]["volid"], format!("store:{inactive}"));
    let ab = folder.name("ab");
    let expected = [("inactive", inactive.as_str()), ("unlinked", ab.as_str())];
    let mut found = findings(&found);
    found.sort();
    assert_eq!(found, expected);
    // Not even the current image.
    for listed in &listing {
        let _ = fs::remove_file(folder.path(std::str::from_utf8(&listed.name).unwrap()));
    }
    let found = graph(folder.subject(), &listing);
    assert_eq!(current(&found), "vm-100-disk-0.qcow2");
}

/// Whoever reads such a device waits until somebody resumes it.
#[test]
fn what_is_suspended_is_not_opened() {
    let folder = Folder::with_snapshots(Scheme::LvmQcow2, &["ab", "cd"]);
    // The base of a linked clone, by a link: the device is what counts, not its name.
    folder.create("base-9-disk-0.qcow2", None, "1M");
    fs::create_dir(folder.path("mapper")).unwrap();
    std::os::unix::fs::symlink("../base-9-disk-0.qcow2", folder.path("mapper/base")).unwrap();
    let ab = folder.name("ab");
    folder.create(&ab, Some(("mapper/base", "qcow2")), "1M");
    let with = |names: &[&str]| {
        let mut listing = folder.listing();
        listing.retain(|listed| listed.name != b"mapper");
        for listed in &mut listing {
            listed.suspended = names.iter().any(|name| listed.name == name.as_bytes());
        }
        graph(folder.subject(), &listing)
    };
    let cd = folder.name("cd");
    let found = with(&[&cd]);
    assert_eq!(names(&found), ["cd"]);
    assert!(findings(&found).contains(&("inactive", cd.as_str())));
    let found = with(&["base-9-disk-0.qcow2"]);
    assert_eq!(names(&found), ["ab", "cd"]);
    assert_eq!(found.base().unwrap().content, Content::Inactive);
    assert!(with(&[]).base().unwrap().info().is_some());
}

#[test]
fn a_damaged_image_does_not_hide_the_others() {
    let folder = Folder::with_snapshots(Scheme::PveDir, &["ab", "cd"]);
    let name = folder.name("cd");
    fs::write(folder.path(&name), [0; 4096]).unwrap();
    for graph in folder.graphs() {
        assert_eq!(names(&graph), ["cd"]);
        assert!(findings(&graph).contains(&("wrong-format", name.as_str())));
    }
    let mut header = writer::standing_on(b"snap-ab-vm-100-disk-0.qcow2", Some("qcow2"));
    header[20..24].copy_from_slice(&40u32.to_be_bytes());
    fs::write(folder.path(&name), &header).unwrap();
    assert!(findings(&folder.by_listing()).iter().any(|f| f.1 == name));
    // A folder in its place, and a FIFO, which is not opened.
    folder.remove(&name);
    fs::create_dir(folder.path(&name)).unwrap();
    assert!(findings(&folder.by_listing()).contains(&("wrong-format", name.as_str())));
}

#[test]
fn a_wrong_recorded_format_is_found_and_not_believed() {
    let folder = Folder::with_snapshots(Scheme::PveLvm, &["ab", "cd"]);
    let (current, below) = (folder.name("current"), folder.name("cd"));
    folder.create(&current, Some((&below, "raw")), "1M");
    let graph = folder.by_listing();
    assert_eq!(names(&graph), ["ab", "cd"]);
    assert_eq!(findings(&graph), [("recorded-format", current.as_str())]);
    // QEMU believes it: below there is nothing for the guest.
    let chain = folder.along(&current);
    assert_eq!(names(&chain), ["cd"]);
    assert!(findings(&chain).contains(&("recorded-format", current.as_str())));
    // Nothing recorded.
    let header = writer::standing_on(below.as_bytes(), None);
    fs::write(folder.path(&current), header).unwrap();
    let graph = folder.by_listing();
    assert_eq!(names(&graph), ["ab", "cd"]);
    assert!(findings(&graph).contains(&("unnamed-format", current.as_str())));
    assert!(has(&folder.along(&current), FindingCode::UnnamedFormat));
}

#[test]
fn a_raw_volume_is_never_followed() {
    for scheme in [Scheme::LvmQcow2, Scheme::PveLvm] {
        let folder = Folder::of(scheme, "vm-100-disk-0");
        fs::write(folder.path("secret"), b"secret").unwrap();
        // What a guest can write into its disk.
        let header = writer::standing_on(b"secret", Some("raw"));
        fs::write(folder.path("vm-100-disk-0"), header).unwrap();
        for graph in folder.graphs() {
            assert_eq!(graph.images().len(), 1);
            let image = graph.current().unwrap();
            assert_eq!(image.info().unwrap().format, ImageFormat::Raw);
            assert_eq!(findings(&graph), []);
        }
    }
}

#[test]
fn sizes_and_what_lies_within_are_told() {
    let folder = Folder::with_snapshots(Scheme::LvmQcow2, &["ab", "cd"]);
    folder.create(
        &folder.name("cd"),
        Some((&folder.name("ab"), "qcow2")),
        "2M",
    );
    folder.create(
        &folder.name("current"),
        Some((&folder.name("cd"), "qcow2")),
        "1M",
    );
    let path = folder.path(&folder.name("ab"));
    let output = qemu_img(&["snapshot", "-c", "inside", path.to_str().unwrap()]);
    assert!(output.status.success());
    let graph = folder.by_listing();
    let mut found: Vec<_> = findings(&graph).into_iter().map(|f| f.0).collect();
    found.sort();
    assert_eq!(found, ["grown", "internal-snapshots", "shrunk"]);
    assert_eq!(info(&graph)["cd"]["virtual-size"], 2 << 20);
}

#[test]
fn names_that_proxmox_ve_splits_in_two_ways_are_found() {
    let folder = Folder::of(Scheme::PveLvm, "vm-100-a_b.qcow2");
    folder.create(
        "vm-100-a_b.qcow2",
        Some(("snap_vm-100-a_b_cd.qcow2", "qcow2")),
        "1M",
    );
    folder.create("snap_vm-100-a_b_cd.qcow2", None, "1M");
    let graph = folder.by_listing();
    assert_eq!(names(&graph), ["cd"]);
    assert_eq!(
        findings(&graph),
        [("ambiguous-name", "snap_vm-100-a_b_cd.qcow2")]
    );
}

#[test]
fn names_of_others_cannot_move_the_cursor() {
    let folder = Folder::new(Scheme::PveDir);
    let hostile: &[u8] = b"\x1b[2J\nx\"\\\xff";
    let header = writer::standing_on(hostile, Some("\x1b[2J"));
    fs::write(folder.path(&folder.name("current")), header).unwrap();
    for graph in folder.graphs() {
        let bad = |c: char| c.is_control() && c != '\n';
        assert!(!graph.to_text().contains(bad));
        assert!(!graph.to_dot().contains(bad));
        let lines = graph.to_text().lines().count();
        assert_eq!(lines, 3 + graph.findings().len(), "{}", graph.to_text());
    }
}

#[test]
fn a_name_that_is_no_file_is_not_opened() {
    let folder = Folder::new(Scheme::PveDir);
    for name in ["nbd:localhost:1", "json:{\"driver\":\"null-co\"}"] {
        let header = writer::standing_on(name.as_bytes(), Some("raw"));
        fs::write(folder.path(&folder.name("current")), header).unwrap();
        for graph in folder.graphs() {
            let base = graph.base().unwrap();
            assert!(matches!(&base.content, Content::Unread(e) if e.code() == Code::Unsupported));
            assert!(has(&graph, FindingCode::Unreadable));
        }
    }
}
