//! What is fuzzed: one function per target that takes bytes and must not panic.
//!
//! The functions know nothing of a fuzzer: `fuzz/fuzz_targets/` hands them to libFuzzer, and
//! `tests/replay.rs` runs them on the stable toolchain over the seeds, the regressions and
//! generated mutants. A target has a line in [`TARGETS`], a file in `fuzz/fuzz_targets/` and a test
//! in `tests/replay.rs`.

pub mod audit;
pub mod capi;
pub mod chain;
mod check;
pub mod cluster;
pub mod cluster_engine;
pub mod corpus;
mod directory;
mod disk;
pub mod extents;
pub mod image;
mod input;
pub mod json;
pub mod maps;
pub mod mutate;
pub mod names;
mod pieces;
pub mod placement;
pub mod plans;
pub mod qcow2_fields;
#[path = "../../../tests/support/random.rs"]
mod random;
mod repair;
pub mod seeds;
pub mod snapshots;
mod tables;
#[allow(dead_code)]
#[path = "../../../tests/support/writer.rs"]
mod writer;

use seeds::Seed;

/// Something that is fuzzed.
pub struct Target {
    /// Its name: that of the cargo-fuzz target, of its seeds' and its regressions' folder.
    pub name: &'static str,
    /// Runs it on one input. A panic is a finding.
    pub run: fn(&[u8]),
    /// Inputs to begin with. The same in every run.
    pub seeds: fn() -> Vec<Seed>,
    /// Mutants that a test run makes of the seeds.
    pub mutants: usize,
}

/// All targets.
pub const TARGETS: [Target; 27] = [
    image_target("qcow2", image::qcow2, seeds::qcow2),
    image_target("qcow", image::qcow, seeds::qcow),
    image_target("qed", image::qed, seeds::qed),
    image_target("vmdk", image::vmdk, seeds::vmdk),
    image_target("vdi", image::vdi, seeds::vdi),
    image_target("vpc", image::vpc, seeds::vpc),
    image_target("vhdx", image::vhdx, seeds::vhdx),
    image_target("luks", image::luks, seeds::luks),
    image_target("raw", image::raw, seeds::raw),
    image_target("probe", image::probe, seeds::probe),
    Target {
        name: "qcow2_fields",
        run: qcow2_fields::run,
        seeds: seeds::noise,
        mutants: 20_000,
    },
    image_target("extents", extents::run, seeds::extents),
    Target {
        name: "chain",
        run: chain::run,
        seeds: seeds::chain,
        mutants: 20_000,
    },
    Target {
        name: "audit",
        run: audit::run,
        seeds: seeds::audit,
        mutants: 20_000,
    },
    Target {
        name: "maps",
        run: maps::run,
        seeds: seeds::maps,
        mutants: 5_000,
    },
    Target {
        name: "snapshots",
        run: snapshots::run,
        seeds: seeds::snapshots,
        mutants: 5_000,
    },
    Target {
        name: "plans",
        run: plans::run,
        seeds: seeds::noise,
        mutants: 5_000,
    },
    Target {
        name: "capi",
        run: capi::run,
        seeds: seeds::capi,
        mutants: 10_000,
    },
    Target {
        name: "json",
        run: json::run,
        seeds: seeds::noise,
        mutants: 20_000,
    },
    Target {
        name: "reference",
        run: names::reference,
        seeds: seeds::reference,
        mutants: 20_000,
    },
    Target {
        name: "options",
        run: names::options,
        seeds: seeds::options,
        mutants: 20_000,
    },
    Target {
        name: "multipathd",
        run: cluster::multipathd,
        seeds: seeds::multipathd,
        mutants: 5_000,
    },
    Target {
        name: "broadcast",
        run: cluster::broadcast,
        seeds: seeds::broadcast,
        mutants: 20_000,
    },
    Target {
        name: "cluster",
        run: cluster::status,
        seeds: seeds::cluster,
        mutants: 20_000,
    },
    Target {
        name: "cluster_engine",
        run: cluster_engine::story,
        seeds: seeds::cluster_engine,
        mutants: 5_000,
    },
    Target {
        name: "placement",
        run: placement::document,
        seeds: seeds::placement,
        mutants: 5_000,
    },
    Target {
        name: "placement_cases",
        run: placement::cases,
        seeds: seeds::placement_cases,
        mutants: 5_000,
    },
];

const fn image_target(name: &'static str, run: fn(&[u8]), seeds: fn() -> Vec<Seed>) -> Target {
    Target {
        name,
        run,
        seeds,
        mutants: 20_000,
    }
}
