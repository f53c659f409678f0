//! A process with stuck helpers leaves at once, whichever way, and keeps no lock; a helper does
//! not outlive its process for long either. Looked at from outside, in a process that is left.

use std::ffi::CString;
use std::io::{BufRead, BufReader};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use pve_native_core::io::Storage;

use crate::Case;
use crate::support::{self, HangFs, LONG, SOON, Skip, open};

pub const CASES: &[(&str, Case)] = &[
    ("exit_with_stuck_helpers", || leaves("exit", Some(0))),
    ("a_signal_kills_a_process_with_stuck_helpers", || {
        leaves("kill", None)
    }),
    ("exec_with_stuck_helpers", || leaves("exec", Some(0))),
    ("setuid_with_stuck_helpers", || leaves("setuid", Some(0))),
    ("fork_and_wait_with_stuck_helpers", || {
        leaves("fork", Some(0))
    }),
    ("an_idle_helper_ends_with_its_process", || {
        idle_helper("exit")
    }),
    (
        "an_idle_helper_ends_when_its_process_runs_another_program",
        || idle_helper("exec"),
    ),
];

/// Starts this program as the process that will leave, and waits until it is about to; the
/// second is the pid of its helper.
fn start(how: &str, image: &Path, lock: &Path) -> (Child, u32) {
    let mut child = Command::new(std::env::current_exe().expect("own name"))
        .args(["--leave", how])
        .args([image, lock])
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process");
    let mut line = String::new();
    let output = child.stdout.take().expect("a pipe");
    BufReader::new(output).read_line(&mut line).expect("a line");
    let helper = line.trim().parse().expect("a pid");
    (child, helper)
}

fn leaves(how: &str, code: Option<i32>) -> Result<(), Skip> {
    let fs = HangFs::new()?;
    let directory = support::directory("leaving");
    let lock = directory.join("lock");
    std::fs::write(&lock, b"").expect("lock");
    fs.control("open");
    let (mut child, helper) = start(how, &fs.image(), &lock);
    let start = Instant::now();
    let status = loop {
        match child.try_wait().expect("wait") {
            Some(status) => break status,
            None => assert!(start.elapsed() < SOON, "{how} hangs"),
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    assert_eq!(status.code(), code, "{status}");
    assert!(alive(helper), "it was stuck all the time");
    let file = std::fs::File::open(&lock).expect("lock");
    // SAFETY: an open descriptor.
    let locked = unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) };
    assert_eq!(locked, 0, "the lock is free again");
    fs.release();
    support::eventually("the helper ends when it can", || !alive(helper));
    support::remove(&directory);
    Ok(())
}

fn idle_helper(how: &str) -> Result<(), Skip> {
    let directory = support::memory_directory("idle")?;
    let image = directory.join("image");
    std::fs::write(&image, b"x").expect("image");
    let (mut child, helper) = start(&format!("idle-{how}"), &image, &image);
    support::eventually("the helper ends", || !alive(helper));
    if how == "exec" {
        assert!(
            child.try_wait().expect("wait").is_none(),
            "the program goes on"
        );
        child.kill().expect("kill");
    }
    child.wait().expect("wait");
    support::remove(&directory);
    Ok(())
}

fn alive(pid: u32) -> bool {
    support::state(pid).is_some_and(|state| state != 'Z' && state != 'X')
}

/// The process that leaves: `HOW IMAGE LOCK`.
pub fn child(args: &[String]) -> ExitCode {
    let [how, image, lock] = args else {
        return ExitCode::from(2);
    };
    match how.strip_prefix("idle-") {
        Some(how) => leave_idle(how, &PathBuf::from(image)),
        None => leave_stuck(how, &PathBuf::from(image), &PathBuf::from(lock)),
    }
}

fn leave_stuck(how: &str, image: &Path, lock: &Path) -> ExitCode {
    let lock = std::fs::File::open(lock).expect("lock");
    // SAFETY: an open descriptor.
    assert_eq!(unsafe { libc::flock(lock.as_raw_fd(), libc::LOCK_EX) }, 0);
    println!("{}", support::get_stuck(image, 3)[0]);
    match how {
        "kill" => {
            // SAFETY: ends this process.
            unsafe { libc::kill(libc::getpid(), libc::SIGTERM) };
        }
        "exec" => execute(&["/bin/true"]),
        "setuid" => {
            // SAFETY: changes the identity of this process, which ends soon.
            unsafe {
                assert_eq!(libc::setgid(65534), 0);
                assert_eq!(libc::setuid(65534), 0);
            }
        }
        "fork" => {
            let status = Command::new("/bin/true").status().expect("a process");
            assert!(status.success());
            assert_eq!(crate::healthy::fork(|| {}), 0);
        }
        _ => {}
    }
    ExitCode::SUCCESS
}

fn leave_idle(how: &str, image: &Path) -> ExitCode {
    let file = open(&Storage::with_timeout(LONG), image).expect("open");
    println!("{}", support::helpers()[0]);
    std::mem::forget(file);
    if how == "exec" {
        execute(&["/bin/sleep", "60"]);
    }
    ExitCode::SUCCESS
}

fn execute(args: &[&str]) {
    let args: Vec<CString> = args
        .iter()
        .map(|a| CString::new(*a).expect("text"))
        .collect();
    let mut pointers: Vec<_> = args.iter().map(|a| a.as_ptr()).collect();
    pointers.push(std::ptr::null());
    // SAFETY: a list that ends with a null pointer.
    unsafe { libc::execv(pointers[0], pointers.as_ptr()) };
    panic!("{}", std::io::Error::last_os_error());
}
