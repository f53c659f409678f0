//! A graph in graphviz' language (`dot -Tsvg`): an image is a box, what it stands on an arrow.
//! Boxes on the line are bold, what could not be read is dashed, other volumes' images are grey.

use std::fmt::Write;

use super::{Content, Graph, Image, Place};
use crate::text::printable;

impl Graph {
    /// The graph in graphviz' language, with a newline at its end.
    pub fn to_dot(&self) -> String {
        let mut text = String::from("digraph snapshots {\n");
        let mut line = |content: &str| {
            // Writing to memory cannot fail.
            let _ = writeln!(text, "    {content};");
        };
        line("node [shape=box, fontname=\"monospace\"]");
        line("edge [fontname=\"monospace\"]");
        for (index, image) in self.images.iter().enumerate() {
            let label = quoted(&self.label(image));
            let style = style(image);
            line(&format!("image{index} [label={label}{style}]"));
        }
        for (index, image) in self.images.iter().enumerate() {
            if let Some(parent) = image.parent {
                line(&format!("image{index} -> image{parent}"));
            }
        }
        text + "}\n"
    }

    fn label(&self, image: &Image) -> String {
        let name = printable(&image.name);
        format!("{}\n{name}\n{}", self.word(image), extent(image))
    }
}

fn style(image: &Image) -> String {
    let mut styles = Vec::new();
    if matches!(image.place, Place::Line(_)) {
        styles.push("bold");
    }
    if !matches!(image.content, Content::Read(_)) {
        styles.push("dashed");
    }
    let mut text = String::new();
    if !styles.is_empty() {
        text = format!(", style=\"{}\"", styles.join(","));
    }
    if image.is_foreign() {
        text += ", color=grey";
    }
    if image.place == Place::Cycle {
        text += ", color=red";
    }
    text
}

/// The size of the disk, or why it is not known.
pub(super) fn extent(image: &Image) -> String {
    match (&image.content, image.virtual_size()) {
        (Content::Read(_), Some(size)) => units(size),
        (Content::Read(_), None) => "size unknown".into(),
        (content, _) => content.name().into(),
    }
}

/// A size in the largest unit in which it is a whole number.
fn units(size: u64) -> String {
    let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    let whole = |&&(bits, _): &&(u32, &str)| size >> bits > 0 && size.trailing_zeros() >= bits;
    match units.iter().find(whole) {
        Some((bits, unit)) => format!("{} {unit}", size >> bits),
        None => format!("{size} bytes"),
    }
}

/// A string of graphviz' language; lines are centred.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted.push_str("\\n"),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
