//! The way out where all moves wait for each other: a guest goes to a third node for a while. Best is one that
//! has to move anyway and lets another move; then one that would have stayed and lets another move; then any
//! that has to move.

use super::super::search::Budget;
use super::site::Site;

/// How often one guest goes elsewhere for a while.
const MOST: usize = 2;

/// How much a way costs: less is better.
type Rank = (usize, bool, u64, usize);

/// A job and a node to which it can go now.
pub fn detour(site: &mut Site<'_>, budget: &mut Budget<'_>) -> Option<(usize, usize)> {
    let waiting: Vec<usize> = (0..site.jobs.len())
        .filter(|&job| site.jobs[job].at != site.jobs[job].to)
        .collect();
    let mut any: Option<(Rank, usize, usize)> = None;
    let mut freeing: Option<(Rank, usize, usize)> = None;
    for &job in &waiting {
        for (frees, rank, to) in ways(site, job, &waiting, budget) {
            let best = if frees { &mut freeing } else { &mut any };
            if best.is_none_or(|(least, ..)| rank < least) {
                *best = Some((rank, job, to));
            }
        }
    }
    if let Some((_, job, to)) = freeing {
        return Some((job, to));
    }
    let mut resting: Option<(Rank, usize, usize, usize)> = None;
    for item in 0..site.rests.len() {
        let Some(at) = site.rests[item] else { continue };
        if !waiting.iter().any(|&job| site.jobs[job].to == at) {
            continue;
        }
        let job = site.add_job(item, at, at);
        for (frees, rank, to) in ways(site, job, &waiting, budget) {
            if frees && resting.is_none_or(|(least, ..)| rank < least) {
                resting = Some((rank, item, at, to));
            }
        }
        site.drop_job();
    }
    match resting {
        Some((_, item, at, to)) => Some((site.add_job(item, at, at), to)),
        None => any.map(|(_, job, to)| (job, to)),
    }
}

/// The nodes to which a job can go now, and whether another could go where it should then.
fn ways(
    site: &mut Site<'_>,
    job: usize,
    waiting: &[usize],
    budget: &mut Budget<'_>,
) -> Vec<(bool, Rank, usize)> {
    let from = site.jobs[job].at;
    let mut ways = Vec::new();
    if site.jobs[job].parked >= MOST {
        return ways;
    }
    let others = waiting.iter().copied().filter(|&other| other != job);
    let behind: Vec<usize> = others
        .clone()
        .filter(|&o| site.jobs[o].to == from)
        .collect();
    for to in 0..site.nodes() {
        if to == from || !site.allows(job, to) || !budget.step() || !site.admits(job, to) {
            continue;
        }
        site.put(job, to, 1);
        site.put(job, from, -1);
        let frees = behind.iter().any(|&other| site.admits(other, from));
        site.put(job, from, 1);
        site.put(job, to, -1);
        let wanted = others.clone().any(|other| site.jobs[other].to == to);
        let lost = site.jobs[job].parked + usize::from(behind.is_empty());
        ways.push((frees, (lost, wanted, site.jobs[job].bytes, to), to));
    }
    ways
}
