//! One cause for many LUNs: adapters, storage ports and fabrics that are down, as far as what nodes say of
//! their ports allows no other conclusion. `docs/cluster-status.md`, "Causes", has the rules.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::ports::{Dead, Ports, Sound};
use super::sink::{Draft, Said, Sink};
use super::{Code, words};
use crate::cluster::matrix::{Column, Matrix};

/// What is to be concluded of storage ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    /// No node that tells of them reaches them, and there are several.
    Storage,
    /// Other nodes reach them.
    Others,
    /// Nodes that do not tell of them have all paths to the same LUNs.
    Perhaps,
    /// Nobody else tells of them.
    OnlyTeller,
}

/// Something that is down.
struct Cause<'m> {
    code: Code,
    /// Names of the ports: of one adapter, or of storage ports.
    names: Vec<&'m str>,
    /// Columns in the order of the nodes' names.
    columns: Vec<u32>,
    /// Adapters that are lost with a fabric.
    adapters: Vec<Dead>,
    side: Side,
    paths: u64,
    rows: Vec<u32>,
}

/// All causes, and what they explain.
pub struct Causes<'m> {
    matrix: &'m Matrix,
    causes: Vec<Cause<'m>>,
    /// By column: the places of ports that are the cause of dead paths.
    adapters: HashMap<u32, BTreeSet<u32>>,
    targets: HashMap<u32, BTreeSet<u32>>,
}

/// Storage ports by name, and where they are dead.
type Targets<'m> = Vec<(&'m str, Vec<Dead>)>;

impl<'m> Causes<'m> {
    /// Concludes what can be concluded.
    pub fn of(matrix: &'m Matrix, columns: &[Column], order: &[u32]) -> Self {
        let mut causes = Causes {
            matrix,
            causes: Vec::new(),
            adapters: HashMap::new(),
            targets: HashMap::new(),
        };
        let ports = Ports::of(matrix, columns, order);
        if !ports.nodes.is_empty() {
            let mut sound = Sound::new(matrix, columns, order);
            let everywhere = causes.everywhere(&ports, &mut sound);
            causes.adapters(&ports);
            causes.elsewhere(&ports, &everywhere, &mut sound);
        }
        causes
    }

