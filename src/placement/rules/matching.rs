//! Whether vertices that must all be on different nodes can be: a matching of vertices with nodes, and
//! where there is none the vertices that have too few nodes between them (Hall's theorem).

use crate::placement::bits::Bits;

/// `None` if each of the vertices can have a node of its own; otherwise some that have together fewer
/// nodes than they are.
pub(super) fn crowded(vertices: &[usize], domain: &[Bits], nodes: usize) -> Option<Vec<usize>> {
    let least = vertices.iter().map(|&v| domain[v].count()).min();
    if least.is_none_or(|least| least >= vertices.len()) {
        return None;
    }
    // By node: the place in `vertices` of the one that has it.
    let mut holder: Vec<Option<usize>> = vec![None; nodes];
    for start in 0..vertices.len() {
        // Breadth first over who would have to give way to whom.
        let mut wanted_by: Vec<Option<usize>> = vec![None; nodes];
        let mut reached = vec![start];
        let mut node_of = vec![None];
        let mut next = 0;
        let mut free = None;
        'search: while let Some(&at) = reached.get(next) {
            for node in domain[vertices[at]].iter() {
                if wanted_by[node].is_some() {
                    continue;
                }
                wanted_by[node] = Some(next);
                match holder[node] {
                    Some(other) => {
                        reached.push(other);
                        node_of.push(Some(node));
                    }
                    None => {
                        free = Some(node);
                        break 'search;
                    }
                }
            }
            next += 1;
        }
        let Some(mut node) = free else {
            return Some(reached.iter().map(|&at| vertices[at]).collect());
        };
        // Everybody on the way gives way.
        while let Some(by) = wanted_by[node] {
            holder[node] = Some(reached[by]);
            match node_of[by] {
                Some(given) => node = given,
                None => break,
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_have_too_few_nodes_between_them_are_named() {
        let sets = [vec![0, 1], vec![0, 1, 2, 3], vec![0, 1], vec![1], vec![3]];
        let domain: Vec<Bits> = sets.into_iter().map(Bits::from_iter).collect();
        assert_eq!(crowded(&[0, 1, 2, 4], &domain, 4), None);
        let mut few = crowded(&[0, 1, 2, 3, 4], &domain, 4).unwrap();
        few.sort_unstable();
        assert_eq!(few, [0, 2, 3]);
        assert_eq!(crowded(&[0, 1], &domain, 4), None);
        assert_eq!(crowded(&[3, 3], &domain, 4), Some(vec![3, 3]));
        assert_eq!(crowded(&[], &domain, 0), None);
    }
}
