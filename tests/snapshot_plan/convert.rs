//! Volumes in the layout of 2024 get today's names, adopted ones become raw again: the same data under
//! other names, wherever that is cut off.

use super::common::random::Random;
use super::cuts::{Tally, everywhere};
use super::group::Group;
use super::model::Model;
use super::walk::run;
use pve_native_core::snapshot::names::Scheme;
use pve_native_core::snapshot::plan::Wish;

/// A volume as the plugin of 2024 makes it: overlays above the raw volume, named after the snapshot
/// since which they are written to.
fn of_2024(random: &mut Random, snapshots: usize, whole_paths: bool) -> (Group, Model, Model) {
    let group = Group::new(Scheme::LvmQcow2);
    let mut model = Model::new(&group, "vm-100-disk-1", 40);
    model.write(&group, random);
    let mut below = ("vm-100-disk-1".to_owned(), "raw");
    for nth in 0..snapshots {
        let snapshot = format!("s{nth}x");
        let name = format!("vm-100-disk-1-snap-{snapshot}.qcow2");
        let (on, format) = &below;
        let on = if whole_paths {
            group.path(on)
        } else {
            on.into()
        };
        group.overlay(&name, (&on, format), model.size());
        model.snapshots.push((snapshot, model.disk.clone()));
        model.write(&group, random);
        below = (name, "qcow2");
    }
    let mut after = model.clone();
    after.volume += ".qcow2";
    (group, model, after)
}

#[test]
fn the_layout_of_2024_is_converted_by_renames() {
    let mut random = Random::new(7);
    for snapshots in 1..5 {
        let (group, before, after) = of_2024(&mut random, snapshots, true);
        assert_eq!(before.differs(&group), None);
        let plan = group.plan(&before.volume, &Wish::Convert).unwrap();
        assert_eq!(plan.bytes_moved, 0);
        assert_eq!(plan.result.volname.as_deref(), Some("vm-100-disk-1.qcow2"));
        run(&group, &plan);
        assert_eq!(after.differs(&group), None);
        assert!(group.diagnose(&after.volume).is_empty());
    }
}

#[test]
fn a_conversion_that_is_cut_off_goes_on() {
    let mut random = Random::new(8);
    let mut tally = Tally::default();
    for snapshots in [1, 3] {
        let (group, before, after) = of_2024(&mut random, snapshots, false);
        everywhere(
            &group,
            (&before, &after, &Wish::Convert),
            &mut random,
            &mut tally,
        );
    }
}

#[test]
fn an_adopted_volume_becomes_raw_again() {
    let mut random = Random::new(9);
    let mut tally = Tally::default();
    let group = Group::new(Scheme::LvmQcow2);
    let mut raw = Model::new(&group, "vm-100-disk-1", 40);
    raw.write(&group, &mut random);
    let mut adopted = raw.clone();
    adopted.volume += ".qcow2";
    everywhere(
        &group,
        (&raw, &adopted, &Wish::Adopt),
        &mut random,
        &mut tally,
    );
    run(&group, &group.plan(&raw.volume, &Wish::Adopt).unwrap());
    adopted.write(&group, &mut random);
    let mut after = adopted.clone();
    after.volume = raw.volume.clone();
    everywhere(
        &group,
        (&adopted, &after, &Wish::Unadopt),
        &mut random,
        &mut tally,
    );
    run(
        &group,
        &group.plan(&adopted.volume, &Wish::Unadopt).unwrap(),
    );
    assert_eq!(after.differs(&group), None);
    assert_eq!(group.names(), ["vm-100-disk-1"]);
}

#[test]
fn one_that_has_grown_would_show_what_lay_on_the_disk_before() {
    let mut random = Random::new(9);
    let group = Group::new(Scheme::LvmQcow2);
    let mut adopted = Model::new(&group, "vm-100-disk-1", 40);
    adopted.write(&group, &mut random);
    run(&group, &group.plan(&adopted.volume, &Wish::Adopt).unwrap());
    adopted.volume += ".qcow2";
    adopted.disk.resize(60, 0);
    let grow = Wish::Resize(adopted.size());
    run(&group, &group.plan(&adopted.volume, &grow).unwrap());
    let refused = group.plan(&adopted.volume, &Wish::Unadopt).unwrap_err();
    assert!(refused.to_string().contains("made larger"), "{refused}");
    assert_eq!(adopted.differs(&group), None);
}
