//! Each state that a cut or a careless hand can leave has its name.

use std::fs;
use std::os::unix::ffi::OsStrExt;

use super::common::random::Random;
use super::group::{Fate, Group, wish};
use super::model::Model;
use super::walk::run;
use pve_native_core::io::Storage;
use pve_native_core::snapshot::diagnosis::{Look, diagnose};
use pve_native_core::snapshot::graph::{Content, Graph, Listed, Subject};
use pve_native_core::snapshot::names::Scheme;
use pve_native_core::snapshot::plan::{Plan, Task, Wish};
use pve_native_core::text::printable;

/// A volume whose oldest snapshot holds most, so that its removal is a commit.
fn volume() -> (Group, Model) {
    let group = Group::new(Scheme::LvmQcow2);
    let mut model = Model::new(&group, "vm-100-disk-0.qcow2", 60);
    let mut random = Random::new(3);
    for (name, writes) in [("one", 20), ("two", 2)] {
        (0..writes).for_each(|_| model.write(&group, &mut random));
        run(
            &group,
            &group.plan(&model.volume, &wish("create", &[name])).unwrap(),
        );
        model.snapshots.push((name.to_owned(), model.disk.clone()));
    }
    (group, model)
}

/// Runs so many steps.
fn begin(group: &Group, plan: &Plan, steps: usize) {
    for step in &plan.steps[..steps] {
        assert!(group.run(&step.action, Fate::Done), "{}", plan.to_text());
    }
}

/// What is said first of a volume, which is in order once that has been repaired.
fn first(group: &Group, volume: &str) -> (&'static str, bool) {
    let found = group.diagnose(volume);
    (found[0].code, found[0].certain)
}

fn rename(group: &Group, from: &str, to: &str) {
    fs::rename(group.path(from), group.path(to)).unwrap();
}

#[test]
fn a_merge_is_told_from_its_first_step_to_its_last() {
    let (whole, model) = volume();
    let plan = whole
        .plan(&model.volume, &wish("delete", &["one"]))
        .unwrap();
    let at = plan
        .steps
        .iter()
        .position(|step| step.task == Task::Commit)
        .unwrap();
    for (steps, code) in [
        (at - 1, "merge-not-begun"),
        (at, "merge-interrupted"),
        (at + 1, "merge-interrupted"),
        (at + 2, "not-in-place"),
        (at + 3, "merge-leftover"),
    ] {
        let group = whole.copy();
        let plan = group
            .plan(&model.volume, &wish("delete", &["one"]))
            .unwrap();
        begin(&group, &plan, steps);
        assert_eq!(first(&group, &model.volume), (code, true), "{steps} steps");
    }
    let group = whole.copy();
    let plan = group
        .plan(&model.volume, &wish("delete-many", &["one", "two"]))
        .unwrap();
    let Some(at) = plan.steps.iter().position(|step| step.task == Task::Commit) else {
        panic!("{}", plan.to_text());
    };
    begin(&group, &plan, at + 3);
    let found = group.diagnose(&model.volume);
    assert!(
        found
            .iter()
            .any(|d| d.code == "merge-leftover" && d.certain),
        "{found:#?}"
    );
}

#[test]
fn a_current_image_is_found_under_other_names() {
    let (whole, model) = volume();
    let current = model.volume.as_str();
    for (name, code) in [
        ("new-vm-100-disk-0.qcow2", "not-in-place"),
        ("del-0-vm-100-disk-0.qcow2", "put-aside"),
    ] {
        let group = whole.copy();
        rename(&group, current, name);
        assert_eq!(first(&group, current), (code, true));
        assert_eq!(group.repair(current), [code]);
        assert_eq!(model.differs(&group), None);
    }
    let group = whole.copy();
    fs::remove_file(group.path(current)).unwrap();
    assert_eq!(first(&group, current), ("current-lost", false));
}

