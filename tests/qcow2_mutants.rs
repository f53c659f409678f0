//! Malformed qcow2 images: each field of the header, of the extensions, of the snapshot table and
//! of the bitmap directory is set to odd values, alone and in pairs. Ours must not panic, must
//! refuse what `qemu-img info` refuses, and must give the same answer where both read the image.

mod support;

#[path = "qcow2_mutants/fields.rs"]
mod fields;

use fields::{Base, Field, bases};
use pve_native_core::image::qcow2;
use pve_native_core::io::{Memory, Source};
use support::bench::{Case, run};
use support::random::Random;

/// Mutants with two changes.
const PAIRS: usize = 400;
/// Mutants with some bytes changed, anywhere in the metadata.
const SCATTERED: usize = 200;
/// Mutants that end early.
const CUT: usize = 60;

/// A changed image.
type Mutant = (String, Vec<u8>);

fn put(bytes: &mut [u8], field: &Field, value: u64) {
    let end = field.offset + field.width;
    bytes[field.offset..end].copy_from_slice(&value.to_be_bytes()[8 - field.width..]);
}

/// The values that a field is tried with.
fn values(bytes: &[u8], field: &Field, random: &mut Random) -> Vec<u64> {
    let now = bytes[field.offset..field.offset + field.width]
        .iter()
        .fold(0u64, |n, &byte| n << 8 | u64::from(byte));
    let max = u64::MAX >> (64 - 8 * field.width);
    let mut values = vec![
        0,
        1,
        max,
        max >> 1,
        (max >> 1) + 1,
        max & !0xffff,
        max >> 1 & !0xffff,
    ];
    values.extend([now.wrapping_add(1) & max, now.wrapping_sub(1) & max]);
    values.extend([
        now ^ 0x200 & max,
        now.wrapping_mul(2) & max,
        now.swap_bytes() & max,
    ]);
    values.push(random.next() & max);
    values.push(1 << random.below(8 * field.width));
    values.push(now ^ 1 << random.below(8 * field.width));
    values.extend(&field.special);
    values.sort_unstable();
    values.dedup();
    values.retain(|&value| value != now && value <= max);
    values
}

fn singles(base: &Base, random: &mut Random) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    for field in &base.fields {
        for value in values(&base.bytes, field, random) {
            let mut bytes = base.bytes.clone();
            put(&mut bytes, field, value);
            mutants.push((format!("{}: {} = {value:#x}", base.name, field.name), bytes));
        }
    }
    mutants
}

fn pair(base: &Base, random: &mut Random) -> Mutant {
    let mut bytes = base.bytes.clone();
    let mut name = base.name.to_owned();
    for _ in 0..2 {
        let field = random.pick(&base.fields);
        let choices = values(&bytes, field, random);
        let value = *random.pick(&choices);
        put(&mut bytes, field, value);
        name += &format!(", {} = {value:#x}", field.name);
    }
    (name, bytes)
}

fn scattered(base: &Base, random: &mut Random) -> Mutant {
    let mut bytes = base.bytes.clone();
    let mut name = base.name.to_owned();
    for _ in 0..1 + random.below(3) {
        let (start, end) = *random.pick(&base.ranges);
        let (at, value) = (start + random.below(end - start), random.next() as u8);
        bytes[at] = value;
        name += &format!(", byte {at} = {value:#x}");
    }
    (name, bytes)
}

fn cut(base: &Base, random: &mut Random) -> Mutant {
    let mut bytes = base.bytes.clone();
    let length = match random.below(2) {
        0 => random.below(200),
        _ => random.below(bytes.len()),
    };
    bytes.truncate(length);
    (format!("{}, {length} bytes", base.name), bytes)
}

#[test]
fn malformed_images_in_memory_never_panic() {
    let mut random = Random::new(77);
    let bases = bases();
    let mut read = 0;
    for round in 0..30_000 {
        let base = &bases[random.below(bases.len())];
        let (name, bytes) = match round % 3 {
            0 => scattered(base, &mut random),
            1 => pair(base, &mut random),
            _ => cut(base, &mut random),
        };
        let memory = Memory(&bytes);
        let head = &bytes[..bytes.len().min(4096)];
        let attempt = std::panic::catch_unwind(|| qcow2::read(&Source::new(&memory, head)).is_ok());
        read += usize::from(attempt.unwrap_or_else(|_| panic!("{name}")));
    }
    assert!(read > 3_000, "only {read} of them could be read");
}

#[test]
fn malformed_images_are_judged_as_by_qemu() {
    let mut random = Random::new(2024);
    let bases = bases();
    let mut mutants: Vec<Mutant> = Vec::new();
    for base in &bases {
        let memory = Memory(&base.bytes);
        let sound = qcow2::read(&Source::new(&memory, &base.bytes));
        assert!(sound.is_ok(), "{}: {:?}", base.name, sound.err());
        mutants.extend(singles(base, &mut random));
    }
    for (count, make) in [
        (PAIRS, pair as fn(&Base, &mut Random) -> Mutant),
        (SCATTERED, scattered),
        (CUT, cut),
    ] {
        mutants.extend((0..count).map(|_| {
            let base = random.below(bases.len());
            make(&bases[base], &mut random)
        }));
    }
    let case = |(name, bytes): Mutant| {
        Case::new("mutants", name, move |bench| {
            bench.write("m.qcow2", &bytes);
            bench.same_info("m.qcow2", "qcow2");
        })
    };
    let cases: Vec<Case> = mutants.into_iter().map(case).collect();
    let root = tempfile::tempdir().expect("a directory for the images");
    let compared = run(root.path(), &cases).finish("malformed qcow2");
    assert!(compared >= 400);
}
