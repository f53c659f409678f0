//! Random operations one after the other: after each of them every state is what it should be.

use super::EXTERNAL;
use super::common::random::Random;
use super::common::rounds;
use super::group::{Fate, Group, wish};
use super::model::Model;
use pve_native_core::io::Storage;
use pve_native_core::snapshot::names::Scheme;
use pve_native_core::snapshot::plan::{Plan, Wish};

/// Runs a plan to its end.
pub fn run(group: &Group, plan: &Plan) {
    let site = group.site();
    assert_eq!(plan.check_start(&Storage::inline(), &site), Ok(()));
    for step in &plan.steps {
        let before = step.check(&Storage::inline(), &site);
        assert_eq!(before, Ok(()), "{step:#?}");
        assert!(group.run(&step.action, Fate::Done), "{step:#?}");
        for (name, state) in &step.post {
            assert_eq!(
                group.path(name).exists(),
                state.is_some(),
                "{name} after {step:#?}"
            );
        }
    }
}

/// One random operation that is possible: what it is, and the model afterwards.
pub fn operation(random: &mut Random, model: &Model, scheme: Scheme) -> (Wish, Model) {
    let mut after = model.clone();
    let names: Vec<String> = model
        .snapshots
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    let fresh = || {
        let number = (0..).find(|n| !names.contains(&format!("s{n}x"))).unwrap();
        format!("s{number}x")
    };
    loop {
        match random.below(10) {
            0..=3 if names.len() < 6 && model.volume.ends_with(".qcow2") => {
                let name = fresh();
                after.snapshots.push((name.clone(), model.disk.clone()));
                return (wish("create", &[&name]), after);
            }
            4 if !names.is_empty() => {
                let nth = random.below(names.len());
                after.snapshots.remove(nth);
                return (wish("delete", &[&names[nth]]), after);
            }
            5 if names.len() > 1 => {
                let gone: Vec<&str> = names
                    .iter()
                    .filter(|_| random.below(2) == 0)
                    .map(String::as_str)
                    .collect();
                if gone.is_empty() {
                    continue;
                }
                after
                    .snapshots
                    .retain(|(name, _)| !gone.contains(&name.as_str()));
                return (wish("delete-many", &gone), after);
            }
            6 if !names.is_empty() => {
                let (name, disk) = model.snapshots.last().unwrap();
                after.disk = disk.clone();
                return (wish("rollback", &[name]), after);
            }
            7 if model.disk.len() < 200 => {
                let blocks = model.disk.len() + 1 + random.below(40);
                // A raw volume is as large as its extents.
                let blocks = match model.volume.ends_with(".qcow2") {
                    true => blocks,
                    false => blocks.next_multiple_of(2),
                };
                after.disk.resize(blocks, 0);
                return (Wish::Resize(after.size()), after);
            }
            8 => {
                let number = random.below(10);
                let end = if model.volume.ends_with(".qcow2") {
                    ".qcow2"
                } else {
                    ""
                };
                after.volume = format!("vm-100-disk-{number}{end}");
                if after.volume != model.volume {
                    return (Wish::Rename(after.volume.clone().into_bytes()), after);
                }
            }
            9 if scheme == Scheme::LvmQcow2 && !model.volume.ends_with(".qcow2") => {
                after.volume = format!("{}.qcow2", model.volume);
                return (Wish::Adopt, after);
            }
            _ => {}
        }
    }
}

#[test]
fn every_state_is_what_it_should_be_after_random_operations() {
    for (nth, scheme) in EXTERNAL.into_iter().enumerate() {
        for raw in [false, true] {
            if raw && scheme != Scheme::LvmQcow2 {
                continue;
            }
            let mut random = Random::new(nth as u64 * 2 + u64::from(raw) + 1);
            let group = Group::new(scheme);
            let volume = if raw {
                "vm-100-disk-3"
            } else {
                "vm-100-disk-3.qcow2"
            };
            let mut model = Model::new(&group, volume, 48);
            let mut done = Vec::new();
            for _ in 0..rounds("PVE_NATIVE_WALK", 40) {
                for _ in 0..random.below(3) {
                    model.write(&group, &mut random);
                }
                let (wish, after) = operation(&mut random, &model, scheme);
                done.push(format!("{wish:?}"));
                let plan = group
                    .plan(&model.volume, &wish)
                    .unwrap_or_else(|error| panic!("{scheme:?}: {error}: {done:#?}"));
                run(&group, &plan);
                model = after;
                if let Some(difference) = model.differs(&group) {
                    panic!("{scheme:?}: {difference}\nafter {plan:#?}\n{done:#?}");
                }
                assert_eq!(model.is_unsound(&group), None, "{done:#?}");
                let left = group.diagnose(&model.volume);
                assert!(left.is_empty(), "{left:#?}: {done:#?}");
            }
        }
    }
}
