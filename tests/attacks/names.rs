//! Names of backing files that lead to where they must not.

use crate::bench::{Bench, recorded};
use crate::case::{Case, case};
use crate::writer::Image;

/// Where [`Bench::on`] puts the backing file's name, with and without `raw` recorded as its format.
const NAME_AT: u64 = 104 + 16 + 8;
const NAME_AT_UNNAMED: u64 = 104 + 8;

/// An image on a raw file beside it; its name, or for an attack this one.
fn named(bench: &Bench, attack: bool, name: &str) -> std::path::PathBuf {
    bench.raw("base.raw");
    bench.on(if attack { name } else { "base.raw" }, Some("raw"))
}

pub fn cases() -> Vec<Case> {
    let mut cases = protocols();
    cases.extend(paths());
    cases.extend(spellings());
    cases
}

fn protocols() -> Vec<Case> {
    const NAMES: [(&str, &str, &str); 9] = [
        ("nbd: in a backing name", "nbd:localhost:10809", "'nbd'"),
        (
            "http: in a backing name",
            "http://169.254.169.254/latest/meta-data",
            "'http'",
        ),
        (
            "ssh: in a backing name",
            "ssh://root@host/etc/passwd",
            "'ssh'",
        ),
        (
            "iscsi: in a backing name",
            "iscsi://portal/iqn/0",
            "'iscsi'",
        ),
        (
            "rbd: in a backing name",
            "rbd:pool/image:conf=/etc/ceph",
            "'rbd'",
        ),
        ("fat: in a backing name", "fat:/etc", "'fat'"),
        ("fat:rw: in a backing name", "fat:rw:/etc", "'fat'"),
        (
            "host_device: in a backing name",
            "host_device:/dev/sda",
            "'host_device'",
        ),
        ("an unknown protocol in a backing name", "a:b.qcow2", "'a'"),
    ];
    let mut cases: Vec<Case> = NAMES
        .map(|(name, backing, words)| {
            case(name, "2, CVE-2015-1850", move |b, attack| {
                named(b, attack, backing)
            })
            .storage()
            .says(&["protocol"], words)
            .at(NAME_AT)
        })
        .into();
    cases.extend([
        case(
            "json: in a backing name",
            "2, CVE-2024-4467",
            |b, attack| {
                named(
                    b,
                    attack,
                    r#"json:{"driver":"file","filename":"/etc/passwd"}"#,
                )
            },
        )
        .storage()
        .says(&["json-name"], "any driver")
        .at(NAME_AT),
        case(
            "json: in a backing name, uploaded",
            "2, CVE-2024-4467",
            |b, attack| match attack {
                true => b.on(r#"json:{"driver":"null-co"}"#, Some("raw")),
                false => b.plain("top.qcow2"),
            },
        )
        .upload()
        .says(&["json-name", "backing-file"], "json:"),
        case(
            "allowed protocol without a recorded format",
            "2, 4",
            |b, attack| b.on("nbd:localhost:10809", (!attack).then_some("raw")),
        )
        .with(|policy| policy.protocols = vec![b"nbd".to_vec()])
        .says(&["unnamed-format"], "guess")
        .at(NAME_AT_UNNAMED),
        case("file: in a backing name", "3", |b, attack| {
            named(b, attack, "file:base.raw")
        })
        .storage()
        .says(&["file-prefix"], "working folder"),
    ]);
    cases
}

fn paths() -> Vec<Case> {
    vec![
        case(
            "backing file with an absolute path",
            "3, CVE-2015-1850",
            |b, attack| match attack {
                true => b.on("/etc/passwd", Some("raw")),
                false => b.plain("top.qcow2"),
            },
        )
        .upload()
        .says(&["backing-file"], "'/etc/passwd'")
        .at(NAME_AT),
        case(
            "backing file outside of the allowed folder",
            "3, CVE-2015-1851",
            |b, attack| {
                let (inside, outside) = (b.raw("base.raw"), b.outside("secret.raw"));
                b.on(if attack { outside } else { inside }, Some("raw"))
            },
        )
        .restore()
        .says(&["outside-roots"], "secret.raw"),
        case(
            "backing file with .. out of the allowed folder",
            "3",
            |b, attack| named(b, attack, "../outside/secret.raw"),
        )
        .restore()
        .says(&["outside-roots"], "../outside/secret.raw")
        .at(NAME_AT),
        case(
            "backing file with .. and repeated slashes",
            "3",
            |b, attack| {
                b.raw("base.raw");
                b.on(
                    if attack {
                        ".//..//images/..///outside//secret.raw"
                    } else {
                        ".//..//images//base.raw"
                    },
                    Some("raw"),
                )
            },
        )
        .storage()
        .says(&["outside-roots"], "outside"),
        case(
            "a folder whose name begins like the allowed one",
            "3",
            |b, attack| {
                let twin = b.path("../images-of-others");
                std::fs::create_dir_all(&twin).unwrap();
                std::fs::write(twin.join("disk.raw"), b"x").unwrap();
                named(b, attack, "../images-of-others/disk.raw")
            },
        )
        .restore()
        .says(&["outside-roots"], "images-of-others"),
        case(
            "backing file called 0",
            "3, CVE-2024-44082",
            |b, attack| match attack {
                true => b.on("0", Some("raw")),
                false => b.plain("top.qcow2"),
            },
        )
        .upload()
        .says(&["backing-file"], "'0'"),
        case(
            "backing file of the backing file",
            "3, CVE-2024-40767",
            |b, attack| {
                let (inside, outside) = (b.raw("base.raw"), b.outside("secret.raw"));
                b.named_on(
                    "middle.qcow2",
                    if attack { outside } else { inside },
                    Some("raw"),
                );
                b.on("middle.qcow2", Some("qcow2"))
            },
        )
        .storage()
        .says(&["outside-roots"], "secret.raw")
        .about("middle.qcow2")
        .at(NAME_AT),
        case(
            "a process's root under /proc in a backing name",
            "3",
            |b, attack| {
                let outside = format!("/proc/self/root{}", b.path("base.raw").display());
                named(b, attack, &outside)
            },
        )
        .restore()
        .says(&["symlink"], "/proc/self/root"),
        case(
            "a process's open file in a backing name",
            "3",
            |b, attack| named(b, attack, "/proc/self/fd/0"),
        )
        .with(|policy| policy.roots = vec![b"/".to_vec()])
        .says(&["symlink"], "has open"),
        case("a name with a trailing slash", "3", |b, attack| {
            named(b, attack, "base.raw/")
        })
        .storage()
        .says(&["unreadable"], "base.raw/"),
        case("a path that is too long", "3", |b, attack| {
            let long = "d/".repeat(500);
            let folder = b.path(&long);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("base.raw"), b"x").unwrap();
            let name = format!("{long}base.raw");
            match attack {
                true => {
                    let deep = "./".repeat(1700);
                    b.on(&name, Some("raw"));
                    b.path(format!("{deep}top.qcow2"))
                }
                false => b.on(&name, Some("raw")),
            }
        })
        .says(&["unreadable"], "name too long"),
        case(
            "no format recorded for the backing file",
            "4, CVE-2015-1851",
            |b, attack| {
                b.raw("base.raw");
                b.on("base.raw", (!attack).then_some("raw"))
            },
        )
        .storage()
        .says(&["unnamed-format"], "guess")
        .at(NAME_AT_UNNAMED),
        case(
            "the guest has written a header into a raw base that is probed",
            "4",
            |b, attack| {
                let outside = b.outside("secret.raw");
                let (raw, header) = (
                    b.raw("base.raw"),
                    b.named_on("hidden", &outside, Some("raw")),
                );
                b.on(if attack { header } else { raw }, None)
            },
        )
        .restore()
        .with(|policy| policy.allow_unnamed_format = true)
        .says(&["outside-roots"], "secret.raw")
        .about("hidden"),
        case("an unknown backing format", "4", |b, attack| {
            b.raw("base.raw");
            b.on("base.raw", Some(if attack { "quorum" } else { "raw" }))
        })
        .storage()
        .says(&["unsupported"], "'quorum'"),
    ]
}

