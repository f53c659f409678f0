//! The panic boundary. A panic inside a call of ours is a defect of this library: it is caught,
//! told to the caller as an error, and not printed.
//!
//! Rust's panic hook is process-wide. A program that is written in Rust as well and has this
//! library linked in shares it with us, so ours only takes the panics that happen inside our
//! calls, in whichever thread, and leaves all others to the hook it found.

use std::panic;
use std::sync::Once;

use pve_native_core as core;
pub use pve_native_core::panics::outside;
use pve_native_core::panics::{self, note};

/// Runs `body`; a panic in it is silent and ends here.
pub fn caught<T>(body: impl FnOnce() -> T) -> core::Result<T> {
    install_hook();
    // Nothing that `body` borrows is looked at after a panic, but for handles: they are poisoned.
    panics::caught(body)
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
            if !note(info) {
                former(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use pve_native_core::inspect::side_by_side;

    #[test]
    fn only_panics_outside_our_calls_reach_the_hook_that_was_there() {
        static SEEN: AtomicUsize = AtomicUsize::new(0);
        // Other tests may have installed our hook already: then this one stands above it, as in
        // a program that sets its own later.
        let former = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !note(info) {
                SEEN.fetch_add(1, Ordering::SeqCst);
            } else {
                former(info);
            }
        }));
        let error = caught::<()>(|| panic!("number {}", 7)).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("internal error: number 7 at "), "{text}");
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

    /// Runs in a process of its own, whose standard error is looked at.
    #[test]
    fn a_panic_in_a_thread_of_ours_is_told_with_its_place_and_not_printed() {
        const INNER: &str = "PVEN_TEST_PANIC_IN_THREAD";
        if std::env::var_os(INNER).is_some() {
            let items: Vec<usize> = (0..40).collect();
            let answers = caught(|| {
                side_by_side(&items, 4, |i| -> core::Result<usize> {
                    // Long enough that every thread gets some.
                    std::thread::sleep(std::time::Duration::from_millis(5));
                    panic!("item {i}\nof {}", items.len())
                })
            });
            for (item, answer) in answers.unwrap() {
                let text = answer.unwrap_err().to_string();
                let start = format!("internal error: item {item}\\nof 40 at ");
                assert!(
                    text.starts_with(&start) && text.contains("panic.rs:"),
                    "{text}"
                );
            }
            return;
        }
        let name =
            "ffi::panic::tests::a_panic_in_a_thread_of_ours_is_told_with_its_place_and_not_printed";
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture", "--test-threads=1"])
            .env(INNER, "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}
