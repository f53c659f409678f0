//! Block devices and mounts: loop devices stand for logical volumes, a memory file system for
//! another storage.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use pve_native_core::chain::{Policy, Preset, Symlinks};
use pve_native_core::image::{FormatChoice, ImageFormat};

use crate::bench::Bench;
use crate::{announce, audited, errors};

/// Whether device nodes can be made here.
pub fn nodes_can_be_made() -> bool {
    let folder = tempfile::tempdir().expect("a folder");
    let made = Command::new("mknod")
        .arg(folder.path().join("n"))
        .args(["c", "1", "5"])
        .output();
    made.is_ok_and(|output| output.status.success())
}

/// A loop device, given back when dropped.
struct Loop(PathBuf);

impl Loop {
    fn new(file: &Path) -> Option<Self> {
        let output = Command::new("losetup")
            .args(["-f", "--show"])
            .arg(file)
            .output()
            .ok()?;
        let name = String::from_utf8(output.stdout).ok()?;
        let device = output.status.success().then(|| Loop(name.trim().into()))?;
        std::fs::File::open(&device.0).ok()?;
        Some(device)
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        // Nothing can be done about a device that stays.
        let _ = Command::new("losetup").arg("-d").arg(&self.0).status();
    }
}

/// A folder in /dev like that of a volume group, taken away when dropped.
struct Group(PathBuf);

impl Drop for Group {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn codes(top: &Path, roots: &[&Path], change: impl FnOnce(&mut Policy)) -> Vec<&'static str> {
    let mut policy = Policy {
        preset: Preset::Storage,
        format: FormatChoice::Named(ImageFormat::Qcow2),
        roots: roots
            .iter()
            .map(|root| root.as_os_str().as_bytes().to_vec())
            .collect(),
        ..Policy::default()
    };
    change(&mut policy);
    let answer = audited(top, &policy);
    errors(&answer)
        .iter()
        .map(|finding| finding.code.name())
        .collect()
}

#[test]
fn volumes_and_devices() {
    let root = tempfile::tempdir().expect("a folder for the images");
    let b = Bench::new(root.path().join("case"));
    b.raw("disk");
    let mut bytes = crate::writer::standing_on(b"vm-100-base", Some("raw"));
    bytes.resize(1 << 20, 0);
    b.write("volume", bytes);
    let devices = Loop::new(&b.path("volume")).zip(Loop::new(&b.path("disk")));
    let Some((volume, disk)) = devices else {
        announce("skipped: audits of block devices: no loop devices here");
        return;
    };
    let group = Group(format!("/dev/pven-attacks-{}", std::process::id()).into());
    std::fs::create_dir(&group.0).unwrap();
    let (top, base) = (group.0.join("vm-100-top"), group.0.join("vm-100-base"));
    symlink(&volume.0, &top).unwrap();
    symlink(&disk.0, &base).unwrap();
    // As LVM has it: links in the group's folder to devices beside it.
    assert_eq!(codes(&top, &[], |_| {}), [""; 0]);
    assert_eq!(codes(&top, &[&group.0], |_| {}), [""; 0]);
    assert_eq!(
        codes(&top, &[&group.0], |p| p.symlinks = Symlinks::Any),
        [""; 0]
    );
    assert_eq!(
        codes(&top, &[&group.0], |p| p.symlinks = Symlinks::None),
        ["symlink"]
    );
    assert_eq!(codes(&top, &[&b.path("")], |_| {}), ["outside-roots"]);
    assert_eq!(codes(&volume.0, &[&group.0], |_| {}), ["outside-roots"]);
    assert_eq!(codes(&top, &[], |p| p.same_device = true), [""; 0]);
    // A file on a volume, and a volume on a file.
    let file = b.on(&base, Some("raw"));
    assert_eq!(codes(&file, &[&group.0, &b.path("")], |_| {}), [""; 0]);
    let both = [&*group.0, &*b.path("")];
    assert_eq!(
        codes(&file, &both, |p| p.same_device = true),
        ["other-device"]
    );
    // A customer's link to a device, and a customer's device.
    b.link("link.raw", &disk.0);
    let linked = b.on("link.raw", Some("raw"));
    assert_eq!(codes(&linked, &[&b.path("")], |_| {}), ["outside-roots"]);
    assert_eq!(codes(&linked, &[], |_| {}), ["outside-roots"]);
    let through = b.on(
        format!(
            "{}/../{}",
            group.0.display(),
            disk.0.file_name().unwrap().to_str().unwrap()
        ),
        Some("raw"),
    );
    assert_eq!(codes(&through, &[&b.path("")], |_| {}), ["outside-roots"]);
    if nodes_can_be_made() {
        let number = std::fs::metadata(&disk.0).unwrap().rdev();
        let (major, minor) = (number >> 8 & 0xfff, number & 0xff);
        let number = [major.to_string(), minor.to_string()];
        b.special("node.raw", &["mknod", "b", &number[0], &number[1]]);
        let node = b.on("node.raw", Some("raw"));
        assert_eq!(codes(&node, &[&b.path("")], |_| {}), ["not-a-file"]);
        assert_eq!(
            codes(&node, &[], |p| p.symlinks = Symlinks::Any),
            ["not-a-file"]
        );
    }
    // QEMU takes no device for a file.
    let prefixed = format!("file:{}", volume.0.display());
    assert_eq!(codes(Path::new(&prefixed), &[], |_| {}), ["not-a-file"]);
    // A device twice in a chain, under two names.
    std::fs::remove_file(&base).unwrap();
    symlink(&volume.0, &base).unwrap();
    assert!(codes(&top, &[], |_| {}).contains(&"cycle"));
}

/// A mount, undone when dropped.
struct Mount(PathBuf);

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn other_file_systems() {
    let root = tempfile::tempdir().expect("a folder for the images");
    let b = Bench::new(root.path().join("case"));
    let folder = b.path("mounted");
    std::fs::create_dir(&folder).unwrap();
    let args = ["-t", "tmpfs", "-o", "size=4m", "pven-attacks"];
    let mounted = Command::new("mount").args(args).arg(&folder).output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        announce("skipped: audits across file systems: nothing can be mounted here");
        return;
    }
    let _mount = Mount(folder);
    b.raw("mounted/base.raw");
    b.raw("base.raw");
    let roots: &[&Path] = &[&b.path("")];
    let across = b.on("mounted/base.raw", Some("raw"));
    assert_eq!(codes(&across, roots, |_| {}), [""; 0]);
    assert_eq!(
        codes(&across, roots, |p| p.same_device = true),
        ["other-device"]
    );
    let within = b.on("base.raw", Some("raw"));
    assert_eq!(codes(&within, roots, |p| p.same_device = true), [""; 0]);
}
