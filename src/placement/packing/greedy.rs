//! First packings, by rules known to be good: item by item, the biggest first into the bin it suits
//! best, and bin by bin, always the item that suits the room left best (Panigrahy, Talwar, Uyeda and
//! Wieder, "Heuristics for vector bin packing", 2011).

use super::model::{Model, Pattern, fits, take};
use super::work::Work;

/// What the rules weigh dimensions by, and how they compare an item with the room left.
#[derive(Debug, Clone)]
pub struct Rule {
    /// By dimension.
    pub weights: Vec<f64>,
    pub fit: Fit,
}

/// How well an item suits a room; both as shares of the capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Weighted product with the room: most is best.
    Product,
    /// The same, divided by the length of the room and by the item's.
    Angle,
    /// Weighted distance of what would be left: least is best.
    Distance,
}

pub const FITS: [Fit; 3] = [Fit::Product, Fit::Angle, Fit::Distance];

/// Bins that are looked at for an item: the last so many.
const OPEN: usize = 1000;

/// Weights worth trying: even, by how much of a dimension is needed, and by powers of that.
pub fn weights(model: &Model) -> Vec<Vec<f64>> {
    let mut need = vec![0.0; model.dimensions];
    for kind in 0..model.types() {
        for (need, share) in need.iter_mut().zip(model.share(0, kind)) {
            *need += share * f64::from(model.demand[kind]);
        }
    }
    let most = need.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let scaled = |power: f64| need.iter().map(|need| (need / most).powf(power)).collect();
    vec![
        vec![1.0; model.dimensions],
        scaled(1.0),
        scaled(4.0),
        scaled(16.0),
    ]
}

impl Rule {
    /// How big an item is.
    fn size(&self, shares: &[f64]) -> f64 {
        match self.fit {
            Fit::Product => self.weights.iter().zip(shares).map(|(w, s)| w * s).sum(),
            Fit::Angle => shares
                .iter()
                .zip(&self.weights)
                .map(|(s, w)| s * w)
                .fold(0.0, f64::max),
            Fit::Distance => self
                .weights
                .iter()
                .zip(shares)
                .map(|(w, s)| w * s * s)
                .sum(),
        }
    }

    /// How well an item suits the room; more is better.
    fn suits(&self, shares: &[f64], room: &[f64]) -> f64 {
        let terms = self.weights.iter().zip(shares).zip(room);
        match self.fit {
            Fit::Product => terms.map(|((w, s), r)| w * s * r).sum(),
            Fit::Angle => {
                let product: f64 = terms.map(|((w, s), r)| w * s * r).sum();
                let item: f64 = self
                    .weights
                    .iter()
                    .zip(shares)
                    .map(|(w, s)| w * s * s)
                    .sum();
                let room: f64 = self.weights.iter().zip(room).map(|(w, r)| w * r * r).sum();
                product / (item * room).sqrt().max(f64::MIN_POSITIVE)
            }
            Fit::Distance => -terms.map(|((w, s), r)| w * (r - s) * (r - s)).sum::<f64>(),
        }
    }
}

/// Room left in a bin, exactly and as shares of its capacity.
struct Bin {
    class: usize,
    room: Vec<u64>,
    shares: Vec<f64>,
    kinds: Vec<usize>,
}

impl Bin {
    fn new(model: &Model, class: usize) -> Self {
        Self {
            class,
            room: model.classes[class].capacity.clone(),
            shares: vec![1.0; model.dimensions],
            kinds: Vec::new(),
        }
    }

    fn put(&mut self, model: &Model, kind: usize) {
        take(&mut self.room, model.size(kind));
        for (room, share) in self.shares.iter_mut().zip(model.share(self.class, kind)) {
            *room -= share;
        }
        self.kinds.push(kind);
    }

    fn accepts(&self, model: &Model, kind: usize) -> bool {
        model.classes[self.class].accepts[kind] && fits(model.size(kind), &self.room)
    }
}

