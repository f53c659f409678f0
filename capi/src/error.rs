//! `pven_error` and the codes: what went wrong, as the core says it.

use std::ffi::{CStr, CString, c_char};
use std::ptr;

use pve_native_core as core;

use crate::{ffi, string};

/// Success.
pub const PVEN_OK: i32 = 0;
/// An argument that no call can be made with: NULL, an empty path, an unknown option or format.
pub const PVEN_ERR_ARGUMENT: i32 = 1;
/// The operating system refused; the errno says why.
pub const PVEN_ERR_IO: i32 = 2;
/// The file is not what it was said to be: wrong magic, a directory, a FIFO.
pub const PVEN_ERR_FORMAT: i32 = 3;
/// The file has the right magic, but its metadata breaks the format's rules.
pub const PVEN_ERR_CORRUPT: i32 = 4;
/// Valid, but a version, feature, protocol or driver that is not known here.
pub const PVEN_ERR_UNSUPPORTED: i32 = 5;
/// Above a bound of this library's or of the caller's.
pub const PVEN_ERR_LIMIT: i32 = 6;
/// The caller's policy forbids it.
pub const PVEN_ERR_DENIED: i32 = 7;
/// A backing chain that comes back to an image that is already in it.
pub const PVEN_ERR_CYCLE: i32 = 8;
/// A backing image whose format is not recorded, so that it could only be probed.
pub const PVEN_ERR_UNNAMED_FORMAT: i32 = 9;
/// The time that the caller gave is up.
pub const PVEN_ERR_TIMEOUT: i32 = 10;
/// Too many calls of this process already hang in the kernel.
pub const PVEN_ERR_BUSY: i32 = 11;
/// A defect of this library, caught at its border.
pub const PVEN_ERR_PANIC: i32 = 12;
/// The handle is unusable after PVEN_ERR_PANIC in an earlier call; it can only be freed.
pub const PVEN_ERR_POISONED: i32 = 13;
/// The caller's progress callback asked to stop.
pub const PVEN_ERR_CANCELLED: i32 = 14;

/// What pven_error_offset() answers if no single field is to blame.
pub const PVEN_NO_OFFSET: u64 = u64::MAX;

/// Why a call failed. Free it with pven_error_free().
#[derive(Debug)]
pub struct Error {
    code: i32,
    errno: i32,
    message: CString,
    path: Option<CString>,
    offset: Option<u64>,
}

impl Error {
    /// The same for C.
    pub fn new(error: &core::Error) -> Self {
        Error {
            code: error.code() as i32,
            errno: error.errno(),
            message: string::held_text(&error.to_string()),
            path: error.path().map(string::held),
            offset: error.offset(),
        }
    }

    /// The message, as tests read it.
    #[cfg(test)]
    pub fn message_text(&self) -> &str {
        self.message.to_str().unwrap_or_default()
    }
}

/// Frees an error. NULL is allowed.
///
/// Thread-safe; each error is freed once.
#[unsafe(no_mangle)]
pub extern "C" fn pven_error_free(e: Option<Box<Error>>) {
    ffi::value((), || drop(e));
}

/// The PVEN_ERR_* code of an error; the function that failed returned it too. PVEN_OK for NULL.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn pven_error_code(e: Option<&Error>) -> i32 {
    ffi::value(PVEN_OK, || e.map_or(PVEN_OK, |e| e.code))
}

/// The errno that tells the failure best: the system's own for PVEN_ERR_IO, a fixed one for each
/// of the other codes. 0 for NULL.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn pven_error_errno(e: Option<&Error>) -> i32 {
    ffi::value(0, || e.map_or(0, |e| e.errno))
}

/// One line for people, UTF-8, without control characters. Its wording is not part of the ABI.
/// Lives as long as the error. NULL for NULL.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn pven_error_message(e: Option<&Error>) -> *const c_char {
    ffi::value(ptr::null(), || string::lent(e.map(|e| &e.message)))
}

/// The file in which it happened, as bytes; NULL if it happened in none. Lives as long as the
/// error.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn pven_error_path(e: Option<&Error>) -> *const c_char {
    ffi::value(ptr::null(), || {
        string::lent(e.and_then(|e| e.path.as_ref()))
    })
}

/// Where in that file the field lies that is to blame: bytes from its start. PVEN_NO_OFFSET if
/// there is none.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn pven_error_offset(e: Option<&Error>) -> u64 {
    ffi::value(PVEN_NO_OFFSET, || {
        e.and_then(|e| e.offset).unwrap_or(PVEN_NO_OFFSET)
    })
}

/// The word for a code, the same as in JSON answers: "argument", "io" and so on; "ok" for PVEN_OK,
/// NULL for a number that is no code. Static: never freed.
///
/// Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn pven_error_code_name(code: i32) -> *const c_char {
    ffi::value(ptr::null(), || name(code).map_or(ptr::null(), CStr::as_ptr))
}

fn name(code: i32) -> Option<&'static CStr> {
    Some(match code {
        PVEN_OK => c"ok",
        PVEN_ERR_ARGUMENT => c"argument",
        PVEN_ERR_IO => c"io",
        PVEN_ERR_FORMAT => c"format",
        PVEN_ERR_CORRUPT => c"corrupt",
        PVEN_ERR_UNSUPPORTED => c"unsupported",
        PVEN_ERR_LIMIT => c"limit",
        PVEN_ERR_DENIED => c"denied",
        PVEN_ERR_CYCLE => c"cycle",
        PVEN_ERR_UNNAMED_FORMAT => c"unnamed-format",
        PVEN_ERR_TIMEOUT => c"timeout",
        PVEN_ERR_BUSY => c"busy",
        PVEN_ERR_PANIC => c"panic",
        PVEN_ERR_POISONED => c"poisoned",
        PVEN_ERR_CANCELLED => c"cancelled",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use pve_native_core::Code;

    #[test]
    fn codes_and_their_names_are_the_cores() {
        let ours = [
            (PVEN_ERR_ARGUMENT, Code::Argument),
            (PVEN_ERR_IO, Code::Io),
            (PVEN_ERR_FORMAT, Code::Format),
            (PVEN_ERR_CORRUPT, Code::Corrupt),
            (PVEN_ERR_UNSUPPORTED, Code::Unsupported),
            (PVEN_ERR_LIMIT, Code::Limit),
            (PVEN_ERR_DENIED, Code::Denied),
            (PVEN_ERR_CYCLE, Code::Cycle),
            (PVEN_ERR_UNNAMED_FORMAT, Code::UnnamedFormat),
            (PVEN_ERR_TIMEOUT, Code::Timeout),
            (PVEN_ERR_BUSY, Code::Busy),
            (PVEN_ERR_PANIC, Code::Panic),
            (PVEN_ERR_POISONED, Code::Poisoned),
            (PVEN_ERR_CANCELLED, Code::Cancelled),
        ];
        assert_eq!(ours.map(|(_, code)| code), Code::ALL);
        for (number, code) in ours {
            assert_eq!(number, code as i32);
            assert_eq!(name(number).unwrap().to_str(), Ok(code.name()));
        }
        assert_eq!(name(Code::ALL.len() as i32 + 1), None);
        assert_eq!(name(-1), None);
    }
}
