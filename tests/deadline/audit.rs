//! Auditing and pinning within a deadline: each name is looked up before it is opened, and what is
//! pinned stays open in this process, so more calls can hang, and in other places.

use std::path::Path;
use std::time::{Duration, Instant};

use pve_native_core::chain::{Pin, Policy, Preset, audit, pin};
use pve_native_core::{Code, Result};

use crate::Case;
use crate::support::{self, HangFs, LONG, SHORT, SOON, Skip, bytes, tool};

pub const CASES: &[(&str, Case)] = &[
    ("an_audit_of_a_held_image_ends_in_a_timeout", held_image),
    ("an_audit_with_a_held_root_ends_in_a_timeout", held_root),
    ("an_audit_of_a_held_parent_ends_in_a_timeout", held_parent),
    ("a_pin_that_fails_keeps_its_deadline", held_close),
];

/// Makes a qcow2 image, with a backing file or alone.
fn create(path: &Path, backing: Option<&Path>) -> std::result::Result<(), Skip> {
    let mut args = vec!["create".as_ref(), "-qfqcow2".as_ref()];
    if let Some(backing) = backing {
        args.extend(["-uFraw".as_ref(), "-b".as_ref(), backing.as_os_str()]);
    }
    args.extend([path.as_os_str(), "1M".as_ref()]);
    match tool("qemu-img", &args) {
        Some(_) => Ok(()),
        None => Err(Skip("qemu-img makes no image".into())),
    }
}

fn policy(roots: &[&Path]) -> Policy {
    Policy {
        roots: roots.iter().map(|root| bytes(root).to_vec()).collect(),
        ..Policy::default()
    }
}

/// That both questions fail for lack of time, in time.
fn time_out(path: &Path, policy: &Policy) {
    let ask = |question: &dyn Fn() -> Result<()>| {
        let start = Instant::now();
        let error = question().expect_err("a time-out");
        assert_eq!(error.code(), Code::Timeout, "{error}");
        assert!(start.elapsed() >= SHORT, "{:?}", start.elapsed());
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    };
    ask(&|| audit(bytes(path), policy, Some(SHORT)).map(|_| ()));
    ask(&|| pinned(path, policy, SHORT).map(|_| ()));
}

fn pinned(path: &Path, policy: &Policy, timeout: Duration) -> Result<Pin> {
    pin(bytes(path), policy, Some(timeout))
}

fn held_image() -> std::result::Result<(), Skip> {
    let fs = HangFs::new()?;
    create(&fs.root().join("a.qcow2"), None)?;
    let image = fs.image().with_file_name("a.qcow2");
    let fds = support::descriptors();
    for preset in [Preset::None, Preset::Upload] {
        let policy = Policy {
            preset,
            ..Policy::default()
        };
        for kind in ["lookup", "getattr", "open", "read"] {
            fs.control(kind);
            time_out(&image, &policy);
            fs.release();
            support::no_helper_left();
            let pin = pinned(&image, &policy, LONG).expect("it answers again");
            assert_eq!(pin.descriptors().len(), 1);
        }
    }
    assert_eq!(support::descriptors(), fds);
    Ok(())
}

fn held_root() -> std::result::Result<(), Skip> {
    let fs = HangFs::new()?;
    let directory = support::directory("root");
    let image = directory.join("a.qcow2");
    create(&image, None)?;
    let root = fs.image().with_file_name("root");
    std::fs::create_dir(fs.root().join("root")).expect("directory");
    fs.control("lookup");
    time_out(&image, &policy(&[&root]));
    fs.release();
    support::no_helper_left();
    support::remove(&directory);
    Ok(())
}

fn held_parent() -> std::result::Result<(), Skip> {
    let fs = HangFs::new()?;
    let directory = support::directory("parent");
    let image = directory.join("a.qcow2");
    create(&image, Some(&fs.image()))?;
    let policy = policy(&[&directory, fs.image().parent().expect("directory")]);
    let fds = support::descriptors();
    for kind in ["lookup", "open", "read"] {
        fs.control(kind);
        time_out(&image, &policy);
        fs.release();
        support::no_helper_left();
    }
    assert_eq!(support::descriptors(), fds);
    assert!(pinned(&image, &policy, LONG).is_ok());
    support::remove(&directory);
    Ok(())
}

/// The first image was open when the second did not answer; closing it must not hold the caller.
fn held_close() -> std::result::Result<(), Skip> {
    let (near, far) = (HangFs::new()?, HangFs::new()?);
    create(&near.root().join("a.qcow2"), Some(&far.image()))?;
    let image = near.image().with_file_name("a.qcow2");
    let policy = policy(&[
        image.parent().expect("directory"),
        far.image().parent().expect("directory"),
    ]);
    near.control("flush");
    far.control("open");
    time_out(&image, &policy);
    near.release();
    far.release();
    support::no_helper_left();
    Ok(())
}
