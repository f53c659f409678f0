//! Where storage answers, a deadline changes nothing, and nothing is left of a helper.

use std::fs;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use pve_native_core::Code;
use pve_native_core::io::{ReadAt, Storage};

use crate::Case;
use crate::support::{self, LONG, Skip, bytes, helpers, open, pattern};

pub const CASES: &[(&str, Case)] = &[
    ("answers_are_those_of_inline_calls", answers_are_equal),
    ("errors_are_those_of_inline_calls", errors_are_equal),
    ("what_is_cached_needs_no_helper", cached_needs_no_helper),
    ("what_is_not_cached_is_read_by_a_helper", uncached_is_read),
    ("own_descriptors_can_be_opened_by_name", own_descriptors),
    ("a_thousand_calls_leave_no_trace", no_trace),
    ("more_threads_than_places_for_stuck_helpers", many_threads),
    ("wait_does_not_see_a_helper", wait_sees_nothing),
    ("a_forked_child_leaves_the_helper_alone", fork_with_helper),
    ("a_killed_helper_is_replaced", killed_helper),
    ("no_time_is_no_time", no_time),
];

/// The same file on a disk and in memory.
fn both(name: &str, content: &[u8], test: impl Fn(&Path)) -> Result<(), Skip> {
    for directory in [support::directory(name), support::memory_directory(name)?] {
        let path = directory.join("image");
        fs::write(&path, content).expect("image");
        test(&path);
        support::remove(&directory);
    }
    Ok(())
}

pub fn answers_are_equal() -> Result<(), Skip> {
    let content = pattern(700_001);
    both("equal", &content, |path| {
        let (inline, inline_head) = open(&Storage::inline(), path).expect("inline");
        let (timed, head) = open(&Storage::with_timeout(LONG), path).expect("timed");
        assert_eq!(timed.meta(), inline.meta());
        assert_eq!(head, inline_head);
        assert_eq!(head, content[..4096]);
        let reads = [
            (0, 10),
            (4090, 20),
            (1, 700_000),
            (699_990, 500),
            (700_001, 8),
            (1 << 50, 9),
        ];
        for (offset, length) in reads {
            let (mut a, mut b) = (vec![1; length], vec![2; length]);
            inline.read_at(offset, &mut a).expect("inline");
            timed.read_at(offset, &mut b).expect("timed");
            assert!(a == b, "{length} bytes from {offset} of {path:?}");
        }
    })?;
    both("empty", b"", |path| {
        let (file, head) = open(&Storage::with_timeout(LONG), path).expect("timed");
        assert_eq!((file.size(), head.len()), (0, 0));
        let mut past = [1; 4];
        file.read_at(0, &mut past).expect("zeros");
        assert_eq!(past, [0; 4]);
    })
}

pub fn errors_are_equal() -> Result<(), Skip> {
    both("errors", b"x", |path| {
        let directory = path.parent().expect("directory");
        let fifo = std::ffi::CString::new(bytes(&directory.join("fifo"))).expect("name");
        // SAFETY: a path with its NUL.
        assert_eq!(unsafe { libc::mkfifo(fifo.as_ptr(), 0o600) }, 0);
        std::os::unix::fs::symlink("loop", directory.join("loop")).expect("link");
        for name in ["", "image", "missing", "image/x", "fifo", "loop", "."] {
            let path = if name.is_empty() {
                Path::new("").into()
            } else {
                directory.join(name)
            };
            let inline = open(&Storage::inline(), &path).map(|(f, head)| (*f.meta(), head));
            let timed = open(&Storage::with_timeout(LONG), &path);
            assert_eq!(timed.map(|(f, head)| (*f.meta(), head)), inline, "{path:?}");
        }
        let long = [b"/".as_slice(), &[b'a'; 5000]].concat();
        let error = Storage::with_timeout(LONG)
            .open(&long, &mut [])
            .err()
            .expect("an error");
        assert_eq!(error.errno(), libc::ENAMETOOLONG);
    })
}

