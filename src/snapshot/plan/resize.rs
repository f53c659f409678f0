//! Making the disk larger: only the current image grows, and the snapshots keep their size.

use super::draft::Draft;
use super::line::Line;
use super::room;
use crate::error::{Error, Result};
use crate::image::ImageFormat;
use crate::snapshot::graph::Graph;

/// Bytes of a sector: disks are a whole number of them.
const SECTOR: u64 = 512;

/// The steps; none if the disk has that size already.
pub fn plan(draft: &mut Draft<'_>, graph: &Graph, size: u64) -> Result<()> {
    let line = Line::new(graph)?;
    let current = line.current();
    let old = current.virtual_size()?;
    if size % SECTOR != 0 || size == 0 {
        return Err(Error::argument(format!(
            "{size} bytes are no whole number of sectors of {SECTOR}"
        )));
    }
    if size < old {
        return Err(Error::argument(format!(
            "the disk has {old} bytes, and making it smaller would lose data"
        )));
    }
    if size == old {
        return Ok(());
    }
    let info = current.image.info();
    let needed = info
        .map(|info| room::of_image(info, size))
        .transpose()?
        .flatten();
    if draft.scheme().is_lvm() {
        let needed = needed.ok_or_else(|| {
            let message = "how much room the image needs is not known for its format";
            Error::unsupported(message).in_file(&current.image.path)
        })?;
        draft.extend(&current.name, needed)?;
    }
    if draft.online.is_some() {
        return draft.resize_online(&current.name, size);
    }
    if draft.scheme().is_lvm() {
        // The volume is the disk.
        if draft.image(&current.name)?.format == ImageFormat::Raw {
            return Ok(());
        }
    }
    draft.resize(&current.name, size)
}
