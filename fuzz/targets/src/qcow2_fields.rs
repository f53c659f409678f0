//! qcow2 images that are whole but for a few fields: snapshots, bitmaps, extensions and a backing
//! file are laid out by a writer, with values of the fuzzer's choice.

use pve_native_core::image::{ImageFormat, qcow2};
use pve_native_core::io::{Memory, Source};
use pve_native_core::limits;

use crate::check;
use crate::input::Input;
use crate::writer::{self, Bitmap, Image, Snapshot};

const EXTENSIONS: [u32; 5] = [
    writer::BACKING_FORMAT,
    writer::FEATURE_NAMES,
    writer::CRYPTO,
    writer::DATA_FILE,
    writer::BITMAPS,
];

/// Values that are the last that is allowed, or the first that is not.
const EDGES: [u64; 24] = [
    0,
    1,
    2,
    15,
    16,
    511,
    512,
    1023,
    1024,
    4095,
    4096,
    65_535,
    65_536,
    0x1f_ffff,
    0x20_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 40,
    1 << 56,
    (1 << 63) - 512,
    1 << 63,
    u64::MAX - 511,
    u64::MAX,
];

/// Builds the image that the input describes, and reads it.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let image = image(&mut input);
    let layout = image.build();
    let mut bytes = layout.bytes;
    let places = [
        0,
        layout.extensions,
        layout.snapshots,
        layout.bitmaps,
        layout.bitmap_tables,
    ];
    while !input.is_empty() {
        change(&mut bytes, &places, &mut input);
    }
    let memory = Memory(&bytes);
    let head = &bytes[..bytes.len().min(limits::HEAD)];
    let source = Source::new(&memory, head);
    match qcow2::read(&source) {
        Ok(metadata) => {
            let size = bytes.len() as u64;
            check::metadata(ImageFormat::Qcow2, size, metadata, source.used());
        }
        Err(error) => check::error(&error),
    }
}

fn image(input: &mut Input<'_>) -> Image {
    let cluster_bits = 9 + input.below(6) as u32;
    let mut extensions = Vec::new();
    for _ in 0..input.below(5) {
        let magic = match input.below(6) {
            5 => input.u32(),
            known => EXTENSIONS[known],
        };
        // Together they stay below the smallest cluster.
        extensions.push((magic, input.counted(24).to_vec()));
    }
    let snapshots = (0..input.below(4)).map(|_| Snapshot {
        id: input.counted(8).to_vec(),
        name: input.counted(64).to_vec(),
        vm_state_size: input.u32(),
        date: (input.u32(), input.u32()),
        vm_clock_nsec: input.u64(),
        extra: input.counted(40).to_vec(),
    });
    let snapshots = snapshots.collect();
    let bitmaps = (0..input.below(4)).map(|_| Bitmap {
        name: input.counted(32).to_vec(),
        flags: u32::from(input.u8() & 7),
        granularity_bits: input.u8() % 40,
        table: (0..input.below(4)).map(|_| number(input)).collect(),
    });
    let bitmaps: Vec<Bitmap> = bitmaps.collect();
    Image {
        version: 2 + u32::from(input.u8() & 1),
        cluster_bits,
        size: u64::from(input.u32()) >> 8,
        crypt_method: input.below(3) as u32,
        incompatible: u64::from(input.u8() & 0x1f),
        compatible: u64::from(input.u8() & 1),
        autoclear: u64::from(input.u8() & 3),
        refcount_order: u32::from(input.u8() & 7),
        header_length: 104 + 8 * u32::from(input.u8() & 3),
        compression_type: input.u8() & 1,
        extensions,
        end_mark: input.flag(),
        backing: input.flag().then(|| input.counted(64).to_vec()),
        snapshots,
        bitmaps,
    }
}

/// Changes one number somewhere in one of the structures.
fn change(bytes: &mut [u8], places: &[usize], input: &mut Input<'_>) {
    let at = input.pick(places) + usize::from(input.u8());
    let width = 1 << input.below(4);
    let value = number(input).to_be_bytes();
    if let Some(field) = bytes.get_mut(at..at + width) {
        field.copy_from_slice(&value[8 - width..]);
    }
}

fn number(input: &mut Input<'_>) -> u64 {
    match input.below(4) {
        0 => input.u64(),
        1 => u64::from(input.u16()) << 9,
        2 => u64::from(input.u8()),
        _ => input.pick(&EDGES),
    }
}
