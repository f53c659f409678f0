//! The check of qcow2 images against the real `qemu-img check`: the same verdict, the same counts,
//! on sound images and on ones whose tables and refcounts are broken on purpose.

mod common;

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::random::Random;
use common::{Images, qemu_img};
use pve_native_core::image::json::{Names, View};
use pve_native_core::image::{FormatChoice, ImageFormat};
use pve_native_core::work::finish_unwatched;
use pve_native_core::{inspect, json};
use serde_json::{Map, Value};

/// What `qemu-img check` prints, but for the names.
fn theirs(path: &Path) -> Result<Map<String, Value>, String> {
    let output = qemu_img(&[
        "check".as_ref(),
        "--output=json".as_ref(),
        "-fqcow2".as_ref(),
        path.as_os_str(),
    ]);
    let Ok(Value::Object(mut answer)) = serde_json::from_slice(&output.stdout) else {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    };
    answer.remove("filename");
    answer.remove("format");
    Ok(answer)
}

fn ours(path: &Path) -> Result<Map<String, Value>, pve_native_core::Error> {
    let format = FormatChoice::Named(ImageFormat::Qcow2);
    let check = inspect::check(path.as_os_str().as_bytes(), format, None)?;
    let checked = finish_unwatched(check)?;
    let text = json::to_text(&View::new(&checked, Names::Text));
    let mut answer: Map<String, Value> = serde_json::from_str(&text).unwrap();
    for name in ["filename", "format", "findings"] {
        assert!(answer.remove(name).is_some());
    }
    Ok(answer)
}

#[track_caller]
fn assert_same_check(path: &Path, what: &str) -> bool {
    match (ours(path), theirs(path)) {
        (Ok(ours), Ok(theirs)) => {
            assert_eq!(ours, theirs, "{what}: {}", path.display());
            ours.contains_key("corruptions") || ours.contains_key("leaks")
        }
        (Err(_), Err(_)) => true,
        (ours, theirs) => panic!("{what}: {}: {ours:?} but {theirs:?}", path.display()),
    }
}

const OPTIONS: [&str; 10] = [
    "",
    "cluster_size=4k",
    "cluster_size=512",
    "cluster_size=2M",
    "compat=0.10",
    "extended_l2=on",
    "lazy_refcounts=on,refcount_bits=1",
    "refcount_bits=4",
    "refcount_bits=64,cluster_size=4k",
    "refcount_bits=8",
];

fn filled(images: &Images, random: &mut Random, name: &str, options: &str) -> PathBuf {
    let path = images.path(name);
    let mut args = vec!["create", "-qfqcow2"];
    if !options.is_empty() {
        args.extend(["-o", options]);
    }
    let size = ((1 + random.below(16)) << 19).to_string();
    args.extend([path.to_str().unwrap(), &size]);
    assert!(qemu_img(&args).status.success());
    let size: usize = size.parse().unwrap();
    let mut snapshots = 0;
    for _ in 0..1 + random.below(3) {
        let mut io = Command::new("qemu-io");
        io.args(["-f", "qcow2"]);
        for _ in 0..random.below(12) {
            let at = random.below(size / 512) * 512;
            let length = ((1 + random.below(300)) * 512).min(size - at);
            let command = match random.below(6) {
                0..3 => format!("write -P {} {at} {length}", 1 + random.below(255)),
                3 => format!("write -z {at} {length}"),
                4 => format!("discard {at} {length}"),
                _ => format!("write -c 0 {}", 65536.min(size)),
            };
            io.args(["-c", &command]);
        }
        // A compressed cluster cannot be written everywhere: then the rest still counts.
        io.arg(&path).output().unwrap();
        if !options.contains("refcount_bits=1") && random.below(2) == 0 {
            snapshots += 1;
            let name = format!("s{snapshots}");
            let made = qemu_img(&["snapshot", "-c", &name, path.to_str().unwrap()]);
            assert!(made.status.success());
        }
    }
    path
}

