//! Headers that qemu-img does not write, but reads.

use super::support::bench::Case;
use super::support::random::Random;
use super::support::writer::{BACKING_FORMAT, BITMAPS, Bitmap, DATA_FILE, FEATURE_NAMES, Image};

/// Magic and body of each.
type Extensions = Vec<(u32, Vec<u8>)>;

/// The written image cut after so many bytes (all of it without), read as qcow2.
fn written(cases: &mut Vec<Case>, name: impl Into<String>, image: Image, cut: Option<usize>) {
    cases.push(Case::new("headers", name, move |bench| {
        let mut bytes = image.build().bytes;
        bytes.truncate(cut.unwrap_or(usize::MAX));
        bench.write("a.qcow2", &bytes);
        bench.same_info("a.qcow2", "qcow2");
    }));
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    short_files(&mut cases);
    sizes(&mut cases);
    extensions(&mut cases);
    feature_bits(&mut cases);
    names(&mut cases);
    cases
}

fn short_files(cases: &mut Vec<Case>) {
    for version in [2, 3] {
        let image = Image {
            version,
            ..Image::default()
        };
        for cut in [
            1, 4, 8, 24, 71, 72, 103, 104, 105, 111, 112, 200, 65536, 65540,
        ] {
            written(
                cases,
                format!("v{version}, {cut} bytes"),
                image.clone(),
                Some(cut),
            );
        }
        let backed = Image {
            backing: Some(b"base".to_vec()),
            ..image
        };
        for cut in [80, 82, 93, 112, 114, 116, 120] {
            let name = format!("v{version} with a backing name, {cut} bytes");
            written(cases, name, backed.clone(), Some(cut));
        }
    }
    for header_length in [
        0, 72, 103, 105, 108, 111, 112, 113, 120, 128, 4096, 65535, 65536,
    ] {
        let image = Image {
            header_length,
            end_mark: false,
            ..Image::default()
        };
        if header_length >= 104 {
            written(
                cases,
                format!("header of {header_length} bytes"),
                image,
                None,
            );
        } else {
            cases.push(Case::new(
                "headers",
                format!("length {header_length}"),
                move |bench| {
                    bench.write("a.qcow2", &Image::default().build().bytes);
                    bench.patch("a.qcow2", |b| b[103] = header_length as u8);
                    bench.same_info("a.qcow2", "qcow2");
                },
            ));
        }
    }
}

fn sizes(cases: &mut Vec<Case>) {
    for size in [0, 1, 511, 513, 1000, 65535, (1 << 20) + 1, (1 << 40) - 1] {
        for version in [2, 3] {
            let image = Image {
                version,
                size,
                ..Image::default()
            };
            written(
                cases,
                format!("v{version}, {size} bytes of disk"),
                image,
                None,
            );
        }
    }
}

fn extensions(cases: &mut Vec<Case>) {
    let format = |name: &[u8]| (BACKING_FORMAT, name.to_vec());
    let unknown = |length: usize| (0x1234_5678, vec![0xaa; length]);
    let bitmaps = |count: u32| (BITMAPS, [&count.to_be_bytes()[..], &[0; 20]].concat());
    let feature = |kind: u8, bit: u8| {
        let mut entry = vec![kind, bit];
        entry.extend(b"a \x1b[31mname");
        entry.resize(48, 0);
        (FEATURE_NAMES, entry)
    };
    let lists: Vec<(&str, Extensions)> = vec![
        ("one unknown", vec![unknown(0)]),
        (
            "unknown ones",
            vec![unknown(1), unknown(8), unknown(1000), unknown(7)],
        ),
        ("one unknown twice", vec![unknown(3), unknown(3)]),
        ("two formats", vec![format(b"raw"), format(b"qcow2")]),
        (
            "a format, then an empty one",
            vec![format(b"raw"), format(b"")],
        ),
        ("an empty format", vec![format(b"")]),
        ("a format with a NUL", vec![format(b"raw\0x")]),
        ("a format of 15 bytes", vec![format(b"123456789012345")]),
        ("a format of 16 bytes", vec![format(b"1234567890123456")]),
        (
            "a format that is no text",
            vec![format(b"\xff\xc0\x80\n\x1b")],
        ),
        ("feature names", vec![feature(0, 0), feature(9, 255)]),
        ("half a feature name", vec![(FEATURE_NAMES, vec![0; 30])]),
        (
            "a data file's name without the bit",
            vec![(DATA_FILE, b"x.data".to_vec())],
        ),
        (
            "two data files",
            vec![(DATA_FILE, b"x".to_vec()), (DATA_FILE, b"yy".to_vec())],
        ),
        (
            "a data file's name with a NUL",
            vec![(DATA_FILE, b"x\0y".to_vec())],
        ),
        ("an empty data file's name", vec![(DATA_FILE, Vec::new())]),
        (
            "a data file's json: name",
            vec![(DATA_FILE, b"json:{\"driver\":\"null-co\"}".to_vec())],
        ),
        ("stale bitmaps", vec![bitmaps(1)]),
        ("stale bitmaps, twice", vec![bitmaps(0), bitmaps(9)]),
        (
            "stale bitmaps of a wrong length",
            vec![(BITMAPS, vec![0; 23])],
        ),
    ];
    for (name, list) in lists {
        for version in [2, 3] {
            for backing in [None, Some(b"base".to_vec())] {
                let name = format!("v{version}, {name}, backing {}", backing.is_some());
                let image = Image {
                    version,
                    extensions: list.clone(),
                    backing,
                    ..Image::default()
                };
                written(cases, name, image, None);
            }
        }
    }
    let no_end = Image {
        end_mark: false,
        extensions: vec![format(b"raw")],
        backing: Some(b"base".to_vec()),
        ..Image::default()
    };
    written(cases, "extensions end at the backing name", no_end, None);
}

