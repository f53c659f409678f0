//! What must be true of maps, and of what follows from them.

use pve_native_core::chain::changed::Range;
use pve_native_core::chain::extents::{
    COMPRESSED, DATA, DEPTH_SHIFT, Extent, NO_OFFSET, PRESENT, ZERO,
};
use pve_native_core::chain::merge_cost::{Bytes, MergeCost};
use pve_native_core::image::ImageFormat;
use pve_native_core::image::check::{Checked, MOST};
use pve_native_core::image::json::{Names, View};
use pve_native_core::image::measure::Measure;
use pve_native_core::inspect::maps::Headroom;
use pve_native_core::{json, limits};

use crate::check;
use crate::disk::Expected;

/// Extents that are looked at. With their records they stay below the bound on memory.
pub const MANY: usize = 1 << 16;

const FLAGS: u64 = PRESENT | ZERO | DATA | COMPRESSED;

/// Extents from the start of a disk on, of a chain of so many images.
pub fn extents(extents: &[Extent], images: u64) {
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
        assert!(one.flags != next.flags || offset != next.offset, "{pair:?}");
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

/// What a merge of the first two images moves is what their extents hold.
pub fn cost(cost: &MergeCost, extents: &[Extent]) {
    let held = |depth| {
        let mut bytes = Bytes::default();
        for extent in extents {
            if extent.depth() == depth && extent.flags & PRESENT != 0 {
                match extent.flags & ZERO {
                    0 => bytes.data += extent.length,
                    _ => bytes.zero += extent.length,
                }
            }
        }
        bytes
    };
    assert_eq!((cost.commit, cost.stream), (held(0), held(1)));
    check::qemu_json(&json::to_text(&View::new(cost, Names::Text)));
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
