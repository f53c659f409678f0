//! What can be asked of the placement of guests.

use std::ffi::OsString;

use clap::{Subcommand, ValueHint};
use pve_native_core::limits;

/// Questions about placement.
#[derive(Debug, Subcommand)]
pub enum PlacementCommand {
    /// Find a node for each guest.
    ///
    /// Reads a problem, as docs/placement.md has it: nodes, guests, rules and what is asked for (its
    /// `task`), and shows who goes where, how good that is and whether it can be better, why a guest has
    /// not got a node, which rules cannot be kept together, and what is on each node before and after.
    ///
    /// The exit status is 3 if guests have not got a node, if rules cannot be kept, if a case is not
    /// survived, or if the work ended before there was an answer that is certain. An answer for which
    /// something was given up that the problem allows to give up is none of these.
    #[command(after_help = super::EXIT_STATUS)]
    Solve(Problem),
    /// Find a node for each guest, and say why it is this one and none of the others.
    ///
    /// The same answer as that of `solve`, with reasons for all guests and nodes: on the chosen node how
    /// full it becomes, on each other one the first thing that it lacks, with its numbers, or why it is
    /// not as good.
    #[command(after_help = super::EXIT_STATUS)]
    Explain(Explain),
    /// Ask whether all guests would run again if nodes failed.
    ///
    /// Takes the problem for one whose task is `what-if`, whatever its task. Cases that are not survived
    /// come first, each with the guests that would not run and the least that would help. Without options
    /// the problem's policy says which nodes fail.
    #[command(after_help = super::EXIT_STATUS)]
    WhatIf(WhatIf),
}

/// The problem.
#[derive(Clone, Debug, clap::Args)]
pub struct Problem {
    /// The problem, a JSON document; `-` is standard input.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: OsString,
}

/// The problem, and of what reasons are wanted.
#[derive(Clone, Debug, clap::Args)]
pub struct Explain {
    #[command(flatten)]
    pub problem: Problem,
    /// Reasons for this guest only; can be given more than once.
    #[arg(long = "guest", value_name = "SID")]
    pub guests: Vec<String>,
    /// Reasons for this node only; can be given more than once.
    #[arg(long = "node", value_name = "NODE")]
    pub nodes: Vec<String>,
}

/// The problem, and which nodes fail.
#[derive(Clone, Debug, clap::Args)]
pub struct WhatIf {
    #[command(flatten)]
    pub problem: Problem,
    /// Every set of so many nodes fails, 1 to 3; over what the problem says.
    #[arg(
        long,
        value_name = "K",
        value_parser = clap::value_parser!(u64).range(1..=limits::PLACEMENT_FAILURES)
    )]
    pub failures: Option<u64>,
    /// These nodes fail together; can be given more than once, each time another case. Over what the problem
    /// says.
    #[arg(long, value_name = "NODE,…", conflicts_with = "failures")]
    pub failed: Vec<String>,
}
