//! What people see: trees, sheets, marks, colours.

mod common;

use common::{Answer, COLOR_VARIABLES, Lab, without_directory};
use std::process::Command;

/// Sizes on disk and dates differ from machine to machine.
fn stable(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut line = line.to_string();
        if let Some(at) = line.find("Z  ") {
            line.replace_range(at - 19..=at, "TIME");
        }
        if let Some(at) = line.find(" on disk") {
            let start = line[..at].rfind([',', ':']);
            line.replace_range(start.unwrap() + 2..at, "SIZE");
        }
        if line.starts_with("on disk") {
            line = "on disk         SIZE".into();
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

#[test]
fn a_chain_is_a_tree_from_the_top_down() {
    let lab = Lab::with_chain();
    let answer = lab.pve_native(["image", "chain", lab.path("top.qcow2").to_str().unwrap()]);
    let expected = "\
3 images, top first: SIZE on disk
├─ 0  DIR/top.qcow2
│  ├─ qcow2, 1 MiB (1048576 bytes) virtual, SIZE on disk, clusters of 64 KiB
│  ├─ features: extended L2, zstd compression, lazy refcounts
│  ├─ bitmaps:
│  │  NAME    GRANULARITY  FLAGS
│  │  daily   64 KiB       auto
│  │  weekly  1 MiB
│  └─ stands on the next one: stored name mid.qcow2, format qcow2
├─ 1  DIR/mid.qcow2
│  ├─ qcow2, 1 MiB (1048576 bytes) virtual, SIZE on disk, clusters of 64 KiB
│  ├─ internal snapshots:
│  │  ID  NAME         TAKEN                 DISK   VM STATE  VM CLOCK
│  │  1   before       TIME  1 MiB  0 B       0s
│  │  2   nach größer  TIME  1 MiB  0 B       0s
│  └─ stands on the next one: stored name base.raw, format raw
└─ 2  DIR/base.raw
   └─ raw, 1 MiB (1048576 bytes) virtual, SIZE on disk
";
    assert_eq!(stable(&without_directory(&answer.fine(), &lab)), expected);
}

#[test]
fn an_image_is_a_sheet() {
    let lab = Lab::with_chain();
    let path = lab.path("top.qcow2");
    let answer = lab.pve_native(["image", "info", path.to_str().unwrap()]);
    let expected = "\
image           DIR/top.qcow2
format          qcow2
virtual size    1 MiB (1048576 bytes)
on disk         SIZE
cluster size    64 KiB (65536 bytes)
backing file    mid.qcow2
backing path    DIR/mid.qcow2
backing format  qcow2
features        extended L2, zstd compression, lazy refcounts

bitmaps
  NAME    GRANULARITY  FLAGS
  daily   64 KiB       auto
  weekly  1 MiB
";
    assert_eq!(stable(&without_directory(&answer.fine(), &lab)), expected);
}

#[test]
fn a_plain_locale_gets_plain_lines() {
    let lab = Lab::with_chain();
    std::fs::remove_file(lab.path("mid.qcow2")).unwrap();
    let mut command = lab.command();
    command
        .env("LC_ALL", "C")
        .args(["image", "chain", "top.qcow2"]);
    let answer = Answer::of(&mut command);
    assert!(answer.stdout.is_ascii());
    let last = "   `- x error: cannot open 'mid.qcow2': No such file or directory [io]\n";
    assert!(answer.stdout.ends_with(last), "{}", answer.stdout);
}

#[test]
fn a_cycle_says_where_it_comes_back_to() {
    let lab = Lab::new();
    lab.create("a.qcow2", &["-u", "-b", "b.qcow2", "-F", "qcow2"]);
    lab.create("b.qcow2", &["-u", "-b", "./a.qcow2", "-F", "qcow2"]);
    let answer = lab.pve_native(["image", "chain", "a.qcow2"]);
    assert_eq!(answer.status, 3);
    let last = "└─ 2  ./a.qcow2\n   └─ ✗ error: cannot inspect './a.qcow2': \
                backing chain comes back to image 0 of the chain [cycle]\n";
    assert!(answer.stdout.ends_with(last), "{}", answer.stdout);
}

#[test]
fn a_format_that_is_not_recorded_is_marked_and_not_guessed() {
    let lab = Lab::with_chain();
    forget_backing_format(&lab, "mid.qcow2");
    let info = lab.pve_native(["image", "info", "mid.qcow2"]).fine();
    assert!(info.contains("backing format  not recorded\n"), "{info}");
    let warning = "⚠ warning: the format of the backing file is not recorded\n";
    assert!(info.contains(warning), "{info}");

    let chain = lab.pve_native(["image", "chain", "mid.qcow2"]);
    assert_eq!(chain.status, 3);
    assert!(chain.stdout.contains("[unnamed-format]"));
    assert!(chain.stdout.contains("--allow-probe"));
}

/// Turns the header extension for the backing format into an unknown one.
fn forget_backing_format(lab: &Lab, name: &str) {
    let image = std::fs::read(lab.path(name)).unwrap();
    let magic = 0xe279_2aca_u32.to_be_bytes();
    let at = image.windows(4).position(|bytes| bytes == magic).unwrap();
    lab.poke(name, at as u64, &0x7070_7070_u32.to_be_bytes());
}

#[test]
fn corrupt_and_dirty_images_are_marked() {
    let lab = Lab::with_chain();
    lab.poke("mid.qcow2", 79, &[3]);
    let info = lab.pve_native(["image", "info", "mid.qcow2"]).stdout;
    assert!(
        info.contains("✗ error: the image is marked corrupt"),
        "{info}"
    );
    let warning = "⚠ warning: the image was not closed cleanly";
    assert!(info.contains(warning), "{info}");
}

#[test]
fn names_cannot_move_the_cursor() {
    let lab = Lab::new();
    let evil = "\x1b]0;owned\x07\x1b[2J\u{202e}gpj";
    lab.qemu_img(["create", "-f", "raw", evil, "1M"]);
    lab.create("top.qcow2", &["-b", evil, "-F", "raw"]);
    lab.qemu_img(["snapshot", "-c", evil, "top.qcow2"]);
    lab.qemu_img(["bitmap", "--add", "top.qcow2", evil]);
    for output in ["human", "dot", "json"] {
        for question in ["info", "chain"] {
            let ask = ["image", question, "--output", output, "top.qcow2"];
            for colour in ["never", "always"] {
                let answer = lab.pve_native(ask.into_iter().chain(["--color", colour]));
                let text = answer.stdout + &answer.stderr;
                assert!(
                    !text.contains("\x1b]") && !text.contains("\x1b[2J"),
                    "{ask:?}"
                );
                assert!(!text.contains(['\x07', '\u{202e}']), "{ask:?}");
                assert!(text.contains("owned"), "{ask:?}");
            }
        }
    }
    let answer = lab.pve_native(["image", "info", "--format", "qcow2", evil]);
    assert!(!answer.error().contains('\x1b'));
    let answer = lab.pve_native(["image", "info", "x", evil]);
    assert!(answer.status == 2 && !answer.stderr.contains(['\x1b', '\x07', '\u{202e}']));
}

#[test]
fn colour_is_there_when_asked_for_and_says_nothing_more() {
    let lab = Lab::with_chain();
    std::fs::remove_file(lab.path("base.raw")).unwrap();
    let ask = |colour| lab.pve_native(["image", "chain", "top.qcow2", "--color", colour]);
    let (auto, always, never) = (
        ask("auto").stdout,
        ask("always").stdout,
        ask("never").stdout,
    );
    assert_eq!(auto, never);
    assert!(!never.contains('\x1b'));
    assert!(always.contains("\x1b[31m"), "{always:?}");
    assert_eq!(anstream::adapter::strip_str(&always).to_string(), never);
}

#[test]
fn a_terminal_gets_colour_unless_no_color_is_set() {
    let lab = Lab::with_chain();
    let on_terminal = |no_color: &str| {
        let command = format!("{} image chain top.qcow2", env!("CARGO_BIN_EXE_pve-native"));
        let mut script = Command::new("script");
        script.args(["-qec", &command, "/dev/null"]);
        script.current_dir(lab.path(""));
        for name in COLOR_VARIABLES {
            script.env_remove(name);
        }
        script.envs([("TERM", "xterm"), ("LC_ALL", "C.UTF-8")]);
        if !no_color.is_empty() {
            script.env("NO_COLOR", no_color);
        }
        Answer::of(&mut script).stdout
    };
    assert!(on_terminal("").contains("\x1b[1mtop.qcow2"));
    assert!(!on_terminal("1").contains('\x1b'));
}
