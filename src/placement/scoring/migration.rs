//! Scores for moving guests that run: what the cluster would look like after each migration, the
//! guests using on the new node what they use on the old one.

use serde::{Deserialize, Serialize};

use super::cluster::{Cluster, Highest, Load, Loads};
use super::imbalance::{Imbalance, ImbalanceScale};
use super::start;
use super::stats::GuestStats;
use super::usage::{Usage, refused};
use super::wide::Wide;
use crate::error::Result;

/// Guests that would move together, and where to they could.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Candidate {
    /// The guest that the migration is asked for.
    pub leader: String,
    /// All guests that move, the leader among them.
    #[serde(rename = "resources")]
    pub guests: Vec<String>,
    /// The nodes they could move to.
    pub nodes: Vec<String>,
}

/// A migration. The order is that of guest, source and target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Migration {
    /// The leading guest.
    pub sid: String,
    /// The node it is on.
    #[serde(rename = "source-node")]
    pub source: String,
    /// The node it would move to.
    #[serde(rename = "target-node")]
    pub target: String,
}

/// A migration and what it would leave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoredMigration {
    /// The migration.
    pub migration: Migration,
    /// The imbalance after it, cut off after 15 decimals: what follows is noise, and must not
    /// decide.
    pub imbalance: f64,
}

/// A migration with places instead of names.
struct Move<'a> {
    sid: &'a str,
    stats: GuestStats,
    source: usize,
    /// `None` if no such node is known: then only the source changes.
    target: Option<usize>,
    target_name: &'a str,
}

/// The best migrations by the imbalance they leave, at most `limit`; ties by [`Migration`]'s order.
pub(super) fn by_imbalance(
    usage: &Usage,
    cluster: &Cluster,
    candidates: &[Candidate],
    limit: usize,
    scale: ImbalanceScale,
) -> Result<Vec<ScoredMigration>> {
    let moves = moves(usage, cluster, candidates)?;
    let sums = Imbalance::new(cluster, scale);
    let mut order: Vec<(f64, &Move)> = moves
        .iter()
        .map(|step| (imbalance(cluster, &sums, step), step))
        .collect();
    // Nodes stand in the order of their names, so places sort as names do.
    order.sort_by(|(a, x), (b, y)| {
        a.total_cmp(b)
            .then_with(|| x.sid.cmp(y.sid))
            .then_with(|| x.source.cmp(&y.source))
            .then_with(|| x.target_name.cmp(y.target_name))
    });
    let best = order.into_iter().take(limit);
    Ok(best
        .map(|(score, step)| scored(usage, step, score))
        .collect())
}

/// The best migrations by TOPSIS, as for a start, at most `limit`; ties keep the given order.
pub(super) fn by_closeness(
    usage: &Usage,
    cluster: &Cluster,
    candidates: &[Candidate],
    limit: usize,
    scale: ImbalanceScale,
) -> Result<Vec<ScoredMigration>> {
    let moves = moves(usage, cluster, candidates)?;
    let sums = Imbalance::new(cluster, scale);
    let cpu = Column::new(cluster, |loads| loads.cpu);
    let mem = Column::new(cluster, |loads| loads.mem);
    let criteria = |step: &Move| (cpu.after(cluster, step), mem.after(cluster, step));
    let ((mean_cpu, highest_cpu), (mean_mem, highest_mem)): ((Vec<_>, Vec<_>), (Vec<_>, Vec<_>)) =
        moves.iter().map(criteria).unzip();
    let scores = start::closeness([&mean_cpu, &highest_cpu, &mean_mem, &highest_mem]);
    let mut order: Vec<(f64, &Move)> = scores.into_iter().zip(&moves).collect();
    order.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let best = order.into_iter().take(limit);
    let answer = best.map(|(_, step)| scored(usage, step, imbalance(cluster, &sums, step)));
    Ok(answer.collect())
}

