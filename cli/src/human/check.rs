//! A check as a verdict in the first line, numbers, and what was found, in the order in which it was.

use pve_native_core::image::check::{CheckFindingCode, Checked};
use pve_native_core::text::printable;

use super::table::ROWS;
use super::{NAME, QUIET, Symbols, percent, size, styled};

/// The whole answer about the image at `path`.
pub fn report(path: &[u8], checked: &Checked) -> String {
    let symbols = Symbols::of_locale();
    let mut out = verdict(path, checked, &symbols) + "\n";
    out.push_str(&format!("    {}\n", styled(QUIET, &numbers(checked))));
    let result = &checked.result;
    for finding in result.findings.iter().take(ROWS) {
        let text = format!("{} [{}]", finding.message, finding.code.name());
        let line = match finding.code {
            // Space is lost, nothing else.
            CheckFindingCode::Leak => symbols.warning(&text),
            _ => symbols.error(&text),
        };
        let place = styled(QUIET, &format!("at offset {}", finding.offset));
        out.push_str(&format!("{line}\n    {place}\n"));
    }
    let all = result.check_errors + result.corruptions + result.leaks;
    let shown = result.findings.len().min(ROWS) as u64;
    if let Some(more) = all.checked_sub(shown).filter(|&more| more > 0) {
        out.push_str(&format!("and {more} more\n"));
    }
    out
}

fn verdict(path: &[u8], checked: &Checked, symbols: &Symbols) -> String {
    let name = styled(NAME, &printable(path));
    let result = &checked.result;
    let found = [
        (result.check_errors, "could not be checked"),
        (result.corruptions, "wrong"),
        (result.leaks, "leaked"),
    ];
    let found = found.into_iter().filter(|&(count, _)| count > 0);
    let found: Vec<String> = found
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    match checked.is_sound() {
        true => symbols.good("SOUND", &format!("{name}: nothing found")),
        false => symbols.bad("NOT SOUND", &format!("{name}: {}", found.join(", "))),
    }
}

fn numbers(checked: &Checked) -> String {
    let result = &checked.result;
    let mut parts = vec![format!("ends at {}", size(result.image_end_offset))];
    if result.total_clusters > 0 {
        let (all, allocated) = (result.total_clusters, result.allocated_clusters);
        let share = percent(allocated, all);
        parts.push(format!("{allocated} of {all} clusters allocated ({share})"));
        if allocated > 0 {
            let fragmented = percent(result.fragmented_clusters, allocated);
            let compressed = percent(result.compressed_clusters, allocated);
            parts.push(format!("{fragmented} fragmented, {compressed} compressed"));
        }
    }
    parts.join("; ")
}
