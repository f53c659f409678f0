//! Every way to name a backing file, and every way to name the image on top of it.
//!
//! The current directory is the one above the cases' directories.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;

use pve_native_core::error::Code;

use super::support::bench::{Bench, Case};
use super::support::random::Random;
use super::support::writer::standing_on;

/// Puts an image (a raw file or a qcow2 image) where the name will lead.
type Place = fn(&Bench<'_>, &str) -> OsString;

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, place) in styles() {
        for format in ["raw", "qcow2"] {
            for recorded in [true, false] {
                let title = format!("{name}, {format}, recorded: {recorded}");
                cases.push(Case::new("backing name", title, move |bench| {
                    let backing = place(bench, format);
                    stack(bench, &backing, recorded.then_some(format), "top.qcow2");
                    // QEMU tells circles by the names alone, and `file:x` is another name than `x`.
                    let stops_with = match name {
                        "itself" if recorded => Code::Cycle,
                        _ => Code::UnnamedFormat,
                    };
                    all_views(bench, stops_with);
                }));
            }
        }
    }
    described(&mut cases);
    odd_names(&mut cases);
    cases
}

/// A qcow2 image over a backing file that is not looked at. qemu-img itself makes none that
/// records no format, nor one that stands on itself.
pub fn stack(bench: &Bench<'_>, backing: &OsStr, format: Option<&str>, top: &str) {
    match format {
        Some(format) if backing != top => {
            let start = ["create", "-q", "-u", "-f", "qcow2", "-F", format, "-b"];
            let words = start.into_iter().map(OsStr::new).chain([backing]);
            bench.img(words.chain([top, "1M"].map(OsStr::new)));
        }
        _ => bench.write(top, &standing_on(backing.as_bytes(), format)),
    }
}

/// The image, its chain, and the same by a relative name and with a `file:` before it.
pub fn all_views(bench: &Bench<'_>, stops_with: Code) {
    let relative = [&bench.relative, OsStr::new("/top.qcow2")]
        .map(OsStr::as_bytes)
        .concat();
    for name in [
        bench.path("top.qcow2").into_os_string(),
        OsString::from_vec(relative.clone()),
        OsString::from_vec([b"file:".to_vec(), relative].concat()),
    ] {
        bench.same_info_at(&name, Some("qcow2"), &[]);
        bench.same_chain_at(&name, Some("qcow2"), false, stops_with);
    }
}

/// An image of this format at this place of the case's directory.
pub fn make(bench: &Bench<'_>, name: impl AsRef<OsStr>, format: &str) {
    let path = bench.path(name);
    match format {
        "raw" => bench.sparse(&path, 70_000),
        _ => bench.img([
            OsStr::new("create"),
            OsStr::new("-q"),
            OsStr::new("-f"),
            OsStr::new(format),
            path.as_os_str(),
            OsStr::new("1M"),
        ]),
    }
}

pub fn joined(parts: &[&dyn AsRef<OsStr>]) -> OsString {
    let mut name = OsString::new();
    for part in parts {
        name.push(part);
    }
    name
}

