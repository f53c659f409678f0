//! Names to numbers, which are given in the order in which names come.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

/// Names, each once. The hash is seeded at random, and no order follows from it.
#[derive(Default)]
pub(super) struct Interner {
    /// All names, one behind the other.
    text: String,
    /// Where each of them ends.
    ends: Vec<u32>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Interner {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The name of a number that was given.
    #[inline]
    pub(super) fn name(&self, number: u32) -> &str {
        name(&self.text, &self.ends, number)
    }

    #[inline]
    pub(super) fn find(&self, wanted: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(wanted);
        let same = |&number: &u32| name(&self.text, &self.ends, number) == wanted;
        self.table.find(hash, same).copied()
    }

    /// Forgets the names with this number and all later ones.
    pub(super) fn truncate(&mut self, length: usize) {
        for number in length..self.ends.len() {
            let number = number as u32;
            let hash = self.hasher.hash_one(self.name(number));
            if let Ok(found) = self.table.find_entry(hash, |&other| other == number) {
                found.remove();
            }
        }
        self.ends.truncate(length);
        let end = self.ends.last().map_or(0, |&end| end as usize);
        self.text.truncate(end);
    }

    #[inline]
    pub(super) fn put(&mut self, wanted: &str) -> u32 {
        let hash = self.hasher.hash_one(wanted);
        let same = |&number: &u32| name(&self.text, &self.ends, number) == wanted;
        if let Some(&number) = self.table.find(hash, same) {
            return number;
        }
        let number = self.ends.len() as u32;
        self.text.push_str(wanted);
        self.ends.push(self.text.len() as u32);
        let (text, ends, hasher) = (&self.text, &self.ends, &self.hasher);
        self.table
            .insert_unique(hash, number, |&n| hasher.hash_one(name(text, ends, n)));
        number
    }
}

#[inline]
fn name<'a>(text: &'a str, ends: &[u32], number: u32) -> &'a str {
    let number = number as usize;
    let start = if number == 0 { 0 } else { ends[number - 1] };
    &text[start as usize..ends[number] as usize]
}
