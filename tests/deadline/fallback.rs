//! Where no helper process can be had, threads do the same, short of being left for good. A
//! seccomp filter stands for a system that refuses the one or the other system call.

use pve_native_core::io::Storage;
use pve_native_core::{Code, limits};
use std::process::Command;
use std::time::Duration;

use crate::Case;
use crate::support::{self, HangFs, LONG, Skip, assert_timeout, helpers, open, pattern};
use crate::{healthy, support::descriptors};

pub const CASES: &[(&str, Case)] = &[
    ("without_clone_answers_are_the_same", without_clone),
    (
        "without_close_range_answers_are_the_same",
        without_close_range,
    ),
    (
        "without_clone_a_held_request_ends_in_a_timeout",
        held_in_thread,
    ),
    ("under_valgrind_answers_are_the_same", under_valgrind),
];

/// From now on this process gets EPERM for `call`; for `clone`, where it would share its memory
/// with another process.
fn forbid(call: libc::c_long) -> Result<(), Skip> {
    let flags = (libc::CLONE_VM | libc::CLONE_FILES | libc::CLONE_CHILD_CLEARTID) as u32;
    let only = if call == libc::SYS_clone { flags } else { 0 };
    let load = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    let equal = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    let answer = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    // The call's number is at offset 0, its first argument at 16.
    let mut program = [
        step(load, 0, 0, 0),
        step(equal, 0, 3, call as u32),
        step(load, 0, 0, 16),
        step(equal, 0, 1, only),
        step(answer, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
        step(answer, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: program.len() as u16,
        filter: program.as_mut_ptr(),
    };
    // SAFETY: the program lives across the call; the kernel copies it.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) == 0
    };
    done.then_some(())
        .ok_or_else(|| Skip("seccomp filters are not allowed here".into()))
}

fn all_is_the_same() -> Result<(), Skip> {
    healthy::answers_are_equal()?;
    healthy::errors_are_equal()?;
    healthy::no_trace()
}

fn without_clone() -> Result<(), Skip> {
    forbid(libc::SYS_clone)?;
    let directory = support::memory_directory("threads")?;
    let path = directory.join("image");
    std::fs::write(&path, b"x").expect("image");
    let file = open(&Storage::with_timeout(LONG), &path).expect("open");
    assert!(helpers().is_empty(), "a thread is no child");
    drop(file);
    support::remove(&directory);
    all_is_the_same()
}

fn without_close_range() -> Result<(), Skip> {
    forbid(libc::SYS_close_range)?;
    all_is_the_same()
}

fn held_in_thread() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    let fds = descriptors();
    forbid(libc::SYS_clone)?;
    fs.control("open");
    assert_timeout(&fs.image());
    for _ in 1..limits::STUCK_HELPERS {
        let storage = Storage::with_timeout(Duration::from_millis(20));
        assert_eq!(
            open(&storage, &fs.image())
                .err()
                .expect("a time-out")
                .code(),
            Code::Timeout
        );
    }
    let refused = open(&Storage::with_timeout(LONG), &fs.image());
    assert_eq!(refused.err().expect("refused").code(), Code::Busy);
    fs.release();
    support::eventually("calls are taken again", || {
        let answer = open(&Storage::with_timeout(LONG), &fs.image());
        answer.is_ok_and(|(_, head)| head == pattern(4096))
    });
    support::eventually("the threads close their files", || descriptors() == fds);
    Ok(())
}

/// valgrind does not survive a clone like ours, so none must be tried; and what takes its place
/// must leave nothing that valgrind would complain of.
fn under_valgrind() -> Result<(), Skip> {
    let status = Command::new("valgrind")
        .args(["--quiet", "--leak-check=full", "--error-exitcode=9"])
        .arg(std::env::current_exe().expect("own name"))
        .args(["--case", "answers_are_those_of_inline_calls"])
        .status();
    match status {
        Ok(status) => assert!(status.success(), "{status}"),
        Err(error) => return Err(Skip(format!("valgrind: {error}"))),
    }
    Ok(())
}
