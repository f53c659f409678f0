//! The panic boundary. A panic inside a call of ours is a defect of this library: it is caught,
//! told to the caller as an error, and not printed, since a library has no business on stderr.
//!
//! Rust's panic hook is process-wide. A program that is written in Rust as well and has this
//! library linked in shares it with us, so ours only takes the panics that happen inside our
//! calls, which a thread-local depth tells, and leaves all others to the hook it found.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe, Location, PanicHookInfo};
use std::sync::Once;

/// A caught panic: its message and place.
pub struct Caught(pub String);

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `body`; a panic in it is silent and ends here.
pub fn caught<T>(body: impl FnOnce() -> T) -> Result<T, Caught> {
    install_hook();
    let depth = Depth::set(|depth| depth + 1);
    // Nothing that `body` borrows is looked at after a panic, but for handles: they are poisoned.
    let result = panic::catch_unwind(AssertUnwindSafe(body));
    drop(depth);
    result.map_err(|payload| {
        let message = message_of(&*payload);
        let place = PLACE.try_with(RefCell::take).ok().flatten();
        Caught(match place {
            Some(place) => format!("{message} at {place}"),
            None => message.into(),
        })
    })
}

/// Runs a callback of the caller's: what panics in there is the caller's own affair.
pub fn outside<T>(callback: impl FnOnce() -> T) -> T {
    let _depth = Depth::set(|_| 0);
    callback()
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

fn install_hook() {
    static INSTALLED: Once = Once::new();
    // The hook cannot be changed while this thread unwinds, as in a destructor that calls us.
    if INSTALLED.is_completed() || std::thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let former = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !ours(info) {
                former(info);
            }
        }));
    });
}

/// Whether the panic happens inside one of our calls; remembers its place if so.
fn ours(info: &PanicHookInfo<'_>) -> bool {
    let inside = DEPTH.try_with(Cell::get).unwrap_or(0) > 0;
    if inside {
        let place = info.location().map(Location::to_string);
        let _ = PLACE.try_with(|cell| cell.replace(place));
    }
    inside
}

fn message_of(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "panic"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn only_panics_outside_our_calls_reach_the_hook_that_was_there() {
        static SEEN: AtomicUsize = AtomicUsize::new(0);
        // Other tests may have installed our hook already: then this one stands above it, as in
        // a program that sets its own later.
        let former = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !ours(info) {
                SEEN.fetch_add(1, Ordering::SeqCst);
            } else {
                former(info);
            }
        }));
        let text = caught::<()>(|| panic!("number {}", 7)).map_or_else(|c| c.0, |()| String::new());
        assert!(text.starts_with("number 7 at "), "{text}");
        assert!(text.contains("panic.rs:"), "{text}");
        assert_eq!(SEEN.load(Ordering::SeqCst), 0);
        let inner = caught(|| {
            let theirs = outside(|| panic::catch_unwind(|| panic!("the caller's")));
            assert!(theirs.is_err());
        });
        assert!(inner.is_ok());
        assert_eq!(SEEN.load(Ordering::SeqCst), 1);
        assert!(panic::catch_unwind(|| panic!("not in a call")).is_err());
        assert_eq!(SEEN.load(Ordering::SeqCst), 2);
    }
}
