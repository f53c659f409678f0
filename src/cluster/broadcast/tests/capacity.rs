//! How many maps a value of the key-value store has room for.

use super::super::{Entry, Form, Summary};
use super::summaries::wwid;
use crate::cluster::MapState;
use crate::cluster::multipathd::Transport;
use crate::limits;
use crate::random::Random;

fn healthy(random: &mut Random, count: usize, size: Option<u64>) -> Summary {
    let entry = Entry {
        state: MapState::Optimal,
        active: 4,
        total: 4,
        transport: Some(Transport::Fc),
        size,
        impairments: Vec::new(),
        down: Vec::new(),
    };
    let maps = (0..count).map(|_| (wwid(random), entry.clone()));
    Summary {
        maps: maps.collect(),
        ..Summary::default()
    }
}

/// The most maps that fit in this form. Summaries of one size are equally long but for some bytes when
/// they are compressed.
fn capacity(form: Form, size: Option<u64>) -> usize {
    let fits = |count: usize| {
        let summary = healthy(&mut Random::new(7), count, size);
        let fitted = summary.fit(Some(1_700_000_000), Some(1_000_000), limits::BROADCAST);
        let fitted = fitted.unwrap();
        fitted.truncated == 0 && fitted.form <= form
    };
    let (mut low, mut high) = (1, 4000);
    while high - low > 1 {
        let middle = (low + high) / 2;
        match fits(middle) {
            true => low = middle,
            false => high = middle,
        }
    }
    low
}

#[test]
fn a_value_has_room_for_so_many_maps() {
    for (size, least) in [(Some(1 << 40), [255, 500, 1340]), (None, [305, 635, 1350])] {
        for (&form, least) in Form::ALL.iter().zip(least) {
            let most = capacity(form, size);
            println!("{}, size {size:?}: {most} maps", form.name());
            assert!(most >= least, "{}: {most}", form.name());
        }
    }
}

#[test]
fn a_hundred_maps_fit_whatever_their_state() {
    let mut random = Random::new(8);
    let mut summary = healthy(&mut random, 100, Some(1 << 44));
    for entry in summary.maps.values_mut() {
        entry.state = MapState::Degraded;
        entry.active = 3;
    }
    let fitted = summary.fit(Some(1_700_000_000), Some(1), 32 * 1024 - 1);
    let fitted = fitted.unwrap();
    assert_eq!((fitted.form, fitted.truncated), (Form::Seed, 0));
    println!("100 maps: {} bytes", fitted.payload.len());
}
