//! What is fuzzed, on the stable toolchain: every seed, every input that once failed and generated
//! mutants must end without a panic, and without much memory.

#[path = "replay/memory.rs"]
mod memory;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use memory::Counting;
use pve_native_fuzz_targets::mutate::Mutator;
use pve_native_fuzz_targets::{TARGETS, Target, corpus, seeds};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What one input may take at the most, in one piece and altogether. Bytes.
const MOST: usize = 32 << 20;

/// Runs one input; what fails is kept for a look at it.
fn try_input(target: &Target, what: &str, input: &[u8]) {
    memory::begin();
    let result = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    let (largest, peak) = memory::end();
    if result.is_ok() && largest <= MOST && peak <= MOST {
        return;
    }
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("failed-{}", target.name));
    let _ = std::fs::write(&kept, input);
    panic!(
        "{} fails on {what}: panic {}, largest allocation {largest}, peak {peak}; see {}",
        target.name,
        result.is_err(),
        kept.display()
    );
}

fn replay(name: &str) {
    let found = TARGETS.iter().find(|target| target.name == name);
    let target = found.unwrap_or_else(|| panic!("no target {name}"));
    let committed = corpus::seeds(name).unwrap();
    let regressions = corpus::regressions(name).unwrap();
    for (file, input) in committed.iter().chain(&regressions) {
        try_input(target, file, input);
    }
    let mut mutator = Mutator::new(committed.into_iter().map(|(_, input)| input).collect());
    for number in 0..target.mutants {
        try_input(target, &format!("mutant {number}"), &mutator.mutant());
    }
}

macro_rules! replay {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        #[test]
        fn every_target_is_replayed() {
            let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
            let mutants: usize = TARGETS.iter().map(|target| target.mutants).sum();
            assert!(mutants >= 200_000, "{mutants}");
        }
    };
}

replay! {
    qcow2 qcow qed vmdk vdi vpc vhdx luks raw probe qcow2_fields extents chain audit maps snapshots plans capi json reference options
    multipathd broadcast cluster cluster_engine placement placement_cases
}

/// `cargo run -p pve-native-fuzz-targets --example seeds` makes them anew.
#[test]
fn the_committed_seeds_are_those_of_the_generator() {
    let mut bytes = 0;
    for (target, made) in seeds::all() {
        let named = |(name, input): seeds::Seed| (name.to_owned(), input);
        let mut made: Vec<corpus::Named> = made.into_iter().map(named).collect();
        made.sort();
        bytes += made.iter().map(|(_, input)| input.len()).sum::<usize>();
        assert!(corpus::seeds(target).unwrap() == made, "{target}");
    }
    assert!(bytes < 500 << 10, "{bytes}");
}
