//! Plans that are cut off before, inside and after each step. A diagnosis then finds the way: what it
//! leads to is the state before the operation or the one after it, and never another.

use std::collections::BTreeMap;

use super::EXTERNAL;
use super::common::random::Random;
use super::common::rounds;
use super::group::{Fate, Group};
use super::model::Model;
use super::walk::{operation, run};
use pve_native_core::snapshot::names::Scheme;
use pve_native_core::snapshot::plan::{Action, Wish};

/// The volume as it must be called if it is not what it was before.
fn is_either(group: &Group, before: &Model, after: &Model) -> Result<bool, String> {
    // A volume that was being renamed is one of the two.
    let Some(first) = before.differs(group) else {
        return Ok(false);
    };
    match after.differs(group) {
        None => Ok(true),
        Some(second) => Err(format!("neither before: {first}\nnor after: {second}")),
    }
}

/// A snapshot that was being removed, and is left beside the line, is removed by asking for it again.
fn finish_removal(group: &Group, volume: &str, wish: &Wish) {
    let left = group.diagnose(volume);
    if let (Wish::Delete(names), true) = (wish, left.iter().any(|d| d.code == "snapshot-leftover"))
    {
        let listed = group.graph(volume);
        let there = |name: &&pve_native_core::snapshot::SnapshotName| {
            listed.images().iter().any(|image| {
                image.is_kept() && image.part().and_then(|part| part.snapshot_name()) == Some(*name)
            })
        };
        let names: Vec<_> = names.iter().filter(there).cloned().collect();
        let plan = group.plan(volume, &Wish::Delete(names)).unwrap();
        run(group, &plan);
    }
}

/// How often a plan was cut off, and what the diagnoses said.
#[derive(Default)]
pub struct Tally {
    cases: usize,
    codes: BTreeMap<&'static str, usize>,
}

/// Cuts the plan for a wish off before, after, and inside each step.
pub fn everywhere(
    group: &Group,
    (before, after, wish): (&Model, &Model, &Wish),
    random: &mut Random,
    tally: &mut Tally,
) {
    let steps = group.plan(&before.volume, wish).unwrap().steps;
    for (at, step) in steps.iter().enumerate() {
        let is_qemu = matches!(&step.action, Action::Exec(argv) if argv[0].ends_with("qemu-img"));
        let mut fates = vec![None, Some(Fate::Done)];
        if is_qemu {
            fates.extend((0..3).map(|_| Some(Fate::Killed(random.below(12_000) as u64))));
        }
        for fate in fates {
            let group = group.copy();
            let plan = group.plan(&before.volume, wish).unwrap();
            for earlier in &plan.steps[..at] {
                assert!(group.run(&earlier.action, Fate::Done));
            }
            if let Some(fate) = fate {
                group.run(&plan.steps[at].action, fate);
            }
            let case = format!(
                "{:?}, {wish:?}, {fate:?} at {at} of {}",
                group.scheme,
                plan.to_text()
            );
            come_back(&group, (before, after, wish), &case, tally);
        }
    }
}

/// What was cut off is diagnosed and repaired.
fn come_back(
    group: &Group,
    (before, after, wish): (&Model, &Model, &Wish),
    case: &str,
    tally: &mut Tally,
) {
    tally.cases += 1;
    let mut codes = group.repair(&before.volume);
    if after.volume != before.volume {
        codes.extend(group.repair(&after.volume));
    }
    for code in &codes {
        *tally.codes.entry(*code).or_default() += 1;
    }
    let case = format!("{case}\n{codes:?}\n{:?}", group.names());
    for volume in [&before.volume, &after.volume] {
        finish_removal(group, volume, wish);
    }
    let done = is_either(group, before, after).unwrap_or_else(|e| panic!("{e}\n{case}"));
    let now = if done { after } else { before };
    assert_eq!(now.is_unsound(group), None, "{case}");
    let left = group.diagnose(&now.volume);
    let left = left
        .iter()
        .filter(|d| d.code != "overlay-layout")
        .collect::<Vec<_>>();
    assert!(left.is_empty(), "{left:#?}\n{case}");
    // What was not done can be done now.
    if !done {
        run(group, &group.plan(&before.volume, wish).unwrap());
        assert_eq!(after.differs(group), None, "{case}");
    }
}

#[test]
fn a_plan_that_is_cut_off_leads_to_the_state_before_or_after() {
    let mut tally = Tally::default();
    for (nth, scheme) in EXTERNAL.into_iter().enumerate() {
        let mut random = Random::new(100 + nth as u64);
        for round in 0..rounds("PVE_NATIVE_CUTS", 6) {
            let group = Group::new(scheme);
            let raw = scheme == Scheme::LvmQcow2 && round % 3 == 0;
            let volume = if raw {
                "vm-100-disk-3"
            } else {
                "vm-100-disk-3.qcow2"
            };
            let mut model = Model::new(&group, volume, 40);
            for _ in 0..random.below(6) {
                model.write(&group, &mut random);
                let (wish, after) = operation(&mut random, &model, scheme);
                run(&group, &group.plan(&model.volume, &wish).unwrap());
                model = after;
            }
            model.write(&group, &mut random);
            let (wish, after) = operation(&mut random, &model, scheme);
            everywhere(&group, (&model, &after, &wish), &mut random, &mut tally);
        }
    }
    println!(
        "{} plans were cut off; the diagnoses: {:?}",
        tally.cases, tally.codes
    );
}
