//! Bounds inside the exact search: whether what is still needed is there at all, in pieces that fit.

use super::exact::Search;
use super::model::{Model, each};

/// Words of bits of the sums that are looked at for a node. Ours: 16 words are 512 GiB in half GiBs.
const WORDS: usize = 64;

/// Room for sums.
pub(super) struct Sums {
    /// What all open units need that may be on a node, by node and resource.
    asked: Vec<u64>,
    need: Vec<u64>,
    /// What all needs are multiples of, by resource; 0 if nobody needs it.
    divisor: Vec<u64>,
    /// The units that may be on each node.
    units: Vec<Vec<usize>>,
    /// Of the nodes that must get a unit that with the fewest that it can get, and their number.
    pub narrow: Option<(usize, usize)>,
    /// The sums that a node can come to.
    sums: [u64; WORDS],
}

impl Sums {
    pub fn new(model: &Model) -> Sums {
        let n = model.resources.len();
        let mut divisor = vec![0; n];
        for (at, need) in model.need.iter().enumerate() {
            divisor[at % n] = common(divisor[at % n], *need);
        }
        Sums {
            asked: Vec::new(),
            need: Vec::new(),
            divisor,
            units: vec![Vec::new(); model.nodes],
            narrow: None,
            sums: [0; WORDS],
        }
    }

    /// Whether the nodes have as much left of each resource, for those who may be on them, as all open units
    /// need that must be placed.
    pub fn promising(&mut self, search: &Search<'_>) -> bool {
        let model = search.model;
        let n = model.resources.len();
        self.asked.clear();
        self.asked.resize(model.nodes * n, 0);
        self.need.clear();
        self.need.resize(n, 0);
        self.units.iter_mut().for_each(Vec::clear);
        for &unit in &search.open {
            let need = model.need_of(unit);
            for (sum, need) in self.need.iter_mut().zip(need) {
                *sum = sum.saturating_add(*need);
            }
            for node in each(search.domain(unit)) {
                self.units[node].push(unit);
                for (sum, need) in self.asked[node * n..].iter_mut().zip(need) {
                    *sum = sum.saturating_add(*need);
                }
            }
        }
        self.narrow = None;
        self.leave_out(search);
        (0..n).all(|r| {
            let usable = |node: usize| self.asked[node * n + r].min(search.room[node * n + r]);
            let taken = |node: &usize| !search.limits.is_idle(model, &search.room, *node);
            let taken = (0..model.nodes).filter(taken).map(usable);
            let mut all = taken.fold(0, u64::saturating_add);
            if !search.limits.idle.is_empty() {
                let idle = |node: &usize| search.limits.is_idle(model, &search.room, *node);
                let mut idle: Vec<u64> = (0..model.nodes).filter(idle).map(usable).collect();
                idle.sort_unstable_by(|a, b| b.cmp(a));
                let most = usize::try_from(search.left.nodes).unwrap_or(usize::MAX);
                all = idle
                    .iter()
                    .take(most)
                    .fold(all, |all, idle| all.saturating_add(*idle));
            }
            let Some(mut spare) = all.checked_sub(self.need[r]) else {
                return false;
            };
            // Pieces matter only where little is to spare.
            let divisor = self.divisor[r];
            if divisor == 0 || spare > all / 8 || !search.limits.idle.is_empty() {
                return true;
            }
            for node in 0..model.nodes {
                let (asked, room) = (self.asked[node * n + r], search.room[node * n + r]);
                if asked > room {
                    let pieces = self.units[node]
                        .iter()
                        .map(|&unit| model.need[unit * n + r]);
                    let waste = waste(&mut self.sums, pieces, room, divisor);
                    match spare.checked_sub(waste) {
                        Some(left) => spare = left,
                        None => return false,
                    }
                }
            }
            for node in 0..model.nodes {
                let units = self.units[node].len();
                let room = search.room[node * n + r].min(self.asked[node * n + r]);
                if room > spare && self.narrow.is_none_or(|(_, least)| units < least) {
                    self.narrow = Some((node, units));
                }
            }
            true
        })
    }
}

impl Sums {
    /// Takes from what is needed the most that could be left out.
    fn leave_out(&mut self, search: &Search<'_>) {
        let n = self.need.len();
        for (class, &items) in search.left.out.iter().enumerate() {
            let units = search
                .open
                .iter()
                .filter(|&&u| search.limits.class[u] == class);
            for r in 0..n {
                let mut needs: Vec<u64> = units
                    .clone()
                    .map(|&unit| search.model.need[unit * n + r])
                    .collect();
                needs.sort_unstable_by(|a, b| b.cmp(a));
                let most = usize::try_from(items).unwrap_or(usize::MAX);
                let out = needs
                    .iter()
                    .take(most)
                    .fold(0, |sum: u64, n| sum.saturating_add(*n));
                self.need[r] = self.need[r].saturating_sub(out);
            }
        }
    }
}

/// What is left of the room whichever of the pieces are put in. 0 if there are too many sums to know.
fn waste(
    sums: &mut [u64; WORDS],
    pieces: impl Iterator<Item = u64>,
    room: u64,
    divisor: u64,
) -> u64 {
    let parts = room / divisor;
    if parts >= 64 * WORDS as u64 {
        return room % divisor;
    }
    let parts = parts as usize;
    let words = parts / 64 + 1;
    let sums = &mut sums[..words];
    sums.fill(0);
    sums[0] = 1;
    for piece in pieces {
        let piece = (piece / divisor) as usize;
        if piece == 0 || piece > parts {
            continue;
        }
        let (word, bit) = (piece / 64, piece % 64);
        for at in (word..words).rev() {
            let mut moved = sums[at - word] << bit;
            if bit > 0 && at > word {
                moved |= sums[at - word - 1] >> (64 - bit);
            }
            sums[at] |= moved;
        }
        if sums[parts / 64] >> (parts % 64) & 1 == 1 {
            return room % divisor;
        }
    }
    // Only sums that fit count: of the last word, the bits up to that of the room.
    sums[words - 1] &= u64::MAX >> (63 - parts % 64);
    let most = (0..words).rev().find(|&at| sums[at] != 0);
    let most = most.map_or(0, |at| at * 64 + 63 - sums[at].leading_zeros() as usize);
    room - most as u64 * divisor
}

/// The greatest common divisor.
fn common(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}
