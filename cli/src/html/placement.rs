//! A placement as a page: the verdict, what there is to say of it, tables, and bars of what is on each node
//! before and after.

use std::fmt::Write;

use super::{END, begin, escaped, severity, verdict};
use crate::placement::loads::{Loads, State};
use crate::placement::report::{Report, Table};

/// The page.
pub fn placement(report: &Report) -> String {
    let mut out = begin("Placement of guests", &report.summary);
    verdict(&mut out, report.is_good, report.word, &report.summary, "");
    if !report.sentences.is_empty() {
        out.push_str("<ul>\n");
        for (how, text) in &report.sentences {
            let (class, word) = severity(*how);
            let _ = writeln!(
                out,
                "<li><span class=\"k\"><span class=\"{class}\">{word}</span></span>{}</li>",
                escaped(text)
            );
        }
        out.push_str("</ul>\n");
    }
    report.tables.iter().for_each(|one| table(&mut out, one));
    report.loads.iter().for_each(|one| loads(&mut out, one));
    out.push_str(END);
    out
}

fn table(out: &mut String, table: &Table) {
    let _ = write!(
        out,
        "<h2>{}</h2>\n<div class=\"w\"><table>\n<thead><tr>",
        table.title
    );
    for cell in &table.heading {
        let _ = write!(out, "<th scope=\"col\">{cell}</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for cell in row {
            let _ = write!(out, "<td>{}</td>", escaped(cell));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table></div>\n");
    if table.left_out > 0 {
        let _ = writeln!(out, "<p>And {} more.</p>", table.left_out);
    }
}

fn loads(out: &mut String, loads: &Loads) {
    let _ = write!(
        out,
        "<h2>Load: {}</h2>\n<div class=\"w\"><table>\n<thead><tr><th scope=\"col\">NODE</th>\
         <th scope=\"col\" colspan=\"3\">BEFORE</th><th scope=\"col\" colspan=\"3\">AFTER</th>\
         <th scope=\"col\">LIMIT</th><th scope=\"col\"></th></tr></thead>\n<tbody>\n",
        escaped(&loads.resource)
    );
    for node in &loads.nodes {
        let [before, after, limit] = &node.amounts;
        let _ = write!(out, "<tr><th scope=\"row\">{}</th>", escaped(&node.name));
        for (share, text, amount, class) in [
            (node.before, &node.share_before, before, "u"),
            (node.after, &node.share_after, after, class(node.state)),
        ] {
            let width = (share * 100.0).clamp(0.0, 100.0);
            let _ = write!(
                out,
                "<td class=\"b\"><i class=\"{class}\" style=\"width:{width:.1}%\"></i></td>\
                 <td class=\"r\">{}</td><td class=\"r\">{}</td>",
                escaped(text),
                escaped(amount)
            );
        }
        let (limit, word) = (escaped(limit), node.state.word());
        let _ = writeln!(out, "<td class=\"r\">{limit}</td><td>{word}</td></tr>");
    }
    out.push_str("</tbody>\n</table></div>\n");
    if loads.left_out > 0 {
        let _ = writeln!(out, "<p>And {} nodes less full.</p>", loads.left_out);
    }
}

fn class(state: State) -> &'static str {
    match state {
        State::Fine => "o",
        State::OverSoft => "d",
        State::Over => "f",
    }
}
