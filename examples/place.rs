//! Placement problems, one document a line, on standard input; where the guests go, one answer a line. For
//! each document: `verdict`, `placed` (the nodes of the guests that were to get one), `objective`, `bound`.

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};

use pve_native_core::placement::instance::{Given, Instance};
use pve_native_core::placement::problem::{Objective, Problem};
use pve_native_core::placement::recovery;
use pve_native_core::placement::search::Budget;
use serde_json::{Map, Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    for line in stdin().lock().lines() {
        let problem = Problem::from_json(line?.as_bytes())?;
        let failed = problem.policy.failed.first();
        let failed = failed.into_iter().flatten();
        let failed = failed.filter_map(|name| problem.node(name)).collect();
        let instance = Instance::recovery(&problem, failed, Given::default());
        let never = || false;
        let mut budget = Budget::new(problem.policy.work_limit, &never);
        let objective = problem.policy.objective.unwrap_or(Objective::Spread);
        let outcome = recovery::place(&instance, objective, &mut budget);
        let placed = outcome.placed.iter().zip(&instance.guests);
        let placed: Map<String, Value> = placed
            .map(|(node, &guest)| {
                let name = node.map(|node| problem.nodes[node].name.as_str());
                (problem.guests[guest].sid.clone(), json!(name))
            })
            .collect();
        let answer = json!({
            "verdict": format!("{:?}", outcome.verdict).to_lowercase(),
            "placed": placed,
            "objective": outcome.objective,
            "bound": outcome.bound,
        });
        writeln!(stdout(), "{answer}")?;
    }
    Ok(())
}
