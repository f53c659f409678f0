//! Answers as pages that can be mailed: one file without scripts and references, light or dark as the
//! reader likes it, safe whatever the names in it hold.

mod placement;

pub use placement::placement;

use std::fmt::Write;

use pve_native_core::Severity;
use pve_native_core::cluster::MapState;
use pve_native_core::cluster::findings::Finding;
use pve_native_core::text::{printable, thousands};

use crate::cluster::view::{LEGEND, Lun, View, letter};
use crate::svg::text;

/// Cells on a page, some megabytes; LUNs that have no room are counted.
const CELLS: usize = 50_000;

/// What the classes look like. Nothing is said by colour alone.
const STYLE: &str = "\
:root{color-scheme:light dark;--back:#fff;--text:#1b1f26;--quiet:#5b6472;--line:#c9ced6;\
--o:#d9f2e1;--ot:#0f4a26;--d:#ffd670;--dt:#3d2c00;--m:#7b2fa0;--mt:#fff;--f:#b3261e;--ft:#fff;\
--u:#e2e6ec;--ut:#1b1f26}
@media (prefers-color-scheme:dark){:root{--back:#14171c;--text:#e8ebef;--quiet:#9aa4b2;--line:#424a56;\
--o:#123d24;--ot:#b9efcb;--d:#7a5b00;--dt:#fff3d0;--m:#d9a5f2;--mt:#2b0a3d;--f:#ff8a80;--ft:#3d0500;\
--u:#3a424e;--ut:#e8ebef}}
body{margin:1.5rem;background:var(--back);color:var(--text);\
font:15px/1.45 ui-sans-serif,system-ui,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif}
h1{font-size:1.4rem;margin:0}h2{font-size:1.1rem}.q{color:var(--quiet)}
.w{overflow-x:auto}table{border-collapse:collapse;margin:1rem 0}
th,td{padding:.2rem .5rem;border:1px solid var(--line);text-align:left;white-space:nowrap}
thead th{font-weight:600}tbody th{font-weight:600}
.c,.e{font-family:ui-monospace,Menlo,Consolas,\"DejaVu Sans Mono\",monospace;text-align:center}
.e{color:var(--quiet)}abbr{text-decoration:none}
.o{background:var(--o);color:var(--ot)}.d{background:var(--d);color:var(--dt)}\
.m{background:var(--m);color:var(--mt)}.f{background:var(--f);color:var(--ft)}\
.u{background:var(--u);color:var(--ut)}
.k span,strong{padding:.1rem .4rem;margin-right:.2rem}.k{margin-right:1rem;white-space:nowrap}
.r{text-align:right}.b{width:12rem;padding:0}.b i{display:block;height:.9rem;max-width:100%}\
.b .o{background:var(--ot)}.b .u{background:var(--quiet)}
ul{padding-left:1.2rem}li{margin:.3rem 0}details{overflow-wrap:anywhere}
";

/// The health of LUNs.
pub fn cluster(view: &View<'_>) -> String {
    let mut out = begin("Health of LUNs", &view.summary());
    let word = match view.is_healthy {
        true => "healthy",
        false => "not healthy",
    };
    verdict(
        &mut out,
        view.is_healthy,
        word,
        &view.summary(),
        &view.time(),
    );
    if !view.luns.is_empty() {
        matrix(&mut out, view);
    }
    if !view.findings.is_empty() {
        out.push_str("<h2>Findings</h2>\n<ul>\n");
        view.findings.iter().for_each(|one| finding(&mut out, one));
        out.push_str("</ul>\n");
    }
    out.push_str(END);
    out
}

/// Where a page ends.
const END: &str = "</main>\n</body>\n</html>\n";

/// A page up to its heading.
fn begin(heading: &str, title: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n\
         </head>\n<body>\n<main>\n<h1>{heading}</h1>\n",
        escaped(title)
    )
}

/// How all is, with something quiet behind it.
fn verdict(out: &mut String, is_good: bool, word: &str, summary: &str, quiet: &str) {
    let class = if is_good { "o" } else { "f" };
    let _ = writeln!(
        out,
        "<p><strong class=\"{class}\">{word}</strong> {} <span class=\"q\">{quiet}</span></p>",
        escaped(summary)
    );
}

/// The class of a severity, and its word.
fn severity(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Error => ("f", "error"),
        Severity::Warning => ("d", "warning"),
        Severity::Info => ("u", "note"),
    }
}

fn matrix(out: &mut String, view: &View<'_>) {
    out.push_str("<p>");
    for state in LEGEND {
        let (class, letter, name) = (class(state), letter(state), state.name());
        let _ = write!(
            out,
            "<span class=\"k\"><span class=\"c {class}\">{letter}</span>{name}</span> "
        );
    }
    out.push_str(
        "<span class=\"k\"><span class=\"e\">.</span>not there</span></p>\n\
         <div class=\"w\" tabindex=\"0\" role=\"region\" aria-label=\"Matrix of LUNs and nodes\">\n\
         <table>\n<thead>\n<tr><th scope=\"col\">State</th><th scope=\"col\">LUN</th>\
         <th scope=\"col\">Used by</th><th scope=\"col\">Size</th>",
    );
    for node in &view.nodes {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escaped(node));
    }
    out.push_str("</tr>\n</thead>\n<tbody>\n");
    let most = (CELLS / view.nodes.len().max(1)).max(1);
    let luns = &view.luns[..view.luns.len().min(most)];
    luns.iter().for_each(|one| lun(out, one, &view.nodes));
    out.push_str("</tbody>\n</table>\n</div>\n");
    let left_out = &view.luns[luns.len()..];
    if let Some(worst) = left_out.first() {
        let (count, worst) = (thousands(left_out.len() as u64), worst.state.name());
        let _ = writeln!(
            out,
            "<p>And {count} more LUNs, the first of them {worst}.</p>"
        );
    }
}

