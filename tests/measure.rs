//! The sizes of images to come, against the real `qemu-img measure`.

mod common;

use common::qemu_img;
use common::random::Random;
use pve_native_core::image::ImageFormat;
use pve_native_core::image::measure::{CreateOptions, Disk, measure};
use serde_json::{Value, json};

fn theirs(format: &str, size: u64, options: &[&str]) -> Option<Value> {
    let size = size.to_string();
    let options = options.join(",");
    let mut args = vec!["measure", "--output=json", "-O", format, "--size", &size];
    if !options.is_empty() {
        args.extend(["-o", &options]);
    }
    let output = qemu_img(&args);
    let text = output.status.success().then_some(output.stdout)?;
    Some(serde_json::from_slice(&text).expect("qemu-img prints JSON"))
}

fn ours(format: ImageFormat, size: u64, options: &[&str]) -> Option<Value> {
    let options = CreateOptions::parse(format, options.iter().map(|o| o.as_bytes())).ok()?;
    let measure = measure(format, &options, &Disk::Empty(size)).ok()?;
    Some(json!({
        "required": measure.required,
        "fully-allocated": measure.fully_allocated,
    }))
}

#[track_caller]
fn assert_same(format: &str, size: u64, options: &[&str]) {
    let ours = ours(
        ImageFormat::from_name(format.as_bytes()).unwrap(),
        size,
        options,
    );
    assert_eq!(
        ours,
        theirs(format, size, options),
        "{format} {size} {options:?}"
    );
}

#[test]
fn all_sizes_and_layouts() {
    let mut random = Random::new(41);
    let clusters = ["512", "4k", "16k", "64K", "131072", "1M", "2M"];
    let refcounts = ["1", "2", "4", "8", "16", "32", "64"];
    for _ in 0..600 {
        let cluster = format!("cluster_size={}", random.pick(&clusters));
        let refcount = format!("refcount_bits={}", random.pick(&refcounts));
        let mut options = vec![&*cluster, &*refcount];
        for option in [
            "extended_l2=on",
            "lazy_refcounts=on",
            "preallocation=full",
            "preallocation=metadata",
            "compat=0.10",
            "backing_file=x",
        ] {
            if random.below(4) == 0 {
                options.push(option);
            }
        }
        let size = random.next() >> (8 + random.below(56));
        assert_same("qcow2", size, &options);
    }
}

#[test]
fn options_that_are_refused() {
    for option in [
        "cluster_size=3k",
        "cluster_size=256",
        "cluster_size=4M",
        "refcount_bits=3",
        "refcount_bits=128",
        "compat=1.0",
        "preallocation=some",
        "extended_l2=maybe",
        "nonsense=1",
        "cluster_size=x",
    ] {
        assert_same("qcow2", 1 << 30, &[option]);
        assert_eq!(
            ours(ImageFormat::Qcow2, 1 << 30, &[option]),
            None,
            "{option}"
        );
    }
    for size in [0, 1, 512, 1000, 1 << 40] {
        assert_same("raw", size, &[]);
        assert_same("qcow2", size, &[]);
    }
    assert_same("raw", 1000, &["preallocation=metadata"]);
}
