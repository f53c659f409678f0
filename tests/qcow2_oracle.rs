//! The same answers as QEMU: qcow2 and raw images, made with every creation option and every way
//! to name a backing file, read by ours and by the real `qemu-img`; whole answers are compared.
//! What is meant to differ stands in `docs/differences.md`.

mod support;

#[path = "qcow2_oracle/bitmaps.rs"]
mod bitmaps;
#[path = "qcow2_oracle/chains.rs"]
mod chains;
#[path = "qcow2_oracle/creation.rs"]
mod creation;
#[path = "qcow2_oracle/devices.rs"]
mod devices;
#[path = "qcow2_oracle/encryption.rs"]
mod encryption;
#[path = "qcow2_oracle/headers.rs"]
mod headers;
#[path = "qcow2_oracle/lifecycle.rs"]
mod lifecycle;
#[path = "qcow2_oracle/naming.rs"]
mod naming;
#[path = "qcow2_oracle/probing.rs"]
mod probing;

use support::bench::{Case, run};

fn compare(what: &str, cases: &[Case]) -> usize {
    let root = tempfile::tempdir().expect("a directory for the images");
    run(root.path(), cases).finish(what)
}

#[test]
fn images_with_every_creation_option() {
    let mut cases = creation::cases();
    cases.extend(headers::cases());
    cases.extend(lifecycle::cases());
    cases.extend(bitmaps::cases());
    assert!(compare("qcow2 and raw", &cases) >= 300);
}

#[test]
fn backing_names_of_every_style() {
    // Names relative to the current directory are among the cases: it is set for the whole
    // program, and no other test here depends on it.
    let root = tempfile::tempdir().expect("a directory for the images");
    std::env::set_current_dir(root.path()).expect("the directory is there");
    let mut cases = naming::cases();
    cases.extend(chains::cases());
    run(root.path(), &cases).finish("backing names");
}

#[test]
fn chains_whose_formats_are_guessed() {
    compare("guessed formats", &probing::cases());
}

#[test]
fn encrypted_images() {
    compare("encryption", &encryption::cases());
}

#[test]
fn images_on_block_devices() {
    if let Err(reason) = devices::available() {
        support::announce(&format!("SKIPPED images on block devices: {reason}"));
        return;
    }
    compare("block devices", &devices::cases());
}
