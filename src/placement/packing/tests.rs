//! Packings against a search through all of them, an independent look at each answer, and hostile
//! numbers.

use super::{Bins, Items, ListPacking, Packing, pack, pack_into};
use crate::limits::{PACKING_DIMENSIONS, PACKING_ITEMS};

/// A small generator (xorshift), so that every run tries the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn range(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from + 1)
    }

    fn items(&mut self, count: u64, dimensions: usize, from: u64, to: u64) -> Items {
        let numbers = count * dimensions as u64;
        Items {
            dimensions,
            sizes: (0..numbers).map(|_| self.range(from, to)).collect(),
        }
    }
}

fn count(items: &Items) -> usize {
    items.sizes.len() / items.dimensions
}

/// Checks an assignment without any part of the solver.
fn check(items: &Items, packing: &Packing, capacity: impl Fn(usize) -> Vec<u64>) {
    assert_eq!(packing.assignment.len(), count(items));
    let mut used = packing.assignment.clone();
    used.sort_unstable();
    used.dedup();
    assert_eq!(used.len(), packing.bins);
    assert!(packing.bound <= packing.bins);
    for bin in used {
        for (d, room) in capacity(bin).into_iter().enumerate() {
            let load: u128 = (0..count(items))
                .filter(|&item| packing.assignment[item] == bin)
                .map(|item| u128::from(items.sizes[item * items.dimensions + d]))
                .sum();
            assert!(
                load <= u128::from(room),
                "bin {bin} is overfull in dimension {d}"
            );
        }
    }
}

fn check_list(items: &Items, bins: &Bins, packing: &Packing) {
    let d = items.dimensions;
    let many = bins.capacities.len() / d;
    check(items, packing, |bin| {
        bins.capacities[bin * d..][..d].to_vec()
    });
    for (item, &bin) in packing.assignment.iter().enumerate() {
        assert!(
            bins.accepts.is_empty() || bins.accepts[item * many + bin],
            "{item} is in {bin}"
        );
    }
}

/// The fewest bins, from all ways to put items into them; None where there is none.
fn fewest(items: &Items, bins: &Bins) -> Option<usize> {
    fn next(
        items: &Items,
        bins: &Bins,
        rooms: &mut [u64],
        used: &mut [u32],
        i: usize,
    ) -> Option<usize> {
        let d = items.dimensions;
        if i == count(items) {
            return Some(used.iter().filter(|&&n| n > 0).count());
        }
        let size = &items.sizes[i * d..][..d];
        let mut best = None;
        for bin in 0..used.len() {
            let accepted = bins
                .accepts
                .get(i * used.len() + bin)
                .copied()
                .unwrap_or(true);
            let room = &rooms[bin * d..][..d];
            if !accepted || size.iter().zip(room).any(|(size, room)| size > room) {
                continue;
            }
            (0..d).for_each(|k| rooms[bin * d + k] -= size[k]);
            used[bin] += 1;
            let found = next(items, bins, rooms, used, i + 1);
            best = [best, found].into_iter().flatten().min();
            used[bin] -= 1;
            (0..d).for_each(|k| rooms[bin * d + k] += size[k]);
        }
        best
    }
    let many = bins.capacities.len() / items.dimensions;
    next(
        items,
        bins,
        &mut bins.capacities.clone(),
        &mut vec![0; many],
        0,
    )
}

#[test]
fn small_packings_are_optimal_and_proven_where_they_say_so() {
    let mut random = Random(1);
    let mut proven = 0;
    for round in 0..150 {
        let (dimensions, many) = (random.range(1, 4) as usize, random.range(1, 6));
        let items = random.items(many, dimensions, round % 30, 60);
        let capacity = vec![random.range(60, 120); dimensions];
        let packing = pack(&items, &capacity, 0).unwrap();
        check(&items, &packing, |_| capacity.clone());
        let bins = Bins {
            capacities: capacity.repeat(count(&items)),
            accepts: Vec::new(),
        };
        let best = fewest(&items, &bins).unwrap();
        assert!(packing.bound <= best);
        assert_eq!(packing.bins, best, "{items:?} into {capacity:?}");
        proven += u32::from(packing.is_optimal());
    }
    assert!(proven >= 145, "only {proven} of 150 are proven");
}

