//! What the cases stand on: directories, a file system that hangs, a look at our own processes.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pve_native_core::io::{File, Storage};
use pve_native_core::{Code, Result};

/// Why a case cannot be tried here.
pub struct Skip(pub String);

/// A time-out that is never reached where all is well.
pub const LONG: Duration = Duration::from_secs(60);
/// A time-out that is reached.
pub const SHORT: Duration = Duration::from_millis(200);
/// What "in time" means to a test on a busy machine.
pub const SOON: Duration = Duration::from_secs(5);

/// A fresh directory on the disk that the build is on.
pub fn directory(name: &str) -> PathBuf {
    fresh(Path::new(env!("CARGO_TARGET_TMPDIR")), name)
}

/// A fresh directory in memory: a file system without a device, whose files need a helper.
pub fn memory_directory(name: &str) -> std::result::Result<PathBuf, Skip> {
    let shm = Path::new("/dev/shm");
    match shm.is_dir() {
        true => Ok(fresh(shm, name)),
        false => Err(Skip("there is no /dev/shm".into())),
    }
}

fn fresh(parent: &Path, name: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = parent.join(format!("deadline-{name}-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&path).expect("directory");
    path
}

pub fn remove(directory: &Path) {
    let _ = std::fs::remove_dir_all(directory);
}

/// Bytes that differ from one another.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i / 7 + i % 251) as u8).collect()
}

pub fn bytes(path: &Path) -> &[u8] {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes()
}

/// Opens a file and reads its first page.
pub fn open(storage: &Storage, path: &Path) -> Result<(File, Vec<u8>)> {
    let mut head = [0; 4096];
    let (file, length) = storage.open(bytes(path), &mut head)?;
    Ok((file, head[..length].to_vec()))
}

/// That a call within `SHORT` fails for lack of time, in time.
pub fn assert_timeout(path: &Path) {
    let start = Instant::now();
    let error = open(&Storage::with_timeout(SHORT), path)
        .err()
        .expect("a time-out");
    assert_eq!(error.code(), Code::Timeout, "{error}");
    assert_eq!(error.path(), Some(bytes(path)));
    assert!(start.elapsed() >= SHORT, "{:?}", start.elapsed());
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

/// Processes whose parent is `pid`, helpers too.
pub fn children_of(pid: u32) -> Vec<u32> {
    let mut children = Vec::new();
    for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(child) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else {
            continue;
        };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat
            .rsplit(')')
            .next()
            .and_then(|rest| rest.split(' ').nth(2));
        if parent.and_then(|p| p.parse().ok()) == Some(pid) {
            children.push(child);
        }
    }
    children
}

/// The helpers of this process: its children by the name `pven-io`.
pub fn helpers() -> Vec<u32> {
    let named = |pid: &u32| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
        name.is_ok_and(|name| name.trim() == "pven-io")
    };
    let children = children_of(std::process::id());
    children.into_iter().filter(named).collect()
}

/// The state of a process as `ps` shows it; none if there is no such process.
pub fn state(pid: u32) -> Option<char> {
    state_in(Path::new(&format!("/proc/{pid}")))
}

fn state_in(directory: &Path) -> Option<char> {
    let stat = std::fs::read_to_string(directory.join("stat")).ok()?;
    stat.rsplit(')').next()?.trim().chars().next()
}

/// The helpers that sleep in the kernel where no signal reaches them.
pub fn stuck_helpers() -> Vec<u32> {
    let stuck = |pid: &u32| state(*pid) == Some('D');
    helpers().into_iter().filter(stuck).collect()
}

/// Lets calls hang until so many helpers are stuck. On a busy machine a helper may be killed
/// before it has come as far as that.
pub fn get_stuck(image: &Path, count: usize) -> Vec<u32> {
    for _ in 0..500 {
        let stuck = stuck_helpers();
        if stuck.len() == count {
            return stuck;
        }
        let storage = Storage::with_timeout(Duration::from_millis(30));
        let error = open(&storage, image).err().expect("a time-out");
        match error.code() {
            Code::Timeout => {}
            // One that was killed on its way has not ended yet.
            Code::Busy => std::thread::sleep(Duration::from_millis(20)),
            code => panic!("{code:?}"),
        }
    }
    panic!("{} helpers are stuck", stuck_helpers().len());
}

/// Waits for something that is to happen; panics if it does not.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < until, "did not happen: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until no helper is left. The library looks after them when a call begins.
pub fn no_helper_left() {
    eventually("all helpers are reaped", || {
        drop(Storage::with_timeout(LONG));
        helpers().is_empty()
    });
}

/// How many descriptors this process has.
pub fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("/proc").count()
}

/// What this process has in memory, in KiB.
pub fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("VmRSS");
    line.split_whitespace()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .expect("a number")
}

/// Runs a tool; what it printed if it is there and content.
pub fn tool(name: &str, args: &[&std::ffi::OsStr]) -> Option<String> {
    let output = Command::new(name).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// A mounted file system that hangs on demand. Its file `image` has 1 MiB.
pub struct HangFs {
    server: Child,
    base: PathBuf,
}

impl HangFs {
    pub const SIZE: usize = 1 << 20;

    pub fn new() -> std::result::Result<Self, Skip> {
        let base = directory("hangfs");
        for part in ["root", "mnt"] {
            std::fs::create_dir(base.join(part)).expect("directory");
        }
        std::fs::write(base.join("root/image"), pattern(Self::SIZE)).expect("image");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/hangfs.py");
        let started = Command::new("python3")
            .arg(script)
            .args([base.join("root"), base.join("mnt"), base.join("control")])
            .arg("60")
            .stdout(Stdio::piped())
            .spawn();
        let mut server = started.map_err(|e| {
            remove(&base);
            Skip(format!("python3: {e}"))
        })?;
        let mut line = String::new();
        let output = server.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("a line");
        if line.trim() == "ready" {
            return Ok(HangFs { server, base });
        }
        let status = server.wait().expect("wait");
        remove(&base);
        assert_eq!(status.code(), Some(77), "hangfs.py failed");
        Err(Skip(
            "FUSE cannot be mounted here (needs root and /dev/fuse)".into(),
        ))
    }

    pub fn image(&self) -> PathBuf {
        self.base.join("mnt/image")
    }

    /// The directory that it shows.
    pub fn root(&self) -> PathBuf {
        self.base.join("root")
    }

    /// From now on these requests are held, late or fail; see `hangfs.py`.
    pub fn control(&self, words: &str) {
        let new = self.base.join("control.new");
        std::fs::write(&new, words).expect("control");
        std::fs::rename(new, self.base.join("control")).expect("control");
    }

    /// All is well again, and what was held goes on.
    pub fn release(&self) {
        let _ = std::fs::remove_file(self.base.join("control"));
    }

    /// Stops the server: it does not even take requests. All its threads have stopped then.
    pub fn stop(&self) {
        self.signal(libc::SIGSTOP);
        let tasks = format!("/proc/{}/task", self.server.id());
        eventually("the server stops", || {
            let mut tasks = std::fs::read_dir(&tasks).expect("/proc").flatten();
            tasks.all(|task| state_in(&task.path()) == Some('T'))
        });
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: our own child.
        unsafe { libc::kill(self.server.id() as i32, signal) };
    }
}

impl Drop for HangFs {
    fn drop(&mut self) {
        self.release();
        self.signal(libc::SIGCONT);
        self.signal(libc::SIGTERM);
        let _ = self.server.wait();
        remove(&self.base);
    }
}
