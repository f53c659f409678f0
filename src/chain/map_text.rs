//! Extents as entries of the array that `qemu-img map --output=json` prints; and that array, byte for
//! byte, an entry at a time: the text of a fragmented disk has hundreds of megabytes.

use std::fmt::Write;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::extents::{COMPRESSED, DATA, Extent, NO_OFFSET, PRESENT, ZERO, extents};
use super::walk::ChainOptions;
use crate::error::{Error, Result};
use crate::io::Storage;
use crate::limits;

/// Extents that are turned into text at a time.
const CHUNK: usize = 1024;

/// The whole array for the chain under `filename`, within the time of `storage`: an error if it is
/// longer than [`limits::MAP_TEXT`].
pub fn map_text(storage: Storage, filename: &[u8], options: &ChainOptions) -> Result<String> {
    let mut extents = extents(storage, filename, options)?;
    let mut chunk = vec![Extent::default(); CHUNK];
    let (mut text, mut out) = (MapText::default(), String::new());
    loop {
        let count = extents.fill(&mut chunk)?;
        if count == 0 {
            text.end(&mut out);
            return Ok(out);
        }
        text.add(&chunk[..count], &mut out);
        if out.len() > limits::MAP_TEXT {
            let most = limits::MAP_TEXT;
            let message = format!("the map has more than {most} bytes of text");
            return Err(Error::limit(message).in_file(filename));
        }
    }
}

impl Serialize for Extent {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let bit = |flag| self.flags & flag != 0;
        let mut map = serializer.serialize_struct("Extent", 8)?;
        map.serialize_field("start", &self.start)?;
        map.serialize_field("length", &self.length)?;
        map.serialize_field("depth", &self.depth())?;
        map.serialize_field("present", &bit(PRESENT))?;
        map.serialize_field("zero", &bit(ZERO))?;
        map.serialize_field("data", &bit(DATA))?;
        map.serialize_field("compressed", &bit(COMPRESSED))?;
        match self.offset {
            NO_OFFSET => map.skip_field("offset")?,
            offset => map.serialize_field("offset", &offset)?,
        }
        map.end()
    }
}

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
