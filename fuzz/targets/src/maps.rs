//! The maps of whole chains: images with something in them that stand on each other, or a directory
//! in which anything may stand on anything. Extents, what was changed, the costs of merges, measures
//! and checks are asked for one by one, and must not contradict each other.

mod answers;

use std::io;
use std::os::unix::ffi::OsStrExt;

use pve_native_core::Result;
use pve_native_core::chain::extents::Extent;
use pve_native_core::chain::{ChainOptions, map_text};
use pve_native_core::image::{FormatChoice, ImageFormat, ImageInfo};
use pve_native_core::inspect::{self, Bounds};
use pve_native_core::io::Storage;
use pve_native_core::limits::Limits;
use pve_native_core::work::{Progress, Work, finish};

use crate::directory::{self, FILES, Place};
use crate::disk::{Disk, Expected, Ground};
use crate::input::Input;
use crate::{chain, check};

/// Images of a generated chain at the most.
const IMAGES: usize = 4;
/// Bytes of L2 tables up to which a chain is looked through: more of them are alike.
const TABLES: u64 = 16 << 20;
/// Parts of each work that are done.
const PARTS: usize = 100;

/// Each image is read many times: one with all the snapshots that there can be takes seconds then.
const BOUNDS: Bounds = Bounds {
    timeout: None,
    limits: Limits {
        check_bytes: 8 << 20,
        snapshots: 100,
        bitmaps: 100,
        ..Limits::DEFAULT
    },
};

/// How the extents of a disk are asked for.
struct Asked {
    options: ChainOptions,
    /// Extents of one call.
    capacity: usize,
}

/// Lays out a chain and asks all questions about it.
pub fn run(input: &[u8]) {
    directory::with(|place| {
        let mut input = Input::new(input);
        let asked = Asked {
            capacity: input.pick(&[1000, 1, 2, 3, 17]),
            options: ChainOptions {
                allow_probe: input.flag(),
                ..ChainOptions::new(FormatChoice::Probe)
            },
        };
        if input.below(4) == 3 {
            let format = chain::format(&mut input);
            place.lay_out(&mut input);
            ask(
                place,
                &Asked {
                    options: ChainOptions {
                        format,
                        ..asked.options
                    },
                    ..asked
                },
            );
        } else {
            // What an earlier input laid out is taken away.
            place.lay_out(&mut Input::new(&[]));
            let expected = match lay_out(place, &mut input) {
                Ok(expected) => expected,
                Err(error) => panic!("images for their maps: {error}"),
            };
            ask(place, &asked);
            for (index, expected) in expected.iter().enumerate() {
                single(place, index, expected.as_ref());
            }
        }
    });
}

/// Writes images that stand on each other; says what is known of each.
fn lay_out(place: &Place, input: &mut Input<'_>) -> io::Result<Vec<Option<Expected>>> {
    const NAMES: [&[u8]; IMAGES] = [b"a", b"b", b"c", b"d"];
    let count = 1 + input.below(IMAGES);
    let raw = input.flag().then_some(count - 1);
    let data = place.file(IMAGES);
    let mut expected = Vec::new();
    for index in 0..count {
        let path = place.file(index);
        if raw == Some(index) {
            flat(input).write(&path)?;
            continue;
        }
        let format = if raw == Some(index + 1) {
            "raw"
        } else {
            "qcow2"
        };
        let backing = NAMES[..count].get(index + 1).map(|name| (*name, format));
        let data_file = (input.below(8) == 7).then(|| data.as_os_str().as_bytes());
        if data_file.is_some() {
            flat(input).write(&data)?;
        }
        let disk = Disk::new(input, &Ground { backing, data_file });
        disk.write(&path)?;
        expected.push(disk.expected);
    }
    Ok(expected)
}

/// A file that is a disk, with holes.
fn flat(input: &mut Input<'_>) -> Disk {
    let size = u64::from(input.u16()) << input.below(12);
    let parts = (0..input.below(8)).map(|_| u64::from(input.u8()) << 12);
    Disk::flat(size, parts)
}

