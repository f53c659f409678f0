//! JSON: the bytes of `qemu-img map`, written while they are found.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use crate::common::{Answer, Lab};
use crate::images::{CLUSTER, fragmented, three_kinds};

/// Fails without printing hundreds of megabytes.
#[track_caller]
fn same_bytes(lab: &Lab, name: &str, format: &str) {
    let theirs = lab.qemu_img(["map", "--output=json", "-f", format, name]);
    let ask = ["image", "map", "--output", "json", "--format", format, name];
    let ours = lab.pve_native(ask).fine();
    assert!(ours.as_bytes() == theirs, "{name}");
}

#[test]
fn text_is_that_of_qemu_img() {
    let lab = Lab::with_chain();
    for name in ["top.qcow2", "mid.qcow2"] {
        same_bytes(&lab, name, "qcow2");
    }
    same_bytes(&lab, "base.raw", "raw");
    let lab = Lab::new();
    three_kinds(&lab);
    for name in ["top.qcow2", "middle.qcow2", "base.qcow2"] {
        same_bytes(&lab, name, "qcow2");
    }
}

#[test]
fn a_disk_without_bytes_has_one_entry() {
    let lab = Lab::new();
    lab.qemu_img(["create", "-q", "-f", "qcow2", "empty.qcow2", "0"]);
    same_bytes(&lab, "empty.qcow2", "qcow2");
    File::create(lab.path("empty.raw")).unwrap();
    same_bytes(&lab, "empty.raw", "raw");
}

#[test]
fn long_maps_are_not_held_in_memory() {
    let lab = Lab::new();
    fragmented(&lab, "fragmented.qcow2", 1024);
    let theirs = lab.qemu_img(["map", "--output=json", "-f", "qcow2", "fragmented.qcow2"]);
    assert!(theirs.len() > 64 << 20, "{}", theirs.len());
    let ask = "ulimit -v 65536; exec \"$0\" image map --output json fragmented.qcow2";
    let mut command = Command::new("bash");
    command.args(["-c", ask, env!("CARGO_BIN_EXE_pve-native")]);
    let answer = Answer::of(command.current_dir(lab.path("")));
    assert!(answer.fine().as_bytes() == theirs);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let lab = Lab::new();
    fragmented(&lab, "fragmented.qcow2", 64);
    let mut command = lab.command();
    command.args(["image", "map", "--output", "json", "fragmented.qcow2"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut seen = [0; 10];
    let mut reader = child.stdout.take().unwrap();
    reader.read_exact(&mut seen).unwrap();
    drop(reader);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
    assert_eq!(&seen, b"[{ \"start\"");
}

#[test]
fn what_was_found_before_an_error_is_written() {
    let lab = Lab::new();
    let tables = fragmented(&lab, "fragmented.qcow2", 64);
    let ask = ["image", "map", "--output", "json", "fragmented.qcow2"];
    let whole = lab.pve_native(ask).fine();
    // An entry of the last table that leads to no cluster.
    let entry = tables + 63 * CLUSTER;
    lab.poke("fragmented.qcow2", entry, &(1u64 << 63 | 512).to_be_bytes());
    let theirs = Command::new("qemu-img")
        .args(["map", "--output=json", "fragmented.qcow2"])
        .current_dir(lab.path(""))
        .output()
        .unwrap();
    assert!(!theirs.status.success());
    let answer = lab.pve_native(ask);
    assert_eq!((answer.status, answer.stderr.lines().count()), (1, 1));
    assert!(
        answer.stderr.contains("fragmented.qcow2"),
        "{}",
        answer.stderr
    );
    assert!(whole.starts_with(&answer.stdout));
    assert!(answer.stdout.len() > whole.len() / 64 * 62);
    for output in ["human", "svg"] {
        let ask = ["image", "map", "--output", output, "fragmented.qcow2"];
        lab.pve_native(ask).error();
    }
}

#[test]
fn a_chain_that_is_not_whole_is_an_error() {
    let lab = Lab::with_chain();
    let ask = [
        "image",
        "map",
        "--output",
        "json",
        "--max-depth",
        "2",
        "top.qcow2",
    ];
    assert!(lab.pve_native(ask).error().contains("max-depth is 2"));
    std::fs::remove_file(lab.path("base.raw")).unwrap();
    for output in ["human", "json", "svg"] {
        let answer = lab.pve_native(["image", "map", "--output", output, "top.qcow2"]);
        assert!(answer.error().contains("cannot open 'base.raw'"));
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_an_error() {
    let lab = Lab::new();
    fragmented(&lab, "fragmented.qcow2", 4);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let mut command = lab.command();
    command.args(["image", "map", "--output", "json", "fragmented.qcow2"]);
    let answer = Answer::of(command.stdout(full.unwrap()));
    assert_eq!(
        answer.error(),
        "pve-native: cannot write: No space left on device\n"
    );
}
