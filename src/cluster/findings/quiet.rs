//! Nodes that do not tell of LUNs of which they should: one finding for each set of such nodes, which
//! names the LUNs, for the nodes are the cause. A LUN of which nothing is known for a cause of its own
//! stands alone.

use std::collections::HashMap;

use super::sink::{Draft, Said, Sink};
use super::{Code, words};
use crate::cluster::matrix::{Column, Matrix, Standing};
use crate::limits;

/// The LUNs of which the same nodes do not tell.
struct Group {
    code: Code,
    absent: Vec<u32>,
    is_alone: bool,
    rows: Vec<u32>,
    /// The fewest nodes that tell of one.
    telling: usize,
}

/// All such sets of nodes.
#[derive(Default)]
pub struct Quiet {
    groups: Vec<Group>,
    places: HashMap<(Code, Vec<u32>), usize>,
    last: usize,
}

impl Quiet {
    /// Takes a row, the columns of the nodes that do not tell of it in the order of their names, and how
    /// many others do.
    pub fn note(&mut self, code: Code, row: u32, absent: &[u32], telling: usize) {
        let is_same =
            |group: &Group| group.code == code && !group.is_alone && group.absent == absent;
        // Most rows have the set of the one before.
        if !self.groups.get(self.last).is_some_and(is_same) {
            let next = self.groups.len();
            let key = (code, absent.to_vec());
            self.last = *self.places.entry(key).or_insert(next);
            if self.last == next {
                self.groups.push(Group {
                    code,
                    absent: absent.to_vec(),
                    is_alone: false,
                    rows: Vec::new(),
                    telling,
                });
            }
        }
        let group = &mut self.groups[self.last];
        group.rows.push(row);
        group.telling = group.telling.min(telling);
    }

    /// Takes a row of which nothing is known, and for which its nodes as a whole are not to blame.
    pub fn note_alone(&mut self, row: u32, absent: &[u32]) {
        self.groups.push(Group {
            code: Code::LunUnknown,
            absent: absent.to_vec(),
            is_alone: true,
            rows: vec![row],
            telling: 0,
        });
    }

    /// Says all of it.
    pub fn say(self, matrix: &Matrix, columns: &[Column], sink: &mut Sink) {
        let (coverage, unknown): (Vec<Group>, Vec<Group>) = self
            .groups
            .into_iter()
            .partition(|group| group.code == Code::Coverage);
        for (code, groups) in [(Code::Coverage, coverage), (Code::LunUnknown, unknown)] {
            let drafts = groups.into_iter().map(|group| Draft {
                subject: match group.is_alone {
                    true => matrix.wwid(group.rows[0]).into(),
                    false => subject(matrix, &group.absent).into(),
                },
                extent: group.absent.len().max(1) as u64 * group.rows.len() as u64,
                about: group,
            });
            sink.add(code, drafts.collect(), |draft| {
                let group = &draft.about;
                Said {
                    sentence: sentence(matrix, columns, group),
                    luns: words::luns(matrix, &group.rows),
                    nodes: words::nodes(matrix, &group.absent),
                }
            });
        }
    }
}

/// The names of nodes. As many as a subject has room for.
fn subject(matrix: &Matrix, absent: &[u32]) -> String {
    let names = absent.iter().take(limits::FINDING_NAME);
    let names: Vec<&str> = names.map(|&column| matrix.node(column).name()).collect();
    names.join(",")
}

fn sentence(matrix: &Matrix, columns: &[Column], group: &Group) -> String {
    let absent = group.absent.iter().map(|&column| {
        let why = match columns[column as usize].standing {
            Standing::Offline => "offline",
            Standing::Stale => "stale",
            Standing::Malformed => "not understood",
            Standing::Silent => "silent",
            Standing::Live => "does not know",
        };
        format!("{} ({why})", words::node(matrix, column))
    });
    let absent = words::list(absent);
    let luns = match &group.rows[..] {
        [row] => words::lun(matrix, *row),
        rows => words::count(rows.len() as u64, "LUN"),
    };
    if group.absent.is_empty() {
        return format!(
            "Nothing is known of {luns}: it is allow-listed, and no node has it or is known to be one that \
             should."
        );
    }
    if group.code == Code::LunUnknown {
        let verb = if group.rows.len() == 1 { "is" } else { "are" };
        return format!(
            "Nothing is known of {luns}, which {verb} on no other nodes than {absent}."
        );
    }
    let all = group.telling + group.absent.len();
    let (telling, count) = (group.telling, words::count(all as u64, "node"));
    let verb = if telling == 1 { "reports" } else { "report" };
    match group.rows.len() {
        1 => format!("{telling} of {count} {verb} on {luns}, all but {absent}."),
        _ => format!(
            "Not all nodes report on {luns}, on some only {telling} of {count}: nothing is known from {absent}."
        ),
    }
}
