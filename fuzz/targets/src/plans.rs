//! Plans and diagnoses: whatever the volume looks like, each step begins where the one before it has
//! ended. Here a listing has images of one volume that stand on each other in any way, as nobody would
//! have left them; `snapshots.rs` has images that are hostile themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt;

use pve_native_core::image::json::{Names, View};
use pve_native_core::io::Storage;
use pve_native_core::json::to_text;
use pve_native_core::snapshot::diagnosis::{Look, diagnose};
use pve_native_core::snapshot::graph::{Graph, Listed, Subject};
use pve_native_core::snapshot::names::{Scheme, SnapshotName};
use pve_native_core::snapshot::plan::{Plan, Preallocation, Site, States, Terms, Wish};

use crate::input::Input;
use crate::{directory, writer};

const TARGETS: [&str; 5] = [
    "vm-100-disk-1.qcow2",
    "vm-101-disk-0.qcow2",
    "vm-100-disk-1",
    "base-100-disk-0.qcow2",
    "../x",
];

/// The names of a volume's images, each layout's, and of its neighbours'.
const IMAGES: [&str; 12] = [
    "vm-100-disk-0.qcow2",
    "snap-ab-vm-100-disk-0.qcow2",
    "snap-cd-vm-100-disk-0.qcow2",
    "vm-100-disk-0.qcow2.new",
    "vm-100-disk-0.qcow2.del-0",
    "snap-ab-vm-100-disk-0.qcow2.new",
    "snap-cd-vm-100-disk-0.qcow2.del-1",
    "vm-101-disk-0.qcow2",
    "snap-ab-vm-101-disk-0.qcow2",
    "base-100-disk-0.qcow2",
    "other.qcow2",
    "gone.qcow2",
];
const LVM: [&str; 12] = [
    "vm-100-disk-0.qcow2",
    "vm-100-disk-0-snap-ab.qcow2",
    "vm-100-disk-0-snap-cd.qcow2",
    "new-vm-100-disk-0.qcow2",
    "del-0-vm-100-disk-0.qcow2",
    "new-vm-100-disk-0-snap-ab.qcow2",
    "del-1-vm-100-disk-0-snap-cd.qcow2",
    "vm-100-disk-0",
    "vm-100-disk-0-base",
    "vm-100-disk-0-snap-ab",
    "vm-101-disk-0.qcow2",
    "vm-101-disk-0-snap-ab.qcow2",
];

/// What an image stands on, with its recorded format, and the size of its disk in MiB.
type Images = BTreeMap<&'static str, (Option<(&'static str, &'static str)>, u64)>;

/// An input is such a listing, and what is asked of it.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let (scheme, names) = match input.flag() {
        true => (Scheme::LvmQcow2, &LVM),
        false => (Scheme::PveDir, &IMAGES),
    };
    let volume = match scheme == Scheme::LvmQcow2 && input.below(4) == 0 {
        true => "vm-100-disk-0",
        false => "vm-100-disk-0.qcow2",
    };
    let images = images(&mut input, names);
    directory::with(|place| {
        for name in LVM.iter().chain(&IMAGES) {
            // Most are not there.
            let _ = fs::remove_file(place.inside().join(name));
        }
        let mut listing = Vec::new();
        for (name, (backing, size)) in images {
            let path = place.inside().join(name);
            fs::write(&path, bytes(backing, size)).expect("room for an image");
            listing.push(Listed {
                name: name.into(),
                path: path.as_os_str().as_bytes().into(),
                size: input.pick(&[None, Some(1 << 20), Some(8 << 20)]),
                ..Listed::default()
            });
        }
        let subject = Subject::new(scheme, volume.as_bytes(), Some(b"san"));
        let subject = subject.expect("a volume's name");
        let graph = Graph::from_volumes(&Storage::inline(), subject, &listing);
        all(&mut input, &graph.expect("storage answers"));
    });
}

