//! Values of cells in 32 bits: small numbers as they are, all others in a table, where each stands once.

use hashbrown::HashMap;

use crate::cluster::json::{Json, Number};

/// A value: nothing, a small number, or a place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot(u32);

const IN_TABLE: u32 = 1 << 31;

impl Slot {
    /// Undefined.
    pub const NULL: Slot = Slot(u32::MAX);

    /// A number that needs no table.
    pub fn small(number: u32) -> Option<Self> {
        (number < IN_TABLE).then_some(Slot(number))
    }

    /// Whether it is undefined.
    pub fn is_null(self) -> bool {
        self == Self::NULL
    }

    /// Its place in the table, if it has one.
    pub(super) fn place(self) -> Option<usize> {
        let is_in_table = self.0 >= IN_TABLE && !self.is_null();
        is_in_table.then_some((self.0 & !IN_TABLE) as usize)
    }

    /// The number, if it is a small one.
    pub fn as_small(self) -> Option<u32> {
        (self.0 < IN_TABLE).then_some(self.0)
    }
}

#[derive(Default)]
pub(super) struct Values {
    table: Vec<Json>,
    integers: HashMap<u64, u32>,
    strings: HashMap<Box<str>, u32>,
    others: HashMap<String, u32>,
}

impl Values {
    pub(super) fn integer(&mut self, value: u64) -> Slot {
        if let Some(slot) = u32::try_from(value).ok().and_then(Slot::small) {
            return slot;
        }
        if let Some(&at) = self.integers.get(&value) {
            return Slot(at);
        }
        let at = self.add(Json::Number(Number::Int(i128::from(value))));
        self.integers.insert(value, at);
        Slot(at)
    }

    pub(super) fn string(&mut self, value: &str) -> Slot {
        if let Some(&at) = self.strings.get(value) {
            return Slot(at);
        }
        let at = self.add(Json::String(value.to_owned()));
        self.strings.insert(value.into(), at);
        Slot(at)
    }

    pub(super) fn json(&mut self, value: Json) -> Slot {
        match value {
            Json::Null => Slot::NULL,
            Json::String(text) => self.string(&text),
            Json::Number(Number::Int(number @ 0..)) => {
                self.integer(u64::try_from(number).unwrap_or(u64::MAX))
            }
            other => {
                let text = format!("{other:?}");
                if let Some(&at) = self.others.get(&text) {
                    return Slot(at);
                }
                let at = self.add(other);
                self.others.insert(text, at);
                Slot(at)
            }
        }
    }

    fn add(&mut self, value: Json) -> u32 {
        let at = IN_TABLE | self.table.len() as u32;
        self.table.push(value);
        at
    }

    /// What it stands for.
    pub(super) fn get(&self, slot: Slot) -> Json {
        match (slot.as_small(), slot.place()) {
            (Some(number), _) => Json::Number(Number::Int(i128::from(number))),
            (None, Some(place)) => self.table[place].clone(),
            (None, None) => Json::Null,
        }
    }

    /// The table.
    pub(super) fn all(&self) -> &[Json] {
        &self.table
    }
}
