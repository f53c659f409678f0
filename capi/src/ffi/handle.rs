//! Handles and their poison: after a panic nobody knows in which state an object is, so that only
//! its `_free` still works.

use std::sync::atomic::{AtomicBool, Ordering};

use pve_native_core as core;

use super::{Out, Plain, StructOut, finish, panic};
use crate::error::Error;

/// Set by a panic in a call on the handle.
#[derive(Debug, Default)]
pub struct Poison(AtomicBool);

/// An object behind an opaque pointer.
pub trait Handle {
    /// What calls it in the message about a NULL pointer.
    const NAME: &'static str;
    /// Its poison.
    fn poison(&self) -> &Poison;
}

/// Runs the body of a fallible function on a handle. The body gets the handle or why there is
/// none, so that it can clear its out-parameters before it looks.
///
/// # Safety
/// `err` is NULL or points to a place for a pointer.
pub unsafe fn on<H: Handle>(
    handle: Option<&H>,
    err: *mut Option<Box<Error>>,
    body: impl FnOnce(core::Result<&H>) -> core::Result<()>,
) -> i32 {
    // SAFETY: as this function demands.
    let err = unsafe { Out::cleared(err, None) };
    let result = panic::caught(|| body(usable(handle)));
    finish(
        err,
        result.unwrap_or_else(|caught| {
            poison(handle);
            Err(caught)
        }),
    )
}

/// The same for a function that copies a struct out of what belongs to the handle.
///
/// # Safety
/// As for [`on`]; `out` is NULL or a place of `out_size` bytes.
pub unsafe fn fill<H: Handle, T: Plain>(
    handle: Option<&H>,
    out: *mut T,
    out_size: usize,
    err: *mut Option<Box<Error>>,
    body: impl FnOnce(&H) -> core::Result<T>,
) -> i32 {
    // SAFETY: as this function demands.
    unsafe {
        on(handle, err, |handle| {
            let out = StructOut::cleared(out, out_size).required();
            let value = body(handle?)?;
            out?.put(&value);
            Ok(())
        })
    }
}

/// The same as [`on`] for a function that changes its handle.
///
/// # Safety
/// As for [`on`].
pub unsafe fn on_mut<H: Handle>(
    mut handle: Option<&mut H>,
    err: *mut Option<Box<Error>>,
    body: impl FnOnce(core::Result<&mut H>) -> core::Result<()>,
) -> i32 {
    // SAFETY: as this function demands.
    let err = unsafe { Out::cleared(err, None) };
    let result = panic::caught(|| {
        let sound = usable(handle.as_deref()).map(drop);
        let missing = || core::Error::new(core::ErrorKind::Poisoned);
        body(sound.and_then(|()| handle.as_deref_mut().ok_or_else(missing)))
    });
    finish(
        err,
        result.unwrap_or_else(|caught| {
            poison(handle.as_deref());
            Err(caught)
        }),
    )
}

/// Runs the body of a function on a handle that cannot fail; `fallback` is the answer for NULL,
/// for a poisoned handle and after a panic.
pub fn value_of<H: Handle, T: Copy>(
    handle: Option<&H>,
    fallback: T,
    body: impl FnOnce(&H) -> T,
) -> T {
    panic::caught(|| usable(handle).map_or(fallback, body)).unwrap_or_else(|_| {
        poison(handle);
        fallback
    })
}

/// Lends what belongs to a handle; None for NULL, for a poisoned handle and after a panic.
pub fn lent<'a, H: Handle, T>(
    handle: Option<&'a H>,
    body: impl FnOnce(&'a H) -> &'a T,
) -> Option<&'a T> {
    panic::caught(|| usable(handle).ok().map(body)).unwrap_or_else(|_| {
        poison(handle);
        None
    })
}

fn usable<H: Handle>(handle: Option<&H>) -> core::Result<&H> {
    let handle = handle.ok_or_else(|| core::Error::argument(format!("{} is NULL", H::NAME)))?;
    if handle.poison().0.load(Ordering::Acquire) {
        return Err(core::Error::new(core::ErrorKind::Poisoned));
    }
    Ok(handle)
}

fn poison<H: Handle>(handle: Option<&H>) {
    if let Some(handle) = handle {
        handle.poison().0.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::*;
    use std::ptr;

    #[derive(Default)]
    struct Thing(Poison);

    impl Handle for Thing {
        const NAME: &'static str = "thing";
        fn poison(&self) -> &Poison {
            &self.0
        }
    }

    #[test]
    fn a_panic_poisons_its_handle_and_no_other() {
        let (thing, other) = (Thing::default(), Thing::default());
        let mut err = None;
        // SAFETY: `err` is a place for a pointer.
        let code = unsafe { on(Some(&thing), &mut err, |_| panic!("broken\0inside")) };
        assert_eq!(code, PVEN_ERR_PANIC);
        let message = err.as_deref().map(Error::message_text).unwrap_or_default();
        assert!(message.contains("broken\\u{0}inside"), "{message}");
        assert!(message.contains("handle.rs:"), "{message}");
        // SAFETY: as above; NULL is allowed.
        unsafe {
            let body = |handle: core::Result<&Thing>| handle.map(drop);
            assert_eq!(on(Some(&thing), &mut err, body), PVEN_ERR_POISONED);
            assert!(err.is_some());
            assert_eq!(on(Some(&other), &mut err, body), PVEN_OK);
            assert!(err.is_none());
            assert_eq!(on::<Thing>(None, ptr::null_mut(), body), PVEN_ERR_ARGUMENT);
        }
        let mut changed = Thing::default();
        // SAFETY: as above.
        unsafe {
            let body = |handle: core::Result<&mut Thing>| handle.map(drop);
            assert_eq!(on_mut(Some(&mut changed), &mut err, body), PVEN_OK);
            let code = on_mut(Some(&mut changed), &mut err, |_| panic!("while it changes"));
            assert_eq!(code, PVEN_ERR_PANIC);
            assert_eq!(
                on_mut(Some(&mut changed), &mut err, body),
                PVEN_ERR_POISONED
            );
            let none = None::<&mut Thing>;
            assert_eq!(on_mut(none, ptr::null_mut(), body), PVEN_ERR_ARGUMENT);
            drop(err.take());
        }
        assert_eq!(value_of(Some(&thing), 1, |_| 2), 1);
        assert_eq!(value_of(Some(&other), 1, |_| panic!("also here")), 1);
        assert_eq!(value_of(Some(&other), 1, |_| 2), 1);
        assert!(lent(Some(&other), |other| other).is_none());
        let third = Thing::default();
        assert!(lent(Some(&third), |third| third).is_some());
        assert!(lent::<Thing, Thing>(None, |thing| thing).is_none());
    }
}
