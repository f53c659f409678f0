//! The health of LUNs as a matrix: LUNs down, nodes across, in as many blocks below each other as the
//! terminal needs. Each state is a letter, and where there is room the paths are told.

use std::borrow::Cow;

use anstyle::Style;
use pve_native_core::Severity;
use pve_native_core::cluster::findings::Finding;
use pve_native_core::text::thousands;
use unicode_width::UnicodeWidthStr;

use super::cluster::style;
use super::table::ROWS;
use super::{NAME, QUIET, Symbols, locale_is_utf8, styled};
use crate::cluster::view::{LEGEND, Lun, Shown, View, letter};
use crate::svg::text::shortened;

/// Columns of a node's name at the most.
const NODE: usize = 16;
/// Columns of a LUN's name at the most.
const LUN: usize = 40;
/// Columns of the storages on it at the most.
const USED_BY: usize = 20;
/// Findings that are shown; more are counted.
const FINDINGS: usize = 50;
/// Between columns.
const GAP: usize = 2;

/// All of it.
pub fn report(view: &View<'_>, width: usize, symbols: &Symbols) -> String {
    let mut lines = vec![summary(view, symbols), String::new()];
    if !view.luns.is_empty() {
        lines.extend(matrix(view, width));
        lines.push(legend());
    }
    if !view.findings.is_empty() {
        lines.push(String::new());
    }
    let shown = view.findings.iter().take(FINDINGS);
    lines.extend(shown.map(|one| finding(one, symbols)));
    if view.findings.len() > FINDINGS {
        let more = thousands((view.findings.len() - FINDINGS) as u64);
        lines.push(format!("and {more} more findings, all in --output json"));
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.join("\n") + "\n"
}

/// What was found, as a sentence, which is printable already, with its code.
fn finding(finding: &Finding, symbols: &Symbols) -> String {
    let code = styled(QUIET, &format!("[{}]", finding.code.name()));
    let text = format!("{} {code}", finding.sentence);
    match finding.severity {
        Severity::Error => symbols.error(&text),
        Severity::Warning => symbols.warning(&text),
        Severity::Info => symbols.note(&text),
    }
}

fn summary(view: &View<'_>, symbols: &Symbols) -> String {
    let text = view.summary();
    match (view.is_healthy, view.luns.is_empty()) {
        (true, true) => symbols.note(&text),
        (true, false) => symbols.good("healthy", &text),
        (false, _) => symbols.bad("not healthy", &text),
    }
}

fn legend() -> String {
    let states = LEGEND.map(|state| {
        let letter = styled(style(state), letter(state));
        format!("{letter} {}", state.name())
    });
    format!("{}, . not there", states.join(", "))
}

/// A line of which nothing has been padded at its end.
#[derive(Default)]
struct Line {
    text: String,
    /// Spaces before what comes next.
    gap: usize,
}

impl Line {
    fn put(&mut self, text: &str, look: Style, width: usize) {
        if !text.is_empty() {
            self.text.push_str(&" ".repeat(self.gap));
            self.text.push_str(&styled(look, text));
            self.gap = 0;
        }
        self.gap += width.saturating_sub(text.width()) + GAP;
    }
}

/// What stands left of the cells.
struct Left {
    heading: &'static str,
    width: usize,
    cells: Vec<(String, Style)>,
}

impl Left {
    fn new(heading: &'static str, cells: impl Iterator<Item = (String, Style)>) -> Self {
        let cells: Vec<(String, Style)> = cells.collect();
        let widths = cells.iter().map(|(text, _)| text.width());
        Left {
            heading,
            width: widths.fold(heading.width(), usize::max),
            cells,
        }
    }

    fn of(luns: &[Lun<'_>]) -> Vec<Self> {
        let plain = |text: String| (text, Style::new());
        let mut columns = vec![
            Left::new(
                "STATE",
                luns.iter()
                    .map(|lun| (lun.state.name().to_string(), style(lun.state))),
            ),
            Left::new("LUN", luns.iter().map(|lun| (short(&lun.name, LUN), NAME))),
            Left::new(
                "USED BY",
                luns.iter().map(|lun| plain(short(&lun.used_by, USED_BY))),
            ),
            Left::new(
                "SIZE",
                luns.iter().map(|lun| plain(short(&lun.size, USED_BY))),
            ),
        ];
        let tells = |column: &Left| column.cells.iter().any(|(text, _)| !text.is_empty());
        columns.retain(tells);
        columns
    }
}

/// Columns that are repeated in each block.
const REPEATED: usize = 2;

fn matrix(view: &View<'_>, width: usize) -> Vec<String> {
    let luns = &view.luns[..view.luns.len().min(ROWS)];
    let rows: Vec<Vec<Option<Shown>>> = luns.iter().map(|lun| lun.cells(&view.nodes)).collect();
    let names: Vec<String> = view.nodes.iter().map(|name| short(name, NODE)).collect();
    let left = Left::of(luns);
    let taken = |columns: &[Left]| -> usize { columns.iter().map(|one| one.width + GAP).sum() };
    let tight: Vec<usize> = names.iter().map(|name| name.width().max(1)).collect();
    let widest = |(at, &width): (usize, &usize)| {
        let texts = rows.iter().filter_map(|row| row[at]);
        texts.fold(width, |width, shown| width.max(shown.text().width()))
    };
    let roomy: Vec<usize> = tight.iter().enumerate().map(widest).collect();
    let needs: usize = roomy.iter().map(|width| width + GAP).sum();
    let widths = match taken(&left) + needs <= width + GAP {
        true => roomy,
        false => tight,
    };
    let mut lines = Vec::new();
    let mut start = 0;
    while start < names.len() || lines.is_empty() {
        let left = match start {
            0 => &left[..],
            _ => &left[..REPEATED.min(left.len())],
        };
        let mut room = (width + GAP).saturating_sub(taken(left));
        let mut end = start;
        while end < names.len() && (end == start || widths[end] + GAP <= room) {
            room = room.saturating_sub(widths[end] + GAP);
            end += 1;
        }
        let mut heading = Line::default();
        for column in left {
            heading.put(column.heading, QUIET, column.width);
        }
        for at in start..end {
            heading.put(&names[at], QUIET, widths[at]);
        }
        lines.push(heading.text);
        for (number, row) in rows.iter().enumerate() {
            let mut line = Line::default();
            for column in left {
                let (text, look) = &column.cells[number];
                line.put(text, *look, column.width);
            }
            for at in start..end {
                let (text, look) = cell(row[at], widths[at]);
                line.put(&text, look, widths[at]);
            }
            lines.push(line.text);
        }
        lines.push(String::new());
        start = end;
    }
    let left_out = &view.luns[luns.len()..];
    if let Some(worst) = left_out.first() {
        let (count, worst) = (thousands(left_out.len() as u64), worst.state.name());
        lines.push(format!(
            "and {count} more LUNs, the first of them {worst}, all in --output json"
        ));
        lines.push(String::new());
    }
    lines
}

fn cell(shown: Option<Shown>, width: usize) -> (Cow<'static, str>, Style) {
    let Some(shown) = shown else {
        return (".".into(), QUIET);
    };
    let look = style(shown.state);
    let text = shown.text();
    match text.width() <= width {
        true => (text.into(), look),
        false => (shown.letter().into(), look),
    }
}

/// A name for so many columns. Where they differ is mostly at their ends.
fn short(name: &str, columns: usize) -> String {
    match shortened(name.as_bytes(), columns) {
        Cow::Owned(name) if !locale_is_utf8() => name.replacen('…', "~", 1),
        name => name.into_owned(),
    }
}
