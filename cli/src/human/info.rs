//! One image as a sheet of keys and values.

use pve_native_core::image::json::{Names, View};
use pve_native_core::image::{FormatSpecific, ImageInfo};
use pve_native_core::text::printable;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::table::padded;
use super::{FORMAT, NAME, QUIET, Symbols, exact_size, facts, styled};

/// The sheet.
pub fn sheet(image: &ImageInfo) -> String {
    let rows = rows(image);
    let width = rows.iter().map(|(key, _)| key.width()).max().unwrap_or(0) + 2;
    let mut out = String::new();
    for (key, value) in rows {
        let key = styled(QUIET, &padded(&key, width));
        out.push_str(&format!("{key}{value}\n"));
    }
    for (title, lines) in tables(image) {
        out.push_str(&format!("\n{title}\n"));
        for line in lines {
            out.push_str(&format!("  {line}\n"));
        }
    }
    let problems = facts::problems(image, &Symbols::of_locale());
    if !problems.is_empty() {
        out.push('\n');
    }
    for problem in problems {
        out.push_str(&format!("{problem}\n"));
    }
    out
}

fn rows(image: &ImageInfo) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |key: &str, value: String| rows.push((key.into(), value));
    row("image", styled(NAME, &printable(&image.filename)));
    row("format", styled(FORMAT, image.format.name()));
    if let Some(bytes) = image.metadata.virtual_size {
        row("virtual size", exact_size(bytes));
    }
    row("on disk", exact_size(image.actual_size()));
    if let Some(bytes) = image.metadata.cluster_size {
        row("cluster size", exact_size(bytes));
    }
    if let Some(backing) = &image.backing {
        row("backing file", printable(backing.name()).into_owned());
        if facts::stored_name(backing).is_some() {
            row("backing path", printable(backing.full_name()).into_owned());
        }
        let format = facts::backing_format(backing);
        row(
            "backing format",
            format.unwrap_or(facts::NOT_RECORDED.into()),
        );
    }
    if let Some(name) = facts::data_file(image) {
        row("data file", name);
    }
    let features = facts::features(image);
    if !features.is_empty() {
        row("features", features.join(", "));
    }
    rows.extend(specific_rows(image));
    rows
}

/// The details of formats that have no words of their own here, by the names of their JSON keys.
fn specific_rows(image: &ImageInfo) -> Vec<(String, String)> {
    let details = match &image.metadata.specific {
        FormatSpecific::None
        | FormatSpecific::Vdi(_)
        | FormatSpecific::Vpc(_)
        | FormatSpecific::Qed(_)
        | FormatSpecific::Qcow1(_) => return Vec::new(),
        FormatSpecific::Qcow2(qcow2) => match &qcow2.luks {
            Some(luks) => serde_json::to_value(luks.within_qcow2()),
            None => return Vec::new(),
        },
        FormatSpecific::Vmdk(vmdk) => serde_json::to_value(View::new(&**vmdk, Names::Text)),
        FormatSpecific::Luks(luks) => serde_json::to_value(luks),
    };
    let Ok(Value::Object(details)) = details else {
        return Vec::new();
    };
    let words = |(key, value): (String, Value)| {
        let value = match value {
            Value::String(text) => printable(text.as_bytes()).into_owned(),
            Value::Bool(yes) => if yes { "yes" } else { "no" }.into(),
            Value::Number(number) => number.to_string(),
            // Lists have tables of their own, or are left to the JSON.
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        Some((key.replace('-', " "), value))
    };
    details.into_iter().filter_map(words).collect()
}

fn tables(image: &ImageInfo) -> Vec<(&'static str, Vec<String>)> {
    let mut tables = Vec::new();
    if !image.metadata.extents.is_empty() {
        tables.push(("extents", facts::extents(image)));
    }
    if !image.metadata.snapshots.is_empty() {
        let lines = facts::snapshots(&image.metadata.snapshots);
        tables.push(("internal snapshots", lines));
    }
    if let Some(qcow2) = image.qcow2().filter(|qcow2| !qcow2.bitmaps.is_empty()) {
        tables.push(("bitmaps", facts::bitmaps(&qcow2.bitmaps)));
    }
    tables
}
