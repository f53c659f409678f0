//! `qemu-storage-daemon` with the block nodes of a pin, read over NBD.

use std::process::Command;

use pve_native_core::chain::Policy;

use crate::common::{Images, SECRET};
use crate::support::{
    BOTH, assert_opened_only, chain, chain_content, convert, named, opened, overlay, pinned,
    read_export, start_daemon, strace_works, traced, write,
};

#[test]
fn the_export_has_the_content_of_the_chain() {
    let images = Images::new();
    let top = chain(&images.path(""));
    for timeout in BOTH {
        let pin = pinned(&top, &named("qcow2"), timeout);
        let socket = images.path("socket");
        let mut daemon = start_daemon(Command::new("qemu-storage-daemon"), &pin, &[], &socket);
        let read = read_export(&mut daemon, &socket, &images.path("out"));
        assert!(read.unwrap() == chain_content());
    }
}

#[test]
fn once_it_is_open_the_pin_is_not_needed_any_more() {
    let images = Images::new();
    let top = chain(&images.path(""));
    let pin = pinned(&top, &named("qcow2"), None);
    let socket = images.path("socket");
    let mut daemon = start_daemon(Command::new("qemu-storage-daemon"), &pin, &[], &socket);
    read_export(&mut daemon, &socket, &images.path("out")).unwrap();
    drop(pin);
    for name in ["top.qcow2", "middle.qcow2", "base.raw"] {
        std::fs::remove_file(images.path(name)).unwrap();
    }
    let read = read_export(&mut daemon, &socket, &images.path("out"));
    assert!(read.unwrap() == chain_content());
}

#[test]
fn data_files_and_secrets_are_nodes_and_options() {
    let images = Images::new();
    let options = format!(
        "data_file={},encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10",
        images.path("data").display()
    );
    let base = images.create("base.qcow2", "qcow2", &options, "1M");
    let policy = Policy {
        allow_data_file: true,
        ..named("qcow2")
    };
    let mut pin = pinned(&base, &policy, None);
    pin.set_secret(0, "s").unwrap();
    assert_eq!(pin.descriptors().len(), 2);
    let read = convert(&pin, &SECRET, &images.path("out")).unwrap();
    let socket = images.path("socket");
    let mut daemon = start_daemon(Command::new("qemu-storage-daemon"), &pin, &SECRET, &socket);
    assert!(read_export(&mut daemon, &socket, &images.path("out")).unwrap() == read);
}

/// strace is the witness: of all files, only those of the pin are opened, whatever the headers
/// say by then.
#[test]
fn only_what_is_pinned_is_opened() {
    if !strace_works("what QEMU opens") {
        return;
    }
    let images = Images::new();
    let folder = images.path("");
    let root = images.path("root");
    std::fs::create_dir(&root).unwrap();
    let data = root.join("data");
    let options = format!("data_file={}", data.display());
    images.create("root/base.qcow2", "qcow2", &options, "1M");
    write(&root.join("base.qcow2"), "qcow2", 5, 0, 1 << 20);
    overlay(
        &root.join("top.qcow2"),
        "qcow2",
        "base.qcow2".as_ref(),
        "qcow2",
    );
    let policy = Policy {
        allow_data_file: true,
        ..named("qcow2")
    };
    let pin = pinned(&root.join("top.qcow2"), &policy, None);
    assert_eq!(pin.descriptors().len(), 3);

    // The headers lead to the canary now, the names to others.
    std::fs::write(images.path("canary"), vec![0xcc; 1 << 20]).unwrap();
    let canary = images.path("canary").display().to_string();
    set_names(
        &root.join("top.qcow2"),
        "base.qcow2",
        &format!("json:{{\"driver\":\"file\",\"filename\":\"{canary}\"}}"),
    );
    set_data_file(
        &root.join("base.qcow2"),
        &data.display().to_string(),
        &canary,
    );
    std::fs::remove_file(&data).unwrap();
    std::os::unix::fs::symlink(&canary, &data).unwrap();

    let (trace, out) = (images.path("trace"), images.path("out"));
    let mut convert = traced("qemu-img", &trace);
    convert
        .args(["convert", "-Oraw"])
        .args(pin.qemu_img_args())
        .arg(&out);
    let done = convert.output().unwrap();
    assert!(done.status.success(), "{done:?}");
    assert!(std::fs::read(&out).unwrap() == vec![5; 1 << 20]);
    assert_opened_only(&opened(&trace), &pin, &folder, &[&out]);
    std::fs::remove_file(&out).unwrap();

    let socket = images.path("socket");
    let mut daemon = start_daemon(traced("qemu-storage-daemon", &trace), &pin, &[], &socket);
    assert!(read_export(&mut daemon, &socket, &out).unwrap() == vec![5; 1 << 20]);
    drop(daemon);
    assert_opened_only(&opened(&trace), &pin, &folder, &[&socket]);
}

/// Writes another name of a backing file into a header, in place, behind the first sector.
pub fn set_names(image: &std::path::Path, old: &str, new: &str) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(image)
        .unwrap();
    let mut head = [0; 4096];
    file.read_exact_at(&mut head, 0).unwrap();
    let at = u64::from_be_bytes(head[8..16].try_into().unwrap()) as usize;
    assert_eq!(&head[at..at + old.len()], old.as_bytes());
    head[at..at + new.len()].copy_from_slice(new.as_bytes());
    head[16..20].copy_from_slice(&(new.len() as u32).to_be_bytes());
    file.write_all_at(&head, 0).unwrap();
}

/// The same for the name of a data file, by one that is not longer.
fn set_data_file(image: &std::path::Path, old: &str, new: &str) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(image)
        .unwrap();
    let mut head = [0; 4096];
    file.read_exact_at(&mut head, 0).unwrap();
    let at = head
        .windows(old.len())
        .position(|part| part == old.as_bytes())
        .unwrap();
    let mut name = new.as_bytes().to_vec();
    name.resize(old.len(), 0);
    head[at..at + old.len()].copy_from_slice(&name);
    file.write_all_at(&head, 0).unwrap();
}
