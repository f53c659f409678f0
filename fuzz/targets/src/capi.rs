//! The C ABI, called in any order with any arguments that the header allows: NULLs, structs that
//! are too short or too long, numbers that are no flag, handles of all kinds.
//!
//! What the caller owes is kept: pointers are NULL or valid, sizes are those of the memory behind
//! them, nothing is used after it was freed.

mod arguments;
mod files;

use std::ffi::{CStr, c_char, c_void};
use std::mem::{offset_of, size_of};
use std::ptr;

use pve_native::chain::{Chain, pven_chain_free, pven_chain_json, pven_chain_len, pven_chain_open};
use pve_native::details::{
    BitmapC, ExtentFileC, FeatureNameC, SnapshotC, pven_chain_image_bitmap,
    pven_chain_image_extent, pven_chain_image_feature_name, pven_chain_image_snapshot,
    pven_chain_image_warning,
};
use pve_native::error::{
    Error, PVEN_ERR_PANIC, PVEN_ERR_POISONED, PVEN_NO_OFFSET, PVEN_OK, pven_error_code,
    pven_error_code_name, pven_error_errno, pven_error_free, pven_error_message, pven_error_offset,
    pven_error_path,
};
use pve_native::file_size::{FileSizeC, FileSizeOpts, pven_file_size};
use pve_native::format::pven_format_name;
use pve_native::image::{ImageInfoC, pven_chain_image};
use pve_native::inspect::{
    ManyOpts, PVEN_MANY_MAX, QemuImgInfoOpts, pven_image_info_json, pven_inspect_many_json,
    pven_qemu_img_info_json,
};
use pve_native::opts::OpenOpts;
use pve_native::string::pven_string_free;
use pve_native::version::{PVEN_ABI_VERSION, pven_abi_version, pven_version};

use crate::check;
use crate::input::Input;
use arguments::{Buffer, Layout, Options};
use files::Files;

/// Handles of each kind that are held at the same time.
const HELD: usize = 4;

const OPEN: Layout = Layout {
    size: size_of::<OpenOpts>(),
    format: Some(offset_of!(OpenOpts, format)),
    timeout: offset_of!(OpenOpts, timeout),
    limits: Some(offset_of!(OpenOpts, limits)),
    callback: None,
};

const MANY: Layout = Layout {
    size: size_of::<ManyOpts>(),
    format: None,
    timeout: offset_of!(ManyOpts, timeout),
    limits: Some(offset_of!(ManyOpts, limits)),
    callback: None,
};

const QEMU_IMG_INFO: Layout = Layout {
    size: size_of::<QemuImgInfoOpts>(),
    format: Some(offset_of!(QemuImgInfoOpts, format)),
    timeout: offset_of!(QemuImgInfoOpts, timeout),
    limits: Some(offset_of!(QemuImgInfoOpts, limits)),
    callback: None,
};

const FILE_SIZE: Layout = Layout {
    size: size_of::<FileSizeOpts>(),
    format: Some(offset_of!(FileSizeOpts, format)),
    timeout: offset_of!(FileSizeOpts, timeout),
    limits: None,
    callback: Some(offset_of!(FileSizeOpts, warning)),
};

type Err = *mut Option<Box<Error>>;

/// What a caller holds.
#[derive(Default)]
struct Held {
    chains: [Option<Box<Chain>>; HELD],
    errors: [Option<Box<Error>>; HELD],
    strings: Vec<*mut c_char>,
}

/// Makes the calls that the input describes, and frees what is left.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let mut held = Held::default();
    files::with(|files| {
        while !input.is_empty() {
            held.step(&mut input, files);
        }
    });
    for string in held.strings.drain(..) {
        // SAFETY: the library gave it, and it is freed once.
        unsafe { pven_string_free(string) };
    }
    held.chains
        .into_iter()
        .for_each(|chain| pven_chain_free(chain));
    held.errors
        .into_iter()
        .for_each(|error| pven_error_free(error));
}

