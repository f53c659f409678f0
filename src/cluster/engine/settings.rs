//! What faces have as JSON texts: how an engine is made, who is there, and what is configured.

use std::collections::BTreeMap;

use super::Engine;
use crate::cluster::json::Json;
use crate::cluster::matrix::{END_OF_TIME, Member};
use crate::cluster::status::Options;
use crate::error::{Error, Result};
use crate::text::printable;

impl Engine {
    /// An engine as a JSON object says: `mode`, `stale-seconds`, `skew-seconds`, all of them optional.
    pub fn of_text(text: &[u8]) -> Result<Self> {
        let options = Options::of_keys(text, &["mode", "stale-seconds", "skew-seconds"])?;
        Ok(Engine::new(options.mode, options.times))
    }

    /// What the cluster is configured to have, as a JSON object: `allow`, `aliases`, `used-by`, `expected`,
    /// `expected-nodes`. What it does not name is not configured.
    pub fn set_config_text(&mut self, text: &[u8]) -> Result<()> {
        let keys = ["allow", "aliases", "used-by", "expected", "expected-nodes"];
        self.set_config(Options::of_keys(text, &keys)?.config)
    }

    /// Who is there, as a JSON object by node: 1 or 0, or as `PVE::Cluster::get_members` has it an object
    /// with `online`. Null or empty: there is no cluster.
    pub fn set_members_text(&mut self, text: &[u8]) -> Result<()> {
        let value = Json::of_text(text)
            .map_err(|error| Error::argument(format!("the members are no JSON: {error}")))?;
        let members = match value {
            Json::Null => None,
            Json::Object(members) => Some(members),
            other => {
                let kind = other.kind();
                return Err(Error::argument(format!(
                    "the members are {kind} and no object"
                )));
            }
        };
        let member = |(name, value)| (name, member(&value));
        let members = members.map(|members| members.into_iter().map(member));
        self.set_members(members.map(|members| members.collect::<BTreeMap<_, _>>()));
        Ok(())
    }
}

fn member(value: &Json) -> Member {
    match value {
        Json::Bool(_) | Json::Number(_) | Json::String(_) => match value.is_true() {
            true => Member::Online,
            false => Member::Offline,
        },
        other => Member::of_json(other),
    }
}

/// A time in seconds since the epoch, as a number is written.
pub fn time_from_text(text: &[u8]) -> Result<f64> {
    let time = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    let time = time.filter(|time: &f64| (0.0..END_OF_TIME).contains(time));
    time.ok_or_else(|| Error::argument(format!("'{}' is not a time", printable(text))))
}
