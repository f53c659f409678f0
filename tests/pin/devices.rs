//! Block devices in a chain: QEMU takes them with the driver `host_device` only.

use std::path::{Path, PathBuf};
use std::process::Command;

use pve_native_core::chain::Policy;

use crate::common::{Images, qemu_img};
use crate::support::{
    BOTH, announce, assert_opened_only, chain, chain_content, convert, named, opened, pinned,
    read_export, run, start_daemon, strace_works, traced,
};

/// A loop device, gone with the test.
struct Loop(PathBuf);

impl Loop {
    fn new(file: &Path) -> Option<Self> {
        let args = ["--find".as_ref(), "--show".as_ref(), file.as_os_str()];
        let done = Command::new("losetup").args(args).output().ok()?;
        let name = String::from_utf8(done.stdout).ok()?;
        done.status.success().then(|| Loop(name.trim().into()))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let _ = Command::new("losetup")
            .arg("--detach")
            .arg(&self.0)
            .status();
    }
}

#[test]
fn devices_are_pinned_and_read() {
    let images = Images::new();
    chain(&images.path(""));
    let devices =
        ["base.raw", "middle.qcow2", "top.qcow2"].map(|name| Loop::new(&images.path(name)));
    let [Some(base), Some(middle), Some(top)] = &devices else {
        announce("skipped: pins of block devices: losetup cannot set up a loop device");
        return;
    };
    // On a device the metadata must not need the file to grow: they are whole already.
    for (image, backing, format) in [(middle, base, "raw"), (top, middle, "qcow2")] {
        let (image, backing) = (image.0.to_str().unwrap(), backing.0.to_str().unwrap());
        let rebase = [
            "rebase", "-u", "-fqcow2", "-F", format, "-b", backing, image,
        ];
        run("qemu-img", &rebase);
    }
    let policy = Policy {
        roots: vec![b"/dev".to_vec()],
        ..named("qcow2")
    };
    for timeout in BOTH {
        let pin = pinned(&top.0, &policy, timeout);
        let nodes = pin.block_nodes("p").unwrap();
        let devices = nodes.iter().filter(|node| node.driver == "host_device");
        assert_eq!(devices.count(), 3);
        assert!(convert(&pin, &[], &images.path("out")).unwrap() == chain_content());
        let socket = images.path("socket");
        let mut daemon = start_daemon(Command::new("qemu-storage-daemon"), &pin, &[], &socket);
        let read = read_export(&mut daemon, &socket, &images.path("out"));
        assert!(read.unwrap() == chain_content());
        drop(daemon);
        if strace_works("what QEMU opens of block devices") {
            let trace = images.path("trace");
            let mut map = traced("qemu-img", &trace);
            let done = map.arg("map").args(pin.qemu_img_args()).output().unwrap();
            assert!(done.status.success(), "{done:?}");
            assert_opened_only(&opened(&trace), &pin, &images.path(""), &[]);
            assert!(
                !opened(&trace)
                    .iter()
                    .any(|path| path.starts_with("/dev/loop"))
            );
        }
    }
    // By its name QEMU would not take a device for a file; nor does it by the pin's name.
    let pin = pinned(&base.0, &named("raw"), None);
    let wrong = pin.qemu_img_args()[0].replace("host_device", "file");
    assert!(!qemu_img(&["map", wrong.as_str()]).status.success());
}