#[test]
fn small_lists_are_optimal_and_proven_where_they_say_so() {
    let mut random = Random(2);
    let mut kinds = [0; 4];
    for _ in 0..300 {
        let (dimensions, many) = (random.range(1, 3) as usize, random.range(1, 6));
        let items = random.items(many, dimensions, 0, 50);
        let numbers = random.range(1, 4) * dimensions as u64;
        let capacities: Vec<u64> = (0..numbers).map(|_| random.range(20, 150)).collect();
        let cells = many * numbers / dimensions as u64;
        let accepts = (0..cells).map(|_| random.range(0, 3) > 0).collect();
        let bins = Bins {
            capacities,
            accepts,
        };
        let best = fewest(&items, &bins);
        match pack_into(&items, &bins, 0).unwrap() {
            ListPacking::Packed(packing) => {
                check_list(&items, &bins, &packing);
                let best = best.unwrap();
                assert!(packing.bound <= best);
                assert_eq!(packing.bins, best, "{items:?} into {bins:?}");
                kinds[usize::from(packing.is_optimal())] += 1;
            }
            ListPacking::Impossible { .. } => {
                assert_eq!(best, None, "{items:?} into {bins:?}");
                kinds[2] += 1;
            }
            ListPacking::Unknown { bound } => {
                assert!(best.is_none_or(|best| bound <= best));
                assert_eq!(best, None, "{items:?} into {bins:?}");
                kinds[3] += 1;
            }
        }
    }
    assert!(kinds[1] > 50 && kinds[2] > 50, "{kinds:?}");
}

/// Items that fill so many bins to the brim.
fn planted(random: &mut Random, bins: u64, dimensions: usize, parts: u64) -> Items {
    let mut sizes = Vec::new();
    for _ in 0..bins {
        let mut room = vec![1000; dimensions];
        for _ in 1..parts {
            for room in &mut room {
                let size = random.range(0, *room * 2 / parts);
                sizes.push(size);
                *room -= size;
            }
        }
        sizes.extend(room);
    }
    Items { dimensions, sizes }
}

#[test]
fn full_bins_are_found_again() {
    let mut random = Random(3);
    for (dimensions, parts) in [(2, 3), (3, 3), (5, 3), (2, 5)] {
        let items = planted(&mut random, 12, dimensions, parts);
        let packing = pack(&items, &vec![1000; dimensions], 0).unwrap();
        check(&items, &packing, |_| vec![1000; dimensions]);
        assert!(
            packing.bins <= 13,
            "{} bins for {parts} parts",
            packing.bins
        );
        assert_eq!(packing.bound, 12);
    }
}

#[test]
fn pairs_are_matched() {
    // Three of a kind fit pairwise only, and kinds fit with nothing else: two bins for each kind.
    let mut sizes = Vec::new();
    for kind in 0..6_usize {
        for _ in 0..3 {
            sizes.extend((0..6).map(|d| if d == kind { 5 } else { 8 }));
        }
    }
    let packing = pack(
        &Items {
            dimensions: 6,
            sizes,
        },
        &[16, 16, 16, 16, 16, 16],
        0,
    )
    .unwrap();
    assert_eq!((packing.bins, packing.bound), (9, 9));
}

#[test]
fn many_equal_items_are_one_type() {
    let items = Items {
        dimensions: 2,
        sizes: [3, 1, 1, 4].repeat(2000),
    };
    let packing = pack(&items, &[10, 10], 0).unwrap();
    check(&items, &packing, |_| vec![10, 10]);
    assert!(packing.is_optimal());
}

#[test]
fn equal_questions_have_equal_answers() {
    let items = Random(4).items(80, 3, 10, 60);
    let first = pack(&items, &[100; 3], 5_000_000).unwrap();
    assert_eq!(first, pack(&items, &[100; 3], 5_000_000).unwrap());
    let bins = Bins {
        capacities: [90, 100, 110].repeat(60),
        accepts: Vec::new(),
    };
    let list = pack_into(&items, &bins, 2_000_000).unwrap();
    assert_eq!(list, pack_into(&items, &bins, 2_000_000).unwrap());
}

