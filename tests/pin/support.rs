//! What the tests of the pin share: images with known content, QEMU's programs, and a look at the
//! files that they open.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use pve_native_core::chain::{Pin, Policy, pin};
use pve_native_core::image::{FormatChoice, ImageFormat};
use serde_json::Value;

use crate::common::qemu_img;

/// More than any test needs where all is well.
pub const LONG: Duration = Duration::from_secs(60);

/// Both ways to touch storage.
pub const BOTH: [Option<Duration>; 2] = [None, Some(LONG)];

/// Writes past the test harness, which hides what passing tests print.
pub fn announce(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A policy for images whose format the test knows.
pub fn named(format: &str) -> Policy {
    let format = ImageFormat::from_name(format.as_bytes()).expect("a format");
    Policy {
        format: FormatChoice::Named(format),
        ..Policy::default()
    }
}

#[track_caller]
pub fn pinned(path: &Path, policy: &Policy, timeout: Option<Duration>) -> Pin {
    pin(path.as_os_str().as_bytes(), policy, timeout).unwrap_or_else(|e| panic!("{e}"))
}

/// Runs a program that must do well.
#[track_caller]
pub fn run<S: AsRef<OsStr>>(program: &str, args: &[S]) -> Vec<u8> {
    let done = Command::new(program).args(args).output().expect(program);
    let message = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program}: {message}");
    done.stdout
}

/// Writes `length` bytes of this value into an image.
#[track_caller]
pub fn write(image: &Path, format: &str, value: u8, offset: u64, length: u64) {
    let what = format!("write -P {value} {offset} {length}");
    let image = image.as_os_str();
    let said = run(
        "qemu-io",
        &[
            "-f".as_ref(),
            format.as_ref(),
            "-c".as_ref(),
            what.as_ref(),
            image,
        ],
    );
    assert!(
        said.starts_with(b"wrote"),
        "{}",
        String::from_utf8_lossy(&said)
    );
}

/// Creates an image that stands on another one.
#[track_caller]
pub fn overlay(image: &Path, format: &str, backing: &Path, backing_format: &str) {
    let args: [&OsStr; 9] = [
        "create".as_ref(),
        "-q".as_ref(),
        "-f".as_ref(),
        format.as_ref(),
        "-F".as_ref(),
        backing_format.as_ref(),
        "-b".as_ref(),
        backing.as_os_str(),
        image.as_os_str(),
    ];
    run("qemu-img", &args);
}

/// What `qemu-img convert` reads from the pin.
pub fn convert(pin: &Pin, further: &[&str], out: &Path) -> Result<Vec<u8>, String> {
    let mut args: Vec<String> = ["convert", "-Oraw"].map(String::from).to_vec();
    args.extend(further.iter().map(|&arg| arg.into()));
    args.extend(pin.qemu_img_args());
    args.push(out.to_str().expect("UTF-8").into());
    content(qemu_img(&args), out)
}

/// What `qemu-img convert` reads from an image under its name.
pub fn convert_by_name(image: &Path, format: &str, further: &[&str], out: &Path) -> Vec<u8> {
    let mut args: Vec<&OsStr> = vec!["convert".as_ref(), "-Oraw".as_ref()];
    args.extend(further.iter().map(|&arg| OsStr::new(arg)));
    match further.contains(&"--image-opts") {
        true => args.push(out.as_os_str()),
        false => args.extend([
            OsStr::new("-f"),
            format.as_ref(),
            image.as_os_str(),
            out.as_os_str(),
        ]),
    }
    content(qemu_img(&args), out).unwrap_or_else(|why| panic!("{}: {why}", image.display()))
}

pub fn content(done: Output, out: &Path) -> Result<Vec<u8>, String> {
    if !done.status.success() {
        return Err(String::from_utf8_lossy(&done.stderr).into_owned());
    }
    let content = std::fs::read(out).expect("what it has written");
    std::fs::remove_file(out).expect("remove");
    Ok(content)
}

/// The names under which QEMU is to find the files of a pin.
pub fn proc_names(pin: &Pin) -> BTreeSet<String> {
    let name = |fd: &i32| format!("/proc/{}/fd/{fd}", std::process::id());
    pin.descriptors().iter().map(name).collect()
}

/// Whether strace can be used here; if not, says so once per test.
pub fn strace_works(test: &str) -> bool {
    static WORKS: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    let works = *WORKS.get_or_init(|| {
        let tried = Command::new("strace")
            .args(["-o", "/dev/null", "true"])
            .output();
        tried.is_ok_and(|done| done.status.success())
    });
    if !works {
        announce(&format!(
            "skipped: {test}: strace is missing or not allowed here"
        ));
    }
    works
}

