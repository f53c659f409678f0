//! How much room an image can come to need: what a logical volume under it must have.

use crate::error::{Error, Result};
use crate::image::measure::{self, Qcow2Layout};
use crate::image::{ImageFormat, ImageInfo};

/// Bytes that a new image takes once all of a disk of `size` bytes has been written.
pub fn of_new(layout: &Qcow2Layout, size: u64) -> Result<u64> {
    let room = layout.worst_case(size);
    room.ok_or_else(|| Error::limit(format!("no image has room for a disk of {size} bytes")))
}

/// Bytes that an image takes if its disk has `size` bytes, with its own layout. None if that is not
/// known for its format.
pub fn of_image(image: &ImageInfo, size: u64) -> Result<Option<u64>> {
    if image.format == ImageFormat::Raw {
        return Ok(Some(size));
    }
    let Some(qcow2) = image.qcow2() else {
        return Ok(None);
    };
    let header = &qcow2.header;
    let layout = Qcow2Layout {
        cluster_bits: header.cluster_bits,
        refcount_order: header.refcount_order,
        extended_l2: header.extended_l2(),
    };
    let bitmaps = measure::bitmaps_bytes(&qcow2.bitmaps, size, header.cluster_size());
    Ok(Some(of_new(&layout, size)?.saturating_add(bitmaps)))
}
