//! Other formats than qcow2, and files that have several at once.

use std::path::PathBuf;

use pve_native_core::image::ImageFormat;

use crate::bench::Bench;
use crate::case::{Case, case};
use crate::metadata::header;

/// A raw disk that begins like an image of another format, made by `qemu-img`.
fn raw_with(format: &'static str) -> impl Fn(&Bench, bool) -> PathBuf {
    move |b, attack| {
        let options = if format == "luks" { "key-secret=s" } else { "" };
        let made = b.create("made", format, options, "10M");
        let mut bytes = std::fs::read(made).unwrap();
        if !attack {
            // Anywhere but at the start it is the guest's data.
            bytes.splice(0..0, [0; 512]);
        }
        b.write("top.raw", bytes)
    }
}

fn raw_beginning(start: Vec<u8>) -> impl Fn(&Bench, bool) -> PathBuf {
    move |b, attack| {
        let mut bytes = if attack { start.clone() } else { Vec::new() };
        bytes.resize(256 << 10, 0);
        b.write("top.raw", bytes)
    }
}

fn bochs() -> Vec<u8> {
    let mut bytes = vec![0; 512];
    bytes[..23].copy_from_slice(b"Bochs Virtual HD Image\0");
    bytes[32..40].copy_from_slice(b"Redolog\0");
    bytes[48..56].copy_from_slice(b"Growing\0");
    bytes[64..68].copy_from_slice(&0x0002_0000u32.to_le_bytes());
    bytes
}

const CLOOP: &[u8] = b"#!/bin/sh\n#V2.0 Format\n\
    modprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n";

/// The text of a descriptor that names a host's file.
const HOST_FILE: &str = "RW 8 FLAT \"/etc/passwd\" 0\n";

pub fn cases() -> Vec<Case> {
    let mut cases = hidden();
    cases.extend(polyglots());
    cases.extend(vmdk());
    cases.extend(others());
    cases
}

fn hidden() -> Vec<Case> {
    let cases = vec![
        case(
            "qcow2 said to be raw",
            "5, CVE-2022-47951",
            raw_with("qcow2"),
        ),
        case("qcow said to be raw", "5", raw_with("qcow")),
        case("vmdk said to be raw", "5, CVE-2022-47951", raw_with("vmdk")),
        case("vdi said to be raw", "5", raw_with("vdi")),
        case("vhd said to be raw", "5", raw_with("vpc")),
        case("vhdx said to be raw", "5", raw_with("vhdx")),
        case("qed said to be raw", "5", raw_with("qed")),
        case("parallels said to be raw", "5", raw_with("parallels")),
        case("bochs said to be raw", "5", raw_beginning(bochs())),
        case("cloop said to be raw", "5", raw_beginning(CLOOP.to_vec())),
        case(
            "a vmdk descriptor said to be raw",
            "5, 12, CVE-2022-47951",
            raw_beginning(format!("# x\nversion=1\ncreateType=\"vmfs\"\n{HOST_FILE}").into_bytes()),
        ),
    ];
    let mut cases: Vec<Case> = cases
        .into_iter()
        .map(|case| case.upload().says(&["hidden-format"], "looks like").at(0))
        .collect();
    cases.push(
        case(
            "qcow2 in the free bytes of an ISO",
            "5, CVE-2024-44082",
            |b, attack| {
                let mut bytes = vec![0; 40 << 10];
                bytes[0x8001..0x8006].copy_from_slice(b"CD001");
                if attack {
                    let image = crate::metadata::ninety_three_bytes();
                    bytes[..image.len()].copy_from_slice(&image);
                }
                b.write("top.iso", bytes)
            },
        )
        .upload()
        .says(&["hidden-format"], "qcow2")
        .at(0),
    );
    cases
}

