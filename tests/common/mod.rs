//! What the tests share: the real `qemu-img` as the judge of what an image says.
#![allow(dead_code, reason = "each test program uses a part")]

pub mod checks;
pub mod maps;
#[path = "../support/random.rs"]
pub mod random;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pve_native_core::Error;
use pve_native_core::image::json::{Names, View};
use pve_native_core::image::{FormatChoice, ImageFormat, ImageInfo, open};
use pve_native_core::io::Storage;
use pve_native_core::json::to_text;
use serde_json::Value;

/// The secret that encrypted images are made with.
pub const SECRET: [&str; 2] = ["--object", "secret,id=s,data=abc"];

/// Runs `qemu-img` with these arguments.
pub fn qemu_img<S: AsRef<OsStr>>(args: &[S]) -> Output {
    let output = Command::new("qemu-img").args(args).output();
    output.expect("qemu-img is there to compare with")
}

/// What `qemu-img info` prints of the image, or why it refuses it. Without a format it probes.
pub fn oracle_text(path: &Path, format: Option<&str>) -> Result<String, String> {
    let mut args: Vec<&OsStr> = vec!["info".as_ref(), "--output=json".as_ref()];
    if let Some(format) = format {
        args.extend(["-f".as_ref(), OsStr::new(format)]);
    }
    args.push(path.as_os_str());
    let output = qemu_img(&args);
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).expect("qemu-img prints ASCII"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The same as a value.
pub fn oracle_info(path: &Path, format: Option<&str>) -> Result<Value, String> {
    let text = oracle_text(path, format)?;
    Ok(serde_json::from_str(&text).expect("qemu-img prints JSON"))
}

fn our_image(path: &Path, format: Option<&str>) -> Result<ImageInfo, Error> {
    let choice = match format {
        Some(name) => FormatChoice::Named(ImageFormat::from_name(name.as_bytes()).unwrap()),
        None => FormatChoice::Probe,
    };
    open(&Storage::inline(), path.as_os_str().as_bytes(), choice)
}

/// What we say of it, in QEMU's text.
pub fn our_text(path: &Path, format: Option<&str>) -> Result<String, Error> {
    let image = our_image(path, format)?;
    Ok(to_text(&View::new(&image, Names::Text)) + "\n")
}

/// What we say of it, in the same shape.
pub fn our_info(path: &Path, format: Option<&str>) -> Result<Value, Error> {
    let image = our_image(path, format)?;
    Ok(serde_json::to_value(View::new(&image, Names::Text)).expect("an answer is JSON"))
}

/// A directory for images, removed with the test.
pub struct Images(tempfile::TempDir);

impl Images {
    /// An empty one.
    pub fn new() -> Self {
        Images(tempfile::tempdir().unwrap())
    }

    /// An empty one that no disk slows down, where there is memory for it.
    pub fn in_memory() -> Self {
        let memory = tempfile::tempdir_in("/dev/shm");
        Images(memory.or_else(|_| tempfile::tempdir()).unwrap())
    }

    /// The path of a file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Creates an image with `qemu-img create`: format, options, further arguments.
    pub fn create(&self, name: &str, format: &str, options: &str, size: &str) -> PathBuf {
        let path = self.path(name);
        let mut args: Vec<&OsStr> = ["create", "-q", "-f", format].map(OsStr::new).to_vec();
        if options.contains("key-secret") {
            args.extend(SECRET.map(OsStr::new));
        }
        // A backing file that is not there is fine.
        args.push("-u".as_ref());
        if !options.is_empty() {
            args.extend(["-o".as_ref(), OsStr::new(options)]);
        }
        args.extend([path.as_os_str(), size.as_ref()]);
        let output = qemu_img(&args);
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{format} with '{options}': {message}"
        );
        self.settle();
        path
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        self.settle();
        path
    }

    /// Waits until what the files take on disk is decided, as it is part of the answers.
    pub fn settle(&self) {
        for entry in self.0.path().read_dir().unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                std::fs::File::open(entry.path())
                    .unwrap()
                    .sync_all()
                    .unwrap();
            }
        }
    }
}

/// Both answers must be the same, with the format named and, unless it is raw, with probing.
#[track_caller]
pub fn assert_same(path: &Path, format: &str) {
    assert_same_as(path, Some(format));
    assert_same_as(path, None);
}

/// Both answers must be the same for this one way to open it.
#[track_caller]
pub fn assert_same_as(path: &Path, format: Option<&str>) {
    let theirs = oracle_text(path, format);
    let ours = our_text(path, format);
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs, "{} as {format:?}", path.display()),
        (Err(_), Err(_)) => {}
        (ours, theirs) => panic!("{} as {format:?}: {ours:?} but {theirs:?}", path.display()),
    }
}

/// Both must refuse the image.
#[track_caller]
pub fn assert_both_refuse(path: &Path, format: &str) {
    let theirs = oracle_info(path, Some(format));
    let ours = our_info(path, Some(format));
    assert!(theirs.is_err(), "QEMU reads {}", path.display());
    assert!(ours.is_err(), "we read {}", path.display());
}

/// How often something is tried: so often, unless the environment says otherwise for a long run.
pub fn rounds(variable: &str, short: usize) -> usize {
    let set = std::env::var(variable).ok();
    set.map_or(short, |text| text.parse().expect("a number"))
}

/// What `qemu-img measure --output=json` prints; None if it refuses.
pub fn their_measure<S: AsRef<OsStr>>(args: &[S]) -> Option<String> {
    let mut all: Vec<&OsStr> = vec!["measure".as_ref(), "--output=json".as_ref()];
    all.extend(args.iter().map(AsRef::as_ref));
    let output = qemu_img(&all);
    let text = String::from_utf8(output.stdout).unwrap();
    // Where its figures overflow, it prints negative ones.
    (output.status.success() && !text.contains(": -")).then_some(text)
}
