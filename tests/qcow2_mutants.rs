//! Malformed qcow2 images: each field of the header, of the extensions, of the snapshot table and
//! of the bitmap directory is set to odd values, alone and in pairs. Ours must not panic, must
//! refuse what `qemu-img info` refuses, and must give the same answer where both read the image.

mod support;

#[path = "qcow2_mutants/fields.rs"]
mod fields;

use std::sync::Arc;

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

/// A changed image: what is changed, not its bytes, for there are thousands of them.
struct Mutant {
    name: String,
    base: Arc<Base>,
    /// Offsets and the bytes that are put there.
    changes: Vec<(usize, Vec<u8>)>,
    /// Where the image ends.
    length: usize,
}

impl Mutant {
    fn new(base: &Arc<Base>) -> Self {
        Mutant {
            name: base.name.to_owned(),
            base: base.clone(),
            changes: Vec::new(),
            length: base.bytes.len(),
        }
    }

    fn put(mut self, field: &Field, value: u64) -> Self {
        let bytes = value.to_be_bytes()[8 - field.width..].to_vec();
        self.changes.push((field.offset, bytes));
        self.name += &format!(", {} = {value:#x}", field.name);
        self
    }

    /// The image's bytes, in a buffer that can be used again.
    fn bytes(&self, buffer: &mut Vec<u8>) {
        buffer.clear();
        buffer.extend_from_slice(&self.base.bytes);
        for (at, bytes) in &self.changes {
            buffer[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        buffer.truncate(self.length);
    }
}

/// The values that a field is tried with.
fn values(base: &Base, field: &Field, random: &mut Random) -> Vec<u64> {
    let now = base.bytes[field.offset..field.offset + field.width]
        .iter()
        .fold(0u64, |n, &byte| n << 8 | u64::from(byte));
    let max = u64::MAX >> (64 - 8 * field.width);
    let mut values = vec![0, 1, max, max >> 1, (max >> 1) + 1];
    values.extend([max & !0xffff, max >> 1 & !0xffff]);
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

fn singles(base: &Arc<Base>, random: &mut Random) -> Vec<Mutant> {
    let mut mutants = Vec::new();
    for field in &base.fields {
        let values = values(base, field, random).into_iter();
        mutants.extend(values.map(|value| Mutant::new(base).put(field, value)));
    }
    mutants
}

fn pair(base: &Arc<Base>, random: &mut Random) -> Mutant {
    let mut mutant = Mutant::new(base);
    for _ in 0..2 {
        let field = random.pick(&base.fields);
        let choices = values(base, field, random);
        mutant = mutant.put(field, *random.pick(&choices));
    }
    mutant
}

fn scattered(base: &Arc<Base>, random: &mut Random) -> Mutant {
    let mut mutant = Mutant::new(base);
    for _ in 0..1 + random.below(3) {
        let (start, end) = *random.pick(&base.ranges);
        let (at, value) = (start + random.below(end - start), random.next() as u8);
        mutant.changes.push((at, vec![value]));
        mutant.name += &format!(", byte {at} = {value:#x}");
    }
    mutant
}

fn cut(base: &Arc<Base>, random: &mut Random) -> Mutant {
    let mut mutant = Mutant::new(base);
    mutant.length = match random.below(2) {
        0 => random.below(200),
        _ => random.below(base.bytes.len()),
    };
    mutant.name += &format!(", {} bytes", mutant.length);
    mutant
}

#[test]
fn malformed_images_in_memory_never_panic() {
    let mut random = Random::new(77);
    let bases = bases();
    let mut bytes = Vec::new();
    let mut read = 0;
    for round in 0..30_000 {
        let base = random.pick(&bases).clone();
        let mutant = match round % 3 {
            0 => scattered(&base, &mut random),
            1 => pair(&base, &mut random),
            _ => cut(&base, &mut random),
        };
        mutant.bytes(&mut bytes);
        let memory = Memory(&bytes);
        let head = &bytes[..bytes.len().min(4096)];
        let attempt = std::panic::catch_unwind(|| qcow2::read(&Source::new(&memory, head)).is_ok());
        read += usize::from(attempt.unwrap_or_else(|_| panic!("{}", mutant.name)));
    }
    assert!(read > 3_000, "only {read} of them could be read");
}

#[test]
fn malformed_images_are_judged_as_by_qemu() {
    let mut random = Random::new(2024);
    let bases = bases();
    let mut mutants: Vec<Mutant> = Vec::new();
    for (index, base) in bases.iter().enumerate() {
        let memory = Memory(&base.bytes);
        let sound = qcow2::read(&Source::new(&memory, &base.bytes));
        assert!(sound.is_ok(), "{}: {:?}", base.name, sound.err());
        let mut all = singles(base, &mut random);
        // Two bases are tried with everything; of the others every second mutant says enough.
        all.retain(|_| (1..3).contains(&index) || random.below(2) == 0);
        mutants.append(&mut all);
    }
    for (count, make) in [
        (PAIRS, pair as fn(&Arc<Base>, &mut Random) -> Mutant),
        (SCATTERED, scattered),
        (CUT, cut),
    ] {
        mutants.extend((0..count).map(|_| {
            let base = random.pick(&bases).clone();
            make(&base, &mut random)
        }));
    }
    let case = |mutant: Mutant| {
        Case::new("mutants", mutant.name.clone(), move |bench| {
            let mut bytes = Vec::new();
            mutant.bytes(&mut bytes);
            bench.write("m.qcow2", &bytes);
            bench.same_info("m.qcow2", "qcow2");
        })
    };
    let cases: Vec<Case> = mutants.into_iter().map(case).collect();
    let root = tempfile::tempdir().expect("a directory for the images");
    let compared = run(root.path(), &cases).finish("malformed qcow2");
    assert!(compared >= 400);
}
