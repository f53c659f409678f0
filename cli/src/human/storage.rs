//! What storages can do: one volume as a sheet, more of them as a table.

use pve_native_core::storage::storage_type::Formats;
use pve_native_core::storage::volume::SnapshotMethod;
use pve_native_core::storage::{Answer, Capabilities, Snapshots, Storage};

use super::table::{padded, table};
use super::{FORMAT, NAME, QUIET, styled};

/// Shown where there is nothing.
const NONE: &str = "-";
/// Columns of the names of a sheet.
const NAMES: usize = 24;

/// The whole answer.
pub fn report(answer: &Answer) -> String {
    match answer {
        Answer::All(all) => all_types(all),
        Answer::Storage(storage) => one_type(storage),
        Answer::Volume(volume) => one_volume(volume),
    }
}

/// A line per kind of volume; types without volumes have a line, too.
fn all_types(all: &[Storage]) -> String {
    let mut rows = Vec::new();
    for storage in all {
        let name = storage.storage.name();
        let shared = storage.facts.shared.name().to_string();
        if storage.volumes.is_empty() {
            let none = || NONE.to_string();
            rows.push([name.into(), none(), shared.clone(), none(), none(), none()]);
        }
        for volume in &storage.volumes {
            let [format, snapshots, clones, space] = cells(volume);
            rows.push([
                name.into(),
                format,
                shared.clone(),
                snapshots,
                clones,
                space,
            ]);
        }
    }
    let heading = [
        "TYPE",
        "FORMAT",
        "SHARED",
        "SNAPSHOTS",
        "LINKED CLONES OF",
        "SPACE",
    ];
    lines(table(heading, rows.into_iter()))
}

fn one_type(storage: &Storage) -> String {
    let facts = &storage.facts;
    let mut rows = vec![
        ("type", styled(NAME, storage.storage.name())),
        ("", facts.title.to_string()),
        ("level", facts.level.name().into()),
        ("shared", facts.shared.name().into()),
        ("maturity", facts.maturity.name().into()),
        ("content types", list(facts.content_types, |c| c.name())),
        (
            "unless said otherwise",
            list(facts.default_content_types, |c| c.name()),
        ),
        ("formats", formats(&facts.formats)),
    ];
    if let Some(chained) = &facts.formats_with_volume_chain {
        rows.push(("with volume chains", formats(chained)));
    }
    rows.push(("volume chains", facts.volume_chain.name().into()));
    let mut out = sheet(rows);
    if !storage.volumes.is_empty() {
        let heading = ["FORMAT", "SNAPSHOTS", "LINKED CLONES OF", "SPACE"];
        out.push('\n');
        out.push_str(&lines(table(heading, storage.volumes.iter().map(cells))));
    }
    out
}

fn one_volume(volume: &Capabilities) -> String {
    let facts = &volume.volume;
    let mut rows = vec![
        ("type", styled(NAME, volume.storage.name())),
        ("format", styled(FORMAT, volume.format.name())),
        ("level", facts.level.name().into()),
        ("shared", volume.shared().name().into()),
        ("used for", list(&volume.content_types(), |c| c.name())),
        ("made by Proxmox VE", yes(facts.allocation)),
        ("needs volume chains", yes(volume.needs_volume_chain)),
        ("space", facts.provisioning.name().into()),
        ("zeros at first", yes(facts.initially_zero)),
        ("snapshots", snapshots(&facts.snapshots)),
    ];
    if let Some(chained) = &volume.snapshots_with_volume_chain {
        rows.push(("with volume chains", snapshots(chained)));
    }
    let mut linked = list(facts.linked_clone_from, |s| s.name());
    if let Some(format) = facts.linked_clone_format {
        linked = format!("{linked}, as {}", format.name());
    }
    rows.extend([
        ("linked clones of", linked),
        ("full clones of", list(facts.full_clone_from, |s| s.name())),
        ("template", yes(facts.template)),
        ("rename", yes(facts.rename)),
        ("replication", yes(facts.replication)),
        (
            "migrates uncopied",
            volume.live_migration().name().to_string(),
        ),
    ]);
    sheet(rows)
}

/// What a table tells of a volume.
fn cells(volume: &Capabilities) -> [String; 4] {
    let facts = &volume.volume;
    let method = facts.snapshots.method;
    let chained = volume.snapshots_with_volume_chain;
    let snapshots = match chained.map(|chained| chained.method) {
        Some(other) if other != method => format!("{} or {}", method.name(), other.name()),
        _ => method.name().into(),
    };
    [
        volume.format.name().into(),
        snapshots,
        list(facts.linked_clone_from, |s| s.name()),
        facts.provisioning.name().into(),
    ]
}

fn snapshots(snapshots: &Snapshots) -> String {
    if snapshots.method == SnapshotMethod::None {
        return snapshots.method.name().into();
    }
    let running = snapshots.running.map_or(NONE, |taker| taker.name());
    format!(
        "{}, back to {}, running: {running}",
        snapshots.method.name(),
        snapshots.rollback.name()
    )
}

fn formats(formats: &Formats) -> String {
    let all = list(formats.valid, |f| f.name());
    match formats.default {
        Some(default) if formats.valid.len() > 1 => format!("{all}; {} by default", default.name()),
        _ => all,
    }
}

fn list<T: Copy>(values: &[T], name: impl Fn(T) -> &'static str) -> String {
    match values {
        [] => NONE.into(),
        values => {
            let names: Vec<&str> = values.iter().map(|&value| name(value)).collect();
            names.join(", ")
        }
    }
}

fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.into()
}

fn sheet(rows: Vec<(&str, String)>) -> String {
    let row = |(name, value): (&str, String)| {
        let name = styled(QUIET, &padded(name, NAMES));
        format!("{name}{value}\n")
    };
    rows.into_iter().map(row).collect()
}

fn lines(lines: Vec<String>) -> String {
    lines.join("\n") + "\n"
}
