//! What is wrong with single LUNs, in sentences that name the nodes.

use super::sink::{Draft, Said, Sink};
use super::survey::Survey;
use super::{Code, words};
use crate::cluster::matrix::{Cell, Line};

/// All of it.
pub fn say(survey: &Survey<'_>, sink: &mut Sink) {
    let matrix = survey.matrix;
    for (&code, rows) in &survey.luns {
        let drafts = rows.iter().map(|&(row, extent)| Draft {
            subject: matrix.wwid(row).into(),
            extent,
            about: row,
        });
        sink.add(code, drafts.collect(), |draft| {
            let line = survey.line(draft.about);
            match code {
                Code::SizeMismatch => sizes(line),
                _ => of_state(survey, code, line),
            }
        });
    }
}

fn of_state(survey: &Survey<'_>, code: Code, line: Line<'_>) -> Said {
    let Line { matrix, row, .. } = line;
    let cells = line
        .cells()
        .filter(|(column, judged, cell)| survey.of_lun(row, *column, judged, cell) == Some(code));
    let cells: Vec<(u32, &Cell)> = cells.map(|(column, _, cell)| (column, cell)).collect();
    let columns: Vec<u32> = cells.iter().map(|&(column, _)| column).collect();
    let lun = words::lun(matrix, row);
    let nodes = words::node_list(matrix, &columns);
    let sentence = match code {
        Code::LunDegraded => {
            let paths = cells.iter().map(|&(column, cell)| {
                let node = words::node(matrix, column);
                match (cell.active.as_small(), cell.total.as_small()) {
                    (Some(active), Some(total)) => format!("{node} ({active} of {total} paths)"),
                    _ => node,
                }
            });
            format!("{lun} has lost paths on {}.", words::list(paths))
        }
        Code::LunFailedErroring => {
            format!("{lun} has no path left on {nodes}: I/O to it fails there.")
        }
        Code::LunFailedQueueing => format!(
            "{lun} has no path left on {nodes}: I/O to it waits there, and whoever waits cannot be ended, \
             until a path comes back or queueing is switched off."
        ),
        Code::LunFailed => format!(
            "{lun} has no path left on {nodes}: I/O to it fails or waits there, which of them is not known."
        ),
        Code::Suspended => format!(
            "{lun} is suspended on {nodes}: I/O to it waits there, whatever its paths are. If nobody is \
             changing the map, resume it with dmsetup."
        ),
        _ => {
            let others = line.cells().filter(|(_, judged, _)| judged.is_own);
            let others = match others.count() {
                0 => "no other node has it".into(),
                1 => "1 other node has it".into(),
                count => format!("{count} others have it"),
            };
            format!(
                "{lun} is missing on {nodes}, and {others}. See whether the storage shows it there, and \
                 whether multipathd may use it."
            )
        }
    };
    Said {
        sentence,
        luns: words::luns(matrix, &[row]),
        nodes: words::nodes(matrix, &columns),
    }
}

fn sizes(line: Line<'_>) -> Said {
    let Line { matrix, row, .. } = line;
    let own = line.cells().filter(|(_, judged, _)| judged.is_own);
    let mut sizes: Vec<(u64, u32)> = own
        .filter_map(|(column, _, cell)| Some((matrix.integer(cell.size)?, column)))
        .collect();
    let columns: Vec<u32> = sizes.iter().map(|&(_, column)| column).collect();
    // Nodes stay in their order.
    sizes.sort_by_key(|&(size, _)| size);
    let groups: Vec<&[(u64, u32)]> = sizes.chunk_by(|a, b| a.0 == b.0).collect();
    let groups = groups.iter().map(|group| {
        let columns: Vec<u32> = group.iter().map(|&(_, column)| column).collect();
        let nodes = words::node_list(matrix, &columns);
        format!("{} on {nodes}", words::size(group[0].0))
    });
    let sentence = format!(
        "{} has different sizes: {}. Have all nodes see the same one before anything on it grows.",
        words::lun(matrix, row),
        words::list(groups)
    );
    Said {
        sentence,
        luns: words::luns(matrix, &[row]),
        nodes: words::nodes(matrix, &columns),
    }
}
