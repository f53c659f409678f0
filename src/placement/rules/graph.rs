//! What a set of rules asks for, as a graph: guests that are to be together are one vertex, with the
//! nodes that are left for all of them; guests that are to be apart are a clique. The rules can be kept if
//! each vertex can have one of its nodes so that no two of a clique have the same one (list colouring).
//! Amounts play no part but for what one guest alone needs of a node.

use crate::placement::bits::Bits;
use crate::placement::instance::Instance;
use crate::placement::problem::RuleKind;

/// The graph.
#[derive(Clone, Debug, Default)]
pub(super) struct Graph {
    /// The items that each vertex stands for.
    pub members: Vec<Vec<usize>>,
    /// The nodes on which each vertex may be.
    pub domain: Vec<Bits>,
    /// Vertices of which no two may be on one node.
    pub cliques: Vec<Vec<usize>>,
    /// The cliques of each vertex.
    pub cliques_of: Vec<Vec<usize>>,
    /// A vertex whose guests must be both together and apart.
    pub torn: Option<usize>,
}

impl Graph {
    /// What these rules ask for when the nodes of `lost` are no more. `ground` has no rules.
    pub fn new(ground: &Instance<'_>, rules: &[usize], lost: &Bits) -> Graph {
        let problem = ground.problem;
        let of_rule = |rule: usize| {
            let guests = problem.rules[rule].guests.iter();
            guests.filter_map(|&guest| ground.item_of[guest])
        };
        let mut items: Vec<usize> = rules.iter().flat_map(|&rule| of_rule(rule)).collect();
        items.sort_unstable();
        items.dedup();
        let slot = |item: usize| items.binary_search(&item).unwrap_or(usize::MAX);
        let mut root: Vec<usize> = (0..items.len()).collect();
        for &rule in rules {
            if problem.rules[rule].kind == RuleKind::Together {
                let mut slots = of_rule(rule).map(slot);
                let first = slots.next();
                slots.for_each(|other| join(&mut root, first.unwrap_or(other), other));
            }
        }
        let mut graph = Graph::default();
        let mut vertex_of = vec![0; items.len()];
        for at in 0..items.len() {
            let to = find(&mut root, at);
            // The root of a group is its smallest item.
            if to == at {
                vertex_of[at] = graph.add(Vec::new(), ground.allowed[items[at]].clone());
                graph.domain[vertex_of[at]].subtract(lost);
            }
            vertex_of[at] = vertex_of[to];
            graph.members[vertex_of[at]].push(items[at]);
            graph.domain[vertex_of[at]].intersect(&ground.allowed[items[at]]);
        }
        for &rule in rules {
            let vertices: Vec<usize> = of_rule(rule).map(|item| vertex_of[slot(item)]).collect();
            graph.keep(ground, rule, vertices);
        }
        graph
    }

    /// Adds a vertex.
    pub fn add(&mut self, members: Vec<usize>, domain: Bits) -> usize {
        self.members.push(members);
        self.domain.push(domain);
        self.cliques_of.push(Vec::new());
        self.members.len() - 1
    }

    /// Adds a clique of different vertices.
    pub fn add_clique(&mut self, vertices: Vec<usize>) {
        for &vertex in &vertices {
            self.cliques_of[vertex].push(self.cliques.len());
        }
        self.cliques.push(vertices);
    }

    fn keep(&mut self, ground: &Instance<'_>, rule: usize, mut vertices: Vec<usize>) {
        let problem = ground.problem;
        let rule = &problem.rules[rule];
        let homes: Bits = rule
            .guests
            .iter()
            .filter_map(|&guest| ground.home_of(guest))
            .collect();
        match &rule.kind {
            RuleKind::Nodes { strict: false, .. } => {}
            RuleKind::Nodes { nodes, .. } => {
                let named: Bits = nodes.iter().map(|(node, _)| *node).collect();
                vertices.dedup();
                vertices
                    .iter()
                    .for_each(|&vertex| self.domain[vertex].intersect(&named));
            }
            RuleKind::Together => match (vertices.first(), homes.count()) {
                (None, _) | (_, 0) => {}
                (Some(&vertex), 1) => self.domain[vertex].intersect(&homes),
                (Some(&vertex), _) => self.domain[vertex] = Bits::default(),
            },
            RuleKind::Apart => {
                vertices
                    .iter()
                    .for_each(|&vertex| self.domain[vertex].subtract(&homes));
                vertices.sort_unstable();
                let twice = vertices.windows(2).find(|pair| pair[0] == pair[1]);
                self.torn = self.torn.or(twice.map(|pair| pair[0]));
                vertices.dedup();
                if vertices.len() > 1 {
                    self.add_clique(vertices);
                }
            }
        }
    }

