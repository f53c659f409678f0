//! Removing a volume with all that belongs to it, whatever state it is in.

use super::draft::Draft;
use super::line::refuse;
use crate::error::Result;
use crate::snapshot::graph::{Finding, FindingCode, Graph, Layout, Place, Role};
use crate::snapshot::names::Part;

/// The steps: first what is left of earlier operations, which could be taken for the current image when
/// that is gone, then the current image, without which the rest is no volume.
pub fn plan(draft: &mut Draft<'_>, graph: &Graph) -> Result<()> {
    let ambiguous = |finding: &&Finding| finding.code == FindingCode::AmbiguousName;
    if let Some(finding) = graph.findings().iter().find(ambiguous) {
        return Err(refuse(finding));
    }
    let rank = |index: usize| match graph.images()[index].place {
        _ if !graph.images()[index].is_kept() => (0, index),
        Place::Line(order) => (1, order),
        _ => (2, index),
    };
    let own = |&index: &usize| {
        let image = &graph.images()[index];
        let there = image.listed || image.info().is_some();
        !image.is_foreign() && there
    };
    let mut images: Vec<usize> = (0..graph.images().len()).filter(own).collect();
    images.sort_by_key(|&index| rank(index));
    let names = images.iter().filter_map(|&index| {
        let image = &graph.images()[index];
        let part = match &image.role {
            Role::Member(member) => member.part.clone(),
            Role::Overlay(name) if graph.layout() == Layout::Overlays => {
                Part::snapshot(name.clone())
            }
            _ => return None,
        };
        let name = std::str::from_utf8(&image.name).ok()?;
        Some((name.to_owned(), part))
    });
    let names: Vec<(String, Part)> = names.collect();
    draft.remove(&names)
}