/// `program`, watched by strace, which writes into `trace`.
pub fn traced(program: &str, trace: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-s", "4096", "-e"]);
    command.arg("trace=open,openat,openat2,openat2,connect,execve,creat");
    command.arg("-o").arg(trace).arg(program);
    command
}

/// The files that were opened, and the sockets that were connected to.
pub fn opened(trace: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(trace).expect("strace's output");
    // The first text of a call is its path; names are plain here.
    let calls = text.lines().filter(|line| !line.contains("execve("));
    let path = |line: &str| Some(line.split('"').nth(1)?.to_owned());
    calls.filter_map(path).collect()
}

/// That of all that lies in `folder`, in somebody's `/proc/…/fd`, or is a canary, the files of the
/// pin were opened, and besides them `own` at the most.
#[track_caller]
pub fn assert_opened_only(opened: &BTreeSet<String>, pin: &Pin, folder: &Path, own: &[&Path]) {
    let folder = folder.to_str().expect("UTF-8");
    let names = proc_names(pin);
    let images: BTreeSet<String> = opened
        .iter()
        .filter(|path| {
            path.starts_with(folder)
                || path.contains("/fd/")
                || ["/etc/passwd", "/etc/shadow"].contains(&path.as_str())
        })
        .filter(|path| !own.iter().any(|own| Path::new(path) == *own))
        .cloned()
        .collect();
    assert_eq!(images, names, "what QEMU has opened");
}

/// Starts `qemu-storage-daemon` with an NBD export of the pin's top image.
pub fn start_daemon(mut command: Command, pin: &Pin, further: &[&str], socket: &Path) -> Killed {
    // Not every server takes its socket away when it ends.
    let _ = std::fs::remove_file(socket);
    command.args(further);
    let nodes = pin.block_nodes("pin").expect("a prefix");
    for node in &nodes {
        command
            .arg("--blockdev")
            .arg(serde_json::to_string(node).expect("JSON"));
    }
    let top = &nodes.last().expect("a top image").node_name;
    command.arg("--nbd-server");
    command.arg(format!("addr.type=unix,addr.path={}", socket.display()));
    command.args([
        "--export",
        &format!("type=nbd,id=e,node-name={top},name=top"),
    ]);
    let started = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn();
    Killed(started.expect("qemu-storage-daemon"))
}

/// A process that ends with the test.
pub struct Killed(pub std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // strace would let go of the program and leave it running; it ends with it.
        let pid = self.0.id();
        let children = format!("/proc/{pid}/task/{pid}/children");
        let children = std::fs::read_to_string(children).unwrap_or_default();
        let traced = children.split_whitespace().next();
        let pid = traced
            .and_then(|pid| pid.parse().ok())
            .unwrap_or(pid as i32);
        // SAFETY: our own child, which is not reaped yet, or the only child that it has.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until {
            // It removes its socket.
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What an NBD export says, once it is there; why not, if the server has ended.
pub fn read_export(server: &mut Killed, socket: &Path, out: &Path) -> Result<Vec<u8>, String> {
    let until = Instant::now() + LONG;
    while !socket.exists() {
        if let Ok(Some(_)) = server.0.try_wait() {
            let mut why = String::new();
            let stderr = server.0.stderr.take().expect("a pipe");
            std::io::Read::read_to_string(&mut { stderr }, &mut why).expect("text");
            return Err(why);
        }
        assert!(Instant::now() < until, "the server does not come up");
        std::thread::sleep(Duration::from_millis(2));
    }
    let name = format!("nbd+unix:///top?socket={}", socket.display());
    let args: [&OsStr; 6] = [
        "convert".as_ref(),
        "-fraw".as_ref(),
        "-Oraw".as_ref(),
        "-S0".as_ref(),
        name.as_ref(),
        out.as_os_str(),
    ];
    content(qemu_img(&args), out)
}

/// A chain of a raw and two qcow2 images; each layer can be told by its bytes. 1 MiB: the first
/// quarter comes from the top, the second from the middle, the rest from the base.
pub fn chain(folder: &Path) -> PathBuf {
    let path = |name: &str| folder.join(name);
    std::fs::write(path("base.raw"), vec![1; 1 << 20]).expect("base");
    overlay(&path("middle.qcow2"), "qcow2", Path::new("base.raw"), "raw");
    write(&path("middle.qcow2"), "qcow2", 2, 256 << 10, 256 << 10);
    overlay(
        &path("top.qcow2"),
        "qcow2",
        Path::new("middle.qcow2"),
        "qcow2",
    );
    write(&path("top.qcow2"), "qcow2", 3, 0, 256 << 10);
    path("top.qcow2")
}

/// What a guest sees of that chain.
pub fn chain_content() -> Vec<u8> {
    [vec![3; 256 << 10], vec![2; 256 << 10], vec![1; 512 << 10]].concat()
}

/// What QEMU printed, as a value.
pub fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).expect("JSON")
}
