//! Which sets of nodes fail.

use crate::error::{Error, Result};
use crate::limits;
use crate::placement::problem::Problem;
use crate::text::printable;

/// The cases that the policy names, or else all sets of `failures` nodes that are online, in their order.
pub(super) fn cases(problem: &Problem) -> Result<Vec<Vec<usize>>> {
    let policy = &problem.policy;
    if policy.failed.is_empty() {
        let online = (0..problem.nodes.len()).filter(|&node| problem.nodes[node].online);
        return sets(&online.collect::<Vec<_>>(), policy.failures);
    }
    let named = policy.failed.iter().map(|case| {
        let mut nodes = case
            .iter()
            .map(|name| {
                problem.node(name).ok_or_else(|| {
                    let shown = printable(name.as_bytes());
                    Error::argument(format!("policy: failed: there is no node {shown}"))
                })
            })
            .collect::<Result<Vec<usize>>>()?;
        nodes.sort_unstable();
        nodes.dedup();
        Ok(nodes)
    });
    named.collect()
}

/// All sets of so many of these.
fn sets(of: &[usize], size: usize) -> Result<Vec<Vec<usize>>> {
    let mut count: u128 = 1;
    for at in 0..size.min(of.len()) {
        count = count * (of.len() - at) as u128 / (at as u128 + 1);
    }
    if count > limits::PLACEMENT_CASES as u128 {
        let most = limits::PLACEMENT_CASES;
        return Err(Error::limit(format!(
            "{count} sets of {size} failed nodes, at most {most} are allowed"
        )));
    }
    let mut sets: Vec<Vec<usize>> = Vec::new();
    let mut chosen: Vec<usize> = (0..size).collect();
    if size > of.len() {
        return Ok(sets);
    }
    loop {
        sets.push(chosen.iter().map(|&at| of[at]).collect());
        // The last one that can still move on does, and those behind it follow it.
        let moves = (0..size)
            .rev()
            .find(|&at| chosen[at] + size - at < of.len());
        let Some(at) = moves else {
            return Ok(sets);
        };
        chosen[at] += 1;
        for behind in at + 1..size {
            chosen[behind] = chosen[behind - 1] + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_sets_come_once_and_in_order() {
        let three = sets(&[1, 3, 5, 7], 3).unwrap();
        assert_eq!(three, [[1, 3, 5], [1, 3, 7], [1, 5, 7], [3, 5, 7]]);
        assert_eq!(sets(&[1, 3], 0).unwrap(), [[0usize; 0]]);
        assert_eq!(sets(&[1, 3], 1).unwrap(), [[1], [3]]);
        assert!(sets(&[1, 3], 3).unwrap().is_empty());
        assert_eq!(sets(&(0..40).collect::<Vec<_>>(), 3).unwrap().len(), 9880);
        assert!(sets(&(0..1000).collect::<Vec<_>>(), 3).is_err());
    }
}
