//! Backing chains through a directory of files that the input describes.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use pve_native_core::chain::{ChainOptions, walk};
use pve_native_core::image::{FormatChoice, ImageFormat};
use pve_native_core::inspect::{self, FileSizeRequest};
use pve_native_core::io::Storage;
use pve_native_core::limits;

use crate::check;
use crate::directory::{self, FILES};
use crate::input::Input;

/// Lays the directory out, walks the chain under its first file and asks what else can be asked.
pub fn run(input: &[u8]) {
    directory::with(|place| {
        let mut input = Input::new(input);
        let options = options(&mut input);
        place.lay_out(&mut input);
        ask(&place.top(), &options);
    });
}

fn options(input: &mut Input<'_>) -> ChainOptions {
    ChainOptions {
        format: format(input),
        allow_probe: input.flag(),
        max_depth: input.below(FILES + 2),
        strict: input.flag(),
    }
}

/// How the first file's format is said.
pub(crate) fn format(input: &mut Input<'_>) -> FormatChoice {
    match input.below(4) {
        0 => FormatChoice::Named(ImageFormat::Qcow2),
        1 => FormatChoice::Probe,
        2 => FormatChoice::Extension,
        _ => FormatChoice::Named(input.pick(&ImageFormat::ALL)),
    }
}

fn ask(top: &Path, options: &ChainOptions) {
    let name = top.as_os_str().as_bytes();
    let depth = match options.max_depth {
        0 => limits::CHAIN_DEPTH,
        depth => depth,
    };
    let chain = walk(&Storage::inline(), name, options);
    check::chain(&chain, depth);
    let asked = inspect::chain(name, options, None);
    assert_eq!(
        asked.is_ok(),
        !chain.images.is_empty() && (!options.strict || chain.broken.is_none())
    );
    match inspect::qemu_img_info(name, None, None, true) {
        Ok(text) => check::qemu_json(&text),
        Err(error) => check::error(&error),
    }
    let untrusted = inspect::file_size_info(&FileSizeRequest {
        filename: name,
        timeout: None,
        format: Some(b"auto-detect"),
        untrusted: true,
    });
    match untrusted.result {
        // Whatever the image says, no other file belongs to it.
        Ok(volume) => assert!(volume.is_some_and(|volume| volume.parent.is_none())),
        Err(error) => check::error(&error),
    }
}
