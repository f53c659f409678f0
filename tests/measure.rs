//! The sizes of new images, against the real `qemu-img measure`.
//!
//! `PVE_NATIVE_MEASURES` sets how many option lists are tried.

mod common;

use common::random::Random;
use common::{SECRET, rounds, their_measure};
use pve_native_core::image::ImageFormat;
use pve_native_core::inspect::{measure_size, qemu_img_measure};
use pve_native_core::json::to_text;

/// Both texts must be the same, as Proxmox VE asks: `size` in KiB.
#[track_caller]
fn assert_same(format: &str, size: &str, options: &[&str]) -> bool {
    let joined = options.join(",");
    let kib = format!("{size}K");
    let mut args = vec!["--size", &kib, "-O", format];
    if !options.is_empty() {
        args.extend(["-o", &joined]);
    }
    let bytes: Vec<&[u8]> = options.iter().map(|option| option.as_bytes()).collect();
    let ours = qemu_img_measure(size.as_bytes(), format.as_bytes(), &bytes);
    let theirs = their_measure(&args);
    let why = ours.as_ref().err().map(|error| error.to_string());
    assert_eq!(ours.ok(), theirs, "{format} {size} {options:?}: {why:?}");
    theirs.is_some()
}

const SIZES: [&str; 24] = [
    "0", "1", "2", "4096k", "512B", "4k", "64K", "1.5M", "0.5k", ".5k", "2m", "1.k", "1.5", "1e3",
    "0x10000", "0x10k", " 4k", "4k ", "4 k", "+8k", "-1", "1T", "3k", "8E",
];
const SWITCHES: [&str; 11] = [
    "on", "off", "yes", "no", "true", "false", "y", "n", "", "ON", "1",
];
const NUMBERS: [&str; 16] = [
    "1", "2", "4", "8", "16", "32", "64", "128", "0", "3", "0x10", "010", "-1", "16k", "", " 8",
];
const TEXTS: [&str; 13] = [
    "off", "metadata", "falloc", "full", "0.10", "1.1", "x", "a,,b", "zlib", "zstd", "raw", "",
    "a=b",
];
const NAMES: [(&str, &[&str]); 24] = [
    ("cluster_size", &SIZES),
    (
        "cluster_size",
        &["512", "1k", "4k", "16k", "32K", "64k", "256k", "1M", "2M"],
    ),
    (
        "cluster_size",
        &["512", "1k", "4k", "16k", "32K", "64k", "256k", "1M", "2M"],
    ),
    ("size", &SIZES),
    ("extent_size_hint", &SIZES),
    ("extended_l2", &SWITCHES),
    ("extended_l2", &["on", "off"]),
    ("lazy_refcounts", &SWITCHES),
    ("data_file_raw", &SWITCHES),
    ("nocow", &SWITCHES),
    ("encryption", &SWITCHES),
    ("refcount_bits", &NUMBERS),
    ("refcount_bits", &["1", "2", "4", "8", "16", "32", "64"]),
    ("encrypt.iter-time", &NUMBERS),
    ("compat", &TEXTS),
    ("compat", &["0.10", "1.1"]),
    ("preallocation", &TEXTS),
    ("preallocation", &["off", "metadata", "falloc", "full"]),
    ("compression_type", &TEXTS),
    ("backing_file", &TEXTS),
    ("backing_fmt", &TEXTS),
    ("data_file", &TEXTS),
    ("encrypt.format", &["aes", "x", "", "LUKS"]),
    ("id", &["1", "a b"]),
];

/// One option: mostly well formed.
fn option(random: &mut Random) -> String {
    let (name, values) = random.pick(&NAMES);
    match random.below(40) {
        0 => (*name).to_owned(),
        1 => format!("no{name}"),
        2 => random
            .pick(&[
                "",
                ",",
                "help",
                "?",
                "=",
                "=1",
                "nonsense=1",
                "Cluster_size=4k",
            ])
            .to_string(),
        3 => format!("{name}={},,", random.pick(values)),
        4 => format!(
            "{name}={},{name}={}",
            random.pick(values),
            random.pick(values)
        ),
        _ => format!("{name}={}", random.pick(values)),
    }
}

/// Numbers of KiB as Perl may write them, and other things.
fn size(random: &mut Random) -> String {
    let number = random.next() >> (10 + random.below(54));
    match random.below(16) {
        0 => format!("{number}.5"),
        1 => format!("{}.{}", number >> 20, random.below(100_000)),
        2 => random
            .pick(&[
                "",
                " 5",
                "5 ",
                "0x10",
                "1e3",
                "1e+20",
                "-1",
                "-0",
                "+4",
                "5k",
                "4.",
                ".25",
                ".",
                "nan",
                "inf",
                "x",
                "9007199254740991",
                "9007199254740992",
                "0.99999999999999999999999",
                "0.00000000001",
                "010",
            ])
            .to_string(),
        _ => number.to_string(),
    }
}

