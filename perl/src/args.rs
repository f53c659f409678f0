//! Arguments: plain scalars, as the Perl modules hand them in.

use perlmod::Value;
use perlmod::scalar::{Flags, Type};

/// The bytes of a defined value, nothing for undef.
pub fn optional(value: &Value) -> Option<&[u8]> {
    // Asked of the type and not by is_undef(): perlmod's takes a variable that once had a value
    // for defined.
    match value.ty() {
        Type::Scalar(flags) if flags == Flags::empty() => None,
        _ => Some(value.pv_bytes()),
    }
}

/// The bytes of a value; undef is empty.
pub fn bytes(value: &Value) -> &[u8] {
    optional(value).unwrap_or_default()
}

/// Whether a flag is set: undef, the empty string and `0` are not.
pub fn flag(value: &Value) -> bool {
    !matches!(bytes(value), b"" | b"0")
}
