//! The pve-native command: arguments in, the core's answers out as text, JSON or pictures.
//!
//! Everything that is decided about images and volumes is decided in the core; here it is shown.

mod answer;
mod args;
mod changed;
mod check;
mod cluster;
mod dot;
mod html;
mod human;
mod image;
mod input;
mod map;
mod placement;
mod progress;
mod room;
mod scale;
mod snapshot;
mod storage;
mod svg;

use std::process::ExitCode;

use args::{Args, Command};
use clap::Parser;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return answer::explain_usage(&error).into(),
    };
    let answer = match &args.command {
        Command::Image(command) => image::run(command, args.output),
        Command::Storage(command) => storage::run(command, args.output),
        Command::Snapshot(command) => snapshot::run(command, args.output),
        Command::Cluster(command) => cluster::run(command, args.output),
        Command::Placement(command) => placement::run(command, args.output),
    };
    match answer {
        Ok(answer) => answer.write(args.output, args.color).into(),
        Err(error) => {
            answer::complain(&error);
            answer::Status::of_failure(&error).into()
        }
    }
}
