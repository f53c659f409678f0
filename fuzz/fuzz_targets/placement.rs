#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| pve_native_fuzz_targets::placement::document(data));
