//! What is wrong with several entries of one node at once, and so most likely for one reason: one finding
//! for the node, which names the LUNs.

use std::collections::BTreeMap;

use super::sink::{Draft, Said, Sink};
use super::{Code, words};
use crate::cluster::matrix::Matrix;
use crate::limits;

/// One of them.
#[derive(Clone, Copy)]
pub struct Entry {
    /// How much there is of it.
    extent: u64,
    /// Paths that there are, and that there should be.
    paths: (u32, u32),
}

impl Entry {
    /// One of which there is nothing to count.
    pub fn odd() -> Self {
        Entry {
            extent: 1,
            paths: (0, 0),
        }
    }

    /// One with so many paths where others have more.
    pub fn reduced(total: u32, usual: u32) -> Self {
        Entry {
            extent: u64::from(usual - total),
            paths: (total, usual),
        }
    }
}

/// Those of one code and one node.
struct Group {
    extent: u64,
    count: u64,
    /// The first of their rows.
    rows: Vec<u32>,
    first: Entry,
}

/// All of them, by code and column.
#[derive(Default)]
pub struct Entries(BTreeMap<(Code, u32), Group>);

impl Entries {
    /// Takes one. Rows come in the order of their WWIDs.
    pub fn note(&mut self, code: Code, column: u32, row: u32, entry: Entry) {
        let group = self.0.entry((code, column)).or_insert_with(|| Group {
            extent: 0,
            count: 0,
            rows: Vec::new(),
            first: entry,
        });
        group.extent = group.extent.saturating_add(entry.extent);
        group.count += 1;
        if group.rows.len() < limits::FINDING_NAMES {
            group.rows.push(row);
        }
    }

    /// Says all of it.
    pub fn say(self, matrix: &Matrix, sink: &mut Sink) {
        let mut by_code: BTreeMap<Code, Vec<Draft<'_, (u32, Group)>>> = BTreeMap::new();
        for ((code, column), group) in self.0 {
            by_code.entry(code).or_default().push(Draft {
                subject: matrix.node(column).name().into(),
                extent: group.extent,
                about: (column, group),
            });
        }
        for (code, drafts) in by_code {
            sink.add(code, drafts, |draft| {
                let (column, group) = &draft.about;
                Said {
                    sentence: sentence(matrix, code, *column, group),
                    luns: words::luns(matrix, &group.rows),
                    nodes: words::nodes(matrix, &[*column]),
                }
            });
        }
    }
}

fn sentence(matrix: &Matrix, code: Code, column: u32, group: &Group) -> String {
    let node = words::node(matrix, column);
    let first = words::lun(matrix, group.rows[0]);
    let luns = match group.count {
        1 => first.clone(),
        count => format!("{first} and {}", words::count(count - 1, "other")),
    };
    match code {
        Code::ReducedRedundancy => {
            let (total, usual) = group.first.paths;
            let such_as = match group.count {
                1 => format!("{first}: {total} instead of {usual}"),
                count => {
                    let count = words::count(count, "LUN");
                    format!("{count}, such as {total} instead of {usual} to {first}")
                }
            };
            format!(
                "Node {node} has fewer paths than other nodes to {such_as}. All paths that it knows count: \
                 see which ones it has lost or never had."
            )
        }
        Code::MalformedEntry => format!(
            "What node {node} has broadcast of {luns} is no map: nothing is known of it there."
        ),
        Code::UnrecognizedState => format!(
            "Node {node} has broadcast a state that is not known, or none, of {luns}. It may run a newer \
             version."
        ),
        Code::ImpossibleCounts => format!(
            "Node {node} has broadcast more active paths than there are of {luns}: nothing is known of \
             it there."
        ),
        Code::StateDisagrees => format!(
            "Node {node} has broadcast a state that its numbers of paths contradict of {luns}. The \
             numbers count."
        ),
        Code::Marginal => format!(
            "All paths that node {node} uses to {luns} have shown intermittent errors: look at its cables, \
             transceivers and switch ports."
        ),
        _ => format!(
            "Node {node} reports and has none of the {} that it should have: see whether multipathd \
             runs there, and whether the storage is connected.",
            words::count(group.count, "LUN")
        ),
    }
}
