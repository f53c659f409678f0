//! Answers that come from an image's tables: check, changed, measure, headroom, cost.

mod common;

use std::process::Command;

use common::Lab;
use serde_json::{Value, json};

fn io(lab: &Lab, name: &str, commands: &[&str]) {
    let mut io = Command::new("qemu-io");
    io.current_dir(lab.path("")).args(["-f", "qcow2"]);
    for command in commands {
        io.args(["-c", command]);
    }
    let output = io.arg(name).output().expect("these tests need qemu-io");
    assert!(output.status.success(), "{output:?}");
}

/// What qemu-img prints, whatever its status.
fn theirs(lab: &Lab, args: &[&str]) -> Value {
    let output = Command::new("qemu-img")
        .current_dir(lab.path(""))
        .args(args)
        .output();
    serde_json::from_slice(&output.unwrap().stdout).unwrap()
}

/// An image with three clusters written, one of them compressed.
fn filled() -> Lab {
    let lab = Lab::new();
    lab.create("a.qcow2", &[]);
    io(
        &lab,
        "a.qcow2",
        &["write 0 128k", "write -c 192k 64k", "write -z 512k 64k"],
    );
    lab
}

#[test]
fn a_sound_image_is_checked_as_qemu_img_does() {
    let lab = filled();
    let answer = lab.pve_native(["image", "check", "--output", "json", "a.qcow2"]);
    let mut ours = answer.json();
    assert_eq!(answer.status, 0);
    let findings = ours.as_object_mut().unwrap().remove("findings").unwrap();
    assert_eq!(findings, json!([]));
    assert_eq!(ours, theirs(&lab, &["check", "--output=json", "a.qcow2"]));
    let text = lab.pve_native(["image", "check", "a.qcow2"]).fine();
    assert!(text.contains("SOUND: a.qcow2: nothing found"), "{text}");
    assert!(
        text.contains("3 of 16 clusters allocated (18.8 %)"),
        "{text}"
    );
}

#[test]
fn a_broken_image_is_told_with_what_is_wrong() {
    let lab = filled();
    // The refcounts of the first two data clusters: none, and seven.
    lab.poke("a.qcow2", 2 * 65536 + 10, &[0, 0, 0, 7]);
    let answer = lab.pve_native(["image", "check", "--output", "json", "a.qcow2"]);
    assert_eq!((answer.status, answer.stderr.as_str()), (3, ""));
    let mut ours = answer.json();
    let findings = ours.as_object_mut().unwrap().remove("findings").unwrap();
    assert_eq!(ours, theirs(&lab, &["check", "--output=json", "a.qcow2"]));
    let codes = findings.as_array().unwrap().iter().map(|f| &f["code"]);
    let codes: Vec<&str> = codes.map(|code| code.as_str().unwrap()).collect();
    assert!(codes.contains(&"leak") && codes.contains(&"refcount-too-low"));
    assert_eq!(findings[0]["offset"].as_u64().unwrap() % 512, 0);

    let answer = lab.pve_native(["image", "check", "a.qcow2"]);
    assert_eq!(answer.status, 3);
    assert!(answer.stdout.contains("NOT SOUND: a.qcow2:"));
    assert!(answer.stdout.contains(", 1 leaked\n"));
    assert!(answer.stdout.contains("[refcount-too-low]"));
}

#[test]
fn formats_without_checks_are_an_error() {
    let lab = Lab::new();
    lab.qemu_img(["create", "-f", "raw", "a.raw", "1M"]);
    let error = lab.pve_native(["image", "check", "a.raw"]).error();
    assert!(error.contains("'a.raw'"), "{error}");
    let gone = lab.pve_native(["image", "check", "gone.qcow2"]).error();
    assert!(gone.contains("No such file"), "{gone}");
}

#[test]
fn changes_are_those_of_the_images_above() {
    let lab = filled();
    lab.create("top.qcow2", &["-b", "a.qcow2", "-F", "qcow2"]);
    io(&lab, "top.qcow2", &["write 64k 64k", "write 768k 64k"]);
    let ask = |more: &[&str]| {
        let args = ["image", "changed", "top.qcow2", "--since", "a.qcow2"];
        lab.pve_native(args.into_iter().chain(more.iter().copied()))
    };
    let wanted = json!([[65536, 65536], [786_432, 65536]]);
    assert_eq!(ask(&["--output", "json"]).json(), wanted);
    let text = ask(&[]).fine();
    assert!(text.starts_with("top.qcow2: 128 KiB (131072 bytes) in 2 parts\n"));
    assert!(text.contains("786432"), "{text}");
    let same = lab.pve_native(["image", "changed", "a.qcow2", "--since", "./a.qcow2"]);
    assert_eq!(same.fine(), "a.qcow2: nothing was changed\n");
    lab.create("other.qcow2", &[]);
    let other = lab.pve_native(["image", "changed", "top.qcow2", "--since", "other.qcow2"]);
    assert_eq!(other.status, 2);
    assert!(other.stderr.contains("not in the chain of 'top.qcow2'"));
    assert_eq!(ask(&["--limit", "max-ranges=1"]).status, 1);
}

