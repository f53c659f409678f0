//! What happens to an image in its life: writes, crashes, resizes, snapshots.

use super::support::bench::Case;
use super::support::writer::{Image, Snapshot};

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    used(&mut cases);
    resized(&mut cases);
    snapshots(&mut cases);
    written_snapshots(&mut cases);
    cases
}

fn used(cases: &mut Vec<Case>) {
    for options in [
        "",
        "compat=0.10",
        "lazy_refcounts=on",
        "extended_l2=on",
        "cluster_size=512",
    ] {
        cases.push(Case::new("used", options, move |bench| {
            bench.qcow2("a.qcow2", options, "4M");
            bench.tool("qemu-io", ["-f", "qcow2", "-c", "write 1M 300K", "a.qcow2"]);
            bench.same_info("a.qcow2", "qcow2");
            bench.io_and_die("a.qcow2", "write 3M 70K");
            bench.same_info("a.qcow2", "qcow2");
            bench.same_info_at(bench.path("a.qcow2"), Some("qcow2"), &["-U"]);
        }));
        let name = format!("{options} marked as corrupt");
        cases.push(Case::new("used", name, move |bench| {
            bench.qcow2("a.qcow2", options, "4M");
            bench.patch("a.qcow2", |bytes| bytes[79] |= 2);
            bench.same_info("a.qcow2", "qcow2");
        }));
    }
}

fn resized(cases: &mut Vec<Case>) {
    for version in ["0.10", "1.1"] {
        for (from, to) in [
            ("1M", "3M"),
            ("1M", "70T"),
            ("3M", "1M"),
            ("1M", "512"),
            ("1M", "77824"),
        ] {
            let name = format!("{version} from {from} to {to}");
            cases.push(Case::new("resized", name, move |bench| {
                bench.qcow2("a.qcow2", &format!("compat={version}"), from);
                bench.img(["resize", "-q", "--shrink", "-f", "qcow2", "a.qcow2", to]);
                bench.same_info("a.qcow2", "qcow2");
            }));
        }
    }
    cases.push(Case::new("resized", "raw", |bench| {
        bench.sparse("a.raw", 1000);
        bench.img("resize -q -f raw a.raw 5000".split(' '));
        bench.same_info("a.raw", "raw");
    }));
}

fn snapshots(cases: &mut Vec<Case>) {
    for options in [
        "",
        "compat=0.10",
        "cluster_size=512",
        "extended_l2=on",
        "refcount_bits=64",
    ] {
        cases.push(Case::new("snapshots", options, move |bench| {
            bench.qcow2("a.qcow2", options, "2M");
            let long = "n".repeat(250);
            for name in ["one", "zwei \u{1f980}", "", "with space", &long] {
                bench.img(["snapshot", "-c", name, "a.qcow2"]);
                bench.tool("qemu-io", ["-f", "qcow2", "-c", "write 0 70K", "a.qcow2"]);
                bench.same_info("a.qcow2", "qcow2");
            }
            bench.img(["snapshot", "-d", "one", "a.qcow2"]);
            if options != "compat=0.10" {
                bench.img(["resize", "-q", "-f", "qcow2", "a.qcow2", "5M"]);
            }
            bench.img(["snapshot", "-c", "after the resize", "a.qcow2"]);
            bench.same_info("a.qcow2", "qcow2");
        }));
    }
    cases.push(Case::new(
        "snapshots",
        "with machine state put in by hand",
        |bench| {
            bench.qcow2("a.qcow2", "", "2M");
            bench.img(["snapshot", "-c", "running", "a.qcow2"]);
            bench.patch("a.qcow2", |bytes| {
                let mut word = [0; 8];
                word.copy_from_slice(&bytes[64..72]);
                let entry = u64::from_be_bytes(word) as usize;
                bytes[entry + 24..entry + 32].copy_from_slice(&123_456_789_012u64.to_be_bytes());
                bytes[entry + 32..entry + 36].copy_from_slice(&0x1234_5678u32.to_be_bytes());
                bytes[entry + 40..entry + 48].copy_from_slice(&0x1_2345_6789u64.to_be_bytes());
            });
            bench.same_info("a.qcow2", "qcow2");
        },
    ));
}

fn written_snapshots(cases: &mut Vec<Case>) {
    let words =
        |count: u64| -> Vec<u8> { (1..=count).flat_map(|n| (n << 33).to_be_bytes()).collect() };
    for version in [2, 3] {
        for extra in [0, 7, 8, 15, 16, 23, 24, 25, 100, 1024, 1025] {
            let name = format!("v{version}, {extra} bytes of extra data");
            let mut data = words(3);
            data.resize(extra, 0xee);
            cases.push(Case::new("snapshot entries", name, move |bench| {
                let snapshot = Snapshot {
                    id: b"7".to_vec(),
                    name: b"state".to_vec(),
                    vm_state_size: 4711,
                    date: (u32::MAX, 999_999_999),
                    vm_clock_nsec: u64::MAX,
                    extra: data.clone(),
                };
                bench.write(
                    "a.qcow2",
                    &with_snapshots(version, vec![snapshot.clone(), snapshot]),
                );
                bench.same_info("a.qcow2", "qcow2");
            }));
        }
    }
    let icount = [words(2), vec![0xff; 8]].concat();
    let entries = [
        (
            "an instruction count of -1",
            Snapshot {
                extra: icount,
                ..Snapshot::default()
            },
        ),
        (
            "a huge state",
            Snapshot {
                extra: vec![0xff; 8],
                ..Snapshot::default()
            },
        ),
        ("nothing", Snapshot::default()),
        (
            "a long id",
            Snapshot {
                id: vec![b'i'; 127],
                ..Snapshot::default()
            },
        ),
        (
            "a longer id",
            Snapshot {
                id: vec![b'i'; 128],
                ..Snapshot::default()
            },
        ),
        (
            "a name of 255 bytes",
            Snapshot {
                name: vec![b'n'; 255],
                ..Snapshot::default()
            },
        ),
        (
            "a name of 256 bytes",
            Snapshot {
                name: vec![b'n'; 256],
                ..Snapshot::default()
            },
        ),
        (
            "names of 65535 bytes",
            Snapshot {
                id: vec![b'i'; 65535],
                name: vec![b'n'; 65535],
                ..Snapshot::default()
            },
        ),
        (
            "a cut sequence",
            Snapshot {
                name: "\u{20ac}".repeat(90).into_bytes(),
                ..Snapshot::default()
            },
        ),
        (
            "NULs",
            Snapshot {
                id: b"1\x002".to_vec(),
                name: b"\0x".to_vec(),
                ..Snapshot::default()
            },
        ),
        (
            "no text",
            Snapshot {
                id: b"\xff".to_vec(),
                name: b"\xe2\x82\n".to_vec(),
                ..Snapshot::default()
            },
        ),
    ];
    for (name, entry) in entries {
        cases.push(Case::new("snapshot entries", name, move |bench| {
            bench.write(
                "a.qcow2",
                &with_snapshots(3, vec![Snapshot::default(), entry.clone()]),
            );
            bench.same_info("a.qcow2", "qcow2");
        }));
    }
}

fn with_snapshots(version: u32, snapshots: Vec<Snapshot>) -> Vec<u8> {
    let image = Image {
        version,
        snapshots,
        ..Image::default()
    };
    image.build().bytes
}
