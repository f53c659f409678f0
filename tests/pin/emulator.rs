//! A system emulator that gets the files as descriptor sets: it opens nothing at all.
//!
//! It is looked for as `qemu-system-x86_64`, and where the tests in the virtual machine unpack it
//! (`$PVE_NATIVE_VM` or `build/vm`), as Debian 12 has none that goes with its newer `qemu-img`.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use pve_native_core::chain::{Pin, Policy};
use serde_json::{Value, json};

use crate::common::{Images, qemu_img};
use crate::support::{
    BOTH, Killed, announce, chain, chain_content, named, opened, pinned, read_export, strace_works,
    traced,
};

/// The program and what must stand in front of its own arguments.
fn emulator() -> Option<Vec<PathBuf>> {
    let installed = Command::new("qemu-system-x86_64").arg("--version").output();
    if installed.is_ok_and(|done| done.status.success()) {
        return Some(vec!["qemu-system-x86_64".into()]);
    }
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("build/vm");
    let folder = std::env::var_os("PVE_NATIVE_VM").map_or(own, PathBuf::from);
    let root = folder.join("emulator");
    let program = vec![
        root.join("usr/lib64/ld-linux-x86-64.so.2"),
        "--library-path".into(),
        root.join("usr/lib/x86_64-linux-gnu"),
        root.join("usr/bin/qemu-system-x86_64"),
    ];
    program
        .iter()
        .skip(2)
        .all(|path| path.exists())
        .then_some(program)
}

