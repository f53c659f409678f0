//! The keys of a policy: what each allows and denies, and which do not go together.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use pve_native_core::chain::{Policy, Preset, Symlinks, audit};
use pve_native_core::error::Code;
use pve_native_core::image::{FormatChoice, ImageFormat};

use crate::bench::Bench;
use crate::{audited, errors};

fn bench() -> (tempfile::TempDir, Bench) {
    let root = tempfile::tempdir().expect("a folder for the images");
    let bench = Bench::new(root.path().join("case"));
    (root, bench)
}

/// The errors that the audit gives under a policy.
fn codes(top: &Path, change: impl FnOnce(&mut Policy)) -> Vec<&'static str> {
    let mut policy = Policy::default();
    change(&mut policy);
    let answer = audited(top, &policy);
    errors(&answer)
        .iter()
        .map(|finding| finding.code.name())
        .collect()
}

/// Three images.
fn chain(b: &Bench) -> std::path::PathBuf {
    b.raw("base.raw");
    b.named_on("middle.qcow2", "base.raw", Some("raw"));
    b.on("middle.qcow2", Some("qcow2"))
}

#[test]
fn depth() {
    let (_root, b) = bench();
    let top = chain(&b);
    assert_eq!(codes(&top, |p| p.max_depth = 3), [""; 0]);
    assert_eq!(codes(&top, |p| p.max_depth = 2), ["too-deep"]);
    assert_eq!(codes(&top, |p| p.max_depth = 1), ["too-deep"]);
    assert_eq!(codes(&top, |p| p.deny_backing = true), ["backing-file"]);
}

#[test]
fn virtual_size() {
    let (_root, b) = bench();
    let top = chain(&b);
    assert_eq!(codes(&top, |p| p.max_virtual_size = 1 << 20), [""; 0]);
    assert_eq!(
        codes(&top, |p| p.max_virtual_size = (1 << 20) - 1),
        ["virtual-size"; 3]
    );
}

#[test]
fn formats() {
    let (_root, b) = bench();
    let top = chain(&b);
    assert_eq!(
        codes(&top, |p| p.formats =
            vec![ImageFormat::Qcow2, ImageFormat::Raw]),
        [""; 0]
    );
    assert_eq!(
        codes(&top, |p| p.formats = vec![ImageFormat::Qcow2]),
        ["format-not-allowed"]
    );
    assert_eq!(
        codes(&top, |p| p.formats = vec![ImageFormat::Raw]),
        ["format-not-allowed"]
    );
    // No reader sees what it is not allowed to: the extent is not even looked for.
    let vmdk = b.vmdk("monolithicFlat", "RW 8 FLAT \"/etc/passwd\" 0\n");
    assert_eq!(
        codes(&vmdk, |p| p.formats = vec![ImageFormat::Qcow2]),
        ["format-not-allowed"]
    );
    // Recognised, but not read: nothing can be said of what it names.
    let parallels = b.create("top.parallels", "parallels", "", "1M");
    assert_eq!(
        codes(&parallels, |p| p.format = FormatChoice::Probe),
        ["format-not-allowed"]
    );
}

#[test]
fn protocols() {
    let (_root, b) = bench();
    let allow = |names: &'static [&'static [u8]]| {
        move |p: &mut Policy| p.protocols = names.iter().map(|name| name.to_vec()).collect()
    };
    let top = b.on("nbd:localhost:10809", Some("raw"));
    assert_eq!(codes(&top, allow(&[b"nbd"])), [""; 0]);
    assert_eq!(codes(&top, allow(&[b"rbd", b"nb"])), ["protocol"]);
    // A description can name any driver: allowing one does not allow it.
    let top = b.on(r#"json:{"driver":"nbd","host":"h"}"#, Some("raw"));
    assert_eq!(codes(&top, allow(&[b"nbd"])), ["json-name"]);
    let top = b.on("file:not-there.raw", Some("raw"));
    assert_eq!(
        codes(&top, allow(&[b"file"])),
        ["file-prefix", "unreadable"]
    );
}

