//! What there is to tell of a node: its maps by their WWIDs, and where some paths do not work, the ports
//! that they go through.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;

use crate::cluster::MapState;
use crate::cluster::multipathd::{Impairment, Map, Path, Transport};
use crate::codes::codes;

codes! {
    /// Which end of a path a port is.
    pub enum PortKind {
        /// The node's: the adapter, or where none is known the port's WWPN.
        Hba = "hba",
        /// The storage's: the WWPN, or the name of the target.
        Target = "target",
    }
}

/// A port that paths of the node go through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Which end it is.
    pub kind: PortKind,
    /// What multipathd calls it.
    pub name: String,
    /// Paths of the node that go through it.
    pub paths: u32,
    /// Those of them that cannot be used.
    pub down: u32,
}

/// A map, as the others are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its state on this node.
    pub state: MapState,
    /// Paths that can be used.
    pub active: u32,
    /// All paths.
    pub total: u32,
    /// How they reach the storage, if that is known.
    pub transport: Option<Transport>,
    /// Bytes, if that is known.
    pub size: Option<u64>,
    /// What else there is to know, in the order of their names.
    pub impairments: Vec<Impairment>,
    /// Indices of the ports that a path of it goes through which cannot be used. Ascending.
    pub down: Vec<usize>,
}

impl Entry {
    /// What is wrong with the map, where that is said. A map without a usable path always says it: whether
    /// its I/O waits or fails must not be guessed from silence.
    pub fn told_impairments(&self) -> Option<&[Impairment]> {
        let said = self.active == 0 || !self.impairments.is_empty();
        said.then_some(&self.impairments)
    }
}

/// What a node tells of its maps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The maps by their WWIDs.
    pub maps: BTreeMap<String, Entry>,
    /// The ports, in the order of kind and name; none if all paths can be used.
    pub ports: Vec<Port>,
}

/// The end of a path: what and how it is called.
type End<'a> = (PortKind, &'a str);

impl Summary {
    /// What `maps` mean. Sizes are in bytes, by WWID or by the name of the map; transports are by the
    /// name of the map, and what is not among them the names of ports tell. Of maps with the same WWID
    /// the worst counts; a map without one goes by its name.
    pub fn of(
        maps: &[Map],
        sizes: &BTreeMap<String, u64>,
        transports: &BTreeMap<String, Transport>,
    ) -> Self {
        let ports = ports(maps);
        let index = |end: &End| ports.keys().position(|port| port == end);
        let mut found: BTreeMap<String, Entry> = BTreeMap::new();
        for map in maps {
            let health = map.health();
            let unusable = map.paths().filter(|path| !path.is_usable());
            let mut down: Vec<usize> = unusable.flat_map(ends).filter_map(|e| index(&e)).collect();
            down.sort_unstable();
            down.dedup();
            let wwid = match map.uuid.as_str() {
                "" => &map.name,
                _ => &map.uuid,
            };
            let size = sizes.get(wwid).or_else(|| sizes.get(&map.name));
            let entry = Entry {
                state: health.state,
                active: health.active,
                total: health.total,
                transport: transports.get(&map.name).copied().or(health.transport),
                size: size.copied(),
                impairments: health.impairments,
                down,
            };
            match found.entry(wwid.clone()) {
                Place::Vacant(place) => {
                    place.insert(entry);
                }
                Place::Occupied(mut place) if entry.state > place.get().state => {
                    place.insert(entry);
                }
                Place::Occupied(_) => {}
            }
        }
        let port = |((kind, name), (paths, down)): (End, (u32, u32))| Port {
            kind,
            name: name.to_owned(),
            paths,
            down,
        };
        Summary {
            maps: found,
            ports: ports.into_iter().map(port).collect(),
        }
    }
}

/// All ports with their paths and those of them that cannot be used; none if there are no such.
fn ports(maps: &[Map]) -> BTreeMap<End<'_>, (u32, u32)> {
    let mut ports = BTreeMap::new();
    if maps.iter().flat_map(Map::paths).all(Path::is_usable) {
        return ports;
    }
    for path in maps.iter().flat_map(Map::paths) {
        for end in ends(path) {
            let (paths, down) = ports.entry(end).or_insert((0, 0));
            *paths += 1;
            *down += u32::from(!path.is_usable());
        }
    }
    ports
}

/// The ends of a path, as far as multipathd knows them.
fn ends(path: &Path) -> impl Iterator<Item = End<'_>> {
    let hba = known(&path.host_adapter).or(known(&path.host_wwpn));
    let target = known(&path.target_wwpn).or(known(&path.target_wwnn));
    let hba = hba.map(|name| (PortKind::Hba, name));
    hba.into_iter()
        .chain(target.map(|name| (PortKind::Target, name)))
}

/// A name, unless it says that there is none.
fn known(name: &str) -> Option<&str> {
    (!matches!(name, "" | "[undef]" | "undef")).then_some(name)
}
