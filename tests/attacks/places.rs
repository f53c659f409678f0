//! Where files lie and what they are: links, folders, devices, loops of names.

use std::path::PathBuf;

use pve_native_core::chain::Symlinks;

use crate::bench::{Bench, recorded};
use crate::case::{Case, case};
use crate::writer::Image;

pub fn cases() -> Vec<Case> {
    let mut cases = links();
    cases.extend(cycles());
    cases.extend(no_files());
    cases
}

fn on_base(b: &Bench) -> PathBuf {
    b.on("base.raw", Some("raw"))
}

fn links() -> Vec<Case> {
    vec![
        case(
            "backing file that is a link out of the allowed folder",
            "3",
            |b, attack| {
                let (inside, outside) = (b.raw("other.raw"), b.outside("secret.raw"));
                b.link("base.raw", if attack { outside } else { inside });
                on_base(b)
            },
        )
        .restore()
        .says(&["outside-roots"], "really"),
        case(
            "the same with the folder of the image for a root",
            "3",
            |b, attack| {
                let (inside, outside) = (b.raw("other.raw"), b.outside("secret.raw"));
                b.link("base.raw", if attack { outside } else { inside });
                on_base(b)
            },
        )
        .says(&["outside-roots"], "secret.raw"),
        case(
            "a link to a link out of the allowed folder",
            "3",
            |b, attack| {
                let (inside, outside) = (b.raw("other.raw"), b.outside("secret.raw"));
                b.link("second", if attack { outside } else { inside });
                b.link("base.raw", "./second");
                on_base(b)
            },
        )
        .storage()
        .says(&["outside-roots"], "secret.raw"),
        case(
            "a folder that is a link out of the allowed folder",
            "3",
            |b, attack| {
                b.write("folder/secret.raw", "x");
                let outside = b.outside("");
                b.link("link", if attack { outside } else { b.path("folder") });
                b.on("link/secret.raw", Some("raw"))
            },
        )
        .restore()
        .says(&["outside-roots"], "link/secret.raw"),
        case(".. behind a folder that is a link", "3", |b, attack| {
            b.write("folder/deep/x", "x");
            b.raw("folder/base.raw");
            std::fs::create_dir_all(b.outside("deep")).unwrap();
            b.raw("../outside/base.raw");
            let outside = b.outside("deep");
            b.link(
                "link",
                if attack {
                    outside
                } else {
                    b.path("folder/deep")
                },
            );
            b.on("link/../base.raw", Some("raw"))
        })
        .storage()
        .says(&["outside-roots"], "outside/base.raw"),
        case(
            "top image that is a link out of the allowed folder",
            "3",
            |b, attack| {
                let inside = b.plain("other.qcow2");
                let outside = b.outside("other.qcow2");
                std::fs::copy(&inside, &outside).unwrap();
                b.link("top.qcow2", if attack { outside } else { inside })
            },
        )
        .restore()
        .says(&["outside-roots"], "other.qcow2"),
        case("a link inside, where none is allowed", "3", |b, attack| {
            let inside = b.raw("other.raw");
            match attack {
                true => b.link("base.raw", inside),
                false => b.raw("base.raw"),
            };
            on_base(b)
        })
        .restore()
        .links(Symlinks::None)
        .says(&["symlink"], "symbolic link"),
        case(
            "a folder that is a link, where none is allowed",
            "3",
            |b, attack| {
                b.write("folder/base.raw", "x");
                b.link("link", "folder");
                b.on(
                    if attack {
                        "link/base.raw"
                    } else {
                        "folder/base.raw"
                    },
                    Some("raw"),
                )
            },
        )
        .restore()
        .links(Symlinks::None)
        .says(&["symlink"], "link/base.raw"),
        case(
            "top image that is a link, where none is allowed",
            "3",
            |b, attack| {
                b.plain("other.qcow2");
                match attack {
                    true => b.link("top.qcow2", "other.qcow2"),
                    false => b.plain("top.qcow2"),
                }
            },
        )
        .links(Symlinks::None)
        .says(&["symlink"], "top.qcow2"),
        case(
            "a name outside, where any link is allowed",
            "3",
            |b, attack| {
                b.link("base.raw", b.outside("secret.raw"));
                let name = if attack {
                    "../outside/secret.raw"
                } else {
                    "base.raw"
                };
                b.on(name, Some("raw"))
            },
        )
        .storage()
        .links(Symlinks::Any)
        .says(&["outside-roots"], "secret.raw"),
        case(
            "a folder that leads outside, where any link is allowed",
            "3",
            |b, attack| {
                b.link("link", b.outside(""));
                b.link("base.raw", b.outside("secret.raw"));
                b.on(
                    if attack {
                        "link/secret.raw"
                    } else {
                        "base.raw"
                    },
                    Some("raw"),
                )
            },
        )
        .storage()
        .links(Symlinks::Any)
        .says(&["outside-roots"], "link/secret.raw"),
        case("a link that leads to itself", "3", |b, attack| {
            b.raw("other.raw");
            b.link("base.raw", if attack { "base.raw" } else { "other.raw" });
            on_base(b)
        })
        .storage()
        .says(&["symlink"], "lead nowhere"),
        case("a link to a process's open file", "3", |b, attack| {
            b.raw("other.raw");
            b.link(
                "base.raw",
                if attack {
                    "/proc/self/root/etc/passwd"
                } else {
                    "other.raw"
                },
            );
            on_base(b)
        })
        .storage()
        .says(&["symlink"], "has open"),
        case("a backing file that is not there", "3", |b, attack| {
            b.raw("base.raw");
            b.on(if attack { "gone.raw" } else { "base.raw" }, Some("raw"))
        })
        .storage()
        .says(&["unreadable"], "gone.raw"),
    ]
}

