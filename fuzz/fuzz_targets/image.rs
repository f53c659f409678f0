//! Every format's reader on arbitrary bytes: the first byte chooses the format, the rest is the
//! image. What is read is also written as JSON, with both kinds of names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pve_native_core::image::{FormatChoice, ImageFormat, open::read_memory};

fuzz_target!(|data: &[u8]| {
    let Some((&choice, image)) = data.split_first() else {
        return;
    };
    let choice = match ImageFormat::ALL.get(usize::from(choice)) {
        Some(&format) => FormatChoice::Named(format),
        None => FormatChoice::Probe,
    };
    if let Ok((_, metadata)) = read_memory(image, choice) {
        assert!(metadata.virtual_size.is_none_or(|size| size <= i64::MAX as u64));
    }
});
