//! Pinned chains, given to the real QEMU: it opens the files that were audited and no others.

mod common;

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use common::{Images, qemu_img};
use pve_native_core::chain::{Pin, Policy, pin};

fn pinned(path: &Path, policy: &Policy, timeout: Option<Duration>) -> Pin {
    pin(path.as_os_str().as_bytes(), policy, timeout).unwrap_or_else(|e| panic!("{e}"))
}

fn qcow2() -> Policy {
    Policy::default()
}

/// A chain of a raw, and two qcow2 images, with data in each.
fn chain(images: &Images) -> std::path::PathBuf {
    let (base, middle, top) = (
        images.path("base.raw"),
        images.path("middle.qcow2"),
        images.path("top.qcow2"),
    );
    std::fs::write(&base, vec![1; 4 << 20]).unwrap();
    for (image, backing, format) in [(&middle, &base, "raw"), (&top, &middle, "qcow2")] {
        let made = qemu_img(&[
            "create".as_ref(),
            "-qfqcow2".as_ref(),
            "-F".as_ref(),
            format.as_ref(),
            "-b".as_ref(),
            backing.as_os_str(),
            image.as_os_str(),
        ]);
        assert!(made.status.success(), "{made:?}");
    }
    top
}

#[test]
fn qemu_img_reads_the_pinned_chain() {
    let images = Images::new();
    let top = chain(&images);
    for timeout in [None, Some(Duration::from_secs(5))] {
        let pin = pinned(&top, &qcow2(), timeout);
        assert_eq!(pin.descriptors().len(), 3);
        assert!(
            pin.audit().findings.is_empty(),
            "{:?}",
            pin.audit().findings
        );
        let out = images.path("out.raw");
        let mut args = vec!["convert".to_owned(), "-Oraw".into()];
        args.extend(pin.qemu_img_args());
        args.push(out.to_str().unwrap().into());
        let done = qemu_img(&args);
        assert!(done.status.success(), "{done:?}");
        assert!(std::fs::read(&out).unwrap() == vec![1; 4 << 20]);
    }
}
