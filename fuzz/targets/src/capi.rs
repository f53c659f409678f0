//! The C ABI, called in any order with any arguments that the header allows: NULLs, structs that
//! are too short or too long, numbers that are no flag, handles of all kinds.
//!
//! What the caller owes is kept: pointers are NULL or valid, sizes are those of the memory behind
//! them, nothing is used after it was freed.

mod arguments;
mod clusters;
mod files;
mod graphs;
mod images;
mod maps;
mod safety;
mod storages;

use std::ffi::{CStr, c_char};
use std::ptr;

use pve_native::audit::{Audit, pven_audit_free};
use pve_native::chain::{Chain, pven_chain_free};
use pve_native::cluster_engine::{ClusterEngine, pven_cluster_engine_free};
use pve_native::error::{
    Error, PVEN_ERR_CANCELLED, PVEN_ERR_PANIC, PVEN_ERR_POISONED, PVEN_NO_OFFSET, PVEN_OK,
    pven_error_code, pven_error_code_name, pven_error_errno, pven_error_free, pven_error_message,
    pven_error_offset, pven_error_path,
};
use pve_native::format::pven_format_name;
use pve_native::graph::{SnapshotGraph, pven_snapshot_graph_free};
use pve_native::pin::{Pin, pven_pin_free};
use pve_native::ranges::{Ranges, pven_ranges_free};
use pve_native::string::pven_string_free;
use pve_native::version::{PVEN_ABI_VERSION, pven_abi_version, pven_version};

use crate::check;
use crate::input::Input;
use files::Files;
use maps::Walk;

/// Handles of each kind that are held at the same time.
const HELD: usize = 4;

type Err = *mut Option<Box<Error>>;

/// What a caller holds.
#[derive(Default)]
struct Held {
    chains: [Option<Box<Chain>>; HELD],
    walks: [Option<Walk>; HELD],
    ranges: [Option<Box<Ranges>>; HELD],
    audits: [Option<Box<Audit>>; HELD],
    pins: [Option<Box<Pin>>; HELD],
    graphs: [Option<Box<SnapshotGraph>>; HELD],
    engines: [Option<Box<ClusterEngine>>; HELD],
    errors: [Option<Box<Error>>; HELD],
    strings: Vec<*mut c_char>,
}

/// Makes the calls that the input describes, and frees what is left.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let mut held = Held::default();
    files::with(|files| {
        files.restore();
        while !input.is_empty() {
            held.step(&mut input, files);
        }
    });
    for string in held.strings.drain(..) {
        // SAFETY: the library gave it, and it is freed once.
        unsafe { pven_string_free(string) };
    }
    held.chains.into_iter().for_each(|it| pven_chain_free(it));
    held.walks.into_iter().flatten().for_each(Walk::free);
    held.ranges.into_iter().for_each(|it| pven_ranges_free(it));
    held.audits.into_iter().for_each(|it| pven_audit_free(it));
    held.pins.into_iter().for_each(|it| pven_pin_free(it));
    let graphs = held.graphs.into_iter();
    graphs.for_each(|it| pven_snapshot_graph_free(it));
    let engines = held.engines.into_iter();
    engines.for_each(|it| pven_cluster_engine_free(it));
    held.errors.into_iter().for_each(|it| pven_error_free(it));
}

impl Held {
    fn step(&mut self, input: &mut Input<'_>, files: &Files) {
        match input.below(32) {
            0..=2 => self.open_chain(input, files),
            3 => pven_chain_free(self.chains[input.below(HELD)].take()),
            4 => self.look(input),
            5 => self.chain_json(input),
            6 => self.image(input),
            7..=11 => self.detail(input),
            12 => self.error(input),
            13 => pven_error_free(self.errors[input.below(HELD)].take()),
            14 => {
                let string = self.strings.pop().unwrap_or(ptr::null_mut());
                // SAFETY: the library gave it, and it is not held any more.
                unsafe { pven_string_free(string) };
            }
            15 => self.image_json(input, files),
            16 => self.many_json(input, files),
            17 => self.qemu_img_info_json(input, files),
            18 => self.file_size(input, files),
            19 => match input.below(6) {
                0 => files.write(input),
                1 => {
                    shown(pven_format_name(input.u32()));
                    shown(pven_format_name(u32::from(input.u8())));
                }
                2 => {
                    shown(pven_error_code_name(input.u32() as i32));
                    shown(pven_error_code_name(i32::from(input.u8())));
                }
                3 => self.storage(input),
                4 => self.cluster(input),
                _ => {
                    assert_eq!(pven_abi_version(), PVEN_ABI_VERSION);
                    shown(pven_version());
                }
            },
            20..=27 => self.map(input, files),
            28..=30 => self.safety(input, files),
            _ => self.graph(input, files),
        }
    }

