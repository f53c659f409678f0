//! The problem as its JSON document has it: the keys, and of which type their values are. A key that is
//! not known, or that stands twice, is an error, for whoever mistypes `hard-limit` must not get an answer
//! without it. What the values mean is the matter of [`read`](super::read).

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, de::Error as _};

use super::number::Number;

/// The whole document.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Document {
    pub task: String,
    pub nodes: Vec<Node>,
    #[serde(default)]
    pub guests: Vec<Guest>,
    #[serde(default)]
    pub reservations: Vec<Reservation>,
    #[serde(default)]
    pub rules: Vec<Rule>,
    #[serde(default)]
    pub policy: Policy,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Node {
    pub name: String,
    #[serde(default = "yes")]
    pub online: Flag,
    #[serde(default)]
    pub maintenance: Flag,
    pub cpu_factor: Option<Number>,
    #[serde(default)]
    pub capacity: Map<Number>,
    #[serde(default)]
    pub used: Map<Number>,
    #[serde(default)]
    pub storages: Option<Vec<String>>,
    #[serde(default)]
    pub bridges: Option<Vec<String>>,
    #[serde(default)]
    pub cpu_flags: Option<Vec<String>>,
    #[serde(default)]
    pub devices: Map<Number>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Guest {
    pub sid: String,
    pub node: Option<String>,
    pub state: Option<String>,
    pub priority: Option<Number>,
    #[serde(default = "yes")]
    pub movable: Flag,
    #[serde(default)]
    pub size: Map<Number>,
    #[serde(default)]
    pub usage: Map<Number>,
    pub book: Option<String>,
    #[serde(default)]
    pub samples: Map<Vec<Option<Number>>>,
    #[serde(default)]
    pub storages: Known<Vec<String>>,
    #[serde(default)]
    pub volumes: Known<Vec<Volume>>,
    #[serde(default)]
    pub bridges: Known<Vec<String>>,
    #[serde(default)]
    pub cpu_flags: Known<Vec<String>>,
    #[serde(default)]
    pub devices: Known<Map<Number>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Volume {
    pub storage: String,
    pub nodes: Vec<String>,
    pub bytes: Option<Number>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Reservation {
    pub sid: String,
    pub node: String,
    #[serde(default)]
    pub size: Map<Number>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rule {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub sids: Vec<String>,
    pub nodes: Option<Map<Number>>,
    pub strict: Option<Flag>,
    pub affinity: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Policy {
    pub objective: Option<String>,
    pub basis: Option<String>,
    pub percentile: Option<Number>,
    #[serde(default)]
    pub overcommit: Map<Number>,
    #[serde(default)]
    pub hard_limit: Map<Number>,
    #[serde(default)]
    pub soft_limit: Map<Number>,
    #[serde(default)]
    pub relax: Vec<String>,
    pub failures: Option<Number>,
    #[serde(default)]
    pub failed: Vec<Vec<String>>,
    pub work_limit: Option<Number>,
    pub time_limit: Option<Number>,
    #[serde(default)]
    pub report_elapsed: Flag,
}

fn yes() -> Flag {
    Flag(true)
}

/// Something whose value can be null: that it is not known, which is not the same as nothing.
pub struct Known<T>(pub Option<T>);

impl<T: Default> Default for Known<T> {
    fn default() -> Self {
        Known(Some(T::default()))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Known<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Option::deserialize(from).map(Known)
    }
}

/// A truth value; 0 and 1, as numbers or as text, and Perl's empty string are taken for one.
#[derive(Clone, Copy, Default)]
pub struct Flag(pub bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(FlagVisitor)
    }
}

struct FlagVisitor;

impl Visitor<'_> for FlagVisitor {
    type Value = Flag;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("true or false")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Flag, E> {
        Ok(Flag(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Flag, E> {
        match value {
            0 | 1 => Ok(Flag(value == 1)),
            _ => Err(E::invalid_value(Unexpected::Unsigned(value), &self)),
        }
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Flag, E> {
        match value {
            0 | 1 => Ok(Flag(value == 1)),
            _ => Err(E::invalid_value(Unexpected::Signed(value), &self)),
        }
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Flag, E> {
        match value {
            "1" => Ok(Flag(true)),
            "0" | "" => Ok(Flag(false)),
            _ => Err(E::invalid_value(Unexpected::Str(value), &self)),
        }
    }
}

/// Names and their values, in the order of the names; a name that stands twice is an error.
pub struct Map<T>(pub BTreeMap<String, T>);

impl<T> Default for Map<T> {
    fn default() -> Self {
        Map(BTreeMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Map<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(MapVisitor(std::marker::PhantomData))
    }
}

struct MapVisitor<T>(std::marker::PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for MapVisitor<T> {
    type Value = Map<T>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("names with their values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Map<T>, A::Error> {
        let mut map = BTreeMap::new();
        while let Some(name) = from.next_key::<String>()? {
            if map.contains_key(&name) {
                let shown = crate::text::printable(name.as_bytes()).into_owned();
                return Err(A::Error::custom(format!("{shown} stands twice")));
            }
            map.insert(name, from.next_value()?);
        }
        Ok(Map(map))
    }
}
