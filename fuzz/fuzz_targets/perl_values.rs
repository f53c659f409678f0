//! Perl data of every kind, into every function of perlmod-compat's test library, in an interpreter
//! of its own. `perl/perlmod-compat/tests/fuzz.t` runs the same without a fuzzer.
#![no_main]

use std::ffi::{CStr, c_char, c_int};
use std::sync::Once;

// For the packages that the interpreter boots.
use perlmod_compat_testlib as _;

unsafe extern "C" {
    fn fuzz_perl_start(folder: *const c_char) -> c_int;
    fn fuzz_perl_run(input: *const c_char, length: usize) -> *const c_char;
}

const FOLDER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../perl/perlmod-compat/tests\0"
);

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    static START: Once = Once::new();
    // SAFETY: a string with a NUL; all of this happens on one thread.
    START.call_once(|| assert_eq!(unsafe { fuzz_perl_start(FOLDER.as_ptr().cast()) }, 0));
    // SAFETY: the interpreter runs, and the input is as long as it says.
    let wrong = unsafe { fuzz_perl_run(data.as_ptr().cast(), data.len()) };
    // SAFETY: NULL or a string.
    assert!(wrong.is_null(), "{:?}", unsafe { CStr::from_ptr(wrong) });
});
