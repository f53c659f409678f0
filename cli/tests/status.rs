//! The exit status, and what stands on standard error.

mod common;

use common::{Answer, Lab};
use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;

#[test]
fn fine_is_0() {
    let lab = Lab::with_chain();
    for output in ["human", "json", "dot"] {
        for question in ["info", "chain"] {
            let answer = lab.pve_native(["image", question, "top.qcow2", "--output", output]);
            assert!(!answer.fine().is_empty());
        }
    }
}

#[test]
fn what_cannot_be_read_is_1() {
    let lab = Lab::with_chain();
    std::fs::create_dir(lab.path("dir")).unwrap();
    for output in ["human", "json", "dot"] {
        let ask = |path| lab.pve_native(["image", "info", "--output", output, path]);
        let missing = "pve-native: cannot open 'gone.qcow2': No such file or directory\n";
        assert_eq!(ask("gone.qcow2").error(), missing);
        assert_eq!(
            ask("dir").error(),
            "pve-native: cannot inspect 'dir': is a directory\n"
        );
        assert!(ask("json:{}").error().contains("cannot inspect 'json:{}'"));
    }
    for output in ["human", "dot"] {
        let answer = lab.pve_native(["image", "chain", "--output", output, "gone.qcow2"]);
        answer.error();
    }
}

#[test]
fn names_need_not_be_utf8() {
    let lab = Lab::new();
    let name = OsStr::from_bytes(b"\xff.raw");
    std::fs::write(lab.path(name), [0; 512]).unwrap();
    let args = ["image", "info"].map(OsStr::new);
    let sheet = lab.pve_native(args.into_iter().chain([name])).fine();
    assert!(sheet.contains("\\xff.raw"), "{sheet}");
}

#[test]
fn usage_is_2() {
    let lab = Lab::with_chain();
    let cases: [&[&str]; 15] = [
        &[],
        &["image"],
        &["image", "info"],
        &["image", "info", ""],
        &["image", "info", "top.qcow2", "mid.qcow2"],
        &["image", "info", "--format", "QCOW2", "top.qcow2"],
        &["image", "info", "--timeout", "soon", "top.qcow2"],
        &["image", "info", "--timeout=-1", "top.qcow2"],
        &["image", "info", "--strict", "top.qcow2"],
        &["image", "info", "--limit", "max-steps", "top.qcow2"],
        &["image", "chain", "--limit", "max-bitmaps=1k", "top.qcow2"],
        &["image", "chain", "--limit", "max-everything=1", "top.qcow2"],
        &["image", "chain", "--max-depth", "1.5", "top.qcow2"],
        &["image", "chain", "--max-depth", "10001", "top.qcow2"],
        &["--output", "xml", "image", "chain", "top.qcow2"],
    ];
    for args in cases {
        let answer = lab.pve_native(args);
        assert_eq!((answer.status, answer.stdout.as_str()), (2, ""), "{args:?}");
        assert!(!answer.stderr.is_empty());
        if args.len() > 1 {
            assert!(answer.stderr.starts_with("pve-native: "), "{args:?}");
        }
    }
}

#[test]
fn an_image_above_a_limit_is_1() {
    let lab = Lab::with_chain();
    let ask = ["image", "info", "top.qcow2", "--limit", "max-steps=1000"];
    lab.pve_native(ask).fine();
    let error = lab.pve_native(ask.into_iter().chain(["--limit", "max-bitmaps=1"]));
    assert!(error.error().contains("2 bitmaps: max-bitmaps is 1"));
    let help = lab.pve_native(["image", "info", "--help"]).fine();
    assert!(
        help.contains("max-refcount-table-bytes=8388608 (bytes)"),
        "{help}"
    );
}

#[test]
fn help_and_version_are_answers() {
    let lab = Lab::new();
    let version = lab.pve_native(["--version"]).fine();
    assert_eq!(
        version,
        concat!("pve-native ", env!("CARGO_PKG_VERSION"), "\n")
    );
    let help = lab.pve_native(["image", "chain", "--help"]).fine();
    assert!(help.contains("--allow-probe") && help.contains("Exit status"));
}

#[test]
fn a_damaged_chain_is_3_and_strict_makes_it_1() {
    let lab = Lab::with_chain();
    std::fs::remove_file(lab.path("base.raw")).unwrap();
    for output in ["human", "json", "dot"] {
        let ask = ["image", "chain", "--output", output, "top.qcow2"];
        let answer = lab.pve_native(ask);
        assert_eq!((answer.status, answer.stderr.as_str()), (3, ""));
        let strict = lab.pve_native(ask.into_iter().chain(["--strict"])).error();
        assert!(strict.starts_with("pve-native: cannot open 'base.raw'"));
    }
}

#[test]
fn an_image_marked_corrupt_is_3() {
    let lab = Lab::with_chain();
    lab.mark_corrupt("mid.qcow2");
    assert_eq!(lab.pve_native(["image", "info", "mid.qcow2"]).status, 3);
    assert_eq!(lab.pve_native(["image", "info", "top.qcow2"]).status, 0);
    assert_eq!(lab.pve_native(["image", "chain", "top.qcow2"]).status, 3);
}

#[test]
fn a_chain_deeper_than_allowed_is_3() {
    let lab = Lab::with_chain();
    let ask = |depth| lab.pve_native(["image", "chain", "--max-depth", depth, "top.qcow2"]);
    assert_eq!(ask("2").status, 3);
    assert_eq!(ask("3").status, 0);
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let lab = Lab::with_chain();
    for args in [
        &["image", "chain", "top.qcow2"][..],
        &["image", "chain", "--output", "json", "top.qcow2"],
        &["--help"],
    ] {
        let (reader, writer) = UnixStream::pair().unwrap();
        drop(reader);
        let answer = Answer::of(lab.command().args(args).stdout(OwnedFd::from(writer)));
        assert_eq!((answer.status, answer.stderr.as_str()), (0, ""), "{args:?}");
    }
}

#[test]
fn an_answer_that_cannot_be_written_is_1() {
    let lab = Lab::with_chain();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = lab.command();
    let answer = Answer::of(command.args(["image", "info", "top.qcow2"]).stdout(full));
    assert_eq!(
        answer.error(),
        "pve-native: cannot write: No space left on device\n"
    );
}
