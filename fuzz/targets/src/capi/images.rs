//! What is known of images and chains, and what volumes the files are.

use std::ffi::{c_char, c_void};
use std::mem::{offset_of, size_of};
use std::ptr;

use pve_native::chain::{Chain, pven_chain_free, pven_chain_json, pven_chain_len, pven_chain_open};
use pve_native::details::{
    BitmapC, ExtentFileC, FeatureNameC, SnapshotC, pven_chain_image_bitmap,
    pven_chain_image_extent, pven_chain_image_feature_name, pven_chain_image_snapshot,
    pven_chain_image_warning,
};
use pve_native::error::PVEN_OK;
use pve_native::file_size::{FileSizeC, FileSizeOpts, pven_file_size};
use pve_native::image::{ImageInfoC, pven_chain_image};
use pve_native::inspect::{
    ManyOpts, PVEN_MANY_MAX, QemuImgInfoOpts, pven_image_info_json, pven_inspect_many_json,
    pven_qemu_img_info_json,
};

use super::arguments::{Buffer, Layout, OPEN, Options};
use super::files::Files;
use super::{HELD, Held, shown};
use crate::input::Input;

const MANY: Layout = Layout {
    size: size_of::<ManyOpts>(),
    format: None,
    timeout: Some(offset_of!(ManyOpts, timeout)),
    limits: Some(offset_of!(ManyOpts, limits)),
    pairs: &[],
};

const QEMU_IMG_INFO: Layout = Layout {
    size: size_of::<QemuImgInfoOpts>(),
    format: Some(offset_of!(QemuImgInfoOpts, format)),
    timeout: Some(offset_of!(QemuImgInfoOpts, timeout)),
    limits: Some(offset_of!(QemuImgInfoOpts, limits)),
    pairs: &[],
};

const FILE_SIZE: Layout = Layout {
    size: size_of::<FileSizeOpts>(),
    format: Some(offset_of!(FileSizeOpts, format)),
    timeout: Some(offset_of!(FileSizeOpts, timeout)),
    limits: None,
    pairs: &[offset_of!(FileSizeOpts, warning)],
};

impl Held {
    pub(super) fn open_chain(&mut self, input: &mut Input<'_>, files: &Files) {
        let place = input.below(HELD);
        let chain = self.handle(input, |_, input, out, err| {
            let path = files.path(input);
            let opts = Options::new(input, &OPEN);
            // SAFETY: as the module above says.
            unsafe { pven_chain_open(path, opts.pointer(), opts.size(), out, err) }
        });
        if chain.is_some() {
            pven_chain_free(std::mem::replace(&mut self.chains[place], chain));
        }
    }

    /// Looks at one of the chains.
    pub(super) fn look(&mut self, input: &mut Input<'_>) {
        entries(self.chain(input));
    }

    pub(super) fn chain_json(&mut self, input: &mut Input<'_>) {
        self.json(input, |held, input, json, len, err| {
            let chain = held.chain(input);
            // SAFETY: as the module above says.
            unsafe { pven_chain_json(chain, json, len, err) }
        });
    }

    pub(super) fn image(&mut self, input: &mut Input<'_>) {
        let mut buffer = Buffer::odd(input, size_of::<ImageInfoC>());
        let code = self.call(input, |held, input, err| {
            let index = input.below(6);
            let chain = held.chain(input);
            // SAFETY: as the module above says.
            unsafe { pven_chain_image(chain, index, buffer.place(), buffer.size(), err) }
        });
        if code != PVEN_OK {
            buffer.assert_cleared();
        } else if buffer.size() >= size_of::<ImageInfoC>() {
            // SAFETY: the struct was filled.
            image_info(unsafe { buffer.read() });
        }
    }

    pub(super) fn detail(&mut self, input: &mut Input<'_>) {
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
            // SAFETY: as the module above says.
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

    pub(super) fn file_size(&mut self, input: &mut Input<'_>, files: &Files) {
        let mut buffer = Buffer::odd(input, size_of::<FileSizeC>());
        let mut warned = 0u32;
        let code = self.call(input, |_, input, err| {
            let path = files.path(input);
            let mut opts = Options::new(input, &FILE_SIZE);
            if input.flag() {
                let callback: unsafe extern "C" fn(*mut c_void, *const c_char) = warning;
                let both = [callback as usize, (&raw mut warned) as usize];
                opts.set_pair(offset_of!(FileSizeOpts, warning), both);
            }
            // SAFETY: as the module above says.
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

    pub(super) fn image_json(&mut self, input: &mut Input<'_>, files: &Files) {
        self.json(input, |_, input, json, len, err| {
            let path = files.path(input);
            let opts = Options::new(input, &OPEN);
            // SAFETY: as the module above says.
            unsafe { pven_image_info_json(path, opts.pointer(), opts.size(), json, len, err) }
        });
    }

    pub(super) fn many_json(&mut self, input: &mut Input<'_>, files: &Files) {
        self.json(input, |_, input, json, len, err| {
            let paths: Vec<*const c_char> =
                (0..input.below(6)).map(|_| files.path(input)).collect();
            let (paths, count) = match input.below(8) {
                0 => (ptr::null(), input.below(3)),
                1 => (paths.as_ptr(), PVEN_MANY_MAX + 1),
                _ => (paths.as_ptr(), paths.len()),
            };
            let opts = Options::new(input, &MANY);
            let (opts, size) = (opts.pointer(), opts.size());
            // SAFETY: as the module above says; too many are refused before they are looked at.
            unsafe { pven_inspect_many_json(paths, count, opts, size, json, len, err) }
        });
    }

    pub(super) fn qemu_img_info_json(&mut self, input: &mut Input<'_>, files: &Files) {
        self.json(input, |_, input, json, len, err| {
            let path = files.path(input);
            let opts = Options::new(input, &QEMU_IMG_INFO);
            // SAFETY: as the module above says.
            unsafe { pven_qemu_img_info_json(path, opts.pointer(), opts.size(), json, len, err) }
        });
    }
}

/// Every entry of a chain as a struct, as a caller would ask for them.
pub(super) fn entries(chain: Option<&Chain>) {
    for index in 0..pven_chain_len(chain) {
        let mut buffer = Buffer::new(size_of::<ImageInfoC>());
        // SAFETY: as the module above says.
        let code = unsafe {
            pven_chain_image(chain, index, buffer.place(), buffer.size(), ptr::null_mut())
        };
        assert_eq!(code, PVEN_OK);
        // SAFETY: the struct was filled.
        image_info(unsafe { buffer.read() });
    }
}

/// Counts warnings.
unsafe extern "C" fn warning(data: *mut c_void, message: *const c_char) {
    shown(message);
    // SAFETY: `file_size` gives its counter.
    unsafe { *data.cast::<u32>() += 1 };
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