/// All questions about the chain under the first file.
fn ask(place: &Place, asked: &Asked) {
    let top = place.top();
    let top = top.as_os_str().as_bytes();
    let Some((images, extents)) = extents(top, asked) else {
        // No question may do more than answer with an error.
        watched(inspect::changed_extents(top, top, &asked.options, BOUNDS));
        watched(inspect::merge_costs(top, &asked.options, BOUNDS));
        for index in 0..FILES {
            single(place, index, None);
        }
        return;
    };
    text(top, asked, &extents);
    let costs = watched(inspect::merge_costs(top, &asked.options, BOUNDS));
    if let Some(costs) = &costs {
        assert_eq!(costs.len(), images.len() - 1);
    }
    for (depth, image) in images.iter().enumerate() {
        let options = ChainOptions {
            format: FormatChoice::Named(image.format),
            ..asked.options
        };
        let alone = Asked { options, ..*asked };
        let Some((below, own)) = self::extents(&image.filename, &alone) else {
            continue;
        };
        assert_eq!(below.len(), images.len() - depth);
        if let Some(cost) = costs.as_ref().and_then(|costs| costs.get(depth)) {
            answers::cost(cost, &below, &own);
        }
        let changed = inspect::changed_extents(top, &image.filename, &asked.options, BOUNDS);
        if let Some(changed) = watched(changed) {
            answers::changed(&changed, &extents, &own, depth as u64);
        }
    }
    for (format, options) in [
        (ImageFormat::Raw, &[][..]),
        (ImageFormat::Qcow2, &[]),
        (
            ImageFormat::Qcow2,
            &[&b"cluster_size=2M"[..], b"extended_l2=on"],
        ),
    ] {
        let options = options.iter().copied();
        let measure = inspect::measure_image(top, &asked.options, format, options, BOUNDS);
        if let Some(measure) = watched(measure) {
            answers::measure(&measure, format, &extents);
        }
    }
}

/// The images of the chain under an image, and the extents of the disk. None if the chain is not
/// whole, too large, or its tables are not sound.
fn extents(top: &[u8], asked: &Asked) -> Option<(Vec<ImageInfo>, Vec<Extent>)> {
    let mut extents = match inspect::extents(top, &asked.options, BOUNDS) {
        Ok(extents) => extents,
        Err(error) => {
            check::error(&error);
            return None;
        }
    };
    let images = extents.chain().images.clone();
    if images.iter().map(table_bytes).sum::<u64>() > TABLES {
        return None;
    }
    let size = images.first()?.metadata.virtual_size?;
    let mut all = Vec::new();
    let mut chunk = vec![Extent::default(); asked.capacity];
    loop {
        let result = extents.next(&mut chunk);
        let (done, total) = extents.progress();
        assert!(done <= total && total == size);
        let found = match &result {
            Ok(count) => &chunk[..*count],
            Err(_) => &[],
        };
        all.extend(found);
        if found.is_empty() || all.len() > answers::MANY {
            answers::extents(&all, &images);
            if let Err(error) = result {
                check::error(&error);
                // It stays.
                assert!(extents.next(&mut chunk).is_err());
                return None;
            }
            if !found.is_empty() {
                return None;
            }
            assert_eq!(all.last().map_or(0, |last| last.start + last.length), size);
            return Some((images, all));
        }
    }
}

/// What reading all tables of an image may take.
fn table_bytes(image: &ImageInfo) -> u64 {
    image.qcow2().map_or(0, |qcow2| {
        u64::from(qcow2.header.l1_size).saturating_mul(qcow2.header.cluster_size())
    })
}

/// The array that qemu-img prints has an object for each extent.
fn text(top: &[u8], asked: &Asked, extents: &[Extent]) {
    let storage = Storage::for_call(BOUNDS);
    match map_text::map_text(storage, top, &asked.options) {
        Ok(text) => {
            check::qemu_json(&text);
            assert_eq!(text.lines().count(), extents.len().max(1));
        }
        Err(error) => panic!("{error}"),
    }
}

/// The questions about one image.
fn single(place: &Place, index: usize, expected: Option<&Expected>) {
    let path = place.file(index);
    let path = path.as_os_str().as_bytes();
    let info = match inspect::info(path, FormatChoice::Probe, BOUNDS) {
        Ok(info) => info,
        Err(error) => {
            check::error(&error);
            assert!(expected.is_none(), "{error}");
            return;
        }
    };
    let snapshots = info.metadata.snapshots.iter();
    let l1 = snapshots.map(|snapshot| u64::from(snapshot.l1_size) * 8);
    if l1.sum::<u64>() + table_bytes(&info) > TABLES {
        return;
    }
    let checked = watched(inspect::check(path, FormatChoice::Probe, BOUNDS));
    if let Some(checked) = &checked {
        answers::checked(checked, expected);
    }
    assert!(expected.is_none() || checked.is_some());
    let device = (index % 2 == 0).then_some(1 << 20);
    if let Some(room) = watched(inspect::headroom(path, FormatChoice::Probe, device, BOUNDS)) {
        answers::headroom(&room, device);
    }
}

/// Does the work, if it is not too much; says no more of errors than that they can be shown.
fn watched<W: Work>(work: Result<W>) -> Option<W::Answer> {
    let mut left = PARTS;
    let mut watch = |progress: Progress| {
        assert!(progress.done <= progress.total, "{progress:?}");
        left -= 1;
        left > 0
    };
    match work.and_then(|work| finish(work, &mut watch)) {
        Ok(answer) => Some(answer),
        Err(error) => {
            check::error(&error);
            None
        }
    }
}
