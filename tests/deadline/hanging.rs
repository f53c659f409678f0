//! Storage that does not answer, is late, or answers with errors.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pve_native_core::inspect::{ManyOptions, inspect_many};
use pve_native_core::io::{ReadAt, Storage};
use pve_native_core::{Code, limits};

use crate::Case;
use crate::healthy::fork;
use crate::support::{
    self, HangFs, LONG, SHORT, SOON, Skip, assert_timeout, bytes, get_stuck, helpers, open,
    pattern, stuck_helpers, tool,
};

pub const CASES: &[(&str, Case)] = &[
    ("a_held_request_ends_in_a_timeout", held_requests),
    ("a_held_read_of_an_open_file_ends_in_a_timeout", held_later),
    ("a_held_close_takes_nobodys_time", held_close),
    ("slow_storage_is_waited_for", slow),
    (
        "the_deadline_is_that_of_the_whole_call",
        slow_once_too_often,
    ),
    ("errors_of_storage_are_reported", errors),
    ("other_calls_go_on", others_go_on),
    ("one_held_image_of_many_delays_no_other", many),
    ("many_held_images_take_one_timeout", many_held),
    ("time_outs_take_no_memory", bounded_memory),
    ("sixteen_may_hang_and_no_more", sixteen),
    ("side_by_side_no_more_than_sixteen_hang", side_by_side),
    ("a_child_counts_afresh", child_counts_afresh),
    ("a_server_that_takes_no_requests", stopped_server),
    ("signal_handlers_run_when_the_call_returns", signals),
    ("a_block_device_on_held_storage", block_device),
];

fn held_requests() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    let fds = support::descriptors();
    for kind in ["lookup", "getattr", "open", "read"] {
        fs.control(kind);
        assert_timeout(&fs.image());
        get_stuck(&fs.image(), 1);
        fs.release();
        support::no_helper_left();
        let (_, head) = open(&Storage::with_timeout(LONG), &fs.image()).expect("open");
        assert_eq!(head, pattern(4096));
    }
    assert_eq!(support::descriptors(), fds);
    Ok(())
}

fn held_later() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    let storage = Storage::with_timeout(Duration::from_secs(1));
    let (file, _) = open(&storage, &fs.image()).expect("open");
    fs.control("read");
    let start = Instant::now();
    let error = file
        .read_at(900_000, &mut [0; 100])
        .expect_err("a time-out");
    assert_eq!(error.code(), Code::Timeout);
    assert!(start.elapsed() < SOON);
    let error = file.read_at(0, &mut [0; 100]).expect_err("the time is up");
    assert_eq!(error.code(), Code::Timeout);
    fs.release();
    drop((file, storage));
    support::no_helper_left();
    Ok(())
}

fn held_close() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    fs.control("flush");
    let start = Instant::now();
    for _ in 0..3 {
        open(&Storage::with_timeout(LONG), &fs.image()).expect("open");
    }
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert!(helpers().len() <= 3);
    fs.release();
    support::no_helper_left();
    Ok(())
}

fn slow() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    fs.control("delay:open=0.2 delay:read=0.3");
    let (file, head) = open(&Storage::with_timeout(LONG), &fs.image()).expect("late, but there");
    assert_eq!(head, pattern(4096));
    let mut buffer = vec![0; 300_000];
    file.read_at(500_000, &mut buffer).expect("late, but there");
    assert!(buffer == pattern(HangFs::SIZE)[500_000..800_000]);
    Ok(())
}

/// Each request is answered within the time-out, all of them together are not.
fn slow_once_too_often() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    fs.control("delay:open=0.2");
    let timeout = Duration::from_secs(1);
    let storage = Storage::with_timeout(timeout);
    let start = Instant::now();
    let error = (0..100)
        .find_map(|_| open(&storage, &fs.image()).err())
        .expect("a time-out");
    assert_eq!(error.code(), Code::Timeout);
    assert!(start.elapsed() >= timeout, "{:?}", start.elapsed());
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    Ok(())
}

fn errors() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    for (words, errno, text) in [
        ("err:lookup=EACCES", libc::EACCES, "cannot open"),
        ("err:open=EIO", libc::EIO, "cannot open"),
        ("err:getattr=ESTALE", libc::ESTALE, "cannot stat"),
        ("err:read=EIO", libc::EIO, "cannot read"),
    ] {
        fs.control(words);
        let inline = open(&Storage::inline(), &fs.image())
            .err()
            .expect("an error");
        let timed = open(&Storage::with_timeout(LONG), &fs.image())
            .err()
            .expect("an error");
        assert_eq!(timed, inline);
        assert_eq!(timed.errno(), errno, "{words}");
        assert!(timed.to_string().starts_with(text), "{timed}");
    }
    Ok(())
}

