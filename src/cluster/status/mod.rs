//! The question and the answer: all broadcasts in, the state of each LUN of the cluster out.
//!
//! A question comes as options and raw broadcasts, as one document that has both ([`document`]), or as
//! the arguments of the function that Proxmox VE has ([`aggregate`]).

mod aggregate;
mod answer;
mod document;
mod options;
#[cfg(test)]
mod tests;

pub use aggregate::aggregate;
pub use answer::Answer;
pub use document::{Document, document};
pub use options::Options;

use super::matrix::Matrix;
use crate::error::Result;

/// What all nodes together say, from the raw values of the key-value store by node.
pub fn status(nodes: &[(&str, &[u8])], options: &Options) -> Result<Answer> {
    let mut matrix = Matrix::new(options.mode, options.times, options.now);
    matrix.reserve_nodes(nodes.len());
    // What is known for certain comes first: nothing that a node says can take its room.
    for (name, _) in nodes {
        matrix.add_node(name)?;
    }
    options.set(&mut matrix)?;
    for (name, raw) in nodes {
        matrix.set_broadcast(name, raw, None)?;
    }
    Ok(Answer::new(matrix, options.apply.clone()))
}