fn polyglots() -> Vec<Case> {
    vec![
        case("a qcow2 image that is an ISO as well", "5", |b, attack| {
            let mut bytes = std::fs::read(b.plain("top.qcow2")).unwrap();
            if attack {
                bytes[0x8001..0x8006].copy_from_slice(b"CD001");
            }
            b.write("top.qcow2", bytes)
        })
        .upload()
        .says(&["hidden-format"], "ISO 9660")
        .at(0x8000),
        case(
            "a vdi image that begins like a qcow2 image",
            "5",
            |b, attack| {
                let path = b.create("top.vdi", "vdi", "", "10M");
                let mut bytes = std::fs::read(&path).unwrap();
                if attack {
                    let start = &header(16, 1 << 20, 1)[..64];
                    bytes[..64].copy_from_slice(start);
                }
                b.write("top.vdi", bytes)
            },
        )
        .upload()
        .says(&["hidden-format"], "qcow2")
        .at(0),
        case("the same under the storage preset", "5", |b, attack| {
            let path = b.create("top.vdi", "vdi", "", "10M");
            let mut bytes = std::fs::read(&path).unwrap();
            if attack {
                bytes[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
            }
            b.write("top.vdi", bytes)
        })
        .storage()
        .says(&["hidden-format"], "qcow2"),
        case(
            "a vhd of fixed size whose disk begins like a qcow2 image",
            "5",
            |b, attack| {
                let path = b.create("top.vhd", "vpc", "subformat=fixed", "1M");
                let mut bytes = std::fs::read(&path).unwrap();
                if attack {
                    bytes[..104].copy_from_slice(&header(16, 1 << 20, 1));
                }
                b.write("top.vhd", bytes)
            },
        )
        .upload()
        .says(&["hidden-format"], "qcow2"),
    ]
}

fn vmdk() -> Vec<Case> {
    /// A sparse image in one file: the nearest harmless one.
    fn sparse(b: &Bench) -> PathBuf {
        b.create("top.vmdk", "vmdk", "", "10M")
    }
    fn lines(b: &Bench, attack: bool, bad: &str) -> PathBuf {
        b.raw("flat");
        b.vmdk(
            "monolithicFlat",
            if attack {
                bad
            } else {
                "RW 8 FLAT \"flat\" 0\n"
            },
        )
    }
    vec![
        case(
            "vmdk extent that is a host's file",
            "12, CVE-2022-47951",
            |b, attack| match attack {
                true => b.vmdk("monolithicFlat", HOST_FILE),
                false => sparse(b),
            },
        )
        .upload()
        .says(&["extent"], "'/etc/passwd'"),
        case(
            "vmdk extent outside of the allowed folder",
            "12, CVE-2022-47951",
            |b, attack| {
                let outside = b.outside("secret.raw");
                lines(
                    b,
                    attack,
                    &format!("RW 8 FLAT \"{}\" 0\n", outside.display()),
                )
            },
        )
        .restore()
        .says(&["outside-roots"], "the extent"),
        case("vmdk extent with ..", "12", |b, attack| {
            lines(b, attack, "RW 8 FLAT \"../outside/secret.raw\" 0\n")
        })
        .storage()
        .says(&["outside-roots"], "../outside"),
        case(
            "vmdk with its data in a second file",
            "12",
            |b, attack| match attack {
                true => {
                    b.raw("flat");
                    b.vmdk("monolithicFlat", "RW 8 FLAT \"flat\" 0\n")
                }
                false => sparse(b),
            },
        )
        .upload()
        .says(&["extent"], "flat"),
        case("vmdk with two extents", "12", |b, attack| match attack {
            true => {
                b.raw("a");
                b.raw("b");
                b.vmdk(
                    "twoGbMaxExtentFlat",
                    "RW 8 FLAT \"a\" 0\nRW 8 FLAT \"b\" 0\n",
                )
            }
            false => sparse(b),
        })
        .upload()
        .says(&["extent"], "another file"),
        case(
            "vmdk descriptor behind a sparse header",
            "12, CVE-2022-47951",
            |b, attack| {
                let path = sparse(b);
                if !attack {
                    return path;
                }
                let text = format!(
                    "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n\
                 createType=\"monolithicFlat\"\n{HOST_FILE}"
                );
                let mut bytes = std::fs::read(path).unwrap();
                // No capacity: the descriptor says what the image is.
                bytes[12..20].fill(0);
                bytes[512..10240].fill(0);
                bytes[512..512 + text.len()].copy_from_slice(text.as_bytes());
                b.write("top.vmdk", bytes)
            },
        )
        .upload()
        .says(&["extent"], "'/etc/passwd'"),
        case(
            "vmdk extent that is the descriptor itself",
            "12, 6",
            |b, attack| lines(b, attack, "RW 8 FLAT \"./top.vmdk\" 0\n"),
        )
        .storage()
        .says(&["cycle"], "write its header"),
        case(
            "vmdk extent with a terminal escape",
            "11, 12",
            |b, attack| {
                b.write("\u{1b}[2J", "x");
                lines(b, attack, "RW 8 FLAT \"\u{1b}[2J\" 0\n")
            },
        )
        .storage()
        .says(&["name-control"], "\\u{1b}"),
        case("vmdk with a parent", "12, 3", |b, attack| {
            b.create("base.vmdk", "vmdk", "", "10M");
            match attack {
                true => b.create(
                    "top.vmdk",
                    "vmdk",
                    "backing_file=base.vmdk,backing_fmt=vmdk",
                    "10M",
                ),
                false => sparse(b),
            }
        })
        .upload()
        .says(&["backing-file"], "base.vmdk"),
        case(
            "vmdk with a parent outside of the allowed folder",
            "12, 3",
            |b, attack| {
                let made = b.create("base.vmdk", "vmdk", "", "10M");
                let outside = b.outside("base.vmdk");
                std::fs::copy(&made, &outside).unwrap();
                let base = if attack { outside } else { made };
                let options = format!("backing_file={},backing_fmt=vmdk", base.display());
                b.create("top.vmdk", "vmdk", &options, "10M")
            },
        )
        .restore()
        .says(&["outside-roots"], "backing file"),
    ]
}

fn others() -> Vec<Case> {
    vec![
        case(
            "qcow with qcow2's magic, said to be qcow2",
            "5",
            |b, attack| match attack {
                true => b.create("top.qcow2", "qcow", "", "10M"),
                false => b.create("top.qcow2", "qcow2", "", "10M"),
            },
        )
        .upload()
        .says(&["unsupported"], "version 1")
        .at(4),
        case(
            "qcow with a backing file",
            "3, 5",
            |b, attack| match attack {
                true => b.create(
                    "top.qcow",
                    "qcow",
                    "backing_file=/etc/passwd,backing_fmt=raw",
                    "1M",
                ),
                false => b.create("top.qcow", "qcow", "", "1M"),
            },
        )
        .upload()
        .says(&["backing-file"], "/etc/passwd"),
        case(
            "qcow on a backing file, for whose format it has no room",
            "4",
            |b, attack| {
                b.raw("base.raw");
                match attack {
                    true => b.create(
                        "top.qcow",
                        "qcow",
                        "backing_file=base.raw,backing_fmt=raw",
                        "1M",
                    ),
                    false => b.create("top.qcow", "qcow", "", "1M"),
                }
            },
        )
        .storage()
        .says(&["unnamed-format"], "base.raw"),
        case("qed with a backing file", "3", |b, attack| match attack {
            true => b.create(
                "top.qed",
                "qed",
                "backing_file=/etc/passwd,backing_fmt=raw",
                "1M",
            ),
            false => b.create("top.qed", "qed", "", "1M"),
        })
        .upload()
        .says(&["backing-file"], "/etc/passwd"),
        case(
            "qed on a backing file that would be probed",
            "4",
            |b, attack| {
                b.raw("base.raw");
                let options = "backing_file=base.raw,backing_fmt=raw";
                let mut bytes = std::fs::read(b.create("top.qed", "qed", options, "1M")).unwrap();
                if attack {
                    // The feature that says that the backing file is raw.
                    bytes[16] &= !4;
                }
                b.write("top.qed", bytes)
            },
        )
        .storage()
        .says(&["unnamed-format"], "base.raw"),
        case("vdi with a parent", "3", |b, attack| {
            let mut bytes = std::fs::read(b.create("top.vdi", "vdi", "", "10M")).unwrap();
            if attack {
                bytes[0x1b8] = 1;
            }
            b.write("top.vdi", bytes)
        })
        .upload()
        .says(&["unsupported"], "parent"),
        case("text said to be qcow2", "5", |b, attack| match attack {
            true => b.write("top.qcow2", "root:*:0:0\n"),
            false => b.plain("top.qcow2"),
        })
        .upload()
        .says(&["wrong-format"], "not in qcow2 format"),
        case("a format that nobody needs", "16", |b, attack| {
            let format = if attack { "vdi" } else { "qcow2" };
            b.create("top", format, "", "10M")
        })
        .upload()
        .with(|policy| {
            policy.format = pve_native_core::image::FormatChoice::Probe;
            policy.formats = vec![ImageFormat::Raw, ImageFormat::Qcow2];
        })
        .says(&["format-not-allowed"], "vdi"),
    ]
}
