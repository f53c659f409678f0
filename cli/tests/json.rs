//! JSON output is qemu-img's.

mod common;

use common::Lab;
use serde_json::Value;

fn both(lab: &Lab, name: &str) {
    for path in [name, lab.path(name).to_str().unwrap()] {
        let info = ["info", "--output=json", path];
        let theirs: Value = serde_json::from_slice(&lab.qemu_img(info)).unwrap();
        let ours = lab.pve_native(["image", "info", "--output", "json", path]);
        assert_eq!(ours.json(), theirs);
        assert!(ours.stdout.ends_with("}\n"));

        let chain = ["info", "--output=json", "--backing-chain", path];
        let theirs: Value = serde_json::from_slice(&lab.qemu_img(chain)).unwrap();
        let ours = lab.pve_native(["--output", "json", "image", "chain", path]);
        assert_eq!(ours.json(), theirs);
        assert!(ours.stdout.ends_with("]\n"));
    }
}

#[test]
fn images_and_chains_read_as_qemu_img_prints_them() {
    let lab = Lab::with_chain();
    for name in ["top.qcow2", "mid.qcow2", "base.raw"] {
        both(&lab, name);
    }
}

#[test]
fn text_is_that_of_qemu_img() {
    let lab = Lab::with_chain();
    let theirs = lab.qemu_img(["info", "--output=json", "mid.qcow2"]);
    let ours = lab.pve_native(["image", "info", "--output", "json", "mid.qcow2"]);
    assert_eq!(ours.fine(), String::from_utf8(theirs).unwrap());
}

#[test]
fn data_files_are_told() {
    let lab = Lab::new();
    lab.create("d.qcow2", &["-o", "data_file=d.data,data_file_raw=on"]);
    both(&lab, "d.qcow2");
}

#[test]
fn a_damaged_chain_ends_with_the_reason() {
    let lab = Lab::new();
    lab.create("top.qcow2", &["-u", "-b", "gone.qcow2", "-F", "qcow2"]);
    let answer = lab.pve_native(["image", "chain", "--output", "json", "top.qcow2"]);
    assert_eq!(answer.status, 3);
    let array = answer.json();
    assert_eq!(array.as_array().unwrap().len(), 2);
    assert_eq!(array[0]["filename"], "top.qcow2");
    assert_eq!(array[1]["filename"], "gone.qcow2");
    assert_eq!(array[1]["error"]["code"], "io");
    let message = array[1]["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("cannot open 'gone.qcow2'"), "{message}");
}

#[test]
fn a_chain_without_a_top_is_an_error() {
    let lab = Lab::new();
    let answer = lab.pve_native(["image", "chain", "--output", "json", "none.qcow2"]);
    assert_eq!(answer.status, 1);
    assert_eq!(answer.stdout, "");
    assert!(answer.stderr.contains("No such file"), "{}", answer.stderr);
}
