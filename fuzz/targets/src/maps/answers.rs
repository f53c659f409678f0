//! What must be true of maps, and of what follows from them.

use pve_native_core::chain::changed::Range;
use pve_native_core::chain::extents::{
    COMPRESSED, DATA, DEPTH_SHIFT, Extent, NO_OFFSET, PRESENT, ZERO,
};
use pve_native_core::chain::merge_cost::MergeCost;
use pve_native_core::image::check::{Checked, MOST};
use pve_native_core::image::json::{Names, View};
use pve_native_core::image::measure::Measure;
use pve_native_core::image::{ImageFormat, ImageInfo};
use pve_native_core::inspect::maps::Headroom;
use pve_native_core::{json, limits};

use crate::check;
use crate::disk::Expected;

/// Extents that are looked at. With their records they stay below the bound on memory.
pub const MANY: usize = 1 << 16;

const FLAGS: u64 = PRESENT | ZERO | DATA | COMPRESSED;

/// Extents from the start of a disk on, of a chain of these images.
pub fn extents(extents: &[Extent], images: &[ImageInfo]) {
    // The offsets are then in several files.
    let many_files = images
        .iter()
        .any(|image| !image.metadata.extents.is_empty());
    let images = images.len() as u64;
    let mut position = 0;
    for extent in extents {
        let flags = extent.flags & !(u64::MAX << DEPTH_SHIFT);
        assert_eq!(extent.start, position);
        assert!(extent.length > 0 && extent.depth() < images, "{extent:?}");
        position += extent.length;
        assert!(flags & !FLAGS == 0, "{extent:?}");
        let present = flags & PRESENT != 0;
        // What is not there can still have room kept for it.
        assert!(present || flags == ZERO, "{extent:?}");
        assert!(!present || flags & (ZERO | DATA) != 0, "{extent:?}");
        let compressed = flags & COMPRESSED != 0;
        assert!(
            !compressed || flags & ZERO == 0 && flags & DATA != 0,
            "{extent:?}"
        );
        assert!(!compressed || extent.offset == NO_OFFSET, "{extent:?}");
    }
    assert!(position <= limits::IMAGE_BYTES);
    for pair in extents.windows(2) {
        let [one, next] = pair else { continue };
        let offset = match one.offset {
            NO_OFFSET => NO_OFFSET,
            offset => offset + one.length,
        };
        let differ = one.flags != next.flags || offset != next.offset;
        assert!(differ || many_files && offset != NO_OFFSET, "{pair:?}");
    }
}

/// What was changed above the image at `depth`: exactly what the extents say of the images above it,
/// but for the zeros behind its own end. All else is as in the `base`.
pub fn changed(changed: &[Range], top: &[Extent], base: &[Extent], depth: u64) {
    let base_size = base.last().map_or(0, |last| last.start + last.length);
    let mut expected: Vec<Range> = Vec::new();
    for extent in top.iter().filter(|extent| extent.depth() < depth) {
        let end = extent.start + extent.length;
        let end = match extent.flags & PRESENT {
            0 => end.min(base_size),
            _ => end,
        };
        if end <= extent.start {
            continue;
        }
        match expected.last_mut() {
            Some(last) if last.start + last.length == extent.start => {
                last.length = end - last.start
            }
            _ => expected.push(Range {
                start: extent.start,
                length: end - extent.start,
            }),
        }
    }
    assert_eq!(changed, expected);
    // The base's own extents, seen through what lies above it.
    let mut own = base.iter().peekable();
    for extent in top.iter().filter(|extent| extent.depth() >= depth) {
        let end = extent.start + extent.length;
        assert!(end <= base_size);
        while own
            .next_if(|own| own.start + own.length <= extent.start)
            .is_some()
        {}
        let Some(own) = own.peek() else {
            panic!("{extent:?} is not in the base")
        };
        assert!(end <= own.start + own.length, "{extent:?} {own:?}");
        assert_eq!(extent.flags, own.flags + (depth << DEPTH_SHIFT));
        let offset = match own.offset {
            NO_OFFSET => NO_OFFSET,
            offset => offset + (extent.start - own.start),
        };
        assert_eq!(extent.offset, offset);
    }
}

