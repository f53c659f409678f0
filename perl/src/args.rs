//! Arguments: plain scalars and lists of them, as the Perl modules hand them in.

use std::time::Duration;

use perlmod::Value;
use perlmod::scalar::{Flags, Type};
use pve_native_core::chain::ChainOptions;
use pve_native_core::image::{FormatChoice, ImageFormat};
use pve_native_core::inspect::Bounds;
use pve_native_core::inspect::options::{count_from_text, limit_from_text, timeout_from_text};
use pve_native_core::limits::Limits;
use pve_native_core::text::printable;
use pve_native_core::{Error, Result};

/// The bytes of a defined value, nothing for undef. An upgraded string is the bytes that it
/// stands for; wide characters are an error that names the argument.
pub fn optional<'a>(name: &str, value: &'a Value) -> Result<Option<&'a [u8]>> {
    // Asked of the type and not by is_undef(): perlmod's takes a variable that once had a value
    // for defined.
    match value.ty() {
        Type::Scalar(flags) if flags == Flags::empty() => Ok(None),
        _ => match value.pv_utf8_to_bytes() {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(Error::argument(format!(
                "{name} has characters that are not bytes"
            ))),
        },
    }
}

/// The bytes of a value that must be defined.
pub fn required<'a>(name: &str, value: &'a Value) -> Result<&'a [u8]> {
    optional(name, value)?.ok_or_else(|| Error::argument(format!("{name} is undefined")))
}

/// Whether a flag is set: undef, the empty string and `0` are not.
pub fn flag(name: &str, value: &Value) -> Result<bool> {
    Ok(!matches!(optional(name, value)?, None | Some(b"" | b"0")))
}

/// A time-out in seconds; undef sets none.
pub fn timeout(value: &Value) -> Result<Option<Duration>> {
    optional("timeout", value)?.map_or(Ok(None), timeout_from_text)
}

/// The elements of the array that a value refers to; nothing if it is no such reference.
pub fn elements(value: &Value) -> Option<Vec<Value>> {
    let array = value.dereference()?;
    Some(array.as_array()?.iter().collect())
}

/// The doubles of a byte string that Perl's `pack` made of them with `d*`.
pub fn doubles(name: &str, packed: &Value) -> Result<Vec<f64>> {
    let bytes = required(name, packed)?;
    if bytes.len() % size_of::<f64>() != 0 {
        return Err(Error::argument(format!("{name} are no packed doubles")));
    }
    let doubles = bytes.chunks_exact(size_of::<f64>());
    // Each has the length of a double, so that nothing is left out here.
    Ok(doubles
        .filter_map(|bytes| bytes.try_into().ok().map(f64::from_ne_bytes))
        .collect())
}

/// Each option of a reference to an array of names and values in turn, and each element of a value
/// that is a reference to an array itself; undef sets none.
pub fn settings(list: &Value, mut set: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
    for pair in elements(list).unwrap_or_default().chunks_exact(2) {
        let name = required("name of an option", &pair[0])?;
        let shown = printable(name);
        if let Some(values) = elements(&pair[1]) {
            values
                .iter()
                .try_for_each(|value| set(name, required(&shown, value)?))?;
        } else if let Some(value) = optional(&shown, &pair[1])? {
            set(name, value)?;
        }
    }
    Ok(())
}

/// What a call may cost: a time-out, and limits from a reference to an array of names and values in
/// turn; undef sets none.
pub fn bounds(seconds: &Value, list: &Value) -> Result<Bounds> {
    let mut limits = Limits::DEFAULT;
    for pair in elements(list).unwrap_or_default().chunks_exact(2) {
        let value = optional("limit", &pair[1])?.unwrap_or(b"0");
        limit_from_text(&mut limits, required("name of a limit", &pair[0])?, value)?;
    }
    let timeout = timeout(seconds)?;
    Ok(Bounds { timeout, limits })
}

/// A whole number; undef is 0.
pub fn count(name: &str, value: &Value) -> Result<usize> {
    optional(name, value)?.map_or(Ok(0), |text| count_from_text(name, text))
}

/// What undef, `auto-detect` or the name of a format means for an image that exists.
pub fn format(name: &str, value: &Value) -> Result<FormatChoice> {
    FormatChoice::from_caller(optional(name, value)?)
}

/// The format of a new image; undef is raw, as for qemu-img.
pub fn target(name: &str, value: &Value) -> Result<ImageFormat> {
    optional(name, value)?.map_or(Ok(ImageFormat::Raw), ImageFormat::from_caller)
}

/// How to follow a chain.
pub fn walk(choice: &Value, allow_probe: &Value, max_depth: &Value) -> Result<ChainOptions> {
    Ok(ChainOptions {
        allow_probe: flag("allow-probe", allow_probe)?,
        max_depth: count("max-depth", max_depth)?,
        ..ChainOptions::new(format("format", choice)?)
    })
}
