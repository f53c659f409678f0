//! Long work on images, done a part at a time: whoever asked can show how far it is, and stop it by
//! not going on. A part takes some milliseconds where storage answers.

use crate::error::{Error, ErrorKind, Result};

/// How far work has come. The units are the work's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What is done.
    pub done: u64,
    /// What there is to do, as far as that is known; never less than what is done.
    pub total: u64,
}

/// Work that is done a part at a time.
pub trait Work {
    /// What comes of it.
    type Answer;

    /// Does the next part; with the last one comes the answer. After that, and after an error, it
    /// must not be called again.
    fn advance(&mut self) -> Result<Option<Self::Answer>>;

    /// How far it is.
    fn progress(&self) -> Progress;
}

/// Does all of the work. `watch` is told after each part how far it is; answering false cancels the
/// work, which is the error [`Cancelled`](crate::ErrorKind::Cancelled).
pub fn finish<W: Work>(mut work: W, watch: &mut dyn FnMut(Progress) -> bool) -> Result<W::Answer> {
    loop {
        if let Some(answer) = work.advance()? {
            return Ok(answer);
        }
        if !watch(work.progress()) {
            return Err(Error::new(ErrorKind::Cancelled));
        }
    }
}

/// Does all of the work, whatever it takes.
pub fn finish_unwatched<W: Work>(work: W) -> Result<W::Answer> {
    finish(work, &mut |_| true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    struct Count(u64);

    impl Work for Count {
        type Answer = u64;

        fn advance(&mut self) -> Result<Option<u64>> {
            self.0 += 1;
            Ok((self.0 == 5).then_some(self.0))
        }

        fn progress(&self) -> Progress {
            Progress {
                done: self.0,
                total: 5,
            }
        }
    }

    #[test]
    fn who_watches_can_stop_it() {
        let mut seen = Vec::new();
        let answer = finish(Count(0), &mut |progress| {
            seen.push(progress.done);
            true
        });
        assert_eq!((answer.unwrap(), seen), (5, vec![1, 2, 3, 4]));
        let error = finish(Count(0), &mut |progress| progress.done < 2).unwrap_err();
        assert_eq!(error.code(), Code::Cancelled);
        assert_eq!(finish_unwatched(Count(3)).unwrap(), 5);
    }
}
