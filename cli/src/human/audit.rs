//! An audit as a verdict in the first line, the chain as far as it was read, and what was found,
//! worst first.

use std::cmp::Reverse;

use pve_native_core::chain::{Audit, Chain, Finding, Severity};
use pve_native_core::image::ImageInfo;
use pve_native_core::text::printable;
use termtree::Tree;

use super::chain::{heading, node, sizes, title};
use super::table::ROWS;
use super::{NAME, QUIET, Symbols, facts, styled};

/// The whole answer about the image at `path`.
pub fn report(path: &[u8], audit: &Audit) -> String {
    let symbols = Symbols::of_locale();
    let mut out = verdict(path, audit, &symbols) + "\n";
    // What is behind a top image that was turned away is none of ours.
    if !audit.chain.images.is_empty() {
        out.push_str(&format!("\n{}", tree(&audit.chain, &symbols)));
    }
    if !audit.findings.is_empty() {
        out.push('\n');
    }
    let mut findings: Vec<&Finding> = audit.findings.iter().collect();
    // Stable: among equals the order of the chain stays.
    findings.sort_by_key(|finding| Reverse(finding.severity));
    for finding in findings.iter().take(ROWS) {
        out.push_str(&lines(finding, &symbols));
    }
    if let Some(more) = findings.len().checked_sub(ROWS).filter(|&more| more > 0) {
        out.push_str(&format!("and {more} more, all in --output json\n"));
    }
    out
}

fn verdict(path: &[u8], audit: &Audit, symbols: &Symbols) -> String {
    let name = styled(NAME, &printable(path));
    let severities = [
        (Severity::Error, "error"),
        (Severity::Warning, "warning"),
        (Severity::Info, "note"),
    ];
    let found = severities.map(|(severity, word)| {
        let found = audit.findings.iter().filter(|f| f.severity == severity);
        (found.count(), word)
    });
    let found = found.into_iter().filter(|&(count, _)| count > 0);
    let found: Vec<String> = found.map(|(count, one)| facts::count(count, one)).collect();
    let found = match found.is_empty() {
        true => "nothing found".into(),
        false => found.join(", "),
    };
    match audit.is_safe() {
        true => symbols.good("SAFE", &format!("{name} may be used: {found}")),
        false => symbols.bad("NOT SAFE", &format!("{name} must not be used: {found}")),
    }
}

/// The chain, in few words: `image chain` has the details.
fn tree(chain: &Chain, symbols: &Symbols) -> String {
    let last = chain.images.len();
    let digits = last.to_string().len();
    let mut tree = Tree::new(heading(chain)).with_glyphs(symbols.lines);
    for (number, image) in chain.images.iter().enumerate() {
        let mut leaves = vec![sizes(image)];
        if number + 1 == last && chain.broken.is_none() {
            leaves.extend(not_followed(image));
        }
        tree.push(node(title(number, digits, &image.filename), leaves));
    }
    if let Some(broken) = &chain.broken {
        let leaf = symbols.bad("not used", "see below");
        tree.push(node(title(last, digits, &broken.filename), vec![leaf]));
    }
    tree.to_string()
}

fn not_followed(image: &ImageInfo) -> Option<String> {
    let name = image.backing.as_ref()?.name();
    Some(format!("stands on {}, not opened", printable(name)))
}

/// What was found, and where.
fn lines(finding: &Finding, symbols: &Symbols) -> String {
    // The sentence is printable already; what is shown does not depend on it.
    let message = printable(finding.message.as_bytes());
    let text = format!("{message} [{}]", finding.code.name());
    let line = match finding.severity {
        Severity::Error => symbols.error(&text),
        Severity::Warning => symbols.warning(&text),
        Severity::Info => symbols.note(&text),
    };
    let offset = finding.offset.map(|offset| format!(", at offset {offset}"));
    let image = printable(&finding.image);
    let place = format!("in {image}{}", offset.unwrap_or_default());
    format!("{line}\n    {}\n", styled(QUIET, &place))
}