impl Held {
    fn step(&mut self, input: &mut Input<'_>, files: &Files) {
        match input.below(20) {
            0..=2 => self.open(input, files),
            3 => pven_chain_free(self.chains[input.below(HELD)].take()),
            4 => self.entries(input),
            5 => self.json(input, |held, input, json, len, err| {
                let chain = held.chain(input);
                // SAFETY: as the module says.
                unsafe { pven_chain_json(chain, json, len, err) }
            }),
            6 => self.image(input),
            7..=11 => self.detail(input),
            12 => self.error(input),
            13 => pven_error_free(self.errors[input.below(HELD)].take()),
            14 => {
                let string = self.strings.pop().unwrap_or(ptr::null_mut());
                // SAFETY: the library gave it, and it is not held any more.
                unsafe { pven_string_free(string) };
            }
            15 => self.json(input, |_, input, json, len, err| {
                let path = files.path(input);
                let opts = Options::new(input, &OPEN);
                // SAFETY: as the module says.
                unsafe { pven_image_info_json(path, opts.pointer(), opts.size(), json, len, err) }
            }),
            16 => self.json(input, |_, input, json, len, err| {
                let paths: Vec<*const c_char> =
                    (0..input.below(6)).map(|_| files.path(input)).collect();
                let (paths, count) = match input.below(8) {
                    0 => (ptr::null(), input.below(3)),
                    1 => (paths.as_ptr(), PVEN_MANY_MAX + 1),
                    _ => (paths.as_ptr(), paths.len()),
                };
                let opts = Options::new(input, &MANY);
                // SAFETY: as the module says; too many are refused before they are looked at.
                unsafe {
                    pven_inspect_many_json(
                        paths,
                        count,
                        opts.pointer(),
                        opts.size(),
                        json,
                        len,
                        err,
                    )
                }
            }),
            17 => self.json(input, |_, input, json, len, err| {
                let path = files.path(input);
                let opts = Options::new(input, &QEMU_IMG_INFO);
                // SAFETY: as the module says.
                unsafe {
                    pven_qemu_img_info_json(path, opts.pointer(), opts.size(), json, len, err)
                }
            }),
            18 => self.file_size(input, files),
            _ => match input.below(4) {
                0 => files.write(input),
                1 => {
                    shown(pven_format_name(input.u32()));
                    shown(pven_format_name(u32::from(input.u8())));
                }
                2 => {
                    shown(pven_error_code_name(input.u32() as i32));
                    shown(pven_error_code_name(i32::from(input.u8())));
                }
                _ => {
                    assert_eq!(pven_abi_version(), PVEN_ABI_VERSION);
                    shown(pven_version());
                }
            },
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
        assert!((PVEN_OK..PVEN_ERR_PANIC).contains(&code), "code {code}");
        assert_eq!(error.is_some(), wanted && code != PVEN_OK);
        if let Some(error) = error {
            assert_eq!(pven_error_code(Some(&error)), code);
            pven_error_free(self.errors[place].replace(error));
        }
        code
    }

    fn open(&mut self, input: &mut Input<'_>, files: &Files) {
        let place = input.below(HELD);
        let mut chain = None;
        let code = self.call(input, |_, input, err| {
            let path = files.path(input);
            let opts = Options::new(input, &OPEN);
            let out = if input.below(16) == 0 {
                ptr::null_mut()
            } else {
                &raw mut chain
            };
            // SAFETY: as the module says.
            unsafe { pven_chain_open(path, opts.pointer(), opts.size(), out, err) }
        });
        assert!(code == PVEN_OK || chain.is_none());
        if chain.is_some() {
            pven_chain_free(std::mem::replace(&mut self.chains[place], chain));
        }
    }

    /// Every entry of a chain as a struct, as a caller would ask for them.
    fn entries(&self, input: &mut Input<'_>) {
        let chain = self.chain(input);
        for index in 0..pven_chain_len(chain) {
            let mut buffer = Buffer::new(size_of::<ImageInfoC>());
            // SAFETY: as the module says.
            let code = unsafe {
                pven_chain_image(chain, index, buffer.place(), buffer.size(), ptr::null_mut())
            };
            assert_eq!(code, PVEN_OK);
            // SAFETY: the struct was filled.
            image_info(unsafe { buffer.read() });
        }
    }

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

    fn image(&mut self, input: &mut Input<'_>) {
        let mut buffer = Buffer::odd(input, size_of::<ImageInfoC>());
        let code = self.call(input, |held, input, err| {
            let index = input.below(6);
            let chain = held.chain(input);
            // SAFETY: as the module says.
            unsafe { pven_chain_image(chain, index, buffer.place(), buffer.size(), err) }
        });
        if code != PVEN_OK {
            buffer.assert_cleared();
        } else if buffer.size() >= size_of::<ImageInfoC>() {
            // SAFETY: the struct was filled.
            image_info(unsafe { buffer.read() });
        }
    }

    fn detail(&mut self, input: &mut Input<'_>) {
        let kind = input.below(5);
        let sizes = [
            size_of::<SnapshotC>(),
            size_of::<BitmapC>(),
            size_of::<FeatureNameC>(),
            size_of::<ExtentFileC>(),
            size_of::<*const c_char>(),
        ];
        // The place for a warning is one pointer, not a struct that may be shorter.
        let mut buffer = match kind {
            4 => Buffer::new(sizes[4]),
            _ => Buffer::odd(input, sizes[kind]),
        };
        let code = self.call(input, |held, input, err| {
            let (image, index) = (input.below(6), input.below(8));
            let chain = held.chain(input);
            let size = buffer.size();
            // SAFETY: as the module says.
            unsafe {
                match kind {
                    0 => pven_chain_image_snapshot(chain, image, index, buffer.place(), size, err),
                    1 => pven_chain_image_bitmap(chain, image, index, buffer.place(), size, err),
                    2 => pven_chain_image_feature_name(
                        chain,
                        image,
                        index,
                        buffer.place(),
                        size,
                        err,
                    ),
                    3 => pven_chain_image_extent(chain, image, index, buffer.place(), size, err),
                    _ => pven_chain_image_warning(chain, image, index, buffer.place(), err),
                }
            }
        });
        if code != PVEN_OK {
            buffer.assert_cleared();
        } else if buffer.size() >= sizes[kind] {
            // SAFETY: the struct was filled; names come first in all of them.
            unsafe {
                shown(buffer.read::<*const c_char>());
                match kind {
                    0 => shown(buffer.read::<SnapshotC>().name),
                    3 => shown(buffer.read::<ExtentFileC>().filename),
                    _ => &[],
                };
            }
        }
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

    fn file_size(&mut self, input: &mut Input<'_>, files: &Files) {
        let mut buffer = Buffer::odd(input, size_of::<FileSizeC>());
        let mut warned = 0u32;
        let code = self.call(input, |_, input, err| {
            let path = files.path(input);
            let mut opts = Options::new(input, &FILE_SIZE);
            if input.flag() {
                let callback: unsafe extern "C" fn(*mut c_void, *const c_char) = warning;
                let both = [callback as usize, (&raw mut warned) as usize];
                opts.set_callback(&FILE_SIZE, both);
            }
            // SAFETY: as the module says.
            unsafe {
                pven_file_size(
                    path,
                    opts.pointer(),
                    opts.size(),
                    buffer.place(),
                    buffer.size(),
                    err,
                )
            }
        });
        if code != PVEN_OK {
            buffer.assert_cleared();
        } else if buffer.size() >= size_of::<FileSizeC>() {
            // SAFETY: the struct was filled.
            let volume: FileSizeC = unsafe { buffer.read() };
            shown(volume.format);
            shown(volume.parent);
            self.strings.push(volume.parent);
        } else if buffer.size() >= offset_of!(FileSizeC, known) {
            // SAFETY: it reaches to the parent's end.
            let parent = unsafe { buffer.read_at(offset_of!(FileSizeC, parent)) };
            self.strings.push(parent);
        }
    }
}

/// Counts warnings.
unsafe extern "C" fn warning(data: *mut c_void, message: *const c_char) {
    shown(message);
    // SAFETY: `file_size` gives its counter.
    unsafe { *data.cast::<u32>() += 1 };
}

/// Reads a string of the library's to its end.
fn shown<'a>(string: *const c_char) -> &'a [u8] {
    if string.is_null() {
        return &[];
    }
    // SAFETY: NULL or a string, as the header says.
    unsafe { CStr::from_ptr(string) }.to_bytes()
}

fn image_info(info: ImageInfoC) {
    for string in [
        info.filename,
        info.format_name,
        info.backing_filename,
        info.full_backing_filename,
        info.backing_format,
        info.data_file,
        info.error_message,
    ] {
        shown(string);
    }
    assert!(!info.filename.is_null());
    assert_eq!(info.error_code == PVEN_OK, info.error_message.is_null());
}