#[test]
fn what_is_left_over_has_names_of_its_own() {
    let (whole, model) = volume();
    for (name, code) in [
        ("new-vm-100-disk-0.qcow2", "unfinished-leftover"),
        ("del-3-vm-100-disk-0-snap-old.qcow2", "removed-leftover"),
    ] {
        let group = whole.copy();
        fs::write(group.path(name), [0; 4096]).unwrap();
        assert_eq!(group.repair(&model.volume), [code]);
        assert_eq!(model.differs(&group), None);
    }
    let group = whole.copy();
    group.overlay(
        "vm-100-disk-0-snap-old.qcow2",
        ("vm-100-disk-0-snap-one.qcow2".as_ref(), "qcow2"),
        model.size(),
    );
    assert_eq!(first(&group, &model.volume), ("snapshot-leftover", false));
}

#[test]
fn names_that_are_under_way_lead_back_or_on() {
    let (whole, model) = volume();
    let to = Wish::Rename(b"vm-100-disk-7.qcow2".to_vec());
    for steps in [1, 2, 3] {
        let group = whole.copy();
        let plan = group.plan(&model.volume, &to).unwrap();
        begin(&group, &plan, steps);
        assert_eq!(
            first(&group, &model.volume).0,
            "rename-interrupted",
            "{steps} steps"
        );
    }
    // The raw image of a snapshot becomes the bottom.
    let group = Group::new(Scheme::LvmQcow2);
    let raw = Model::new(&group, "vm-100-disk-1", 40);
    group.overlay(
        "vm-100-disk-1-snap-ab.qcow2",
        ("vm-100-disk-1".as_ref(), "raw"),
        raw.size(),
    );
    let convert = group.plan(&raw.volume, &Wish::Convert).unwrap();
    begin(&group, &convert, 1);
    assert_eq!(first(&group, &raw.volume), ("conversion-interrupted", true));
    begin(
        &group,
        &Plan {
            steps: convert.steps[1..].to_vec(),
            ..convert.clone()
        },
        2,
    );
    let volume = "vm-100-disk-1.qcow2";
    let plan = group.plan(volume, &wish("delete", &["ab"])).unwrap();
    begin(&group, &plan, 1);
    assert_eq!(first(&group, volume), ("reference-ahead", true));
}

#[test]
fn the_condition_of_volumes_is_looked_at() {
    let (group, model) = volume();
    let file = fs::OpenOptions::new()
        .write(true)
        .open(group.path(&model.volume))
        .unwrap();
    let size = file.metadata().unwrap().len();
    file.set_len(size - (256 << 10)).unwrap();
    assert_eq!(first(&group, &model.volume), ("too-small", true));
    file.set_len(size).unwrap();
    let mut listing = group.listing();
    for listed in &mut listing {
        listed.tags = vec![b"pve-vm-200".to_vec(), b"mine".to_vec()];
    }
    let subject = Subject::new(group.scheme, model.volume.as_bytes(), None).unwrap();
    let graph = Graph::from_volumes(&Storage::inline(), subject, &listing).unwrap();
    let look = Look { check: false };
    let found = diagnose(&Storage::inline(), &graph, &group.terms(), look).unwrap();
    assert_eq!((found[0].code, found[0].certain), ("wrong-tags", true));
    let text = found[0].plan.as_ref().unwrap().to_text();
    assert!(
        text.contains("--deltag pve-vm-200 --addtag pve-vm-100"),
        "{text}"
    );
    assert!(!text.contains("mine"), "{text}");
}

