//! Numbers as callers write them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pve_native_core::inspect::options;

fuzz_target!(|data: &[u8]| {
    let _ = options::timeout_from_text(data);
    if let Ok(count) = options::count_from_text("count", data) {
        assert!(data.iter().all(u8::is_ascii_digit), "{count}");
    }
});
