//! Which library this is.

use std::ffi::{CStr, c_char};

/// Counts the versions of this interface: one more with each addition. It changes apart from the
/// version of the project; what would break a program changes the SONAME instead.
pub const PVEN_ABI_VERSION: u32 = 1;

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("the version contains a NUL byte"),
    };

/// The PVEN_ABI_VERSION of the library that runs. A program built with a header of version N works
/// with libraries that answer N or more.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn pven_abi_version() -> u32 {
    PVEN_ABI_VERSION
}

/// The version of the project, such as "0.1.0". Static: never freed.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn pven_version() -> *const c_char {
    VERSION.as_ptr()
}
