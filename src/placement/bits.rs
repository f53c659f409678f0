//! Sets of small numbers: nodes, storages, guests.

/// A set of small numbers, in words of bits; it grows as needed, and what lies behind its end is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// The numbers below `count`.
    pub fn below(count: usize) -> Bits {
        let mut words = vec![u64::MAX; count / 64];
        if count % 64 > 0 {
            words.push((1 << (count % 64)) - 1);
        }
        Bits(words)
    }

    /// Puts a number in.
    pub fn insert(&mut self, number: usize) {
        let word = number / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (number % 64);
    }

    /// Takes a number out.
    pub fn remove(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word &= !(1 << (number % 64));
        }
    }

    /// Whether a number is in.
    pub fn contains(&self, number: usize) -> bool {
        let word = self.0.get(number / 64);
        word.is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Leaves what is in both.
    pub fn intersect(&mut self, other: &Bits) {
        for (at, word) in self.0.iter_mut().enumerate() {
            *word &= other.0.get(at).copied().unwrap_or(0);
        }
    }

    /// Puts in what is in the other.
    pub fn unite(&mut self, other: &Bits) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    /// Takes out what is in the other.
    pub fn subtract(&mut self, other: &Bits) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= !other;
        }
    }

    /// Whether all that is in is in the other, too.
    pub fn is_within(&self, other: &Bits) -> bool {
        let mut words = self.0.iter().enumerate();
        words.all(|(at, word)| word & !other.0.get(at).copied().unwrap_or(0) == 0)
    }

    /// The words of bits, the lowest number first; what lies behind the end is not in.
    pub fn words(&self) -> &[u64] {
        &self.0
    }

    /// How many are in.
    pub fn count(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    /// The numbers, the smallest first.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().flat_map(|(at, &word)| {
            std::iter::successors(Some(word), |&rest| Some(rest & rest.wrapping_sub(1)))
                .take_while(|&rest| rest != 0)
                .map(move |rest| at * 64 + rest.trailing_zeros() as usize)
        })
    }
}

impl FromIterator<usize> for Bits {
    fn from_iter<I: IntoIterator<Item = usize>>(numbers: I) -> Bits {
        let mut bits = Bits::default();
        numbers.into_iter().for_each(|number| bits.insert(number));
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_was_put_in() {
        let numbers = [0, 1, 63, 64, 127, 128, 1000];
        let mut bits: Bits = numbers.into_iter().collect();
        assert_eq!(bits.iter().collect::<Vec<_>>(), numbers);
        assert_eq!(
            (bits.count(), bits.contains(64), bits.contains(65)),
            (7, true, false)
        );
        bits.remove(64);
        bits.remove(99_999);
        bits.intersect(&Bits::below(128));
        assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 1, 63, 127]);
        assert!(bits.is_within(&Bits::below(128)) && !bits.is_within(&Bits::below(127)));
        bits.subtract(&Bits::below(63));
        assert_eq!(bits.iter().collect::<Vec<_>>(), [63, 127]);
        bits.unite(&Bits::from_iter([300]));
        bits.unite(&Bits::from_iter([2]));
        assert_eq!(bits.iter().collect::<Vec<_>>(), [2, 63, 127, 300]);
        for count in [0, 1, 63, 64, 65, 200] {
            assert_eq!(
                Bits::below(count).iter().collect::<Vec<_>>(),
                (0..count).collect::<Vec<_>>()
            );
        }
        assert!(Bits::below(0).is_empty() && !bits.is_empty() && !bits.contains(usize::MAX));
    }
}
