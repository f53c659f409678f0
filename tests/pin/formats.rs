//! Every format, alone and as a part of a chain: what QEMU says of a pinned image is what it says
//! of the image under its name.

use std::path::Path;

use pve_native_core::chain::{Pin, Policy};

use crate::common::{Images, SECRET, qemu_img};
use crate::support::{
    BOTH, LONG, announce, convert, convert_by_name, json, named, overlay, pinned, run, write,
};

const MIB: u64 = 1 << 20;

/// Formats that can be written, with options that change how they are read.
const FORMATS: [(&str, &str); 15] = [
    ("raw", ""),
    ("qcow2", ""),
    ("qcow2", "compat=0.10"),
    ("qcow2", "extended_l2=on,cluster_size=64k"),
    ("qcow2", "cluster_size=512"),
    ("qcow2", "lazy_refcounts=on"),
    ("qcow2", "preallocation=metadata"),
    ("qcow", ""),
    ("qed", ""),
    ("vmdk", "subformat=monolithicSparse"),
    ("vmdk", "subformat=streamOptimized"),
    ("vdi", ""),
    ("vpc", "subformat=dynamic"),
    ("vpc", "subformat=fixed"),
    ("vhdx", ""),
];

/// An image of about so many MiB with some data in it.
fn make(
    images: &Images,
    name: &str,
    (format, options): (&str, &str),
    size: u64,
) -> std::path::PathBuf {
    let path = images.create(name, format, options, &format!("{size}M"));
    // A compressed vmdk takes whole grains only, and from one program alone.
    if options != "subformat=streamOptimized" {
        write(&path, format, 0x51, 0, 64 << 10);
        write(&path, format, 0x52, MIB, 192 << 10);
    }
    path
}

/// What `qemu-img` reads must be the same, and what it says of where it lies.
#[track_caller]
fn assert_same_content(images: &Images, pin: &Pin, path: &Path, format: &str) {
    let out = images.path("out");
    let theirs = convert_by_name(path, format, &[], &out);
    let ours = convert(pin, &[], &out).unwrap();
    assert!(ours == theirs, "{} is read differently", path.display());
    assert_same_answer(pin, path, format, &["map", "--output=json"]);
}

/// All that `qemu-img` can be asked of an image must be the same.
#[track_caller]
fn assert_same(images: &Images, pin: &Pin, path: &Path, format: &str) {
    assert_same_content(images, pin, path, format);
    for command in [
        ["measure", "--output=json", "-Oqcow2"],
        ["check", "--output=json", "-q"],
    ] {
        assert_same_answer(pin, path, format, &command);
    }
    // `compare` takes both, each in its own way.
    let (by_pin, path) = (&pin.qemu_img_args()[0], path.display());
    let name =
        format!(r#"json:{{"driver":"{format}","file":{{"driver":"file","filename":"{path}"}}}}"#);
    let said = run("qemu-img", &["compare", by_pin.as_str(), name.as_str()]);
    assert_eq!(said, b"Images are identical.\n");
}

#[track_caller]
fn assert_same_answer(pin: &Pin, path: &Path, format: &str, command: &[&str]) {
    let by_pin = &pin.qemu_img_args()[0];
    let path = path.to_str().unwrap();
    let theirs = qemu_img(&[command, &["-f", format, path]].concat());
    let ours = qemu_img(&[command, &[by_pin.as_str()]].concat());
    assert_eq!(ours.status, theirs.status, "{command:?} {path}: {ours:?}");
    if theirs.stdout.is_empty() {
        // Not every format has a check.
        return;
    }
    let (mut ours, mut theirs) = (json(&ours.stdout), json(&theirs.stdout));
    for said in [&mut ours, &mut theirs] {
        said.as_object_mut().map(|said| said.remove("filename"));
    }
    assert_eq!(ours, theirs, "{command:?} {path}");
}

#[test]
fn alone_each_format_reads_as_under_its_name() {
    let images = Images::in_memory();
    for (index, form) in FORMATS.into_iter().enumerate() {
        // Sizes that are no whole number of clusters, cylinders or blocks.
        let path = make(&images, &format!("{index}"), form, 3);
        let policy = named(form.0);
        assert_same(&images, &pinned(&path, &policy, None), &path, form.0);
        assert_same_content(&images, &pinned(&path, &policy, Some(LONG)), &path, form.0);
    }
}

#[test]
fn vhd_sizes_are_calculated_as_under_the_name() {
    let images = Images::in_memory();
    for options in [
        "force_size=on",
        "force_size=off",
        "subformat=fixed,force_size=on",
    ] {
        // 2049 MiB + 512 is no size that cylinders, heads and sectors can say.
        let path = images.create("image", "vpc", options, &(2049 * MIB + 512).to_string());
        for creator in [&b"qem2"[..], b"win ", b"vpc ", b"tap\0", b"????"] {
            if !options.contains("fixed") {
                set_creator(&path, 0, creator);
            }
            let end = std::fs::metadata(&path).unwrap().len() - 512;
            set_creator(&path, end, creator);
            let pin = pinned(&path, &named("vpc"), None);
            let ours = qemu_img(&["map", "--output=json", &pin.qemu_img_args()[0]]);
            let theirs = qemu_img(&["map", "--output=json", "-fvpc", path.to_str().unwrap()]);
            assert!(theirs.status.success());
            assert_eq!(ours.stdout, theirs.stdout, "{options} by {creator:?}");
        }
        std::fs::remove_file(path).unwrap();
    }
}

/// Writes the name of the program that made a VHD, and the footer's checksum.
fn set_creator(path: &Path, footer: u64, creator: &[u8]) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut bytes = [0; 512];
    file.read_exact_at(&mut bytes, footer).unwrap();
    assert_eq!(&bytes[..8], b"conectix");
    bytes[28..32].copy_from_slice(creator);
    bytes[64..68].fill(0);
    let sum: u32 = bytes.iter().map(|&byte| u32::from(byte)).sum();
    bytes[64..68].copy_from_slice(&(!sum).to_be_bytes());
    file.write_all_at(&bytes, footer).unwrap();
}

