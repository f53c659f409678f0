//! Panics are defects of this library. Where one is caught, its text and its place become an
//! error, and nothing is printed, since a library has no business on stderr.
//!
//! A panic's place is known to the process's panic hook alone. That belongs to the process, so the
//! faces set it, and theirs asks [`note`] first: here is only what a thread knows of itself. A
//! thread that does the work of a call is inside [`caught`] like the one that was called.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, Location, PanicHookInfo, catch_unwind};

use crate::error::{Error, ErrorKind, Result};
use crate::text::printable;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `body`. A panic in it ends here, as an error of one line with text and place; what `body`
/// can reach must not be used again then.
pub fn caught<T>(body: impl FnOnce() -> T) -> Result<T> {
    let depth = Depth::set(|depth| depth + 1);
    let result = catch_unwind(AssertUnwindSafe(body));
    drop(depth);
    result.map_err(|payload| {
        let text = printable(text_of(&*payload).as_bytes());
        let place = PLACE.try_with(RefCell::take).ok().flatten();
        Error::new(ErrorKind::Panic(match place {
            Some(place) => format!("{text} at {place}"),
            None => text.into_owned(),
        }))
    })
}

/// Runs a callback of the caller's: what panics in there is the caller's own affair.
pub fn outside<T>(callback: impl FnOnce() -> T) -> T {
    let _depth = Depth::set(|_| 0);
    callback()
}

/// For the panic hook: whether the panic is ours, in which case its place is remembered and it
/// should not be printed.
pub fn note(info: &PanicHookInfo<'_>) -> bool {
    let inside = DEPTH.try_with(Cell::get).unwrap_or(0) > 0;
    if inside {
        let place = info.location().map(Location::to_string);
        let _ = PLACE.try_with(|cell| cell.replace(place));
    }
    inside
}

/// How deep this thread is in our calls; dropping it puts the former depth back.
struct Depth(u32);

impl Depth {
    fn set(change: impl FnOnce(u32) -> u32) -> Self {
        // In a thread that is ending, calls still work; a panic would then be printed.
        let set = |cell: &Cell<u32>| cell.replace(change(cell.get()));
        Depth(DEPTH.try_with(set).unwrap_or(0))
    }
}

impl Drop for Depth {
    fn drop(&mut self) {
        let _ = DEPTH.try_with(|cell| cell.set(self.0));
    }
}

fn text_of(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "a panic without a text"
    }
}
