//! A directory with images made by the real qemu-img, and ways to ask both programs about them.

// Each test file is a program of its own and uses its part of this.
#![allow(dead_code)]

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// What can change the meaning of `--color auto`.
pub const COLOR_VARIABLES: [&str; 3] = ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"];

pub struct Lab(tempfile::TempDir);

impl Lab {
    pub fn new() -> Self {
        Lab(tempfile::tempdir().unwrap())
    }

    /// Three images: `top.qcow2` with bitmaps and extended L2, `mid.qcow2` with snapshots,
    /// `base.raw`.
    pub fn with_chain() -> Self {
        let lab = Lab::new();
        lab.qemu_img(["create", "-f", "raw", "base.raw", "1M"]);
        lab.create("mid.qcow2", &["-b", "base.raw", "-F", "raw"]);
        lab.qemu_img(["snapshot", "-c", "before", "mid.qcow2"]);
        lab.qemu_img(["snapshot", "-c", "nach größer", "mid.qcow2"]);
        let features = "extended_l2=on,compression_type=zstd,lazy_refcounts=on";
        let backing = ["-b", "mid.qcow2", "-F", "qcow2"];
        lab.create("top.qcow2", &[&["-o", features], &backing[..]].concat());
        lab.qemu_img(["bitmap", "--add", "top.qcow2", "daily"]);
        lab.qemu_img([
            "bitmap",
            "--add",
            "-g",
            "1M",
            "--disable",
            "top.qcow2",
            "weekly",
        ]);
        lab
    }

    pub fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.0.path().join(name.as_ref())
    }

    pub fn qemu_img<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Vec<u8> {
        let output = Command::new("qemu-img")
            .args(args)
            .current_dir(self.0.path())
            .output()
            .expect("these tests need qemu-img");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{complaint}");
        output.stdout
    }

    /// Changes what is in an image, as a guest would.
    pub fn qemu_io(&self, name: &str, commands: &[&str]) {
        let commands = commands.iter().flat_map(|command| ["-c", command]);
        let mut io = Command::new("qemu-io");
        io.args(["-f", "qcow2"]).args(commands).arg(name);
        let output = io.current_dir(self.0.path()).output();
        let output = output.expect("these tests need qemu-io");
        assert!(output.status.success(), "{output:?}");
    }

    /// A qcow2 image of 1 MiB, made with further options.
    pub fn create(&self, name: &str, options: &[&str]) {
        let (options, size) = match options.contains(&"-b") && !options.contains(&"-u") {
            true => (options, None),
            false => (options, Some("1M")),
        };
        let args = ["create", "-q", "-f", "qcow2"].into_iter();
        self.qemu_img(
            args.chain(options.iter().copied())
                .chain([name])
                .chain(size),
        );
    }

    /// Overwrites bytes of an image.
    pub fn poke(&self, name: &str, offset: u64, bytes: &[u8]) {
        let file = fs::OpenOptions::new().write(true).open(self.path(name));
        file.unwrap().write_all_at(bytes, offset).unwrap();
    }

    /// Sets qcow2's incompatible bit "corrupt".
    pub fn mark_corrupt(&self, name: &str) {
        self.poke(name, 79, &[2]);
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pve-native"));
        command.current_dir(self.0.path());
        for name in COLOR_VARIABLES {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C.UTF-8");
        command
    }

    pub fn pve_native<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Answer {
        Answer::of(self.command().args(args))
    }
}

pub struct Answer {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Answer {
    pub fn of(command: &mut Command) -> Self {
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().unwrap();
        Answer {
            status: status.code().expect("not ended by a signal"),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        }
    }

    /// What it says if all is well.
    pub fn fine(self) -> String {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""));
        self.stdout
    }

    /// Status 1 and one line on standard error, which this is.
    pub fn error(self) -> String {
        assert_eq!((self.status, self.stdout.as_str()), (1, ""));
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        self.stderr
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// `text` without the name of the directory that it was made in.
pub fn without_directory(text: &str, lab: &Lab) -> String {
    let directory = lab.path("");
    let directory: &Path = directory.as_ref();
    text.replace(directory.to_str().unwrap(), "DIR/")
}
