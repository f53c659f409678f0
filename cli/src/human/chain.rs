//! A backing chain as a tree: the images from the top one down, each with what is known of it.
//!
//! The images stand in one column, numbered, rather than each further in than the one above it:
//! a chain may be hundreds of images deep.

use pve_native_core::Code;
use pve_native_core::chain::{Chain, walk::Broken};
use pve_native_core::image::ImageInfo;
use pve_native_core::text::printable;
use termtree::Tree;

use super::{FORMAT, NAME, Symbols, exact_size, facts, size, styled};

/// The tree.
pub fn tree(chain: &Chain) -> String {
    let symbols = Symbols::of_locale();
    let last = chain.images.len();
    let digits = last.to_string().len();
    let mut tree = Tree::new(heading(chain)).with_glyphs(symbols.lines);
    for (number, image) in chain.images.iter().enumerate() {
        let title = title(number, digits, &image.filename);
        tree.push(node(title, details(image, &symbols)));
    }
    if let Some(broken) = &chain.broken {
        let title = title(last, digits, &broken.filename);
        tree.push(node(title, reason(broken, &symbols)));
    }
    tree.to_string()
}

pub(super) fn node(title: String, leaves: Vec<String>) -> Tree<String> {
    let leaf = |text| Tree::new(text).with_multiline(true);
    Tree::new(title).with_leaves(leaves.into_iter().map(leaf))
}

pub(super) fn heading(chain: &Chain) -> String {
    let images = &chain.images;
    let used = images
        .iter()
        .fold(0u64, |sum, image| sum.saturating_add(image.actual_size()));
    let order = if images.len() > 1 { ", top first" } else { "" };
    let state = match chain.broken {
        Some(_) => ", then broken",
        None => "",
    };
    format!(
        "{}{order}: {} on disk{state}",
        facts::count(images.len(), "image"),
        size(used)
    )
}

pub(super) fn title(number: usize, digits: usize, filename: &[u8]) -> String {
    let name = styled(NAME, &printable(filename));
    format!("{number:>digits$}  {name}")
}

fn details(image: &ImageInfo, symbols: &Symbols) -> Vec<String> {
    let mut out = vec![sizes(image)];
    let features = facts::features(image);
    if !features.is_empty() {
        out.push(format!("features: {}", features.join(", ")));
    }
    if let Some(name) = facts::data_file(image) {
        out.push(format!("data file: {name}"));
    }
    let mut list = |what: &str, lines: Vec<String>| {
        out.push([vec![format!("{what}:")], lines].concat().join("\n"));
    };
    if !image.metadata.extents.is_empty() {
        list("extents", facts::extents(image));
    }
    if !image.metadata.snapshots.is_empty() {
        list(
            "internal snapshots",
            facts::snapshots(&image.metadata.snapshots),
        );
    }
    if let Some(qcow2) = image.qcow2().filter(|qcow2| !qcow2.bitmaps.is_empty()) {
        list("bitmaps", facts::bitmaps(&qcow2.bitmaps));
    }
    out.extend(facts::problems(image, symbols));
    out.extend(backing(image));
    out
}

/// Format and sizes in one line.
pub(super) fn sizes(image: &ImageInfo) -> String {
    let mut out = styled(FORMAT, image.format.name());
    if let Some(bytes) = image.metadata.virtual_size {
        out.push_str(&format!(", {} virtual", exact_size(bytes)));
    }
    out.push_str(&format!(", {} on disk", exact_size(image.actual_size())));
    if let Some(bytes) = image.metadata.cluster_size {
        out.push_str(&format!(", clusters of {}", size(bytes)));
    }
    out
}

/// How the image refers to the one under it.
fn backing(image: &ImageInfo) -> Option<String> {
    let backing = image.backing.as_ref()?;
    let format = facts::backing_format(backing);
    let format = format.as_deref().unwrap_or(facts::NOT_RECORDED);
    Some(match facts::stored_name(backing) {
        Some(name) => format!("stands on the next one: stored name {name}, format {format}"),
        None => format!("stands on the next one: format {format}"),
    })
}

fn reason(broken: &Broken, symbols: &Symbols) -> Vec<String> {
    let error = &broken.error;
    let mut out = vec![symbols.error(&format!("{error} [{}]", error.code().name()))];
    if error.code() == Code::UnnamedFormat {
        out.push("--allow-probe goes by its first bytes; never on data of a guest".into());
    }
    out
}
