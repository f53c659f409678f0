//! Each image that `qemu-img` can make is read as `qemu-img info` reads it, value by value.

mod common;

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;

use common::{Images, assert_both_refuse, assert_same, assert_same_as, our_info, qemu_img};
use pve_native_core::image::open::{Alone, OpenImage};
use pve_native_core::image::{FormatChoice, ImageFormat};
use pve_native_core::io::Storage;
use pve_native_core::{Code, limits};

/// Creates an image for each set of options and compares.
#[track_caller]
fn assert_all_same(format: &str, sizes: &[&str], options: &[&str]) {
    let images = Images::new();
    for (i, options) in options.iter().enumerate() {
        for size in sizes {
            let name = format!("{i}-{size}.{format}");
            let path = images.create(&name, format, options, size);
            assert_same(&path, format);
        }
    }
}

/// Converts an image with data in it and compares.
#[track_caller]
fn assert_converted_same(format: &str, options: &[&str]) {
    let images = Images::new();
    let data: Vec<u8> = (0..3 << 20).map(|i| (i / 4096 * 7 % 251) as u8).collect();
    let raw = images.write("data.raw", data);
    for (i, options) in options.iter().enumerate() {
        let path = images.path(&format!("{i}.{format}"));
        let (from, to) = (raw.to_str().unwrap(), path.to_str().unwrap());
        let mut args = vec!["convert", "-q", "-f", "raw", "-O", format];
        if !options.is_empty() {
            args.extend(["-o", options]);
        }
        args.extend([from, to]);
        assert!(qemu_img(&args).status.success(), "{args:?}");
        images.settle();
        assert_same(&path, format);
    }
}

#[test]
fn vmdk_subformats() {
    assert_all_same(
        "vmdk",
        &["0", "512", "10M", "5G"],
        &[
            "",
            "subformat=monolithicSparse",
            "subformat=twoGbMaxExtentSparse",
            "subformat=streamOptimized",
        ],
    );
    assert_all_same(
        "vmdk",
        &["512", "10M", "5G"],
        &["subformat=monolithicFlat", "subformat=twoGbMaxExtentFlat"],
    );
    assert_converted_same(
        "vmdk",
        &[
            "subformat=monolithicSparse",
            "subformat=monolithicFlat",
            "subformat=twoGbMaxExtentSparse",
            "subformat=twoGbMaxExtentFlat",
            "subformat=streamOptimized",
        ],
    );
}

#[test]
fn vmdk_options() {
    assert_all_same(
        "vmdk",
        &["10M"],
        &[
            "adapter_type=ide",
            "adapter_type=lsilogic",
            "adapter_type=buslogic",
            "adapter_type=legacyESX",
            "compat6=on",
            "hwversion=7",
            "toolsversion=12345",
            "zeroed_grain=on",
            "zeroed_grain=on,subformat=streamOptimized",
            "zeroed_grain=on,subformat=twoGbMaxExtentSparse",
        ],
    );
}

#[test]
fn vmdk_with_a_parent() {
    let images = Images::new();
    let base = images.create("base.vmdk", "vmdk", "", "10M");
    for (i, subformat) in ["monolithicSparse", "twoGbMaxExtentSparse"]
        .iter()
        .enumerate()
    {
        // The creator reads the parent's content ID, so the parent is there.
        let path = images.path(&format!("{i}.vmdk"));
        let options = format!("subformat={subformat}");
        let (path, base) = (path.to_str().unwrap(), base.to_str().unwrap());
        let args = [
            "create", "-q", "-f", "vmdk", "-b", base, "-F", "vmdk", "-o", &options, path,
        ];
        assert!(qemu_img(&args).status.success());
        images.settle();
        assert_same(path.as_ref(), "vmdk");
        let info = our_info(path.as_ref(), Some("vmdk")).unwrap();
        assert_eq!(info["backing-filename-format"], "vmdk");
    }
}

#[test]
fn vdi() {
    assert_all_same("vdi", &["0", "512", "10M", "5G"], &["", "static=on"]);
    assert_converted_same("vdi", &["", "static=on"]);
}

#[test]
fn vpc() {
    assert_all_same(
        "vpc",
        &["512", "10M", "5G"],
        &[
            "",
            "subformat=dynamic,force_size=on",
            "subformat=fixed",
            "subformat=fixed,force_size=on",
        ],
    );
    // More than the largest geometry.
    assert_all_same("vpc", &["200G", "2040G"], &["", "force_size=on"]);
    assert_converted_same("vpc", &["", "subformat=fixed", "force_size=on"]);
}

