//! What must not be taken for an attack: images as they are made every day, in every format and
//! with every option that `qemu-img` has for them.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use pve_native_core::chain::{Policy, Preset, Severity, Symlinks};
use pve_native_core::image::{FormatChoice, ImageFormat};

use crate::audited;
use crate::bench::Bench;

/// The image must be safe under this preset, with no finding but those named.
#[track_caller]
fn safe(top: &Path, preset: Preset, change: impl FnOnce(&mut Policy), told: &[&str]) {
    let mut policy = Policy {
        preset,
        ..Policy::default()
    };
    if preset != Preset::Upload {
        policy.roots = vec![top.parent().unwrap().as_os_str().as_bytes().to_vec()];
    }
    change(&mut policy);
    let answer = audited(top, &policy);
    assert!(
        answer.is_safe(),
        "{} as {preset:?}: {:?}",
        top.display(),
        answer.findings
    );
    let codes: Vec<&str> = answer.findings.iter().map(|f| f.code.name()).collect();
    assert_eq!(
        codes,
        told,
        "{} as {preset:?}: {:?}",
        top.display(),
        answer.findings
    );
}

/// Under all presets.
#[track_caller]
fn safe_everywhere(top: &Path) {
    for preset in [
        Preset::None,
        Preset::Upload,
        Preset::Restore,
        Preset::Storage,
    ] {
        safe(top, preset, |_| {}, &[]);
    }
}

fn bench() -> (tempfile::TempDir, Bench) {
    let root = tempfile::tempdir().expect("a folder for the images");
    let bench = Bench::new(root.path().join("case"));
    (root, bench)
}

#[test]
fn images_that_stand_alone() {
    let (_root, b) = bench();
    let options: [(&str, &[&str]); 9] = [
        ("raw", &["", "preallocation=falloc"]),
        (
            "qcow2",
            &[
                "",
                "compat=0.10",
                "cluster_size=512",
                "cluster_size=4k",
                "cluster_size=2M",
                "extended_l2=on",
                "extended_l2=on,cluster_size=128k",
                "lazy_refcounts=on",
                "refcount_bits=1",
                "refcount_bits=64",
                "compression_type=zstd",
                "preallocation=metadata",
                "preallocation=falloc",
                "preallocation=full",
                "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10",
                "encrypt.format=aes,encrypt.key-secret=s",
            ],
        ),
        (
            "vmdk",
            &[
                "",
                "subformat=streamOptimized",
                "compat6=on",
                "adapter_type=lsilogic",
            ],
        ),
        ("vdi", &["", "static=on"]),
        ("vpc", &["", "subformat=fixed", "force_size=on"]),
        ("vhdx", &["", "subformat=fixed", "block_size=1M"]),
        ("qed", &["", "cluster_size=4k,table_size=2"]),
        (
            "luks",
            &[
                "key-secret=s,iter-time=10",
                "key-secret=s,iter-time=10,cipher-alg=twofish-256",
            ],
        ),
        ("qcow", &["", "encrypt.format=aes,encrypt.key-secret=s"]),
    ];
    for (format, options) in options {
        let extension = if format == "vpc" { "vhd" } else { format };
        for (number, options) in options.iter().enumerate() {
            let size = if options.contains("preallocation") {
                "4M"
            } else {
                "1G"
            };
            let top = b.create(&format!("{number}.{extension}"), format, options, size);
            safe_everywhere(&top);
            std::fs::remove_file(top).unwrap();
        }
    }
}

#[test]
fn images_with_data_snapshots_and_bitmaps() {
    let (_root, b) = bench();
    // A guest's disk: a partition table, and a file system image somewhere within it.
    let mut disk = vec![0; 4 << 20];
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    disk[(1 << 20) + 0x8001..][..5].copy_from_slice(b"CD001");
    disk[2 << 20..][..4].copy_from_slice(b"QFI\xfb");
    b.write("disk.raw", &disk);
    safe_everywhere(&b.path("disk.raw"));
    for format in ["qcow2", "vmdk", "vdi", "vpc", "vhdx", "qed", "qcow"] {
        let top = if format == "vpc" {
            "top.vhd".into()
        } else {
            format!("top.{format}")
        };
        b.img(["convert", "-fraw", "-O", format, "disk.raw", &top]);
        safe_everywhere(&b.path(top));
    }
    b.img([
        "convert",
        "-c",
        "-fraw",
        "-Oqcow2",
        "disk.raw",
        "small.qcow2",
    ]);
    safe_everywhere(&b.path("small.qcow2"));
    let top = b.path("top.qcow2");
    for number in 0..20 {
        b.img([
            "snapshot",
            "-c",
            &format!("vor-dem-Update-{number}-ü"),
            "top.qcow2",
        ]);
        let bitmap = format!("bitmap-{number}");
        b.img([
            "bitmap",
            "--add",
            "-g",
            "64k",
            "-f",
            "qcow2",
            "top.qcow2",
            &bitmap,
        ]);
    }
    b.img([
        "bitmap",
        "--disable",
        "-f",
        "qcow2",
        "top.qcow2",
        "bitmap-3",
    ]);
    safe_everywhere(&top);
    b.img(["resize", "-f", "qcow2", "small.qcow2", "5M"]);
    b.img(["snapshot", "-c", &"ü".repeat(200), "small.qcow2"]);
    safe_everywhere(&b.path("small.qcow2"));
    b.img(["snapshot", "-d", "vor-dem-Update-0-ü", "top.qcow2"]);
    b.img([
        "amend",
        "-f",
        "qcow2",
        "-o",
        "lazy_refcounts=on",
        "top.qcow2",
    ]);
    safe_everywhere(&top);
}