fn cached_needs_no_helper() -> Result<(), Skip> {
    let directory = support::directory("cached");
    let path = directory.join("image");
    fs::write(&path, pattern(10_000)).expect("image");
    let hand = open(&Storage::at_hand(), &path);
    if hand.is_err() {
        support::remove(&directory);
        return Err(Skip("needs Linux 6.5 and a build on ext4 or xfs".into()));
    }
    let (file, _) = open(&Storage::with_timeout(LONG), &path).expect("timed");
    file.read_at(5000, &mut [0; 100]).expect("read");
    assert!(helpers().is_empty());
    support::remove(&directory);
    Ok(())
}

fn uncached_is_read() -> Result<(), Skip> {
    let directory = support::directory("uncached");
    let path = directory.join("image");
    let content = pattern(8 << 20);
    fs::write(&path, &content).expect("image");
    let file = fs::File::open(&path).expect("image");
    file.sync_all().expect("sync");
    // SAFETY: an open descriptor; it gives up what is cached.
    unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_DONTNEED) };
    let (timed, head) = open(&Storage::with_timeout(LONG), &path).expect("timed");
    assert_eq!(head, content[..4096]);
    // By now the first page is at hand, and the file is opened here.
    let storage = Storage::with_timeout(LONG);
    let (again, _) = open(&storage, &path).expect("timed");
    for file in [&timed, &again] {
        for offset in [0, 5 << 20, 7 << 20] {
            let mut buffer = vec![0; 300_000];
            file.read_at(offset as u64, &mut buffer).expect("read");
            assert!(buffer == content[offset..offset + 300_000]);
        }
    }
    fs::rename(&path, directory.join("elsewhere")).expect("rename");
    let mut buffer = [0; 10];
    again
        .read_at(6 << 20, &mut buffer)
        .expect("a renamed file is the same file");
    assert_eq!(buffer, content[6 << 20..][..10]);
    support::remove(&directory);
    Ok(())
}

fn own_descriptors() -> Result<(), Skip> {
    let directory = support::memory_directory("own")?;
    let path = directory.join("image");
    fs::write(&path, b"0123456789").expect("image");
    let file = fs::File::open(&path).expect("image");
    for name in ["/proc/self/fd", "/dev/fd"] {
        let name = format!("{name}/{}", file.as_raw_fd());
        let (_, head) = open(&Storage::with_timeout(LONG), Path::new(&name)).expect("open");
        assert_eq!(head, b"0123456789");
    }
    support::remove(&directory);
    Ok(())
}

static SIGNALS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count_signal(_: libc::c_int) {
    SIGNALS.fetch_add(1, Ordering::Relaxed);
}

pub fn no_trace() -> Result<(), Skip> {
    let directory = support::memory_directory("trace")?;
    let path = directory.join("image");
    fs::write(&path, pattern(100_000)).expect("image");
    let handler: extern "C" fn(libc::c_int) = count_signal;
    // SAFETY: the handler only counts.
    unsafe { libc::signal(libc::SIGCHLD, handler as libc::sighandler_t) };
    let call = || {
        let storage = Storage::with_timeout(LONG);
        let (file, head) = open(&storage, &path).expect("open");
        assert_eq!(head.len(), 4096);
        let mut buffer = vec![0; 50_000];
        file.read_at(10_000, &mut buffer).expect("read");
    };
    (0..50).for_each(|_| call());
    let (fds, memory) = (support::descriptors(), support::resident());
    (0..1000).for_each(|_| call());
    support::no_helper_left();
    assert_eq!(support::descriptors(), fds);
    let grown = support::resident().saturating_sub(memory);
    assert!(grown < 1024, "{grown} KiB");
    assert_eq!(SIGNALS.load(Ordering::Relaxed), 0, "SIGCHLD");
    assert!(support::children_of(std::process::id()).is_empty());
    support::remove(&directory);
    Ok(())
}

fn many_threads() -> Result<(), Skip> {
    let directory = support::memory_directory("threads")?;
    let path = directory.join("image");
    fs::write(&path, pattern(5000)).expect("image");
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let storage = Storage::with_timeout(LONG);
                    // Two files at once: forty helpers that live, but are not stuck.
                    let first = open(&storage, &path).expect("open");
                    let second = open(&storage, &path).expect("open");
                    assert_eq!(first.1, second.1);
                }
            });
        }
    });
    support::no_helper_left();
    support::remove(&directory);
    Ok(())
}

