//! What plans are not made for, and what the error says.

use super::common::random::Random;
use super::group::{Fate, Group, wish};
use super::model::Model;
use super::walk::run;
use pve_native_core::error::Code;
use pve_native_core::io::Storage;
use pve_native_core::snapshot::names::Scheme;
use pve_native_core::snapshot::plan::{Action, Operation, Plan, Task, Terms, Wish};

fn with_snapshots(scheme: Scheme, snapshots: &[&str]) -> (Group, Model) {
    let group = Group::new(scheme);
    let mut model = Model::new(&group, "vm-100-disk-0.qcow2", 40);
    let mut random = Random::new(5);
    for name in snapshots {
        model.write(&group, &mut random);
        run(
            &group,
            &group.plan(&model.volume, &wish("create", &[name])).unwrap(),
        );
        model
            .snapshots
            .push(((*name).to_owned(), model.disk.clone()));
    }
    (group, model)
}

/// The error of a plan.
fn refused(group: &Group, volume: &str, wish: &Wish) -> String {
    let error = group.plan(volume, wish).expect_err("there is a plan");
    assert!(
        matches!(
            error.code(),
            Code::Argument | Code::Unsupported | Code::Limit
        ),
        "{error}"
    );
    error.to_string()
}

#[test]
fn only_the_newest_snapshot_can_be_gone_back_to() {
    let (group, model) = with_snapshots(Scheme::PveLvm, &["one", "two"]);
    assert_eq!(
        refused(&group, &model.volume, &wish("rollback", &["one"])),
        "can't rollback, 'one' is not most recent snapshot on 'vm-100-disk-0.qcow2'"
    );
    assert_eq!(
        refused(&group, &model.volume, &wish("rollback", &["six"])),
        "snapshot 'six' does not exist on 'vm-100-disk-0.qcow2'"
    );
}

#[test]
fn a_snapshot_is_taken_once_and_removed_if_it_is_there() {
    let (group, model) = with_snapshots(Scheme::PveDir, &["one"]);
    let again = refused(&group, &model.volume, &wish("create", &["one"]));
    assert!(again.contains("has a snapshot 'one' already"), "{again}");
    let none = refused(&group, &model.volume, &wish("delete", &["two"]));
    assert!(none.contains("'two' does not exist"), "{none}");
}

#[test]
fn a_file_system_may_not_tell_names_apart_by_case() {
    let (group, model) = with_snapshots(Scheme::PveDir, &["one"]);
    let error = refused(&group, &model.volume, &wish("create", &["ONE"]));
    assert!(error.contains("where case does not count"), "{error}");
    let (group, model) = with_snapshots(Scheme::LvmQcow2, &["one"]);
    assert!(group.plan(&model.volume, &wish("create", &["ONE"])).is_ok());
}

#[test]
fn a_raw_volume_is_to_be_adopted_first() {
    let group = Group::new(Scheme::LvmQcow2);
    let model = Model::new(&group, "vm-100-disk-0", 40);
    let error = refused(&group, &model.volume, &wish("create", &["one"]));
    assert!(error.ends_with(": adopt it first"), "{error}");
}

#[test]
fn disks_only_become_larger() {
    let (group, model) = with_snapshots(Scheme::LvmQcow2, &["one"]);
    let smaller = refused(&group, &model.volume, &Wish::Resize(model.size() - 512));
    assert!(smaller.contains("smaller would lose data"), "{smaller}");
    let odd = refused(&group, &model.volume, &Wish::Resize(model.size() + 1));
    assert!(odd.contains("whole number of sectors"), "{odd}");
    let same = group
        .plan(&model.volume, &Wish::Resize(model.size()))
        .unwrap();
    assert!(same.steps.is_empty());
}

#[test]
fn a_rollback_brings_back_the_size_of_the_snapshot() {
    let (group, mut model) = with_snapshots(Scheme::LvmQcow2, &["one"]);
    let small = model.size();
    run(
        &group,
        &group.plan(&model.volume, &Wish::Resize(2 * small)).unwrap(),
    );
    run(
        &group,
        &group
            .plan(&model.volume, &wish("rollback", &["one"]))
            .unwrap(),
    );
    model.disk = model.snapshots[0].1.clone();
    assert_eq!(model.differs(&group), None);
    let graph = group.graph(&model.volume);
    assert_eq!(graph.current().unwrap().virtual_size(), Some(small));
}