/// What a merge of the first two images moves: the units in which their extents hold something.
pub fn cost(cost: &MergeCost, images: &[ImageInfo], extents: &[Extent]) {
    check::qemu_json(&json::to_text(&View::new(cost, Names::Text)));
    let [upper, lower, below @ ..] = images else {
        panic!("a merge of one image");
    };
    let size = |image: &ImageInfo| image.metadata.virtual_size.unwrap_or(0);
    let cluster = |image: &ImageInfo| image.metadata.cluster_size.filter(|&size| size > 0);
    let has_subclusters = upper
        .qcow2()
        .is_some_and(|qcow2| qcow2.header.extended_l2());
    let parts = if has_subclusters { 32 } else { 1 };
    let unit = cluster(lower).unwrap_or(64 << 10).clamp(4 << 10, 64 << 10);
    let mut commit = Moved::new(unit, size(upper));
    let mut stream = Moved::new(cluster(upper).map_or(1, |size| size / parts), size(upper));
    let hidden = size(lower)..below.first().map_or(0, size);
    for extent in extents {
        let (start, end) = (extent.start, extent.start + extent.length);
        let is_data = extent.flags & ZERO == 0;
        match (extent.depth(), extent.flags & PRESENT != 0) {
            (0, true) => commit.add(start, end, is_data),
            (1, true) => stream.add(start, end, is_data),
            // Where the lower image has ended, it hides what is below.
            (0, false) => stream.add(start.max(hidden.start), end.min(hidden.end), false),
            _ => {}
        }
    }
    for (cost, moved) in [(cost.commit, commit), (cost.stream, stream)] {
        assert_eq!(cost.data + cost.zero, moved.bytes);
        assert!(cost.data >= moved.data);
    }
}

/// Parts of a disk, in whole units.
struct Moved {
    unit: u64,
    size: u64,
    end: u64,
    bytes: u64,
    /// Those that are data, in parts of units too.
    data: u64,
}

impl Moved {
    fn new(unit: u64, size: u64) -> Self {
        Moved {
            unit,
            size,
            end: 0,
            bytes: 0,
            data: 0,
        }
    }

    fn add(&mut self, start: u64, end: u64, is_data: bool) {
        if start >= end {
            return;
        }
        let up = end.div_ceil(self.unit).saturating_mul(self.unit);
        let from = (start / self.unit * self.unit).max(self.end);
        self.end = up.min(self.size).max(self.end);
        self.bytes += self.end.saturating_sub(from);
        self.data += if is_data { end - start } else { 0 };
    }
}

/// A new image has room for all of the data.
pub fn measure(measure: &Measure, format: ImageFormat, extents: &[Extent]) {
    check::qemu_json(&json::to_text(measure));
    let size = extents.last().map_or(0, |last| last.start + last.length);
    let data = extents
        .iter()
        .filter(|extent| extent.flags & (DATA | ZERO) == DATA)
        .map(|extent| extent.length);
    assert!(measure.required <= measure.fully_allocated);
    assert!(measure.required >= data.sum() && measure.fully_allocated >= size);
    if format == ImageFormat::Raw {
        assert_eq!(measure.required, measure.fully_allocated);
    }
}

/// A check of an image of which all may be known.
pub fn checked(checked: &Checked, expected: Option<&Expected>) {
    check::qemu_json(&json::to_text(&View::new(checked, Names::Text)));
    let result = &checked.result;
    let found = result.corruptions + result.leaks + result.check_errors;
    assert!(result.findings.len() as u64 <= found.min(MOST as u64));
    if let Some(expected) = expected {
        assert!(checked.is_sound(), "{result:?}");
        let counts = Expected {
            allocated: result.allocated_clusters,
            compressed: result.compressed_clusters,
            total: result.total_clusters,
        };
        assert_eq!(counts, *expected);
    }
}

/// The room for an image on a device that was named, or not.
pub fn headroom(room: &Headroom, device: Option<u64>) {
    check::qemu_json(&json::to_text(room));
    assert_eq!(room.device_size, device);
    let short_by = device.map(|size| room.worst_case.saturating_sub(size));
    assert_eq!(room.short_by, short_by);
}
