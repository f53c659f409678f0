//! Documents that are read: files, or standard input for `-`, as far as they may be long.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use pve_native_core::text::printable;
use pve_native_core::{Code, Error, Result};

/// A file, or standard input for `-`, as far as it may be long and a byte more.
pub fn read_most(path: &OsStr, most: usize) -> Result<Vec<u8>> {
    let most = most as u64 + 1;
    let mut bytes = Vec::new();
    let read = match path == OsStr::new("-") {
        true => io::stdin().lock().take(most).read_to_end(&mut bytes),
        false => File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)),
    };
    read.map_err(|error| failed(&error, path))?;
    Ok(bytes)
}

/// The same, and an error if it is longer.
pub fn bounded(path: &OsStr, most: usize) -> Result<Vec<u8>> {
    let bytes = read_most(path, most)?;
    match bytes.len() <= most {
        true => Ok(bytes),
        false => {
            let error = Error::limit(format!("it is longer than {most} bytes"));
            Err(error.in_file(path.as_bytes()))
        }
    }
}

/// What could not be read.
pub fn failed(error: &io::Error, path: &OsStr) -> Error {
    let errno = error.raw_os_error().unwrap_or_default();
    Error::io("read", errno).in_file(path.as_bytes())
}

/// What is wrong is what the file holds, and not the command line. Parts of the file can be in the message.
pub fn wrong(error: &Error, path: &Path) -> Error {
    let error = match error.code() {
        Code::Argument => Error::format(printable(error.to_string().as_bytes())),
        _ => error.clone(),
    };
    error.in_file(path.as_os_str().as_bytes())
}
