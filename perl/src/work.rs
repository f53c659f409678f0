//! `PVE::Native::Work`: long work in Perl's hands. Perl's own loop does it a part at a time, so that
//! it can show how far it is and stop it, and so that signal handlers get their turn in between.

use std::cell::Cell;

use perlmod::Value;
use pve_native_core::{Error, work};

use crate::failure::Failure;

/// Work whose answer is for Perl.
trait Task {
    fn advance(&mut self) -> Result<Option<Value>, Failure>;

    fn progress(&self) -> work::Progress;
}

struct For<W: work::Work> {
    work: W,
    answer: fn(W::Answer) -> Result<Value, perlmod::Error>,
}

impl<W: work::Work> Task for For<W> {
    fn advance(&mut self) -> Result<Option<Value>, Failure> {
        let answer = self.work.advance()?.map(self.answer);
        answer.transpose().map_err(Failure::internal)
    }

    fn progress(&self) -> work::Progress {
        self.work.progress()
    }
}

/// Work as Perl's objects hold it. It is taken out while a part of it is done, and not put back
/// after the last one, an error or a panic.
pub struct Work {
    task: Cell<Option<Box<dyn Task>>>,
    progress: Cell<work::Progress>,
}

impl Work {
    fn advance(&self) -> Result<Option<Value>, Failure> {
        let Some(mut task) = self.task.take() else {
            return Err(Error::argument("this work is over").into());
        };
        let answer = task.advance()?;
        if answer.is_none() {
            self.progress.set(task.progress());
            self.task.set(Some(task));
        }
        Ok(answer)
    }
}

/// An object for this work; `answer` makes a Perl value of what comes of it.
pub fn start<W: work::Work + 'static>(
    work: W,
    answer: fn(W::Answer) -> Result<Value, perlmod::Error>,
) -> Result<Value, Failure> {
    let task: Box<dyn Task> = Box::new(For { work, answer });
    export::object(Work {
        progress: Cell::new(task.progress()),
        task: Cell::new(Some(task)),
    })
}

#[perlmod::package(name = "PVE::Native::RS::Work", lib = "Native")]
mod export {
    use perlmod::Value;
    use pve_native_core::{Error, ErrorKind};

    use super::Work;
    use crate::failure::Failure;

    perlmod::declare_magic!(Box<Work> : &Work as "PVE::Native::Work");

    pub fn object(work: Work) -> Result<Value, Failure> {
        let class = Value::new_string(CLASSNAME);
        perlmod::instantiate_magic_result!(&class, MAGIC => Box::new(work))
            .map_err(Failure::internal)
    }

    fn work_of(object: &Value) -> Result<&Work, Failure> {
        <&Work>::try_from(object).map_err(|_| Error::argument("this is no work").into())
    }

    /// Function: does the next part; undef, or after the last one the answer, a reference.
    #[export(raw_return, serialize_error)]
    fn advance(#[raw] this: Value) -> Result<Value, Failure> {
        let answer = work_of(&this)?.advance()?;
        Ok(answer.unwrap_or_else(Value::new_undef))
    }

    /// Function: what is done, and what there is to do.
    #[export(serialize_error)]
    fn progress(#[raw] this: Value) -> Result<(u64, u64), Failure> {
        let progress = work_of(&this)?.progress.get();
        Ok((progress.done, progress.total))
    }

    /// Function: gives the work up, which is an error.
    #[export(serialize_error)]
    fn cancel(#[raw] this: Value) -> Result<(), Failure> {
        drop(work_of(&this)?.task.take());
        Err(Error::new(ErrorKind::Cancelled).into())
    }
}