#[test]
fn what_does_not_fit_into_the_group_is_not_begun() {
    let (group, model) = with_snapshots(Scheme::LvmQcow2, &["one"]);
    let graph = group.graph(&model.volume);
    let terms = Terms {
        free: Some(1 << 20),
        ..group.terms()
    };
    let storage = Storage::inline();
    let error = Plan::new(&storage, &graph, &wish("create", &["two"]), &terms).unwrap_err();
    assert_eq!(error.code(), Code::Limit);
    assert!(error.to_string().contains("1048576 bytes free"), "{error}");
    // Removing one needs no room.
    assert!(Plan::new(&storage, &graph, &wish("delete", &["one"]), &terms).is_ok());
}

#[test]
fn a_volume_with_snapshots_becomes_no_base_image() {
    let (group, model) = with_snapshots(Scheme::PveLvm, &["one"]);
    let error = refused(&group, &model.volume, &Wish::CreateBase);
    assert!(error.contains("has snapshots ('one')"), "{error}");
}

#[test]
fn a_base_image_is_named_so_and_cannot_be_written_to() {
    let (group, model) = with_snapshots(Scheme::PveLvm, &[]);
    let plan = group.plan(&model.volume, &Wish::CreateBase).unwrap();
    run(&group, &plan);
    assert_eq!(group.names(), ["base-100-disk-0.qcow2"]);
    assert_eq!(plan.steps.last().unwrap().task, Task::Deactivate);
    let error = refused(&group, "base-100-disk-0.qcow2", &wish("create", &["one"]));
    assert!(error.contains("base image"), "{error}");
}

#[test]
fn nothing_is_planned_on_what_is_not_in_order() {
    let (group, model) = with_snapshots(Scheme::LvmQcow2, &["one", "two"]);
    std::fs::remove_file(group.path("vm-100-disk-0-snap-one.qcow2")).unwrap();
    for wish in [
        wish("create", &["six"]),
        wish("delete", &["two"]),
        wish("rollback", &["two"]),
    ] {
        let error = refused(&group, &model.volume, &wish);
        assert!(
            error.ends_with("(missing): see what a diagnosis says"),
            "{error}"
        );
    }
    let found = group.diagnose(&model.volume);
    assert_eq!(found[0].code, "data-needed");
    assert!(found.iter().all(|d| d.plan.is_none()), "{found:#?}");
    // It can still be removed.
    run(&group, &group.plan(&model.volume, &Wish::Free).unwrap());
    assert_eq!(group.names(), [] as [&str; 0]);
}

#[test]
fn going_back_gets_rid_of_a_current_image_that_is_broken() {
    let (group, mut model) = with_snapshots(Scheme::PveDir, &["one"]);
    std::fs::write(group.path("vm-100-disk-0.qcow2"), [0; 4096]).unwrap();
    assert!(!group.diagnose(&model.volume).is_empty());
    run(
        &group,
        &group
            .plan(&model.volume, &wish("rollback", &["one"]))
            .unwrap(),
    );
    model.disk = model.snapshots[0].1.clone();
    assert_eq!(model.differs(&group), None);
}

#[test]
fn a_step_that_fails_can_be_undone() {
    let (group, model) = with_snapshots(Scheme::LvmQcow2, &["one"]);
    let wishes = [
        wish("create", &["two"]),
        wish("rollback", &["one"]),
        Wish::Rename(b"vm-100-disk-7.qcow2".to_vec()),
    ];
    for wish in wishes {
        let steps = group.plan(&model.volume, &wish).unwrap().steps;
        for at in 0..steps.len() {
            let group = group.copy();
            let plan = group.plan(&model.volume, &wish).unwrap();
            for step in &plan.steps[..at] {
                assert!(group.run(&step.action, Fate::Done));
            }
            let Some(undo) = &plan.steps[at].on_failure.undo else {
                assert_eq!(plan.steps[at].task, Task::Remove, "{:#?}", plan.steps[at]);
                continue;
            };
            for action in undo {
                group.run(action, Fate::Done);
            }
            assert_eq!(
                model.differs(&group),
                None,
                "{wish:?} at {at}: {}",
                plan.to_text()
            );
            assert_eq!(
                group.names(),
                ["vm-100-disk-0-snap-one.qcow2", "vm-100-disk-0.qcow2"]
            );
        }
    }
}

