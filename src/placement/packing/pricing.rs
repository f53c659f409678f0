//! What one bin should hold when each item has a value: the knapsack problem with several
//! dimensions that column generation asks again and again (Gilmore and Gomory, 1961).
//!
//! The search is depth first, in the order of value per weight. The weight of an item is a weighted
//! sum of its shares of the capacity; with it the problem is an ordinary knapsack, whose fractional
//! filling bounds what a branch can still bring (Dantzig, 1957). The weights of the dimensions are
//! moved towards those that are short (a few steps of multiplicative weights).

use super::model::{Model, take};
use super::work::Work;

/// Rounds in which the weights of the dimensions are adapted, per call.
const WEIGHT_ROUNDS: usize = 4;
/// What rounding may have taken from a bound, relatively, and from the room left.
const MARGIN: f64 = 1e-9;

/// Dimensions that are compared at once.
const LANES: usize = 4;

/// Whether a size fits, without a branch for each dimension: the borrow of each difference.
fn fits(size: &[u64], room: &[u64]) -> bool {
    for (size, room) in size.chunks_exact(LANES).zip(room.chunks_exact(LANES)) {
        let mut borrows = 0;
        for (size, room) in size.iter().zip(room) {
            borrows |= (!room & size) | ((!room | size) & room.wrapping_sub(*size));
        }
        if borrows >> 63 != 0 {
            return false;
        }
    }
    true
}

/// A filling of a bin that is worth something.
#[derive(Debug, Clone)]
pub struct Filling {
    pub value: u64,
    /// Types, one entry for each item.
    pub kinds: Vec<usize>,
}

/// Prices the patterns of one class of bins.
#[derive(Debug, Clone)]
pub struct Pricer {
    class: usize,
    /// By dimension; they add up to 1.
    weights: Vec<f64>,
}

/// A type that may still be taken, by its place in the order, and how often.
type Candidate = (u32, u32);

struct Search<'a> {
    model: &'a Model,
    class: usize,
    work: &'a mut Work,
    /// In the order of value per weight: type, demand, value, weight, value per weight, sizes.
    kinds: Vec<usize>,
    demand: Vec<u32>,
    value: Vec<u64>,
    weight: Vec<f64>,
    rate: Vec<f64>,
    sizes: Vec<u64>,
    /// Dimensions rounded up to whole `LANES`; what is added is 0.
    stride: usize,
    /// By depth: what may still be taken, and the room for it.
    levels: Vec<Vec<Candidate>>,
    rooms: Vec<Vec<u64>>,
    taken: Vec<u32>,
    best: u64,
    found: Vec<Filling>,
    /// Branches that may still be looked at.
    branches: usize,
}

impl Pricer {
    pub fn new(model: &Model, class: usize) -> Self {
        let even = 1.0 / model.dimensions as f64;
        Self {
            class,
            weights: vec![even; model.dimensions],
        }
    }

    /// The most valuable filling, with the fillings worth more than `above` met on the way to it.
    /// None where the work ended before.
    pub fn exact(
        &mut self,
        model: &Model,
        values: &[u64],
        demand: &[u32],
        above: u64,
        work: &mut Work,
    ) -> Option<(u64, Vec<Filling>)> {
        let mut search = self.search(model, values, demand, work);
        search.best = above;
        search.start(None);
        search.branches = usize::MAX;
        search.descend(0, 0, 1.0);
        let best = search.best;
        let found = search.found;
        work.is_left().then_some((best, found))
    }

    /// For each type of worth a good filling that contains it, if it is worth more than `above`.
    pub fn around_each(
        &mut self,
        model: &Model,
        values: &[u64],
        demand: &[u32],
        above: u64,
        branches: usize,
        work: &mut Work,
    ) -> Vec<Filling> {
        let mut search = self.search(model, values, demand, work);
        let mut fillings = Vec::new();
        for seed in 0..search.kinds.len() {
            if !search.work.is_left() {
                break;
            }
            search.best = above;
            search.branches = branches;
            search.start(Some(seed));
            let room = 1.0 - search.weight[seed];
            let value = search.value[seed];
            search.note(value);
            search.descend(0, value, room);
            fillings.extend(search.found.pop());
            search.found.clear();
        }
        fillings
    }

