//! The images of a volume as a drawing: the current one at the top, each above what it stands on,
//! branches to the right of the line; under the pointer each in full.
//!
//! However many images there are, and whatever they are called, the drawing is bounded.

use std::cmp::Reverse;
use std::fmt::Write;

use pve_native_core::snapshot::Graph;
use pve_native_core::snapshot::graph::{Content, Finding, Image, Layout, Place};
use pve_native_core::text::printable;

use super::colors;
use super::text::{escaped, shortened};
use crate::human::{facts, size};

/// Images that are drawn at the most.
const ROWS: usize = 500;
/// Columns that are told apart; what lies further to the right is drawn in the last of them.
const LANES: usize = 16;
/// Findings that are written below at the most.
const FINDINGS: usize = 20;

/// Characters of a heading, of a state, of a name and of what is shown under the pointer.
const HEADING: usize = 80;
const WORD: usize = 44;
const NAME: usize = 60;
const TITLE: usize = 200;
const MESSAGE: usize = 130;

/// Distances.
const MARGIN: usize = 28;
const TOP: usize = 104;
const ROW: usize = 40;
const LANE: usize = 26;
const RADIUS: usize = 7;
const WIDTH: usize = 960;

/// The drawing.
pub fn drawing(graph: &Graph) -> String {
    let mut rows = graph.rows();
    let left_out = rows.len().saturating_sub(ROWS);
    rows.truncate(ROWS);
    let mut place = vec![None; graph.images().len()];
    for (row, &(index, lane)) in rows.iter().enumerate() {
        place[index] = Some((row, lane.min(LANES - 1)));
    }
    let lanes = rows.iter().map(|&(_, lane)| lane.min(LANES - 1) + 1);
    let drawing = Drawing {
        graph,
        text: MARGIN + lanes.max().unwrap_or(1) * LANE + 10,
        place,
        out: String::new(),
    };
    drawing.draw(rows.len(), left_out)
}

struct Drawing<'a> {
    graph: &'a Graph,
    /// Row and lane of each image that is drawn.
    place: Vec<Option<(usize, usize)>>,
    /// Where texts begin.
    text: usize,
    out: String,
}