#[test]
fn chains() {
    let (_root, b) = bench();
    b.raw("base.raw");
    let on = |name: &str, format: &str, backing: &str, backing_format: &str| {
        b.img([
            "create",
            "-q",
            "-u",
            "-f",
            format,
            "-b",
            backing,
            "-F",
            backing_format,
            name,
            "1M",
        ]);
        b.path(name)
    };
    let both = [Preset::None, Preset::Restore, Preset::Storage];
    let absolute = b.path("base.raw").display().to_string();
    let tops = [
        on("on-raw.qcow2", "qcow2", "base.raw", "raw"),
        on("on-absolute.qcow2", "qcow2", &absolute, "raw"),
        on("on-dots.qcow2", "qcow2", "./../images/base.raw", "raw"),
        on("snap.qcow2", "qcow2", "on-raw.qcow2", "qcow2"),
        on("snap2.qcow2", "qcow2", "snap.qcow2", "qcow2"),
        on("on-raw.qed", "qed", "base.raw", "raw"),
        b.create("base.vmdk", "vmdk", "", "1M"),
        on("on-vmdk.vmdk", "vmdk", "base.vmdk", "vmdk"),
        b.create("base.vdi", "vdi", "", "1M"),
        on("on-vdi.qcow2", "qcow2", "base.vdi", "vdi"),
    ];
    for top in &tops {
        for preset in both {
            safe(top, preset, |_| {}, &[]);
        }
    }
    // A linked clone's base lies in the folder of another guest.
    b.write("9000/base-9000-disk-0.raw", [0; 512]);
    std::fs::create_dir(b.path("100")).unwrap();
    let clone = on(
        "100/vm-100-disk-0.qcow2",
        "qcow2",
        "../9000/base-9000-disk-0.raw",
        "raw",
    );
    let root =
        |policy: &mut Policy| policy.roots = vec![b.path("").as_os_str().as_bytes().to_vec()];
    for preset in both {
        safe(&clone, preset, root, &[]);
    }
    // Formats that have no room for it: told, where it is allowed.
    let old = on("on-raw.qcow", "qcow", "base.raw", "raw");
    safe(
        &old,
        Preset::Storage,
        |p| p.allow_unnamed_format = true,
        &["unnamed-format"],
    );
}

#[test]
fn chains_through_links() {
    let (_root, b) = bench();
    b.raw("folder/base.raw");
    b.link("base.raw", "folder/base.raw");
    b.link("folder-too", "folder");
    for name in [
        "base.raw",
        "folder-too/base.raw",
        "folder-too/../folder//base.raw",
    ] {
        let top = b.on(name, Some("raw"));
        safe(&top, Preset::Restore, |_| {}, &[]);
        safe(&top, Preset::Storage, |p| p.symlinks = Symlinks::Any, &[]);
    }
    // The way to a root may have links, whatever links are allowed in it.
    let top = b.on("folder/base.raw", Some("raw"));
    b.link("../root", "images");
    let through = b.path("../root").join(top.file_name().unwrap());
    for symlinks in [Symlinks::Inside, Symlinks::None, Symlinks::Any] {
        safe(&top, Preset::Storage, |p| p.symlinks = symlinks, &[]);
        safe(&through, Preset::Storage, |p| p.symlinks = symlinks, &[]);
        let mut policy = Policy {
            symlinks,
            ..Policy::default()
        };
        assert!(audited(&through, &policy).is_safe());
        for root in ["/", "//"] {
            policy.roots = vec![root.into(), b"/usr".to_vec()];
            assert!(audited(&top, &policy).is_safe(), "{root} {symlinks:?}");
        }
        // However a root is written.
        let root = b.path("");
        for end in ["/", "/.", "//", "/folder/.."] {
            let mut name = root.as_os_str().as_bytes().to_vec();
            name.extend(end.as_bytes());
            policy.roots = vec![name];
            assert!(audited(&top, &policy).is_safe(), "{end} {symlinks:?}");
        }
    }
}