/// A running emulator without a machine, and the way to talk to it.
struct Emulator {
    process: Killed,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Emulator {
    /// Starts it with the descriptors of the pin in sets. `inherit` clears what would close them.
    fn start(program: &[PathBuf], pin: &Pin, trace: Option<&Path>, inherit: bool) -> Self {
        let mut command = match trace {
            Some(trace) => traced(program[0].to_str().expect("UTF-8"), trace),
            None => Command::new(&program[0]),
        };
        command.args(&program[1..]);
        command.args([
            "-machine",
            "none",
            "-S",
            "-nodefaults",
            "-display",
            "none",
            "-qmp",
            "stdio",
        ]);
        command.args(pin.add_fd_args(7));
        for node in pin.block_nodes_in_sets("pin", 7).expect("a prefix") {
            command
                .arg("-blockdev")
                .arg(serde_json::to_string(&node).expect("JSON"));
        }
        let descriptors = if inherit {
            pin.descriptors()
        } else {
            Vec::new()
        };
        // SAFETY: between fork and exec, only fcntl on numbers, which does not allocate.
        unsafe {
            command.pre_exec(move || {
                for &fd in &descriptors {
                    if libc::fcntl(fd, libc::F_SETFD, 0) != 0 {
                        return Err(std::io::Error::last_os_error());
                    }
                }
                Ok(())
            });
        }
        let pipes = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = pipes.spawn().expect("the emulator");
        Emulator {
            to: child.stdin.take().expect("a pipe"),
            from: BufReader::new(child.stdout.take().expect("a pipe")),
            process: Killed(child),
        }
    }

    fn ask(&mut self, command: &str, arguments: Value) -> Value {
        let question = json!({ "execute": command, "arguments": arguments });
        writeln!(self.to, "{question}").expect("QMP");
        loop {
            let mut line = String::new();
            assert!(
                self.from.read_line(&mut line).expect("QMP") > 0,
                "the emulator has ended"
            );
            let answer: Value = serde_json::from_str(&line).expect("JSON");
            assert!(answer.get("error").is_none(), "{command}: {answer}");
            if let Some(answer) = answer.get("return") {
                return answer.clone();
            }
        }
    }

    /// What a guest would see of the top image.
    fn read(&mut self, socket: &Path, out: &Path) -> Vec<u8> {
        self.ask("qmp_capabilities", json!({}));
        let address = json!({ "type": "unix", "data": { "path": socket } });
        self.ask("nbd-server-start", json!({ "addr": address }));
        let export = json!({ "type": "nbd", "id": "e", "node-name": "pin-image0", "name": "top" });
        self.ask("block-export-add", export);
        read_export(&mut self.process, socket, out).expect("the content")
    }
}

fn skip() {
    announce("skipped: descriptor sets: no qemu-system-x86_64 here, and none in build/vm");
}

#[test]
fn the_guest_sees_the_content_of_the_chain() {
    let Some(program) = emulator() else {
        return skip();
    };
    let images = Images::new();
    let top = chain(&images.path(""));
    for timeout in BOTH {
        let pin = pinned(&top, &named("qcow2"), timeout);
        let trace = images.path("trace");
        let watched = strace_works("what an emulator opens").then_some(trace.as_path());
        let socket = images.path("socket");
        let mut emulator = Emulator::start(&program, &pin, watched, true);
        assert!(emulator.read(&socket, &images.path("out")) == chain_content());
        emulator.ask("quit", json!({}));
        drop(emulator);
        if watched.is_some() {
            let images_opened = opened(&trace);
            let folder = images.path("").display().to_string();
            let ours = |path: &&String| path.starts_with(&folder) || path.contains("/fd/");
            let ours: Vec<_> = images_opened.iter().filter(ours).collect();
            assert!(ours.is_empty(), "it has them open already: {ours:?}");
        }
        let _ = std::fs::remove_file(socket);
    }
}

#[test]
fn data_files_have_sets_of_their_own() {
    let Some(program) = emulator() else {
        return skip();
    };
    let images = Images::new();
    let options = format!("data_file={}", images.path("data").display());
    let top = images.create("top.qcow2", "qcow2", &options, "1M");
    crate::support::write(&top, "qcow2", 6, 0, 1 << 20);
    let policy = Policy {
        allow_data_file: true,
        ..named("qcow2")
    };
    let pin = pinned(&top, &policy, None);
    let mut emulator = Emulator::start(&program, &pin, None, true);
    let read = emulator.read(&images.path("socket"), &images.path("out"));
    assert!(read == vec![6; 1 << 20]);
}

/// The descriptors are closed on exec, so that no other program that the process starts gets them.
#[test]
fn without_the_callers_help_the_descriptors_are_not_inherited() {
    let Some(program) = emulator() else {
        return skip();
    };
    let images = Images::new();
    let pin = pinned(&chain(&images.path("")), &named("qcow2"), None);
    let mut emulator = Emulator::start(&program, &pin, None, false);
    let status = emulator.process.0.wait().expect("wait");
    assert!(
        !status.success(),
        "it wants the descriptors that it was promised"
    );
    for fd in pin.descriptors() {
        // SAFETY: asks about one of our descriptors.
        let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
        assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
    }
}

/// The locks of an emulator are those of the open file, which it shares with the pin.
#[test]
fn locks_of_a_killed_emulator_end_with_the_pin() {
    let Some(program) = emulator() else {
        return skip();
    };
    let images = Images::new();
    let top = chain(&images.path(""));
    let writable = || {
        let top = top.to_str().expect("UTF-8");
        qemu_img(&["amend", "-fqcow2", "-olazy_refcounts=on", top])
            .status
            .success()
    };
    let pin = pinned(&top, &named("qcow2"), None);
    let mut emulator = Emulator::start(&program, &pin, None, true);
    emulator.read(&images.path("socket"), &images.path("out"));
    assert!(!writable(), "the emulator holds its locks");
    emulator.process.0.kill().expect("kill");
    emulator.process.0.wait().expect("wait");
    assert!(
        !writable(),
        "the pin has the open file still, and with it the locks"
    );
    drop(pin);
    assert!(writable());
}

/// Under names in `/proc` an emulator opens the files anew: its locks are its own.
#[test]
fn by_names_an_emulator_has_locks_of_its_own() {
    let images = Images::new();
    let top = chain(&images.path(""));
    let pin = pinned(&top, &named("qcow2"), None);
    let socket = images.path("socket");
    let daemon = Command::new("qemu-storage-daemon");
    let mut daemon = crate::support::start_daemon(daemon, &pin, &[], &socket);
    read_export(&mut daemon, &socket, &images.path("out")).expect("the content");
    daemon.0.kill().expect("kill");
    daemon.0.wait().expect("wait");
    let top = top.to_str().expect("UTF-8");
    let amended = qemu_img(&["amend", "-fqcow2", "-olazy_refcounts=on", top]);
    assert!(amended.status.success(), "{amended:?}");
}
