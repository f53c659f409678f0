//! Many images side by side, none of them held up by another.
//!
//! What is at hand is answered first, on the calling thread, by ways that cannot block; only the
//! rest goes to a few threads. All threads have ended when the call returns.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::image::{FormatChoice, ImageInfo, open};
use crate::io::Storage;
use crate::limits;

/// How to look at many images.
#[derive(Clone, Copy, Debug, Default)]
pub struct ManyOptions {
    /// How long the whole call may take.
    pub timeout: Option<Duration>,
    /// Images looked at side by side; 0 means [`limits::THREADS`], which is also the most.
    pub threads: usize,
}

type Answer = Result<ImageInfo>;

/// What is known of each of `filenames`, in their order. The extension of a name decides on its
/// format.
pub fn inspect_many(filenames: &[&[u8]], options: &ManyOptions) -> Vec<Answer> {
    let end = options.timeout.map(|timeout| Instant::now() + timeout);
    let gated = Storage::at_hand();
    let mut answers: Vec<Option<Answer>> = filenames
        .iter()
        .map(|filename| at_hand(&gated, filename))
        .collect();
    let waiting: Vec<usize> = (0..answers.len())
        .filter(|&i| answers[i].is_none())
        .collect();
    let threads = match options.threads {
        0 => limits::THREADS,
        threads => threads.min(limits::THREADS),
    };
    for (index, answer) in in_threads(&waiting, threads, |i| wait_for(filenames[i], end)) {
        answers[index] = Some(answer);
    }
    let lost = || {
        Err(Error::new(ErrorKind::Panic(
            "an image was not looked at".into(),
        )))
    };
    answers
        .into_iter()
        .map(|answer| answer.unwrap_or_else(lost))
        .collect()
}

/// The answer if storage need not be waited for.
fn at_hand(gated: &Storage, filename: &[u8]) -> Option<Answer> {
    match open(gated, filename, FormatChoice::Extension) {
        Err(error) if error.would_block() => None,
        answer => Some(answer),
    }
}

fn wait_for(filename: &[u8], end: Option<Instant>) -> Answer {
    let storage = match end {
        None => Storage::inline(),
        Some(end) => Storage::with_timeout(end.saturating_duration_since(Instant::now())),
    };
    open(&storage, filename, FormatChoice::Extension)
}

/// Runs `work` on each of `items` in at most `threads` threads.
fn in_threads<T: Send>(
    items: &[usize],
    threads: usize,
    work: impl Fn(usize) -> T + Sync,
) -> Vec<(usize, T)> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let run = || {
        while let Some(&item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            let answer = work(item);
            done.lock()
                .unwrap_or_else(|e| e.into_inner())
                .push((item, answer));
        }
    };
    if items.len() < 2 || threads < 2 {
        run();
    } else {
        std::thread::scope(|scope| {
            let quiet = crate::io::block_signals();
            for _ in 1..threads.min(items.len()) {
                // This thread works as well, so it does not matter if no other can be started.
                let _ = std::thread::Builder::new()
                    .stack_size(THREAD_STACK)
                    .spawn_scoped(scope, run);
            }
            drop(quiet);
            run();
        });
    }
    done.into_inner().unwrap_or_else(|e| e.into_inner())
}

/// Enough for a parser, small enough for sixteen.
const THREAD_STACK: usize = 256 << 10;