fn styles() -> Vec<(&'static str, Place)> {
    vec![
        ("base", |bench, format| {
            make(bench, "base", format);
            "base".into()
        }),
        ("./base", |bench, format| {
            make(bench, "base", format);
            "./base".into()
        }),
        ("../d/base", |bench, format| {
            make(bench, "base", format);
            joined(&[&"../", &bench.relative, &"/base"])
        }),
        ("d/base", |bench, format| {
            std::fs::create_dir(bench.path("d")).unwrap();
            make(bench, "d/base", format);
            "d//.././d/base".into()
        }),
        ("absolute", |bench, format| {
            make(bench, "base", format);
            bench.path("base").into()
        }),
        ("through a symbolic link to a directory", |bench, format| {
            std::fs::create_dir(bench.path("d")).unwrap();
            symlink("d", bench.path("l")).unwrap();
            make(bench, "d/base", format);
            bench.path("l/base").into()
        }),
        ("a symbolic link", |bench, format| {
            make(bench, "real", format);
            symlink("real", bench.path("base")).unwrap();
            "base".into()
        }),
        (
            "file: and relative to the current directory",
            |bench, format| {
                make(bench, "base", format);
                joined(&[&"file:", &bench.relative, &"/base"])
            },
        ),
        ("file: and relative to the image", |bench, format| {
            make(bench, "only-beside-the-image", format);
            "file:only-beside-the-image".into()
        }),
        ("file: and absolute", |bench, format| {
            make(bench, "base", format);
            joined(&[&"file:", &bench.path("base")])
        }),
        ("file: and a colon", |bench, format| {
            let name = joined(&[&"a:b", &bench.relative]);
            make(bench, bench.dir.with_file_name(&name), format);
            joined(&[&"file:", &name])
        }),
        ("a colon after a slash", |bench, format| {
            make(bench, "a:b", format);
            "./a:b".into()
        }),
        ("a colon before any slash", |bench, format| {
            make(bench, "a:b.qcow2", format);
            "a:b.qcow2".into()
        }),
        ("0", |bench, format| {
            make(bench, "0", format);
            "0".into()
        }),
        ("a space", |bench, format| {
            make(bench, " a  b ", format);
            " a  b ".into()
        }),
        ("a newline", |bench, format| {
            make(bench, "a\nb\t\"\\", format);
            "a\nb\t\"\\".into()
        }),
        ("UTF-8", |bench, format| {
            make(bench, "gr\u{fc}n \u{1f980}\u{fffe}", format);
            "gr\u{fc}n \u{1f980}\u{fffe}".into()
        }),
        ("no UTF-8", |bench, format| {
            let name = OsString::from_vec(b"a\xff\xe2\x82b\xed\xa0\x80".to_vec());
            make(bench, &name, format);
            name
        }),
        ("1022 bytes", |bench, format| long(bench, format, 1022)),
        ("1023 bytes", |bench, format| long(bench, format, 1023)),
        ("255 bytes", |bench, format| {
            make(bench, "x".repeat(255), format);
            "x".repeat(255).into()
        }),
        ("256 bytes", |_, _| "x".repeat(256).into()),
        ("missing", |_, _| "missing".into()),
        ("a directory", |bench, _| {
            std::fs::create_dir(bench.path("d")).unwrap();
            "d".into()
        }),
        ("itself", |_, _| "top.qcow2".into()),
        ("a dangling symbolic link", |bench, _| {
            symlink("nowhere", bench.path("base")).unwrap();
            "base".into()
        }),
    ]
}

fn long(bench: &Bench<'_>, format: &str, length: usize) -> OsString {
    make(bench, "base", format);
    let odd = if length % 2 == 0 { "./" } else { ".//" };
    let start = odd.to_owned() + &"./".repeat((length - odd.len() - 4) / 2);
    assert_eq!(start.len() + 4, length);
    (start + "base").into()
}

/// `json:` descriptions: QEMU follows them, we do not.
fn described(cases: &mut Vec<Case>) {
    for format in ["raw", "qcow2"] {
        for recorded in [None, Some("raw"), Some("qcow2")] {
            let name = format!("json: as {format}, recorded {recorded:?}");
            cases.push(Case::new("json:", name, move |bench| {
                make(bench, "base", format);
                let file = bench.path("base");
                let text = format!(
                    "json:{{\"driver\":\"{format}\",\"file\":{{\"driver\":\"file\",\
                     \"filename\":\"{}\"}}}}",
                    file.display()
                );
                stack(bench, OsStr::new(&text), recorded, "top.qcow2");
                all_views(bench, Code::Unsupported);
            }));
        }
    }
}

fn odd_names(cases: &mut Vec<Case>) {
    let mut random = Random::new(7);
    for length in [1, 3, 10, 40, 100, 200, 250] {
        let name = random.name(length);
        cases.push(Case::new(
            "odd names",
            format!("{length} random bytes"),
            move |bench| {
                let name = OsStr::from_bytes(&name);
                make(bench, name, "qcow2");
                stack(bench, name, Some("qcow2"), "top.qcow2");
                all_views(bench, Code::UnnamedFormat);
                bench.same_info(name, "qcow2");
                bench.same_info(name, "raw");
            },
        ));
    }
    for format in ["file", "host_device", "FOO", "QCOW2", "", "raw ", "nbd"] {
        cases.push(Case::new(
            "odd formats",
            format!("{format:?}"),
            move |bench| {
                make(bench, "base", "raw");
                stack(bench, OsStr::new("base"), Some("raw"), "top.qcow2");
                // The name's extension is the first: its length stands 4 bytes after its magic.
                bench.patch("top.qcow2", |bytes| {
                    let at = u32::from_be_bytes([bytes[100], bytes[101], bytes[102], bytes[103]])
                        as usize;
                    bytes[at + 4..at + 8].copy_from_slice(&(format.len() as u32).to_be_bytes());
                    bytes[at + 8..at + 16].fill(0);
                    if format.len() > 8 {
                        bytes[at + 4..at + 8].copy_from_slice(&8u32.to_be_bytes());
                    }
                    let length = format.len().min(8);
                    bytes[at + 8..at + 8 + length].copy_from_slice(&format.as_bytes()[..length]);
                });
                let stops_with = if format.is_empty() {
                    Code::UnnamedFormat
                } else {
                    Code::Unsupported
                };
                all_views(bench, stops_with);
            },
        ));
    }
}