#[test]
fn vhdx() {
    assert_all_same(
        "vhdx",
        &["512", "10M", "5G"],
        &[
            "",
            "subformat=fixed",
            "block_size=1M",
            "block_size=256M",
            "log_size=2M",
            "log_size=64M",
            "block_state_zero=off",
            "block_size=1M,subformat=fixed,log_size=3M",
        ],
    );
    assert_all_same("vhdx", &["8T", "64T"], &[""]);
    assert_converted_same("vhdx", &["", "subformat=fixed", "block_size=1M"]);
}

#[test]
fn qed() {
    assert_all_same(
        "qed",
        &["64K", "10M"],
        &[
            "",
            "cluster_size=4096",
            "cluster_size=8192,table_size=2",
            "table_size=16",
            "backing_file=base.raw,backing_fmt=raw",
            "backing_file=base.qed,backing_fmt=qed",
            "backing_file=/no/where/base,backing_fmt=qcow2",
        ],
    );
    assert_converted_same("qed", &["", "cluster_size=4096"]);
}

#[test]
fn qcow() {
    assert_all_same(
        "qcow",
        &["512", "10M", "5G"],
        &[
            "",
            "backing_file=base.raw,backing_fmt=raw",
            "backing_file=../base.qcow,backing_fmt=qcow",
            "encrypt.format=aes,encrypt.key-secret=s",
            "backing_file=b,backing_fmt=raw,encrypt.format=aes,encrypt.key-secret=s",
        ],
    );
    assert_converted_same("qcow", &[""]);
}

// Making a LUKS header takes seconds whatever is asked for, so there are few of them.
#[test]
fn luks() {
    assert_all_same(
        "luks",
        &["10M"],
        &[
            "key-secret=s,iter-time=10",
            "key-secret=s,iter-time=10,hash-alg=sha512,cipher-alg=serpent-128,cipher-mode=cbc,\
             ivgen-alg=essiv,ivgen-hash-alg=md5",
        ],
    );
}

/// Names as `cryptsetup` writes them, good and bad, put into a header that QEMU made.
#[test]
fn luks_ciphers_modes_and_hashes() {
    let images = Images::new();
    let path = images.create("a.luks", "luks", "key-secret=s,iter-time=10", "1M");
    let made = std::fs::read(&path).unwrap();
    let mut ciphers = Vec::new();
    for cipher in [
        "aes", "cast5", "serpent", "twofish", "des", "sm5", "AES", "",
    ] {
        ciphers.extend([0u32, 8, 16, 24, 32, 48, 64].map(|bytes| (cipher, bytes)));
    }
    let modes = [
        "xts-plain64",
        "xts-plain",
        "cbc-plain64",
        "cbc-plain",
        "ecb-plain64",
        "ctr-plain64",
        "cbc",
        "-",
        "",
        "xts-",
        "xts-plain65",
        "lrw-benbi",
        "cbc-essiv",
        "cbc-essiv:",
        "cbc-essiv:md5",
        "cbc-essiv:sha1",
        "cbc-essiv:sha256",
        "xts-essiv:sha256",
        "cbc-essiv:sha224",
        "cbc-essiv:sha384",
        "cbc-essiv:sm3",
        "cbc-plain64:sha256",
        "cbc-plain64:no",
        "cbc-x-plain",
    ];
    let hashes = [
        "sha256",
        "md5",
        "sha1",
        "sha224",
        "sha384",
        "sha512",
        "ripemd160",
        "sm3",
        "x",
    ];
    let check = |(cipher, bytes): (&str, u32), mode: &str, hash: &str| {
        let mut header = made[..592].to_vec();
        for (at, name) in [(8, cipher), (40, mode), (72, hash)] {
            header[at..at + 32].fill(0);
            header[at..at + name.len()].copy_from_slice(name.as_bytes());
        }
        header[108..112].copy_from_slice(&bytes.to_be_bytes());
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.write_all_at(&header, 0).unwrap();
        assert_same_as(&path, Some("luks"));
    };
    for cipher in &ciphers {
        check(*cipher, "xts-plain64", "sha256");
        check(*cipher, "cbc-essiv:md5", "sha256");
        check(*cipher, "cbc-essiv:sha256", "sha256");
    }
    for mode in modes {
        for cipher in [("aes", 32), ("serpent", 48), ("cast5", 16)] {
            check(cipher, mode, "sha256");
        }
    }
    for hash in hashes {
        check(("aes", 32), "cbc-plain64", hash);
    }
}