/// Every single migration, in the order given. One to a node without capacity is none.
fn moves<'a>(
    usage: &Usage,
    cluster: &Cluster,
    candidates: &'a [Candidate],
) -> Result<Vec<Move<'a>>> {
    let mut moves = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let node = standing(usage, &candidate.leader)?;
        if !candidate.guests.contains(&candidate.leader) {
            let why = "is not among the guests that move with it";
            return Err(refused("guest", &candidate.leader, why));
        }
        let mut stats = GuestStats::default();
        for sid in &candidate.guests {
            if standing(usage, sid)? != node {
                return Err(refused("guest", sid, "is not on the leader's node"));
            }
            stats = stats.plus(usage.guest(sid).map(|g| g.stats).unwrap_or_default());
        }
        for name in &candidate.nodes {
            let target = usage.position(name);
            if target.is_some_and(|place| cluster.0[place].is_none()) {
                continue;
            }
            moves.push(Move {
                sid: &candidate.leader,
                stats,
                source: node,
                target,
                target_name: name,
            });
        }
    }
    Ok(moves)
}

/// The place of the node that a guest is on, if it is not moving.
fn standing(usage: &Usage, sid: &str) -> Result<usize> {
    let guest = usage
        .guest(sid)
        .ok_or_else(|| refused("guest", sid, "is not known"))?;
    if guest.target.is_some() {
        return Err(refused("guest", sid, "is moving already"));
    }
    usage
        .position(&guest.node)
        .ok_or_else(|| refused("guest", sid, "is on a node that is not known"))
}

impl Move<'_> {
    /// The node that is left and the one that is reached, with their loads before and after. A
    /// guest that moves to where it is has left.
    fn exchanges(&self, cluster: &Cluster) -> [Option<(usize, Loads, Loads)>; 2] {
        let loads = |place: usize| cluster.0[place];
        let left = loads(self.source).map(|old| (self.source, old, old.without(&self.stats)));
        let target = self.target.filter(|target| *target != self.source);
        let reached =
            target.and_then(|place| loads(place).map(|old| (place, old, old.with(&self.stats))));
        [left, reached]
    }
}

fn imbalance(cluster: &Cluster, sums: &Imbalance, step: &Move) -> f64 {
    let exchanges = step.exchanges(cluster).into_iter().flatten();
    let after = exchanges.fold(*sums, |sums, (_, old, new)| sums.exchanged(old, new));
    const CUT: f64 = 1e15;
    (after.get() * CUT).trunc() / CUT
}

fn scored(usage: &Usage, step: &Move, imbalance: f64) -> ScoredMigration {
    ScoredMigration {
        migration: Migration {
            sid: step.sid.to_owned(),
            source: usage.nodes()[step.source].name.clone(),
            target: step.target_name.to_owned(),
        },
        imbalance,
    }
}

/// The sums of one resource.
struct Column<F> {
    count: f64,
    squares: Wide,
    highest: Highest,
    of: F,
}

impl<F: Fn(&Loads) -> Load> Column<F> {
    fn new(cluster: &Cluster, of: F) -> Self {
        Column {
            count: cluster.count() as f64,
            squares: cluster.squares(&of),
            highest: cluster.highest(&of),
            of,
        }
    }

    /// Root mean square and highest after a migration.
    fn after(&self, cluster: &Cluster, step: &Move) -> (f64, f64) {
        let exchanges = step.exchanges(cluster);
        let [left, reached] = exchanges.map(|e| e.map(|(place, _, _)| place));
        let mut highest = self.highest.besides(left, reached);
        let mut squares = self.squares;
        for (_, before, after) in exchanges.into_iter().flatten() {
            let (before, after) = ((self.of)(&before).fraction(), (self.of)(&after).fraction());
            let square = |fraction| Wide::difference(fraction, 0.0).squared();
            squares = squares + square(after) - square(before);
            highest = highest.max(after);
        }
        let mean = (squares.get().max(0.0) / self.count.max(1.0)).sqrt();
        (mean, highest)
    }
}