/// `waitpid(-1)`, as Perl's `wait` does it: the pid or minus the errno.
fn wait_any(flags: i32) -> i32 {
    // SAFETY: no status is asked for.
    match unsafe { libc::waitpid(-1, std::ptr::null_mut(), flags) } {
        -1 => -std::io::Error::last_os_error()
            .raw_os_error()
            .expect("errno"),
        pid => pid,
    }
}

fn wait_sees_nothing() -> Result<(), Skip> {
    let directory = support::memory_directory("wait")?;
    let path = directory.join("image");
    fs::write(&path, b"x").expect("image");
    let file = open(&Storage::with_timeout(LONG), &path).expect("open");
    assert_eq!(helpers().len(), 1);
    assert_eq!(wait_any(libc::WNOHANG), -libc::ECHILD);
    assert_eq!(wait_any(0), -libc::ECHILD);
    drop(file);
    support::no_helper_left();
    assert_eq!(wait_any(libc::WNOHANG | libc::__WALL), -libc::ECHILD);
    support::remove(&directory);
    Ok(())
}

/// Runs `child` in a forked child and returns its exit status.
pub fn fork(child: impl FnOnce()) -> i32 {
    // SAFETY: the cases have one thread, so that the child can do whatever the parent could.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    if pid == 0 {
        let fine = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child)).is_ok();
        // SAFETY: ends the child without running what belongs to the parent.
        unsafe { libc::_exit(i32::from(!fine)) };
    }
    let mut status = 0;
    // SAFETY: our own child.
    assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
    assert!(libc::WIFEXITED(status), "{status:#x}");
    libc::WEXITSTATUS(status)
}

fn fork_with_helper() -> Result<(), Skip> {
    let directory = support::memory_directory("fork")?;
    let path = directory.join("image");
    fs::write(&path, pattern(10_000)).expect("image");
    let storage = Storage::with_timeout(LONG);
    let (file, _) = open(&storage, &path).expect("open");
    let before = helpers();
    assert_eq!(before.len(), 1);
    let mut held = Some((storage, file));
    let status = fork(|| {
        let (storage, file) = held.take().expect("the child's copies");
        let foreign = file.read_at(5000, &mut [0; 10]);
        assert!(foreign.is_err(), "that helper is not ours");
        let (own, _) = open(&storage, &path).expect("a helper of our own");
        let foreign = file.read_at(5000, &mut [0; 10]);
        assert!(foreign.is_err(), "nor is it another file");
        own.read_at(5000, &mut [0; 10]).expect("read");
        drop((own, storage, file));
        support::no_helper_left();
    });
    assert_eq!(status, 0);
    assert_eq!(helpers(), before);
    let (_, file) = held.expect("the parent's");
    file.read_at(5000, &mut [0; 10])
        .expect("as if nothing had been");
    support::remove(&directory);
    Ok(())
}

fn killed_helper() -> Result<(), Skip> {
    let directory = support::memory_directory("killed")?;
    let path = directory.join("image");
    fs::write(&path, pattern(10_000)).expect("image");
    let storage = Storage::with_timeout(LONG);
    let (file, _) = open(&storage, &path).expect("open");
    // SAFETY: our own helper.
    unsafe { libc::kill(helpers()[0] as i32, libc::SIGKILL) };
    let error = file
        .read_at(5000, &mut [0; 10])
        .expect_err("its files are gone");
    assert_eq!(error.errno(), libc::EINTR, "{error}");
    let (again, _) = open(&storage, &path).expect("another helper");
    again.read_at(5000, &mut [0; 10]).expect("read");
    drop((file, again, storage));
    support::no_helper_left();
    support::remove(&directory);
    Ok(())
}

fn no_time() -> Result<(), Skip> {
    both("no-time", b"x", |path| {
        for timeout in [Duration::ZERO, Duration::from_nanos(1)] {
            let error = open(&Storage::with_timeout(timeout), path)
                .err()
                .expect("a time-out");
            assert_eq!(error.code(), Code::Timeout);
        }
        open(&Storage::with_timeout(Duration::MAX), path).expect("for ever");
    })
}
