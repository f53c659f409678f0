//! Drawings: SVG that any browser can show and that can do no harm there.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::Lab;
use crate::images::{fragmented, three_kinds};

fn drawing(lab: &Lab, name: &str) -> String {
    let drawing = lab.pve_native(["image", "map", "--output", "svg", name]);
    drawing.fine()
}

/// What Python's parser of XML finds in it: a line for each element, and one for each attribute.
fn parsed(svg: &str) -> BTreeSet<String> {
    const PARSER: &str = "import sys, xml.dom.minidom
for node in xml.dom.minidom.parse(sys.stdin.buffer).getElementsByTagName('*'):
    print(node.tagName)
    for name, value in node.attributes.items(): print('@' + name, value.split('(')[0])";
    let mut python = Command::new("python3");
    python
        .args(["-c", PARSER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut python = python.spawn().expect("these tests need python3");
    let mut input = python.stdin.take().unwrap();
    let svg = svg.to_owned();
    let writer = std::thread::spawn(move || input.write_all(svg.as_bytes()));
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "not well-formed");
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(String::from).collect()
}

/// Nothing that runs, nothing from elsewhere.
#[track_caller]
fn assert_harmless(svg: &str) {
    let found = parsed(svg);
    let words = found.iter().map(|line| line.split(' ').next().unwrap());
    let words: BTreeSet<&str> = words.collect();
    let allowed: BTreeSet<&str> =
        "svg title desc style defs pattern g rect path text @xmlns @class \
        @role @aria-labelledby @id @width @height @viewBox @x @y @rx @d @opacity @stroke-width \
        @patternUnits"
            .split_whitespace()
            .collect();
    let others: Vec<_> = words.difference(&allowed).collect();
    assert!(others.is_empty(), "{others:?}");
    let urls = svg.matches("url(").count();
    assert_eq!(urls, svg.matches("url(#pve-").count());
    assert_eq!(svg.matches("://").count(), 1, "the name of the language");
}

#[test]
fn drawings_are_well_formed_and_harmless() {
    let lab = Lab::new();
    three_kinds(&lab);
    let svg = drawing(&lab, "top.qcow2");
    assert_harmless(&svg);
    for part in [
        "class=\"k c1\"",
        "class=\"z c0\"",
        "class=\"c2\"",
        "class=\"n\"",
    ] {
        assert!(svg.contains(part), "{part}");
    }
    assert_eq!(svg, drawing(&lab, "top.qcow2"));
}

#[test]
fn what_is_under_the_pointer_is_exact() {
    let lab = Lab::new();
    three_kinds(&lab);
    let svg = drawing(&lab, "top.qcow2");
    for title in [
        "image 0: top.qcow2\n131072 bytes of data, 0 compressed, 131072 of zeros, in 2 extents",
        "image 1: middle.qcow2\n0 bytes of data, 327680 compressed, 0 of zeros, in 1 extent",
        "image 2: base.qcow2\n196608 bytes of data, 0 compressed, 0 of zeros, in 1 extent",
        "in no image, reads as zeros\n0 bytes of data, 0 compressed, 196608 of zeros, in 1 extent",
        "192 KiB – 320 KiB, bytes 196608 to 327679\nmostly image 0, which serves 128 KiB data",
        "448 KiB – 768 KiB, bytes 458752 to 786431\n320 KiB compressed",
    ] {
        assert!(
            svg.contains(&format!("<title>{title}</title>")),
            "{title}\n{svg}"
        );
    }
}

/// How the pointer tells what an image serves of the disk, by qemu-img's map of it.
fn exact(map: &[Value], depth: Option<u64>) -> String {
    let of = |extent: &&Value| match extent["present"].as_bool() {
        Some(true) => extent["depth"].as_u64() == depth,
        _ => depth.is_none(),
    };
    let extents: Vec<&Value> = map.iter().filter(of).collect();
    let sum = |kind: fn(&Value) -> bool| -> u64 {
        let extents = extents.iter().filter(|extent| kind(extent));
        extents
            .map(|extent| extent["length"].as_u64().unwrap())
            .sum()
    };
    let data = sum(|e| e["zero"] == false && e["compressed"] == false);
    let compressed = sum(|e| e["zero"] == false && e["compressed"] == true);
    let zeros = sum(|e| e["zero"] == true);
    let plural = if extents.len() == 1 { "" } else { "s" };
    let count = extents.len();
    format!(
        "{data} bytes of data, {compressed} compressed, {zeros} of zeros, in {count} extent{plural}"
    )
}

#[test]
fn sums_are_those_of_qemu_img_s_map() {
    let lab = Lab::with_chain();
    let writes = [
        "write -q -P 1 0 8k",
        "write -q -z 128k 64k",
        "write -q -P 1 300k 300k",
    ];
    lab.qemu_io("top.qcow2", &writes);
    lab.qemu_io(
        "mid.qcow2",
        &["write -q -P 1 64k 256k", "write -q -c -P 1 960k 64k"],
    );
    let map = lab.qemu_img(["map", "--output=json", "top.qcow2"]);
    let map: Vec<Value> = serde_json::from_slice(&map).unwrap();
    let svg = drawing(&lab, "top.qcow2");
    for (depth, name) in ["top.qcow2", "mid.qcow2", "base.raw"].iter().enumerate() {
        let sums = exact(&map, Some(depth as u64));
        let title = format!("<title>image {depth}: {name}\n{sums}</title>");
        assert!(svg.contains(&title), "{title}");
    }
    assert_eq!(
        exact(&map, None),
        "0 bytes of data, 0 compressed, 0 of zeros, in 0 extents"
    );
}

#[test]
fn names_cannot_leave_their_element() {
    let lab = Lab::new();
    let name =
        OsStr::from_bytes(b"a</title><script>alert('1')</script>&amp;\xff\x01\"]]>\xef\xbf\xbf");
    // The name has slashes in it.
    std::fs::create_dir_all(lab.path(name).parent().unwrap()).unwrap();
    std::fs::write(lab.path(name), [0; 512]).unwrap();
    let ask = ["image", "map", "--output", "svg", "--format", "raw"].map(OsStr::new);
    let svg = lab.pve_native(ask.into_iter().chain([name])).fine();
    assert_harmless(&svg);
    assert!(svg.contains("&lt;script&gt;") && svg.contains("&amp;amp;"));
}

#[test]
fn fragments_do_not_make_it_large() {
    let lab = Lab::new();
    fragmented(&lab, "fragmented.qcow2", 256);
    let backing = ["-b", "fragmented.qcow2", "-F", "qcow2"];
    let small = [&["-o", "cluster_size=4k"], &backing[..]].concat();
    lab.create("top.qcow2", &small);
    let writes: Vec<String> = (0..500)
        .map(|i| format!("write -q {}k 4k", i * 937))
        .collect();
    let writes: Vec<&str> = writes.iter().map(String::as_str).collect();
    lab.qemu_io("top.qcow2", &writes);
    let svg = drawing(&lab, "top.qcow2");
    assert!(svg.len() < 1 << 20, "{}", svg.len());
    assert_harmless(&svg);
}

#[test]
fn a_disk_without_bytes_is_drawn() {
    let lab = Lab::new();
    lab.qemu_img(["create", "-q", "-f", "qcow2", "empty.qcow2", "0"]);
    assert_harmless(&drawing(&lab, "empty.qcow2"));
}

#[test]
fn only_maps_are_drawn_and_they_are_no_graphs() {
    let lab = Lab::with_chain();
    for (question, output) in [
        ("info", "svg"),
        ("chain", "svg"),
        ("audit", "svg"),
        ("audit", "dot"),
        ("map", "dot"),
    ] {
        let answer = lab.pve_native(["image", question, "--output", output, "top.qcow2"]);
        assert_eq!((answer.status, answer.stdout.as_str()), (2, ""));
        let expected = format!("pve-native: image {question} has ");
        assert!(answer.stderr.starts_with(&expected), "{}", answer.stderr);
        assert!(answer.stderr.ends_with(" output only\n"));
    }
}
