//! Persistent bitmaps: made by qemu-img, held and left behind by a storage daemon, and written by
//! hand.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::support::bench::{Bench, Case};
use super::support::writer::{Bitmap, Image};

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    bitmaps(&mut cases);
    written_bitmaps(&mut cases);
    cases
}

fn bitmaps(cases: &mut Vec<Case>) {
    for options in [
        "",
        "cluster_size=512",
        "extended_l2=on,cluster_size=2M",
        "refcount_bits=1",
    ] {
        cases.push(Case::new("bitmaps", options, move |bench| {
            bench.qcow2("a.qcow2", options, "8M");
            bench.img(["bitmap", "--add", "a.qcow2", "first"]);
            bench.same_info("a.qcow2", "qcow2");
            bench.img(["bitmap", "--add", "--disable", "a.qcow2", "off"]);
            bench.img(["bitmap", "--add", "-g", "512", "a.qcow2", "fine gr\u{fc}n"]);
            bench.img(["bitmap", "--add", "-g", "2G", "a.qcow2", &"l".repeat(1023)]);
            bench.same_info("a.qcow2", "qcow2");
            bench.tool("qemu-io", ["-f", "qcow2", "-c", "write 1M 2M", "a.qcow2"]);
            bench.same_info("a.qcow2", "qcow2");
            bench.img(["resize", "-q", "-f", "qcow2", "a.qcow2", "90M"]);
            bench.same_info("a.qcow2", "qcow2");
            bench.io_and_die("a.qcow2", "write 3M 70K");
            bench.same_info("a.qcow2", "qcow2");
            bench.img(["bitmap", "--remove", "a.qcow2", "first"]);
            bench.same_info("a.qcow2", "qcow2");
            // A program that knows no bitmaps clears the bit.
            bench.patch("a.qcow2", |bytes| bytes[95] &= !1);
            bench.same_info("a.qcow2", "qcow2");
        }));
    }
    cases.push(Case::new(
        "bitmaps",
        "held and left by a storage daemon",
        |bench| {
            bench.qcow2("a.qcow2", "", "8M");
            bench.img(["bitmap", "--add", "a.qcow2", "held"]);
            let mut daemon = hold(bench);
            bench.same_info_at(bench.path("a.qcow2"), Some("qcow2"), &["-U"]);
            daemon.kill().expect("the daemon runs");
            daemon.wait().expect("the daemon ends");
            bench.same_info("a.qcow2", "qcow2");
        },
    ));
}