#[test]
fn any_limit_of_steps_leaves_an_answer() {
    let items = Random(5).items(150, 4, 5, 70);
    let mut before = usize::MAX;
    for steps in [1, 2, 1000, 100_000, 2_000_000, 30_000_000] {
        let packing = pack(&items, &[100; 4], steps).unwrap();
        check(&items, &packing, |_| vec![100; 4]);
        assert!(packing.bins <= before, "more steps, more bins");
        assert!(
            packing.steps <= steps + 2_000_000,
            "{} steps of {steps}",
            packing.steps
        );
        before = packing.bins;
    }
}

#[test]
fn numbers_at_the_end_of_their_range_do_not_overflow() {
    let most = u64::MAX;
    let items = Items {
        dimensions: 2,
        sizes: [most, 0, 0, most, most / 2, most / 2].repeat(5),
    };
    let packing = pack(&items, &[most, most], 0).unwrap();
    check(&items, &packing, |_| vec![most, most]);
    assert_eq!((packing.bins, packing.bound), (8, 8));
    let odd = Items {
        dimensions: 1,
        sizes: vec![most / 2 + 1; 7],
    };
    assert_eq!(pack(&odd, &[most], 0).unwrap().bins, 7);
}

#[test]
fn nothing_takes_no_bin_and_items_of_no_size_take_one() {
    assert_eq!(
        pack(
            &Items {
                dimensions: 3,
                sizes: vec![]
            },
            &[1; 3],
            0
        )
        .unwrap(),
        Packing::default()
    );
    let nothing = Items {
        dimensions: 2,
        sizes: vec![0; 10],
    };
    for capacity in [[0, 0], [7, 0]] {
        let packing = pack(&nothing, &capacity, 0).unwrap();
        assert_eq!((packing.bins, packing.bound), (1, 1));
    }
}

#[test]
fn what_fits_no_bin_is_named() {
    let items = Items {
        dimensions: 2,
        sizes: vec![1, 1, 2, 9, 1, 1],
    };
    let error = pack(&items, &[5, 5], 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "item 1 is larger than a bin in dimension 1"
    );
    let bins = Bins {
        capacities: vec![5, 5, 8, 8],
        accepts: Vec::new(),
    };
    assert_eq!(
        pack_into(&items, &bins, 0).unwrap(),
        ListPacking::Impossible { item: Some(1) }
    );
    let none = Bins::default();
    assert_eq!(
        pack_into(&items, &none, 0).unwrap(),
        ListPacking::Impossible { item: Some(0) }
    );
}

#[test]
fn numbers_that_make_no_items_are_refused() {
    let whole = Items {
        dimensions: 2,
        sizes: vec![1; 4],
    };
    for dimensions in [0, 3, PACKING_DIMENSIONS + 1] {
        let items = Items {
            dimensions,
            sizes: vec![1; 4],
        };
        assert!(pack(&items, &vec![1; dimensions], 0).is_err());
        assert!(pack_into(&items, &Bins::default(), 0).is_err());
    }
    assert!(pack(&whole, &[1], 0).is_err());
    assert!(
        pack(
            &Items {
                dimensions: 1,
                sizes: vec![1; PACKING_ITEMS + 1]
            },
            &[1],
            0
        )
        .is_err()
    );
    for (capacities, accepts) in [(vec![1; 3], vec![]), (vec![1; 4], vec![true; 3])] {
        assert!(
            pack_into(
                &whole,
                &Bins {
                    capacities,
                    accepts
                },
                0
            )
            .is_err()
        );
    }
}

#[test]
fn the_fewest_nodes_are_kept() {
    // A big node would hold all guests but one, which only a small one accepts.
    let items = Items {
        dimensions: 2,
        sizes: [2, 8].repeat(10),
    };
    let capacities = vec![8, 32, 4, 16, 40, 160, 8, 32];
    let mut accepts = vec![true; 40];
    accepts[4 * 7 + 2] = false;
    let bins = Bins {
        capacities,
        accepts,
    };
    let ListPacking::Packed(packing) = pack_into(&items, &bins, 0).unwrap() else {
        panic!("there is room for all");
    };
    check_list(&items, &bins, &packing);
    assert_eq!((packing.bins, packing.bound), (2, 2));
}
