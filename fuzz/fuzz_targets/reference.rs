//! Names from images: understood, resolved and printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pve_native_core::{chain::reference, text};

fuzz_target!(|data: &[u8]| {
    let (path, name) = data.split_at(data.len() / 2);
    let _ = reference::parse(name);
    assert!(reference::full_name(path, name).ends_with(name));
    assert!(!text::printable(data).chars().any(char::is_control));
    let _ = text::qemu(data);
});
