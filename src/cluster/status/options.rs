//! What is known besides the broadcasts.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::json::Json;
use crate::cluster::matrix::{Config, END_OF_TIME, Matrix, Member, Mode, Times};
use crate::error::{Error, Result};
use crate::text::printable;

/// The options of a question, by their names in kebab-case.
#[derive(Clone, Debug)]
pub struct Options {
    /// `mode`: whose answer it is to be; strict.
    pub mode: Mode,
    /// `now`: seconds since the epoch; 0.
    pub now: f64,
    /// `stale-seconds`, `skew-seconds`.
    pub times: Times,
    /// `members`; none if there is no cluster.
    pub members: Option<BTreeMap<String, Member>>,
    /// `allow`, `aliases`, `used-by`, `expected`, `expected-nodes`.
    pub config: Config,
    /// `apply`: what nodes have broadcast of applying the configuration.
    pub apply: BTreeMap<String, Vec<u8>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::Strict,
            now: 0.0,
            times: Times::default(),
            members: None,
            config: Config::default(),
            apply: BTreeMap::new(),
        }
    }
}

impl Options {
    /// The options of a JSON object. Keys that are not known are an error, as are values of another
    /// kind; what is null has not been said.
    pub fn of_text(text: &[u8]) -> Result<Self> {
        let mut options = Options::default();
        options.set_text(text)?;
        Ok(options)
    }

    /// The same of these keys only.
    pub fn of_keys(text: &[u8], keys: &[&str]) -> Result<Self> {
        let mut options = Options::default();
        for (key, value) in object("the options", &read(text)?)? {
            match keys.contains(&&**key) {
                true => options.set_key(key, value)?,
                false => return Err(unknown(key)),
            }
        }
        Ok(options)
    }

    /// The same, over what these options say.
    pub fn set_text(&mut self, text: &[u8]) -> Result<()> {
        for (key, value) in object("the options", &read(text)?)? {
            self.set_key(key, value)?;
        }
        Ok(())
    }

    pub(super) fn set_key(&mut self, key: &str, value: &Json) -> Result<()> {
        if *value == Json::Null {
            return Ok(());
        }
        match key {
            "mode" => {
                let mode = text(value).and_then(|name| Mode::from_name(&name));
                self.mode = mode.ok_or_else(|| wrong(key, "compat or strict"))?;
            }
            "now" => {
                let now = Some(seconds(key, value)?).filter(|now| *now < END_OF_TIME);
                self.now = now.ok_or_else(|| wrong(key, "a time"))?;
            }
            "stale-seconds" => self.times.stale = seconds(key, value)?,
            "skew-seconds" => self.times.skew = seconds(key, value)?,
            "members" => {
                let members = object(key, value)?.iter();
                let members = members.map(|(name, value)| (name.clone(), Member::of_json(value)));
                self.members = Some(members.collect());
            }
            "allow" => self.config.allow = names(key, value)?,
            "aliases" => self.config.aliases = object(key, value)?.clone(),
            "used-by" => self.config.used_by = object(key, value)?.clone(),
            "expected" => {
                let sets = object(key, value)?.iter();
                let sets = sets.filter(|(_, set)| **set != Json::Null);
                let set = |(wwid, set): (&String, &Json)| Ok((wwid.clone(), names(key, set)?));
                self.config.expected = sets.map(set).collect::<Result<_>>()?;
            }
            "expected-nodes" => self.config.expected_nodes = names(key, value)?,
            "apply" => {
                for (name, raw) in object(key, value)? {
                    self.apply.insert(name.clone(), super::document::raw(raw));
                }
            }
            _ => return Err(unknown(key)),
        }
        Ok(())
    }

    /// Tells a matrix of it.
    pub(super) fn set(&self, matrix: &mut Matrix) -> Result<()> {
        matrix.set_members(self.members.clone());
        matrix.set_config(self.config.clone())
    }
}

fn read(text: &[u8]) -> Result<Json> {
    Json::of_text(text)
        .map_err(|error| Error::argument(format!("the options are no JSON: {error}")))
}

fn unknown(key: &str) -> Error {
    let key = printable(key.as_bytes());
    Error::argument(format!("unknown option '{key}'"))
}

fn wrong(key: &str, what: &str) -> Error {
    Error::argument(format!("{key} is not {what}"))
}

fn object<'a>(key: &str, value: &'a Json) -> Result<&'a BTreeMap<String, Json>> {
    match value {
        Json::Object(object) => Ok(object),
        _ => Err(wrong(key, "an object")),
    }
}

/// A name: a string, or a number that Perl would take for one.
pub(super) fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Null => Some(String::new()),
        Json::Bool(value) => Some(u8::from(*value).to_string()),
        Json::Array(_) | Json::Object(_) => None,
    }
}

/// An array of names, or an object with them as keys.
fn names(key: &str, value: &Json) -> Result<BTreeSet<String>> {
    match value {
        Json::Object(set) => Ok(set.keys().cloned().collect()),
        Json::Array(names) => names
            .iter()
            .map(|name| text(name).ok_or_else(|| wrong(key, "an array of names")))
            .collect(),
        _ => Err(wrong(key, "an array")),
    }
}

fn seconds(key: &str, value: &Json) -> Result<f64> {
    let number = match value {
        Json::Number(number) => Some(number.as_f64()),
        Json::String(text) => text.parse().ok(),
        _ => None,
    };
    let number = number.filter(|number| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| wrong(key, "a number of seconds"))
}
