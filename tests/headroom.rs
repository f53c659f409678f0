//! How much room an image needs, proved by giving it just that: a device of so many bytes holds the
//! image while all of its disk is overwritten through QEMU, whatever the order and the sizes of the
//! writes.
//!
//! `PVE_NATIVE_HEADROOMS` sets how many images are written full.

mod common;

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use common::random::Random;
use common::{Images, SECRET, qemu_img, rounds};
use pve_native_core::image::{FormatChoice, ImageFormat};
use pve_native_core::inspect::maps::Headroom;
use pve_native_core::inspect::{headroom, measure_size};
use pve_native_core::work::finish_unwatched;

fn ours(path: &Path) -> Headroom {
    let format = FormatChoice::Named(ImageFormat::Qcow2);
    let work = headroom(path.as_os_str().as_bytes(), format, None, None);
    work.and_then(finish_unwatched).unwrap()
}

/// An image under test.
struct Image {
    path: std::path::PathBuf,
    size: usize,
    cluster: usize,
    encrypted: bool,
}

impl Image {
    /// Makes one and fills it with what a guest and its administrator may leave behind.
    fn random(images: &Images, random: &mut Random) -> Self {
        let cluster_bits = *random.pick(&[9, 9, 10, 12, 12, 14, 16, 16, 16, 18, 21]);
        let cluster = 1 << cluster_bits;
        let most = [4 << 20, 24 << 20, 48 << 20, 96 << 20][(cluster_bits - 8) / 4];
        let size = (random.below(most / 512) + 1) * 512;
        let encrypted = random.below(16) == 0;
        let mut options = vec![format!("cluster_size={cluster}")];
        let extended = cluster_bits >= 14 && random.below(3) == 0;
        if extended {
            options.push("extended_l2=on".into());
        }
        let mut refcount_bits = 16;
        if random.below(12) == 0 {
            options.push("compat=0.10".into());
            options.retain(|option| option != "extended_l2=on");
        } else if random.below(3) > 0 {
            refcount_bits = 1 << random.below(7);
            options.push(format!("refcount_bits={refcount_bits}"));
        }
        if encrypted {
            options.push("encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10".into());
        } else if random.below(10) == 0 && !options.contains(&"compat=0.10".to_owned()) {
            let data = images.path("data");
            options.push(format!("data_file={}", data.display()));
        }
        if random.below(4) == 0 {
            let mode = *random.pick(&["metadata", "falloc", "full"]);
            options.push(format!("preallocation={mode}"));
        }
        let path = images.create("image", "qcow2", &options.join(","), &size.to_string());
        let image = Image {
            path,
            size,
            cluster,
            encrypted,
        };
        let file = image.path.to_str().unwrap();
        for _ in 0..random.below(4) {
            let writes = image.writes(random);
            image.run(None, &writes);
            if !encrypted && refcount_bits > 1 && random.below(3) == 0 {
                let name = random.next().to_string();
                qemu_img(&["snapshot", "-c", &name, file]);
                if random.below(3) == 0 {
                    qemu_img(&["snapshot", "-d", &name, file]);
                }
            }
            if !encrypted && random.below(5) == 0 {
                let granularity = *random.pick(&["512", "4k", "64k"]);
                let name = random.next().to_string();
                qemu_img(&["bitmap", "--add", "-g", granularity, file, &name]);
            }
        }
        image
    }

    /// What a guest does: writes, zeroes, discards; and compressed writes of a backup restored.
    fn writes(&self, random: &mut Random) -> String {
        let mut text = String::new();
        for _ in 0..random.below(20) {
            let at = random.below(self.size / 512) * 512;
            let most = [64 << 10, 2 << 20, self.size][random.below(3)];
            let length = ((1 + random.below(most / 512)) * 512).min(self.size - at);
            text += &match random.below(7) {
                0 => format!("write -z -u {at} {length}\n"),
                1 => format!("write -z {at} {length}\n"),
                2 => format!("discard {at} {length}\n"),
                3 => {
                    let at = at / self.cluster * self.cluster;
                    format!("write -c {at} {}\n", self.cluster.min(self.size - at))
                }
                _ => format!("write {at} {length}\n"),
            };
        }
        text
    }

