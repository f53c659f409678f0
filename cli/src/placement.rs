//! `pve-native placement …`: on which nodes guests are to run, why, and whether they would if nodes failed.

mod amount;
pub mod loads;
mod question;
pub mod report;
#[cfg(test)]
mod tests;
mod words;

use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, Instant};

use pve_native_core::Result;
use pve_native_core::placement::answer::Answer as Found;
use pve_native_core::placement::problem::Problem;
use pve_native_core::placement::solve::{Explained, solve};

use crate::answer::{Answer, Status};
use crate::args::Output;
use crate::args::placement::{Explain, PlacementCommand};
use crate::human::{self, Symbols};
use crate::image::only;
use crate::{html, input, svg};
use report::Report;

/// Columns of what is no terminal.
const WIDTH: usize = 100;

/// Answers one question.
pub fn run(command: &PlacementCommand, output: Output) -> Result<Answer> {
    let name = match command {
        PlacementCommand::Solve(_) => "placement solve",
        PlacementCommand::Explain(_) => "placement explain",
        PlacementCommand::WhatIf(_) => "placement what-if",
    };
    if output == Output::Dot {
        return Err(only(name, "human, json, html or svg"));
    }
    let start = Instant::now();
    let clock = || start.elapsed();
    let (problem, found, explained) = match command {
        PlacementCommand::Solve(args) => {
            let problem = question::read(args)?;
            let found = solved(&problem, Explained::Some, &clock, &args.file)?;
            (problem, found, false)
        }
        PlacementCommand::Explain(args) => {
            let problem = question::read(&args.problem)?;
            question::check(args, &problem)?;
            let mut found = solved(&problem, Explained::All, &clock, &args.problem.file)?;
            choose(&mut found, args);
            (problem, found, true)
        }
        PlacementCommand::WhatIf(args) => {
            let problem = question::what_if(args)?;
            let found = solved(&problem, Explained::Some, &clock, &args.problem.file)?;
            (problem, found, false)
        }
    };
    Ok(show(&problem, &found, explained, output))
}

/// The answer; what is wrong is the document.
fn solved(
    problem: &Problem,
    explained: Explained,
    clock: &dyn Fn() -> Duration,
    file: &OsStr,
) -> Result<Found> {
    solve(problem, explained, clock).map_err(|error| input::wrong(&error, Path::new(file)))
}

/// Leaves the reasons that were asked for.
fn choose(found: &mut Found, args: &Explain) {
    let (guests, nodes) = (&args.guests, &args.nodes);
    if !guests.is_empty() {
        found.why.retain(|sid, _| guests.contains(sid));
    }
    if !nodes.is_empty() {
        let reasons = found.why.values_mut();
        reasons.for_each(|reasons| reasons.retain(|node, _| nodes.contains(node)));
    }
}

fn show(problem: &Problem, found: &Found, explained: bool, output: Output) -> Answer {
    let report = || Report::new(problem, found, explained);
    let text = match output {
        Output::Json => found.to_json() + "\n",
        Output::Html => html::placement(&report()),
        Output::Svg => svg::loads::drawing(&report()),
        _ => human::placement::report(&report(), human::width_or(WIDTH), &Symbols::of_locale()),
    };
    let status = match report::is_good(problem, found) {
        true => Status::Fine,
        false => Status::No,
    };
    Answer::whole(text, status)
}
