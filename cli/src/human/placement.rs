//! A placement for people: the verdict, what there is to say of it, tables, and bars of what is on each node
//! before and after.

use anstyle::Style;
use pve_native_core::Severity;
use unicode_width::UnicodeWidthStr;

use super::table::{ROWS, padded, table_of_rows};
use super::{ERROR, GOOD, NAME, QUIET, Symbols, WARNING, styled};
use crate::placement::loads::{Loads, Node, State};
use crate::placement::report::{Report, Table};

/// The narrowest bar that says anything, and the widest.
const BAR: std::ops::Range<usize> = 8..32;

/// All of it.
pub fn report(report: &Report, width: usize, symbols: &Symbols) -> String {
    let verdict = match report.is_good {
        true => symbols.good(report.word, &report.summary),
        false => symbols.bad(report.word, &report.summary),
    };
    let mut lines = vec![verdict];
    let sentences = report.sentences.iter();
    lines.extend(sentences.map(|(severity, text)| match severity {
        Severity::Error => symbols.error(text),
        Severity::Warning => symbols.warning(text),
        Severity::Info => symbols.note(text),
    }));
    report.tables.iter().for_each(|one| table(&mut lines, one));
    let columns = Columns::of(&report.loads, width, &symbols.bars);
    let all = report.loads.iter();
    all.for_each(|one| loads(&mut lines, one, &columns, &symbols.bars));
    // The mark of names that were too long is not ASCII.
    (lines.join("\n") + "\n").replace('…', symbols.bars.cut)
}

fn table(lines: &mut Vec<String>, table: &Table) {
    lines.extend([String::new(), styled(NAME, table.title)]);
    let rows: Vec<&[String]> = table.rows.iter().take(ROWS).map(Vec::as_slice).collect();
    let left_out = table.rows.len() - rows.len() + table.left_out;
    lines.extend(table_of_rows(&table.heading, &(0..0), &rows, left_out));
}

/// What bars are made of.
#[derive(Clone, Copy, Debug)]
pub struct Glyphs {
    /// Parts of a cell that is full in part, the smallest first, and a full one.
    levels: &'static [char],
    /// A cell that is empty.
    empty: char,
    /// The last cell of a bar that is too long.
    over: char,
    arrow: &'static str,
    /// In place of what a name had more.
    cut: &'static str,
}

impl Glyphs {
    pub const UNICODE: Glyphs = Glyphs {
        levels: &['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'],
        empty: '·',
        over: '▶',
        arrow: "→",
        cut: "…",
    };

    pub const ASCII: Glyphs = Glyphs {
        levels: &['-', '#'],
        empty: '.',
        over: '>',
        arrow: "->",
        cut: "~",
    };
}

/// How wide what is said of a node is, the same for all resources but for the amounts.
struct Columns {
    name: usize,
    bar: usize,
    shares: [usize; 2],
}

impl Columns {
    fn of(loads: &[Loads], width: usize, glyphs: &Glyphs) -> Columns {
        let nodes = || loads.iter().flat_map(|one| &one.nodes);
        let name = widest(nodes(), |node| &node.name).max("NODE".len());
        let shares = [
            widest(nodes(), |node| &node.share_before),
            widest(nodes(), |node| &node.share_after),
        ];
        let amounts = amounts(nodes());
        let arrow = glyphs.arrow.width() + 2;
        let text = shares.iter().chain(&amounts).sum::<usize>() + 2 * arrow + "   of ".len();
        let taken = name + 3 * "  ".len() + text;
        let bar = (width.saturating_sub(taken) / 2).clamp(BAR.start, BAR.end);
        Columns { name, bar, shares }
    }
}

fn amounts<'a>(nodes: impl Iterator<Item = &'a Node> + Clone) -> [usize; 3] {
    [0, 1, 2].map(|at| widest(nodes.clone(), |node| &node.amounts[at]))
}

fn widest<'a>(nodes: impl Iterator<Item = &'a Node>, text: impl Fn(&Node) -> &str) -> usize {
    nodes.map(|node| text(node).width()).max().unwrap_or(0)
}