#[test]
fn data_files_and_formats_that_are_not_recorded() {
    let (_root, b) = bench();
    let data = b.raw("data.raw");
    let top = b.with_data_file(data);
    assert_eq!(codes(&top, |_| {}), ["data-file"]);
    assert_eq!(codes(&top, |p| p.allow_data_file = true), [""; 0]);
    b.raw("base.raw");
    let top = b.on("base.raw", None);
    assert_eq!(codes(&top, |_| {}), ["unnamed-format"]);
    assert_eq!(codes(&top, |p| p.allow_unnamed_format = true), [""; 0]);
}

#[test]
fn roots() {
    let (_root, b) = bench();
    let top = chain(&b);
    let root = |path: &Path| path.as_os_str().as_bytes().to_vec();
    let inside = root(&b.path(""));
    assert_eq!(
        codes(&top, |p| p.roots = vec![b"/usr".to_vec(), inside.clone()]),
        [""; 0]
    );
    assert_eq!(
        codes(&top, |p| p.roots = vec![b"/usr".to_vec()]),
        ["outside-roots"]
    );
    // The file itself is no folder that it could lie in.
    for wrong in [
        root(&top),
        root(&b.path("not-there")),
        b"".to_vec(),
        b"a\0b".to_vec(),
    ] {
        let policy = Policy {
            roots: vec![inside.clone(), wrong.clone()],
            ..Policy::default()
        };
        let name = top.as_os_str().as_bytes();
        assert!(audit(name, &policy, None).is_err(), "{wrong:?}");
    }
}

#[test]
fn options_that_contradict_a_preset() {
    let (_root, b) = bench();
    let top = b.plain("top.qcow2");
    let root = vec![b.path("").as_os_str().as_bytes().to_vec()];
    let refused = |preset, change: &dyn Fn(&mut Policy)| {
        let mut policy = Policy {
            preset,
            ..Policy::default()
        };
        change(&mut policy);
        let answer = audit(top.as_os_str().as_bytes(), &policy, None);
        let error = answer.expect_err("the policy contradicts itself");
        assert_eq!(error.code(), Code::Argument, "{error}");
    };
    refused(Preset::Upload, &|p| p.allow_data_file = true);
    refused(Preset::Upload, &|p| p.allow_unnamed_format = true);
    refused(Preset::Upload, &|p| p.protocols = vec![b"nbd".to_vec()]);
    refused(Preset::Restore, &|_| {});
    refused(Preset::Restore, &|p| {
        p.roots.clone_from(&root);
        p.protocols = vec![b"nbd".to_vec()];
    });
    refused(Preset::Restore, &|p| {
        p.roots.clone_from(&root);
        p.symlinks = Symlinks::Any;
    });
    refused(Preset::None, &|p| p.max_depth = 10_001);
    assert_eq!(
        Preset::from_name(b"uploads").unwrap_err().code(),
        Code::Argument
    );
    assert_eq!(Symlinks::from_number(3).unwrap_err().code(), Code::Argument);
}

/// Names relative to the working folder. The only test here that changes it.
#[test]
fn the_working_folder() {
    let (_root, b) = bench();
    chain(&b);
    std::env::set_current_dir(b.path("")).unwrap();
    for root in [&b"."[..], b"./", b"../images", b"../images/"] {
        for top in [
            "top.qcow2",
            "./top.qcow2",
            "../images/top.qcow2",
            "file:top.qcow2",
        ] {
            for symlinks in [Symlinks::Inside, Symlinks::None, Symlinks::Any] {
                let change = |p: &mut Policy| {
                    p.roots = vec![root.to_vec()];
                    p.symlinks = symlinks;
                };
                assert_eq!(
                    codes(Path::new(top), change),
                    [""; 0],
                    "{root:?} {top} {symlinks:?}"
                );
            }
        }
    }
    assert_eq!(
        codes(Path::new("top.qcow2"), |p| p.roots =
            vec![b"../outside".to_vec()]),
        ["outside-roots"]
    );
    b.on("../outside/secret.raw", Some("raw"));
    assert_eq!(codes(Path::new("top.qcow2"), |_| {}), ["outside-roots"]);
}

#[test]
fn the_callers_own_image_that_is_not_there_is_an_error() {
    for name in ["/not/there.qcow2", "", "json:{}", "nbd:host:1"] {
        assert!(
            audit(name.as_bytes(), &Policy::default(), None).is_err(),
            "{name}"
        );
    }
}
