//! What one image's own bytes give away: everything but the files that it names.

use super::finding::{Finding, FindingCode};
use super::gate::{Gate, shown};
use super::hidden::{self, Risk};
use super::layout;
use crate::chain::policy::Preset;
use crate::error::Result;
use crate::image::qcow2::{self, Qcow2Info};
use crate::image::{FormatSpecific, ImageInfo};
use crate::io::Source;
use crate::limits;
use crate::severity::Severity;
use crate::text::is_printable;

/// Looks at an image that could be read.
pub(super) fn look(gate: &Gate<'_>, info: &ImageInfo, source: &Source<'_>) -> Result<()> {
    let image = &info.filename;
    let report = |code, message: String| gate.report(Finding::error(code, image, message));
    let most = gate.policy.max_virtual_size;
    if let Some(size) = info.metadata.virtual_size.filter(|&size| size > most) {
        let message = format!("the disk has {size} bytes; {most} are allowed");
        report(FindingCode::VirtualSize, message);
    }
    if info.metadata.name_has_nul {
        let message = "a file name in the header has bytes behind its end; another reader may \
                       take it for another name";
        report(FindingCode::NameNul, message.into());
    }
    let snapshots = &info.metadata.snapshots;
    many(gate, image, "internal snapshots", snapshots.len());
    if let Some(size) = snapshots.iter().map(|s| s.disk_size).find(|&s| s > most) {
        let message = format!(
            "an internal snapshot has a disk of {size} bytes; {most} are allowed, and going back \
             to it resizes the disk"
        );
        report(FindingCode::VirtualSize, message);
    }
    let read = |name, printed| whole_characters(name, printed);
    let ids = snapshots.iter().map(|s| read(&s.id, qcow2::SNAPSHOT_ID));
    let labels = snapshots
        .iter()
        .map(|s| read(&s.name, qcow2::SNAPSHOT_NAME));
    names(gate, image, "internal snapshot", ids.chain(labels));
    for warning in &info.metadata.warnings {
        let finding = Finding::error(FindingCode::Unclean, image, warning.clone());
        gate.report(finding.with_severity(Severity::Warning));
    }
    if info.metadata.dirty == Some(true) {
        let message = "the image was not closed cleanly; whoever writes to it repairs it first";
        let finding = Finding::error(FindingCode::Unclean, image, message);
        gate.report(finding.with_severity(Severity::Warning));
    }
    for found in hidden::look(info.format, source)? {
        let severity = match (found.risk, gate.policy.preset) {
            (Risk::None, _) | (Risk::GuestData, Preset::Storage) => Severity::Warning,
            _ => Severity::Error,
        };
        let finding = Finding::error(FindingCode::HiddenFormat, image, found.message);
        gate.report(finding.at(found.offset).with_severity(severity));
    }
    if let FormatSpecific::Qcow2(data) = &info.metadata.specific {
        look_at_qcow2(gate, info, data);
    }
    Ok(())
}

fn look_at_qcow2(gate: &Gate<'_>, info: &ImageInfo, data: &Qcow2Info) {
    let image = &info.filename;
    if data.header.corrupt() {
        let message = "the image is marked as corrupt; QEMU opens it for reading only";
        let finding = Finding::error(FindingCode::MarkedCorrupt, image, message);
        gate.report(finding.at(qcow2::offset_of::INCOMPATIBLE_FEATURES));
    }
    let features = data.extensions.feature_names().map(|f| f.name);
    names(gate, image, "feature", features);
    many(gate, image, "bitmaps", data.bitmaps.len());
    let bitmaps = data.bitmaps.iter().map(|bitmap| bitmap.name.as_slice());
    names(gate, image, "bitmap", bitmaps);
    for magic in data.extensions.repeated.iter().take(REPORTED) {
        let message = format!(
            "the header extension {magic:#010x} stands twice; programs disagree which one counts"
        );
        let finding = Finding::error(FindingCode::RepeatedExtension, image, message);
        gate.report(finding);
    }
    // Nobody is obliged to know all of them, and programs besides QEMU write some.
    for (magic, length) in data.extensions.unknown.iter().take(REPORTED) {
        let message = format!("header extension {magic:#010x} of {length} bytes is not known");
        let finding = Finding::error(FindingCode::UnknownExtension, image, message);
        gate.report(finding.with_severity(Severity::Info));
    }
    for overlap in layout::overlaps(info, data) {
        let finding = Finding::error(FindingCode::Overlap, image, overlap.message);
        gate.report(finding.at(overlap.offset));
    }
}

/// Findings of one kind in one image at the most, so that a hostile image cannot fill a log.
pub(super) const REPORTED: usize = 8;

/// Names that are shown to people must not do anything to their terminals.
fn names<'a>(gate: &Gate<'_>, image: &[u8], what: &str, names: impl Iterator<Item = &'a [u8]>) {
    for name in names.filter(|name| !is_printable(name)).take(REPORTED) {
        let (code, is) = match std::str::from_utf8(name) {
            Ok(_) => (FindingCode::NameControl, "has control characters"),
            Err(_) => (FindingCode::NameEncoding, "is not UTF-8"),
        };
        let message = format!("the name of the {what} '{}' {is}", shown(name));
        gate.report(Finding::error(code, image, message));
    }
}

/// A name without what is left of its last character, if it is as long as names are stored or
/// printed: whoever cut it there counted bytes.
fn whole_characters(name: &[u8], longest: usize) -> &[u8] {
    match std::str::from_utf8(name) {
        Err(error) if name.len() == longest && error.error_len().is_none() => {
            &name[..error.valid_up_to()]
        }
        _ => name,
    }
}

fn many(gate: &Gate<'_>, image: &[u8], what: &str, count: usize) {
    let most = limits::AUDIT_TABLE_ENTRIES;
    if count > most {
        let message = format!("the image has {count} {what}; more than {most} are not accepted");
        gate.report(Finding::error(FindingCode::Limit, image, message));
    }
}

#[cfg(test)]
mod tests {
    use super::whole_characters;

    #[test]
    fn a_name_may_be_cut_within_its_last_character() {
        let name = "aü".as_bytes();
        assert_eq!(whole_characters(&name[..2], 2), b"a");
        assert_eq!(whole_characters(&name[..2], 3), &name[..2]);
        assert_eq!(whole_characters(name, 3), name);
        assert_eq!(whole_characters(b"\xffa", 2), b"\xffa");
    }
}