#[test]
fn sound_images() {
    let images = Images::new();
    let mut random = Random::new(21);
    for (i, options) in OPTIONS.iter().enumerate() {
        for round in 0..3 {
            let path = filled(&images, &mut random, &format!("{i}-{round}"), options);
            assert_same_check(&path, options);
        }
    }
}

#[test]
fn broken_images() {
    let images = Images::new();
    let mut random = Random::new(22);
    let mut broken = 0;
    for (i, options) in OPTIONS.iter().enumerate() {
        let path = filled(&images, &mut random, &i.to_string(), options);
        let sound = std::fs::read(&path).unwrap();
        let be64 = |at: usize| u64::from_be_bytes(*sound[at..].first_chunk().unwrap()) as usize;
        let be32 = |at: usize| u32::from_be_bytes(*sound[at..].first_chunk().unwrap()) as usize;
        let cluster = 1 << be32(20);
        let (l1, l1_entries, refcounts) = (be64(40), be32(36), be64(48));
        let tables: Vec<usize> = (0..l1_entries)
            .map(|i| be64(l1 + 8 * i) & 0x00ff_ffff_ffff_fe00)
            .filter(|&table| table != 0 && table < sound.len())
            .collect();
        let blocks = be64(refcounts);
        for _ in 0..60 {
            let file = std::fs::File::options().write(true).open(&path).unwrap();
            let mut what = String::new();
            for _ in 0..1 + random.below(3) {
                let (place, width) = match random.below(5) {
                    0 => (l1 + 8 * random.below(l1_entries), 8),
                    1 => (refcounts + 8 * random.below(cluster / 8), 8),
                    2 => (blocks + random.below(cluster), 1),
                    _ if tables.is_empty() => (l1, 8),
                    _ => (random.pick(&tables) + 8 * random.below(cluster / 8), 8),
                };
                let bytes = match random.below(5) {
                    0 => random.next().to_be_bytes(),
                    1 => [0; 8],
                    2 => ((random.below(40) * cluster) as u64 | 1 << 63).to_be_bytes(),
                    3 => ((random.below(40) * cluster) as u64).to_be_bytes(),
                    _ => {
                        let at = place.min(sound.len() - 8);
                        (be64(at) as u64 ^ 1 << random.below(64)).to_be_bytes()
                    }
                };
                file.write_all_at(&bytes[..width], place as u64).unwrap();
                what += &format!("{options} {bytes:x?}@{place:#x} ");
            }
            broken += usize::from(assert_same_check(&path, &what));
            std::fs::write(&path, &sound).unwrap();
        }
    }
    assert!(broken >= 400, "only {broken} images were broken");
    println!("{broken} broken images");
}

/// A small file of a great length whose tables refer to places far apart: each takes a page of
/// counts.
#[test]
fn memory_has_a_bound() {
    let images = Images::new();
    let path = images.create("far.qcow2", "qcow2", "cluster_size=64k", "512M");
    let written = Command::new("qemu-io")
        .args(["-f", "qcow2", "-c", "write 0 64k"])
        .arg(&path)
        .output();
    assert!(written.unwrap().status.success());
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let be64 = |at| {
        let mut word = [0; 8];
        file.read_exact_at(&mut word, at).unwrap();
        u64::from_be_bytes(word)
    };
    let table = be64(be64(40)) & 0x00ff_ffff_ffff_fe00;
    for entry in 1..4096u64 {
        let place = 1 << 63 | entry << 31;
        file.write_all_at(&u64::to_be_bytes(place), table + entry * 8)
            .unwrap();
    }
    file.set_len(4096 << 31).unwrap();
    let check = |bytes: u64| {
        let mut bounds = inspect::Bounds::default();
        bounds.limits.set("max-check-bytes", bytes).unwrap();
        let format = FormatChoice::Named(ImageFormat::Qcow2);
        inspect::check(path.as_os_str().as_bytes(), format, bounds).and_then(finish_unwatched)
    };
    let error = check(32 << 20).unwrap_err();
    assert_eq!(error.code(), pve_native_core::Code::Limit);
    assert!(error.to_string().contains("max-check-bytes"), "{error}");
    let checked = check(128 << 20).unwrap();
    assert!(checked.result.corruptions >= 4095);
}
