//! A bar on standard error while something takes long; nothing if it does not, or if standard error
//! is no terminal.

use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use pve_native_core::Result;
use pve_native_core::work::{self, Work};

use crate::human::locale_is_utf8;

/// What is over by then needs no bar.
const PATIENCE: Duration = Duration::from_millis(500);
const TEMPLATE: &str = "{msg}  {bar:32}  {percent:>3} %  {left}";

/// The bar. It vanishes when it is dropped, so that has to happen before anything is written.
pub struct Bar {
    what: &'static str,
    /// None if nothing is to be shown.
    since: Option<Instant>,
    shown: Option<ProgressBar>,
}

impl Bar {
    /// A bar for an answer that is written when the work is done.
    pub fn new(what: &'static str) -> Self {
        Bar::shown_if(what, true)
    }

    /// A bar for an answer that is written while the work goes on. It is shown only if the answer
    /// goes into a file: behind a pipe may be a pager, on the same terminal.
    pub fn beside_answer(what: &'static str) -> Self {
        Bar::shown_if(what, answer_goes_into_a_file())
    }

    fn shown_if(what: &'static str, wanted: bool) -> Self {
        let wanted = wanted && io::stderr().is_terminal();
        Bar {
            what,
            since: wanted.then(Instant::now),
            shown: None,
        }
    }

    /// So much of the work is done.
    pub fn update(&mut self, done: u64, total: u64) {
        let Some(waited) = self.since.map(|since| since.elapsed()) else {
            return;
        };
        if waited < PATIENCE {
            return;
        }
        let bar = self.shown.get_or_insert_with(|| {
            let bar = ProgressBar::new(total).with_elapsed(waited);
            bar.with_message(self.what).with_style(style())
        });
        bar.set_length(total);
        bar.set_position(done);
    }
}

/// Does all of the work, with a bar.
pub fn finish<W: Work>(what: &'static str, work: W) -> Result<W::Answer> {
    let mut bar = Bar::new(what);
    work::finish(work, &mut |progress| {
        bar.update(progress.done, progress.total);
        true
    })
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

fn answer_goes_into_a_file() -> bool {
    let answer = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let kind = answer.and_then(|file| file.metadata());
    kind.is_ok_and(|kind| kind.is_file())
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template(TEMPLATE);
    // The tests show that the template is right; another one would only look different.
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar());
    let style = style.with_key("left", left);
    match locale_is_utf8() {
        true => style.progress_chars("━╸─"),
        false => style.progress_chars("=>-"),
    }
}

/// How long it will take yet, if it goes on as it has begun.
fn left(state: &ProgressState, out: &mut dyn fmt::Write) {
    let (done, elapsed) = (f64::from(state.fraction()), state.elapsed().as_secs_f64());
    let left = elapsed * (1.0 - done) / done;
    // Nothing is known yet, or nothing that anybody would believe.
    if let Ok(left) = Duration::try_from_secs_f64(left).map(|left| left.as_secs()) {
        if done > 0.01 && left < 1_000_000 {
            let left = humantime::format_duration(Duration::from_secs(left));
            // A bar has nobody to tell that it cannot be written.
            let _ = write!(out, "{left} left");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_right() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    #[test]
    fn what_is_soon_over_has_no_bar() {
        let mut bar = Bar {
            what: "testing",
            since: Some(Instant::now()),
            shown: None,
        };
        bar.update(1, 2);
        assert!(bar.shown.is_none());
        bar.since = Instant::now().checked_sub(PATIENCE);
        bar.update(1, 2);
        assert!(bar.shown.is_some());
    }
}
