//! What callers say of block nodes, and get of them, as text.

use super::{BlockNode, Pin};
use crate::error::{Error, Result};
use crate::inspect::options::{at_most, count_from_text};
use crate::limits;
use crate::text::printable;

/// The highest number that the first of many descriptor sets can have: QEMU counts them with an
/// `int`, and each image of the longest chain may need two.
const FIRST_SET: usize = i32::MAX as usize - 2 * limits::CHAIN_DEPTH_MAX;

/// A prefix of node names; without any it is [`Pin::NODE_PREFIX`].
pub fn prefix_from_text(text: Option<&[u8]>) -> Result<&str> {
    let Some(text) = text else {
        return Ok(Pin::NODE_PREFIX);
    };
    std::str::from_utf8(text).map_err(|_| {
        Error::argument(format!(
            "'{}' cannot begin the name of a block node",
            printable(text)
        ))
    })
}

/// The number of the first descriptor set.
pub fn first_set_from_text(text: &[u8]) -> Result<u32> {
    let number = at_most("fdset", count_from_text("fdset", text)?, FIRST_SET)?;
    // What is not above the bound fits.
    Ok(number as u32)
}

impl BlockNode {
    /// The JSON text that `--blockdev` takes, on one line.
    pub fn to_json(&self) -> String {
        // Nothing in it refuses to be written.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_stay_below_what_qemu_can_count() {
        assert_eq!(first_set_from_text(b"0").unwrap(), 0);
        assert!(first_set_from_text(b"2147483647").is_err());
        assert!(first_set_from_text(b"-1").is_err());
    }

    #[test]
    fn prefixes_have_a_default() {
        assert_eq!(prefix_from_text(None).unwrap(), Pin::NODE_PREFIX);
        assert_eq!(prefix_from_text(Some(b"disk")).unwrap(), "disk");
        assert!(prefix_from_text(Some(b"\xff")).is_err());
    }
}
