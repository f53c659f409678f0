//! What bounds long work: the time of the call that began it, and how many ranges an answer may have.

mod common;

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::{Images, qemu_img};
use pve_native_core::chain::ChainOptions;
use pve_native_core::image::{FormatChoice, ImageFormat};
use pve_native_core::inspect::{
    Bounds, bitmap_extents, changed_extents, check, headroom, measure_image, merge_costs,
};
use pve_native_core::limits::Limits;
use pve_native_core::work::{Work, finish_unwatched};
use pve_native_core::{Code, Result};

const QCOW2: FormatChoice = FormatChoice::Named(ImageFormat::Qcow2);

/// Which parts of the disk were written in the top image: this many, apart from one another.
const PARTS: usize = 6;

/// A chain of two, the upper one with a bitmap.
fn chain(images: &Images) -> (std::path::PathBuf, std::path::PathBuf) {
    let base = images.create("base", "qcow2", "", "4M");
    let top = images.create("top", "qcow2", "backing_file=base,backing_fmt=qcow2", "4M");
    let add = ["bitmap", "--add", top.to_str().unwrap(), "b"];
    assert!(qemu_img(&add).status.success());
    let mut io = Command::new("qemu-io");
    for part in 0..PARTS {
        io.args(["-c", &format!("write {} 64k", part * (256 << 10))]);
    }
    assert!(
        io.args(["-f", "qcow2"])
            .arg(&top)
            .output()
            .unwrap()
            .status
            .success()
    );
    (base, top)
}

fn name(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// That work with too many ranges fails, with the limit's name, and just enough do not.
#[track_caller]
fn assert_limited<W: Work>(work: impl Fn(Bounds) -> Result<W>) {
    let with = |ranges: usize| {
        let mut limits = Limits::default();
        limits.set("max-ranges", ranges as u64).unwrap();
        let bounds = Bounds {
            limits,
            ..Bounds::default()
        };
        work(bounds).and_then(finish_unwatched)
    };
    assert!(with(PARTS).is_ok());
    let error = with(PARTS - 1).err().expect("too many ranges");
    assert_eq!(error.code(), Code::Limit, "{error}");
    assert!(error.to_string().contains("max-ranges"), "{error}");
}

#[test]
fn lists_of_ranges_have_a_limit() {
    let images = Images::new();
    let (base, top) = chain(&images);
    let options = ChainOptions::new(QCOW2);
    assert_limited(|bounds| changed_extents(name(&top), name(&base), &options, bounds));
    assert_limited(|bounds| bitmap_extents(name(&top), b"b", bounds));
}

/// That work which is begun in time, and gone on with too late, fails.
#[track_caller]
fn assert_late<W: Work>(work: impl Fn(Bounds) -> Result<W>) {
    let bounds = |milliseconds| Bounds::from(Some(Duration::from_millis(milliseconds)));
    assert!(work(bounds(60_000)).and_then(finish_unwatched).is_ok());
    let late = work(bounds(500)).expect("begun in time");
    std::thread::sleep(Duration::from_millis(600));
    let error = finish_unwatched(late).err().expect("too late");
    assert_eq!(error.code(), Code::Timeout, "{error}");
}

#[test]
fn the_time_of_a_call_holds_for_all_of_its_work() {
    let images = Images::new();
    let (base, top) = chain(&images);
    let options = ChainOptions::new(QCOW2);
    assert_late(|bounds| changed_extents(name(&top), name(&base), &options, bounds));
    assert_late(|bounds| bitmap_extents(name(&top), b"b", bounds));
    assert_late(|bounds| merge_costs(name(&top), &options, bounds));
    assert_late(|bounds| measure_image(name(&top), &options, ImageFormat::Qcow2, None, bounds));
    assert_late(|bounds| check(name(&top), QCOW2, bounds));
    assert_late(|bounds| headroom(name(&top), QCOW2, None, bounds));
}