fn others_go_on() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    let directory = support::memory_directory("others")?;
    let other = directory.join("image");
    fs::write(&other, pattern(100)).expect("image");
    fs.control("open");
    std::thread::scope(|scope| {
        let held = scope.spawn(|| assert_timeout(&fs.image()));
        let mut calls = 0;
        while !held.is_finished() {
            open(&Storage::with_timeout(LONG), &other).expect("open");
            calls += 1;
        }
        assert!(calls > 0);
    });
    support::remove(&directory);
    Ok(())
}

fn many() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    let directory = support::directory("many");
    let memory = support::memory_directory("many")?;
    let mut paths = Vec::new();
    for i in 0..40 {
        let parent = if i % 2 == 0 { &directory } else { &memory };
        paths.push(parent.join(format!("{i}.raw")));
        fs::write(&paths[i], pattern(1000 + i)).expect("image");
    }
    paths.insert(20, fs.image());
    fs.control("getattr");
    let names: Vec<&[u8]> = paths.iter().map(|path| bytes(path)).collect();
    let options = ManyOptions {
        timeout: Some(Duration::from_secs(2)),
        ..ManyOptions::default()
    };
    let start = Instant::now();
    let answers = inspect_many(&names, &options).expect("options");
    assert!(start.elapsed() < SOON);
    for (i, answer) in answers.iter().enumerate() {
        match answer {
            Err(error) => assert_eq!((i, error.code()), (20, Code::Timeout)),
            Ok(info) => assert_eq!(info.file.size as usize, 1000 + i - usize::from(i > 20)),
        }
    }
    support::remove(&directory);
    support::remove(&memory);
    Ok(())
}

fn many_held() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    let directory = support::directory("many-held");
    let near = directory.join("near.raw");
    fs::write(&near, pattern(1000)).expect("image");
    let mut paths = Vec::new();
    for i in 0..50 {
        paths.push(fs.image().with_file_name(format!("{i}.raw")));
        fs::write(fs.root().join(format!("{i}.raw")), b"x").expect("image");
    }
    paths.push(near);
    fs.control("open");
    let names: Vec<&[u8]> = paths.iter().map(|path| bytes(path)).collect();
    let options = ManyOptions {
        timeout: Some(Duration::from_secs(1)),
        ..ManyOptions::default()
    };
    let start = Instant::now();
    let mut answers = inspect_many(&names, &options).expect("options");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    let near = answers.pop().expect("as many answers");
    assert_eq!(near.expect("an answer").file.size, 1000);
    for answer in answers {
        let code = answer.expect_err("no answer").code();
        assert!(matches!(code, Code::Timeout | Code::Busy), "{code:?}");
    }
    assert!(helpers().len() <= limits::STUCK_HELPERS);
    fs.release();
    support::no_helper_left();
    support::remove(&directory);
    Ok(())
}

/// Neither those whose helper can be killed nor those that the kernel keeps for a while.
fn bounded_memory() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    let call = || {
        let storage = Storage::with_timeout(Duration::from_millis(10));
        let error = open(&storage, &fs.image()).err().expect("no answer");
        assert!(matches!(error.code(), Code::Timeout | Code::Busy));
    };
    let round = || {
        fs.control("open");
        (0..30).for_each(|_| call());
        fs.release();
        support::no_helper_left();
        fs.stop();
        (0..20).for_each(|_| call());
        fs.signal(libc::SIGCONT);
        support::no_helper_left();
    };
    let mappings = || {
        fs::read_to_string("/proc/self/maps")
            .expect("/proc")
            .lines()
            .count()
    };
    (0..2).for_each(|_| round());
    let before = (support::resident(), mappings(), support::descriptors());
    (0..5).for_each(|_| round());
    let grown = support::resident().saturating_sub(before.0);
    assert!(grown < 512, "{grown} KiB");
    assert!(mappings() <= before.1 + 4, "{} mappings", mappings());
    assert_eq!(support::descriptors(), before.2);
    Ok(())
}

/// Lets as many calls hang as may.
fn fill(fs: &HangFs) -> Vec<u32> {
    fs.control("open");
    get_stuck(&fs.image(), limits::STUCK_HELPERS)
}

fn assert_busy(fs: &HangFs) {
    let start = Instant::now();
    let error = open(&Storage::with_timeout(LONG), &fs.image())
        .err()
        .expect("refused");
    assert_eq!(error.code(), Code::Busy);
    assert_eq!(error.path(), Some(bytes(&fs.image())));
    assert!(start.elapsed() < SOON);
}

/// Nothing can be mapped meanwhile, and so no helper started.
fn without_room(check: impl FnOnce()) {
    // SAFETY: a limit of this process, which is put back.
    unsafe {
        let mut before = std::mem::zeroed::<libc::rlimit>();
        assert_eq!(libc::getrlimit(libc::RLIMIT_AS, &mut before), 0);
        let none = libc::rlimit {
            rlim_cur: 0,
            ..before
        };
        assert_eq!(libc::setrlimit(libc::RLIMIT_AS, &none), 0);
        check();
        assert_eq!(libc::setrlimit(libc::RLIMIT_AS, &before), 0);
    }
}

