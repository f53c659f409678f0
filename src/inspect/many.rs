//! Many images side by side, none of them held up by another.
//!
//! What is at hand is answered first, on the calling thread, by ways that cannot block; only the
//! rest goes to a few threads. All threads have ended when the call returns.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::Bounds;
use super::info;
use super::options::at_most;
use crate::error::{Error, ErrorKind, Result};
use crate::image::{FormatChoice, ImageInfo, open};
use crate::io::Storage;
use crate::limits::{self, Limits};
use crate::panics;

/// How to look at many images.
#[derive(Clone, Copy, Debug, Default)]
pub struct ManyOptions {
    /// How long the whole call may take.
    pub timeout: Option<Duration>,
    /// Images looked at side by side; 0 means [`limits::THREADS`], and more are refused.
    pub threads: usize,
    /// The bounds for each image.
    pub limits: Limits,
}

type Answer = Result<ImageInfo>;

/// What is known of each of `filenames`, in their order. The extension of a name decides on its
/// format. An error only if the options make no sense.
pub fn inspect_many(filenames: &[&[u8]], options: &ManyOptions) -> Result<Vec<Answer>> {
    let threads = match at_most("threads", options.threads, limits::THREADS)? {
        0 => limits::THREADS,
        threads => threads,
    };
    // A time-out beyond what the clock can count to is none.
    let end = options
        .timeout
        .and_then(|timeout| Instant::now().checked_add(timeout));
    let gated = Storage::at_hand().with_limits(options.limits);
    let mut answers: Vec<Option<Answer>> = filenames
        .iter()
        .map(|filename| at_hand(&gated, filename))
        .collect();
    let waiting: Vec<usize> = (0..answers.len())
        .filter(|&i| answers[i].is_none())
        .collect();
    for (index, answer) in side_by_side(&waiting, threads, |i| {
        wait_for(filenames[i], end, options.limits)
    }) {
        answers[index] = Some(answer);
    }
    let lost = || {
        Err(Error::new(ErrorKind::Panic(
            "an image was not looked at".into(),
        )))
    };
    let answers = answers
        .into_iter()
        .map(|answer| answer.unwrap_or_else(lost))
        .collect();
    Ok(answers)
}

/// The answer if storage need not be waited for.
fn at_hand(gated: &Storage, filename: &[u8]) -> Option<Answer> {
    match open(gated, filename, FormatChoice::Extension) {
        Err(error) if error.would_block() => None,
        answer => Some(answer),
    }
}

fn wait_for(filename: &[u8], end: Option<Instant>, limits: Limits) -> Answer {
    let bounds = Bounds {
        timeout: end.map(|end| end.saturating_duration_since(Instant::now())),
        limits,
    };
    info(filename, FormatChoice::Extension, bounds)
}

/// Runs `work` on each of `items` in at most `threads` threads, this one among them; the answers
/// come in any order. A panic is the answer for its item alone.
pub fn side_by_side<T: Send>(
    items: &[usize],
    threads: usize,
    work: impl Fn(usize) -> Result<T> + Sync,
) -> Vec<(usize, Result<T>)> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let run = || {
        while let Some(&item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            let answer = panics::caught(|| work(item)).unwrap_or_else(Err);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_the_answer_for_its_item_alone() {
        for threads in [1, 4] {
            let items: Vec<usize> = (0..10).collect();
            let mut answers = side_by_side(&items, threads, |i| {
                assert!(i != 3, "item {i}");
                Ok(i)
            });
            answers.sort_by_key(|(item, _)| *item);
            for (item, answer) in answers {
                match answer {
                    Ok(i) => assert_eq!(i, item),
                    Err(error) => {
                        assert_eq!(item, 3);
                        assert_eq!(error.kind(), &ErrorKind::Panic("item 3".into()));
                    }
                }
            }
        }
    }
}
