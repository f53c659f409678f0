//! What there is to say of a cluster's LUNs beyond the matrix: what is wrong, on which nodes, and as far as
//! that is certain why. `docs/cluster-status.md` has all codes and the rules.
//!
//! One glance at the matrix (`survey`) notes what there is; most rows are fine and have nothing. What is
//! noted becomes sentences afterwards, as many as the limits allow: about nodes (`nodes`), LUNs (`luns`),
//! entries that one node is to blame for (`entries`), nodes that do not tell (`quiet`), and names that
//! collide (`names`). What ports that are down explain (`causes`) is not said again of each LUN.

mod causes;
mod code;
mod entries;
mod finding;
mod luns;
mod names;
mod nodes;
mod peers;
mod ports;
mod quiet;
mod sink;
mod survey;
#[cfg(test)]
mod tests;
pub(in crate::cluster) mod words;

pub use code::Code;
pub use finding::Finding;
pub(in crate::cluster) use sink::{Draft, Said, Sink};

use super::matrix::{Matrix, Member, Mode};
use crate::error::Result;
use causes::Causes;
use survey::Survey;

/// What there is to say, the worst first, then in the order of codes and subjects. Nothing in compat mode.
pub fn findings(matrix: &Matrix) -> Vec<Finding> {
    let mut sink = Sink::default();
    if matrix.mode() == Mode::Strict {
        find(matrix, &mut sink);
    }
    sink.finish()
}

/// The same into a sink that others add to.
pub(in crate::cluster) fn find(matrix: &Matrix, sink: &mut Sink) {
    let (columns, order) = matrix.all_columns();
    nodes::say(matrix, &columns, order, sink);
    names::say(matrix, sink);
    let causes = Causes::of(matrix, &columns, order);
    let survey = Survey::of(matrix, &columns, &causes);
    survey.say(sink);
    causes.say(matrix, sink);
}

/// In compat mode: the broadcasts of nodes that are there which are not understood. An error if membership
/// is malformed.
pub(in crate::cluster) fn find_malformed(matrix: &Matrix, sink: &mut Sink) -> Result<()> {
    let mut found = Vec::new();
    for (column, node) in matrix.all_nodes() {
        if node.error().is_some() && matrix.member(node.name())? == Member::Online {
            found.push(column);
        }
    }
    nodes::malformed(matrix, found, sink);
    Ok(())
}