#[test]
fn sizes_and_option_lists() {
    let mut random = Random::new(41);
    let mut taken = 0;
    let rounds = rounds("PVE_NATIVE_MEASURES", 700);
    for _ in 0..rounds {
        let format = *random.pick(&[
            "qcow2", "qcow2", "qcow2", "qcow2", "raw", "vmdk", "luks", "x",
        ]);
        let options: Vec<String> = (0..random.below(5)).map(|_| option(&mut random)).collect();
        let options: Vec<&str> = options.iter().map(|option| &**option).collect();
        taken += usize::from(assert_same(format, &size(&mut random), &options));
    }
    // Lists that are refused are easily made; the figures need others.
    assert!(taken > rounds / 4, "{taken} of {rounds}");
}

#[test]
fn all_layouts() {
    let mut random = Random::new(42);
    for cluster in 9..22 {
        for refcount in 0..7 {
            let cluster = format!("cluster_size={}", 1 << cluster);
            let refcount = format!("refcount_bits={}", 1 << refcount);
            let size = random.next() >> (14 + random.below(44));
            assert_same("qcow2", &size.to_string(), &[&cluster, &refcount]);
            assert_same(
                "qcow2",
                &size.to_string(),
                &[&cluster, &refcount, "extended_l2=on"],
            );
        }
    }
}

#[test]
fn sizes_at_the_edges() {
    for size in ["0", "0.001", "0.4", "0.5", "0.6"] {
        assert!(assert_same("raw", size, &[]));
        assert!(assert_same("qcow2", size, &[]));
    }
    // The L1 table ends here: 32 MiB of it.
    for (cluster, kib) in [("512", 128u64 << 20), ("64k", 2 << 40), ("2M", 2 << 50)] {
        let cluster = format!("cluster_size={cluster}");
        assert!(assert_same("qcow2", &kib.to_string(), &[&cluster]));
        assert!(!assert_same("qcow2", &(kib + 1).to_string(), &[&cluster]));
    }
    assert!(!assert_same(
        "qcow2",
        "1",
        &["encrypt.format=luks,encrypt.key-secret=s"]
    ));
    assert!(measure_size(u64::MAX, ImageFormat::Raw, []).is_err());
    assert!(measure_size(1 << 63, ImageFormat::Qcow2, []).is_err());
}

/// The key is derived in a time that QEMU measures first, so these are few.
#[test]
fn encrypted_images() {
    let all = [
        ("luks", "", ""),
        (
            "qcow2",
            "encrypt.",
            "cluster_size=2M,encrypt.format=luks,encrypt.cipher-alg=aes-128",
        ),
        ("luks", "", "cipher-alg=twofish-192,cipher-mode=xts"),
        ("luks", "", "cipher-alg=twofish-192,cipher-mode=cbc"),
        ("luks", "", "cipher-alg=cast5-128"),
        (
            "luks",
            "",
            "cipher-alg=cast5-128,cipher-mode=cbc,ivgen-alg=essiv,ivgen-hash-alg=md5",
        ),
        (
            "luks",
            "",
            "cipher-alg=cast5-128,cipher-mode=cbc,ivgen-alg=essiv",
        ),
        (
            "luks",
            "",
            "cipher-alg=serpent-256,ivgen-alg=essiv,hash-alg=sha512,preallocation=x",
        ),
        ("luks", "", "ivgen-alg=essiv,ivgen-hash-alg=sha1"),
        ("luks", "", "detached-header=off"),
        ("luks", "", "cipher-alg=des"),
        ("luks", "", "cipher-mode=x"),
        ("luks", "", "iter-time=-1"),
        ("luks", "", "key-secret="),
        (
            "qcow2",
            "encrypt.",
            "encrypt.format=luks,cluster_size=512,encrypt.hash-alg=sha1,refcount_bits=1",
        ),
        (
            "qcow2",
            "encrypt.",
            "encrypt.format=luks,encrypt.cipher-mode=ctr,compat=0.10",
        ),
    ];
    let count = rounds("PVE_NATIVE_MEASURES", 3).min(all.len());
    // The first few, and all that are refused at once.
    for (i, (format, prefix, options)) in all.into_iter().enumerate() {
        let size = 1000 + i * 77_777;
        let list = format!("{prefix}key-secret=s,{prefix}iter-time=1,{options}");
        let list = list.trim_end_matches(',');
        let named = ImageFormat::from_name(format.as_bytes()).unwrap();
        let ours = measure_size(size as u64, named, [list.as_bytes()]);
        if i >= count && ours.is_ok() {
            continue;
        }
        let size = size.to_string();
        let mut args = SECRET.to_vec();
        args.extend(["-O", format, "--size", &size, "-o", list]);
        let text = ours.as_ref().map(|measure| to_text(measure) + "\n");
        assert_eq!(
            text.ok(),
            their_measure(&args),
            "{format} {list}: {:?}",
            ours.err()
        );
    }
}
