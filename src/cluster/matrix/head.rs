//! What a broadcast says besides its maps, and what odd values in it are taken for.

use crate::cluster::json::{Json, Number};

/// A port that paths go through, as a node with dead paths tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// `hba` for one of the node's, `target` for one of the storage's.
    pub kind: String,
    /// Its name: an address or a WWPN.
    pub name: String,
    /// Paths that go through it.
    pub paths: u64,
    /// How many of them cannot be used.
    pub down: u64,
}

/// What a broadcast says besides its cells.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// When it was made, by the clock of its node, or what stands there instead.
    pub time: Json,
    /// Its number, if it has one.
    pub seq: Option<u64>,
    /// Maps that it had no room for.
    pub truncated: u64,
    /// Ports, if any path is down.
    pub ports: Vec<Port>,
}

/// The integer that it is, or that its text is.
pub(super) fn unsigned(value: &Json) -> Option<u64> {
    match value {
        Json::Number(number) => u64::try_from(number.as_integer()?).ok(),
        Json::String(text) => {
            let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            is_number.then(|| text.parse().ok())?
        }
        _ => None,
    }
}

/// From here on seconds are not told apart.
pub(in crate::cluster) const END_OF_TIME: f64 = 9e15;

/// The time that it is, if it is one.
pub(super) fn seconds(value: &Json) -> Option<f64> {
    let seconds = match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => {
            let number = Json::of_text(text.trim().as_bytes()).ok()?;
            match number {
                Json::Number(Number::Int(value)) => value as f64,
                Json::Number(Number::Float(value)) => value,
                _ => return None,
            }
        }
        _ => return None,
    };
    (seconds.abs() < END_OF_TIME).then_some(seconds)
}

/// The small numbers of an array.
pub(super) fn numbers(value: &Json) -> Vec<u32> {
    let Json::Array(values) = value else {
        return Vec::new();
    };
    let numbers = values.iter().filter_map(unsigned);
    numbers.filter_map(|n| u32::try_from(n).ok()).collect()
}

/// The ports of an array.
pub(super) fn ports(value: &Json) -> Vec<Port> {
    let Json::Array(ports) = value else {
        return Vec::new();
    };
    let port = |port: &Json| match port {
        Json::Array(port) => match &port[..] {
            [Json::String(kind), Json::String(name), paths, down] => Some(Port {
                kind: kind.clone(),
                name: name.clone(),
                paths: unsigned(paths)?,
                down: unsigned(down)?,
            }),
            _ => None,
        },
        _ => None,
    };
    // One that is not understood keeps its place: others are named by theirs.
    let nobody = || Port {
        kind: String::new(),
        name: String::new(),
        paths: 0,
        down: 0,
    };
    ports
        .iter()
        .map(|value| port(value).unwrap_or_else(nobody))
        .collect()
}
