//! `image audit`: verdict, exit status, what people see and what programs read.

mod common;

use common::{Answer, Lab, without_directory};
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

fn audit(lab: &Lab, args: &[&str]) -> Answer {
    lab.pve_native(["image", "audit"].iter().chain(args))
}

/// Sizes on disk differ from machine to machine.
fn stable(text: &str) -> String {
    let line = |line: &str| match line.find(" on disk") {
        Some(at) => {
            let start = line[..at].rfind([',', ':']).unwrap() + 2;
            format!("{}SIZE{}\n", &line[..start], &line[at..])
        }
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn a_safe_chain_is_0_and_says_so_first() {
    let lab = Lab::with_chain();
    let text = audit(&lab, &[lab.path("top.qcow2").to_str().unwrap()]).fine();
    let expected = "\
✓ SAFE: DIR/top.qcow2 may be used: nothing found

3 images, top first: SIZE on disk
├─ 0  DIR/top.qcow2
│  └─ qcow2, 1 MiB (1048576 bytes) virtual, SIZE on disk, clusters of 64 KiB
├─ 1  DIR/mid.qcow2
│  └─ qcow2, 1 MiB (1048576 bytes) virtual, SIZE on disk, clusters of 64 KiB
└─ 2  DIR/base.raw
   └─ raw, 1 MiB (1048576 bytes) virtual, SIZE on disk
";
    assert_eq!(stable(&without_directory(&text, &lab)), expected);
}

#[test]
fn an_upload_that_names_a_file_of_the_host_is_3() {
    let lab = Lab::new();
    lab.create("up.qcow2", &["-u", "-b", "/etc/shadow", "-F", "raw"]);
    let answer = audit(&lab, &["--preset", "upload", "up.qcow2"]);
    assert_eq!((answer.status, answer.stderr.as_str()), (3, ""));
    let expected = "\
✗ NOT SAFE: up.qcow2 must not be used: 1 error

1 image: SIZE on disk
└─ 0  up.qcow2
   ├─ qcow2, 1 MiB (1048576 bytes) virtual, SIZE on disk, clusters of 64 KiB
   └─ stands on /etc/shadow, not opened

✗ error: the image stands on a backing file, '/etc/shadow' [backing-file]
    in up.qcow2, at offset 528
";
    assert_eq!(stable(&answer.stdout), expected);
    let answer = audit(&lab, &["up.qcow2"]);
    assert_eq!(answer.status, 3);
    assert!(answer.stdout.contains("[outside-roots]\n"));
    let broken = "└─ 1  /etc/shadow\n   └─ ✗ not used: see below\n";
    assert!(answer.stdout.contains(broken), "{}", answer.stdout);
}

#[test]
fn findings_come_worst_first() {
    let lab = Lab::with_chain();
    // Not closed cleanly, and marked corrupt.
    lab.poke("mid.qcow2", 79, &[3]);
    let text = audit(&lab, &["--max-depth", "2", "top.qcow2"]).stdout;
    let verdict = "✗ NOT SAFE: top.qcow2 must not be used: 2 errors, 1 warning\n";
    assert!(text.starts_with(verdict), "{text}");
    let places = ["[marked-corrupt]", "[too-deep]", "[unclean]"].map(|code| text.find(code));
    assert!(places.is_sorted() && places[0].is_some(), "{text}");
}

#[test]
fn a_note_does_not_forbid() {
    let lab = Lab::new();
    lab.create("nbd.qcow2", &["-u", "-b", "nbd://h/x", "-F", "raw"]);
    let text = audit(&lab, &["--allow-protocol", "nbd", "nbd.qcow2"]).fine();
    let verdict = "✓ SAFE: nbd.qcow2 may be used: 1 note\n";
    assert!(text.starts_with(verdict), "{text}");
    assert!(text.contains("   └─ stands on nbd://h/x, not opened\n"));
    assert!(
        text.contains("\n· note: ") && text.contains(" [protocol]\n"),
        "{text}"
    );
}

#[test]
fn json_is_the_whole_audit() {
    let lab = Lab::with_chain();
    let answer = audit(&lab, &["--output", "json", "top.qcow2"]);
    assert_eq!((answer.status, answer.stderr.as_str()), (0, ""));
    let safe = answer.json();
    assert_eq!(safe["safe"], true);
    assert_eq!(safe["findings"], serde_json::json!([]));
    let chain = lab.pve_native(["image", "chain", "--output", "json", "top.qcow2"]);
    assert_eq!(safe["chain"], chain.json());

    let answer = audit(&lab, &["--output", "json", "--deny-backing", "top.qcow2"]);
    assert_eq!((answer.status, answer.stderr.as_str()), (3, ""));
    let denied = answer.json();
    assert_eq!(denied["safe"], false);
    let finding = &denied["findings"][0];
    assert_eq!(finding["code"], "backing-file");
    assert_eq!(finding["severity"], "error");
    assert_eq!(finding["image"], "top.qcow2");
    assert!(finding["offset"].is_u64() && finding["message"].is_string());
}

/// Whether the audit under these options is fine, and with which code it is not under those.
fn judged(lab: &Lab, allow: &[&str], forbid: &[&str], code: &str) {
    let answer = audit(lab, allow);
    assert_eq!(answer.status, 0, "{allow:?}: {}", answer.stdout);
    let answer = audit(lab, forbid);
    assert_eq!(answer.status, 3, "{forbid:?}");
    assert!(
        answer.stdout.contains(&format!("[{code}]\n")),
        "{}",
        answer.stdout
    );
}

#[test]
fn each_option_decides() {
    let lab = Lab::with_chain();
    let root = lab.path("");
    let root = root.to_str().unwrap();
    let top = "top.qcow2";
    judged(
        &lab,
        &["--root", "/usr", "--root", root, top],
        &["--root", "/usr", top],
        "outside-roots",
    );
    judged(
        &lab,
        &["--preset", "restore", "--root", root, top],
        &["--preset", "restore", "--root", "/usr", top],
        "outside-roots",
    );
    judged(
        &lab,
        &["--allow-format", "qcow2", "--allow-format", "raw", top],
        &["--allow-format", "qcow2", top],
        "format-not-allowed",
    );
    judged(
        &lab,
        &["--max-virtual-size", "1048576", top],
        &["--max-virtual-size", "1048575", top],
        "virtual-size",
    );
    judged(
        &lab,
        &["--max-depth", "3", top],
        &["--max-depth", "2", top],
        "too-deep",
    );
    judged(
        &lab,
        &["--limit", "max-depth=3", top],
        &["--limit", "max-depth=2", top],
        "too-deep",
    );
    judged(
        &lab,
        &["--limit", "max-snapshots=2", top],
        &["--limit", "max-snapshots=1", top],
        "limit",
    );
    judged(
        &lab,
        &["--same-device", top],
        &["--deny-backing", top],
        "backing-file",
    );
    judged(
        &lab,
        &["--format", "qcow2", "--timeout", "30", top],
        &["--format", "vmdk", top],
        "wrong-format",
    );
    lab.create("nbd.qcow2", &["-u", "-b", "nbd://h/x", "-F", "raw"]);
    judged(
        &lab,
        &["--allow-protocol", "nbd", "nbd.qcow2"],
        &["--allow-protocol", "iscsi", "nbd.qcow2"],
        "protocol",
    );
    let data = format!("data_file={}", lab.path("d.raw").to_str().unwrap());
    lab.create("d.qcow2", &["-o", &data]);
    judged(
        &lab,
        &["--allow-data-file", "d.qcow2"],
        &["d.qcow2"],
        "data-file",
    );
    std::fs::copy(lab.path("base.raw"), lab.path("b.raw")).unwrap();
    lab.create(
        "old.qcow2",
        &["-o", "compat=0.10", "-b", "b.raw", "-F", "raw"],
    );
    let image = std::fs::read(lab.path("old.qcow2")).unwrap();
    let magic = 0xe279_2aca_u32.to_be_bytes();
    let at = image.windows(4).position(|bytes| bytes == magic).unwrap();
    lab.poke("old.qcow2", at as u64, &0x7070_7070_u32.to_be_bytes());
    judged(
        &lab,
        &["--allow-unnamed-format", "old.qcow2"],
        &["old.qcow2"],
        "unnamed-format",
    );
    let header = std::fs::read(lab.path(top)).unwrap();
    std::fs::write(lab.path("guest.raw"), header).unwrap();
    judged(
        &lab,
        &["--preset", "storage", "guest.raw"],
        &["--preset", "upload", "guest.raw"],
        "hidden-format",
    );
}

#[test]
fn links_are_named_or_numbered() {
    let lab = Lab::with_chain();
    std::fs::create_dir(lab.path("in")).unwrap();
    symlink(lab.path("base.raw"), lab.path("in/out.raw")).unwrap();
    symlink("base.raw", lab.path("same.raw")).unwrap();
    lab.create("in/up.qcow2", &["-b", "out.raw", "-F", "raw"]);
    lab.create("up.qcow2", &["-b", "same.raw", "-F", "raw"]);
    for [inside, none, any] in [["inside", "none", "any"], ["0", "1", "2"]] {
        let image = "in/up.qcow2";
        let (any, inside) = (["--symlinks", any, image], ["--symlinks", inside, image]);
        judged(&lab, &any, &inside, "outside-roots");
        let (inside, none) = (inside[1], ["--symlinks", none, "up.qcow2"]);
        judged(&lab, &["--symlinks", inside, "up.qcow2"], &none, "symlink");
    }
}

#[test]
fn what_is_no_verdict_is_1() {
    let lab = Lab::with_chain();
    for output in ["human", "json"] {
        let ask = |args: &[&str]| audit(&lab, &[&["--output", output], args].concat()).error();
        let missing = "pve-native: cannot open 'gone.qcow2': No such file or directory\n";
        assert_eq!(ask(&["gone.qcow2"]), missing);
        assert!(ask(&["--root", "/nowhere", "top.qcow2"]).contains("/nowhere"));
        assert!(ask(&["nbd://h/x"]).contains("nbd"));
    }
}

#[test]
fn policies_that_make_no_sense_are_2() {
    let lab = Lab::with_chain();
    let cases: [&[&str]; 13] = [
        &[],
        &["--preset", "UPLOAD", "top.qcow2"],
        &["--preset", "restore", "top.qcow2"],
        &["--preset", "upload", "--allow-data-file", "top.qcow2"],
        &["--symlinks", "3", "top.qcow2"],
        &["--allow-format", "auto-detect", "top.qcow2"],
        &["--allow-protocol", "nbd:", "top.qcow2"],
        &["--max-depth", "10001", "top.qcow2"],
        &["--max-virtual-size", "10X", "top.qcow2"],
        &["--timeout", "soon", "top.qcow2"],
        &["--limit", "max-everything=1", "top.qcow2"],
        &["--root", "top.qcow2", "top.qcow2"],
        &["--output", "dot", "top.qcow2"],
    ];
    for args in cases {
        let answer = audit(&lab, args);
        assert_eq!((answer.status, answer.stdout.as_str()), (2, ""), "{args:?}");
        assert!(answer.stderr.starts_with("pve-native: "), "{args:?}");
    }
}

#[test]
fn a_fifo_is_told_at_once() {
    let lab = Lab::new();
    let made = std::process::Command::new("mkfifo")
        .arg(lab.path("up.qcow2"))
        .status();
    assert!(made.unwrap().success());
    let start = Instant::now();
    for args in [&["up.qcow2"][..], &["--timeout", "5", "up.qcow2"]] {
        let answer = audit(&lab, args);
        assert_eq!(answer.status, 3);
        assert!(
            answer.stdout.contains("[not-a-file]\n"),
            "{}",
            answer.stdout
        );
    }
    assert!(start.elapsed() < Duration::from_secs(4));
}

#[test]
fn nothing_from_an_image_reaches_the_terminal_raw() {
    let lab = Lab::new();
    let evil = "\x1b]0;owned\x07\x1b[2J\u{202e}gpj";
    lab.qemu_img(["create", "-f", "raw", evil, "1M"]);
    lab.create("top.qcow2", &["-b", evil, "-F", "raw"]);
    lab.create("proto.qcow2", &["-u", "-b", "\x1b[2Jowned:x", "-F", "raw"]);
    lab.create("lost.qcow2", &["-u", "-b", "/owned\x1b[2J", "-F", "raw"]);
    lab.qemu_img(["snapshot", "-c", evil, "top.qcow2"]);
    lab.qemu_img(["bitmap", "--add", "top.qcow2", evil]);
    // The name of the first feature bit, which stands behind the table's own header.
    let image = std::fs::read(lab.path("top.qcow2")).unwrap();
    let at = image.windows(9).position(|bytes| bytes == b"dirty bit");
    lab.poke("top.qcow2", at.unwrap() as u64, b"\x1b[2Jowned");
    for image in ["top.qcow2", "proto.qcow2", "lost.qcow2"] {
        for options in [
            &["--color", "never"][..],
            &["--color", "always"],
            &["--output", "json"],
            &["--preset", "upload"],
        ] {
            let answer = audit(&lab, &[options, &[image]].concat());
            assert_eq!(answer.status, 3, "{image} {options:?}");
            let text = answer.stdout + &answer.stderr;
            assert!(
                !text.contains("\x1b]") && !text.contains("\x1b[2J"),
                "{image} {options:?}"
            );
            assert!(!text.contains(['\x07', '\u{202e}']), "{image} {options:?}");
            assert!(text.contains("owned"), "{image} {options:?}");
        }
    }
}

#[test]
fn colour_says_nothing_more() {
    let lab = Lab::with_chain();
    for image in ["top.qcow2", "mid.qcow2"] {
        let ask = |colour| audit(&lab, &["--color", colour, "--max-depth", "2", image]).stdout;
        let (auto, always, never) = (ask("auto"), ask("always"), ask("never"));
        assert_eq!(auto, never);
        assert!(!never.contains('\x1b') && always.starts_with('\x1b'));
        assert_eq!(anstream::adapter::strip_str(&always).to_string(), never);
    }
    let mut plain = lab.command();
    plain
        .env("LC_ALL", "C")
        .args(["image", "audit", "top.qcow2"]);
    let plain = Answer::of(&mut plain).stdout;
    assert!(plain.is_ascii() && plain.starts_with("+ SAFE: "));
}

#[test]
fn a_flood_of_findings_is_cut() {
    let lab = Lab::new();
    // A chain in which no image was closed cleanly. The first page is enough of each.
    lab.create("000.qcow2", &["-u", "-b", "999.qcow2", "-F", "qcow2"]);
    let mut page = std::fs::read(lab.path("000.qcow2")).unwrap();
    page.truncate(4096);
    page[79] |= 1;
    let name = page.windows(9).position(|bytes| bytes == b"999.qcow2");
    let name = name.unwrap();
    for number in 0..205 {
        let below = format!("{:03}.qcow2", number + 1);
        page[name..name + 9].copy_from_slice(below.as_bytes());
        std::fs::write(lab.path(format!("{number:03}.qcow2")), &page).unwrap();
    }
    let text = audit(&lab, &["--max-depth", "300", "000.qcow2"]).stdout;
    let verdict = "✗ NOT SAFE: 000.qcow2 must not be used: 1 error, 205 warnings\n";
    assert!(text.starts_with(verdict), "{text}");
    let findings = &text[text.find("✗ error").unwrap()..];
    assert_eq!(findings.matches(" [unclean]\n").count(), 199);
    assert!(findings.ends_with("and 6 more, all in --output json\n"));
}
