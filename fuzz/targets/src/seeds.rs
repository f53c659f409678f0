//! Inputs to begin with, made here and nowhere else: sound images of each format and the shapes
//! that its reader tells apart. `cargo run -p pve-native-fuzz-targets --example seeds` writes them
//! to `fuzz/seeds/`.

mod calls;
mod cluster;
mod disks;
mod placement;
mod qcow2;
mod tables;
mod texts;

pub use calls::capi;
pub use cluster::{broadcast, cluster, cluster_engine, multipathd};
pub use disks::{luks, qcow, qed, raw, vdi, vhdx, vmdk, vpc};
pub use placement::{cases as placement_cases, document as placement};
pub use qcow2::qcow2;
pub(crate) use qcow2::rich as rich_qcow2;
pub use texts::{options, reference};

use crate::TARGETS;
use crate::random::Random;

/// An input and a name for it.
pub type Seed = (&'static str, Vec<u8>);

/// The seeds of all targets, and of the one that runs in Perl.
pub fn all() -> Vec<(&'static str, Vec<Seed>)> {
    let of_targets = TARGETS.iter().map(|target| (target.name, (target.seeds)()));
    of_targets.chain([("perl_values", perl_values())]).collect()
}

/// Probing has all of the others' to tell apart.
pub fn probe() -> Vec<Seed> {
    let all = [
        ("qcow2", qcow2()),
        ("qcow", qcow()),
        ("qed", qed()),
        ("vmdk", vmdk()),
        ("vdi", vdi()),
        ("vpc", vpc()),
        ("luks", luks()),
    ];
    let first = |(name, of): (&'static str, Vec<Seed>)| Some((name, of.into_iter().next()?.1));
    let mut seeds: Vec<Seed> = all.into_iter().filter_map(first).collect();
    seeds.extend(texts::probed());
    seeds
}

/// The tables of qcow2 images and of all others.
pub fn extents() -> Vec<Seed> {
    let mut seeds = qcow2::extents();
    seeds.extend(tables::all());
    seeds
}

/// Inputs that stand for decisions: bytes without a meaning of their own.
pub fn noise() -> Vec<Seed> {
    ["16", "64", "128", "256", "512", "1024"]
        .map(random_bytes)
        .into()
}

/// The same for values of Perl's, which take few bytes each.
fn perl_values() -> Vec<Seed> {
    const LENGTHS: [&str; 16] = [
        "20", "40", "60", "80", "100", "110", "120", "130", "140", "150", "160", "170", "180",
        "200", "250", "300",
    ];
    LENGTHS.map(random_bytes).into()
}

/// As many bytes as the name says.
fn random_bytes(name: &'static str) -> Seed {
    let length = name.parse().unwrap_or(0);
    let mut random = Random::new(length as u64);
    (name, (0..length).map(|_| random.next() as u8).collect())
}

/// Directories: a chain that is whole, a circle, links, all formats.
pub fn chain() -> Vec<Seed> {
    // Choice of format, probing, depth, strictness; then for each file its kind, a name, a format.
    let mut seeds: Vec<Seed> = vec![
        (
            "whole",
            vec![0, 0, 0, 0, 0, 1, 0, 1, 0, 2, 0, 1, 10, 4, 1, 1, 1, 1],
        ),
        ("circle", vec![0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1]),
        ("hard-link", vec![0, 0, 0, 0, 0, 1, 0, 1, 12, 0]),
        (
            "symlink",
            vec![0, 0, 0, 1, 0, 1, 0, 1, 11, 2, 2, 0, 2, 1, 2],
        ),
        (
            "probed",
            vec![1, 1, 0, 0, 6, 1, 0, 0, 7, 2, 0, 10, 3, 1, 2, 3],
        ),
        (
            "vmdk",
            vec![2, 0, 0, 0, 8, 0, 2, 0, 9, 1, 0, 1, 9, 1, 0, 1, 2, 0, 10, 9],
        ),
        (
            "limit",
            vec![0, 0, 2, 1, 0, 1, 0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 10, 0],
        ),
    ];
    seeds.extend(noise());
    seeds
}

/// The same directories under some policies.
pub fn audit() -> Vec<Seed> {
    // Preset, format, roots, formats, protocols, backing, data file, unnamed, device, depth, size,
    // symbolic links.
    let policies: [[u8; 12]; 3] = [
        [0, 0, 3, 1, 1, 1, 0, 0, 0, 0, 0, 0],
        [1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0],
        [2, 1, 2, 1, 0, 1, 1, 1, 1, 0, 3, 2],
    ];
    let chains = chain().into_iter();
    let with_policy =
        |((name, input), policy): (Seed, &[u8; 12])| (name, [policy, &input[4..]].concat());
    chains
        .zip(policies.iter().cycle())
        .map(with_policy)
        .collect()
}

/// The same directories, their files listed as images of a volume.
pub fn snapshots() -> Vec<Seed> {
    // Layout, length of a name, volume, names of the files.
    let listings: [[u8; 11]; 4] = [
        [0, 0, 0, 0, 2, 3, 5, 6, 7, 4, 13],
        [1, 0, 0, 0, 8, 9, 10, 13, 8, 9, 0],
        [2, 0, 0, 0, 11, 12, 7, 6, 11, 12, 0],
        [0, 0, 1, 3, 2, 1, 0, 5, 1, 2, 3],
    ];
    let listed =
        |((name, input), listing): (Seed, &[u8; 11])| (name, [listing, &input[4..]].concat());
    let chains = chain().into_iter();
    chains.zip(listings.iter().cycle()).map(listed).collect()
}

/// Chains with something in them: each kind of cluster, raw at the bottom, a data file.
pub fn maps() -> Vec<Seed> {
    // Capacity, probing, a generated chain, images, raw at the bottom.
    let chain = |images: u8, raw: u8| vec![0, 0, 0, images - 1, raw];
    // No data file; clusters of 512 bytes, version 3, filled; one stretch for each kind.
    let kinds = [
        0u8, 0, 1, 1, 8, 0, 3, 1, 0, 2, 5, 3, 2, 4, 3, 90, 90, 90, 90, 5, 2, 6, 9, 7, 7, 8, 1,
    ];
    // Cut, width of refcounts, encryption, changes.
    let end = [1u8, 0, 0, 1];
    let image = [&kinds[..], &end].concat();
    // Subclusters: clusters of 16 KiB with stretches of zeros and data.
    let subclusters = [
        &[0, 4, 1, 1, 0, 2, 2, 1][..],
        &[0x0f; 16],
        &[6, 1, 1],
        &[0x55; 8],
        &[1],
        &[0x33; 8],
        &[4, 0, 90],
        &end,
    ]
    .concat();
    let data_file = [&[7, 200, 1, 1, 3, 1, 9, 200][..], &image[1..]].concat();
    let flat = [200u8, 1, 2, 3, 0, 5, 17];
    let mut seeds: Vec<Seed> = vec![
        ("one", [chain(1, 0), image.clone()].concat()),
        (
            "three",
            [chain(3, 0), image.clone(), image.clone(), image.clone()].concat(),
        ),
        (
            "on-raw",
            [chain(2, 1), image.clone(), flat.to_vec()].concat(),
        ),
        ("subclusters", [chain(2, 0), subclusters, image].concat()),
        ("data-file", [chain(1, 0), data_file].concat()),
    ];
    seeds.extend(chain_in_a_directory());
    seeds.extend(noise());
    seeds
}

/// The directories of [`chain`], with no choice but the format.
fn chain_in_a_directory() -> impl Iterator<Item = Seed> {
    let made = chain().into_iter().take(7);
    made.map(|(name, input)| (name, [&[0, 1, 3, input[0]], &input[4..]].concat()))
}
