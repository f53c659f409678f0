//! The images of a volume as a tree: the current one first, each above what it stands on, branches
//! beside the line; then what was found.

use pve_native_core::chain::Severity;
use pve_native_core::snapshot::Graph;
use pve_native_core::snapshot::graph::{Content, Finding, Image, Layout, Place};
use pve_native_core::text::printable;
use unicode_width::UnicodeWidthStr;

use super::table::{ROWS, padded};
use super::{ERROR, FORMAT, GOOD, NAME, QUIET, Symbols, WARNING, facts, round_size, size, styled};
use crate::snapshot::listing::Group;

/// What lanes and images are drawn with.
#[derive(Clone, Copy, Debug)]
pub struct Glyphs {
    current: &'static str,
    image: &'static str,
    foreign: &'static str,
    unread: &'static str,
    lane: &'static str,
    joint: &'static str,
}

impl Glyphs {
    /// For locales of UTF-8.
    pub const UNICODE: Glyphs = Glyphs {
        current: "●",
        image: "○",
        foreign: "□",
        unread: "✗",
        lane: "│ ",
        joint: "├─╯",
    };
    /// For all others.
    pub const ASCII: Glyphs = Glyphs {
        current: "*",
        image: "o",
        foreign: "#",
        unread: "x",
        lane: "| ",
        joint: "|-'",
    };
}

/// Lanes that are drawn; what lies further to the right is drawn in the last of them.
const LANES: usize = 12;
/// Columns of the names of states, and of images, that others are lined up with.
const WORDS: usize = 40;
const NAMES: usize = 72;

/// The tree, and what was found.
pub fn tree(graph: &Graph, group: Option<&Group>) -> String {
    let symbols = Symbols::of_locale();
    let mut out = heading(graph, group) + "\n";
    let rows = rows(graph, &symbols);
    if !rows.is_empty() {
        out.push('\n');
    }
    let widest = |text: fn(&Row) -> usize, most| {
        let widths = rows.iter().map(text).filter(|&width| width <= most);
        widths.max().unwrap_or(0)
    };
    let word = widest(|row| row.lanes.width() + row.word.width(), WORDS);
    let name = widest(|row| row.name.width(), NAMES);
    for row in &rows {
        out.push_str(&row.line(word, name));
    }
    if !graph.findings().is_empty() {
        out.push('\n');
    }
    let mut findings: Vec<&Finding> = graph.findings().iter().collect();
    // Stable: among equals the order of the images stays.
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    for finding in findings.iter().take(ROWS) {
        let message = printable(finding.message.as_bytes());
        let text = format!("{message} [{}]", finding.code.name());
        let line = match finding.severity {
            Severity::Error => symbols.error(&text),
            Severity::Warning => symbols.warning(&text),
            Severity::Info => symbols.note(&text),
        };
        out.push_str(&(line + "\n"));
    }
    if let Some(more) = findings.len().checked_sub(ROWS).filter(|&more| more > 0) {
        out.push_str(&format!("and {more} more\n"));
    }
    out
}

fn heading(graph: &Graph, group: Option<&Group>) -> String {
    let subject = graph.subject();
    let volume = subject.volname(subject.volume().as_str().as_bytes());
    let volume = styled(NAME, &printable(&volume));
    let snapshots = facts::count(graph.names().len(), "snapshot");
    let scheme = styled(FORMAT, subject.scheme().name());
    let layout = match graph.layout() {
        Layout::Named => "",
        Layout::Overlays => ", layout of 2024",
    };
    let room = group.map_or(String::new(), |group| {
        let free = size(group.free);
        let extent = round_size(group.extent_size);
        let name = printable(group.name.as_bytes());
        let room = format!("; {free} free in {name}, extents of {extent}");
        styled(QUIET, &room)
    });
    format!("{volume}: {snapshots}, {scheme}{layout}{room}")
}

/// A line of the tree.
struct Row {
    lanes: String,
    style: anstyle::Style,
    word: String,
    name: String,
    facts: String,
}

