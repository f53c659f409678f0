//! Whether a spread can be better: every way to be so is a question of its own, in which no node may be loaded
//! higher than the answer at hand says. If none of these has an answer, what is at hand is best.

use super::best::Work;
use super::exact::End;
use super::improve;
use super::loads::{Cap, Loads, Part};
use super::state::State;
use crate::placement::search::Budget;

/// Ways that are looked at. Ours: all there are of four resources.
const WAYS: usize = 64;

/// Makes the spread better until that is proved to be impossible or the steps are spent. The highest load,
/// and what it cannot be below.
pub(super) fn prove(work: &mut Work, loads: &Loads, budget: &mut Budget<'_>) -> (f64, f64) {
    let mut bound = loads.bound(&work.model);
    loop {
        let Some(state) = State::new(&work.model, &work.at) else {
            return (0.0, 0.0);
        };
        let vector = loads.vector(&work.model, &state.room);
        let Some(first) = vector.first() else {
            return (0.0, 0.0);
        };
        match better(work, loads, &vector, budget) {
            (End::Found(at), _) => {
                let Some(mut state) = State::new(&work.model, &at) else {
                    return (first.real(), bound);
                };
                let steps = budget.left() / 4;
                budget.part(steps, |part| {
                    improve::spread(&mut state, loads, &work.limits, part)
                });
                work.at = state.at.iter().copied().map(Some).collect();
            }
            (end, lowest) => {
                work.proved &= end == End::None;
                if lowest {
                    bound = first.real();
                }
                return (first.real(), bound);
            }
        }
    }
}

/// A better spread than this one; and whether it is proved that none has a lower first load.
fn better(work: &Work, loads: &Loads, vector: &[Part], budget: &mut Budget<'_>) -> (End, bool) {
    let mut left = WAYS;
    let mut end = End::None;
    let mut lowest = false;
    for at in 0..vector.len() {
        let Some(ways) = ways(loads, &vector[..=at], &mut left) else {
            return (End::Stopped, lowest);
        };
        for caps in ways {
            let Some(model) = loads.capped(&work.model, &caps) else {
                continue;
            };
            let mut limits = work.limits.clone();
            for (floor, (room, less)) in limits
                .floor
                .iter_mut()
                .zip(work.model.room.iter().zip(&model.room))
            {
                *floor = floor.saturating_sub(room - less);
            }
            let steps = budget.left() / 2;
            match budget.part(steps, |part| work.within(&model, &limits, part)) {
                End::None => {}
                End::Found(at) => return (End::Found(at), false),
                End::Stopped => end = End::Stopped,
            }
        }
        lowest |= at == 0 && end == End::None;
    }
    (end, lowest)
}

/// The ways in which a vector can be lower than this one at its last place and no higher before: so many
/// resources may have the loads before, one each, and all others less than the last. None: too many.
fn ways(loads: &Loads, vector: &[Part], left: &mut usize) -> Option<Vec<Vec<Option<Cap>>>> {
    let (last, before) = vector.split_last()?;
    let moving = loads.counts.len();
    // Those of the model, then those that nobody needs.
    let all = moving + loads.fixed().len();
    let mut chosen = vec![vec![None; all]];
    for &most in before {
        let mut longer = Vec::new();
        for way in chosen {
            for r in (0..all).filter(|&r| way[r].is_none() && loads.counts.get(r) != Some(&false)) {
                if longer.len() == *left {
                    return None;
                }
                let mut way: Vec<Option<Cap>> = way.clone();
                way[r] = Some(Cap::UpTo(most));
                longer.push(way);
            }
        }
        chosen = longer;
    }
    chosen.retain_mut(|way| {
        for cap in way.iter_mut().filter(|cap| cap.is_none()) {
            *cap = Some(Cap::Below(*last));
        }
        let fixed = way.split_off(moving);
        let kept = fixed.iter().zip(loads.fixed());
        kept.into_iter()
            .all(|(cap, part)| cap.is_some_and(|cap| cap.admits(*part)))
    });
    *left = left.checked_sub(chosen.len())?;
    Some(chosen)
}
