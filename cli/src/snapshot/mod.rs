//! `pve-native snapshot …`: asks the core about the snapshots of a volume, of which the listing comes
//! from here.

mod diagnose;
mod graph;
pub mod listing;
mod plan;
mod process;
mod run;

use pve_native_core::Result;

use crate::answer::Answer;
use crate::args::Output;
use crate::args::snapshot::SnapshotCommand;

/// Answers one question.
pub fn run(command: &SnapshotCommand, output: Output) -> Result<Answer> {
    match command {
        SnapshotCommand::Graph(args) => graph::run(args, output),
        SnapshotCommand::Plan(args) => plan::run(args, output),
        SnapshotCommand::Diagnose(args) => diagnose::run(args, output),
    }
}
