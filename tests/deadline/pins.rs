//! Pins on storage that needs a helper: the files are opened there, and taken over.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use pve_native_core::Code;
use pve_native_core::chain::{Pin, Policy, pin};
use pve_native_core::image::{FormatChoice, ImageFormat};

use crate::Case;
use crate::healthy::fork;
use crate::support::{self, HangFs, LONG, SHORT, SOON, Skip, bytes, descriptors, helpers, pattern};

pub const CASES: &[(&str, Case)] = &[
    ("a_pin_takes_over_what_the_helper_has_opened", taken_over),
    ("a_pin_on_held_storage_ends_in_a_timeout", held),
    ("a_forked_child_has_the_pin_too", forked),
    ("when_the_holder_dies_qemu_cannot_open", holder_dies),
    ("closing_a_pin_waits_for_held_storage", held_close),
    ("rounds_of_pins_leave_nothing", rounds),
];

/// How QEMU is to open the image of a [`HangFs`].
fn policy() -> Policy {
    Policy {
        format: FormatChoice::Named(ImageFormat::Raw),
        ..Policy::default()
    }
}

/// A qcow2 on the image of a [`HangFs`], on the disk that the build is on.
fn overlay(fs: &HangFs) -> Result<(PathBuf, Policy), Skip> {
    let directory = support::directory("pin");
    let top = directory.join("top.qcow2");
    let done = Command::new("qemu-img")
        .args(["create", "-q", "-u", "-fqcow2", "-Fraw", "-b"])
        .args([&fs.image(), &top])
        .arg("1M")
        .output()
        .map_err(|error| Skip(format!("qemu-img: {error}")))?;
    assert!(done.status.success(), "{done:?}");
    let parent = |path: &Path| bytes(path.parent().expect("a folder")).to_vec();
    let policy = Policy {
        format: FormatChoice::Named(ImageFormat::Qcow2),
        roots: vec![parent(&top), parent(&fs.image())],
        ..Policy::default()
    };
    Ok((top, policy))
}

fn convert(pin: &Pin) -> Output {
    let args = ["convert", "-Oraw"].map(String::from);
    let out = support::directory("out").join("out");
    let done = Command::new("qemu-img")
        .args(args)
        .args(pin.qemu_img_args())
        .arg(&out)
        .output();
    let mut done = done.expect("qemu-img");
    done.stdout = std::fs::read(&out).unwrap_or_default();
    support::remove(out.parent().expect("a folder"));
    done
}

#[track_caller]
fn assert_readable(pin: &Pin) {
    let done = convert(pin);
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(done.stdout == pattern(HangFs::SIZE));
}

fn taken_over() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    let (top, policy) = overlay(&fs)?;
    let before = descriptors();
    for timeout in [Some(LONG), None] {
        let pin = pin(bytes(&top), &policy, timeout).expect("a pin");
        assert!(helpers().is_empty(), "no helper stays for a pin");
        assert_eq!(pin.descriptors().len(), 2);
        assert_eq!(descriptors(), before + 2);
        for fd in pin.descriptors() {
            // SAFETY: asks about one of our descriptors.
            let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
            assert_eq!(flags, libc::FD_CLOEXEC);
        }
        assert_readable(&pin);
        drop(pin);
        assert_eq!(descriptors(), before);
    }
    support::remove(top.parent().expect("a folder"));
    Ok(())
}

fn held() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    let (top, policy) = overlay(&fs)?;
    let before = descriptors();
    for kind in ["lookup", "getattr", "open", "read"] {
        fs.control(kind);
        let start = Instant::now();
        let error = pin(bytes(&top), &policy, Some(SHORT))
            .err()
            .expect("a time-out");
        assert_eq!(error.code(), Code::Timeout, "{kind}: {error}");
        assert!(start.elapsed() < SOON, "{kind}: {:?}", start.elapsed());
        assert_eq!(descriptors(), before, "{kind}");
        fs.release();
        support::no_helper_left();
    }
    assert_readable(&pin(bytes(&top), &policy, Some(LONG)).expect("a pin"));
    support::remove(top.parent().expect("a folder"));
    Ok(())
}

fn forked() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    let pin = pin(bytes(&fs.image()), &policy(), Some(LONG)).expect("a pin");
    let status = fork(|| {
        // Under the child's own number, and while its parent has it as well.
        let own = format!("/proc/{}/fd/", std::process::id());
        assert!(pin.qemu_img_args()[0].contains(&own));
        assert_readable(&pin);
    });
    assert_eq!(status, 0);
    assert_readable(&pin);
    // What one of them closes, the other one keeps.
    let (reader, writer) = UnixStream::pair().expect("a pair of sockets");
    // SAFETY: the child makes no use of what other threads could hold; there are none.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        drop(writer);
        let mut go = [0];
        let _ = std::io::Read::read(&mut { reader }, &mut go);
        let fine = convert(&pin).stdout == pattern(HangFs::SIZE);
        std::process::exit(i32::from(!fine));
    }
    drop((reader, pin));
    drop(writer);
    let mut status = 0;
    // SAFETY: our child.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0);
    Ok(())
}

fn holder_dies() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    let (reader, writer) = UnixStream::pair().expect("a pair of sockets");
    // SAFETY: as above.
    let child = unsafe { libc::fork() };
    assert!(child >= 0);
    if child == 0 {
        let pin = pin(bytes(&fs.image()), &policy(), Some(LONG)).expect("a pin");
        let text = pin.qemu_img_args().remove(0);
        std::io::Write::write_all(&mut { writer }, text.as_bytes()).expect("a pipe");
        loop {
            std::thread::sleep(LONG);
        }
    }
    drop(writer);
    let mut image = String::new();
    std::io::Read::read_to_string(&mut { reader }, &mut image).expect("text");
    let map = || {
        Command::new("qemu-img")
            .args(["map", &image])
            .output()
            .expect("qemu-img")
    };
    let done = map();
    assert!(done.status.success(), "{done:?}");
    // SAFETY: our child.
    unsafe {
        libc::kill(child, libc::SIGKILL);
        libc::waitpid(child, std::ptr::null_mut(), 0);
    }
    let done = map();
    assert!(!done.status.success());
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(said.contains("No such file or directory"), "{said}");
    Ok(())
}

/// The one thing that a deadline does not bound: FUSE is told of every close, and waited for.
fn held_close() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    fs.control("flush");
    let start = Instant::now();
    let pinned = pin(bytes(&fs.image()), &policy(), Some(Duration::from_secs(2))).expect("a pin");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    // Closing in the helper was held as well, and the helper left behind.
    std::thread::scope(|scope| {
        let closing = scope.spawn(move || drop(pinned));
        std::thread::sleep(Duration::from_millis(500));
        assert!(!closing.is_finished());
        fs.release();
        support::eventually("the file is closed", || closing.is_finished());
    });
    support::no_helper_left();
    Ok(())
}

fn rounds() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    let before = descriptors();
    for round in 0..200 {
        let timeout = [None, Some(LONG), Some(Duration::from_micros(round * 10))];
        for timeout in timeout {
            let pin = pin(bytes(&fs.image()), &policy(), timeout);
            if let Ok(pin) = pin {
                assert_eq!(pin.descriptors().len(), 1);
            }
        }
    }
    support::no_helper_left();
    assert_eq!(descriptors(), before);
    Ok(())
}