fn lun(out: &mut String, lun: &Lun<'_>, nodes: &[&str]) {
    let _ = write!(
        out,
        "<tr><td class=\"{}\">{}</td><th scope=\"row\" title=\"{}\">{}</th><td>{}</td><td>{}</td>",
        class(lun.state),
        lun.state.name(),
        escaped(lun.wwid()),
        escaped(&lun.name),
        escaped(&lun.used_by),
        escaped(&lun.size)
    );
    for shown in lun.cells(nodes) {
        let Some(shown) = shown else {
            out.push_str("<td class=\"e\">.</td>");
            continue;
        };
        let class = class(shown.state);
        let _ = match shown.state {
            MapState::Optimal => write!(out, "<td class=\"c {class}\">o</td>"),
            _ => write!(
                out,
                "<td class=\"c {class}\"><abbr title=\"{}\">{}</abbr></td>",
                shown.words(),
                shown.text()
            ),
        };
    }
    out.push_str("</tr>\n");
}

fn finding(out: &mut String, finding: &Finding) {
    let (class, word) = severity(finding.severity);
    let (text, code) = (escaped(&finding.sentence), finding.code.name());
    let _ = write!(
        out,
        "<li><span class=\"k\"><span class=\"{class}\">{word}</span></span>{text} \
         <span class=\"q\">[{code}]</span>"
    );
    // The sentence names those of which there are few.
    if finding.luns.len() > 1 {
        let luns = finding.luns.iter().map(|wwid| printable(wwid.as_bytes()));
        let luns: Vec<String> = luns.map(|wwid| escaped(&wwid)).collect();
        let (count, luns) = (thousands(luns.len() as u64), luns.join(" "));
        let _ = write!(
            out,
            "<details><summary>{count} LUNs</summary>{luns}</details>"
        );
    }
    out.push_str("</li>\n");
}

/// The class of a state.
fn class(state: MapState) -> &'static str {
    match state {
        MapState::Unknown => "u",
        other => letter(other),
    }
}

/// `text` between tags, or between the double quotes of an attribute.
fn escaped(text: &str) -> String {
    text::escaped(text).replace('"', "&quot;")
}
