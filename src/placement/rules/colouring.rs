//! Whether the vertices of a graph can have nodes: exactly. What decides most questions at once is the
//! matching of each clique with its nodes, also of cliques that several rules make together; the rest is
//! a search that takes the vertex with the fewest nodes first, strikes out what its neighbours may have no
//! more, and looks at the cliques again.

use std::collections::HashMap;

use super::graph::Graph;
use super::matching::crowded;
use crate::placement::bits::Bits;
use crate::placement::search::Budget;

/// Parts that have more vertices are not searched for cliques that several rules make together.
const CLIQUES: usize = 2048;

/// What can be said of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Colours {
    /// Each vertex can have this node.
    Kept(Vec<usize>),
    /// These vertices cannot.
    Broken(Vec<usize>),
    /// The work ended before.
    Unknown,
}

/// Looks for a node for each vertex. `nodes`: how many there are.
pub(super) fn colour(graph: &Graph, nodes: usize, budget: &mut Budget<'_>) -> Colours {
    if let Some(torn) = graph.torn {
        return Colours::Broken(vec![torn]);
    }
    if let Some(empty) = graph.domain.iter().position(Bits::is_empty) {
        return Colours::Broken(vec![empty]);
    }
    let (parts, rest) = graph.kernel(0);
    let mut colour = vec![usize::MAX; graph.members.len()];
    let mut unknown = false;
    for vertices in parts {
        match part(graph.part(&vertices), nodes, budget) {
            Colours::Kept(part) => vertices.iter().zip(part).for_each(|(&v, c)| colour[v] = c),
            Colours::Broken(part) => {
                return Colours::Broken(part.into_iter().map(|at| vertices[at]).collect());
            }
            Colours::Unknown => unknown = true,
        }
    }
    if unknown {
        return Colours::Unknown;
    }
    for &vertex in rest.iter().rev() {
        let mut free = graph.domain[vertex].clone();
        for &clique in &graph.cliques_of[vertex] {
            for &other in &graph.cliques[clique] {
                if colour[other] != usize::MAX {
                    free.remove(colour[other]);
                }
            }
        }
        // The kernel left only vertices with more nodes than neighbours.
        colour[vertex] = free.iter().next().unwrap_or(usize::MAX);
    }
    Colours::Kept(colour)
}

/// The same for one connected part.
fn part(mut graph: Graph, nodes: usize, budget: &mut Budget<'_>) -> Colours {
    for clique in &graph.cliques {
        if let Some(few) = crowded(clique, &graph.domain, nodes) {
            return Colours::Broken(few);
        }
    }
    let alone = |vertex: &usize| graph.cliques_of[*vertex].is_empty();
    if graph.members.len() == 1 && alone(&0) {
        let node = graph.domain[0].iter().next();
        return node.map_or(Colours::Broken(vec![0]), |node| Colours::Kept(vec![node]));
    }
    if graph.cliques.len() > 1 && graph.members.len() <= CLIQUES {
        for clique in made_together(&graph) {
            if let Some(few) = crowded(&clique, &graph.domain, nodes) {
                return Colours::Broken(few);
            }
            graph.add_clique(clique);
        }
    }
    match Search::new(&graph, nodes).run(budget) {
        Some(Some(colours)) => Colours::Kept(colours),
        Some(None) => Colours::Broken((0..graph.members.len()).collect()),
        None => Colours::Unknown,
    }
}

/// Cliques that no single rule makes, one from each vertex: greedily, whoever has fewest nodes first.
fn made_together(graph: &Graph) -> Vec<Vec<usize>> {
    let count = graph.members.len();
    let mut near = vec![Bits::default(); count];
    for clique in &graph.cliques {
        let all: Bits = clique.iter().copied().collect();
        for &vertex in clique {
            near[vertex].unite(&all);
            near[vertex].remove(vertex);
        }
    }
    let nodes: Vec<usize> = graph.domain.iter().map(Bits::count).collect();
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&v| (nodes[v], std::cmp::Reverse(near[v].count()), v));
    let mut found: Vec<Vec<usize>> = Vec::new();
    for start in 0..count {
        let mut clique = vec![start];
        let mut common = near[start].clone();
        for &vertex in &order {
            if common.contains(vertex) {
                clique.push(vertex);
                common.intersect(&near[vertex]);
            }
        }
        clique.sort_unstable();
        if clique.len() > 2 {
            found.push(clique);
        }
    }
    found.sort();
    found.dedup();
    let of_rule = |clique: &Vec<usize>| {
        let rules = graph.cliques_of[clique[0]].iter();
        rules.map(|&rule| &graph.cliques[rule]).any(|rule| {
            clique
                .iter()
                .all(|vertex| rule.binary_search(vertex).is_ok())
        })
    };
    found.retain(|clique| !of_rule(clique));
    found
}

