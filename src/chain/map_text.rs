//! Extents as the array that `qemu-img map --output=json` prints, byte for byte, an entry at a
//! time: the text of a fragmented disk has hundreds of megabytes.

use std::fmt::Write;

use super::extents::{COMPRESSED, DATA, Extent, NO_OFFSET, PRESENT, ZERO};

/// Writes the array.
#[derive(Debug, Default)]
pub struct MapText {
    entries: u64,
}

impl MapText {
    /// Adds these extents to `out`.
    pub fn add(&mut self, extents: &[Extent], out: &mut String) {
        for extent in extents {
            out.push_str(if self.entries == 0 { "[" } else { ",\n" });
            self.entries += 1;
            let bit = |flag| extent.flags & flag != 0;
            // Writing to memory cannot fail.
            let _ = write!(
                out,
                "{{ \"start\": {}, \"length\": {}, \"depth\": {}, \"present\": {}, \
                 \"zero\": {}, \"data\": {}, \"compressed\": {}",
                extent.start,
                extent.length,
                extent.depth(),
                bit(PRESENT),
                bit(ZERO),
                bit(DATA),
                bit(COMPRESSED),
            );
            if extent.offset != NO_OFFSET {
                let _ = write!(out, ", \"offset\": {}", extent.offset);
            }
            out.push('}');
        }
    }

    /// Ends the array. A disk without a byte has one entry, as QEMU prints it.
    pub fn end(mut self, out: &mut String) {
        if self.entries == 0 {
            let nothing = Extent {
                offset: NO_OFFSET,
                ..Extent::default()
            };
            self.add(&[nothing], out);
        }
        out.push_str("]\n");
    }
}
