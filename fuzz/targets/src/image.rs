//! Each format's reader on images that lie in memory. What can be read is also written as JSON.

use std::sync::atomic::Ordering;

use pve_native_core::image::open::{Alone, Context};
use pve_native_core::image::{
    ImageFormat, Metadata, luks, probe, qcow1, qcow2, qed, raw, vdi, vhdx, vmdk, vpc,
};
use pve_native_core::io::{ReadAt, Source};
use pve_native_core::{Result, limits};

use crate::pieces::{Image, Piece, WHOLE};
use crate::{check, repair};

/// Where the log lies in images of [`VHDX`].
pub(crate) const VHDX_LOG: u64 = 1 << 20;

/// The parts of a VHDX image that an input holds: signature, headers, region table, the start of a
/// log, metadata and its items, block allocation table.
pub(crate) const VHDX: [Piece; 8] = [
    (0, 16),
    (64 << 10, 96),
    (128 << 10, 96),
    (192 << 10, 16 + 32 * 6),
    (VHDX_LOG, 4096 + 256),
    (2 << 20, 32 * 10),
    ((2 << 20) + (64 << 10), 64),
    (3 << 20, usize::MAX),
];

fn run(
    input: &[u8],
    pieces: &[Piece],
    repair: fn(&mut [(u64, Vec<u8>)]),
    read: impl Fn(&Source<'_>) -> Result<(ImageFormat, Metadata)>,
) {
    let image = Image::new(input, pieces, repair);
    let head = image.head(limits::HEAD);
    let source = Source::new(&image, &head);
    let result = read(&source);
    let used = source.used();
    // What is not counted there must not have been read either.
    assert!(image.read.load(Ordering::Relaxed) <= used.bytes_read + used.block_table_bytes);
    match result {
        Ok((format, metadata)) => check::metadata(format, image.size(), metadata, used),
        Err(error) => {
            check::used(used);
            check::error(&error);
        }
    }
}

macro_rules! plain {
    ($($name:ident: $format:ident, $read:path, $pieces:expr, $repair:path;)*) => {
        $(
            #[doc = concat!("The reader of ", stringify!($format), ".")]
            pub fn $name(input: &[u8]) {
                run(input, &$pieces, $repair, |source| {
                    $read(source).map(|metadata| (ImageFormat::$format, metadata))
                });
            }
        )*
    };
}

plain! {
    qcow2: Qcow2, qcow2::read, WHOLE, repair::nothing;
    qcow: Qcow, qcow1::read, WHOLE, repair::nothing;
    qed: Qed, qed::read, WHOLE, repair::nothing;
    vdi: Vdi, vdi::read, WHOLE, repair::nothing;
    vpc: Vpc, vpc::read, WHOLE, repair::vpc;
    vhdx: Vhdx, vhdx::read, VHDX, repair::vhdx;
    luks: Luks, luks::read, WHOLE, repair::nothing;
    raw: Raw, raw::read, WHOLE, repair::nothing;
    vmdk: Vmdk, read_vmdk, WHOLE, repair::nothing;
}

/// No further file is opened; that happens in [`chain`](crate::chain).
pub(crate) fn read_vmdk(source: &Source<'_>) -> Result<Metadata> {
    vmdk::read(
        source,
        &Context {
            opener: &Alone,
            path: b"top.vmdk",
            to_check: false,
        },
    )
}

/// Probing, and then the reader of the format that was found.
pub fn probe(input: &[u8]) {
    run(input, &WHOLE, repair::nothing, |source| {
        let format = probe::probe(source, b"/images/100/top")?;
        let metadata = match format {
            ImageFormat::Raw => raw::read(source),
            ImageFormat::Qcow2 => qcow2::read(source),
            ImageFormat::Vmdk => read_vmdk(source),
            ImageFormat::Vdi => vdi::read(source),
            ImageFormat::Vpc => vpc::read(source),
            ImageFormat::Vhdx => vhdx::read(source),
            ImageFormat::Qed => qed::read(source),
            ImageFormat::Luks => luks::read(source),
            ImageFormat::Qcow => qcow1::read(source),
            ImageFormat::Parallels | ImageFormat::Bochs | ImageFormat::Cloop | ImageFormat::Dmg => {
                Ok(Metadata::default())
            }
        }?;
        Ok((format, metadata))
    });
}