fn sixteen() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    let fds = support::descriptors();
    for _ in 0..2 {
        fill(&fs);
        assert_busy(&fs);
        without_room(|| assert_busy(&fs));
        assert_eq!(stuck_helpers().len(), limits::STUCK_HELPERS);
        fs.release();
        support::eventually("calls are taken again", || {
            open(&Storage::with_timeout(LONG), &fs.image()).is_ok()
        });
        support::no_helper_left();
    }
    assert_eq!(support::descriptors(), fds);
    Ok(())
}

fn side_by_side() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    fs.control("open");
    let timeout = Duration::from_secs(1);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                let error = open(&Storage::with_timeout(timeout), &fs.image()).err();
                let code = error.expect("no answer").code();
                assert!(matches!(code, Code::Timeout | Code::Busy), "{code:?}");
            });
        }
    });
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert!(helpers().len() <= limits::STUCK_HELPERS);
    fs.release();
    support::no_helper_left();
    Ok(())
}

fn child_counts_afresh() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    let stuck = fill(&fs);
    let status = fork(|| {
        assert_timeout(&fs.image());
        get_stuck(&fs.image(), 1);
        fs.release();
        support::no_helper_left();
    });
    assert_eq!(status, 0);
    // The child did not wait for them.
    let mut left = helpers();
    left.sort_unstable();
    assert_eq!(left, stuck);
    support::no_helper_left();
    Ok(())
}

fn stopped_server() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    fs.stop();
    assert_timeout(&fs.image());
    // A request that the server has not taken yet can be given up: the helper is gone at once.
    support::no_helper_left();
    fs.signal(libc::SIGCONT);
    open(&Storage::with_timeout(LONG), &fs.image()).expect("open");
    Ok(())
}

static ALARMS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count_alarm(_: libc::c_int) {
    ALARMS.fetch_add(1, Ordering::Relaxed);
}

fn signals() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    fs.control("getattr");
    let handler: extern "C" fn(libc::c_int) = count_alarm;
    let every = libc::timeval {
        tv_sec: 0,
        tv_usec: 10_000,
    };
    let timer = libc::itimerval {
        it_interval: every,
        it_value: every,
    };
    // SAFETY: the handler only counts.
    unsafe {
        libc::signal(libc::SIGALRM, handler as libc::sighandler_t);
        libc::signal(libc::SIGTERM, handler as libc::sighandler_t);
        libc::setitimer(libc::ITIMER_REAL, &timer, std::ptr::null_mut());
    }
    assert_timeout(&fs.image());
    let helper = get_stuck(&fs.image(), 1)[0];
    let alarms = ALARMS.load(Ordering::Relaxed);
    assert!(alarms > 0, "handlers of the caller run");
    // SAFETY: the timer is stopped; a signal to this process and one to its helper.
    unsafe {
        libc::setitimer(libc::ITIMER_REAL, &std::mem::zeroed(), std::ptr::null_mut());
        let before = ALARMS.load(Ordering::Relaxed);
        libc::kill(helper as i32, libc::SIGTERM);
        assert_eq!(
            ALARMS.load(Ordering::Relaxed),
            before,
            "no handler runs in a helper"
        );
        libc::raise(libc::SIGTERM);
        assert_eq!(ALARMS.load(Ordering::Relaxed), before + 1);
    }
    Ok(())
}

fn block_device() -> Result<(), Skip> {
    let fs = HangFs::new()?;
    let image = fs.image();
    let args = [
        "--read-only".as_ref(),
        "--find".as_ref(),
        "--show".as_ref(),
        image.as_os_str(),
    ];
    let Some(device) = tool("losetup", &args) else {
        return Err(Skip("losetup cannot set up a loop device".into()));
    };
    let path = std::path::Path::new(&device);
    fs.control("read");
    let start = Instant::now();
    let result = open(&Storage::with_timeout(SHORT), path).map(|_| ());
    let elapsed = start.elapsed();
    fs.release();
    // The helper lets go of the device before it can be taken down.
    support::no_helper_left();
    let healthy = open(&Storage::with_timeout(LONG), path).map(|(file, head)| (file.size(), head));
    tool("losetup", &["--detach".as_ref(), path.as_os_str()]);
    assert_eq!(result.expect_err("a time-out").code(), Code::Timeout);
    assert!(elapsed < SOON, "{elapsed:?}");
    assert_eq!(healthy.expect("open"), (HangFs::SIZE as u64, pattern(4096)));
    assert!(start.elapsed() < 4 * SOON);
    Ok(())
}
