//! What was changed: the sum, and a table of the parts.

use pve_native_core::chain::changed::Range;
use pve_native_core::text::printable;

use super::table::table_of_numbers;
use super::{NAME, exact_size, facts, size, styled};

/// The whole answer about the image at `path`.
pub fn report(path: &[u8], ranges: &[Range]) -> String {
    let bytes = ranges.iter().map(|range| range.length).sum();
    let name = styled(NAME, &printable(path));
    if ranges.is_empty() {
        return format!("{name}: nothing was changed\n");
    }
    let parts = facts::count(ranges.len(), "part");
    let mut out = format!("{name}: {} in {parts}\n\n", exact_size(bytes));
    let rows = ranges.iter().map(|range| {
        let &Range { start, length } = range;
        [start.to_string(), length.to_string(), size(length)]
    });
    for line in table_of_numbers(["START", "LENGTH", ""], 0..3, rows) {
        out.push_str(&line);
        out.push('\n');
    }
    out
}
