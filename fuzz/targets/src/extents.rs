//! The maps of an image that lies in memory: its runs and its check; of qcow2 also its bitmaps and how
//! far it reaches.

use std::sync::Arc;

use pve_native_core::Result;
use pve_native_core::image::FormatSpecific;
use pve_native_core::image::map::Runs;
use pve_native_core::image::qcow2::bitmap_data::BitmapData;
use pve_native_core::image::qcow2::check::Check;
use pve_native_core::image::qcow2::headroom::Reaching;
use pve_native_core::image::qcow2::mapping::Mapping;
use pve_native_core::image::qcow2::{self, refcounts};
use pve_native_core::io::{Shared, Source};
use pve_native_core::limits::{self, Limits};
use pve_native_core::work::{Progress, finish};

use crate::pieces::{Image, WHOLE};
use crate::{repair, tables};

/// Parts of the tables, and tables, that are looked at: more of them are alike.
pub(crate) const STEPS: usize = 500;
/// Entries of an L1 table up to which an image is looked through.
const L1_ENTRIES: u32 = 1 << 14;

/// A sparse file can refer to places far apart, and each takes a page of counts.
pub(crate) const LIMITS: Limits = Limits {
    check_bytes: 8 << 20,
    ..Limits::DEFAULT
};

/// All that reads the tables.
pub fn run(input: &[u8]) {
    let image = Image::new(input, &WHOLE, repair::nothing);
    let head = image.head(limits::HEAD);
    let image: Shared<'_> = Arc::new(image);
    let Ok(metadata) = qcow2::read(&Source::new(&*image, &head)) else {
        return tables::run(input);
    };
    let FormatSpecific::Qcow2(info) = &metadata.specific else {
        unreachable!("qcow2's metadata are qcow2's");
    };
    let size = info.header.virtual_size();
    let mut mapping = Mapping::new(info, size, 4096);
    walk(size, |position, runs| mapping.runs(&*image, position, runs));
    for bitmap in info.bitmaps.iter().take(4) {
        let Ok(mut data) = BitmapData::new(image.clone(), &info.header, bitmap) else {
            continue;
        };
        let mut last = 0;
        let mut dirty = |start, length| {
            assert!(start >= last && length > 0 && start + length <= size);
            last = start + length;
        };
        while let Ok(true) = data.next(&mut dirty) {}
    }
    let _ = refcounts::is_preallocated(&*image, &info.header, image.size());
    let snapshots = metadata.snapshots.iter().map(|snapshot| snapshot.l1_size);
    if snapshots.len() > 64
        || snapshots
            .chain([info.header.l1_size])
            .any(|size| size > L1_ENTRIES)
    {
        return;
    }
    let mut left = STEPS;
    let mut watch = |progress: Progress| {
        assert!(progress.done <= progress.total);
        left -= 1;
        left > 0
    };
    let check = Check::new(image.clone(), &metadata, info, &LIMITS);
    if let Ok(result) = check.and_then(|check| finish(check, &mut watch)) {
        let found = result.corruptions + result.leaks + result.check_errors;
        assert!(result.findings.len() as u64 <= found);
    }
    let _ = Reaching::new(image, info).and_then(|reach| finish(reach, &mut watch));
}

/// Asks for the runs of a disk from its start on, as far as there is anything new.
pub(crate) fn walk(size: u64, mut ask: impl FnMut(u64, &mut Runs) -> Result<()>) {
    let (mut runs, mut position) = (Runs::default(), 0);
    for _ in 0..STEPS {
        runs.clear();
        if position >= size || ask(position, &mut runs).is_err() {
            break;
        }
        let runs = runs.as_slice();
        assert!(runs[0].start <= position && position < runs[0].end());
        assert!(runs.windows(2).all(|pair| pair[0].end() == pair[1].start));
        position = runs[runs.len() - 1].end();
        assert!(position <= size);
    }
}
