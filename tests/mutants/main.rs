//! Malformed images at scale: many thousands of mutants of each format against the real
//! `qemu-img info`. For each image ours must not panic, must refuse what QEMU refuses, must give
//! the same answer where both read it, and must stay within bounds of memory, bytes read and steps
//! taken, whatever the image says.
//!
//! `PVE_NATIVE_MUTANTS` is how many of them there are for each format, or which: `123..124` makes one
//! again. `make check-mutants` tries 20,000 of each.

mod allocations;
mod base;
mod bases;
mod judge;
mod mutate;
mod oracle;
mod ours;
mod place;
mod pokes;
#[path = "../support/random.rs"]
#[allow(dead_code, reason = "a part is used")]
mod random;
#[path = "../support/writer.rs"]
#[allow(dead_code, reason = "a part is used")]
mod writer;

use std::ops::Range;

use base::Base;
use judge::Judge;
use mutate::{Mutant, mutant, values};
use place::Place;
use random::Random;

/// Random mutants of each format unless more are asked for, and at the most as many that change one
/// field.
const COUNT: usize = 1_200;

/// A directory for images: in memory if there is a place, for nothing is kept.
fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .expect("a directory")
}

/// The numbers of the random mutants.
fn numbers() -> Range<usize> {
    let Ok(text) = std::env::var("PVE_NATIVE_MUTANTS") else {
        return 0..COUNT;
    };
    let number = |text: &str| text.parse().expect("PVE_NATIVE_MUTANTS is N or N..M");
    match text.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => 0..number(&text),
    }
}

/// Each field alone with each value, then as many random mutants as are asked for.
fn attack(format: &str, bases: &[Base]) {
    let numbers = numbers();
    let root = directory();
    let mut judge = Judge::new();
    let mut places: Vec<Place<'_>> = (bases.iter().enumerate())
        .map(|(i, base)| Place::new(base, root.path(), &i.to_string()))
        .collect();
    let mut ask = |index: usize, mutant: &Mutant| {
        places[index].with(mutant, |path| {
            let format = bases[index].format;
            judge.judge(path, format, mutant.probe, &|| mutant.what.clone());
        });
    };
    let mut random = Random::new(1);
    let mut singles = Vec::new();
    for (index, base) in bases.iter().enumerate() {
        ask(index, &Mutant::of(base));
        for field in &base.fields {
            let values = values(base, field, &mut random).into_iter();
            singles.extend(values.map(|value| (index, Mutant::of(base).put(base, field, value))));
        }
    }
    // Evenly fewer, if there are too many.
    let each = singles.len().div_ceil(numbers.len().max(1));
    let singles = singles.iter().step_by(each);
    let of = format!(
        "{format}: {} fields, {} at random",
        singles.len(),
        numbers.len()
    );
    for (index, mutant) in singles {
        ask(*index, mutant);
    }
    for number in numbers {
        // Every mutant stands alone: its number makes it again.
        let mut random = Random::new(number as u64 ^ 0x6d75_7461_6e74);
        let index = random.below(bases.len());
        let mut mutant = mutant(&bases[index], &mut random);
        mutant.what = format!("{number}: {}", mutant.what);
        ask(index, &mutant);
    }
    judge.report(&of);
}

#[test]
fn qcow2() {
    attack("qcow2", &bases::qcow2::bases());
}

#[test]
fn vmdk() {
    attack("vmdk", &bases::vmdk::bases());
}

#[test]
fn vdi() {
    attack("vdi", &bases::vdi::bases());
}

#[test]
fn vpc() {
    attack("vpc", &bases::vpc::bases());
}

#[test]
fn vhdx() {
    attack("vhdx", &bases::vhdx::bases());
}

#[test]
fn qed() {
    attack("qed", &bases::qed::bases());
}

#[test]
fn luks() {
    attack("luks", &bases::luks::bases());
}

#[test]
fn qcow() {
    attack("qcow", &bases::qcow::bases());
}

#[test]
fn pokes_of_qemu_tests() {
    let images = pokes::images();
    let root = directory();
    let path = root.path().join("image");
    let mut judge = Judge::new();
    for image in &images {
        std::fs::write(&path, &image.bytes).expect("it is written");
        judge.judge(&path, "qcow2", false, &|| image.name.clone());
    }
    assert!(images.len() >= 400);
    judge.report(&format!(
        "qcow2 after QEMU's tests: {} images",
        images.len()
    ));
}