#[test]
fn on_each_base_each_overlay_reads_as_under_its_name() {
    let images = Images::in_memory();
    let bases = FORMATS.iter().filter(|(format, options)| match *format {
        "qcow2" => options.is_empty() || options.contains("0.10"),
        _ => true,
    });
    let mut chains = 0;
    for (index, &base) in bases.enumerate() {
        let name = format!("base-{index}");
        make(&images, &name, base, 3);
        for top in ["qcow2", "qcow", "qed", "vmdk"] {
            // vmdk stands on vmdk only. It and qcow record no format of what they stand on, qed
            // none but raw.
            if top == "vmdk" && base != ("vmdk", "subformat=monolithicSparse") {
                continue;
            }
            let policy = Policy {
                allow_unnamed_format: top != "qcow2",
                ..named(top)
            };
            let path = images.path("top");
            overlay(&path, top, Path::new(&name), base.0);
            write(&path, top, 0x77, 128 << 10, MIB);
            for size in ["", "4M", "1536K"] {
                if !size.is_empty() {
                    if top != "qcow2" || !matches!(base.0, "raw" | "vpc") {
                        continue;
                    }
                    let resize = [
                        "resize",
                        "-q",
                        "--shrink",
                        "-fqcow2",
                        path.to_str().unwrap(),
                        size,
                    ];
                    run("qemu-img", &resize);
                }
                let pin = pinned(&path, &policy, None);
                assert_eq!(pin.descriptors().len(), 2, "{top} on {base:?}");
                assert_same_content(&images, &pin, &path, top);
                chains += 1;
            }
            std::fs::remove_file(path).unwrap();
        }
    }
    announce(&format!("{chains} chains of two formats read the same"));
}

#[test]
fn external_data_files_are_given_as_well() {
    let images = Images::in_memory();
    for raw in ["off", "on"] {
        let (base, data) = (images.path("base"), images.path("data"));
        std::fs::write(&base, vec![0x33; 2 << 20]).unwrap();
        let options = format!("data_file={},data_file_raw={raw}", data.display());
        let top = images.create("top", "qcow2", &options, "2M");
        write(&top, "qcow2", 0x44, 512 << 10, 512 << 10);
        if raw == "off" {
            let rebase = [
                "rebase",
                "-u",
                "-fqcow2",
                "-Fraw",
                "-bbase",
                top.to_str().unwrap(),
            ];
            run("qemu-img", &rebase);
        }
        let refused =
            pve_native_core::chain::pin(top.to_str().unwrap().as_bytes(), &named("qcow2"), None);
        assert!(refused.is_err(), "a data file must be allowed");
        let policy = Policy {
            allow_data_file: true,
            ..named("qcow2")
        };
        for timeout in BOTH {
            let pin = pinned(&top, &policy, timeout);
            let count = if raw == "off" { 3 } else { 2 };
            assert_eq!(pin.descriptors().len(), count);
            assert_same(&images, &pin, &top, "qcow2");
        }
        // Under the data file: an image that has one too.
        let over = images.path("over");
        overlay(&over, "qcow2", Path::new("top"), "qcow2");
        assert_same(&images, &pinned(&over, &policy, None), &over, "qcow2");
        for name in ["top", "data", "base", "over"] {
            std::fs::remove_file(images.path(name)).unwrap();
        }
    }
}

/// How QEMU is to open it: format, options to create it, options to open it.
const ENCRYPTED: [(&str, &str, &str); 4] = [
    ("luks", "key-secret=s,iter-time=10", "key-secret=s"),
    (
        "qcow2",
        "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10",
        "encrypt.format=luks,encrypt.key-secret=s",
    ),
    (
        "qcow2",
        "encrypt.format=aes,encrypt.key-secret=s",
        "encrypt.format=aes,encrypt.key-secret=s",
    ),
    (
        "qcow",
        "encrypt.format=aes,encrypt.key-secret=s",
        "encrypt.format=aes,encrypt.key-secret=s",
    ),
];