fn loads(lines: &mut Vec<String>, loads: &Loads, columns: &Columns, glyphs: &Glyphs) {
    let title = format!("Load: {}", loads.resource);
    let heading = [
        padded("NODE", columns.name),
        padded("BEFORE", columns.bar),
        "AFTER".into(),
    ];
    let heading = styled(QUIET, &heading.join("  "));
    lines.extend([String::new(), styled(NAME, &title), heading]);
    let amounts = amounts(loads.nodes.iter());
    for node in &loads.nodes {
        let [before, after, limit] = &node.amounts;
        let text = format!(
            "{} {arrow} {}  {} {arrow} {} of {}",
            right(&node.share_before, columns.shares[0]),
            right(&node.share_after, columns.shares[1]),
            right(before, amounts[0]),
            right(after, amounts[1]),
            right(limit, amounts[2]),
            arrow = glyphs.arrow,
        );
        let word = match node.state.word() {
            "" => String::new(),
            word => format!("  {}", styled(style(node), word)),
        };
        lines.push(format!(
            "{}  {}  {}  {text}{word}",
            padded(&node.name, columns.name),
            painted(node.before, columns.bar, QUIET, glyphs),
            painted(node.after, columns.bar, style(node), glyphs),
        ));
    }
    if loads.left_out > 0 {
        let count = loads.left_out;
        lines.push(format!("and {count} nodes less full, all in --output json"));
    }
}

/// `text` behind spaces, so that it ends at a column.
fn right(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(text.width())))
}

fn style(node: &Node) -> Style {
    match node.state {
        State::Fine => GOOD,
        State::OverSoft => WARNING,
        State::Over => ERROR,
    }
}

/// A bar of so many cells that stand for all of a limit.
fn painted(share: f64, cells: usize, style: Style, glyphs: &Glyphs) -> String {
    let (full, rest) = bar(share, cells, glyphs);
    let parts = [(style, full), (QUIET, rest)];
    let parts = parts.iter().filter(|(_, text)| !text.is_empty());
    parts.map(|(style, text)| styled(*style, text)).collect()
}

/// What is full of it, and what is empty.
fn bar(share: f64, cells: usize, glyphs: &Glyphs) -> (String, String) {
    let levels = glyphs.levels.len();
    if share > 1.0 {
        let full = glyphs.levels[levels - 1];
        let mut bar = String::from_iter(std::iter::repeat_n(full, cells.saturating_sub(1)));
        bar.push(glyphs.over);
        return (bar, String::new());
    }
    // A little is not nothing, and what is not quite all leaves something over.
    let all = cells * levels;
    let mut level = (share * all as f64).round() as usize;
    if share > 0.0 {
        level = level.max(1);
    }
    if share < 1.0 {
        level = level.min(all - 1);
    }
    let full = glyphs.levels[levels - 1];
    let mut bar = String::from_iter(std::iter::repeat_n(full, level / levels));
    if level % levels > 0 {
        bar.push(glyphs.levels[level % levels - 1]);
    }
    let taken = level.div_ceil(levels);
    let rest = String::from_iter(std::iter::repeat_n(glyphs.empty, cells - taken));
    (bar, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(share: f64, glyphs: &Glyphs) -> String {
        let (full, rest) = bar(share, 8, glyphs);
        full + &rest
    }

    #[test]
    fn bars_are_as_long_as_the_limit() {
        let unicode = [0.0, 1e-9, 0.5, 0.516, 0.99999, 1.0, 1.0001, f64::INFINITY];
        let unicode = unicode.map(|share| drawn(share, &Glyphs::UNICODE));
        let expected = [
            "········",
            "▏·······",
            "████····",
            "████▏···",
            "███████▉",
            "████████",
            "███████▶",
            "███████▶",
        ];
        assert_eq!(unicode, expected);
        let ascii =
            [0.0, 0.01, 0.45, 0.5, 0.99, 1.0, 1.01].map(|share| drawn(share, &Glyphs::ASCII));
        let expected = [
            "........", "-.......", "###-....", "####....", "#######-", "########", "#######>",
        ];
        assert_eq!(ascii, expected);
    }
}
