//! What one image's own bytes give away: everything but the files that it names.

use super::finding::{Finding, FindingCode, Severity};
use super::gate::Gate;
use super::{hidden, layout};
use crate::chain::policy::Preset;
use crate::error::Result;
use crate::image::qcow2::{self, Qcow2Info};
use crate::image::{FormatSpecific, ImageInfo};
use crate::io::Source;
use crate::limits;
use crate::text::{is_printable, printable};

/// Looks at an image that could be read.
pub(super) fn look(gate: &Gate<'_>, info: &ImageInfo, source: &Source<'_>) -> Result<()> {
    let image = &info.filename;
    let report = |code, message: String| gate.report(Finding::error(code, image, message));
    if !gate.policy.allows_format(info.format) {
        let message = format!("the format {} is not allowed here", info.format.name());
        report(FindingCode::FormatNotAllowed, message);
    }
    if let Some(size) = info.metadata.virtual_size {
        if size > gate.policy.max_virtual_size {
            let most = gate.policy.max_virtual_size;
            let message = format!("the disk has {size} bytes; {most} are allowed");
            report(FindingCode::VirtualSize, message);
        }
    }
    if info.metadata.name_has_nul {
        let message = "a file name in the header has bytes behind its end; another reader may \
                       take it for another name";
        report(FindingCode::NameNul, message.into());
    }
    let snapshots = &info.metadata.snapshots;
    many(gate, image, "internal snapshots", snapshots.len());
    for snapshot in snapshots {
        name(gate, image, "internal snapshot", &snapshot.id);
        name(gate, image, "internal snapshot", &snapshot.name);
    }
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
        let trusted = gate.policy.preset == Preset::Storage;
        let severity = match found.harmless || trusted {
            true => Severity::Warning,
            false => Severity::Error,
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
    for feature in data.extensions.feature_names() {
        name(gate, image, "feature", feature.name);
    }
    many(gate, image, "bitmaps", data.bitmaps.len());
    for bitmap in &data.bitmaps {
        name(gate, image, "bitmap", &bitmap.name);
    }
    for magic in &data.extensions.repeated {
        let message = format!(
            "the header extension {magic:#010x} stands twice; programs disagree which one counts"
        );
        let finding = Finding::error(FindingCode::RepeatedExtension, image, message);
        gate.report(finding);
    }
    // Nobody is obliged to know all of them, and programs besides QEMU write some.
    for (magic, length) in data.extensions.unknown.iter().take(8) {
        let message = format!("header extension {magic:#010x} of {length} bytes is not known");
        let finding = Finding::error(FindingCode::UnknownExtension, image, message);
        gate.report(finding.with_severity(Severity::Info));
    }
    for overlap in layout::overlaps(info, data) {
        let finding = Finding::error(FindingCode::Overlap, image, overlap.message);
        gate.report(finding.at(overlap.offset));
    }
}

/// A name that is shown to people must not do anything to their terminals.
fn name(gate: &Gate<'_>, image: &[u8], what: &str, name: &[u8]) {
    if !is_printable(name) {
        let (code, is) = match std::str::from_utf8(name) {
            Ok(_) => (FindingCode::NameControl, "has control characters"),
            Err(_) => (FindingCode::NameEncoding, "is not UTF-8"),
        };
        let message = format!("the name of the {what} '{}' {is}", printable(name));
        gate.report(Finding::error(code, image, message));
    }
}

fn many(gate: &Gate<'_>, image: &[u8], what: &str, count: usize) {
    let most = limits::AUDIT_TABLE_ENTRIES;
    if count > most {
        let message = format!("the image has {count} {what}; more than {most} are not accepted");
        gate.report(Finding::error(FindingCode::Limit, image, message));
    }
}
