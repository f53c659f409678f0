//! Names and numbers as images and callers write them.

use pve_native_core::chain::reference::{self, Reference};
use pve_native_core::image::{FormatChoice, ImageFormat};
use pve_native_core::inspect::{DiagnosisOptions, PlanOptions, options};
use pve_native_core::text;

use crate::check;

/// Names from images: understood, resolved and printed.
pub fn reference(input: &[u8]) {
    let (path, name) = input.split_at(input.len() / 2);
    let full = reference::full_name(path, name);
    assert!(full.ends_with(name));
    match reference::parse(name) {
        Ok(Reference::File(file)) => {
            assert!(name.ends_with(file.strip_prefix(b"./").unwrap_or(&file)))
        }
        Ok(Reference::Json(rest) | Reference::Protocol(rest)) => {
            // What is no file stays as it is, wherever the image lies.
            assert_eq!(full, name);
            assert!(rest.len() < name.len());
        }
        Err(error) => check::error(&error),
    }
    assert!(!reference::not_a_file(name).chars().any(char::is_control));
    printed(input);
    let _ = ImageFormat::from_extension(name);
}

fn printed(bytes: &[u8]) {
    let shown = text::printable(bytes);
    assert!(!shown.chars().any(char::is_control));
    let overrides = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!shown.chars().any(overrides));
    let qemu = text::qemu(bytes);
    let until_nul = text::until_nul(bytes);
    // Each byte of what is not text becomes one character at the most.
    assert!(qemu.chars().count() <= until_nul.len());
    if until_nul.is_ascii() {
        assert_eq!(qemu.as_bytes(), until_nul);
    }
}

/// Options: a number or an error, and never a number where there was junk.
pub fn options(input: &[u8]) {
    match options::timeout_from_text(input) {
        Ok(Some(timeout)) => assert!(!timeout.is_zero() && timeout.as_secs() <= 1_000_000_000),
        Ok(None) => {}
        Err(error) => check::error(&error),
    }
    match options::count_from_text("count", input) {
        Ok(count) => assert_eq!(
            std::str::from_utf8(input).ok().and_then(|t| t.parse().ok()),
            Some(count)
        ),
        Err(error) => check::error(&error),
    }
    if let Some(bytes) = input.first_chunk() {
        let seconds = f64::from_le_bytes(*bytes);
        let timeout = options::timeout_from_seconds(seconds);
        assert_eq!(timeout.is_ok(), seconds.is_finite() && seconds >= 0.0);
        assert_eq!(
            matches!(timeout, Ok(Some(_))),
            seconds.is_finite() && seconds > 0.0
        );
    }
    for error in [
        PlanOptions::from_json(input).err(),
        DiagnosisOptions::from_json(input).err(),
    ] {
        error.iter().for_each(check::error);
    }
    match FormatChoice::from_caller(Some(input)) {
        Ok(FormatChoice::Named(format)) => assert_eq!(format.name().as_bytes(), input),
        Ok(choice) => assert_eq!((choice, input), (FormatChoice::Probe, &b"auto-detect"[..])),
        Err(error) => check::error(&error),
    }
}