/// A storage daemon that has `a.qcow2` open for writing.
fn hold(bench: &Bench<'_>) -> std::process::Child {
    let mut daemon = Command::new("qemu-storage-daemon")
        .args(["--blockdev", "driver=file,node-name=f,filename=a.qcow2"])
        .args(["--blockdev", "driver=qcow2,node-name=q,file=f"])
        .args(["--nbd-server", "addr.type=unix,addr.path=nbd"])
        .args(["--export", "type=nbd,id=e,node-name=q,writable=on"])
        .args(["--pidfile", "pid"])
        .current_dir(&bench.dir)
        .stdin(Stdio::null())
        .spawn()
        .expect("qemu-storage-daemon is installed");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !bench.path("pid").exists() {
        let running = daemon.try_wait().expect("the daemon is a child").is_none();
        assert!(
            running && Instant::now() < deadline,
            "the daemon does not start"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    daemon
}

fn written_bitmaps(cases: &mut Vec<Case>) {
    let bitmap = |name: &[u8], flags, granularity_bits, table: &[u64]| Bitmap {
        name: name.to_vec(),
        flags,
        granularity_bits,
        table: table.to_vec(),
    };
    // The disk has 1 MiB: at 2^16 bytes per bit 16 bits, which is one cluster of bitmap.
    let lists: Vec<(&str, Vec<Bitmap>)> = vec![
        ("plain", vec![bitmap(b"a", 0, 16, &[0])]),
        ("all ones", vec![bitmap(b"a", 2, 16, &[1])]),
        ("an offset", vec![bitmap(b"a", 2, 16, &[0x7_0000])]),
        (
            "an offset past the end",
            vec![bitmap(b"a", 2, 16, &[0x00ff_ffff_ffff_0000])],
        ),
        (
            "an unaligned offset",
            vec![bitmap(b"a", 2, 16, &[0x7_0200])],
        ),
        (
            "an offset and all ones",
            vec![bitmap(b"a", 2, 16, &[0x7_0001])],
        ),
        (
            "reserved bits of a table entry",
            vec![bitmap(b"a", 2, 16, &[2])],
        ),
        (
            "high reserved bits of a table entry",
            vec![bitmap(b"a", 2, 16, &[1 << 56])],
        ),
        ("a broken table, in use", vec![bitmap(b"a", 3, 16, &[2])]),
        (
            "a table that is too long",
            vec![bitmap(b"a", 0, 16, &[0, 0])],
        ),
        (
            "a table that is too long, in use",
            vec![bitmap(b"a", 1, 16, &[0, 0])],
        ),
        ("no table", vec![bitmap(b"a", 0, 16, &[])]),
        ("finest", vec![bitmap(b"a", 0, 9, &[0])]),
        ("too fine", vec![bitmap(b"a", 0, 8, &[0])]),
        ("coarsest", vec![bitmap(b"a", 0, 31, &[0])]),
        ("too coarse", vec![bitmap(b"a", 0, 32, &[0])]),
        ("too coarse, in use", vec![bitmap(b"a", 1, 63, &[0])]),
        ("unknown flags", vec![bitmap(b"a", 4, 16, &[0])]),
        ("no name", vec![bitmap(b"", 0, 16, &[0])]),
        ("a name with a NUL", vec![bitmap(b"a\0b", 0, 16, &[0])]),
        (
            "a name that is no text",
            vec![bitmap(b"\xff\xfe", 0, 16, &[0])],
        ),
        (
            "a name of 1023 bytes",
            vec![bitmap(&[b'x'; 1023], 0, 16, &[0])],
        ),
        (
            "a name of 1024 bytes",
            vec![bitmap(&[b'x'; 1024], 0, 16, &[0])],
        ),
        (
            "one name twice",
            vec![bitmap(b"a", 0, 16, &[0]), bitmap(b"a", 0, 16, &[0])],
        ),
        (
            "one name up to a NUL",
            vec![bitmap(b"a", 0, 16, &[0]), bitmap(b"a\0b", 0, 16, &[0])],
        ),
        (
            "one name, the second in use",
            vec![bitmap(b"a", 0, 16, &[0]), bitmap(b"a", 1, 16, &[0])],
        ),
        (
            "one name, the first in use",
            vec![bitmap(b"a", 1, 16, &[0]), bitmap(b"a", 0, 16, &[0])],
        ),
        (
            "many",
            (0..300u32)
                .map(|i| bitmap(i.to_string().as_bytes(), i & 3, 16, &[0]))
                .collect(),
        ),
    ];
    for (name, bitmaps) in lists {
        cases.push(Case::new("bitmap entries", name, move |bench| {
            let image = Image {
                autoclear: 1,
                bitmaps: bitmaps.clone(),
                ..Image::default()
            };
            bench.write("a.qcow2", &image.build().bytes);
            bench.same_info("a.qcow2", "qcow2");
        }));
    }
    for (size, bits, entries, flags) in [
        (0, 16, 1, 0),
        (0, 16, 1, 1),
        (1 << 20, 9, 4, 0),
        (1 << 20, 9, 3, 0),
        (1 << 20, 9, 1, 0),
        ((1 << 20) - 1, 9, 4, 0),
        ((1 << 21) + 512, 9, 9, 0),
        ((1 << 21) + 512, 9, 8, 0),
        (1 << 32, 9, 1, 1),
    ] {
        let name = format!("{size} bytes of disk, 2^{bits} per bit, {entries} entries, {flags}");
        cases.push(Case::new("bitmap entries", name, move |bench| {
            let image = Image {
                autoclear: 1,
                cluster_bits: 9,
                size,
                bitmaps: vec![bitmap(b"a", flags, bits, &vec![0; entries])],
                ..Image::default()
            };
            bench.write("a.qcow2", &image.build().bytes);
            bench.same_info("a.qcow2", "qcow2");
        }));
    }
}