    fn search<'a>(
        &mut self,
        model: &'a Model,
        values: &[u64],
        demand: &[u32],
        work: &'a mut Work,
    ) -> Search<'a> {
        let class = self.class;
        let accepts = &model.classes[class].accepts;
        let mut kinds: Vec<usize> = (0..model.types())
            .filter(|&kind| accepts[kind] && values[kind] > 0 && demand[kind] > 0)
            .collect();
        let mut best: Option<(f64, Vec<f64>)> = None;
        for _ in 0..WEIGHT_ROUNDS {
            self.sort(model, values, &mut kinds);
            let (bound, used) = self.fill(model, values, demand, &kinds);
            if best.as_ref().is_none_or(|(least, _)| bound < *least) {
                best = Some((bound, self.weights.clone()));
            }
            for (weight, used) in self.weights.iter_mut().zip(used) {
                *weight *= (0.5 * (used - 1.0)).clamp(-1.0, 1.0).exp();
            }
            let sum: f64 = self.weights.iter().sum();
            self.weights
                .iter_mut()
                .for_each(|weight| *weight = (*weight / sum).max(1e-6));
        }
        work.take(kinds.len() * (model.dimensions + 8) * (WEIGHT_ROUNDS + 1));
        if let Some((_, weights)) = best {
            self.weights = weights;
        }
        self.sort(model, values, &mut kinds);
        let weight: Vec<f64> = kinds.iter().map(|&kind| self.weight(model, kind)).collect();
        let value: Vec<u64> = kinds.iter().map(|&kind| values[kind]).collect();
        let stride = model.dimensions.next_multiple_of(LANES);
        let mut sizes = vec![0; kinds.len() * stride];
        for (padded, &kind) in sizes.chunks_exact_mut(stride).zip(&kinds) {
            padded[..model.dimensions].copy_from_slice(model.size(kind));
        }
        Search {
            model,
            class,
            work,
            demand: kinds.iter().map(|&kind| demand[kind]).collect(),
            rate: value
                .iter()
                .zip(&weight)
                .map(|(&v, w)| v as f64 / w)
                .collect(),
            kinds,
            value,
            weight,
            sizes,
            stride,
            levels: Vec::new(),
            rooms: Vec::new(),
            taken: Vec::new(),
            best: 0,
            found: Vec::new(),
            branches: 0,
        }
    }

    fn weight(&self, model: &Model, kind: usize) -> f64 {
        let shares = model.share(self.class, kind);
        self.weights
            .iter()
            .zip(shares)
            .map(|(weight, share)| weight * share)
            .sum()
    }

    fn sort(&self, model: &Model, values: &[u64], kinds: &mut Vec<usize>) {
        let mut rated: Vec<(f64, usize)> = kinds
            .iter()
            .map(|&kind| (values[kind] as f64 / self.weight(model, kind), kind))
            .collect();
        rated.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        *kinds = rated.into_iter().map(|(_, kind)| kind).collect();
    }

    /// The fractional filling of an empty bin: its value, and its use of each dimension.
    fn fill(
        &self,
        model: &Model,
        values: &[u64],
        demand: &[u32],
        kinds: &[usize],
    ) -> (f64, Vec<f64>) {
        let mut room = 1.0;
        let mut total = 0.0;
        let mut used = vec![0.0; model.dimensions];
        for &kind in kinds {
            let weight = self.weight(model, kind);
            let copies = f64::from(demand[kind]);
            let part = if weight * copies <= room {
                copies
            } else {
                room / weight
            };
            room -= part * weight;
            total += part * values[kind] as f64;
            for (used, share) in used.iter_mut().zip(model.share(self.class, kind)) {
                *used += part * share;
            }
            if room <= 0.0 {
                break;
            }
        }
        (total, used)
    }
}