    /// The part of it that these vertices are, which are in ascending order.
    pub fn part(&self, vertices: &[usize]) -> Graph {
        let mut part = Graph::default();
        for &vertex in vertices {
            part.add(self.members[vertex].clone(), self.domain[vertex].clone());
        }
        let mut cliques: Vec<usize> = vertices
            .iter()
            .flat_map(|&vertex| self.cliques_of[vertex].iter().copied())
            .collect();
        cliques.sort_unstable();
        cliques.dedup();
        for clique in cliques {
            let inside = self.cliques[clique].iter();
            let inside: Vec<usize> = inside
                .filter_map(|vertex| vertices.binary_search(vertex).ok())
                .collect();
            if inside.len() > 1 {
                part.add_clique(inside);
            }
        }
        part
    }

    /// The vertices that can be at fault if `more` nodes may still be lost: whoever has more nodes than
    /// others that may not be on its own can always be placed after them. What is left comes by connected
    /// parts, the second answer has the others, the last to be placed first.
    pub fn kernel(&self, more: usize) -> (Vec<Vec<usize>>, Vec<usize>) {
        let count = self.members.len();
        let mut size: Vec<usize> = self.cliques.iter().map(Vec::len).collect();
        let mut degree: Vec<usize> = self
            .cliques_of
            .iter()
            .map(|cliques| cliques.iter().map(|&c| size[c] - 1).sum())
            .collect();
        let nodes: Vec<usize> = self.domain.iter().map(Bits::count).collect();
        let free = |vertex: usize, degree: &[usize]| nodes[vertex] > degree[vertex] + more;
        let mut out: Vec<bool> = (0..count).map(|vertex| free(vertex, &degree)).collect();
        let mut order: Vec<usize> = (0..count).filter(|&vertex| out[vertex]).collect();
        let mut next = 0;
        while order.len() < count {
            let Some(&vertex) = order.get(next) else {
                break;
            };
            next += 1;
            for &clique in &self.cliques_of[vertex] {
                size[clique] -= 1;
                for &other in &self.cliques[clique] {
                    if !out[other] {
                        degree[other] -= 1;
                        if free(other, &degree) {
                            out[other] = true;
                            order.push(other);
                        }
                    }
                }
            }
        }
        (self.connected(&out), order)
    }

    /// The connected parts of what is not `out`.
    fn connected(&self, out: &[bool]) -> Vec<Vec<usize>> {
        let mut seen = out.to_vec();
        let mut seen_clique = vec![false; self.cliques.len()];
        let mut parts = Vec::new();
        for start in 0..seen.len() {
            if seen[start] {
                continue;
            }
            seen[start] = true;
            let mut part = vec![start];
            let mut next = 0;
            while let Some(&vertex) = part.get(next) {
                next += 1;
                for &clique in &self.cliques_of[vertex] {
                    if std::mem::replace(&mut seen_clique[clique], true) {
                        continue;
                    }
                    for &other in &self.cliques[clique] {
                        if !std::mem::replace(&mut seen[other], true) {
                            part.push(other);
                        }
                    }
                }
            }
            part.sort_unstable();
            parts.push(part);
        }
        parts
    }
}

fn find(root: &mut [usize], item: usize) -> usize {
    let mut at = item;
    while root[at] != at {
        root[at] = root[root[at]];
        at = root[at];
    }
    at
}

fn join(root: &mut [usize], a: usize, b: usize) {
    let (a, b) = (find(root, a), find(root, b));
    root[a.max(b)] = a.min(b);
}
