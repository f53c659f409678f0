//! What cannot be given to QEMU by descriptor is refused, even where the policy allows it.

use pve_native_core::Code;
use pve_native_core::chain::{Pin, Policy, audit, pin};

use crate::common::Images;
use crate::support::{BOTH, named, run};

fn refused(path: &std::path::Path, policy: &Policy) -> Vec<pve_native_core::Error> {
    let path = path.to_str().unwrap().as_bytes();
    let allowed = audit(path, policy, None).unwrap();
    assert!(allowed.is_safe(), "{:?}", allowed.findings);
    let refused = BOTH.map(|timeout| pin(path, policy, timeout).err().expect("refused"));
    refused.to_vec()
}

#[test]
fn extents_in_other_files() {
    let images = Images::in_memory();
    for subformat in [
        "monolithicFlat",
        "twoGbMaxExtentSparse",
        "twoGbMaxExtentFlat",
    ] {
        let name = format!("{subformat}.vmdk");
        let path = images.create(&name, "vmdk", &format!("subformat={subformat}"), "1M");
        for error in refused(&path, &named("vmdk")) {
            assert_eq!(error.code(), Code::Unsupported, "{error}");
            assert!(error.to_string().contains("extents"), "{error}");
        }
        // And under another image.
        let top = images.path("top.qcow2");
        crate::support::overlay(&top, "qcow2", &path, "vmdk");
        for error in refused(&top, &named("qcow2")) {
            assert_eq!(error.code(), Code::Unsupported, "{error}");
        }
        std::fs::remove_file(top).unwrap();
    }
}

#[test]
fn protocols_that_the_policy_allows() {
    let images = Images::in_memory();
    let path = images.create(
        "top.qcow2",
        "qcow2",
        "backing_file=nbd:unix:/run/none,backing_fmt=raw",
        "1M",
    );
    let policy = Policy {
        protocols: vec![b"nbd".to_vec()],
        ..named("qcow2")
    };
    for error in refused(&path, &policy) {
        assert_eq!(error.code(), Code::Unsupported, "{error}");
    }
}

#[test]
fn names_that_are_no_names_of_nodes() {
    let images = Images::in_memory();
    let path = images.create("image.qcow2", "qcow2", "", "1M");
    let pin: Pin = crate::support::pinned(&path, &named("qcow2"), None);
    for prefix in ["", "1a", "a b", "a\"", "ä", "seventeen-letters"] {
        let error = pin.block_nodes(prefix).expect_err("refused");
        assert_eq!(error.code(), Code::Argument, "{prefix}");
    }
    let nodes = pin.block_nodes("sixteen-letters.").unwrap();
    assert!(nodes.iter().all(|node| node.node_name.len() <= 31));
    let sets = pin.add_fd_args(u32::MAX);
    assert_eq!(sets.len(), 2);
    pin.block_nodes_in_sets("p", u32::MAX).unwrap();
}

#[test]
fn what_leads_outside() {
    let images = Images::in_memory();
    let root = images.path("root");
    std::fs::create_dir(&root).unwrap();
    std::fs::write(images.path("canary"), [0; 512]).unwrap();
    std::os::unix::fs::symlink("../canary", root.join("link")).unwrap();
    run("mkfifo", &[root.join("fifo")]);
    for (index, backing) in [
        "/etc/passwd".to_owned(),
        images.path("canary").display().to_string(),
        "../canary".into(),
        "link".into(),
        "fifo".into(),
        "/dev/zero".into(),
        "json:{\"driver\":\"file\",\"filename\":\"/etc/passwd\"}".into(),
        "nbd:unix:/run/none".into(),
        "fat:/etc".into(),
        ".".into(),
        "missing".into(),
    ]
    .into_iter()
    .enumerate()
    {
        // Commas stand twice in options.
        let backing = backing.replace(',', ",,");
        let options = format!("backing_file={backing},backing_fmt=raw");
        let path = images.create(&format!("root/{index}.qcow2"), "qcow2", &options, "1M");
        for timeout in BOTH {
            let path = path.to_str().unwrap().as_bytes();
            let error = pin(path, &named("qcow2"), timeout).err().expect("refused");
            assert_eq!(error.code(), Code::Denied, "{backing}: {error}");
        }
    }
}
