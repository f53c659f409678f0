//! Panics inside a call from Perl: caught, kept off standard error, and turned into the text that
//! the caller dies with.
//!
//! A hook is set once per process and stays. It notes message and place for threads that are inside
//! a call, and hands every other panic to the hook that was there before, so that an embedding
//! program or a worker thread sees no difference. (A Perl library carries its own copy of Rust's
//! runtime, so the hook of another library in the same process is another variable anyway.)

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{
    AssertUnwindSafe, PanicHookInfo, catch_unwind, resume_unwind, set_hook, take_hook,
};
use std::sync::Once;

use crate::Scalar;

thread_local! {
    /// How many calls from Perl this thread is in.
    static INSIDE: Cell<u32> = const { Cell::new(0) };
    /// The last panic's text, from the hook to the catcher.
    static NOTED: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A Perl exception on its way through Rust frames to the call's end.
struct Thrown(Scalar);

// SAFETY: it is caught on the thread that threw it; panic payloads just have to be Send by type.
unsafe impl Send for Thrown {}

/// What stopped a caught function.
pub(crate) enum Stop {
    /// A panic, as the text to die with (without a newline).
    Panic(String),
    /// A Perl exception to be thrown again.
    Thrown(Scalar),
}

/// Leaves the running call with a Perl exception. Destructors run; nothing is printed.
pub(crate) fn throw(exception: Scalar) -> ! {
    resume_unwind(Box::new(Thrown(exception)))
}

fn message_of(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "panic without a message"
    }
}

fn note(info: &PanicHookInfo<'_>) {
    // One line, as every exception of ours.
    let message = message_of(info.payload()).trim().replace(['\n', '\r'], " ");
    let text = match info.location() {
        Some(at) => format!("internal error: {message} (at {}:{})", at.file(), at.line()),
        None => format!("internal error: {message}"),
    };
    NOTED.with(|noted| *noted.borrow_mut() = Some(text));
}

/// Sets the hook, once per process. Called when a package boots.
pub(crate) fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info| {
            // During thread exit the counter may be gone, which is not inside a call.
            if INSIDE.try_with(Cell::get).unwrap_or(0) > 0 {
                note(info);
            } else {
                previous(info);
            }
        }));
    });
}

struct Inside;

impl Inside {
    fn enter() -> Self {
        INSIDE.set(INSIDE.get() + 1);
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(INSIDE.get() - 1);
    }
}

/// Runs `body`, which is not looked at again if it panics.
pub(crate) fn catch<T>(body: impl FnOnce() -> T) -> Result<T, Stop> {
    let _inside = Inside::enter();
    catch_unwind(AssertUnwindSafe(body)).map_err(|payload| match payload.downcast::<Thrown>() {
        Ok(thrown) => Stop::Thrown(thrown.0),
        Err(payload) => {
            let text = NOTED.with(|noted| noted.borrow_mut().take());
            let text = text.unwrap_or_else(|| format!("internal error: {}", message_of(&*payload)));
            // A payload may be anything, even something that panics when it is dropped.
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(second);
            }
            Stop::Panic(text)
        }
    })
}
