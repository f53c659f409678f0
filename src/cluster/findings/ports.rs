//! Ports as the nodes tell of them: which are wholly down where, and which LUNs have lost paths through them.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::cluster::MapState;
use crate::cluster::matrix::{Column, Kind, Matrix, Port, Standing};

/// A port of which a node says that all paths through it are down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dead {
    pub column: u32,
    /// Its place among the node's ports.
    pub index: u32,
    pub paths: u64,
}

/// A port of the storage.
#[derive(Default)]
pub struct Target {
    /// Where all paths to it are down.
    pub dead: Vec<Dead>,
    /// The columns of nodes of which some paths to it are not.
    pub alive: Vec<u32>,
}

/// A node with ports.
#[derive(Default)]
pub struct NodePorts {
    /// Its adapters of which all paths are down.
    pub adapters: Vec<Dead>,
    /// Paths that are down, as far as their adapters are known.
    pub lost: u64,
}

/// The ports of all nodes that are there.
#[derive(Default)]
pub struct Ports<'m> {
    pub targets: BTreeMap<&'m str, Target>,
    /// By column, in the order of the nodes' names.
    pub nodes: Vec<(u32, NodePorts)>,
    /// The rows to which paths are down, by the port's column and place. Of ports that are wholly down only.
    rows: HashMap<(u32, u32), Vec<u32>>,
}

/// Whether it is of a kind, and there are paths through it.
fn is_kind(port: &Port, kind: &str) -> bool {
    port.kind == kind && port.paths > 0
}

impl<'m> Ports<'m> {
    /// Reads what live nodes say.
    pub fn of(matrix: &'m Matrix, columns: &[Column], order: &[u32]) -> Self {
        let mut ports = Ports::default();
        let is_live = |column: u32| columns[column as usize].standing == Standing::Live;
        for &column in order.iter().filter(|&&column| is_live(column)) {
            let node = matrix.node(column);
            let told = node.head().map_or(&[][..], |head| &head.ports);
            if !told.is_empty() {
                ports.read(column, told, node.down());
            }
        }
        ports
    }

    fn read(&mut self, column: u32, told: &'m [Port], down: &BTreeMap<u32, Vec<u32>>) {
        let mut node = NodePorts::default();
        let mut adapters = HashSet::new();
        let mut has_dead = vec![false; told.len()];
        for (index, port) in told.iter().enumerate() {
            let is_dead = port.down >= port.paths;
            let dead = Dead {
                column,
                index: index as u32,
                paths: port.paths,
            };
            if is_kind(port, "hba") {
                node.lost = node.lost.saturating_add(port.down.min(port.paths));
                // One that is named twice is believed once.
                let is_new = adapters.insert(&port.name);
                node.adapters.extend((is_dead && is_new).then_some(dead));
                has_dead[index] = is_dead && is_new;
            }
            if is_kind(port, "target") {
                let target = self.targets.entry(&port.name).or_default();
                let is_known = |known: Option<u32>| known == Some(column);
                let last = target.dead.last().map(|dead| dead.column);
                if is_known(last) || is_known(target.alive.last().copied()) {
                    continue;
                }
                match is_dead {
                    true => target.dead.push(dead),
                    false => target.alive.push(column),
                }
                has_dead[index] = is_dead;
            }
        }
        for (&row, indices) in down {
            let dead = indices.iter().copied();
            for index in dead.filter(|&index| has_dead.get(index as usize) == Some(&true)) {
                self.rows.entry((column, index)).or_default().push(row);
            }
        }
        self.nodes.push((column, node));
    }

    /// The rows to which paths through a dead port are down.
    fn rows_of(&self, dead: &Dead) -> &[u32] {
        let rows = self.rows.get(&(dead.column, dead.index));
        rows.map_or(&[], |rows| rows)
    }

    /// Those of several, each once, by their numbers.
    pub fn rows(&self, dead: &[Dead]) -> Vec<u32> {
        let rows = dead.iter().flat_map(|dead| self.rows_of(dead));
        let mut rows: Vec<u32> = rows.copied().collect();
        rows.sort_unstable();
        rows.dedup();
        rows
    }
}

/// Nodes without any path that is down, of which nobody knows the ports: what they have of a LUN says
/// whether those that others have lost can be reached at all.
pub struct Sound<'m> {
    matrix: &'m Matrix,
    columns: Vec<u32>,
    /// By row: the most paths that such a node has, all of which work.
    most: HashMap<u32, u32>,
}

impl<'m> Sound<'m> {
    /// No row looked at yet.
    pub fn new(matrix: &'m Matrix, columns: &[Column], order: &[u32]) -> Self {
        let is_sound = |&column: &u32| {
            let head = matrix.node(column).head();
            columns[column as usize].standing == Standing::Live
                && head.is_some_and(|head| head.ports.is_empty())
        };
        Sound {
            matrix,
            columns: order.iter().copied().filter(is_sound).collect(),
            most: HashMap::new(),
        }
    }

    /// Whether one of them has all paths to a LUN to which others have lost some through dead ports, and at
    /// least as many as they have in all.
    pub fn reach(&mut self, ports: &Ports<'_>, dead: &[Dead]) -> bool {
        dead.iter().any(|dead| {
            ports.rows_of(dead).iter().any(|&row| {
                let most = self.most(row);
                let total = self.matrix.said(row, dead.column).total.as_small();
                most > 0 && total.is_some_and(|total| most >= total)
            })
        })
    }

    fn most(&mut self, row: u32) -> u32 {
        let (matrix, columns) = (self.matrix, &self.columns);
        *self.most.entry(row).or_insert_with(|| {
            let cells = columns.iter().map(|&column| matrix.said(row, column));
            let sound =
                cells.filter(|cell| cell.kind == Kind::Map && cell.state == MapState::Optimal);
            let totals = sound.filter_map(|cell| cell.total.as_small());
            totals.max().unwrap_or(0)
        })
    }
}