#[test]
fn suspended_images_are_not_touched_by_whatever_name_they_have() {
    let (group, model) = volume();
    let renaming = Wish::Rename(b"vm-101-disk-7.qcow2".to_vec());
    let plan = group.plan(&model.volume, &renaming).unwrap();
    let at = plan.steps.iter().position(|step| step.task == Task::Rename);
    begin(&group, &plan, at.unwrap() + 1);
    let moved: Vec<String> = group.names();
    let moved = moved
        .iter()
        .find(|name| name.starts_with("vm-101"))
        .unwrap();
    let subject = || Subject::new(group.scheme, model.volume.as_bytes(), None).unwrap();
    let found = |listing: &[Listed]| {
        let graph = Graph::from_volumes(&Storage::inline(), subject(), listing).unwrap();
        let images = graph.images().iter();
        let inactive = images.filter(|image| image.content == Content::Inactive);
        let inactive: Vec<String> = inactive
            .map(|image| printable(&image.name).into())
            .collect();
        let found = diagnose(
            &Storage::inline(),
            &graph,
            &group.terms(),
            Look { check: false },
        );
        let first = found.unwrap().swap_remove(0);
        let plan = first.plan.unwrap();
        // It can be run: nothing is taken for granted of what could not be read.
        plan.check_start(&Storage::inline(), &group.site()).unwrap();
        (first.code, inactive, plan.to_text())
    };
    let mut listing = group.listing();
    for listed in &mut listing {
        listed.suspended = listed.name == moved.as_bytes();
    }
    let (code, inactive, plan) = found(&listing);
    assert_eq!((code, &inactive), ("not-active", &vec![moved.clone()]));
    assert!(plan.contains(moved.as_str()), "{plan}");
    // It has no device, on a node that has come up again.
    fs::rename(group.path(moved), group.path("away")).unwrap();
    for listed in &mut listing {
        listed.suspended = false;
    }
    assert_eq!(found(&listing).1, vec![moved.clone()]);
    fs::rename(group.path("away"), group.path(moved)).unwrap();
    // The listing can have its old name still.
    let old = moved.replace("vm-101-disk-7", "vm-100-disk-0");
    for listed in &mut listing {
        if listed.name == moved.as_bytes() {
            listed.suspended = true;
            listed.name = old.clone().into_bytes();
            listed.path = group.path(&old).as_os_str().as_bytes().to_vec();
        }
    }
    listing.sort_by(|a, b| a.name.cmp(&b.name));
    let (code, inactive, plan) = found(&listing);
    assert_eq!(code, "not-active");
    assert!(inactive.contains(moved), "{inactive:?}");
    assert!(plan.contains(&old), "{plan}");
}

#[test]
fn a_suspended_device_is_activated_by_the_name_that_its_volume_has_now() {
    let (group, model) = volume();
    let (old, new) = (
        "vm-100-disk-0-snap-two.qcow2",
        "del-0-vm-100-disk-0-snap-two.qcow2",
    );
    let mut listing = group.listing();
    for listed in &mut listing {
        if listed.name == old.as_bytes() {
            listed.suspended = true;
            listed.name = new.as_bytes().to_vec();
            listed.path = group.path(new).as_os_str().as_bytes().to_vec();
        }
    }
    let subject = Subject::new(group.scheme, model.volume.as_bytes(), None).unwrap();
    let graph = Graph::from_volumes(&Storage::inline(), subject, &listing).unwrap();
    let look = Look { check: false };
    let found = diagnose(&Storage::inline(), &graph, &group.terms(), look).unwrap();
    assert_eq!(found[0].code, "not-active");
    let text = found[0].plan.as_ref().unwrap().to_text();
    assert!(text.contains(new), "{text}");
    assert!(!text.contains(&format!("/{old}")), "{text}");
}

#[test]
fn a_volume_that_was_to_become_a_base_image_is_led_back() {
    let group = Group::new(Scheme::LvmQcow2);
    group.allocate("vm-100-disk-0", 1 << 20);
    let adopt = group.plan("vm-100-disk-0", &wish("adopt", &[])).unwrap();
    run(&group, &adopt);
    let before = group.names();
    let volume = "vm-100-disk-0.qcow2";
    let plan = group.plan(volume, &wish("create-base", &[])).unwrap();
    let at = plan.steps.iter().position(|step| step.task == Task::Rename);
    begin(&group, &plan, at.unwrap() + 1);
    assert!(group.names().contains(&"base-100-disk-0-base".to_owned()));
    assert_eq!(first(&group, volume), ("rename-interrupted", true));
    group.repair(volume);
    assert_eq!(group.names(), before);
}
