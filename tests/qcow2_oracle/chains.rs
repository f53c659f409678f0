//! Whole chains, sound and broken, and every way to name the image on top.
//!
//! The current directory is the one above the cases' directories.

use std::ffi::OsStr;
use std::os::unix::fs::symlink;

use pve_native_core::error::Code;

use super::naming::{all_views, joined, make, stack};
use super::support::bench::Case;

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    whole_chains(&mut cases);
    top_names(&mut cases);
    cases
}

fn whole_chains(cases: &mut Vec<Case>) {
    cases.push(Case::new("chains", "of thirty images", |bench| {
        make(bench, "disk-0", "raw");
        for i in 1..30 {
            let (below, format) = (
                format!("disk-{}", i - 1),
                if i == 1 { "raw" } else { "qcow2" },
            );
            stack(
                bench,
                OsStr::new(&below),
                Some(format),
                &format!("disk-{i}"),
            );
        }
        bench.same_chain("disk-29", "qcow2");
        bench.same_chain("disk-7", "qcow2");
    }));
    cases.push(Case::new("chains", "that end in a gap", |bench| {
        stack(bench, OsStr::new("gone"), Some("qcow2"), "middle");
        stack(bench, OsStr::new("middle"), Some("qcow2"), "top.qcow2");
        all_views(bench, Code::UnnamedFormat);
    }));
    cases.push(Case::new(
        "chains",
        "that end in a damaged image",
        |bench| {
            bench.write("base", b"QFI\xfb\0\0\0\x09");
            stack(bench, OsStr::new("base"), Some("qcow2"), "top.qcow2");
            all_views(bench, Code::UnnamedFormat);
        },
    ));
    cases.push(Case::new("chains", "a circle of two", |bench| {
        stack(bench, OsStr::new("top.qcow2"), Some("qcow2"), "other");
        stack(bench, OsStr::new("other"), Some("qcow2"), "top.qcow2");
        all_views(bench, Code::UnnamedFormat);
    }));
    cases.push(Case::new(
        "chains",
        "a circle that no name shows",
        |bench| {
            stack(bench, OsStr::new("link"), Some("qcow2"), "top.qcow2");
            std::fs::hard_link(bench.path("top.qcow2"), bench.path("link")).unwrap();
            bench.same_chain("top.qcow2", "qcow2");
        },
    ));
    cases.push(Case::new(
        "chains",
        "made with the backing file at hand",
        |bench| {
            make(bench, "base", "qcow2");
            bench.img("create -q -f qcow2 -b base -F qcow2 middle".split(' '));
            bench.img("create -q -f qcow2 -b middle -F qcow2 top.qcow2 7M".split(' '));
            all_views(bench, Code::UnnamedFormat);
            bench.img("rebase -u -f qcow2 -b base -F qcow2 top.qcow2".split(' '));
            all_views(bench, Code::UnnamedFormat);
            bench.img(["rebase", "-u", "-f", "qcow2", "-b", "", "top.qcow2"]);
            all_views(bench, Code::UnnamedFormat);
        },
    ));
    cases.push(Case::new("chains", "compat 0.10", |bench| {
        make(bench, "base", "raw");
        let words = "create -q -f qcow2 -o compat=0.10 -b base -F raw top.qcow2";
        bench.img(words.split(' '));
        all_views(bench, Code::UnnamedFormat);
    }));
}

fn top_names(cases: &mut Vec<Case>) {
    cases.push(Case::new(
        "top names",
        "a symbolic link elsewhere changes the chain",
        |bench| {
            std::fs::create_dir(bench.path("d")).unwrap();
            make(bench, "base", "raw");
            make(bench, "d/base", "raw");
            bench.sparse("d/base", 5_000_000);
            stack(bench, OsStr::new("base"), Some("raw"), "top.qcow2");
            symlink("../top.qcow2", bench.path("d/link")).unwrap();
            bench.same_chain("d/link", "qcow2");
            bench.same_chain("d/../d/./link", "qcow2");
            bench.same_chain("top.qcow2", "qcow2");
            let absolute = joined(&[&"file:", &bench.path("d/link")]);
            bench.same_chain_at(&absolute, Some("qcow2"), false, Code::UnnamedFormat);
        },
    ));
    cases.push(Case::new(
        "top names",
        "in the current directory",
        |bench| {
            let name = joined(&[&"top", &bench.relative]);
            make(
                bench,
                bench
                    .dir
                    .with_file_name(joined(&[&"base", &bench.relative])),
                "raw",
            );
            let backing = joined(&[&"base", &bench.relative]);
            let top = joined(&[&"../", &name]);
            stack(
                bench,
                &backing,
                Some("raw"),
                top.to_str().expect("an ASCII name"),
            );
            for name in [
                name.clone(),
                joined(&[&"./", &name]),
                joined(&[&"file:", &name]),
            ] {
                bench.same_info_at(&name, Some("qcow2"), &[]);
                bench.same_chain_at(&name, Some("qcow2"), false, Code::UnnamedFormat);
            }
        },
    ));
    cases.push(Case::new("top names", "a colon", |bench| {
        let name = joined(&[&"c:", &bench.relative]);
        make(bench, bench.dir.with_file_name(&name), "qcow2");
        for name in [
            name.clone(),
            joined(&[&"./", &name]),
            joined(&[&"file:", &name]),
        ] {
            bench.same_info_at(&name, Some("qcow2"), &[]);
        }
    }));
    cases.push(Case::new("top names", "no files", |bench| {
        for name in [
            "",
            "file:",
            "foo:bar",
            "json:",
            "json:{}",
            ":",
            ":x",
            "file:nowhere",
            "nbd:",
        ] {
            bench.same_info_at(name, Some("raw"), &[]);
        }
        let path = bench.path("x".repeat(4096));
        bench.same_info_at(path, Some("raw"), &[]);
    }));
    cases.push(Case::new("top names", "read by QEMU alone", |bench| {
        make(bench, "a", "raw");
        let path = bench.path("a");
        let json = format!(
            "json:{{\"driver\":\"file\",\"filename\":\"{}\"}}",
            path.display()
        );
        bench.only_qemu(json, None, Code::Unsupported);
        bench.only_qemu("null-co://", Some("raw"), Code::Unsupported);
        bench.only_qemu("/dev/null", Some("raw"), Code::Format);
    }));
}