/// Packs item by item. None where an item finds no bin or the work ends.
pub fn by_item(model: &Model, rule: &Rule, work: &mut Work) -> Option<Vec<Pattern>> {
    let mut order: Vec<(f64, usize)> = (0..model.types())
        .filter(|&kind| model.demand[kind] > 0)
        .map(|kind| (rule.size(model.share(0, kind)), kind))
        .collect();
    order.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut left: Vec<usize> = model.classes.iter().map(|class| class.count).collect();
    let mut bins: Vec<Bin> = Vec::new();
    for (_, kind) in order {
        for _ in 0..model.demand[kind] {
            let mut best: Option<(f64, usize)> = None;
            let from = bins.len().saturating_sub(OPEN);
            for (i, bin) in bins.iter().enumerate().skip(from) {
                if bin.accepts(model, kind) {
                    let suits = rule.suits(model.share(bin.class, kind), &bin.shares);
                    if best.is_none_or(|(most, _)| suits > most) {
                        best = Some((suits, i));
                    }
                }
            }
            if !work.take((bins.len() - from) * 3) {
                return None;
            }
            let place = match best {
                Some((_, place)) => place,
                None => {
                    let class =
                        (0..left.len()).find(|&c| left[c] > 0 && model.classes[c].accepts[kind])?;
                    left[class] -= 1;
                    bins.push(Bin::new(model, class));
                    bins.len() - 1
                }
            };
            bins[place].put(model, kind);
        }
    }
    Some(
        bins.into_iter()
            .map(|bin| Pattern::of(bin.class, bin.kinds))
            .collect(),
    )
}

/// Packs bin by bin, at each time the bin that can be loaded most. None as above.
pub fn by_bin(model: &Model, rule: &Rule, work: &mut Work) -> Option<Vec<Pattern>> {
    let mut demand = model.demand.clone();
    let mut open: Vec<usize> = (0..model.types())
        .filter(|&kind| demand[kind] > 0)
        .collect();
    let mut left: Vec<usize> = model.classes.iter().map(|class| class.count).collect();
    let mut patterns = Vec::new();
    while !open.is_empty() {
        let mut best: Option<(f64, Bin)> = None;
        for (class, &left) in left.iter().enumerate() {
            if left > 0 {
                let bin = fill(model, class, &demand, &open, rule, work)?;
                let size = |&kind: &usize| rule.size(model.share(0, kind));
                let load: f64 = bin.kinds.iter().map(size).sum();
                if !bin.kinds.is_empty() && best.as_ref().is_none_or(|(most, _)| load > *most) {
                    best = Some((load, bin));
                }
            }
        }
        let (_, bin) = best?;
        left[bin.class] -= 1;
        bin.kinds.iter().for_each(|&kind| demand[kind] -= 1);
        open.retain(|&kind| demand[kind] > 0);
        patterns.push(Pattern::of(bin.class, bin.kinds));
    }
    Some(patterns)
}

fn fill(
    model: &Model,
    class: usize,
    demand: &[u32],
    open: &[usize],
    rule: &Rule,
    work: &mut Work,
) -> Option<Bin> {
    let mut bin = Bin::new(model, class);
    let mut rest: Vec<(usize, u32)> = open.iter().map(|&kind| (kind, demand[kind])).collect();
    loop {
        rest.retain(|&(kind, count)| count > 0 && bin.accepts(model, kind));
        let mut best: Option<(f64, usize)> = None;
        for (i, &(kind, _)) in rest.iter().enumerate() {
            let suits = rule.suits(model.share(class, kind), &bin.shares);
            if best.is_none_or(|(most, _)| suits > most) {
                best = Some((suits, i));
            }
        }
        if !work.take(rest.len() * 4) {
            return None;
        }
        let Some((_, i)) = best else { return Some(bin) };
        bin.put(model, rest[i].0);
        rest[i].1 -= 1;
    }
}