    /// Storage ports that several nodes tell of and none reaches.
    fn everywhere(&mut self, ports: &Ports<'m>, sound: &mut Sound<'_>) -> BTreeSet<&'m str> {
        let mut alike: BTreeMap<Vec<u32>, Targets<'m>> = BTreeMap::new();
        for (&name, target) in &ports.targets {
            let is_unreached = target.dead.len() > 1
                && target.alive.is_empty()
                && !sound.reach(ports, &target.dead);
            if is_unreached {
                let key = target.dead.iter().map(|dead| dead.column).collect();
                let group = alike.entry(key).or_default();
                group.push((name, target.dead.clone()));
            }
        }
        let names = alike.values().flatten().map(|&(name, _)| name).collect();
        let lost: HashMap<u32, &[Dead]> = ports
            .nodes
            .iter()
            .map(|(column, node)| (*column, &node.adapters[..]))
            .collect();
        for (columns, group) in alike {
            let adapters = columns.iter().map(|column| lost.get(column).copied());
            let adapters: Vec<&[Dead]> = adapters.map(Option::unwrap_or_default).collect();
            let all_lost_one = adapters.iter().all(|adapters| !adapters.is_empty());
            match group.len() > 1 && all_lost_one {
                true => self.fabric(ports, columns, &group, adapters.concat()),
                false => self.storage_ports(ports, columns, group, Side::Storage),
            }
        }
        names
    }

    fn fabric(
        &mut self,
        ports: &Ports<'m>,
        columns: Vec<u32>,
        group: &[(&'m str, Vec<Dead>)],
        adapters: Vec<Dead>,
    ) {
        let dead: Vec<Dead> = group.iter().flat_map(|(_, dead)| dead).copied().collect();
        for one in &adapters {
            let places = self.adapters.entry(one.column).or_default();
            places.insert(one.index);
        }
        self.explain_targets(&dead);
        self.causes.push(Cause {
            code: Code::FabricDown,
            names: group.iter().map(|&(name, _)| name).collect(),
            columns,
            adapters,
            side: Side::Storage,
            paths: paths(&dead),
            rows: ports.rows(&dead),
        });
    }

    /// Storage ports that are dead on the same nodes: those with the same LUNs have one cause.
    fn storage_ports(
        &mut self,
        ports: &Ports<'m>,
        columns: Vec<u32>,
        group: Targets<'m>,
        side: Side,
    ) {
        let mut by_rows: BTreeMap<Vec<u32>, Targets<'m>> = BTreeMap::new();
        for (name, dead) in group {
            let rows = ports.rows(&dead);
            by_rows.entry(rows).or_default().push((name, dead));
        }
        for (rows, group) in by_rows {
            let dead: Vec<Dead> = group.iter().flat_map(|(_, dead)| dead).copied().collect();
            self.explain_targets(&dead);
            self.causes.push(Cause {
                code: Code::TargetDown,
                names: group.iter().map(|&(name, _)| name).collect(),
                columns: columns.clone(),
                adapters: Vec::new(),
                side,
                paths: paths(&dead),
                rows,
            });
        }
    }

    fn explain_targets(&mut self, dead: &[Dead]) {
        for one in dead {
            let places = self.targets.entry(one.column).or_default();
            places.insert(one.index);
        }
    }

    /// Adapters that are down, unless all paths that their node has lost lead to storage ports that nobody
    /// reaches.
    fn adapters(&mut self, ports: &Ports<'m>) {
        for (column, node) in &ports.nodes {
            let told = self.ports_of(*column);
            let explained = self.targets.get(column).into_iter().flatten();
            let explained = explained.map(|&index| told[index as usize].paths);
            let explained = explained.fold(0, u64::saturating_add);
            if node.lost <= explained {
                continue;
            }
            for &dead in &node.adapters {
                let lost = self.adapters.entry(*column).or_default();
                // One that belongs to a fabric is told of there.
                if !lost.insert(dead.index) {
                    continue;
                }
                self.causes.push(Cause {
                    code: Code::HbaDown,
                    names: vec![&told[dead.index as usize].name],
                    columns: vec![*column],
                    adapters: Vec::new(),
                    side: Side::OnlyTeller,
                    paths: dead.paths,
                    rows: ports.rows(&[dead]),
                });
            }
        }
    }

    /// Storage ports that some nodes have lost, and not through an adapter that is down.
    fn elsewhere(
        &mut self,
        ports: &Ports<'m>,
        everywhere: &BTreeSet<&'m str>,
        sound: &mut Sound<'_>,
    ) {
        let here = |name: &&str| !everywhere.contains(*name);
        let mut lost: HashMap<u32, u64> = HashMap::new();
        for (_, target) in ports.targets.iter().filter(|(name, _)| here(name)) {
            for dead in &target.dead {
                let sum = lost.entry(dead.column).or_default();
                *sum = sum.saturating_add(dead.paths);
            }
        }
        // What is not there has none, which is less than any.
        let through: HashMap<u32, u64> = self
            .adapters
            .keys()
            .map(|&column| (column, self.paths_of_adapters(column)))
            .collect();
        let mut alike: BTreeMap<(Vec<u32>, Side), Targets<'m>> = BTreeMap::new();
        for (&name, target) in ports.targets.iter().filter(|(name, _)| here(name)) {
            let is_open = |dead: &&Dead| through.get(&dead.column) < lost.get(&dead.column);
            let dead: Vec<Dead> = target.dead.iter().filter(is_open).copied().collect();
            if dead.is_empty() {
                continue;
            }
            let is_elsewhere = !target.alive.is_empty() || dead.len() < target.dead.len();
            let side = if is_elsewhere {
                Side::Others
            } else if sound.reach(ports, &dead) {
                Side::Perhaps
            } else {
                Side::OnlyTeller
            };
            let key = (dead.iter().map(|dead| dead.column).collect(), side);
            alike.entry(key).or_default().push((name, dead));
        }
        for ((columns, side), group) in alike {
            self.storage_ports(ports, columns, group, side);
        }
    }

    /// The paths through adapters of a node that are down.
    fn paths_of_adapters(&self, column: u32) -> u64 {
        let told = self.ports_of(column);
        let lost = self.adapters.get(&column).into_iter().flatten();
        let paths = lost.map(|&index| told[index as usize].paths);
        paths.fold(0, u64::saturating_add)
    }

    fn ports_of(&self, column: u32) -> &'m [crate::cluster::matrix::Port] {
        let head = self.matrix.node(column).head();
        head.map_or(&[], |head| &head.ports)
    }

    /// Whether all paths that a LUN has lost on a node go through ports that are a cause: through adapters
    /// that are, or to storage ports that are.
    pub fn explain(&self, row: u32, column: u32) -> bool {
        let Some(down) = self.matrix.node(column).down().get(&row) else {
            return false;
        };
        let told = self.ports_of(column);
        let all = |kind: &str, causes: &HashMap<u32, BTreeSet<u32>>| {
            let Some(causes) = causes.get(&column) else {
                return false;
            };
            let mut of_kind = down.iter().filter(|&&index| {
                let port = told.get(index as usize);
                port.is_none_or(|port| port.kind == kind)
            });
            let mut has_any = false;
            of_kind.all(|index| {
                has_any = true;
                causes.contains(index)
            }) && has_any
        };
        all("hba", &self.adapters) || all("target", &self.targets)
    }

    /// Says all of it.
    pub fn say(&self, matrix: &Matrix, sink: &mut Sink) {
        for code in [Code::FabricDown, Code::HbaDown, Code::TargetDown] {
            let causes = self.causes.iter().filter(|cause| cause.code == code);
            let drafts = causes.map(|cause| Draft {
                subject: cause.subject(matrix).into(),
                extent: cause.paths,
                about: cause,
            });
            sink.add(code, drafts.collect(), |draft| Said {
                sentence: self.sentence(draft.about),
                luns: words::luns(matrix, &draft.about.rows),
                nodes: words::nodes(matrix, &draft.about.columns),
            });
        }
    }

    fn sentence(&self, cause: &Cause<'_>) -> String {
        let nodes = words::node_list(self.matrix, &cause.columns);
        let paths = words::count(cause.paths, "path");
        let luns = words::count(cause.rows.len() as u64, "LUN");
        let names = words::list(cause.names.iter().map(|name| words::shown(name)));
        let (ports, are, them) = match cause.names.len() {
            1 => (format!("Storage port {names}"), "is", "it"),
            _ => (format!("Storage ports {names}"), "are", "them"),
        };
        let lost = format!("{paths} to {luns}");
        match (cause.code, cause.side) {
            (Code::HbaDown, _) => format!(
                "Adapter {names} of node {nodes} has lost all its {lost}. See the adapter, its cable and \
                 its switch port."
            ),
            (Code::FabricDown, _) => {
                let adapters = words::list(cause.adapters.iter().map(|dead| {
                    let name = &self.ports_of(dead.column)[dead.index as usize].name;
                    let node = words::node(self.matrix, dead.column);
                    format!("{} of {node}", words::shown(name))
                }));
                format!(
                    "{ports} are down on all nodes that use them, and with them all paths through the \
                     adapters {adapters}: {lost}. What they share is the fabric between them: see its \
                     switches, then the storage."
                )
            }
            (_, Side::Storage) => format!(
                "{ports} {are} down on all nodes that tell of {them}, {nodes}: {lost}. See the storage and \
                 its connection to the fabric."
            ),
            (_, Side::Others) => format!(
                "{ports} {are} down on {nodes} and not on others: {lost}. See zoning and connections of \
                 these nodes."
            ),
            (_, Side::Perhaps) => format!(
                "{ports} {are} down on {nodes}: {lost}. Other nodes have all their paths to the same LUNs. \
                 If they use {them}, the fault is on the side of these nodes, else with the storage."
            ),
            (_, Side::OnlyTeller) => format!(
                "{ports} {are} down on {nodes}: {lost}. No other node tells of {them}: the fault can be on \
                 either side."
            ),
        }
    }
}

impl Cause<'_> {
    /// The same as long as the same is down.
    fn subject(&self, matrix: &Matrix) -> String {
        let names = self.names.join(",");
        match self.code {
            Code::HbaDown => format!("{}/{names}", matrix.node(self.columns[0]).name()),
            _ => names,
        }
    }
}

fn paths(dead: &[Dead]) -> u64 {
    let paths = dead.iter().map(|dead| dead.paths);
    paths.fold(0, u64::saturating_add)
}
