//! The tasks `what-if` and `feasibility`.

use crate::error::Result;
use crate::placement::answer::{Answer, Remedy, Status, Survival};
use crate::placement::problem::Problem;
use crate::placement::search::{Budget, Verdict};
use crate::placement::{rules, what_if};

pub(super) fn what_if(problem: &Problem, budget: &mut Budget<'_>) -> Result<Answer> {
    let survey = what_if::survey(problem, budget)?;
    let any = |ok| survey.iter().any(|case| case.ok == ok);
    let mut answer = Answer::new(match (any(Some(false)), any(None)) {
        (true, _) => Status::Infeasible,
        (_, true) => Status::Unknown,
        _ => Status::Feasible,
    });
    let survivals = survey.into_iter().map(|case| Survival {
        failed: nodes(problem, &case.failed),
        ok: case.ok,
        lost: case
            .lost
            .iter()
            .map(|&guest| problem.guests[guest].sid.clone())
            .collect(),
        fewest: (case.ok == Some(false)).then_some(case.fewest),
        conflict: Vec::new(),
        remedy: remedy(problem, &case.remedy),
    });
    answer.survives = survivals.collect();
    Ok(answer)
}

pub(super) fn feasibility(problem: &Problem, budget: &mut Budget<'_>) -> Answer {
    let found = rules::check(problem, budget);
    let mut answer = Answer::new(match found.verdict {
        Verdict::Optimal | Verdict::Feasible => Status::Feasible,
        Verdict::Infeasible => Status::Infeasible,
        Verdict::Unknown => Status::Unknown,
    });
    answer.conflict(problem, &found.conflict);
    let survivals = found.losses.iter().map(|loss| Survival {
        failed: nodes(problem, &loss.failed),
        ok: Some(false),
        lost: Vec::new(),
        fewest: None,
        conflict: loss
            .conflict
            .rules
            .iter()
            .map(|&rule| problem.rules[rule].id.clone())
            .collect(),
        remedy: None,
    });
    answer.survives = survivals.collect();
    answer.all_losses = Some(found.all_losses);
    answer
}

fn nodes(problem: &Problem, nodes: &[usize]) -> Vec<String> {
    nodes
        .iter()
        .map(|&node| problem.nodes[node].name.clone())
        .collect()
}

fn remedy(problem: &Problem, found: &what_if::Remedy) -> Option<Remedy> {
    let more = found.more.as_ref();
    let resource = more.map(|more| &problem.resources[more.resource]);
    (more.is_some() || found.rule.is_some()).then(|| Remedy {
        resource: resource.map(|resource| resource.name.clone()),
        amount: more
            .zip(resource)
            .map(|(more, resource)| resource.real(more.amount)),
        node: more.map(|more| problem.nodes[more.node].name.clone()),
        least: more.map(|more| more.least),
        no_rule: found.rule.is_none() && found.no_other_rule,
        rule: found.rule.map(|rule| problem.rules[rule].id.clone()),
    })
}