fn spellings() -> Vec<Case> {
    let spelt = |bytes: &'static [u8]| {
        move |b: &Bench, attack: bool| {
            use std::os::unix::ffi::OsStrExt;
            b.raw("base.raw");
            let name = std::ffi::OsStr::from_bytes(if attack { bytes } else { b"base.raw" });
            if attack {
                let end = bytes
                    .iter()
                    .position(|&byte| byte == 0)
                    .unwrap_or(bytes.len());
                let file = std::ffi::OsStr::from_bytes(&bytes[..end]);
                std::fs::copy(b.path("base.raw"), b.path(file)).unwrap();
            }
            b.on(name, Some("raw"))
        }
    };
    vec![
        case(
            "NUL in a backing name",
            "3",
            spelt(b"base\0/../../../etc/passwd"),
        )
        .storage()
        .says(&["name-nul"], "behind its end"),
        case(
            "backing name that begins with a NUL",
            "3",
            |b, attack| match attack {
                true => b.on("\0/etc/passwd", Some("raw")),
                false => b.plain("top.qcow2"),
            },
        )
        .upload()
        .says(&["name-nul"], "behind its end"),
        case(
            "backing name that is not UTF-8",
            "3",
            spelt(b"base\xff.raw"),
        )
        .storage()
        .says(&["name-encoding"], "not UTF-8"),
        case(
            "line end in a backing name",
            "3",
            spelt(b"base\nroot::0:0::.raw"),
        )
        .storage()
        .says(&["name-control"], "\\n"),
        case(
            "terminal escape in a backing name",
            "3, 11",
            spelt(b"\x1b]0;owned\x07\x1b[2Jbase.raw"),
        )
        .storage()
        .says(&["name-control"], "\\u{1b}"),
        case(
            "8-bit terminal escape in a backing name",
            "3, 11",
            spelt(b"\xc2\x9b2Jbase.raw"),
        )
        .storage()
        .says(&["name-control"], "\\u{9b}"),
        case(
            "backing name that is shown backwards",
            "3, 11",
            spelt("\u{202e}war.esab".as_bytes()),
        )
        .storage()
        .says(&["name-control"], "\\u{202e}"),
        case("extension with the same format twice", "15", |b, attack| {
            b.raw("base.raw");
            let mut image = Image {
                backing: Some(b"base.raw".to_vec()),
                extensions: vec![recorded("raw")],
                ..Image::default()
            };
            if attack {
                image.extensions.insert(0, recorded("qcow2"));
            }
            b.image("top.qcow2", &image)
        })
        .storage()
        .says(&["repeated-extension"], "0xe2792aca"),
    ]
}
