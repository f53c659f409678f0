//! Names of images, and the graph of a directory of hostile images that are listed under names of one
//! volume.

use std::os::unix::ffi::OsStrExt;

use pve_native_core::image::json::{Names, View};
use pve_native_core::io::Storage;
use pve_native_core::json::to_text;
use pve_native_core::snapshot::graph::{Graph, Listed, Place, Subject};
use pve_native_core::snapshot::names::Scheme;

use crate::directory;
use crate::input::Input;
use crate::plans;

/// The volume, and what its images can be called.
const VOLUMES: [&str; 2] = ["vm-100-disk-0.qcow2", "vm-100-disk-0"];
const NAMES: [&str; 14] = [
    "vm-100-disk-0.qcow2",
    "vm-100-disk-0",
    "vm-100-disk-0-snap-ab.qcow2",
    "vm-100-disk-0-snap-cd.qcow2",
    "vm-100-disk-0-snap-ab",
    "vm-100-disk-0-base",
    "new-vm-100-disk-0.qcow2",
    "del-7-vm-100-disk-0.qcow2",
    "snap-ab-vm-100-disk-0.qcow2",
    "snap-cd-vm-100-disk-0.qcow2",
    "vm-100-disk-0.qcow2.del",
    "snap_vm-100-disk-0_ab.qcow2",
    "snap_vm-100-disk-0_cd.qcow2",
    "vm-101-disk-0.qcow2",
];

/// What is understood of a name is formed the same; a graph is whole, the same for every order of
/// the listing, and can be shown.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let scheme = input.pick(Scheme::ALL);
    name(scheme, input.counted(60));
    let volume = input.pick(&VOLUMES).as_bytes();
    let Ok(subject) = Subject::new(scheme, volume, Some(b"store")) else {
        return;
    };
    directory::with(|place| {
        let mut listing: Vec<Listed> = (0..directory::FILES)
            .map(|file| {
                let letter = char::from(b'a' + file as u8).to_string();
                Listed {
                    name: input.pick(&NAMES).into(),
                    path: place.inside().join(letter).as_os_str().as_bytes().into(),
                    ..Listed::default()
                }
            })
            .collect();
        place.lay_out(&mut input);
        let read = |listing: &[Listed]| {
            let graph = Graph::from_volumes(&Storage::inline(), subject.clone(), listing);
            graph.expect("storage answers")
        };
        let graph = read(&listing);
        whole(&graph);
        plans::all(&mut input, &graph);
        listing.reverse();
        assert!(read(&listing) == graph, "the order of the listing counts");
        let top = place.top();
        let top = top.as_os_str().as_bytes();
        let chain = Graph::from_path(&Storage::inline(), subject.clone(), top, None);
        whole(&chain.expect("storage answers"));
    });
}

fn name(scheme: Scheme, name: &[u8]) {
    if let Some(image) = scheme.parse(name) {
        if let Ok(formed) = scheme.form(&image) {
            assert_eq!(formed.as_bytes(), name);
        }
        let member = scheme.parse_for(&image.volume, name);
        let member = member.expect("the volume knows its own images");
        assert_eq!((member.part, member.standing), (image.part, image.standing));
    }
}

fn whole(graph: &Graph) {
    let images = graph.images();
    for (index, image) in images.iter().enumerate() {
        let counted = |&parent: &usize| images[parent].children.contains(&index);
        assert!(image.parent.as_ref().is_none_or(counted));
    }
    for (order, &index) in graph.line().iter().enumerate() {
        assert!(
            matches!(images[index].place, Place::Line(o) if o == order)
                || images[index].place == Place::Cycle
        );
    }
    for name in graph.names() {
        let blockers = graph.blockers(name).expect("the snapshot is there");
        assert!(!blockers.contains(&name) || graph.names().len() < images.len());
    }
    let unseen = |c: char| c.is_control() && c != '\n';
    assert!(!graph.to_text().contains(unseen));
    assert!(!graph.to_dot().contains(unseen));
    let rows = graph
        .to_text()
        .lines()
        .filter(|l| l.starts_with(' '))
        .count();
    assert_eq!(rows, images.len());
    assert!(to_text(&View::new(graph, Names::Text)).is_ascii());
}