impl Search<'_> {
    /// Puts all that fits beside `seed` on the first level.
    fn start(&mut self, seed: Option<usize>) {
        if self.levels.is_empty() {
            self.levels.push(Vec::new());
            self.rooms.push(Vec::new());
        }
        let mut room = std::mem::take(&mut self.rooms[0]);
        room.clear();
        room.extend(&self.model.classes[self.class].capacity);
        room.resize(self.stride, 0);
        self.taken.clear();
        if let Some(seed) = seed {
            take(&mut room, self.size(seed));
            self.taken.push(seed as u32);
        }
        let mut level = std::mem::take(&mut self.levels[0]);
        level.clear();
        for i in 0..self.kinds.len() {
            let most = self.demand[i] - u32::from(seed == Some(i));
            self.offer(&mut level, i, most, &room);
        }
        self.work.take(self.kinds.len() * (2 + self.stride / LANES));
        self.levels[0] = level;
        self.rooms[0] = room;
    }

    fn size(&self, i: usize) -> &[u64] {
        &self.sizes[i * self.stride..][..self.stride]
    }

    /// Adds a type to a level as often as it fits.
    fn offer(&self, level: &mut Vec<Candidate>, i: usize, most: u32, room: &[u64]) {
        if most == 0 || !fits(self.size(i), room) {
            return;
        }
        let copies = if most == 1 {
            1
        } else {
            self.model.copies(self.kinds[i], room, most)
        };
        level.push((i as u32, copies));
    }

    fn note(&mut self, value: u64) {
        if value > self.best {
            self.best = value;
            let kinds = self.taken.iter().map(|&i| self.kinds[i as usize]).collect();
            self.found.push(Filling { value, kinds });
        }
    }

    /// Looks at all that can be added; `room` is the weight that there is still room for.
    fn descend(&mut self, depth: usize, value: u64, room: f64) {
        if self.levels.len() == depth + 1 {
            self.levels.push(Vec::new());
            self.rooms.push(vec![0; self.stride]);
        }
        let each = 1 + self.stride / LANES;
        let level = std::mem::take(&mut self.levels[depth]);
        let mut next = std::mem::take(&mut self.levels[depth + 1]);
        let mut next_room = std::mem::take(&mut self.rooms[depth + 1]);
        let room = room + MARGIN;
        // The fractional filling from `from` up to `to`, which moves along.
        let (mut filled, mut weight, mut to) = (0.0, 0.0, 0);
        for from in 0..level.len() {
            while let Some(&(i, copies)) = level.get(to) {
                let more = f64::from(copies) * self.weight[i as usize];
                if weight + more > room {
                    break;
                }
                weight += more;
                filled += f64::from(copies) * self.value[i as usize] as f64;
                to += 1;
            }
            let part = level.get(to).map_or(0.0, |&(i, _)| {
                (room - weight).max(0.0) * self.rate[i as usize]
            });
            let bound = (value as f64 + filled + part) * (1.0 + MARGIN);
            if bound < self.best as f64 + 1.0 {
                break;
            }
            if self.branches == 0 || !self.work.take((level.len() - from) * each + 16) {
                break;
            }
            self.branches -= 1;
            let (i, copies) = level[from];
            let place = i as usize;
            next_room.clone_from(&self.rooms[depth]);
            take(
                &mut next_room,
                &self.sizes[place * self.stride..][..self.stride],
            );
            next.clear();
            self.offer(&mut next, place, copies - 1, &next_room);
            for &(other, copies) in &level[from + 1..] {
                self.offer(&mut next, other as usize, copies, &next_room);
            }
            self.taken.push(i);
            let value = value + self.value[place];
            self.note(value);
            if !next.is_empty() {
                std::mem::swap(&mut self.levels[depth + 1], &mut next);
                std::mem::swap(&mut self.rooms[depth + 1], &mut next_room);
                self.descend(depth + 1, value, room - MARGIN - self.weight[place]);
                std::mem::swap(&mut self.levels[depth + 1], &mut next);
                std::mem::swap(&mut self.rooms[depth + 1], &mut next_room);
            }
            self.taken.pop();
            // What leaves the filling: its own type, as far as it was in.
            if to > from {
                weight -= f64::from(copies) * self.weight[place];
                filled -= f64::from(copies) * self.value[place] as f64;
            } else {
                to = from + 1;
            }
        }
        self.levels[depth] = level;
        self.levels[depth + 1] = next;
        self.rooms[depth + 1] = next_room;
    }
}
