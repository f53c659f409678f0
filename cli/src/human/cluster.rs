//! What a node tells of its multipath maps: a table of them, one of the ports if some paths do not work,
//! and how the broadcast fits.

use anstyle::Style;
use pve_native_core::cluster::MapState;
use pve_native_core::cluster::broadcast::{Entry, Fitted, Form, Port, Summary};
use pve_native_core::text::printable;

use super::table::table;
use super::{ERROR, GOOD, QUIET, WARNING, size, styled};

/// Shown where nothing is known.
const NONE: &str = "-";

/// The maps, the worst first, and the broadcast that was made of them.
pub fn summary(summary: &Summary, fitted: &Fitted, limit: usize) -> String {
    let mut maps: Vec<(&String, &Entry)> = summary.maps.iter().collect();
    maps.sort_by_key(|(_, entry)| std::cmp::Reverse(entry.state));
    let row = |(wwid, entry): (&String, &Entry)| map(wwid, entry);
    let heading = ["STATE", "PATHS", "TRANSPORT", "SIZE", "WWID", ""];
    let mut lines = match maps.is_empty() {
        true => vec!["no maps".to_string()],
        false => coloured(table(heading, maps.iter().copied().map(row)), &maps),
    };
    if !summary.ports.is_empty() {
        lines.push(String::new());
        let heading = ["PORT", "PATHS", "DOWN", "NAME"];
        lines.extend(table(heading, summary.ports.iter().map(port)));
    }
    lines.push(String::new());
    lines.push(broadcast(fitted, limit));
    lines.join("\n") + "\n"
}

fn map(wwid: &str, entry: &Entry) -> [String; 6] {
    let flags: Vec<&str> = entry.impairments.iter().map(|flag| flag.name()).collect();
    [
        entry.state.name().into(),
        format!("{}/{}", entry.active, entry.total),
        entry
            .transport
            .map_or(NONE, |transport| transport.name())
            .into(),
        entry.size.map_or(NONE.into(), size),
        printable(wwid.as_bytes()).into(),
        flags.join(", "),
    ]
}

/// The lines of the table with the states in their colours. Colours have no width, but the table would
/// count their letters.
fn coloured(lines: Vec<String>, maps: &[(&String, &Entry)]) -> Vec<String> {
    let mut lines = lines.into_iter();
    let heading = lines.next().into_iter();
    let mut maps = maps.iter();
    let line = |line: String| match maps.next() {
        Some((_, entry)) if line.starts_with(entry.state.name()) => {
            let (state, rest) = line.split_at(entry.state.name().len());
            styled(style(entry.state), state) + rest
        }
        _ => line,
    };
    heading.chain(lines.map(line)).collect()
}

/// How a state looks.
pub(super) fn style(state: MapState) -> Style {
    match state {
        MapState::Unknown => QUIET,
        MapState::Optimal => GOOD,
        MapState::Degraded => WARNING,
        MapState::Missing | MapState::Failed => ERROR,
    }
}

fn port(port: &Port) -> [String; 4] {
    [
        port.kind.name().into(),
        port.paths.to_string(),
        port.down.to_string(),
        printable(port.name.as_bytes()).into(),
    ]
}

fn broadcast(fitted: &Fitted, limit: usize) -> String {
    let form = match fitted.form {
        Form::Seed => "with whole words",
        Form::Short => "with short keys",
        Form::Compressed => "compressed",
    };
    let bytes = fitted.payload.len();
    let fits = format!("broadcast: {bytes} of {limit} bytes, {form}");
    match fitted.truncated {
        0 => fits,
        count => {
            let lost = format!("{count} maps do not fit and are left out");
            format!("{fits}; {}", styled(WARNING, &lost))
        }
    }
}
