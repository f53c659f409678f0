//! Sizes of images: what they would take, what room they have, what merging them moves.

use pve_native_core::chain::merge_cost::{Bytes, MergeCost};
use pve_native_core::image::measure::Measure;
use pve_native_core::inspect::maps::Headroom;
use pve_native_core::text::printable;

use super::table::{padded, table};
use super::{NAME, Symbols, exact_size, size, styled};

/// Columns of the names of a sheet.
const NAMES: usize = 18;

fn sheet(rows: &[(&str, String)]) -> String {
    let row = |(name, value): &(&str, String)| format!("{}{value}\n", padded(name, NAMES));
    rows.iter().map(row).collect()
}

/// How large an image would become.
pub fn measure(measure: &Measure) -> String {
    let mut rows = vec![
        ("required", exact_size(measure.required)),
        ("fully allocated", exact_size(measure.fully_allocated)),
    ];
    if let Some(bitmaps) = measure.bitmaps {
        rows.push(("bitmaps", exact_size(bitmaps)));
    }
    sheet(&rows)
}

/// Whether there is room for all of the disk of the image at `path`.
pub fn headroom(path: &[u8], room: &Headroom) -> String {
    let symbols = Symbols::of_locale();
    let name = styled(NAME, &printable(path));
    let verdict = match room.short_by {
        Some(0) => symbols.good("ROOM", &format!("{name}: the whole disk fits")),
        Some(short) => {
            let text = format!("{name}: the device is {} too small", size(short));
            symbols.bad("NO ROOM", &text)
        }
        None => symbols.note(&format!("{name} is on no device: the file can grow")),
    };
    let mut rows = vec![
        ("in use up to", exact_size(room.end)),
        ("free before that", exact_size(room.free)),
        ("worst case", exact_size(room.worst_case)),
    ];
    if let Some(device) = room.device_size {
        rows.push(("device", exact_size(device)));
    }
    format!("{verdict}\n{}", sheet(&rows))
}

/// What each merge would move.
pub fn costs(costs: &[MergeCost]) -> String {
    if costs.is_empty() {
        return "one image alone: nothing to merge\n".into();
    }
    let rows = costs.iter().map(|cost| {
        [
            printable(&cost.image).into_owned(),
            printable(&cost.backing).into_owned(),
            moved(&cost.commit),
            moved(&cost.stream),
        ]
    });
    let lines = table(["IMAGE", "STANDS ON", "COMMIT DOWN", "STREAM UP"], rows);
    lines.join("\n") + "\n"
}

/// What is moved as data, and what is only zeros.
fn moved(bytes: &Bytes) -> String {
    match bytes.zero {
        0 => size(bytes.data),
        zero => format!("{} + {} of zeros", size(bytes.data), size(zero)),
    }
}
