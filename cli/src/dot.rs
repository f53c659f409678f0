//! Images and what they refer to as a graph in graphviz' language (`dot -Tsvg`).
//!
//! An image is a box, a data file or extent a folder, a reference an arrow. Where a chain is
//! broken the arrow is dashed: to the file that could not be read, or, in a cycle, back to the
//! image that is already there.

use std::fmt::Write;

use pve_native_core::ErrorKind;
use pve_native_core::chain::{Chain, walk::Broken};
use pve_native_core::image::{Backing, ImageInfo};
use pve_native_core::text::printable;

use crate::human::size;

/// Files under one image that are drawn; a vmdk image can have thousands.
const FILES: usize = 100;

/// The graph of one image and the files it names; none of those is opened.
pub fn image(image: &ImageInfo) -> String {
    let mut graph = Graph::new();
    graph.image(0, image);
    if let Some(backing) = &image.backing {
        let name = backing.full_name();
        graph.line(&format!("below [label={}, style=dashed]", quoted(&[name])));
        graph.line(&format!("image0 -> below [label={}]", format_of(backing)));
    }
    graph.end()
}

/// The graph of a chain.
pub fn chain(chain: &Chain) -> String {
    let mut graph = Graph::new();
    for (number, image) in chain.images.iter().enumerate() {
        graph.image(number, image);
    }
    let pairs = chain.images.iter().zip(1..chain.images.len());
    for (image, below) in pairs {
        let label = image.backing.as_ref().map_or(quoted(&[]), format_of);
        graph.line(&format!(
            "image{} -> image{below} [label={label}]",
            below - 1
        ));
    }
    if let Some(broken) = &chain.broken {
        graph.broken(chain.images.len(), broken);
    }
    graph.end()
}

struct Graph(String);

impl Graph {
    fn new() -> Self {
        let mut graph = Graph("digraph chain {\n".into());
        graph.line("node [shape=box, fontname=\"monospace\"]");
        graph.line("edge [fontname=\"monospace\"]");
        graph
    }

    fn line(&mut self, text: &str) {
        // Writing to memory cannot fail.
        let _ = writeln!(self.0, "    {text};");
    }

    fn end(self) -> String {
        self.0 + "}\n"
    }

    fn image(&mut self, number: usize, image: &ImageInfo) {
        let virtual_size = image.metadata.virtual_size.map_or("unknown".into(), size);
        let corrupt = image.qcow2().is_some_and(|qcow2| qcow2.header.corrupt());
        let mut label: Vec<&[u8]> = vec![&image.filename, image.format.name().as_bytes()];
        let sizes = format!(
            "{virtual_size} virtual, {} on disk",
            size(image.actual_size())
        );
        label.push(sizes.as_bytes());
        if corrupt {
            label.push(b"marked corrupt");
        }
        let style = if corrupt { ", color=red" } else { "" };
        self.line(&format!("image{number} [label={}{style}]", quoted(&label)));
        self.files(number, image);
    }

    /// The further files that hold the image's data.
    fn files(&mut self, number: usize, image: &ImageInfo) {
        let data_file = image
            .qcow2()
            .and_then(|qcow2| qcow2.extensions.data_file.as_deref());
        let extents = image.metadata.extents.iter();
        let extents = extents.map(|extent| extent.filename.as_slice());
        for (index, name) in data_file.into_iter().chain(extents).take(FILES).enumerate() {
            let file = format!("image{number}_file{index}");
            self.line(&format!("{file} [label={}, shape=folder]", quoted(&[name])));
            self.line(&format!("image{number} -> {file} [label=\"data\"]"));
        }
    }

    fn broken(&mut self, images: usize, broken: &Broken) {
        let code = broken.error.code().name();
        let target = match broken.error.kind() {
            ErrorKind::Cycle { position } => format!("image{position}"),
            _ => {
                let label = quoted(&[&broken.filename, code.as_bytes()]);
                self.line(&format!("broken [label={label}, style=dashed, color=red]"));
                "broken".into()
            }
        };
        if let Some(last) = images.checked_sub(1) {
            self.line(&format!(
                "image{last} -> {target} [label=\"{code}\", style=dashed, color=red]"
            ));
        }
    }
}

/// The recorded format of a backing file as a label.
fn format_of(backing: &Backing) -> String {
    quoted(&[backing.format.as_deref().unwrap_or(b"format not recorded")])
}

/// A quoted string of graphviz with these lines. Backslashes and quotes would end or change it,
/// an ampersand begins an entity.
fn quoted(lines: &[&[u8]]) -> String {
    let mut out = String::from("\"");
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.push_str("\\n");
        }
        for c in printable(line).chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '"' => out.push_str("\\\""),
                '&' => out.push_str("&amp;"),
                c => out.push(c),
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_ends_the_string() {
        assert_eq!(quoted(&[b"a\"b\\N\n&lt;"]), r#""a\"b\\N\\n&amp;lt;""#);
        assert_eq!(quoted(&[b"a", b"b"]), "\"a\\nb\"");
        assert_eq!(quoted(&[]), "\"\"");
    }
}