/// A volume with two snapshots, to which some things have been done.
fn images(input: &mut Input<'_>, names: &'static [&'static str; 12]) -> Images {
    let on = |index: usize| Some((names[index], "qcow2"));
    let mut images = Images::from([(names[0], (on(2), 1)), (names[2], (on(1), 1))]);
    images.insert(names[1], (None, 1));
    for _ in 0..input.below(7) {
        let (name, other) = (input.pick(names), input.pick(names));
        let backing = match input.below(8) {
            0 => None,
            1 => Some((other, "raw")),
            _ => Some((other, "qcow2")),
        };
        match (input.below(4), images.get(name).copied()) {
            (0, _) => drop(images.remove(name)),
            (1, Some(image)) => {
                images.remove(name);
                images.insert(other, image);
            }
            (2, Some((backing, _))) => {
                images.insert(name, (backing, input.pick(&[0, 1, 2, 3])));
            }
            (_, image) => {
                images.insert(name, (backing, image.map_or(1, |(_, size)| size)));
            }
        }
    }
    images
}

/// An empty image; none at all if its disk has no size.
fn bytes(backing: Option<(&str, &str)>, size: u64) -> Vec<u8> {
    if size == 0 {
        return vec![0; 4096];
    }
    let format = backing.map(|(_, format)| (writer::BACKING_FORMAT, format.as_bytes().to_vec()));
    let image = writer::Image {
        size: size << 20,
        backing: backing.map(|(name, _)| name.into()),
        extensions: format.into_iter().collect(),
        ..writer::Image::default()
    };
    image.build().bytes
}

/// No wish and no state makes them panic; what they say is consistent.
pub fn all(input: &mut Input<'_>, graph: &Graph) {
    let terms = terms(input);
    for wish in wishes(input, graph) {
        if let Ok(plan) = Plan::new(&Storage::inline(), graph, &wish, &terms) {
            sound(&plan, graph);
        }
    }
    let look = Look {
        check: input.flag(),
    };
    let found = diagnose(&Storage::inline(), graph, &terms, look).expect("storage answers");
    for diagnosis in &found {
        assert!(!diagnosis.message.contains(char::is_control));
        assert!(!diagnosis.certain || diagnosis.plan.is_some());
        if let Some(plan) = &diagnosis.plan {
            sound(plan, graph);
        }
        assert!(to_text(&View::new(diagnosis, Names::Text)).is_ascii());
    }
}

fn terms(input: &mut Input<'_>) -> Terms {
    let mut terms = Terms::default();
    terms.layout.cluster_bits = input.pick(&[17, 17, 9, 16, 21]);
    terms.layout.extended_l2 = terms.layout.cluster_bits >= 14 && input.flag();
    terms.extent_size = input.pick(&[4 << 20, 1, 512, 3 << 20, 1 << 63]);
    terms.free = input.pick(&[None, None, Some(0), Some(1 << 30), Some(u64::MAX)]);
    terms.put_aside = input.flag();
    if input.flag() {
        terms.preallocation = Preallocation::Metadata;
        terms.drive = Some("scsi0".into());
    }
    terms
}

fn wishes(input: &mut Input<'_>, graph: &Graph) -> Vec<Wish> {
    let found = |name: &[u8]| SnapshotName::found(std::str::from_utf8(name).ok()?);
    let mut names: Vec<SnapshotName> = graph.names().into_iter().filter_map(found).collect();
    names.extend(["ab", "zz"].into_iter().filter_map(SnapshotName::found));
    let some = names.iter().filter(|_| input.flag()).cloned().collect();
    let size = input.pick(&[0, 1 << 20, 5 << 20, 1 << 40, u64::MAX, !511, 1000]);
    let mut wishes = vec![
        Wish::Delete(some),
        Wish::Resize(size),
        Wish::Rename(input.pick(&TARGETS).into()),
        Wish::CreateBase,
        Wish::Adopt,
        Wish::Unadopt,
        Wish::Convert,
        Wish::Free,
    ];
    for name in names {
        wishes.push(Wish::Create(name.clone()));
        wishes.push(Wish::Rollback(name.clone()));
        wishes.push(Wish::Delete(vec![name]));
    }
    wishes
}

fn sound(plan: &Plan, graph: &Graph) {
    let mut now: States = BTreeMap::new();
    let ids: BTreeSet<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids.len(), plan.steps.len(), "two steps have one name");
    for step in &plan.steps {
        assert!(step.pre.keys().eq(step.post.keys()));
        let known = |name: &String| step.pre.contains_key(name);
        assert!(step.reads.iter().chain(&step.writes).all(known));
        assert!(ids.contains(step.on_failure.resume.as_str()));
        for (name, state) in &step.pre {
            assert!(now.get(name).is_none_or(|now| now == state), "{step:#?}");
        }
        now.extend(step.post.clone());
    }
    assert!(plan.seconds.is_finite());
    assert!(to_text(&View::new(plan, Names::Text)).is_ascii());
    let unseen = |c: char| c.is_control() && c != '\n';
    assert!(!plan.to_text().contains(unseen));
    let path = graph.images().first().map(|image| &image.path);
    let site = path.and_then(|path| Site::of(graph.subject().scheme(), path).ok());
    if let (Some(step), Some(site)) = (plan.steps.first(), site) {
        // The images do not have the names that they are listed under.
        let _ = step.check(&Storage::inline(), &site);
        let _ = plan.check_start(&Storage::inline(), &site);
    }
}