#[test]
fn what_is_removed_can_be_put_aside_to_be_overwritten() {
    let (group, mut model) = with_snapshots(Scheme::LvmQcow2, &["one", "two"]);
    let terms = Terms {
        put_aside: true,
        ..group.terms()
    };
    let storage = Storage::inline();
    for (nth, snapshot) in ["two", "one"].into_iter().enumerate() {
        let graph = group.graph(&model.volume);
        let plan = Plan::new(&storage, &graph, &wish("delete", &[snapshot]), &terms).unwrap();
        run(&group, &plan);
        assert!(plan.steps.iter().all(|step| step.task != Task::Remove));
        model.snapshots.retain(|(name, _)| name != snapshot);
        assert_eq!(model.differs(&group), None);
        let aside = group
            .names()
            .into_iter()
            .filter(|name| name.starts_with("del-"));
        assert_eq!(aside.count(), nth + 1);
    }
}

#[test]
fn neighbours_are_merged_in_one_pass() {
    let (group, model) = with_snapshots(Scheme::PveDir, &["one", "two", "three", "four"]);
    let plan = group
        .plan(
            &model.volume,
            &wish("delete-many", &["one", "two", "three"]),
        )
        .unwrap();
    assert_eq!(plan.operation, Operation::DeleteMany);
    let moves = plan.steps.iter().filter(|step| step.slow).count();
    assert_eq!(moves, 1, "{}", plan.to_text());
    // The first of them holds most, and is not moved.
    let single = group
        .plan(&model.volume, &wish("delete", &["three"]))
        .unwrap();
    assert!(plan.bytes_moved > 0 && single.bytes_moved > 0);
}

#[test]
fn snapshots_within_an_image_are_qemus() {
    let group = Group::new(Scheme::Internal);
    let model = Model::new(&group, "vm-100-disk-0.qcow2", 40);
    for (operation, snapshot) in [("create", "one"), ("rollback", "one"), ("delete", "one")] {
        let plan = group
            .plan(&model.volume, &wish(operation, &[snapshot]))
            .unwrap();
        let [step] = &plan.steps[..] else {
            panic!("{}", plan.to_text());
        };
        assert!(matches!(&step.action, Action::Exec(argv) if argv[1] == "snapshot"));
        run(&group, &plan);
        let names = group.graph(&model.volume).names().len();
        assert_eq!(names, usize::from(operation != "delete"));
    }
    assert!(group.diagnose(&model.volume).is_empty());
}

#[test]
fn what_is_left_of_a_removal_is_removed_by_asking_again() {
    let (group, mut model) = with_snapshots(Scheme::PveDir, &["one", "two", "six", "ten"]);
    // The current image holds most, so that the others are moved up into it.
    let mut random = Random::new(13);
    (0..20).for_each(|_| model.write(&group, &mut random));
    let wish = wish("delete-many", &["two", "six", "ten"]);
    let plan = group.plan(&model.volume, &wish).unwrap();
    assert!(plan.steps.iter().any(|step| step.task == Task::Stream));
    // All but the last two: images of snapshots are left.
    let last = plan.steps.len() - 2;
    for step in &plan.steps[..last] {
        assert!(group.run(&step.action, Fate::Done), "{}", plan.to_text());
    }
    group.repair(&model.volume);
    let left: Vec<&[u8]> = vec![b"two", b"six", b"ten"];
    let graph = group.graph(&model.volume);
    let there = |name: &&[u8]| {
        let is_it = |part: &pve_native_core::snapshot::Part| {
            part.snapshot_name()
                .is_some_and(|held| held.as_str().as_bytes() == *name)
        };
        graph
            .images()
            .iter()
            .any(|image| image.is_kept() && image.part().is_some_and(is_it))
    };
    let left: Vec<&str> = left
        .into_iter()
        .filter(there)
        .map(|name| std::str::from_utf8(name).unwrap())
        .collect();
    assert!(!left.is_empty());
    let again = super::group::wish("delete-many", &left);
    run(&group, &group.plan(&model.volume, &again).unwrap());
    model.snapshots.truncate(1);
    assert_eq!(model.differs(&group), None);
    assert!(group.diagnose(&model.volume).is_empty());
}