#[test]
fn bitmaps_say_what_is_dirty() {
    let lab = Lab::new();
    lab.create("a.qcow2", &[]);
    lab.qemu_img(["bitmap", "--add", "a.qcow2", "daily"]);
    io(&lab, "a.qcow2", &["write 65k 1k"]);
    let args = [
        "image", "changed", "a.qcow2", "--output", "json", "--bitmap",
    ];
    let ask = |name| lab.pve_native(args.into_iter().chain([name]));
    assert_eq!(ask("daily").json(), json!([[65536, 65536]]));
    assert_eq!(ask("weekly").status, 2);
}

#[test]
fn measures_are_those_of_qemu_img() {
    let lab = filled();
    lab.create("top.qcow2", &["-b", "a.qcow2", "-F", "qcow2"]);
    io(&lab, "top.qcow2", &["write 700k 10k"]);
    let options = "cluster_size=128k,extended_l2=on";
    for (ours, qemu) in [
        (
            &["--size", "10G", "--format", "qcow2", "-o", options][..],
            &["--size", "10737418240", "-O", "qcow2", "-o", options][..],
        ),
        (&["--size", "5000"], &["--size", "5000"]),
        (
            &["top.qcow2", "-O", "qcow2"],
            &["-f", "qcow2", "-O", "qcow2", "top.qcow2"],
        ),
        (&["top.qcow2"], &["-f", "qcow2", "-O", "raw", "top.qcow2"]),
    ] {
        let qemu = [&["measure", "--output=json"], qemu].concat();
        let ours = [&["image", "measure", "--output", "json"], ours].concat();
        assert_eq!(lab.pve_native(ours).json(), theirs(&lab, &qemu));
    }
    let text = lab.pve_native(["image", "measure", "--size", "1048576", "-O", "qcow2"]);
    assert!(text.fine().starts_with("required          "));
    for wrong in [
        &["image", "measure"][..],
        &["image", "measure", "top.qcow2", "--size", "5"],
        &["image", "measure", "--size", "5x"],
        &["image", "measure", "--size", "5", "-O", "none"],
        &[
            "image",
            "measure",
            "--size",
            "5",
            "-O",
            "qcow2",
            "-o",
            "colour=blue",
        ],
    ] {
        assert_eq!(lab.pve_native(wrong).status, 2, "{wrong:?}");
    }
}

#[test]
fn a_device_that_is_too_small_is_seen() {
    let lab = filled();
    let ask = |more: &[&str]| {
        let args = ["image", "headroom", "a.qcow2"];
        lab.pve_native(args.into_iter().chain(more.iter().copied()))
    };
    let room = ask(&["--output", "json"]).json();
    assert_eq!(room["device-size"], Value::Null);
    assert!(room["worst-case"].as_u64().unwrap() > 1 << 20);
    let short = ask(&["--output", "json", "--device-size", "1048576"]);
    assert_eq!(short.status, 3);
    let by = short.json()["short-by"].as_u64().unwrap();
    assert_eq!(by, room["worst-case"].as_u64().unwrap() - (1 << 20));
    let short = ask(&["--device-size", "1048576"]);
    assert_eq!(short.status, 3);
    assert!(short.stdout.contains("NO ROOM: a.qcow2: the device is"));
    let enough = ask(&["--device-size", "2097152"]).fine();
    assert!(enough.contains("ROOM: a.qcow2: the whole disk fits"));
}

#[test]
fn merges_have_a_cost() {
    let lab = filled();
    lab.create("top.qcow2", &["-b", "a.qcow2", "-F", "qcow2"]);
    io(&lab, "top.qcow2", &["write 768k 64k"]);
    let ask = |output| lab.pve_native(["image", "cost", "top.qcow2", "--output", output]);
    let costs = ask("json").json();
    assert_eq!(
        costs,
        json!([{
            "image": "top.qcow2", "backing": "a.qcow2",
            "commit-cost": { "data": 65536, "zero": 0 },
            "stream-cost": { "data": 3 * 65536, "zero": 65536 },
        }])
    );
    let text = ask("human").fine();
    assert!(text.contains("192 KiB + 64 KiB of zeros"), "{text}");
    let alone = lab.pve_native(["image", "cost", "a.qcow2"]).fine();
    assert_eq!(alone, "one image alone: nothing to merge\n");
    assert_eq!(ask("dot").status, 2);
}
