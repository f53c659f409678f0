//! The arguments of the function that Proxmox VE folds broadcasts with, as a JSON array of the six:
//! allow-list, aliases, used-by, broadcasts that have been decoded, nodes that are online, and the sets
//! of nodes that are expected to have each LUN. Like that function this looks at no argument that it
//! does not need.

use std::collections::{BTreeMap, BTreeSet};

use super::options::text;
use crate::cluster::json::Json;
use crate::cluster::matrix::{Config, Matrix, Mode, Times};
use crate::error::{Error, Result};
use crate::text::printable;

/// The rows, as JSON. An error where that function dies: of an argument of the wrong kind that is
/// needed, or of an entry that is no object.
pub fn aggregate(arguments: &[u8]) -> Result<Vec<u8>> {
    let value = Json::of_text(arguments)
        .map_err(|error| Error::argument(format!("the arguments are no JSON: {error}")))?;
    let Json::Array(mut arguments) = value else {
        return Err(Error::argument("the arguments are no array"));
    };
    arguments.resize(6, Json::Null);
    let [allow, aliases, used_by, node_kv, online, expected] = &arguments[..] else {
        return Err(Error::argument("there are six arguments"));
    };
    let mut matrix = Matrix::new(Mode::Compat, Times::default(), 0.0);
    let node_kv = object("the broadcasts are", node_kv)?;
    matrix.reserve_nodes(node_kv.len());
    for (node, maps) in &node_kv {
        let what = format!("the broadcast of node '{}' is", printable(node.as_bytes()));
        matrix.set_maps(node, &object(&what, maps)?)?;
    }
    let allow = match allow {
        Json::Null => BTreeSet::new(),
        Json::Array(list) => {
            let name = |value| text(value).ok_or_else(|| Error::argument("a WWID is no string"));
            list.iter().map(name).collect::<Result<_>>()?
        }
        _ => return Err(Error::argument("the allow-list is no array")),
    };
    let mut config = Config::default();
    if !allow.is_empty() {
        let sets = object("the expected nodes are", expected)?;
        for wwid in &allow {
            let Some(set) = sets.get(wwid).filter(|set| set.is_true()) else {
                continue;
            };
            let shown = printable(wwid.as_bytes());
            let what = format!("the expected nodes of '{shown}' are");
            let set = object(&what, set)?.keys().cloned().collect();
            config.expected.insert(wwid.clone(), set);
        }
    }
    let expects = config.expected.values().any(|set| !set.is_empty());
    let is_needed = !node_kv.is_empty() || expects;
    let online = match is_needed {
        true => object("the online nodes are", online)?,
        false => BTreeMap::new(),
    };
    let online = online.iter().filter(|(_, value)| value.is_true());
    matrix.set_online(online.map(|(name, _)| name.clone()).collect());
    config.allow = allow;
    let has_rows = !config.allow.is_empty() || node_kv.values().any(names_any);
    if has_rows {
        config.aliases = object("the aliases are", aliases)?;
        config.used_by = object("the storages are", used_by)?;
    }
    matrix.set_config(config)?;
    let mut rows = Vec::with_capacity(matrix.likely_length());
    matrix.write_rows(&mut rows)?;
    Ok(rows)
}

fn names_any(maps: &Json) -> bool {
    matches!(maps, Json::Object(maps) if !maps.is_empty())
}

/// What is undefined is empty.
fn object(what: &str, value: &Json) -> Result<BTreeMap<String, Json>> {
    match value {
        Json::Null => Ok(BTreeMap::new()),
        Json::Object(object) => Ok(object.clone()),
        other => Err(Error::argument(format!(
            "{what} {} and no object",
            other.kind()
        ))),
    }
}