#[test]
fn encrypted_images_are_read_with_the_callers_secret() {
    let images = Images::in_memory();
    let out = images.path("out");
    for (index, (format, options, open)) in ENCRYPTED.into_iter().enumerate() {
        let name = format!("encrypted-{index}");
        let path = images.create(&name, format, options, "1M");
        let image = format!("driver={format},file.filename={},{open}", path.display());
        let fill = ["-c", "write -P 0x61 0 512k", "--image-opts", image.as_str()];
        run("qemu-io", &[&SECRET[..], &fill].concat());
        let by_name = [&SECRET[..], &["--image-opts", image.as_str()]].concat();
        let theirs = convert_by_name(&path, format, &by_name, &out);
        assert!(theirs.starts_with(&[0x61; 512 << 10]));

        let mut pin = pinned(&path, &named(format), None);
        assert_eq!(pin.missing_secrets(), [0]);
        assert!(convert(&pin, &SECRET, &out).is_err(), "without a secret");
        pin.set_secret(0, "s").unwrap();
        assert!(pin.missing_secrets().is_empty());
        assert!(convert(&pin, &SECRET, &out).unwrap() == theirs);

        // Under an image that is not encrypted; qcow2 records the format of what it stands on.
        let top = images.path("top");
        overlay_on_encrypted(&top, &path, format);
        let mut pin = pinned(&top, &named("qcow2"), Some(LONG));
        assert_eq!(pin.missing_secrets(), [1]);
        assert!(pin.set_secret(0, "s").is_err(), "is not encrypted");
        assert!(pin.set_secret(2, "s").is_err(), "is not there");
        for bad in ["", "1", "a\"b", "a,b", "ä"] {
            assert!(pin.set_secret(1, bad).is_err(), "{bad:?}");
        }
        pin.set_secret(1, "s").unwrap();
        assert!(convert(&pin, &SECRET, &out).unwrap() == theirs);
        let nodes = pin.block_nodes("p").unwrap();
        let node = serde_json::to_value(&nodes[1]).unwrap();
        match format {
            "luks" => assert_eq!(node["key-secret"], "s"),
            _ => assert_eq!(node["encrypt"]["key-secret"], "s"),
        }
        std::fs::remove_file(top).unwrap();
    }
}

/// `qemu-img create` would want to open the encrypted image.
fn overlay_on_encrypted(top: &Path, base: &Path, format: &str) {
    let (base, top) = (base.to_str().unwrap(), top.to_str().unwrap());
    run(
        "qemu-img",
        &[
            "create", "-q", "-u", "-fqcow2", "-F", format, "-b", base, top, "1M",
        ],
    );
}

#[test]
fn two_hundred_images_deep() {
    let images = Images::in_memory();
    std::fs::write(images.path("0"), vec![9; 256 << 10]).unwrap();
    // Each image in its own place of the disk; made from one image, as starting 200 programs
    // takes its time.
    let depth = 200;
    for index in 1..depth {
        let name = images.path(&index.to_string());
        let format = if index == 1 { "raw" } else { "qcow2" };
        let backing = format!("{:03}", index - 1);
        if index <= 2 {
            overlay_named(&images, &name, &backing, format);
        } else {
            let mut bytes = std::fs::read(images.path("2")).unwrap();
            let at = bytes.windows(3).rposition(|part| part == b"001").unwrap();
            bytes[at..at + 3].copy_from_slice(backing.as_bytes());
            std::fs::write(&name, bytes).unwrap();
        }
    }
    for index in 0..depth {
        std::fs::rename(
            images.path(&index.to_string()),
            images.path(&format!("{index:03}")),
        )
        .unwrap();
    }
    let top = images.path(&format!("{:03}", depth - 1));
    write(&top, "qcow2", 7, 64 << 10, 64 << 10);
    let pin = pinned(&top, &named("qcow2"), None);
    assert_eq!(pin.descriptors().len(), depth);
    let content = convert(&pin, &[], &images.path("out")).unwrap();
    let expected = [vec![9; 64 << 10], vec![7; 64 << 10], vec![9; 128 << 10]].concat();
    assert!(content == expected);
}

fn overlay_named(images: &Images, path: &Path, backing: &str, format: &str) {
    let options = format!("backing_file={backing},backing_fmt={format},cluster_size=512");
    let name = path.file_name().unwrap().to_str().unwrap();
    images.create(name, "qcow2", &options, "256K");
}

#[test]
fn what_is_pinned_for_reading_is_not_written() {
    let images = Images::in_memory();
    let top = crate::support::chain(images.path("").as_path());
    let before = std::fs::read(images.path("middle.qcow2")).unwrap();
    let pin = pinned(&top, &named("qcow2"), None);
    let image = &pin.qemu_img_args()[0];
    for command in [
        &["commit"][..],
        &["check", "-rall"],
        &["amend", "-olazy_refcounts=on"],
    ] {
        let done = qemu_img(&[command, &[image.as_str()]].concat());
        assert!(!done.status.success(), "{command:?}");
    }
    assert!(std::fs::read(images.path("middle.qcow2")).unwrap() == before);
}