/// The search: a vertex after the other gets a node, and what that forbids is struck out.
struct Search<'g> {
    graph: &'g Graph,
    nodes: usize,
    domain: Vec<Bits>,
    left: Vec<usize>,
    colour: Vec<Option<usize>>,
    /// How many vertices have each node.
    users: Vec<usize>,
    /// Nodes that are alike for all vertices as long as none has them.
    alike: Vec<usize>,
    /// What was struck out, to be put back.
    struck: Vec<(usize, usize)>,
}

/// A vertex that has been chosen, and what may still be tried for it.
struct Choice {
    vertex: usize,
    open: std::vec::IntoIter<usize>,
    struck: usize,
}

impl<'g> Search<'g> {
    fn new(graph: &'g Graph, nodes: usize) -> Search<'g> {
        let mut columns = vec![Vec::new(); nodes];
        for (vertex, domain) in graph.domain.iter().enumerate() {
            domain.iter().for_each(|node| columns[node].push(vertex));
        }
        let mut classes = HashMap::new();
        let alike = columns.into_iter().map(|column| {
            let next = classes.len();
            *classes.entry(column).or_insert(next)
        });
        Search {
            alike: alike.collect(),
            graph,
            nodes,
            domain: graph.domain.clone(),
            left: graph.domain.iter().map(Bits::count).collect(),
            colour: vec![None; graph.members.len()],
            users: vec![0; nodes],
            struck: Vec::new(),
        }
    }

    /// `None`: the work ended. Otherwise the nodes, if there is a way.
    fn run(&mut self, budget: &mut Budget<'_>) -> Option<Option<Vec<usize>>> {
        let mut path: Vec<Choice> = Vec::new();
        loop {
            let Some(vertex) = self.fewest() else {
                return Some(Some(self.colour.iter().flatten().copied().collect()));
            };
            path.push(Choice {
                vertex,
                open: self.candidates(vertex).into_iter(),
                struck: self.struck.len(),
            });
            loop {
                let Some(choice) = path.last_mut() else {
                    return Some(None);
                };
                self.undo(choice.vertex, choice.struck);
                let Some(node) = choice.open.next() else {
                    path.pop();
                    continue;
                };
                if !budget.step() {
                    return None;
                }
                if self.assign(choice.vertex, node) {
                    break;
                }
            }
        }
    }

    /// The vertex without a node that has fewest to choose from, then the one in most cliques.
    fn fewest(&self) -> Option<usize> {
        let open = (0..self.colour.len()).filter(|&v| self.colour[v].is_none());
        open.min_by_key(|&v| {
            let cliques = self.graph.cliques_of[v].len();
            (self.left[v], std::cmp::Reverse(cliques), v)
        })
    }

    /// Its nodes, of those that are alike and nobody has only the first.
    fn candidates(&self, vertex: usize) -> Vec<usize> {
        let mut tried = Bits::default();
        let mut all: Vec<usize> = self.domain[vertex].iter().collect();
        all.retain(|&node| {
            let seen = tried.contains(self.alike[node]);
            if self.users[node] == 0 {
                tried.insert(self.alike[node]);
            }
            self.users[node] > 0 || !seen
        });
        all
    }

    fn assign(&mut self, vertex: usize, node: usize) -> bool {
        self.colour[vertex] = Some(node);
        self.users[node] += 1;
        let graph = self.graph;
        for &clique in &graph.cliques_of[vertex] {
            for &other in &graph.cliques[clique] {
                if self.colour[other].is_none() && self.domain[other].contains(node) {
                    self.domain[other].remove(node);
                    self.left[other] -= 1;
                    self.struck.push((other, node));
                    if self.left[other] == 0 {
                        return false;
                    }
                }
            }
        }
        graph.cliques_of[vertex].iter().all(|&clique| {
            let open = graph.cliques[clique].iter().copied();
            let open: Vec<usize> = open.filter(|&v| self.colour[v].is_none()).collect();
            crowded(&open, &self.domain, self.nodes).is_none()
        })
    }

    fn undo(&mut self, vertex: usize, to: usize) {
        if let Some(node) = self.colour[vertex].take() {
            self.users[node] -= 1;
        }
        for (other, node) in self.struck.drain(to..) {
            self.domain[other].insert(node);
            self.left[other] += 1;
        }
    }
}
