//! The command line: what can be written, and what it means to the core. Each area of the command has a
//! file of its own beside this one.
//!
//! The manual pages and the shells' completions are made from these definitions
//! (`examples/generate.rs`), so the help texts here are the documentation.

pub mod cluster;
pub mod image;
pub mod placement;
pub mod snapshot;
pub mod storage;
mod values;

use clap::{Parser, Subcommand, ValueEnum};

use cluster::ClusterCommand;
use image::ImageCommand;
use placement::PlacementCommand;
use snapshot::SnapshotCommand;
use storage::StorageCommand;

/// Disk images, backing chains and snapshots for Proxmox VE, inspected without starting QEMU.
#[derive(Debug, Parser)]
#[command(name = "pve-native", version, after_help = EXIT_STATUS)]
pub struct Args {
    /// How the answer is written.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "HOW",
        default_value = "human"
    )]
    pub output: Output,
    /// When human output is coloured; auto means on a terminal, unless NO_COLOR is set.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto"
    )]
    pub color: Color,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The meaning of the exit status, as the help shows it.
const EXIT_STATUS: &str = "Exit status: 0 fine, 1 error, 2 usage, 3 the answer is \"no\" \
                           (chain damaged, image corrupt, image not safe, device too small, \
                           volume not whole or in need of a repair, LUN not healthy, \
                           guests that cannot be placed)";

/// How the answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people: trees and tables.
    Human,
    /// For programs: the JSON text of qemu-img info or map; of an audit, verdict, chain and findings;
    /// of a volume, its snapshots; plans, and findings with their plans; of a cluster, LUNs and nodes;
    /// of a placement, the answer.
    Json,
    /// For graphviz: images as boxes, references as arrows.
    Dot,
    /// For browsers and documents: a drawing of a map, of a volume's images, or of what is on nodes.
    Svg,
    /// For browsers and mail: a page with the health of LUNs, or with a placement.
    Html,
}

/// When human output is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The areas of the command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Look at disk images.
    #[command(subcommand)]
    Image(ImageCommand),
    /// Look at the snapshots of volumes, take and remove them, and repair what a crash has left.
    #[command(subcommand)]
    Snapshot(SnapshotCommand),
    /// Ask what storages can do.
    #[command(subcommand)]
    Storage(StorageCommand),
    /// Look at the health of LUNs.
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Ask on which nodes guests are to run.
    #[command(subcommand)]
    Placement(PlacementCommand),
}
