//! External data files of qcow2 images: where a guest's data lies is the host's file.

use crate::bench::Bench;
use crate::case::{Case, case};
use crate::writer::{DATA_FILE, Image};

const FEATURES_AT: u64 = 72;

/// An image with its data in a file that may be named.
fn data(bench: &Bench, attack: bool, name: &str) -> std::path::PathBuf {
    let data = bench.raw("data.raw");
    match attack {
        true => bench.with_data_file(name),
        false => bench.with_data_file(data),
    }
}

pub fn cases() -> Vec<Case> {
    vec![
        case(
            "data file with an absolute path",
            "1, CVE-2024-32498",
            |b, attack| match attack {
                true => b.with_data_file("/etc/passwd"),
                false => b.plain("top.qcow2"),
            },
        )
        .upload()
        .says(&["data-file"], "'/etc/passwd'")
        .at(FEATURES_AT),
        case(
            "data file outside of the allowed folder",
            "1, CVE-2024-32498",
            |b, attack| {
                let outside = b.outside("secret.raw");
                data(b, attack, outside.to_str().unwrap())
            },
        )
        .restore()
        .with(|policy| policy.allow_data_file = true)
        .says(&["outside-roots"], "data file"),
        case(
            "data file called 0",
            "1, CVE-2024-32498",
            |b, attack| match attack {
                true => b.with_data_file("0"),
                false => b.plain("top.qcow2"),
            },
        )
        .upload()
        .says(&["data-file"], "'0'"),
        case(
            "data file with an empty name",
            "1, CVE-2024-32498",
            |b, attack| data(b, attack, ""),
        )
        .with(|policy| policy.allow_data_file = true)
        .says(&["data-file-unnamed"], "empty")
        .at(FEATURES_AT),
        case(
            "data file given as json:",
            "1, CVE-2024-4467",
            |b, attack| match attack {
                true => b.with_data_file(r#"json:{"driver":"host_device","filename":"/dev/sda"}"#),
                false => b.plain("top.qcow2"),
            },
        )
        .upload()
        .says(&["json-name", "data-file"], "any driver"),
        case(
            "data file given as json:, data files allowed",
            "1, CVE-2024-4467",
            |b, attack| {
                data(
                    b,
                    attack,
                    r#"json:{"driver":"file","filename":"/etc/passwd"}"#,
                )
            },
        )
        .with(|policy| policy.allow_data_file = true)
        .says(&["json-name"], "data file"),
        case("data file over a protocol", "1", |b, attack| {
            data(b, attack, "nbd:localhost:10809")
        })
        .with(|policy| policy.allow_data_file = true)
        .says(&["protocol"], "'nbd'"),
        case("data file bit without a name", "1", |b, attack| {
            let image = Image {
                incompatible: if attack { 4 } else { 0 },
                ..Image::default()
            };
            b.image("top.qcow2", &image)
        })
        .upload()
        .says(&["data-file-unnamed"], "names none")
        .at(FEATURES_AT),
        case("data file name without the bit", "1", |b, attack| {
            let name = (DATA_FILE, b"/etc/passwd".to_vec());
            let image = Image {
                extensions: if attack { vec![name] } else { Vec::new() },
                ..Image::default()
            };
            b.image("top.qcow2", &image)
        })
        .upload()
        .says(&["data-file-unused"], "/etc/passwd"),
        case(
            "relative data file, looked for in the working folder",
            "1, 3",
            |b, attack| data(b, attack, "data.raw"),
        )
        .with(|policy| policy.allow_data_file = true)
        .says(&["relative-name"], "working folder"),
        case("data file that is the image itself", "1, 6", |b, attack| {
            let own = b.path("top.qcow2");
            data(b, attack, own.to_str().unwrap())
        })
        .with(|policy| policy.allow_data_file = true)
        .says(&["cycle"], "write its header"),
        case(
            "data file of the backing image",
            "1, CVE-2024-40767",
            |b, attack| {
                b.plain("plain.qcow2");
                b.with_data_file("/etc/passwd");
                std::fs::rename(b.path("top.qcow2"), b.path("base.qcow2")).unwrap();
                b.on(
                    if attack { "base.qcow2" } else { "plain.qcow2" },
                    Some("qcow2"),
                )
            },
        )
        .storage()
        .says(&["data-file"], "/etc/passwd")
        .about("base.qcow2"),
        case("NUL in the name of a data file", "1, 3", |b, attack| {
            let name = format!("{}\0/etc/passwd", b.path("data.raw").display());
            data(b, attack, &name)
        })
        .with(|policy| policy.allow_data_file = true)
        .says(&["name-nul"], "behind its end"),
    ]
}
