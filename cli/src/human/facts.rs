//! What is worth saying of an image, whichever way it is laid out.

use pve_native_core::image::qcow2::{Bitmap, CompressionType, EncryptionMethod, Qcow2Info};
use pve_native_core::image::{Backing, ImageInfo, Snapshot};
use pve_native_core::text::printable;

use super::table::table;
use super::{Symbols, moment, running_time, size};

/// Said in place of a backing format that the image does not name.
pub const NOT_RECORDED: &str = "not recorded";

/// Width of a refcount unless something else was asked for when the image was made.
const USUAL_REFCOUNT_BITS: u32 = 16;

/// What sets the image apart from a plain one of its format, a few words each.
pub fn features(image: &ImageInfo) -> Vec<String> {
    let mut out = Vec::new();
    match image.qcow2() {
        Some(qcow2) => out.extend(qcow2_features(qcow2)),
        None if image.metadata.encrypted => out.push("encrypted".into()),
        None => {}
    }
    out
}

fn qcow2_features(qcow2: &Qcow2Info) -> Vec<String> {
    let header = &qcow2.header;
    let mut out: Vec<String> = Vec::new();
    let mut add = |present: bool, what: &str| {
        if present {
            out.push(what.into());
        }
    };
    add(header.version == 2, "compat 0.10");
    add(header.extended_l2(), "extended L2");
    add(
        header.compression() == CompressionType::Zstd,
        "zstd compression",
    );
    add(header.lazy_refcounts(), "lazy refcounts");
    add(qcow2.has_data_file(), "external data file");
    add(header.data_file_raw(), "raw data file");
    match header.encryption_method() {
        Ok(EncryptionMethod::Aes) => add(true, "AES encryption"),
        Ok(EncryptionMethod::Luks) => add(true, "LUKS encryption"),
        Ok(EncryptionMethod::None) | Err(_) => {}
    }
    let bits = header.refcount_bits();
    if bits != USUAL_REFCOUNT_BITS {
        out.push(format!("refcounts of {bits} bits"));
    }
    out
}

/// What is wrong or odd, a marked line each.
pub fn problems(image: &ImageInfo, symbols: &Symbols) -> Vec<String> {
    let mut out = Vec::new();
    if let Some(qcow2) = image.qcow2() {
        if qcow2.header.corrupt() {
            out.push(symbols.error("the image is marked corrupt; QEMU does not write to it"));
        }
        if qcow2.has_data_file() && qcow2.extensions.data_file.is_none() {
            out.push(symbols.warning("the image does not name its data file"));
        }
    }
    if image.metadata.dirty == Some(true) {
        out.push(symbols.warning("the image was not closed cleanly"));
    }
    if let Some(Backing { format: None, .. }) = image.backing {
        out.push(symbols.warning("the format of the backing file is not recorded"));
    }
    let warnings = image.metadata.warnings.iter();
    out.extend(warnings.map(|text| symbols.warning(&printable(text.as_bytes()))));
    out
}

/// Name of the external data file, as the image holds it.
pub fn data_file(image: &ImageInfo) -> Option<String> {
    let name = image.qcow2()?.extensions.data_file.as_deref()?;
    Some(printable(name).into_owned())
}

/// The name that the image stores for its backing file, if that is not the path it leads to.
pub fn stored_name(backing: &Backing) -> Option<String> {
    let name = backing.name();
    (name != &**backing.full_name()).then(|| printable(name).into_owned())
}

/// The format that the image records for its backing file.
pub fn backing_format(backing: &Backing) -> Option<String> {
    let format = backing.format.as_deref()?;
    Some(printable(format).into_owned())
}

/// The internal snapshots as a table.
pub fn snapshots(snapshots: &[Snapshot]) -> Vec<String> {
    let rows = snapshots.iter().map(|snapshot| {
        [
            printable(&snapshot.id).into_owned(),
            printable(&snapshot.name).into_owned(),
            moment(snapshot.date_sec),
            size(snapshot.disk_size),
            size(snapshot.vm_state_size),
            running_time(snapshot.vm_clock_nsec),
        ]
    });
    let heading = ["ID", "NAME", "TAKEN", "DISK", "VM STATE", "VM CLOCK"];
    table(heading, rows)
}

/// The persistent bitmaps as a table.
pub fn bitmaps(bitmaps: &[Bitmap]) -> Vec<String> {
    let rows = bitmaps.iter().map(|bitmap| {
        let flags = [(bitmap.auto, "auto"), (bitmap.in_use, "in use, not valid")];
        let flags: Vec<&str> = flags.into_iter().filter(|f| f.0).map(|f| f.1).collect();
        [
            printable(&bitmap.name).into_owned(),
            size(bitmap.granularity()),
            flags.join(", "),
        ]
    });
    table(["NAME", "GRANULARITY", "FLAGS"], rows)
}

/// The extents as a table.
pub fn extents(image: &ImageInfo) -> Vec<String> {
    let rows = image.metadata.extents.iter().map(|extent| {
        [
            printable(&extent.filename).into_owned(),
            size(extent.meta.allocated),
        ]
    });
    table(["FILE", "ON DISK"], rows)
}

/// `3 images`, `1 image`.
pub fn count(number: usize, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {one}{plural}")
}
