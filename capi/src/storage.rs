//! What storages can do: the core's tables as JSON.

use std::ffi::c_char;

use pve_native_core::{json as json_text, storage};

use crate::error::Error;
use crate::ffi::{self, JsonOut};

/// What may be assumed of volumes of one format on storages of one type, as JSON: an object for one
/// volume; without a format one for the type, with all its volumes; without a type an array of all
/// types. docs/storage.md has the keys.
///
/// type: as storage.cfg calls it, such as "lvmthin". NULL: all types.
/// format: "raw", "qcow2", "vmdk" or "subvol". NULL: all that such a storage has.
/// json, len: the text, NUL-terminated, and its length without the NUL; free it with
/// pven_string_free().
/// Thread-safe. Touches no storage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_storage_capabilities_json(
    r#type: *const c_char,
    format: *const c_char,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let json = JsonOut::cleared(json, len).required()?;
            let name = ffi::text("type", r#type)?;
            let format = ffi::text("format", format)?;
            json.put(&json_text::to_text(&storage::ask(name, format)?))
        })
    }
}

/// The names of all storage types, as a JSON array.
///
/// json, len: as for pven_storage_capabilities_json().
/// Thread-safe. Touches no storage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_storage_types_json(
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let json = JsonOut::cleared(json, len).required()?;
            json.put(&json_text::to_text(storage::types()))
        })
    }
}

/// What storages can be used for, as JSON: [{ "content-type", "description" }, ...].
///
/// json, len: as for pven_storage_capabilities_json().
/// Thread-safe. Touches no storage.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_storage_content_types_json(
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let json = JsonOut::cleared(json, len).required()?;
            json.put(&json_text::to_text(&storage::content_types()))
        })
    }
}