#[test]
fn data_in_other_files() {
    let (_root, b) = bench();
    let data = b.path("data.raw").display().to_string();
    for options in ["", ",data_file_raw=on"] {
        let top = b.create(
            "top.qcow2",
            "qcow2",
            &format!("data_file={data}{options}"),
            "4M",
        );
        safe(&top, Preset::Storage, |p| p.allow_data_file = true, &[]);
        safe(&top, Preset::Restore, |p| p.allow_data_file = true, &[]);
    }
    for subformat in [
        "monolithicFlat",
        "twoGbMaxExtentSparse",
        "twoGbMaxExtentFlat",
    ] {
        for size in ["4M", "3G"] {
            let options = format!("subformat={subformat}");
            let top = b.create(&format!("{subformat}-{size}.vmdk"), "vmdk", &options, size);
            for preset in [Preset::None, Preset::Restore, Preset::Storage] {
                safe(&top, preset, |_| {}, &[]);
            }
        }
    }
}

/// What is told, but no reason to refuse.
#[test]
fn what_is_only_told() {
    let (_root, b) = bench();
    // A guest that encrypts its whole disk.
    let luks = b.create("luks", "luks", "key-secret=s,iter-time=10", "1M");
    std::fs::rename(luks, b.path("disk.raw")).unwrap();
    safe(
        &b.path("disk.raw"),
        Preset::Upload,
        |_| {},
        &["hidden-format"],
    );
    // A guest that writes an image onto its disk.
    b.plain("inner.qcow2");
    std::fs::rename(b.path("inner.qcow2"), b.path("guest.raw")).unwrap();
    safe(
        &b.path("guest.raw"),
        Preset::Storage,
        |_| {},
        &["hidden-format"],
    );
    // A raw disk that ends like a VHD: the same disk with 512 bytes more.
    b.create("fixed.vhd", "vpc", "subformat=fixed", "1M");
    std::fs::rename(b.path("fixed.vhd"), b.path("fixed.raw")).unwrap();
    safe(
        &b.path("fixed.raw"),
        Preset::Upload,
        |_| {},
        &["hidden-format"],
    );
    // An ISO as a VHD of fixed size: nothing but a footer is added.
    let mut iso = vec![0; 1 << 20];
    iso[0x8001..0x8006].copy_from_slice(b"CD001");
    b.write("disk.iso", iso);
    safe_everywhere(&b.path("disk.iso"));
    b.img([
        "convert",
        "-fraw",
        "-Ovpc",
        "-osubformat=fixed",
        "disk.iso",
        "iso.vhd",
    ]);
    safe(
        &b.path("iso.vhd"),
        Preset::Upload,
        |_| {},
        &["hidden-format"],
    );
    // Not closed cleanly.
    let dirty = b.create("dirty.qcow2", "qcow2", "lazy_refcounts=on", "1M");
    let mut bytes = std::fs::read(&dirty).unwrap();
    bytes[79] |= 1;
    b.write("dirty.qcow2", bytes);
    safe(&dirty, Preset::Upload, |_| {}, &["unclean"]);
    // An extension of somebody else's.
    let image = crate::writer::Image {
        extensions: vec![(0x1234_5678, b"notes".to_vec())],
        ..Default::default()
    };
    let other = b.image("other.qcow2", &image);
    safe(&other, Preset::Upload, |_| {}, &["unknown-extension"]);
    // A protocol that is allowed.
    let nbd = b.on("nbd:localhost:10809", Some("raw"));
    safe(
        &nbd,
        Preset::Storage,
        |p| p.protocols = vec![b"nbd".to_vec()],
        &["protocol"],
    );
}

#[test]
fn names_are_taken_as_the_caller_means_them() {
    let (_root, b) = bench();
    let top = b.plain("top.qcow2");
    safe_everywhere(&top);
    let prefixed = format!("file:{}", top.display());
    assert!(audited(Path::new(&prefixed), &Policy::default()).is_safe());
    let link = b.link("link.qcow2", &top);
    safe_everywhere(&link);
    let probed = Policy {
        format: FormatChoice::Probe,
        ..Policy::default()
    };
    assert!(audited(&top, &probed).is_safe());
    // An open file, gone from its folder.
    let file = std::fs::File::open(&top).unwrap();
    std::fs::remove_file(&top).unwrap();
    let number = std::os::fd::AsRawFd::as_raw_fd(&file);
    let policy = Policy {
        format: FormatChoice::Named(ImageFormat::Qcow2),
        ..Policy::default()
    };
    for name in [
        format!("/proc/self/fd/{number}"),
        format!("/dev/fd/{number}"),
    ] {
        let answer = audited(Path::new(&name), &policy);
        assert!(
            answer
                .findings
                .iter()
                .all(|f| f.severity != Severity::Error),
            "{answer:?}"
        );
    }
}