fn cycles() -> Vec<Case> {
    let own = |name: &'static str| {
        move |b: &Bench, attack: bool| {
            b.plain("base.qcow2");
            b.on(if attack { name } else { "base.qcow2" }, Some("qcow2"))
        }
    };
    vec![
        case("an image on itself", "6", own("top.qcow2"))
            .storage()
            .says(&["cycle"], "image 0"),
        case("an image on itself by ./", "6", own("./top.qcow2"))
            .storage()
            .says(&["cycle"], "image 0"),
        case("an image on itself by ../", "6", own("../images/top.qcow2"))
            .storage()
            .says(&["cycle"], "image 0"),
        case("an image on a hard link to itself", "6", |b, attack| {
            b.plain("base.qcow2");
            let top = b.on("base.qcow2", Some("qcow2"));
            if attack {
                std::fs::remove_file(b.path("base.qcow2")).unwrap();
                std::fs::hard_link(&top, b.path("base.qcow2")).unwrap();
            }
            top
        })
        .storage()
        .says(&["cycle"], "image 0"),
        case("an image on a symbolic link to itself", "6", |b, attack| {
            b.plain("base.qcow2");
            let top = b.on("base.qcow2", Some("qcow2"));
            if attack {
                std::fs::remove_file(b.path("base.qcow2")).unwrap();
                b.link("base.qcow2", "top.qcow2");
            }
            top
        })
        .storage()
        .says(&["cycle"], "image 0"),
        case("three images in a circle", "6", |b, attack| {
            b.plain("base.qcow2");
            b.named_on(
                "c.qcow2",
                if attack { "./a.qcow2" } else { "base.qcow2" },
                Some("qcow2"),
            );
            b.named_on("b.qcow2", "c.qcow2", Some("qcow2"));
            b.named_on("a.qcow2", "b.qcow2", Some("qcow2"))
        })
        .storage()
        .says(&["cycle"], "image 0")
        .about("c.qcow2"),
        case(
            "a circle that the top image does not belong to",
            "6",
            |b, attack| {
                b.plain("base.qcow2");
                b.named_on(
                    "c.qcow2",
                    if attack { "b.qcow2" } else { "base.qcow2" },
                    Some("qcow2"),
                );
                b.named_on("b.qcow2", "c.qcow2", Some("qcow2"));
                b.named_on("a.qcow2", "b.qcow2", Some("qcow2"))
            },
        )
        .storage()
        .says(&["cycle"], "image 1")
        .about("c.qcow2"),
    ]
}

/// FIFOs, sockets, folders and character devices in every place that a file can have.
fn no_files() -> Vec<Case> {
    fn special(b: &Bench, kind: &str, name: &str) -> PathBuf {
        match kind {
            "FIFO" => b.special(name, &["mkfifo"]),
            "socket" => b.socket(name),
            "folder" => {
                std::fs::create_dir(b.path(name)).unwrap();
                b.path(name)
            }
            _ => b.special(name, &["mknod", "c", "1", "5"]),
        }
    }
    const KINDS: [(&str, [&str; 4]); 4] = [
        (
            "FIFO",
            [
                "a FIFO",
                "a FIFO as backing file",
                "a FIFO as data file",
                "a FIFO as vmdk extent",
            ],
        ),
        (
            "socket",
            [
                "a socket",
                "a socket as backing file",
                "a socket as data file",
                "a socket as vmdk extent",
            ],
        ),
        (
            "folder",
            [
                "a folder",
                "a folder as backing file",
                "a folder as data file",
                "a folder as vmdk extent",
            ],
        ),
        (
            "device",
            [
                "a character device",
                "a character device as backing file",
                "a character device as data file",
                "a character device as vmdk extent",
            ],
        ),
    ];
    let mut cases = Vec::new();
    for (kind, [top, backing, data, extent]) in KINDS {
        cases.push(
            case(top, "13", move |b, attack| match attack {
                true => special(b, kind, "top.qcow2"),
                false => b.plain("top.qcow2"),
            })
            .says(&["not-a-file"], "top.qcow2"),
        );
        cases.push(
            case(backing, "13", move |b, attack| {
                match attack {
                    true => special(b, kind, "base.raw"),
                    false => b.raw("base.raw"),
                };
                let image = Image {
                    backing: Some(b"base.raw".to_vec()),
                    extensions: vec![recorded("raw")],
                    ..Image::default()
                };
                b.image("top.qcow2", &image)
            })
            .storage()
            .says(&["not-a-file"], "backing file"),
        );
        cases.push(
            case(data, "13, 1", move |b, attack| {
                let file = match attack {
                    true => special(b, kind, "data.raw"),
                    false => b.raw("data.raw"),
                };
                b.with_data_file(file)
            })
            .storage()
            .with(|policy| policy.allow_data_file = true)
            .says(&["not-a-file"], "data file"),
        );
        cases.push(
            case(extent, "13, 12", move |b, attack| {
                match attack {
                    true => special(b, kind, "flat"),
                    false => b.raw("flat"),
                };
                b.vmdk("monolithicFlat", "RW 8 FLAT \"flat\" 0\n")
            })
            .storage()
            .says(&["not-a-file"], "extent"),
        );
    }
    cases
}
