//! What is on each node before and after as a drawing: a part for each resource, a row for each node, in it a
//! thin bar for before and a thick one for after, against a line that is the limit.

use std::fmt::Write;

use super::colors;
use super::text::escaped;
use crate::placement::loads::{Loads, Node, State};
use crate::placement::report::Report;

/// Rows at the most; of what has no room there are only numbers, in the other forms of the answer.
const ROWS: usize = 1000;

/// Where names begin, bars begin and the limit is, and where the whole ends, from left to right.
const MARGIN: usize = 28;
const LEFT: usize = 220;
const LIMIT: usize = LEFT + 720;
/// How far bars go that are over the limit.
const MOST: usize = LIMIT + 36;
const WIDTH: usize = MOST + 400;
/// Where the first part begins, and how high its heading and a row are.
const TOP: usize = 96;
const HEADING: usize = 44;
const ROW: usize = 30;

/// The drawing.
pub fn drawing(report: &Report) -> String {
    let mut room = ROWS;
    let parts: Vec<(&Loads, &[Node])> = report
        .loads
        .iter()
        .map(|loads| {
            let nodes = &loads.nodes[..loads.nodes.len().min(room)];
            room -= nodes.len();
            (loads, nodes)
        })
        .filter(|(_, nodes)| !nodes.is_empty())
        .collect();
    let rows: usize = parts.iter().map(|(_, nodes)| nodes.len()).sum();
    let height = TOP + (HEADING + ROW) * parts.len() + ROW * rows + 40;
    let mut drawing = Drawing(String::new());
    drawing.head(report, height);
    let mut top = TOP;
    for (loads, nodes) in &parts {
        drawing.part(loads, nodes, top);
        top += HEADING + ROW * (nodes.len() + 1);
    }
    if parts.is_empty() {
        drawing.text((MARGIN, top), "q", "No loads to draw.");
    } else {
        drawing.legend(top);
    }
    drawing.0.push_str("</svg>\n");
    drawing.0
}

struct Drawing(String);

impl Drawing {
    fn head(&mut self, report: &Report, height: usize) {
        let summary = escaped(&format!("{}: {}", report.word, report.summary));
        // Writing to memory cannot fail, here and below.
        let _ = write!(
            self.0,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"pve\" role=\"img\" \
             aria-labelledby=\"pve-title pve-desc\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\">\n\
             <title id=\"pve-title\">Loads of nodes, before and after</title>\n\
             <desc id=\"pve-desc\">{summary}</desc>\n\
             <style>\n{}</style>\n<defs>\n{}</defs>\n\
             <rect class=\"b\" width=\"{WIDTH}\" height=\"{height}\" rx=\"10\"/>\n",
            colors::style(),
            colors::patterns(),
        );
        self.text((MARGIN, 44), "h", "Loads of nodes, before and after");
        let text = format!("{}: {}", report.word, report.summary);
        self.text((MARGIN, 68), "q", &text);
    }

    fn text(&mut self, (x, y): (usize, usize), class: &str, text: &str) {
        let text = escaped(text);
        let _ = writeln!(
            self.0,
            "<text x=\"{x}\" y=\"{y}\" class=\"{class}\">{text}</text>"
        );
    }

    fn rect(&mut self, class: &str, x: usize, y: usize, width: usize, height: usize) {
        let _ = writeln!(
            self.0,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>"
        );
    }

    fn part(&mut self, loads: &Loads, nodes: &[Node], top: usize) {
        self.text((MARGIN, top + 20), "w", &loads.resource);
        self.text((LIMIT, top + 20), "o q s", "limit");
        let left_out = loads.left_out + loads.nodes.len() - nodes.len();
        if left_out > 0 {
            let text = format!("{left_out} more nodes are not drawn");
            self.text((LEFT, top + 20), "q s", &text);
        }
        let mut lines = format!(
            "M{LIMIT} {}V{}",
            top + 26,
            top + HEADING - 16 + ROW * nodes.len()
        );
        for (row, node) in nodes.iter().enumerate() {
            let y = top + HEADING - 10 + ROW * row;
            self.node(node, y);
            if let Some(soft) = node.soft {
                let x = LEFT + place(soft);
                let _ = write!(lines, "M{x} {}v22", y - 2);
            }
        }
        let _ = writeln!(self.0, "<path class=\"g\" d=\"{lines}\"/>");
    }

    fn node(&mut self, node: &Node, y: usize) {
        let [before, after, limit] = &node.amounts;
        let word = match node.state.word() {
            "" => String::new(),
            word => format!(", {word}"),
        };
        let title = format!(
            "{}: {} before, {} after, of {limit}{word}",
            node.name, before, after
        );
        let _ = writeln!(self.0, "<g><title>{}</title>", escaped(&title));
        self.text((MARGIN, y + 13), "m s", &node.name);
        self.rect("t", LEFT, y, LIMIT - LEFT, 18);
        self.rect("n", LEFT, y, place(node.before), 5);
        self.rect(class(node.state), LEFT, y + 7, place(node.after), 11);
        let text = format!(
            "{} → {} of {limit}, {} → {}{word}",
            before, after, node.share_before, node.share_after
        );
        self.text((MOST + 20, y + 13), "s", &text);
        self.0.push_str("</g>\n");
    }

    fn legend(&mut self, y: usize) {
        let mut x = LEFT;
        for (class, text, width) in [
            ("n", "before", 90),
            (class(State::Fine), "after", 80),
            (class(State::OverSoft), "after, over the soft limit", 190),
            (class(State::Over), "after, over the limit", 170),
        ] {
            self.rect(class, x, y, 16, 12);
            self.text((x + 22, y + 10), "q s", text);
            x += width;
        }
    }
}

/// The colour and the pattern of a bar.
fn class(state: State) -> &'static str {
    match state {
        State::Fine => "c0",
        State::OverSoft => "c1",
        State::Over => "c1 k",
    }
}

/// How long the bar of a share of the limit is.
fn place(share: f64) -> usize {
    let length = (share * (LIMIT - LEFT) as f64).ceil();
    // What is infinite is at the end of the range after the cast.
    (length as usize).min(MOST - LEFT)
}
