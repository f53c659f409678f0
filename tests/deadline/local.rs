//! File systems on a device of their own, which look as if nothing could hang: one that is frozen,
//! and one whose device lies on held storage. Mounted in a mount namespace of the case's own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pve_native_core::io::Storage;

use crate::Case;
use crate::healthy::fork;
use crate::support::{
    self, HangFs, LONG, SOON, Skip, assert_timeout, helpers, open, pattern, tool,
};

pub const CASES: &[(&str, Case)] = &[
    ("a_frozen_file_system_is_read", frozen),
    ("a_file_system_on_held_storage", on_held_storage),
];

/// Bytes of such a file system, and of a file in it.
const SIZE: u64 = 16 << 20;
const LENGTH: usize = 300_000;

/// What this process mounts from now on is seen by nobody else and goes with it.
fn own_mounts() -> Result<(), Skip> {
    // SAFETY: system calls on this process alone, which has one thread.
    let done = unsafe {
        let private = libc::MS_REC | libc::MS_PRIVATE;
        libc::unshare(libc::CLONE_NEWNS) == 0
            && libc::mount(
                c"none".as_ptr(),
                c"/".as_ptr(),
                std::ptr::null(),
                private,
                std::ptr::null(),
            ) == 0
    };
    done.then_some(())
        .ok_or_else(|| Skip("nothing can be mounted here (needs root)".into()))
}

/// An ext4 file system in a file, with the files `NAME` in it.
fn make(image: &Path, names: &[&str]) -> Result<(), Skip> {
    let content = support::directory("content");
    for name in names {
        fs::write(content.join(name), pattern(LENGTH)).expect("a file");
    }
    let file = fs::File::create(image).expect("image");
    file.set_len(SIZE).expect("image");
    let options = ["-q", "-F", "-t", "ext4", "-d"].map(AsRef::as_ref);
    let args = [&options[..], &[content.as_os_str(), image.as_os_str()]].concat();
    let made = tool("mke2fs", &args);
    support::remove(&content);
    made.map(|_| ())
        .ok_or_else(|| Skip("mke2fs cannot make an ext4 file system".into()))
}

/// A file system, mounted while this lives.
struct Mounted(PathBuf);

impl Mounted {
    fn new(image: &Path, at: PathBuf, options: &str) -> Result<Self, Skip> {
        fs::create_dir(&at).expect("directory");
        let args = [
            "-o".as_ref(),
            options.as_ref(),
            image.as_os_str(),
            at.as_os_str(),
        ];
        match tool("mount", &args) {
            Some(_) => Ok(Mounted(at)),
            None => Err(Skip("mount cannot set up a loop device".into())),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        tool("umount", &["--lazy".as_ref(), self.0.as_os_str()]);
    }
}

/// A frozen file system, until this is dropped or its process is gone.
struct Frozen(Child);

impl Frozen {
    fn new(mounted: &Mounted) -> Result<Self, Skip> {
        let script = r#"fsfreeze -f "$0" && { echo frozen; timeout 60 cat; fsfreeze -u "$0"; }"#;
        let child = Command::new("sh")
            .args(["-c", script])
            .arg(&mounted.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.map_err(|e| Skip(format!("sh: {e}")))?;
        let mut line = String::new();
        let output = child.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("a line");
        match line.trim() {
            "frozen" => Ok(Frozen(child)),
            _ => Err(Skip("fsfreeze cannot freeze it".into())),
        }
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Lets go of what is cached of a file.
fn forget(path: &Path) {
    let file = fs::File::open(path).expect("a file");
    file.sync_all().expect("sync");
    // SAFETY: an open descriptor.
    unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
}

fn is_read(path: &Path) {
    let (file, head) = open(&Storage::with_timeout(LONG), path).expect("open");
    assert_eq!(head, pattern(4096));
    let mut rest = vec![0; LENGTH];
    pve_native_core::io::ReadAt::read_at(&file, 0, &mut rest).expect("read");
    assert!(rest == pattern(LENGTH));
}

/// Reading works, though each would like to note the time of access; writing hangs.
fn frozen() -> Result<(), Skip> {
    own_mounts()?;
    let directory = support::directory("frozen");
    let image = directory.join("ext4");
    make(&image, &["cached", "uncached", "unknown", "others"])?;
    let mounted = Mounted::new(&image, directory.join("mnt"), "loop,strictatime")?;
    is_read(&mounted.path("cached"));
    forget(&mounted.path("uncached"));
    let start = std::time::Instant::now();
    {
        let _frozen = Frozen::new(&mounted)?;
        let mut writer = Command::new("touch")
            .arg(mounted.path("cached"))
            .spawn()
            .expect("touch");
        support::eventually("a writer hangs", || {
            support::state(writer.id()) == Some('D')
        });
        for name in ["cached", "uncached", "unknown"] {
            is_read(&mounted.path(name));
        }
        assert!(open(&Storage::with_timeout(LONG), &mounted.path("missing")).is_err());
        // Who does not own a file may not keep its time of access as it is.
        let status = fork(|| {
            // SAFETY: changes the identity of this child, which ends soon.
            assert_eq!(unsafe { libc::setuid(65534) }, 0);
            is_read(&mounted.path("others"));
        });
        assert_eq!(status, 0);
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
        assert!(writer.try_wait().expect("wait").is_none(), "it still hangs");
        drop(_frozen);
        assert!(writer.wait().expect("wait").success());
    }
    support::no_helper_left();
    drop(mounted);
    support::remove(&directory);
    Ok(())
}

/// What the kernel has in memory is answered at once, with no helper at all; the rest in time.
fn on_held_storage() -> Result<(), Skip> {
    own_mounts()?;
    let fs = HangFs::new()?;
    make(&fs.root().join("ext4"), &["cached", "uncached", "unknown"])?;
    let directory = support::directory("on-held");
    let image = fs.image().with_file_name("ext4");
    let mounted = Mounted::new(&image, directory.join("mnt"), "loop,ro,noload")?;
    is_read(&mounted.path("cached"));
    is_read(&mounted.path("uncached"));
    forget(&mounted.path("uncached"));
    // The loop device reads through the held file system, which must not answer from memory.
    tool("sync", &[]);
    forget(&image);
    let at_hand = open(&Storage::at_hand(), &mounted.path("cached")).is_ok();
    fs.control("read");
    if at_hand {
        is_read(&mounted.path("cached"));
        assert!(helpers().is_empty(), "it is at hand");
    }
    // Reading data can be given up: its helper is gone at once, though the request is not.
    assert_timeout(&mounted.path("uncached"));
    support::no_helper_left();
    fs.release();
    support::no_helper_left();
    for name in ["cached", "uncached", "unknown"] {
        is_read(&mounted.path(name));
    }
    drop(mounted);
    support::remove(&directory);
    Ok(())
}
