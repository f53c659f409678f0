//! Images on block devices: loop devices stand for the logical volumes of a real node.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use pve_native_core::error::Code;

use super::support::bench::{Bench, Case};
use super::support::writer::standing_on;

/// A loop device, given back when dropped.
struct Loop(PathBuf);

impl Loop {
    fn new(file: &Path) -> Result<Self, String> {
        let output = Command::new("losetup")
            .args(["-f", "--show"])
            .arg(file)
            .output();
        let output = output.map_err(|e| format!("losetup: {e}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let name = String::from_utf8_lossy(&output.stdout);
        Ok(Loop(name.trim().into()))
    }

    fn name(&self) -> &str {
        self.0.to_str().expect("an ASCII name")
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        // Nothing can be done about a device that stays.
        let _ = Command::new("losetup").arg("-d").arg(&self.0).status();
    }
}

/// Whether there are loop devices for us; else why not.
pub fn available() -> Result<(), String> {
    let file = tempfile::NamedTempFile::new().map_err(|e| e.to_string())?;
    file.as_file().set_len(4096).map_err(|e| e.to_string())?;
    let device = Loop::new(file.path())?;
    std::fs::File::open(&device.0).map_err(|e| e.to_string())?;
    Ok(())
}

fn device(bench: &Bench<'_>, file: &str, size: u64) -> Loop {
    bench.sparse(file, size);
    Loop::new(&bench.path(file)).expect("there is another loop device")
}

pub fn cases() -> Vec<Case> {
    // One case: loop devices are few.
    vec![Case::new("block devices", "raw and qcow2", |bench| {
        let disk = device(bench, "disk", (8 << 20) + 512);
        bench.same_info_at(&disk.0, Some("raw"), &[]);
        bench.same_chain_at(&disk.0, Some("raw"), false, Code::UnnamedFormat);
        bench.same_info_at(&disk.0, Some("qcow2"), &[]);
        symlink(&disk.0, bench.path("vm-100-disk-0")).expect("a symbolic link");
        bench.same_info("vm-100-disk-0", "raw");
        bench.same_info_at(format!("file:{}", disk.name()), Some("raw"), &[]);
        bench.only_qemu(
            format!("host_device:{}", disk.name()),
            Some("raw"),
            Code::Unsupported,
        );

        bench.qcow2(disk.name(), "", "100M");
        bench.same_info_at(&disk.0, Some("qcow2"), &[]);
        bench.same_info_at(&disk.0, Some("raw"), &[]);
        bench.same_info("vm-100-disk-0", "qcow2");
        bench.img(["snapshot", "-c", "s", disk.name()]);
        bench.img(["bitmap", "--add", "-f", "qcow2", disk.name(), "b"]);
        bench.same_info_at(&disk.0, Some("qcow2"), &[]);
        bench.qcow2(
            "vm-100-disk-0",
            "preallocation=metadata,cluster_size=4k,extended_l2=off",
            "4M",
        );
        bench.same_info("vm-100-disk-0", "qcow2");

        let top = device(bench, "top", 4 << 20);
        symlink(&top.0, bench.path("top-lv")).expect("a symbolic link");
        for (backing, format) in [
            (disk.name(), Some("qcow2")),
            (disk.name(), Some("raw")),
            (disk.name(), None),
            ("vm-100-disk-0", Some("qcow2")),
            ("file:vm-100-disk-0", Some("qcow2")),
        ] {
            let bytes = standing_on(backing.as_bytes(), format);
            std::fs::write(&top.0, bytes).expect("a device can be written");
            bench.same_info("top-lv", "qcow2");
            bench.same_chain("top-lv", "qcow2");
            bench.same_chain_at(&top.0, Some("qcow2"), false, Code::UnnamedFormat);
        }
        let file = format!("file:{}", disk.name());
        bench.img([
            "create", "-q", "-u", "-f", "qcow2", "-b", &file, "-F", "qcow2", "on-file", "1M",
        ]);
        bench.same_chain("on-file", "qcow2");
    })]
}
