//! The forms of a broadcast as text: the one with whole words, which the code of Proxmox VE reads, and
//! the short one. Both are JSON and say the same; what is not known is left out.

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use sha2::{Digest, Sha256};

use super::envelope;
use super::summary::{Entry, Port, Summary};
use crate::cluster::MapState;
use crate::cluster::multipathd::Impairment;
use crate::codes::codes;

codes! {
    /// In which form a broadcast is.
    pub enum Form {
        /// JSON that the code of Proxmox VE reads.
        Seed = "seed",
        /// JSON with short keys.
        Short = "short",
        /// The short form, compressed.
        Compressed = "compressed",
    }
}

/// Maps in the order in which they are written.
pub type Listed<'a> = [(&'a str, &'a Entry)];

/// A broadcast before it has a form.
#[derive(Clone, Copy)]
pub struct Draft<'a> {
    /// The maps that it has.
    pub maps: &'a Listed<'a>,
    /// The ports; None leaves out what maps say of them, too.
    pub ports: Option<&'a [Port]>,
    /// When it is made, in seconds since 1970.
    pub time: Option<u64>,
    /// Its number.
    pub seq: Option<u64>,
    /// What [`digest`] says of all maps.
    pub digest: &'a str,
    /// Maps that it leaves out.
    pub truncated: usize,
}

/// The first 16 hexadecimal digits of the SHA-256 of the short form that has all maps and ports, and
/// nothing else but its version: the same as long as the health of the maps is the same.
pub fn digest(summary: &Summary, maps: &Listed) -> String {
    let text = json(&Short {
        v: VERSION,
        t: None,
        q: None,
        d: None,
        m: ShortMaps { maps, ports: true },
        p: ports(Some(&summary.ports)),
        x: None,
    });
    let digest = Sha256::digest(text);
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Draft<'_> {
    /// Its bytes in a form; None if that form cannot have it, whatever the room. There is no NUL in
    /// them.
    pub fn write(&self, form: Form) -> Option<Vec<u8>> {
        match form {
            Form::Seed => Some(self.seed()),
            Form::Short => Some(self.short()),
            Form::Compressed => envelope::seal(&self.short()),
        }
    }

    fn seed(&self) -> Vec<u8> {
        json(&Seed {
            maps: SeedMaps {
                maps: self.maps,
                ports: self.ports.is_some(),
            },
            time: self.time,
            seq: self.seq,
            digest: self.digest,
            ports: ports(self.ports),
            truncated: some_of(self.truncated),
        })
    }

    fn short(&self) -> Vec<u8> {
        json(&Short {
            v: VERSION,
            t: self.time,
            q: self.seq,
            d: Some(self.digest),
            m: ShortMaps {
                maps: self.maps,
                ports: self.ports.is_some(),
            },
            p: ports(self.ports),
            x: some_of(self.truncated),
        })
    }
}

/// Of the short form.
const VERSION: u32 = 2;

fn json(value: &impl Serialize) -> Vec<u8> {
    // Writing to memory cannot fail, and our own types do not refuse to be written.
    serde_json::to_vec(value).unwrap_or_default()
}

fn some_of(count: usize) -> Option<usize> {
    (count > 0).then_some(count)
}

/// Kind, name, paths, and those of them that cannot be used.
type WrittenPort<'a> = (&'static str, &'a str, u32, u32);

fn ports(ports: Option<&[Port]>) -> Option<Vec<WrittenPort<'_>>> {
    let ports = ports.filter(|ports| !ports.is_empty())?;
    fn written(port: &Port) -> WrittenPort<'_> {
        (port.kind.name(), &port.name, port.paths, port.down)
    }
    Some(ports.iter().map(written).collect())
}

/// The ports that do not work for a map, where there are any and they are told.
fn down(entry: &Entry, ports: bool) -> Option<&[usize]> {
    (ports && !entry.down.is_empty()).then_some(&entry.down)
}

#[derive(Serialize)]
struct Seed<'a> {
    maps: SeedMaps<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    digest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ports: Option<Vec<WrittenPort<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<usize>,
}

struct SeedMaps<'a> {
    maps: &'a Listed<'a>,
    ports: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct SeedMap<'a> {
    state: &'static str,
    paths_active: u32,
    paths_total: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flags: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    down: Option<&'a [usize]>,
}

impl Serialize for SeedMaps<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(Some(self.maps.len()))?;
        for (wwid, entry) in self.maps {
            let names = |flags: &[Impairment]| flags.iter().map(|flag| flag.name()).collect();
            let map = SeedMap {
                state: entry.state.name(),
                paths_active: entry.active,
                paths_total: entry.total,
                transport: entry.transport.map(|transport| transport.name()),
                size: entry.size,
                flags: entry.told_impairments().map(names),
                down: down(entry, self.ports),
            };
            out.serialize_entry(wwid, &map)?;
        }
        out.end()
    }
}

#[derive(Serialize)]
struct Short<'a> {
    v: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    t: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    q: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    d: Option<&'a str>,
    m: ShortMaps<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<Vec<WrittenPort<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<usize>,
}

struct ShortMaps<'a> {
    maps: &'a Listed<'a>,
    ports: bool,
}

struct ShortMap<'a> {
    entry: &'a Entry,
    ports: bool,
}

impl Serialize for ShortMaps<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(Some(self.maps.len()))?;
        for (wwid, entry) in self.maps {
            let ports = self.ports;
            out.serialize_entry(wwid, &ShortMap { entry, ports })?;
        }
        out.end()
    }
}

impl Serialize for ShortMap<'_> {
    /// An array: state, paths that can be used, all paths, transport, size, flags, ports. What is not
    /// known is null, and nothing at the end.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = self.entry;
        let transport = entry.transport.map(|transport| transport.name());
        let flags = entry.told_impairments().map(bits);
        let down = down(entry, self.ports);
        let length = match (transport, entry.size, flags, down) {
            (_, _, _, Some(_)) => 7,
            (_, _, Some(_), _) => 6,
            (_, Some(_), _, _) => 5,
            (Some(_), _, _, _) => 4,
            _ => 3,
        };
        let mut out = serializer.serialize_seq(Some(length))?;
        out.serialize_element(letter(entry.state))?;
        out.serialize_element(&entry.active)?;
        out.serialize_element(&entry.total)?;
        if length > 3 {
            out.serialize_element(&transport)?;
        }
        if length > 4 {
            out.serialize_element(&entry.size)?;
        }
        if length > 5 {
            out.serialize_element(&flags)?;
        }
        if length > 6 {
            out.serialize_element(&down)?;
        }
        out.end()
    }
}

/// A state in the short form.
fn letter(state: MapState) -> &'static str {
    match state {
        MapState::Unknown => "u",
        MapState::Optimal => "o",
        MapState::Degraded => "d",
        MapState::Missing => "m",
        MapState::Failed => "f",
    }
}

/// What is wrong with a map in the short form.
fn bits(flags: &[Impairment]) -> u8 {
    let bit = |flag: &Impairment| match flag {
        Impairment::Suspended => 1,
        Impairment::Queueing => 2,
        Impairment::Marginal => 4,
    };
    flags.iter().map(bit).fold(0, |all, bit| all | bit)
}