    /// Writes to all of the disk, in pieces of up to 2 MiB, in any order.
    fn overwrite(&self, random: &mut Random) -> String {
        let largest = *random.pick(&[1, 3, 16, 256, 4096]);
        let unit = *random.pick(&[512, 4096, self.cluster]);
        // Few enough to be done soon.
        let unit = unit
            .max(self.size / 2000)
            .next_multiple_of(512)
            .min(2 << 20);
        let largest = largest.min((2 << 20) / unit);
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < self.size {
            let length = ((1 + random.below(largest)) * unit).min(self.size - at);
            pieces.push((at, length));
            at += length;
        }
        if random.below(4) > 0 {
            for i in (1..pieces.len()).rev() {
                pieces.swap(i, random.below(i + 1));
            }
        }
        let line = |(at, length): &(usize, usize)| format!("write -P 7 {at} {length}\n");
        pieces.iter().map(line).collect()
    }

    /// Has QEMU do these things, on a device of so many bytes if that is said; what it says if
    /// something fails.
    fn run(&self, device: Option<u64>, commands: &str) -> Option<String> {
        let file = match device {
            Some(bytes) => {
                let file = std::fs::File::options().write(true).open(&self.path);
                file.unwrap().set_len(bytes).unwrap();
                format!(
                    r#""driver":"raw","size":{bytes},"file":{{"driver":"file","filename":"{}"}}"#,
                    self.path.display()
                )
            }
            None => format!(r#""driver":"file","filename":"{}""#, self.path.display()),
        };
        let secret = if self.encrypted {
            r#","encrypt":{"format":"luks","key-secret":"s"}"#
        } else {
            ""
        };
        let node =
            format!(r#"json:{{"driver":"qcow2","discard":"unmap","file":{{{file}}}{secret}}}"#);
        let mut io = Command::new("qemu-io");
        if self.encrypted {
            io.args(SECRET);
        }
        io.arg(node)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut io = io.spawn().unwrap();
        let mut stdin = io.stdin.take().unwrap();
        let commands = commands.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(commands.as_bytes()));
        let output = io.wait_with_output().unwrap();
        // Where qemu-io gives up, it does not read on.
        let _ = writer.join().unwrap();
        let out = String::from_utf8_lossy(&output.stdout);
        let err = String::from_utf8_lossy(&output.stderr);
        let failed = out.lines().chain(err.lines()).find(|line| {
            line.contains("failed")
                || line.contains("rror")
                || line.contains("annot")
                || line.contains("No space")
        });
        failed.map(str::to_owned)
    }

    /// What `qemu-img info` prints.
    fn info(&self) -> String {
        let info = qemu_img(&["info".as_ref(), self.path.as_os_str()]);
        String::from_utf8_lossy(&info.stdout).into_owned()
    }

    /// `image-end-offset` of `qemu-img check`; None if the image is not sound.
    fn end(&self) -> Option<u64> {
        let secret = if self.encrypted {
            ",encrypt.format=luks,encrypt.key-secret=s"
        } else {
            ""
        };
        let node = format!("driver=qcow2,file.filename={}{secret}", self.path.display());
        let mut args = SECRET.to_vec();
        args.extend(["--output=json", "--image-opts", &node]);
        args.insert(0, "check");
        let check = qemu_img(&args);
        let value: serde_json::Value =
            serde_json::from_slice(&check.stdout).unwrap_or_else(|_| panic!("{check:?}"));
        let sound = value["corruptions"].is_null() && value["leaks"].is_null();
        sound.then(|| value["image-end-offset"].as_u64().unwrap())
    }
}

#[test]
fn a_device_of_the_worst_case_is_enough() {
    let images = Images::in_memory();
    let mut random = Random::new(51);
    let rounds = rounds("PVE_NATIVE_HEADROOMS", 30);
    let mut spare = Vec::new();
    for round in 0..rounds {
        let (image, end) = loop {
            // QEMU, as it happens with compressed clusters, may spoil its own image.
            let image = Image::random(&images, &mut random);
            match image.end() {
                Some(end) if !image.info().contains("corrupt: true") => break (image, end),
                _ => {}
            }
        };
        let room = ours(&image.path);
        assert_eq!(room.end, end, "round {round}");
        let info = image.info();
        let writes = image.overwrite(&mut random);
        let failed = image.run(Some(room.worst_case), &writes);
        assert_eq!(failed, None, "round {round}: {room:?}\n{info}");
        let after = image.end().expect("a sound image");
        assert!(after <= room.worst_case, "round {round}: {after} {room:?}");
        spare.push((room.worst_case - after) as f64 / room.worst_case as f64);
        let full = ours(&image.path);
        assert!(
            info.contains("bitmaps:") || full.worst_case == after,
            "round {round}: {room:?} {full:?}"
        );
    }
    spare.sort_by(f64::total_cmp);
    let at = |part: usize| 100.0 * spare[(spare.len() - 1) * part / 4];
    println!(
        "headroom: of the worst case were not needed: median {:.2} %, three quarters up to {:.2} %, at most {:.2} %",
        at(2),
        at(3),
        at(4)
    );
}

#[test]
fn a_cluster_less_is_not_enough() {
    let images = Images::in_memory();
    let mut random = Random::new(52);
    for options in [
        "cluster_size=4k",
        "",
        "extended_l2=on",
        "cluster_size=2M",
        "preallocation=metadata",
        "refcount_bits=1",
    ] {
        let size = 24 << 20;
        let path = images.create("image", "qcow2", options, &size.to_string());
        let cluster = match options {
            "cluster_size=4k" => 4 << 10,
            "cluster_size=2M" => 2 << 20,
            _ => 64 << 10,
        };
        let image = Image {
            path,
            size,
            cluster,
            encrypted: false,
        };
        let fresh = std::fs::read(&image.path).unwrap();
        let room = ours(&image.path);
        for (less, enough) in [(0, true), (1, false)] {
            std::fs::write(&image.path, &fresh).unwrap();
            let writes = image.overwrite(&mut random);
            let device = room.worst_case - less * cluster as u64;
            let failed = image.run(Some(device), &writes);
            assert_eq!(failed.is_none(), enough, "{options} {room:?}: {failed:?}");
        }
    }
}

/// Proxmox VE makes volumes as large as `measure` says. That is enough as long as the first cluster of
/// the refcount table is; where the table grows, an old one is left behind, and `headroom` knows.
#[test]
fn a_device_of_what_measure_says_is_enough_if_headroom_says_so() {
    let images = Images::in_memory();
    let mut random = Random::new(53);
    for options in [
        "",
        "cluster_size=4k",
        "cluster_size=512",
        "cluster_size=2M",
        "extended_l2=on,cluster_size=128k",
        "refcount_bits=1",
        "refcount_bits=64,cluster_size=4k",
    ] {
        for size in [1 << 20, (24 << 20) + 512, 61 << 20] {
            let path = images.create("image", "qcow2", options, &size.to_string());
            let list = (!options.is_empty()).then_some(options.as_bytes());
            let measured = measure_size(size as u64, ImageFormat::Qcow2, list).unwrap();
            let image = Image {
                path,
                size,
                cluster: 64 << 10,
                encrypted: false,
            };
            let room = ours(&image.path);
            let what = format!("{options} {size}: {measured:?} {room:?}");
            let writes = image.overwrite(&mut random);
            let failed = image.run(Some(measured.fully_allocated), &writes);
            let enough = room.worst_case <= measured.fully_allocated;
            assert_eq!(failed.is_none(), enough, "{what}: {failed:?}");
            let grows = options == "cluster_size=512" && size > 16 << 20;
            assert_eq!(enough, !grows, "{what}");
        }
    }
}

#[test]
fn what_a_device_lacks() {
    let images = Images::new();
    let path = images.create("image", "qcow2", "", "64M");
    let need = ours(&path).worst_case;
    let lacks = |device| {
        let format = FormatChoice::Named(ImageFormat::Qcow2);
        let work = headroom(path.as_os_str().as_bytes(), format, Some(device), None);
        work.and_then(finish_unwatched).unwrap().short_by
    };
    assert_eq!(ours(&path).short_by, None);
    assert_eq!(lacks(need), Some(0));
    assert_eq!(lacks(need - 512), Some(512));
    let raw = images.create("raw", "raw", "", "3M");
    let work = headroom(
        raw.as_os_str().as_bytes(),
        FormatChoice::Named(ImageFormat::Raw),
        None,
        None,
    );
    let room = work.and_then(finish_unwatched).unwrap();
    assert_eq!(
        (room.end, room.free, room.worst_case),
        (3 << 20, 0, 3 << 20)
    );
    let vdi = images.create("vdi", "vdi", "", "3M");
    assert!(
        headroom(
            vdi.as_os_str().as_bytes(),
            FormatChoice::Named(ImageFormat::Vdi),
            None,
            None
        )
        .is_err()
    );
}