fn feature_bits(cases: &mut Vec<Case>) {
    for bit in 0..8 {
        let image = Image {
            incompatible: 1 << bit,
            ..Image::default()
        };
        written(cases, format!("incompatible bit {bit}"), image, None);
        let image = Image {
            compatible: 1 << bit,
            autoclear: 1 << bit,
            ..Image::default()
        };
        written(
            cases,
            format!("compatible and autoclear bit {bit}"),
            image,
            None,
        );
    }
    let image = Image {
        incompatible: 1 << 4,
        cluster_bits: 13,
        ..Image::default()
    };
    written(cases, "subclusters that are too small", image, None);
    for (compression_type, bit) in [(0, 1), (1, 0), (1, 1), (2, 1), (255, 0)] {
        for header_length in [104, 112] {
            let image = Image {
                compression_type,
                incompatible: bit << 3,
                header_length,
                ..Image::default()
            };
            let name = format!("compression {compression_type}, bit {bit}, {header_length} bytes");
            written(cases, name, image, None);
        }
    }
    for crypt_method in [1, 2, 3, u32::MAX] {
        for version in [2, 3] {
            let image = Image {
                version,
                crypt_method,
                ..Image::default()
            };
            written(
                cases,
                format!("v{version}, encryption {crypt_method}"),
                image,
                None,
            );
        }
    }
    for refcount_order in 0..9 {
        let image = Image {
            refcount_order,
            ..Image::default()
        };
        written(
            cases,
            format!("refcount order {refcount_order}"),
            image,
            None,
        );
    }
    let data_file = Image {
        incompatible: 1 << 2,
        autoclear: 1 << 1,
        extensions: vec![(DATA_FILE, b"x".to_vec())],
        snapshots: vec![super::support::writer::Snapshot::default()],
        ..Image::default()
    };
    written(cases, "a data file and a snapshot", data_file, None);
    let bitmap = Bitmap {
        name: b"b".to_vec(),
        flags: 2,
        granularity_bits: 16,
        table: vec![1],
    };
    for (version, autoclear) in [(2, 0), (3, 0), (3, 1), (3, 3)] {
        let image = Image {
            version,
            autoclear,
            bitmaps: vec![bitmap.clone()],
            ..Image::default()
        };
        written(
            cases,
            format!("v{version}, bitmap, autoclear {autoclear}"),
            image,
            None,
        );
    }
}

fn names(cases: &mut Vec<Case>) {
    let mut random = Random::new(1);
    for length in [1, 2, 3, 50, 500, 1000, 1022, 1023, 1024] {
        for _ in 0..3 {
            let image = Image {
                backing: Some(random.name(length)),
                ..Image::default()
            };
            written(
                cases,
                format!("backing name of {length} random bytes"),
                image,
                None,
            );
        }
    }
    let texts: [&[u8]; 16] = [
        b"",
        b"\0",
        b"a\0b",
        b"0",
        b".",
        b"/",
        b"a:b",
        b"a/:b",
        b":",
        b":x",
        b"file:",
        b"json:",
        b"json:{",
        b"nbd://h/x",
        "gr\u{fc}n\u{1f980}\u{ffff}\u{fdd0}".as_bytes(),
        b"\xed\xa0\x80\xc0\x80\xf8\x88\x80\x80\x80\xfe\xff\n\t\"\\\x7f",
    ];
    for text in texts {
        for version in [2, 3] {
            let image = Image {
                version,
                backing: Some(text.to_vec()),
                ..Image::default()
            };
            let name = format!(
                "v{version}, backing name {:?}",
                String::from_utf8_lossy(text)
            );
            written(cases, name, image, None);
        }
    }
    // The name has to end with the first cluster.
    for spare in [0, 1] {
        let name = format!("a backing name that ends {spare} bytes after the first cluster");
        cases.push(Case::new("headers", name, move |bench| {
            let image = Image {
                cluster_bits: 9,
                size: 4096,
                backing: Some(vec![b'x'; 392]),
                ..Image::default()
            };
            bench.write("a.qcow2", &image.build().bytes);
            bench.patch("a.qcow2", |b| b[19] += spare);
            bench.same_info("a.qcow2", "qcow2");
        }));
    }
}