impl Row {
    fn line(&self, word: usize, name: usize) -> String {
        let Row {
            lanes,
            style,
            word: text,
            facts,
            ..
        } = self;
        if text.is_empty() {
            return format!("{}\n", lanes.trim_end());
        }
        let word = padded(text, word.saturating_sub(lanes.width()));
        let name = padded(&self.name, name);
        let line = format!("{lanes}{}  {name}  {facts}", styled(*style, &word));
        line.trim_end().to_owned() + "\n"
    }
}

fn rows(graph: &Graph, symbols: &Symbols) -> Vec<Row> {
    let glyphs = &symbols.graph;
    let order = graph.rows();
    let mut columns = vec![0; graph.images().len()];
    for &(index, column) in &order {
        columns[index] = column;
    }
    let mut rows: Vec<Row> = Vec::with_capacity(order.len());
    for (nth, &(index, column)) in order.iter().enumerate() {
        let image = &graph.images()[index];
        let lane = column.min(LANES);
        rows.push(Row {
            lanes: format!(
                "  {}{} ",
                glyphs.lane.repeat(lane),
                glyph(graph, index, glyphs)
            ),
            style: style(graph, index),
            word: graph.word(image),
            name: printable(&image.name).into_owned(),
            facts: facts_of(image),
        });
        // Where a column ends it joins that of what it stands on.
        let ends = image.parent.is_some_and(|parent| columns[parent] < column);
        if ends && lane > 0 {
            rows.push(Row::joint(lane, glyphs));
        }
        let ends_a_tree = image.parent.is_none() || image.place == Place::Cycle;
        if ends_a_tree && nth + 1 < order.len() {
            rows.push(Row::empty());
        }
    }
    rows
}

impl Row {
    fn empty() -> Self {
        Row {
            lanes: String::new(),
            style: QUIET,
            word: String::new(),
            name: String::new(),
            facts: String::new(),
        }
    }

    fn joint(lane: usize, glyphs: &Glyphs) -> Self {
        Row {
            lanes: format!("  {}{}", glyphs.lane.repeat(lane - 1), glyphs.joint),
            ..Row::empty()
        }
    }
}

fn glyph(graph: &Graph, index: usize, glyphs: &Glyphs) -> &'static str {
    let image = &graph.images()[index];
    match (&image.content, graph.line().first() == Some(&index)) {
        (Content::Read(_), true) => glyphs.current,
        (Content::Read(_), false) if image.is_foreign() => glyphs.foreign,
        (Content::Read(_), false) => glyphs.image,
        _ => glyphs.unread,
    }
}

fn style(graph: &Graph, index: usize) -> anstyle::Style {
    let image = &graph.images()[index];
    match (&image.content, image.place) {
        (Content::Missing | Content::Unread(_), _) | (_, Place::Cycle) => ERROR,
        (Content::Inactive, _) => WARNING,
        _ if graph.line().first() == Some(&index) => GOOD,
        _ if image.is_foreign() || !image.is_kept() => QUIET,
        (_, Place::Line(_)) => NAME,
        _ => WARNING,
    }
}

/// Size of the disk, or why it is not known; where it stands, if not on the line.
fn facts_of(image: &Image) -> String {
    let mut facts = match (&image.content, image.virtual_size()) {
        (Content::Read(_), Some(bytes)) => size(bytes),
        (Content::Read(_), None) => "size unknown".into(),
        (content, _) => content.name().into(),
    };
    if let (Some(info), false) = (image.info(), image.is_foreign()) {
        match image.size {
            Some(bytes) => facts.push_str(&format!(", volume of {}", size(bytes))),
            None if info.actual_size() > 0 => {
                facts.push_str(&format!(", {} on disk", size(info.actual_size())));
            }
            None => {}
        }
    }
    match image.place {
        Place::Unlinked if !image.is_foreign() => facts.push_str(", unlinked"),
        Place::Branch(_) if !image.is_foreign() => facts.push_str(", branch"),
        Place::Cycle => facts.push_str(", stands on itself"),
        _ => {}
    }
    facts
}