impl Drawing<'_> {
    fn draw(mut self, rows: usize, left_out: usize) -> String {
        let findings = self.graph.findings().len().min(FINDINGS + 1);
        let below = TOP + rows * ROW + if left_out > 0 { 30 } else { 0 };
        let height = below + findings * 20 + 38;
        self.head(height);
        for index in 0..self.place.len() {
            self.arrow(index);
        }
        for index in 0..self.place.len() {
            if let Some((row, lane)) = self.place[index] {
                self.image(index, row, lane);
            }
        }
        if left_out > 0 {
            let text = format!("and {left_out} more, all in --output dot");
            self.write((MARGIN, below - 14), "q", &text);
        }
        self.findings(below + 24);
        self.out.push_str("</svg>\n");
        self.out
    }

    fn head(&mut self, height: usize) {
        let subject = self.graph.subject();
        let volume = subject.volname(subject.volume().as_str().as_bytes());
        let layout = match self.graph.layout() {
            Layout::Named => "",
            Layout::Overlays => ", layout of 2024",
        };
        let facts = format!(
            "{} in {}, {}{layout}",
            facts::count(self.graph.names().len(), "snapshot"),
            facts::count(self.graph.images().len(), "image"),
            subject.scheme().name(),
        );
        // Writing to memory cannot fail, here and below.
        let _ = write!(
            self.out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"pve\" role=\"img\" \
             aria-labelledby=\"pve-title pve-desc\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\">\n\
             <title id=\"pve-title\">Images of {}</title>\n\
             <desc id=\"pve-desc\">{}</desc>\n<style>\n{}{}</style>\n\
             <rect class=\"b\" width=\"{WIDTH}\" height=\"{height}\" rx=\"10\"/>\n",
            escaped(&shortened(&volume, TITLE)),
            escaped(&facts),
            colors::style(),
            STYLE,
        );
        self.write((MARGIN, 44), "h", &shortened(&volume, HEADING));
        self.write((MARGIN, 68), "q", &facts);
    }

    fn write(&mut self, (x, y): (usize, usize), class: &str, text: &str) {
        let text = escaped(text);
        let _ = writeln!(
            self.out,
            "<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{text}</text>"
        );
    }

    /// From an image to what it stands on.
    fn arrow(&mut self, index: usize) {
        let image = &self.graph.images()[index];
        let Some((row, lane)) = self.place[index] else {
            return;
        };
        let (x, y) = at(row, lane);
        let broken = match image.place {
            Place::Cycle => " x",
            _ => "",
        };
        let class = format!("l l{}{broken}", lane % colors::IMAGES);
        let path = match image.parent.map(|parent| self.place[parent]) {
            None => return,
            // Not drawn any more.
            Some(None) => format!("M{x} {y}v{}", ROW - 12),
            Some(Some(below)) => {
                let (to_x, to_y) = at(below.0, below.1);
                if image.place == Place::Cycle {
                    // Beside the images that stand in between.
                    let side = x.max(to_x) + if to_y > y { 24 } else { 40 };
                    format!("M{x} {y}C{side} {y} {side} {to_y} {to_x} {to_y}")
                } else if to_x == x {
                    format!("M{x} {y}V{to_y}")
                } else {
                    let bend = to_y - ROW / 2 - 6;
                    let (down, end) = (bend + 14, to_y - 2);
                    format!("M{x} {y}V{bend}C{x} {down} {to_x} {down} {to_x} {end}")
                }
            }
        };
        let _ = writeln!(self.out, "<path class=\"{class}\" d=\"{path}\"/>");
    }

    fn image(&mut self, index: usize, row: usize, lane: usize) {
        let graph = self.graph;
        let image = &graph.images()[index];
        let (x, y) = at(row, lane);
        let read = matches!(image.content, Content::Read(_));
        let current = graph.line().first() == Some(&index);
        let class = match (read, current) {
            (false, _) => "u".into(),
            (true, _) if image.is_foreign() => "f".into(),
            (true, true) => format!("c{}", lane % colors::IMAGES),
            (true, false) => format!("i l{}", lane % colors::IMAGES),
        };
        let title = [
            graph.word(image),
            shortened(&image.path, TITLE).into_owned(),
            details(image),
        ];
        let title: Vec<String> = title.iter().map(|line| escaped(line)).collect();
        let _ = writeln!(self.out, "<g><title>{}</title>", title.join("\n"));
        let shape = match image.is_foreign() {
            true => format!(
                "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{side}\" height=\"{side}\"/>",
                x - RADIUS,
                y - RADIUS,
                side = 2 * RADIUS
            ),
            false => format!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{RADIUS}\"/>"),
        };
        let _ = writeln!(self.out, "{shape}");
        let word = graph.word(image);
        let weight = if image.is_foreign() { "q" } else { "w" };
        self.write(
            (self.text, y - 2),
            weight,
            &shortened(word.as_bytes(), WORD),
        );
        self.write((self.text, y + 13), "m s q", &shortened(&image.name, NAME));
        let facts = details(image);
        self.write((WIDTH - MARGIN, y + 4), "e q s", &facts);
        self.out.push_str("</g>\n");
    }

    fn findings(&mut self, top: usize) {
        let graph = self.graph;
        let mut findings: Vec<&Finding> = graph.findings().iter().collect();
        // Stable: among equals the order of the images stays.
        findings.sort_by_key(|finding| Reverse(finding.severity));
        let mut y = top;
        for finding in findings.into_iter().take(FINDINGS) {
            let message = printable(finding.message.as_bytes());
            let message: String = match message.char_indices().nth(MESSAGE) {
                Some((end, _)) => format!("{}…", &message[..end]),
                None => message.into_owned(),
            };
            let text = format!("{}: {message}", finding.severity.name());
            self.write((MARGIN, y), "s", &text);
            y += 20;
        }
        if let Some(more) = graph.findings().len().checked_sub(FINDINGS) {
            if more > 0 {
                self.write((MARGIN, y), "q s", &format!("and {more} more findings"));
            }
        }
    }
}

/// Lines between images, rings around those that hold a snapshot, and what could not be read.
const STYLE: &str = "svg.pve .l{fill:none;stroke-width:2}svg.pve .i{stroke-width:2.5}\
                     svg.pve .x{stroke-dasharray:2 4}\
                     svg.pve .u{stroke-width:2;stroke-dasharray:3 2.4}\
                     svg.pve .f{stroke-width:2}\n";

/// The middle of an image.
fn at(row: usize, lane: usize) -> (usize, usize) {
    (MARGIN + RADIUS + lane * LANE, TOP + row * ROW + ROW / 2)
}

/// Sizes, or why they are not known; where it stands, if not on the line.
fn details(image: &Image) -> String {
    let mut out = match (&image.content, image.info(), image.virtual_size()) {
        (Content::Read(_), Some(info), Some(bytes)) => {
            format!("{}, {}", info.format.name(), size(bytes))
        }
        (Content::Read(_), Some(info), None) => info.format.name().into(),
        (content, _, _) => content.name().to_owned(),
    };
    if let Some(bytes) = image.size {
        out.push_str(&format!(", volume of {}", size(bytes)));
    }
    match image.place {
        Place::Branch(_) if !image.is_foreign() => out.push_str(", branch"),
        Place::Unlinked if !image.is_foreign() => out.push_str(", unlinked"),
        Place::Cycle => out.push_str(", stands on itself"),
        _ => {}
    }
    out
}