#[test]
fn luks_with_two_keys() {
    let images = Images::new();
    let path = images.create("two.luks", "luks", "key-secret=s,iter-time=10", "1M");
    let name = format!("driver=luks,key-secret=s,file.filename={}", path.display());
    let output = qemu_img(&[
        "amend",
        "--object",
        "secret,id=s,data=abc",
        "--object",
        "secret,id=t,data=def",
        "--image-opts",
        &name,
        "-o",
        "state=active,new-secret=t,keyslot=5,iter-time=10",
    ]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    images.settle();
    assert_same(&path, "luks");
    let info = our_info(&path, Some("luks")).unwrap();
    assert_eq!(info["format-specific"]["data"]["slots"][5]["active"], true);
}

#[test]
fn encrypted_qcow2() {
    let luks = "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10";
    let aes = "encrypt.format=aes,encrypt.key-secret=s";
    let essiv = format!(
        "{luks},compat=0.10,cluster_size=512,encrypt.cipher-alg=aes-128,encrypt.cipher-mode=cbc,\
         encrypt.ivgen-alg=essiv,encrypt.ivgen-hash-alg=sha256,encrypt.hash-alg=sha1"
    );
    let old = format!("{aes},compat=0.10");
    assert_all_same("qcow2", &["10M"], &[luks, &essiv, aes, &old]);
    // Both at once decide the order of the keys.
    let data_file = format!("{luks},data_file=x.raw,data_file_raw=on");
    let images = Images::new();
    let path = images.path("x.raw");
    let data_file = data_file.replace("x.raw", path.to_str().unwrap());
    assert_same(
        &images.create("x.qcow2", "qcow2", &data_file, "10M"),
        "qcow2",
    );
}

#[test]
fn probing_finds_what_qemu_img_finds() {
    let images = Images::new();
    let start = |magic: &[u8]| {
        let mut head = magic.to_vec();
        head.resize(1024, 0);
        head
    };
    let vdi = images.create("a.vdi", "vdi", "", "10M");
    let signature = std::fs::read(vdi).unwrap();
    // Whole images that carry the other's signature where VDI has a text.
    for (format, patched) in [
        ("qcow2", true),
        ("qcow", true),
        ("qed", true),
        ("vpc", false),
    ] {
        let path = images.create(&format!("b.{format}"), format, "", "10M");
        let mut bytes = std::fs::read(&path).unwrap();
        if patched {
            bytes[64..512].copy_from_slice(&signature[64..512]);
        }
        assert_same_as(&images.write("probe.img", bytes), None);
    }
    for head in [
        start(b"nothing"),
        start(b""),
        Vec::new(),
        vec![b'x'; 3],
        b"# Disk DescriptorFile\nversion=1\n".to_vec(),
    ] {
        assert_same_as(&images.write("probe.img", head), None);
    }
    let dmg = images.write("x.dmg", start(b"anything"));
    let found = pve_native_core::image::open(
        &Storage::inline(),
        dmg.as_os_str().as_bytes(),
        FormatChoice::Probe,
    );
    assert_eq!(found.unwrap().format, ImageFormat::Dmg);
}

#[test]
fn each_format_refuses_what_is_none_of_it() {
    let images = Images::new();
    let empty = images.write("empty", "");
    let short = images.write("short", "x");
    let zeros = images.write("zeros", vec![0; 4 << 20]);
    for format in ["vmdk", "vdi", "vpc", "vhdx", "qed", "qcow", "luks", "qcow2"] {
        for path in [&empty, &short, &zeros] {
            assert_both_refuse(path, format);
        }
    }
}

#[test]
fn a_policy_against_further_files_keeps_them_closed() {
    let images = Images::new();
    let path = images.create("a.vmdk", "vmdk", "subformat=monolithicFlat", "1M");
    std::fs::remove_file(images.path("a-flat.vmdk")).unwrap();
    let open = |name: &std::path::Path| {
        let mut head = [0; limits::HEAD];
        let choice = FormatChoice::Named(ImageFormat::Vmdk);
        let name = name.as_os_str().as_bytes();
        OpenImage::open(&Storage::inline(), name.into(), &mut head)?.read(choice, &Alone)
    };
    assert_eq!(open(&path).unwrap_err().code(), Code::Denied);
    let path = images.create("b.vmdk", "vmdk", "", "1M");
    assert!(open(&path).is_ok());
}
