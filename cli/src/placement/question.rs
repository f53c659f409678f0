//! The question: a problem, and what the command line says over it.

use std::path::Path;

use pve_native_core::placement::problem::{Problem, Task};
use pve_native_core::text::printable;
use pve_native_core::{Error, Result, limits};

use crate::args::placement::{Explain, Problem as Args, WhatIf};
use crate::input::{bounded, wrong};

/// Reads the problem.
pub fn read(args: &Args) -> Result<Problem> {
    let text = bounded(&args.file, limits::PLACEMENT_DOCUMENT)?;
    Problem::from_json(&text).map_err(|error| wrong(&error, Path::new(&args.file)))
}

/// Reads the problem as one of failing nodes.
pub fn what_if(args: &WhatIf) -> Result<Problem> {
    let mut problem = read(&args.problem)?;
    problem.task = Task::WhatIf;
    if let Some(failures) = args.failures {
        problem.policy.failed.clear();
        // At most three.
        problem.policy.failures = failures as usize;
    }
    if !args.failed.is_empty() {
        problem.policy.failed = args
            .failed
            .iter()
            .map(|case| known_nodes(&problem, case.split(',')))
            .collect::<Result<_>>()?;
    }
    Ok(problem)
}

/// Whether what is to be explained is in the problem: whoever mistypes a name must not think that there is
/// nothing to be said of it.
pub fn check(args: &Explain, problem: &Problem) -> Result<()> {
    for sid in &args.guests {
        if !problem.guests.iter().any(|guest| guest.sid == *sid) {
            return Err(unknown("guest", sid));
        }
    }
    known_nodes(problem, args.nodes.iter().map(String::as_str)).map(drop)
}

fn known_nodes<'a>(problem: &Problem, names: impl Iterator<Item = &'a str>) -> Result<Vec<String>> {
    let known = |name: &str| match problem.node(name) {
        Some(_) => Ok(name.to_string()),
        None => Err(unknown("node", name)),
    };
    names.map(known).collect()
}

fn unknown(what: &str, name: &str) -> Error {
    let name = printable(name.as_bytes());
    Error::argument(format!("the problem has no {what} '{name}'"))
}