    fn chain(&self, input: &mut Input<'_>) -> Option<&Chain> {
        self.chains[input.below(HELD)].as_deref()
    }

    /// Makes a call that can fail; its error is kept, or nobody wants it.
    fn call(
        &mut self,
        input: &mut Input<'_>,
        call: impl FnOnce(&mut Self, &mut Input<'_>, Err) -> i32,
    ) -> i32 {
        let wanted = input.below(4) != 0;
        let place = input.below(HELD);
        let mut error: Option<Box<Error>> = None;
        let err = if wanted {
            &raw mut error
        } else {
            ptr::null_mut()
        };
        let code = call(self, input, err);
        assert!(
            code != PVEN_ERR_PANIC && code != PVEN_ERR_POISONED,
            "a panic: {error:?}"
        );
        assert!(
            (PVEN_OK..=PVEN_ERR_CANCELLED).contains(&code),
            "code {code}"
        );
        assert_eq!(error.is_some(), wanted && code != PVEN_OK);
        if let Some(error) = error {
            assert_eq!(pven_error_code(Some(&error)), code);
            pven_error_free(self.errors[place].replace(error));
        }
        code
    }

    /// Makes a call that gives a text in JSON.
    fn json(
        &mut self,
        input: &mut Input<'_>,
        call: impl FnOnce(&mut Self, &mut Input<'_>, *mut *mut c_char, *mut usize, Err) -> i32,
    ) {
        let junk = c"junk".as_ptr().cast_mut();
        let (mut json, mut len) = (junk, usize::MAX);
        let wanted = input.below(8);
        let code = self.call(input, |held, input, err| {
            let json = if wanted == 0 {
                ptr::null_mut()
            } else {
                &raw mut json
            };
            let len = if wanted == 1 {
                ptr::null_mut()
            } else {
                &raw mut len
            };
            call(held, input, json, len, err)
        });
        if wanted < 2 {
            assert_ne!(code, PVEN_OK);
        } else if code == PVEN_OK {
            // SAFETY: a string of the library's.
            let text = unsafe { CStr::from_ptr(json) };
            assert_eq!(text.count_bytes(), len);
            check::qemu_json(text.to_str().unwrap_or_default());
            self.strings.push(json);
        } else {
            assert!(json.is_null() && len == 0);
        }
    }

    /// Makes a call that gives a handle, and returns it.
    fn handle<T>(
        &mut self,
        input: &mut Input<'_>,
        call: impl FnOnce(&mut Self, &mut Input<'_>, *mut Option<Box<T>>, Err) -> i32,
    ) -> Option<Box<T>> {
        let mut handle = None;
        let code = self.call(input, |held, input, err| {
            let out = match input.below(16) {
                0 => ptr::null_mut(),
                _ => &raw mut handle,
            };
            call(held, input, out, err)
        });
        assert_eq!(code == PVEN_OK, handle.is_some());
        handle
    }

    fn error(&self, input: &mut Input<'_>) {
        let error = self.errors[input.below(HELD)].as_deref();
        let code = pven_error_code(error);
        assert_eq!(code == PVEN_OK, error.is_none());
        assert_eq!(pven_error_errno(error) == 0, error.is_none());
        let message = shown(pven_error_message(error));
        assert!(!message.iter().any(u8::is_ascii_control));
        shown(pven_error_path(error));
        assert!(error.is_some() || pven_error_offset(error) == PVEN_NO_OFFSET);
    }
}

/// Reads a string of the library's to its end.
fn shown<'a>(string: *const c_char) -> &'a [u8] {
    if string.is_null() {
        return &[];
    }
    // SAFETY: NULL or a string, as the header says.
    unsafe { CStr::from_ptr(string) }.to_bytes()
}
